//! YARA rules, in the language of YARA and of YARA-X as far as `boreal` runs it.
//!
//! A file is split into its parts (`split`), each rule is checked and read, and what must be true for it to
//! match is derived from its condition (`condition`, `need`) and its strings (`rows`, `regex`). From that come
//! the logical signatures that say when the rule is run (`plan`). Rules of which no string must be there share
//! a set with others of the same guard (`shared`): one scan answers for all of them.

mod clamav;
mod condition;
mod include;
mod meta;
mod need;
mod plan;
mod regex;
mod rows;
mod rule;
mod shared;
mod split;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use candor_detect::pattern::Pattern;
use candor_detect::yara::{Checker, MAX_UNIT, Rule, RuleSet, RuleUnit};

use crate::Language;
use crate::output::Output;
use crate::problem::Complaint;
use need::{Need, StringId};
use rule::Loaded;
use split::Part;

pub(crate) use shared::Shared;

/// Longest rule file in bytes; the largest public collections have a few million.
const MAX_FILE: u64 = 32 << 20;

/// Most bytes that all sets of one file take: each holds the rules that it refers to once more.
const MAX_WRITTEN: usize = 256 << 20;

/// Files of YARA rules.
pub(crate) struct Yara;

impl Language for Yara {
    fn name(&self) -> &'static str {
        "YARA"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["yar", "yara"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        let text = match crate::sources::whole(text, MAX_FILE) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                output.problem(1, Complaint::malformed(format!("the file is {error}")));
                return Ok(());
            }
            other => other?,
        };
        let mut file = File::default();
        let source = output.source().to_owned();
        let folder = output.folder.map(PathBuf::from);
        file.read(&text, &source, &include::Place::new(folder), output);
        file.finish(output);
        Ok(())
    }
}

/// The rules of a file and of those that it includes: one namespace.
#[derive(Default)]
struct File {
    checker: Checker,
    modules: Vec<String>,
    rules: Vec<Loaded>,
    /// What each rule needs, by name.
    needs: BTreeMap<String, Need>,
    numbers: BTreeMap<String, usize>,
    included: usize,
}

impl File {
    /// Reads the parts of a text in their order.
    fn read(&mut self, text: &[u8], source: &str, place: &include::Place, output: &mut Output<'_>) {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let lines = Lines::new(text);
        for part in split::split(text) {
            let (at, result) = match part {
                Part::Import(range) => {
                    (range.start, self.import(text.get(range).unwrap_or_default(), output))
                }
                Part::Include(range) => {
                    (range.start, self.include(text.get(range).unwrap_or_default(), place, output))
                }
                Part::Rule(part) => {
                    let start = part.all.start;
                    match Loaded::read(text, &part, source, output.clamav) {
                        Ok(loaded) => match self.add(loaded, output) {
                            Ok(()) => continue,
                            Err((offset, complaint)) => (offset, Err(complaint)),
                        },
                        Err((offset, complaint)) => (offset.max(start), Err(complaint)),
                    }
                }
                Part::Unknown(at) => {
                    (at, Err(Complaint::malformed("expected a rule, an import or an include")))
                }
            };
            if let Err(complaint) = result {
                output.problem_in(source, lines.line(at), complaint);
            }
        }
    }

    fn import(&mut self, name: &[u8], output: &Output<'_>) -> Result<(), Complaint> {
        // ClamAV takes imports and knows none of the modules.
        if output.clamav {
            return Ok(());
        }
        let name = String::from_utf8_lossy(name);
        let known = self.checker.add(&format!("import \"{name}\""));
        known.map_err(|_| Complaint::unsupported(format!("the module {name:?}")))?;
        if !self.modules.iter().any(|known| *known == name) {
            self.modules.push(name.into_owned());
        }
        Ok(())
    }

    fn include(
        &mut self,
        path: &[u8],
        place: &include::Place,
        output: &mut Output<'_>,
    ) -> Result<(), Complaint> {
        if self.included >= include::MAX_FILES {
            return Err(Complaint::malformed(format!("more than {} files are included", include::MAX_FILES)));
        }
        self.included = self.included.saturating_add(1);
        let included = place.open(path)?;
        self.read(&included.text, &included.name, &included.place, output);
        Ok(())
    }

    /// Adds a rule that is in order; otherwise where it is wrong, and why.
    fn add(&mut self, mut rule: Loaded, output: &Output<'_>) -> Result<(), (usize, Complaint)> {
        self.checker
            .add(&rule.text)
            .map_err(|fault| (rule.position(fault.offset), Complaint::malformed(fault.reason)))?;
        let ignored = output.admit(rule.shown());
        rule.silent = rule.is_private || ignored.is_err();
        let start = rule.position(0);
        let number = self.rules.len();
        let usable: Vec<(String, bool)> = rule
            .strings
            .iter()
            .map(|string| (string.name.clone(), rows::patterns(string, None).is_some()))
            .collect();
        let known = condition::Known {
            strings: &usable,
            plain: &|string| rule.strings.get(string).and_then(rows::plain),
            rule: number,
            rules: &self.needs,
            modules: &self.modules,
        };
        (rule.need, rule.literals) = condition::need(&known, &rule.condition);
        self.needs.insert(rule.name.clone(), rule.need.clone());
        self.numbers.insert(rule.name.clone(), number);
        self.rules.push(rule);
        ignored.map_err(|complaint| (start, complaint))
    }

    /// Writes what was read.
    fn finish(self, output: &mut Output<'_>) {
        let rules = self.rules.iter().enumerate();
        let globals: Vec<usize> =
            rules.filter(|(_, rule)| rule.is_global).map(|(number, _)| number).collect();
        let mut written = 0_usize;
        let global_need =
            || globals.iter().filter_map(|number| self.rules.get(*number)).map(|rule| rule.need.clone());
        let patterns = |id: StringId| self.patterns(id);
        let mut guarded: BTreeMap<String, (Need, BTreeSet<usize>)> = BTreeMap::new();
        for (number, rule) in self.rules.iter().enumerate().filter(|(_, rule)| !rule.silent) {
            let needed = need::all(global_need().chain([rule.need.clone()]));
            let (needed, size) = needed.split_size();
            if !plan::has_start(&needed, &patterns) {
                let guard = needed.without_strings();
                guarded
                    .entry(format!("{guard:?}"))
                    .or_insert_with(|| (guard, BTreeSet::new()))
                    .1
                    .insert(number);
                continue;
            }
            let Some(unit) = self.unit(&[number].into(), &globals) else {
                output.problem_in(&rule.source, 0, too_long(rule.shown()));
                continue;
            };
            written = written.saturating_add(unit.text.len());
            if written > MAX_WRITTEN {
                output.problem_in(&rule.source, 0, too_long(rule.shown()));
                break;
            }
            if !output.yara.is_new(&unit) {
                continue;
            }
            let set = output.compiler.rules(&RuleSet { units: vec![unit] });
            for signature in plan::signatures((rule.shown(), &rule.source), &needed, size, &patterns, set) {
                output.compiler.logical(&signature);
            }
        }
        for (need, numbers) in guarded.into_values() {
            match self.unit(&numbers, &globals) {
                Some(unit) => output.yara.add(need, unit),
                None => output.problem(0, too_long("rules without strings")),
            }
        }
    }

    fn patterns(&self, id: StringId) -> Vec<Pattern> {
        let Some(rule) = self.rules.get(id.rule) else { return Vec::new() };
        match rule.strings.get(id.string) {
            Some(string) => rows::patterns(string, id.at).unwrap_or_default(),
            None => {
                let literal = rule.literals.get(id.string.saturating_sub(rule.strings.len()));
                literal.map(|bytes| rows::literal(bytes)).into_iter().collect()
            }
        }
    }

    /// These rules with all that they need; none if that is too long.
    fn unit(&self, reported: &BTreeSet<usize>, globals: &[usize]) -> Option<RuleUnit> {
        let mut all = BTreeSet::new();
        let mut open: Vec<usize> = reported.iter().chain(globals).copied().collect();
        while let Some(number) = open.pop() {
            if all.insert(number)
                && let Some(rule) = self.rules.get(number)
            {
                open.extend(rule.named(&self.numbers).filter(|named| *named < number));
            }
        }
        let rules = || all.iter().filter_map(|number| self.rules.get(*number));
        let mut text = String::new();
        for module in &self.modules {
            if rules().any(|rule| rule.text.contains(&format!("{module}."))) {
                text.push_str(&format!("import \"{module}\"\n"));
            }
        }
        for rule in rules() {
            text.push_str(&rule.text);
            text.push('\n');
            if text.len() > MAX_UNIT {
                return None;
            }
        }
        let said = |rule: &Loaded| Rule {
            name: rule.shown().to_owned(),
            source: rule.source.clone(),
            text: rule.meta.text.clone(),
            category: rule.meta.category,
            strength: rule.meta.strength,
        };
        let rules = reported.iter().filter_map(|number| self.rules.get(*number)).map(said).collect();
        Some(RuleUnit { text, rules })
    }
}

fn too_long(name: &str) -> Complaint {
    Complaint::unsupported(format!("{name}: with all that it refers to more than {MAX_UNIT} bytes"))
}

/// Line numbers of places in a text.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &[u8]) -> Self {
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Self(ends.map(|(at, _)| at).collect())
    }

    /// The line of a place, counted from 1.
    fn line(&self, at: usize) -> u64 {
        (self.0.partition_point(|end| *end < at) as u64).saturating_add(1)
    }
}
