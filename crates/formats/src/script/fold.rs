//! Folds constant expressions of scripts: strings that are put together, turned round, replaced and decoded.
//!
//! Nothing is run. A value that is not known is left as it stands, loops and conditions are not understood, and a variable
//! has the value of the last assignment above. All work is counted and bounded.

use std::collections::HashMap;

use super::functions::{self, Value};
use super::tokens::{Kind, Language, Token, tokens};

/// Deepest nest of parentheses and calls.
const DEEPEST: u32 = 32;
/// Longest value, in bytes.
pub(super) const LONGEST: usize = 4 << 20;
/// Longest value of a variable that is put where the variable stands, in bytes.
const LONGEST_SHOWN: usize = 4096;
/// Tokens that are looked at together. Expressions are cut where one piece ends; long scripts are so mostly by their strings.
const MOST_TOKENS: usize = 1 << 17;
/// Most variables that are remembered, and most bytes of them.
const MOST_VARIABLES: usize = 4096;
/// Most things that were decoded.
const MOST_DECODED: usize = 64;
/// Fewest bytes of something decoded that is an object of its own.
const SMALLEST: usize = 32;

/// A script with its constant expressions folded.
pub(super) struct Folded {
    /// Its text.
    pub(super) text: Vec<u8>,
    /// Whether anything was folded.
    pub(super) changed: bool,
    /// What was decoded.
    pub(super) decoded: Vec<Vec<u8>>,
}

/// Folds a script. The text is not much longer than the script.
pub(super) fn fold(source: &[u8], language: Language) -> Folded {
    let mut out = Folded { text: Vec::new(), changed: false, decoded: Vec::new() };
    let mut variables = HashMap::new();
    let mut work = source.len().saturating_mul(16).saturating_add(1 << 16);
    let mut from = 0_usize;
    while from < source.len() {
        let tokens = tokens(source, from, MOST_TOKENS, language);
        from = tokens.last().map_or(source.len(), |last| last.end);
        let decoded = std::mem::take(&mut out.decoded);
        let mut folder = Folder { tokens: &tokens, language, variables, decoded, work, pending: None };
        fold_piece(source, &mut folder, &mut out);
        Folder { variables, decoded: out.decoded, work, .. } = folder;
    }
    out
}

/// Folds the tokens of a piece.
fn fold_piece(source: &[u8], folder: &mut Folder<'_>, out: &mut Folded) {
    let (tokens, language) = (folder.tokens, folder.language);
    let most = source.len().saturating_mul(2).saturating_add(LONGEST_SHOWN);
    let mut at = 0_usize;
    while let Some(token) = tokens.get(at) {
        folder.remember(at);
        if let Some(value_at) = folder.assignment(at) {
            folder.assign(at, value_at);
            out.text.extend_from_slice(source.get(token.start..token.end).unwrap_or_default());
            at = at.saturating_add(1);
            continue;
        }
        let room = most.saturating_sub(out.text.len());
        let found = folder.start(at).then(|| folder.value(at, 0)).flatten();
        if let Some((Value::Text(text), end)) = found
            && text.len() <= room
            && functions::is_readable(&text)
        {
            let raw = source.get(token.start..token.end).unwrap_or_default();
            let same = end == at.saturating_add(1) && raw.len() == text.len().saturating_add(2);
            let word = matches!(token.kind, Kind::Word(_)) && end == at.saturating_add(1);
            if !(word && text.len() > LONGEST_SHOWN) {
                out.changed |= !same;
                out.text.push(b'"');
                out.text.extend_from_slice(&text);
                out.text.push(b'"');
                at = end;
                continue;
            }
        }
        let raw = source.get(token.start..token.end).unwrap_or_default();
        match &token.kind {
            Kind::Word(word) if language == Language::PowerShell && raw.contains(&b'`') => {
                out.changed = true;
                out.text.extend_from_slice(word);
            }
            Kind::Blank => out.text.push(b' '),
            _ => out.text.extend_from_slice(raw),
        }
        at = at.saturating_add(1);
    }
}

struct Folder<'a> {
    tokens: &'a [Token],
    language: Language,
    variables: HashMap<Vec<u8>, Value>,
    decoded: Vec<Vec<u8>>,
    /// What may still be done: tokens looked at and bytes made.
    work: usize,
    /// What a variable gets behind a token: its own value stands in what it gets.
    pending: Option<(usize, Vec<u8>, Value)>,
}

/// A value, and the token behind it.
type Found = Option<(Value, usize)>;

impl Folder<'_> {
    fn kind(&self, at: usize) -> Option<&Kind> {
        self.tokens.get(at).map(|token| &token.kind)
    }

    /// The next token that is no blank.
    fn skip(&self, mut at: usize) -> usize {
        while matches!(self.kind(at), Some(Kind::Blank)) {
            at = at.saturating_add(1);
        }
        at
    }

    /// The same, over line ends too: within parentheses and behind operators.
    fn skip_lines(&self, mut at: usize) -> usize {
        while matches!(self.kind(at), Some(Kind::Blank | Kind::Line)) {
            at = at.saturating_add(1);
        }
        at
    }

    fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.kind(at) == Some(&Kind::Sign(sign))
    }

    /// Whether a value may begin here that is worth a look.
    fn start(&self, at: usize) -> bool {
        match self.kind(at) {
            Some(Kind::Text(..)) => true,
            // Those of a call stay.
            Some(Kind::Sign(b'(')) => {
                let before = at.checked_sub(1).and_then(|before| self.kind(before));
                !matches!(before, Some(Kind::Word(_) | Kind::Sign(b')' | b']')))
            }
            Some(Kind::Word(word)) => {
                let lower = word.to_ascii_lowercase();
                word.first() == Some(&b'[')
                    || lower == b"-join"
                    || self.variables.contains_key(&lower)
                    || functions::is_known(&lower)
            }
            _ => false,
        }
    }

    /// Where the value begins that a variable gets here.
    fn assignment(&self, at: usize) -> Option<usize> {
        let Some(Kind::Word(_)) = self.kind(at) else { return None };
        let mut next = self.skip(at.saturating_add(1));
        if self.is_sign(next, b'+') || self.is_sign(next, b'.') && self.language == Language::Php {
            next = next.saturating_add(1);
        }
        let equals = self.is_sign(next, b'=') && !self.is_sign(next.saturating_add(1), b'=');
        equals.then(|| next.saturating_add(1))
    }

    fn assign(&mut self, at: usize, value_at: usize) {
        let Some(Kind::Word(name)) = self.kind(at) else { return };
        let name = name.to_ascii_lowercase();
        let adds = !self.is_sign(self.skip(at.saturating_add(1)), b'=');
        let found = self.value(self.skip(value_at), 0);
        let ends = |end: usize| {
            matches!(
                self.kind(self.skip(end)),
                None | Some(Kind::Line | Kind::Other | Kind::Sign(b';' | b':' | b'}' | b')' | b'|'))
            )
        };
        let found = found.filter(|(_, end)| ends(*end));
        let before = self.variables.get(&name);
        let value = match found {
            Some((value, end)) if adds => {
                before.and_then(|before| before.joined(&value)).map(|value| (end, value))
            }
            Some((value, end)) => Some((end, value)),
            None => None,
        };
        match value {
            Some((end, value)) if self.variables.len() < MOST_VARIABLES && self.spend(value.size()) => {
                self.pending = Some((end, name, value));
            }
            _ => {
                self.variables.remove(&name);
            }
        }
    }

    /// Gives a variable its value once what it gets is passed.
    fn remember(&mut self, at: usize) {
        if let Some((_, name, value)) = self.pending.take_if(|(end, ..)| at >= *end) {
            self.variables.insert(name, value);
        }
    }

    fn spend(&mut self, amount: usize) -> bool {
        let left = self.work.checked_sub(amount.saturating_add(1));
        self.work = left.unwrap_or(0);
        left.is_some()
    }

    /// A value: terms with operators between them.
    fn value(&mut self, at: usize, depth: u32) -> Found {
        let (mut left, mut end) = self.term(at, depth)?;
        loop {
            let sign = self.skip(end);
            let next = self.skip_lines(sign.saturating_add(1));
            let joined = match self.kind(sign)? {
                Kind::Sign(sign) => {
                    let sign = *sign;
                    let joins = match self.language {
                        Language::Basic => matches!(sign, b'&' | b'+' | b'-' | b'*' | b'^'),
                        Language::Php => matches!(sign, b'.' | b'-' | b'*' | b'+' | b'^'),
                        _ => matches!(sign, b'+' | b'-' | b'*' | b'%'),
                    };
                    if !joins {
                        break;
                    }
                    let Some((right, end)) = self.term(next, depth.saturating_add(1)) else { break };
                    left.combined(sign, &right).map(|value| (value, end))
                }
                Kind::Word(word) if word.first() == Some(&b'-') => {
                    let word = word.to_ascii_lowercase();
                    self.operator(&word, &left, next, depth.saturating_add(1))
                }
                Kind::Word(word) if self.language == Language::Basic && word.eq_ignore_ascii_case(b"xor") => {
                    let Some((right, end)) = self.term(next, depth.saturating_add(1)) else { break };
                    left.combined(b'x', &right).map(|value| (value, end))
                }
                _ => break,
            };
            let Some((value, behind)) = joined.filter(|(value, _)| value.size() <= LONGEST) else { break };
            if !self.spend(value.size()) {
                break;
            }
            (left, end) = (value, behind);
        }
        Some((left, end))
    }

    /// An operator of PowerShell that has a name.
    fn operator(&mut self, word: &[u8], left: &Value, at: usize, depth: u32) -> Found {
        let name: &[u8] = match word {
            b"-f" => b"-f",
            b"-join" => b"join",
            b"-replace" | b"-creplace" | b"-ireplace" => b"-replace",
            b"-split" | b"-csplit" | b"-isplit" => b"split",
            b"-bxor" => {
                let (right, end) = self.term(at, depth)?;
                return left.combined(b'x', &right).map(|value| (value, end));
            }
            b"-as" => {
                return self.type_behind(at).map(|end| (left.clone(), end));
            }
            _ => return None,
        };
        let (mut arguments, mut end) = (vec![left.clone()], at);
        while let Some((value, behind)) = self.term(self.skip_lines(end), depth) {
            match value {
                Value::List(values) if name == b"-f" => arguments.extend(values),
                value => arguments.push(value),
            }
            end = behind;
            let comma = self.skip(end);
            if !self.is_sign(comma, b',') || arguments.len() > 4096 {
                break;
            }
            end = comma.saturating_add(1);
        }
        (arguments.len() > 1).then_some(())?;
        Some((functions::call(name, &arguments)?, end))
    }

    fn type_behind(&self, at: usize) -> Option<usize> {
        matches!(self.kind(at), Some(Kind::Word(word)) if word.first() == Some(&b'['))
            .then(|| at.saturating_add(1))
    }

    /// A term: a string, a number, a variable, a call, something in parentheses, with what follows it.
    fn term(&mut self, at: usize, depth: u32) -> Found {
        if depth > DEEPEST || !self.spend(1) {
            return None;
        }
        let at = self.skip(at);
        let next = at.saturating_add(1);
        let (mut value, mut end) = match self.kind(at)?.clone() {
            Kind::Text(text, open) => {
                if !self.spend(text.len()) {
                    return None;
                }
                let text = if open { self.expanded(text) } else { text };
                (Value::Text(text), next)
            }
            Kind::Number(number) => (Value::Number(number), next),
            Kind::Sign(b'-') => match self.term(next, depth.saturating_add(1))? {
                (Value::Number(number), end) => (Value::Number(number.saturating_neg()), end),
                _ => return None,
            },
            Kind::Sign(b'@') if self.is_sign(next, b'(') => {
                let (values, end) = self.list(next, depth)?;
                (Value::List(values), end)
            }
            Kind::Sign(b'(') => {
                let (mut values, end) = self.list(at, depth)?;
                let value = if values.len() == 1 { values.pop()? } else { Value::List(values) };
                (value, end)
            }
            Kind::Word(word) => self.named(&word.to_ascii_lowercase(), at, depth)?,
            _ => return None,
        };
        while let Some((after, behind)) = self.postfix(&value, end, depth) {
            if !self.spend(after.size()) {
                break;
            }
            (value, end) = (after, behind);
        }
        Some((value, end))
    }

    /// Values in parentheses, with commas between them.
    fn list(&mut self, open: usize, depth: u32) -> Option<(Vec<Value>, usize)> {
        let mut values = Vec::new();
        let mut at = self.skip_lines(open.saturating_add(1));
        if self.is_sign(at, b')') {
            return Some((values, at.saturating_add(1)));
        }
        loop {
            let (value, end) = self.value(at, depth.saturating_add(1))?;
            // `1..9`: a range.
            let dots = self.skip(end);
            if self.is_sign(dots, b'.') && self.is_sign(dots.saturating_add(1), b'.') {
                let (last, end) = self.value(dots.saturating_add(2), depth.saturating_add(1))?;
                values.extend(functions::range(&value, &last)?);
                at = end;
            } else {
                values.push(value);
                at = end;
            }
            at = self.skip_lines(at);
            if self.is_sign(at, b')') {
                return Some((values, at.saturating_add(1)));
            }
            if !self.is_sign(at, b',') || values.len() > 1 << 18 {
                return None;
            }
            at = self.skip_lines(at.saturating_add(1));
        }
    }

    /// A variable, a type with what it makes, or a call.
    fn named(&mut self, word: &[u8], at: usize, depth: u32) -> Found {
        let next = self.skip(at.saturating_add(1));
        if word.first() == Some(&b'[') {
            return self.of_type(word, next, depth);
        }
        if word == b"-join" {
            let (list, end) = self.term(next, depth.saturating_add(1))?;
            return Some((functions::call(b"join", &[list, Value::Text(Vec::new())])?, end));
        }
        if self.is_sign(next, b'(') && functions::is_known(word) {
            let (arguments, end) = self.list(next, depth)?;
            return Some((self.call(word, &arguments)?, end));
        }
        let value = self.variables.get(word)?.clone();
        self.spend(value.size()).then(|| (value, at.saturating_add(1)))
    }

    /// `[char]65`, `[Convert]::FromBase64String('...')`, `[Text.Encoding]::ASCII.GetString(...)`.
    fn of_type(&mut self, word: &[u8], next: usize, depth: u32) -> Found {
        if self.is_sign(next, b':') && self.is_sign(next.saturating_add(1), b':') {
            let mut at = next.saturating_add(2);
            let Some(Kind::Word(method)) = self.kind(at) else { return None };
            let mut method = method.to_ascii_lowercase();
            let wide = method == b"unicode";
            at = at.saturating_add(1);
            if self.is_sign(at, b'.') {
                let Some(Kind::Word(second)) = self.kind(at.saturating_add(1)) else { return None };
                method = second.to_ascii_lowercase();
                at = at.saturating_add(2);
            }
            if !self.is_sign(at, b'(') {
                return None;
            }
            let (arguments, end) = self.list(at, depth)?;
            if method == b"getstring" && wide {
                method = b"getwide".to_vec();
            }
            return Some((self.call(&method, &arguments)?, end));
        }
        let (value, end) = self.term(next, depth.saturating_add(1))?;
        let value = match word {
            b"[char]" | b"[system.char]" => functions::call(b"chrw", &[value])?,
            b"[char[]]" | b"[system.char[]]" => match value {
                Value::List(values) => {
                    let letters =
                        values.iter().map(|value| functions::call(b"chrw", std::slice::from_ref(value)));
                    Value::List(letters.collect::<Option<_>>()?)
                }
                other => functions::call(b"tochararray", &[other])?,
            },
            b"[byte[]]" | b"[string]" | b"[int]" | b"[byte]" | b"[array]" | b"[int[]]" => value,
            _ if word.ends_with(b"memorystream]") => value,
            _ => return None,
        };
        Some((value, end))
    }

    fn call(&mut self, name: &[u8], arguments: &[Value]) -> Option<Value> {
        let value = functions::call(name, arguments)?;
        if !self.spend(value.size()) || value.size() > LONGEST {
            return None;
        }
        if functions::decodes(name)
            && let Value::Text(bytes) = &value
            && bytes.len() >= SMALLEST
            && self.decoded.len() < MOST_DECODED
            && !self.decoded.contains(bytes)
        {
            self.decoded.push(bytes.clone());
        }
        Some(value)
    }

    /// `.Replace('a', 'b')`, `[3]`, `[-1..-9]`.
    fn postfix(&mut self, value: &Value, end: usize, depth: u32) -> Found {
        let next = end.saturating_add(1);
        if self.is_sign(end, b'[') {
            let (index, behind) = self.value(next, depth.saturating_add(1))?;
            let dots = self.skip(behind);
            if self.is_sign(dots, b'.') && self.is_sign(dots.saturating_add(1), b'.') {
                let (last, behind) = self.value(dots.saturating_add(2), depth.saturating_add(1))?;
                let places = functions::range(&index, &last)?;
                let close = self.skip(behind);
                self.is_sign(close, b']').then_some(())?;
                return Some((value.at_each(&places)?, close.saturating_add(1)));
            }
            self.is_sign(behind, b']').then_some(())?;
            return Some((value.at(&index)?, behind.saturating_add(1)));
        }
        if self.language == Language::Php || !self.is_sign(end, b'.') {
            return None;
        }
        let Some(Kind::Word(method)) = self.kind(next) else { return None };
        let mut name = method.to_ascii_lowercase();
        // The value stands before the method, where calls have it first, and some mean other things.
        name = match name.as_slice() {
            b"substring" | b"tostring" | b"tochararray" | b"invoke" | b"decode" => name,
            b"replace" | b"split" | b"trim" | b"toupper" | b"tolower" | b"upper" | b"lower" => name,
            b"join" => b"joinwith".to_vec(),
            _ => return None,
        };
        let open = next.saturating_add(1);
        self.is_sign(open, b'(').then_some(())?;
        let (mut arguments, behind) = self.list(open, depth)?;
        arguments.insert(0, value.clone());
        Some((self.call(&name, &arguments)?, behind))
    }

    /// A string with the values of known variables in it.
    fn expanded(&mut self, text: Vec<u8>) -> Vec<u8> {
        if !text.contains(&b'$') || self.variables.is_empty() {
            return text;
        }
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        while let Some(place) = memchr::memchr(b'$', rest) {
            let (before, from) = rest.split_at_checked(place).unwrap_or((rest, &[]));
            out.extend_from_slice(before);
            let braced = usize::from(from.get(1) == Some(&b'{'));
            let start = braced.saturating_add(1);
            let letters = from.get(start..).unwrap_or_default().iter();
            let size = letters.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            let end = start.saturating_add(size);
            let name = [b"$".as_slice(), from.get(start..end).unwrap_or_default()].concat();
            let end = end.saturating_add(usize::from(braced == 1 && from.get(end) == Some(&b'}')));
            match self.variables.get(&name.to_ascii_lowercase()) {
                Some(Value::Text(value)) if out.len().saturating_add(value.len()) < LONGEST => {
                    out.extend_from_slice(value);
                    self.work = self.work.saturating_sub(value.len());
                }
                _ => out.extend_from_slice(from.get(..end).unwrap_or_default()),
            }
            rest = from.get(end..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        out
    }
}
