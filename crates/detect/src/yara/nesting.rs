//! How deep expressions of rules nest. The parser counts brackets only: of `not not not …` and of `1 + 1 + 1 + …` it
//! makes a tree of any depth, and whatever walks through that, be it to forget it, exhausts the stack.

/// Deepest nesting of operators and brackets.
const MAX_NESTING: usize = 64;

/// Whether an expression in a text nests deeper than any that people write.
pub fn is_too_deep(text: &str) -> bool {
    let mut tokens = Tokens(text.as_bytes());
    let mut level = Level::default();
    // Levels around this one, and how deep the last of them lies.
    let mut around: Vec<Level> = Vec::new();
    let mut outside = 0_usize;
    let mut before: &[u8] = b"";
    while let Some(token) = tokens.next() {
        match token {
            b"(" | b"[" => {
                outside = outside.saturating_add(level.pending).saturating_add(1);
                around.push(std::mem::take(&mut level));
            }
            b")" | b"]" => {
                let inside = level.deepest.max(level.depth).saturating_add(1);
                level = around.pop().unwrap_or_default();
                outside = outside.saturating_sub(level.pending).saturating_sub(1);
                level.depth = level.depth.max(inside.saturating_add(level.pending));
                level.pending = 0;
            }
            // A hexadecimal string, which the parser itself bounds.
            b"{" if before == b"=" => while tokens.next().is_some_and(|token| token != b"}") {},
            // What is left open ends with its rule.
            b"{" | b"}" => {
                around.clear();
                (level, outside) = (Level::default(), 0);
            }
            // Their operands lie beside each other.
            b"and" | b"or" | b"," | b":" => level.part(),
            _ if is_operator(token, before) => level.operator(),
            _ => level.pending = 0,
        }
        if outside.saturating_add(level.depth) > MAX_NESTING {
            return true;
        }
        before = token;
    }
    false
}

/// What lies between two brackets.
#[derive(Default)]
struct Level {
    /// Depth of the part that is read: of two operators, one holds the other.
    depth: usize,
    /// Operators since the last operand.
    pending: usize,
    /// Depth of the deepest part.
    deepest: usize,
}

impl Level {
    fn operator(&mut self) {
        (self.depth, self.pending) = (self.depth.saturating_add(1), self.pending.saturating_add(1));
    }

    fn part(&mut self) {
        self.deepest = self.deepest.max(self.depth);
        (self.depth, self.pending) = (0, 0);
    }
}

/// Whether a token is an operator, but not the second half of one.
fn is_operator(token: &[u8], before: &[u8]) -> bool {
    match token {
        b"not" | b"defined" | b"contains" | b"icontains" | b"startswith" | b"istartswith" | b"endswith"
        | b"iendswith" | b"iequals" | b"matches" => true,
        b"-" | b"~" | b"+" | b"*" | b"\\" | b"%" | b"|" | b"^" | b"&" => true,
        b"<" | b">" => before != token,
        b"=" => matches!(before, b"=" | b"!"),
        _ => false,
    }
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

    /// Bytes of a text or a regular expression. As the parser has it, a text may hold ends of lines.
    fn quoted(&self, quote: u8) -> usize {
        let mut at = 1_usize;
        while let Some(byte) = self.0.get(at) {
            at = at.saturating_add(if *byte == b'\\' { 2 } else { 1 });
            if *byte == quote || (quote == b'/' && *byte == b'\n') {
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
    fn each_operator_holds_those_before_it() {
        let rule = |condition: &str| is_too_deep(&format!("rule a {{ condition: {condition} }}"));
        for operator in
            ["+", "-", "*", "\\", "%", "|", "^", "&", "<<", ">>", "<", ">", "==", "!=", " contains "]
        {
            let chain = |count: usize| format!("1{}", format!("{operator}1").repeat(count));
            assert!(!rule(&chain(60)), "{operator}");
            assert!(rule(&chain(70)), "{operator}");
            assert!(
                !rule(&format!("({}) and {} or pe.f({})", chain(40), chain(40), chain(40))),
                "{operator}"
            );
            assert!(rule(&format!("((({})+{})+{}) == 1", chain(20), chain(20), chain(20))), "{operator}");
        }
        assert!(rule(&format!("\"a\n\" == \"\"{}", "+1".repeat(70))));
        assert!(rule(&format!("{}1{}", "(".repeat(20), "+1+1+1+1)".repeat(20))));
        assert!(!rule(&"uint16(0) == 0x5a4d and (1 + 2) < #a or ".repeat(1000)));
    }

    #[test]
    fn strings_do_not_count() {
        let hex =
            format!("$a = {{ 41 ( {} 43 ) [1-3] {} }} $b = \"\" ", "41 | ".repeat(100), "~41 ".repeat(100));
        assert!(!is_too_deep(&format!("rule a {{ strings: {} condition: $a }}", hex.repeat(100))));
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
