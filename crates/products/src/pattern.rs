//! Patterns of values: texts, globs and bounded regular expressions.

use std::borrow::Cow;

use candor_object::Attribute;
use regex::{Regex, RegexBuilder};

/// Longest pattern, in bytes.
const LONGEST: usize = 512;
/// Most bytes that a compiled regular expression takes.
const REGEX_SIZE: usize = 1 << 18;

/// What matches a value of an attribute, in the form that [`normal`] gives.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    kind: Kind,
    /// Matches from the beginning of any component of a path on.
    path: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Exact(String),
    Glob(String),
    Regex(Regex),
}

/// Whether values of an attribute are paths: `/` and `\` are the same, `*` stays in a component, and a pattern may
/// begin at any component.
fn is_path(attribute: Attribute) -> bool {
    matches!(attribute, Attribute::Path | Attribute::Key | Attribute::Url)
}

/// A value as patterns compare it: without case but for team identifiers, paths with `/`, hosts without a last dot.
pub(crate) fn normal(attribute: Attribute, value: &str) -> Cow<'_, str> {
    if attribute == Attribute::TeamId {
        return Cow::Borrowed(value);
    }
    let mut normal = if value.is_ascii() {
        if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(value.to_ascii_lowercase())
        } else {
            Cow::Borrowed(value)
        }
    } else {
        Cow::Owned(value.to_lowercase())
    };
    if is_path(attribute) && normal.contains('\\') {
        normal = Cow::Owned(normal.replace('\\', "/"));
    }
    match attribute {
        Attribute::Url => cut(normal, |url| url.find(['?', '#'])),
        Attribute::Host => cut(normal, |host| host.strip_suffix('.').map(str::len)),
        _ => normal,
    }
}

/// The text up to where `end` says, if it says so.
fn cut(text: Cow<'_, str>, end: impl Fn(&str) -> Option<usize>) -> Cow<'_, str> {
    match (end(&text), text) {
        (None, text) => text,
        (Some(end), Cow::Borrowed(text)) => Cow::Borrowed(&text[..end]),
        (Some(end), Cow::Owned(mut text)) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

impl Pattern {
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn new(attribute: Attribute, text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a pattern is longer than {LONGEST} bytes"));
        }
        let path = is_path(attribute);
        if let Some(expression) = text.strip_prefix("re:") {
            let regex = RegexBuilder::new(&format!("^(?:{expression})$"))
                .case_insensitive(attribute != Attribute::TeamId)
                .size_limit(REGEX_SIZE)
                .build()
                .map_err(|error| format!("{text:?} is no regular expression: {error}"))?;
            return Ok(Self { kind: Kind::Regex(regex), path: false });
        }
        let text = normal(attribute, text.trim());
        let text = if path { text.trim_start_matches('/') } else { &text };
        if text.chars().all(|character| matches!(character, '*' | '?' | '/')) {
            return Err(format!("{text:?} matches everything"));
        }
        let kind = match text.contains(['*', '?']) {
            true if path => Kind::Glob(format!("**/{text}")),
            true => Kind::Glob(text.to_owned()),
            false => Kind::Exact(text.to_owned()),
        };
        Ok(Self { kind, path })
    }

    /// Whether it matches a value that is in normal form.
    pub(crate) fn matches(&self, value: &str) -> bool {
        match &self.kind {
            Kind::Regex(regex) => regex.is_match(value),
            Kind::Exact(text) if self.path => value
                .strip_suffix(text.as_str())
                .is_some_and(|before| before.is_empty() || before.ends_with('/')),
            Kind::Exact(text) => value == text,
            Kind::Glob(glob) => matches(glob.as_bytes(), value.as_bytes(), self.path),
        }
    }

    /// What a value must be as a whole, if there is only one that matches.
    pub(crate) fn exact(&self) -> Option<&str> {
        match &self.kind {
            Kind::Exact(text) if !self.path => Some(text),
            _ => None,
        }
    }

    /// Text that is in every value that matches: the longest piece between wildcards.
    pub(crate) fn literal(&self) -> Option<&str> {
        match &self.kind {
            Kind::Exact(text) => Some(text),
            Kind::Glob(glob) => {
                glob.split(['*', '?']).max_by_key(|piece| piece.len()).filter(|piece| piece.len() > 2)
            }
            Kind::Regex(_) => None,
        }
    }
}

/// Wildcards: `?` is one byte, `*` any number. In paths neither is a `/`; `**/` is any number of components, `**` any
/// number of bytes. Going back only to the last star of each kind bounds the time by the product of both lengths.
fn matches(glob: &[u8], value: &[u8], path: bool) -> bool {
    let (mut g, mut v) = (0, 0);
    // Where to go on after the last star that stays in its component, and after the last that does not.
    let mut single: Option<(usize, usize)> = None;
    let mut double: Option<(usize, usize, bool)> = None;
    loop {
        let rest = &glob[g..];
        if path && rest.starts_with(b"**") {
            let components = rest.starts_with(b"**/") && (v == 0 || value.get(v - 1) == Some(&b'/'));
            g += if components { 3 } else { 2 };
            (double, single) = (Some((g, v, components)), None);
            continue;
        }
        if rest.first() == Some(&b'*') {
            g += 1;
            if path {
                single = Some((g, v));
            } else {
                double = Some((g, v, false));
            }
            continue;
        }
        match (rest.first(), value.get(v)) {
            (None, None) => return true,
            (Some(b'?'), Some(byte)) if !path || *byte != b'/' => (g, v) = (g + 1, v + 1),
            (Some(a), Some(b)) if a == b => (g, v) = (g + 1, v + 1),
            _ => {
                let again = single.filter(|(_, at)| value.get(*at).is_some_and(|byte| *byte != b'/'));
                if let Some((after, at)) = again {
                    single = Some((after, at + 1));
                    (g, v) = (after, at + 1);
                    continue;
                }
                let Some((after, at, components)) = double.filter(|(_, at, _)| *at < value.len()) else {
                    return false;
                };
                let next = if components {
                    let slash = value[at..].iter().position(|byte| *byte == b'/');
                    let Some(slash) = slash else { return false };
                    at + slash + 1
                } else {
                    at + 1
                };
                (double, single) = (Some((after, next, components)), None);
                (g, v) = (after, next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(attribute: Attribute, pattern: &str, value: &str) -> bool {
        Pattern::new(attribute, pattern).unwrap().matches(&normal(attribute, value))
    }

    #[test]
    fn names_are_compared_as_a_whole_and_without_case() {
        assert!(check(Attribute::Name, "kesl", "KESL"));
        assert!(!check(Attribute::Name, "kesl", "keslx"));
        assert!(check(Attribute::Name, "kesl*", "kesl-gui"));
        assert!(check(Attribute::Name, "АО «Лаборатория*", "ао «лаборатория Касперского»"));
        assert!(!check(Attribute::TeamId, "2Y8XE5CQ94", "2y8xe5cq94"));
        assert!(check(Attribute::Host, "*.kaspersky-labs.com", "ksn.KASPERSKY-labs.com."));
        assert!(!check(Attribute::Host, "*.kaspersky-labs.com", "kaspersky-labs.com.evil.example"));
    }

    #[test]
    fn paths_begin_at_any_component_and_a_star_stays_in_one() {
        let path = |pattern, value| check(Attribute::Path, pattern, value);
        assert!(path("opt/kaspersky/kesl/bin/kesl-control", "/mnt/root/opt/kaspersky/kesl/bin/kesl-control"));
        assert!(!path("opt/kaspersky/kesl", "/xopt/kaspersky/kesl"));
        assert!(path("Kaspersky Lab/*/avp.exe", r"C:\Program Files\Kaspersky Lab\KES 12\avp.exe"));
        assert!(!path("Kaspersky Lab/*/avp.exe", "Kaspersky Lab/a/b/avp.exe"));
        assert!(path("Kaspersky Lab/**/avp.exe", "Kaspersky Lab/a/b/avp.exe"));
        assert!(path("Kaspersky Lab/**/avp.exe", "Kaspersky Lab/avp.exe"));
        assert!(path("bases/**", "x/bases/data/u1313g.xml"));
        assert!(check(
            Attribute::Key,
            r"re:(?:.*[/])?kasperskylab[/](?:protected[/])?(?:avp|kes)[0-9.]*[/]environment",
            r"HKLM\SOFTWARE\KasperskyLab\protected\AVP21.3\environment"
        ));
        assert!(check(
            Attribute::Url,
            "index/u1313g.xml",
            "http://kav8.zonealarm.com/v6/index/u1313g.xml?x=1"
        ));
    }

    #[test]
    fn what_matches_everything_or_is_too_big_is_refused() {
        for pattern in ["*", "**/*", "re:(((a{99}){99}){99}){99}", "re:("] {
            assert!(Pattern::new(Attribute::Path, pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::new(Attribute::Name, &"a".repeat(LONGEST + 1)).is_err());
    }

    #[test]
    fn hostile_values_take_no_time() {
        let glob = "*a*a*a*a*a*a*a*a*a*a*a*b";
        let value = "a".repeat(4096);
        assert!(!check(Attribute::Name, glob, &value));
        assert!(!check(Attribute::Path, &format!("x/{glob}"), &format!("x/{value}")));
    }

    proptest! {
        #[test]
        fn globs_are_what_the_regular_expression_is(glob in "[ab*?]{1,8}", value in "[ab]{0,10}") {
            prop_assume!(!glob.chars().all(|c| "*?".contains(c)));
            let regex = glob.replace('*', ".*").replace('?', ".");
            let expected = Regex::new(&format!("^{regex}$")).unwrap().is_match(&value);
            prop_assert_eq!(check(Attribute::Name, &glob, &value), expected);
        }

        #[test]
        fn path_globs_are_what_the_regular_expression_is(glob in "[ab]([ab*?/]|[*][*]){0,6}", value in "[ab/]{0,10}") {
            let regex = glob.replace("***", "**").replace("**/", "\u{1}").replace("**", "\u{2}").replace('*', "[^/]*").replace('?', "[^/]");
            let regex = regex.replace('\u{1}', "(?:.*/)?").replace('\u{2}', ".*");
            // A double star in the middle of a component is not meant by anybody.
            prop_assume!(!glob.contains("***") && !glob.replace("/**/", "").contains("**"));
            let expected = Regex::new(&format!("^(?:.*/)?{regex}$")).unwrap().is_match(&value);
            prop_assert_eq!(check(Attribute::Path, &glob, &value), expected, "{}", regex);
        }
    }
}
