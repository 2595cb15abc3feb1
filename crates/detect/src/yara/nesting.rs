//! How deep expressions of rules nest. The parser counts parentheses, and not operators before an operand, on
//! which it calls itself as well: `not not not …` would exhaust its stack.

/// Deepest nesting of operators and brackets.
const MAX_NESTING: usize = 64;

/// Whether an expression in a text nests deeper than any that people write.
pub fn is_too_deep(text: &str) -> bool {
    let mut tokens = Tokens(text.as_bytes());
    // Operators before each bracket that is open, with the bracket; and those since the last of them.
    let mut open: Vec<usize> = Vec::new();
    let (mut before, mut run) = (0_usize, 0_usize);
    while let Some(token) = tokens.next() {
        match token {
            b"not" | b"defined" | b"-" | b"~" => run = run.saturating_add(1),
            b"(" | b"[" => {
                let level = run.saturating_add(1);
                open.push(level);
                (before, run) = (before.saturating_add(level), 0);
            }
            b")" | b"]" => (before, run) = (before.saturating_sub(open.pop().unwrap_or(0)), 0),
            // What is left open ends with its section.
            b"{" | b"}" => {
                open.clear();
                (before, run) = (0, 0);
            }
            _ => run = 0,
        }
        if before.saturating_add(run) > MAX_NESTING {
            return true;
        }
    }
    false
}

/// Words, and single bytes that are none; texts, regular expressions and comments are passed over.
struct Tokens<'t>(&'t [u8]);

impl<'t> Tokens<'t> {
    fn next(&mut self) -> Option<&'t [u8]> {
        loop {
            let length = match self.0 {
                [] => return None,
                [b'/', b'/', ..] => self.until(|rest| rest.starts_with(b"\n"), 0),
                [b'/', b'*', ..] => self.until(|rest| rest.starts_with(b"*/"), 2),
                [quote @ (b'"' | b'/'), ..] => {
                    let length = self.quoted(*quote);
                    self.take(length);
                    return Some(b"\"");
                }
                [byte, ..] if byte.is_ascii_whitespace() => 1,
                _ => {
                    let word =
                        self.0.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
                    return Some(self.take(word.count().max(1)));
                }
            };
            self.take(length);
        }
    }

    fn take(&mut self, length: usize) -> &'t [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Bytes up to what is found, and so many more.
    fn until(&self, found: impl Fn(&[u8]) -> bool, more: usize) -> usize {
        let places = 2..self.0.len();
        let end = places.into_iter().find(|at| self.0.get(*at..).is_some_and(&found));
        end.map_or(self.0.len(), |end| end.saturating_add(more))
    }

    /// Bytes of a text or a regular expression; a broken one ends with its line.
    fn quoted(&self, quote: u8) -> usize {
        let mut at = 1_usize;
        while let Some(byte) = self.0.get(at) {
            at = at.saturating_add(if *byte == b'\\' { 2 } else { 1 });
            if *byte == quote || *byte == b'\n' {
                break;
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_and_brackets_count_together() {
        let not = |count: usize| "not ".repeat(count);
        assert!(!is_too_deep(&format!("rule a {{ condition: {}true }}", not(60))));
        assert!(is_too_deep(&format!("rule a {{ condition: {}true }}", not(70))));
        let nested = format!("{}(", not(9)).repeat(8);
        assert!(is_too_deep(&format!("rule a {{ condition: {nested}true }}")));
        let beside = format!("({}true) and ", not(9)).repeat(100);
        assert!(!is_too_deep(&format!("rule a {{ condition: {beside}true }}")));
        assert!(is_too_deep(&format!("rule a {{ condition: {}1 == 1 }}", "-~".repeat(40))));
    }

    #[test]
    fn texts_and_comments_do_not_count() {
        let many = "(".repeat(100);
        for text in [
            format!("$a = \"{many}\\\"{many}\""),
            format!("$a = /{many}\\/{many}/"),
            format!("// {many}\n true"),
            format!("/* {many} */ true"),
        ] {
            assert!(!is_too_deep(&text), "{text}");
        }
        assert!(is_too_deep(&format!("/* */ {many}")));
    }
}
