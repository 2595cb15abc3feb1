//! `boreal`: how it is set up, and the memory of what was compiled.

use std::sync::{Arc, Mutex, PoisonError};

use boreal::compiler::{Compiler, CompilerBuilder, CompilerParams};
use boreal::module;
use boreal::scanner::Scanner;

use super::nesting::is_too_deep;
use super::section::{RuleTables, UnitRecord};
use crate::Error;

/// Deepest nesting of conditions, and of parentheses in strings. Stops rules made to exhaust the stack.
const MAX_DEPTH: u8 = 40;
/// Most strings of a rule, as in YARA.
const MAX_STRINGS: usize = 10_000;
/// Most bytes of text of the sets that stay compiled; each byte becomes some hundred. Stops content that asks
/// for all rules from filling memory.
const MAX_KEPT_TEXT: usize = 2 << 20;
/// Most sets that stay compiled: each takes memory however short it is.
const MAX_KEPT: usize = 128;

/// Compiles rules one by one and forgets them: tells what is wrong with them when a database is built.
pub struct Checker(Compiler);

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The engine's word for it, one line.
    pub reason: String,
    /// Where in the text.
    pub offset: usize,
}

impl Default for Checker {
    fn default() -> Self {
        Self(compiler(|_| true))
    }
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Checker")
    }
}

impl Checker {
    /// Adds a text of imports and rules, which may refer to those before.
    ///
    /// # Errors
    /// Why it cannot be used. What came before in the text stays.
    pub fn add(&mut self, text: &str) -> Result<(), Fault> {
        if is_too_deep(text) {
            return Err(Fault { reason: "the condition nests too deeply".to_owned(), offset: 0 });
        }
        let result = self.0.add_rules_str(text);
        result.map(drop).map_err(|error| {
            let diagnostic = error.to_diagnostic();
            let place = diagnostic.labels.first();
            let said = place.map(|label| label.message.trim()).filter(|said| !said.is_empty());
            let reason = match said {
                Some(said) if said != diagnostic.message => format!("{}: {said}", diagnostic.message),
                _ => diagnostic.message.clone(),
            };
            Fault {
                reason: reason.lines().collect::<Vec<_>>().join(" "),
                offset: place.map_or(0, |label| label.range.start),
            }
        })
    }
}

/// A compiler with those modules that are wanted. There are none that look beyond the content, and `console`
/// and `cuckoo`, which need more than a file, are left out.
fn compiler(wanted: impl Fn(&str) -> bool) -> Compiler {
    let mut builder = CompilerBuilder::default();
    macro_rules! modules {
        ($($name:literal => $module:expr,)*) => {
            $(if wanted($name) {
                builder = builder.add_module($module);
            })*
        };
    }
    modules! {
        "dex" => module::Dex,
        "dotnet" => module::Dotnet,
        "elf" => module::Elf,
        "hash" => module::Hash,
        "macho" => module::MachO,
        "math" => module::Math,
        "pe" => module::Pe,
        "string" => module::String_,
        "time" => module::Time,
    }
    let mut compiler = builder.build();
    compiler.set_params(
        CompilerParams::default()
            .disable_includes(true)
            .max_condition_depth(u32::from(MAX_DEPTH))
            .max_strings_per_rule(MAX_STRINGS)
            .parse_expression_recursion_limit(MAX_DEPTH)
            .parse_string_recursion_limit(MAX_DEPTH),
    );
    compiler
}

/// The modules that a text imports in its first lines.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map_while(|line| line.strip_prefix("import \"")?.strip_suffix('"'))
}

/// Sets that were compiled, the one used last at the end.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Vec<Kept>>);

struct Kept {
    set: u32,
    /// Bytes of its text.
    size: usize,
    scanner: Arc<Scanner>,
}

impl Cache {
    /// The set and the bytes of its text, compiled now if it is not there. The namespace of a unit is its number in the set.
    pub(crate) fn get(
        &self,
        tables: &RuleTables<'_>,
        set: u32,
        units: &[UnitRecord],
    ) -> Result<(Arc<Scanner>, usize), Error> {
        if let Some(kept) = self.kept(set) {
            return Ok(kept);
        }
        // Others need not wait for this; at worst two compile the same.
        let (scanner, size) = compile(tables, units)?;
        let scanner = Arc::new(scanner);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.set != set);
        all.push(Kept { set, size, scanner: Arc::clone(&scanner) });
        let (mut count, mut text) = (0_usize, 0_usize);
        let first = all.iter().rposition(|kept| {
            (count, text) = (count.saturating_add(1), text.saturating_add(kept.size));
            // The one that was just compiled stays, however long it is.
            count > 1 && (count > MAX_KEPT || text > MAX_KEPT_TEXT)
        });
        if let Some(first) = first {
            all.drain(..=first);
        }
        Ok((scanner, size))
    }

    fn kept(&self, set: u32) -> Option<(Arc<Scanner>, usize)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = all.iter().rposition(|kept| kept.set == set)?;
        let kept = all.remove(place);
        let found = (Arc::clone(&kept.scanner), kept.size);
        all.push(kept);
        Some(found)
    }
}

fn compile(tables: &RuleTables<'_>, units: &[UnitRecord]) -> Result<(Scanner, usize), Error> {
    let mut texts = Vec::new();
    let mut size = 0_usize;
    for unit in units {
        let text = tables.text(unit)?;
        size = size.saturating_add(text.len());
        if text.len() > super::MAX_UNIT || size > MAX_SET || is_too_deep(text) {
            return Err(Error::Damaged("a set of rules is too long or too deep"));
        }
        texts.push(text);
    }
    let mut compiler = compiler(|name| texts.iter().any(|text| imports(text).any(|import| import == name)));
    for (number, text) in texts.iter().enumerate() {
        compiler
            .add_rules_str_in_namespace(text, number.to_string())
            .map_err(|_| Error::Damaged("a rule cannot be compiled"))?;
    }
    Ok((compiler.finalize(), size))
}

/// Most bytes of text of a set, as of a unit: stops a damaged database from keeping a compiler busy.
const MAX_SET: usize = 16 << 20;
