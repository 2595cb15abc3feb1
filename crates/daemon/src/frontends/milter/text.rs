//! Hostile text on its way into header fields and SMTP replies, and the template of a reply.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// Lines of a reply's template; libmilter allows 32, and nobody reads them.
const MAX_LINES: usize = 8;
/// Characters of a template's line. RFC 5321 section 4.5.3.1.5 ends reply lines at 512 octets.
const MAX_LINE: usize = 200;

/// Printable ASCII as it is, a question mark for everything else; at most `most` characters.
pub(super) fn printable(text: &str, most: usize) -> String {
    let mut line = String::new();
    for (count, character) in text.chars().enumerate() {
        if count >= most {
            line.push_str("...");
            break;
        }
        line.push(if matches!(character, ' '..='~') { character } else { '?' });
    }
    line
}

/// Names in one line, with the number of those for which there is no room.
pub(super) fn list(names: &[&str], most: usize) -> String {
    let mut line = String::new();
    for (count, name) in names.iter().take(most).enumerate() {
        line.push_str(if count > 0 { ", " } else { "" });
        line.push_str(&printable(name, 100));
    }
    if names.len() > most {
        // Writing to a string cannot fail.
        let _ = write!(line, " and {} more", names.len() - most);
    }
    line
}

/// What a sender is told: text with `{names}`, `{verdict}` and `{queue}` in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Template(String);

impl Default for Template {
    fn default() -> Self {
        Self("this message was not accepted: {names}".to_owned())
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.chars().all(|character| matches!(character, '\n' | ' '..='~') && character != '%') {
            return Err("a reply is printable ASCII without \"%\"".to_owned());
        }
        if text.lines().count() > MAX_LINES || text.lines().any(|line| line.len() > MAX_LINE) {
            return Err(format!("a reply has at most {MAX_LINES} lines of {MAX_LINE} characters"));
        }
        if text.lines().all(str::is_empty) {
            return Err("a reply has a text".to_owned());
        }
        let known = text.replace("{names}", "").replace("{verdict}", "").replace("{queue}", "");
        if known.contains(['{', '}']) {
            return Err("a reply knows {names}, {verdict} and {queue} only".to_owned());
        }
        Ok(Self(text))
    }
}

impl Template {
    /// The lines, filled in. Values are taken as they are: a name that reads `{queue}` stays that.
    pub(super) fn lines(&self, names: &[&str], verdict: &str, queue: &str) -> Vec<String> {
        let fill = |line: &str| {
            let mut filled = String::new();
            let mut rest = line;
            while let Some((before, behind)) = rest.split_once('{') {
                filled.push_str(before);
                let (key, behind) = behind.split_once('}').unwrap_or((behind, ""));
                match key {
                    "names" => filled.push_str(&list(names, 3)),
                    "verdict" => filled.push_str(verdict),
                    _ => filled.push_str(&printable(queue, 64)),
                }
                rest = behind;
            }
            filled + rest
        };
        self.0.lines().map(fill).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_harmless() {
        assert_eq!(printable("a\r\nB: c\0\u{202e}é", 100), "a??B: c???");
        assert_eq!(printable("abcdef", 3), "abc...");
        assert_eq!(list(&["a", "b\n", "c"], 2), "a, b? and 1 more");
        assert_eq!(list(&[], 2), "");
    }

    #[test]
    fn templates_are_filled_in_once() {
        let template = Template::try_from("no: {names}\n{verdict}{queue}!".to_owned()).unwrap();
        let lines = template.lines(&["{queue}", "x\ry"], "malicious", "4F\n1");
        assert_eq!(lines, ["no: {queue}, x?y", "malicious4F?1!"]);
        assert_eq!(Template::default().lines(&["X"], "", "")[0], "this message was not accepted: X");
    }

    #[test]
    fn wrong_templates_are_refused() {
        let long = "x".repeat(201);
        let many = "x\n".repeat(9);
        for wrong in ["", "\n", "100 %", "a\rb", "{name}", "{names", "}", "größe", &long, &many] {
            assert!(Template::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
