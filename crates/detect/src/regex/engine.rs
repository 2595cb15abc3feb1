//! The two engines behind one face, and the memory of what was compiled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use regex_automata::meta;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::Flags;
use super::linear::means_the_same;

/// Most steps of a search by PCRE2, and deepest nesting of its backtracking, as in ClamAV. Stops expressions
/// that take exponential time on content that is made for it.
const BOUNDS: &str = "(*LIMIT_MATCH=100000)(*LIMIT_DEPTH=2000)(*LIMIT_HEAP=20000)";
/// Most bytes of an automaton; what is larger goes to PCRE2.
const MAX_AUTOMATON: usize = 4 << 20;
/// Bytes of states that an automaton may remember during a search.
const STATES: usize = 256 << 10;
/// Most expressions that stay compiled in each of two generations, and most bytes of those. Stops content that triggers all
/// of them from filling memory.
const MOST_KEPT: usize = 512;
const MOST_KEPT_BYTES: usize = 16 << 20;
/// Bytes that one of PCRE2 is taken to need, which does not tell.
const BACKTRACKING: usize = 16 << 10;

/// A compiled expression.
pub(crate) struct Compiled {
    engine: Engine,
    anchored: bool,
}

enum Engine {
    Linear(Box<meta::Regex>),
    Backtracking(Box<pcre2::bytes::Regex>),
}

/// A search took more steps than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooCostly;

impl Compiled {
    /// Compiles an expression; `anchored` if it must begin where its subject does.
    pub(super) fn new(text: &str, flags: Flags, anchored: bool) -> Result<Self, String> {
        let anchored = anchored || flags.has(Flags::ANCHORED);
        let linear = means_the_same(text, flags).then(|| linear(text, flags)).flatten();
        let engine = match linear {
            Some(regex) => Engine::Linear(Box::new(regex)),
            None => Engine::Backtracking(Box::new(backtracking(text, flags, anchored)?)),
        };
        Ok(Self { engine, anchored })
    }

    /// Bytes that it needs when it does not search.
    fn size(&self) -> usize {
        match &self.engine {
            Engine::Linear(regex) => regex.memory_usage(),
            Engine::Backtracking(_) => BACKTRACKING,
        }
    }

    /// Start and end of the first match in `subject` from `at` on.
    pub(super) fn find(&self, subject: &[u8], at: usize) -> Result<Option<(usize, usize)>, TooCostly> {
        let found = match &self.engine {
            Engine::Linear(regex) => {
                let anchored = if self.anchored { Anchored::Yes } else { Anchored::No };
                let found = regex.search(&Input::new(subject).range(at..).anchored(anchored));
                found.map(|found| (found.start(), found.end()))
            }
            Engine::Backtracking(regex) => {
                let found = regex.find_at(subject, at).map_err(|_| TooCostly)?;
                found.map(|found| (found.start(), found.end()))
            }
        };
        Ok(found)
    }
}

fn linear(text: &str, flags: Flags) -> Option<meta::Regex> {
    let syntax = syntax::Config::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(flags.has(Flags::CASELESS))
        .dot_matches_new_line(flags.has(Flags::DOT_ALL))
        .multi_line(flags.has(Flags::MULTI_LINE))
        .swap_greed(flags.has(Flags::UNGREEDY))
        .nest_limit(100);
    let config = meta::Config::new()
        .utf8_empty(false)
        .nfa_size_limit(Some(MAX_AUTOMATON))
        .hybrid_cache_capacity(STATES)
        // By default it asks the system for its processors, and a confined worker may not ask anything.
        .pool_capacity(1)
        .onepass(false)
        .dfa(false);
    meta::Builder::new().syntax(syntax).configure(config).build(text).ok()
}

fn backtracking(text: &str, flags: Flags, anchored: bool) -> Result<pcre2::bytes::Regex, String> {
    let text = if flags.has(Flags::DOLLAR_END_ONLY) { very_end(text) } else { text.to_owned() };
    let ungreedy = if flags.has(Flags::UNGREEDY) { "(?U)" } else { "" };
    let start = if anchored { r"\G" } else { "" };
    // A line end behind the text ends a comment in it.
    let end = if flags.has(Flags::EXTENDED) { "\n" } else { "" };
    let bounded = match text.starts_with("(*") {
        // Verbs may stand at the start of an expression only, behind other verbs.
        true => format!("{BOUNDS}{text}"),
        false => format!("{BOUNDS}{ungreedy}{start}(?:{text}{end})"),
    };
    pcre2::bytes::RegexBuilder::new()
        .caseless(flags.has(Flags::CASELESS))
        .dotall(flags.has(Flags::DOT_ALL))
        .multi_line(flags.has(Flags::MULTI_LINE))
        .extended(flags.has(Flags::EXTENDED))
        .build(&bounded)
        .map_err(|error| error.to_string())
}

/// The expression with `\z` for each `$` that is an assertion.
fn very_end(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut escaped, mut bracketed) = (false, false);
    for letter in text.chars() {
        match letter {
            '$' if !escaped && !bracketed => out.push_str(r"\z"),
            _ => out.push(letter),
        }
        bracketed = match letter {
            '[' if !escaped => true,
            ']' if !escaped => false,
            _ => bracketed,
        };
        escaped = letter == '\\' && !escaped;
    }
    out
}

/// Compiled expressions by their place in the database.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Generations>);

/// What was used of late, and what before that. Compiling costs a hundred times what a search costs, so what is in use has to
/// stay when there is too much.
#[derive(Default)]
struct Generations {
    young: Generation,
    old: Generation,
    /// Bytes of the young ones.
    bytes: usize,
}

type Generation = HashMap<(u32, bool), Arc<Compiled>>;

impl Cache {
    /// The expression of that place, compiled now if it is not there.
    pub(crate) fn get(
        &self,
        place: u32,
        anchored: bool,
        text: &str,
        flags: Flags,
    ) -> Result<Arc<Compiled>, String> {
        let key = (place, anchored);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = kept.young.get(&key) {
            return Ok(Arc::clone(compiled));
        }
        let compiled = match kept.old.remove(&key) {
            Some(compiled) => compiled,
            None => Arc::new(Compiled::new(text, flags, anchored)?),
        };
        kept.keep(key, Arc::clone(&compiled));
        Ok(compiled)
    }
}

impl Generations {
    fn keep(&mut self, key: (u32, bool), compiled: Arc<Compiled>) {
        let size = compiled.size();
        if self.young.len() >= MOST_KEPT || self.bytes.saturating_add(size) > MOST_KEPT_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(size);
        self.young.insert(key, compiled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_stays_compiled() {
        let cache = Cache::default();
        let get = |place: usize| {
            let place = u32::try_from(place).unwrap();
            cache.get(place, false, &format!("ab+{place}"), Flags::default()).unwrap()
        };
        let used = get(0);
        for place in 1..MOST_KEPT * 4 {
            get(place);
            assert!(Arc::ptr_eq(&used, &get(0)), "after {place}");
        }
        let kept = cache.0.lock().unwrap();
        assert!(kept.young.len() <= MOST_KEPT && kept.old.len() <= MOST_KEPT);
        assert!(kept.bytes <= MOST_KEPT_BYTES);
    }
}
