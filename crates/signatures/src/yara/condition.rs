//! From a rule's condition to what must be true for it: every part that is not understood says nothing.
//!
//! Two facts of the language carry most of it: an expression with an undefined part is undefined, which is as
//! good as false, and fields of a module are undefined in files that are not of the module's format.

use std::collections::BTreeMap;

use boreal_parser::expression::{
    Expression, ExpressionKind as Kind, ForIterator, ForSelection, Identifier,
    IdentifierOperationType as Step, ReadIntegerType as Width, SetElement,
};

use super::need::{Need, StringId, all, any, some};

/// Most parts that are looked at in one rule. Stops conditions made to take long.
const MAX_PARTS: usize = 20_000;
/// Largest need that another rule takes over, in parts.
const MAX_TAKEN: usize = 1_000;

/// What is known of the rules of a file when one of them is looked at.
pub(super) struct Known<'a> {
    /// Names of the strings of the rule, and whether they can be looked for.
    pub(super) strings: &'a [(String, bool)],
    /// Bytes of strings that are nothing else.
    pub(super) plain: &'a dyn Fn(usize) -> Option<Vec<u8>>,
    /// The number of the rule in its file.
    pub(super) rule: usize,
    /// The rules before it by name, with what they need.
    pub(super) rules: &'a BTreeMap<String, Need>,
    /// The modules that the file imports.
    pub(super) modules: &'a [String],
}

/// What the rule with this condition needs; and rows of bytes that it needs besides its strings, whose numbers
/// follow those of the strings.
pub(super) fn need(known: &Known<'_>, condition: &Expression) -> (Need, Vec<Vec<u8>>) {
    let mut reader = Reader { known, left: MAX_PARTS, bound: Vec::new(), literals: Vec::new() };
    let need = reader.truth(condition, None);
    (need, reader.literals)
}

struct Reader<'a> {
    known: &'a Known<'a>,
    left: usize,
    /// Names that loops bind.
    bound: Vec<String>,
    literals: Vec<Vec<u8>>,
}

impl Reader<'_> {
    /// What holds when the expression is true. `this` is the string that `$` stands for.
    fn truth(&mut self, expression: &Expression, this: Option<usize>) -> Need {
        let Some(left) = self.left.checked_sub(1) else { return Need::Nothing };
        self.left = left;
        match &expression.expr {
            Kind::Boolean(false) | Kind::Integer(0) => Need::Never,
            Kind::And(parts) => {
                let needs: Vec<Need> = parts.iter().map(|part| self.truth(part, this)).collect();
                all(needs)
            }
            Kind::Or(parts) => {
                let needs: Vec<Need> = parts.iter().map(|part| self.truth(part, this)).collect();
                any(needs)
            }
            Kind::Variable(name) | Kind::Count(name) => self.string(name, this),
            Kind::CountInRange { variable_name, from, to, .. }
            | Kind::VariableIn { variable_name, from, to, .. } => {
                all([self.string(variable_name, this), self.value(from, this), self.value(to, this)])
            }
            Kind::VariableAt { variable_name, offset, .. } => {
                all([self.string_at(variable_name, offset, this), self.value(offset, this)])
            }
            Kind::For { selection, set, body } => {
                let strings = self.selected(&set.elements);
                let needs = strings.iter().map(|string| match body {
                    Some(body) => self.truth(body, Some(*string)),
                    None => self.string_number(*string, None),
                });
                let needs: Vec<Need> = needs.collect();
                self.chosen(selection, needs, this)
            }
            Kind::ForIn { selection, set, from, to } => {
                let needs = self.each(&set.elements, None);
                all([self.chosen(selection, needs, this), self.value_if_any(selection, from, to, this)])
            }
            Kind::ForAt { selection, set, offset } => {
                let needs = self.each(&set.elements, constant(offset).and_then(|at| u32::try_from(at).ok()));
                self.chosen(selection, needs, this)
            }
            Kind::ForRules { selection, set } => {
                let needs = set.elements.iter().flat_map(|element| self.rules(element)).collect();
                self.chosen(selection, needs, this)
            }
            Kind::ForIdentifiers { selection, identifiers, iterator, body, .. } => {
                if !self.asks_for_one(selection) {
                    return Need::Nothing;
                }
                // Something is iterated over, and the body holds at least once.
                let iterated = match iterator {
                    ForIterator::Identifier(identifier) => self.field(identifier),
                    ForIterator::Range { from, to } => {
                        all([self.value(from, this), self.value(to, this), self.repeated(from, to, this)])
                    }
                    ForIterator::List(_) => Need::Nothing,
                };
                let before = self.bound.len();
                self.bound.extend(identifiers.iter().cloned());
                let body = self.truth(body, this);
                self.bound.truncate(before);
                all([iterated, body])
            }
            Kind::Cmp { left, right, less_than, can_be_equal } => {
                let said = if *less_than {
                    self.ordered(left, right, *can_be_equal, this)
                } else {
                    self.ordered(right, left, *can_be_equal, this)
                };
                all([said, self.value(left, this), self.value(right, this)])
            }
            Kind::Eq(left, right) => {
                let said = all([self.equal(left, right, this), self.equal(right, left, this)]);
                all([said, self.value(left, this), self.value(right, this)])
            }
            Kind::Identifier(identifier) => self.identifier(identifier),
            Kind::Defined(inner) => self.value(inner, this),
            _ => self.value(expression, this),
        }
    }

    /// What holds when the expression has a value.
    fn value(&mut self, expression: &Expression, this: Option<usize>) -> Need {
        let Some(left) = self.left.checked_sub(1) else { return Need::Nothing };
        self.left = left;
        match &expression.expr {
            Kind::Offset { variable_name, occurence_number }
            | Kind::Length { variable_name, occurence_number } => {
                all([self.string(variable_name, this), self.value(occurence_number, this)])
            }
            Kind::ReadInteger { addr, .. } => self.value(addr, this),
            Kind::Neg(inner) | Kind::BitwiseNot(inner) | Kind::Matches(inner, _) => self.value(inner, this),
            Kind::Add(left, right)
            | Kind::Sub(left, right)
            | Kind::Mul(left, right)
            | Kind::Div(left, right)
            | Kind::Mod(left, right)
            | Kind::BitwiseXor(left, right)
            | Kind::BitwiseAnd(left, right)
            | Kind::BitwiseOr(left, right)
            | Kind::ShiftLeft(left, right)
            | Kind::ShiftRight(left, right)
            | Kind::NotEq(left, right)
            | Kind::IEquals(left, right)
            | Kind::Contains { haystack: left, needle: right, .. }
            | Kind::StartsWith { expr: left, prefix: right, .. }
            | Kind::EndsWith { expr: left, suffix: right, .. } => {
                all([self.value(left, this), self.value(right, this)])
            }
            Kind::Identifier(identifier) => self.field(identifier),
            _ => Need::Nothing,
        }
    }

    /// What `small < large` says, or `small <= large`.
    fn ordered(
        &mut self,
        small: &Expression,
        large: &Expression,
        or_equal: bool,
        this: Option<usize>,
    ) -> Need {
        match (&small.expr, &large.expr) {
            (Kind::Filesize, _) => match constant(large) {
                Some(most) => {
                    let most = if or_equal { most } else { most.saturating_sub(1) };
                    u64::try_from(most).map_or(Need::Never, |most| Need::Size(0, most))
                }
                None => Need::Nothing,
            },
            (_, Kind::Filesize) => match constant(small).and_then(|least| u64::try_from(least).ok()) {
                Some(least) => Need::Size(if or_equal { least } else { least.saturating_add(1) }, u64::MAX),
                None => Need::Nothing,
            },
            (_, Kind::Count(name) | Kind::CountInRange { variable_name: name, .. }) => {
                match constant(small) {
                    Some(least) if least > 0 || least == 0 && !or_equal => self.string(name, this),
                    _ => Need::Nothing,
                }
            }
            _ => Need::Nothing,
        }
    }

    /// What `left == right` says of the left side.
    fn equal(&mut self, left: &Expression, right: &Expression, this: Option<usize>) -> Need {
        if let (Kind::Identifier(field), Kind::Bytes(text)) = (&left.expr, &right.expr) {
            return self.equal_text(field, text);
        }
        let Some(number) = constant(right) else { return Need::Nothing };
        match &left.expr {
            Kind::Filesize => u64::try_from(number).map_or(Need::Never, |size| Need::Size(size, size)),
            Kind::Count(name) | Kind::CountInRange { variable_name: name, .. } if number > 0 => {
                self.string(name, this)
            }
            Kind::ReadInteger { ty, addr } => {
                let at = constant(addr).and_then(|at| u32::try_from(at).ok());
                match at.zip(bytes(*ty, number)) {
                    Some(row) => Need::Fixed(vec![row]),
                    None => Need::Nothing,
                }
            }
            _ => Need::Nothing,
        }
    }

    /// What holds when a field is this text: the serial number of a certificate lies in the file as it is.
    fn equal_text(&mut self, field: &Identifier, text: &[u8]) -> Need {
        let steps: Vec<&Step> = field.operations.iter().map(|step| &step.op).collect();
        let is_serial = matches!(
            &steps[..],
            [Step::Subfield(all), Step::Subscript(_), Step::Subfield(field)] if all == "signatures" && field == "serial"
        );
        if !is_serial || !matches!(self.first_field(field), Some(("pe", _))) {
            return Need::Nothing;
        }
        let Some(bytes) = serial(text) else { return Need::Nothing };
        let string = self.known.strings.len().saturating_add(self.literals.len());
        self.literals.push(bytes);
        Need::String(StringId { rule: self.known.rule, string, at: None })
    }

    /// What holds when a range is not empty: `1..#a` is the usual one.
    fn repeated(&mut self, from: &Expression, to: &Expression, this: Option<usize>) -> Need {
        match &to.expr {
            Kind::Count(name) if constant(from).is_some_and(|from| from > 0) => self.string(name, this),
            _ => Need::Nothing,
        }
    }

    /// The bounds of a range matter where at least one string must be in it.
    fn value_if_any(
        &mut self,
        selection: &ForSelection,
        from: &Expression,
        to: &Expression,
        this: Option<usize>,
    ) -> Need {
        if self.asks_for_one(selection) {
            all([self.value(from, this), self.value(to, this)])
        } else {
            Need::Nothing
        }
    }

    /// Whether the selection asks for at least one.
    fn asks_for_one(&self, selection: &ForSelection) -> bool {
        match selection {
            ForSelection::Any => true,
            // Over nothing, all is true for some and false for others.
            ForSelection::All | ForSelection::None => false,
            // Any part of nothing is nothing.
            ForSelection::Expr { as_percent: true, .. } => false,
            ForSelection::Expr { expr, .. } => constant(expr).is_some_and(|count| count > 0),
        }
    }

    /// What holds when so many as selected hold.
    fn chosen(&mut self, selection: &ForSelection, needs: Vec<Need>, this: Option<usize>) -> Need {
        let count = needs.len();
        let wanted = match selection {
            ForSelection::Any => 1,
            ForSelection::All => count,
            ForSelection::None => return Need::Nothing,
            ForSelection::Expr { expr, as_percent } => match constant(expr).map(usize::try_from) {
                Some(Ok(0) | Err(_)) => return Need::Nothing,
                // A percentage is rounded here one way and there the other.
                Some(Ok(percent)) if *as_percent => {
                    (count.saturating_mul(percent) / 100).clamp(1, count.max(1))
                }
                Some(Ok(wanted)) => wanted,
                // `#a of them` and the like: some number, which may be none.
                None => return self.value(expr, this),
            },
        };
        some(wanted, needs)
    }

    fn each(&mut self, elements: &[SetElement], at: Option<u32>) -> Vec<Need> {
        self.selected(elements).into_iter().map(|string| self.string_number(string, at)).collect()
    }

    /// The strings that a set names; all if it names none.
    fn selected(&self, elements: &[SetElement]) -> Vec<usize> {
        let names = self.known.strings.iter().enumerate();
        let in_set = |name: &str| {
            elements.is_empty()
                || elements.iter().any(|element| match element.is_wildcard {
                    true => name.starts_with(&element.name),
                    false => name == element.name,
                })
        };
        names.filter(|(_, (name, _))| in_set(name)).map(|(number, _)| number).collect()
    }

    /// The rules that an element of a set of rules names.
    fn rules(&self, element: &SetElement) -> Vec<Need> {
        let of = self.known.rules.iter();
        let named = of.filter(|(name, _)| match element.is_wildcard {
            true => name.starts_with(&element.name),
            false => **name == element.name,
        });
        named.map(|(_, need)| taken(need)).collect()
    }

    fn string(&mut self, name: &str, this: Option<usize>) -> Need {
        match self.number(name, this) {
            Some(number) => self.string_number(number, None),
            None => Need::Nothing,
        }
    }

    fn string_at(&mut self, name: &str, offset: &Expression, this: Option<usize>) -> Need {
        let at = constant(offset).and_then(|at| u32::try_from(at).ok());
        match self.number(name, this) {
            Some(number) => self.string_number(number, at),
            None => Need::Nothing,
        }
    }

    fn number(&self, name: &str, this: Option<usize>) -> Option<usize> {
        if name.is_empty() {
            return this;
        }
        self.known.strings.iter().position(|(known, _)| known == name)
    }

    fn string_number(&self, string: usize, at: Option<u32>) -> Need {
        // A few bytes at a fixed place are read there and need not be looked for.
        if let Some(at) = at
            && let Some(bytes) = (self.known.plain)(string).filter(|bytes| (1..=8).contains(&bytes.len()))
        {
            return Need::Fixed(vec![(at, bytes)]);
        }
        match self.known.strings.get(string) {
            Some((_, true)) => Need::String(StringId { rule: self.known.rule, string, at }),
            _ => Need::Nothing,
        }
    }

    /// What holds when an identifier alone is true: a rule, or something of a module.
    fn identifier(&self, identifier: &Identifier) -> Need {
        if identifier.operations.is_empty()
            && !self.bound.contains(&identifier.name)
            && !self.is_module(identifier)
        {
            return self.known.rules.get(&identifier.name).map_or(Need::Nothing, taken);
        }
        match self.first_field(identifier) {
            // Constants are true in every file.
            Some((_, field)) if is_constant(field) => Need::Nothing,
            // Where there is no such file, functions say no and fields are undefined or 0.
            Some((module, _)) => format(module),
            None => Need::Nothing,
        }
    }

    /// What holds when something of a module has a value.
    fn field(&self, identifier: &Identifier) -> Need {
        let called = identifier.operations.iter().any(|step| matches!(step.op, Step::FunctionCall(_)));
        match self.first_field(identifier) {
            // A function may have a value for every file.
            Some((_, field)) if called || is_constant(field) || field.starts_with("is_") => Need::Nothing,
            Some((module, _)) => format(module),
            None => Need::Nothing,
        }
    }

    fn is_module(&self, identifier: &Identifier) -> bool {
        self.known.modules.contains(&identifier.name)
    }

    /// The module and the first name behind it.
    fn first_field<'i>(&self, identifier: &'i Identifier) -> Option<(&'i str, &'i str)> {
        if self.bound.contains(&identifier.name) || !self.is_module(identifier) {
            return None;
        }
        match identifier.operations.first().map(|step| &step.op) {
            Some(Step::Subfield(field)) => Some((&identifier.name, field)),
            _ => None,
        }
    }
}

/// What a rule needs, for one that refers to it.
fn taken(need: &Need) -> Need {
    if need.measure().0 > MAX_TAKEN { Need::Nothing } else { need.clone() }
}

/// Names of constants of modules have no small letters.
fn is_constant(field: &str) -> bool {
    !field.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// The bytes of a serial number written as `0a:1b:…`, without zeros before it; none if they are too few to be
/// looked for.
fn serial(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let bytes: Option<Vec<u8>> = text
        .split(':')
        .map(|digits| {
            Some(digits)
                .filter(|digits| digits.len() == 2)
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        })
        .collect();
    let bytes: Vec<u8> = bytes?.into_iter().skip_while(|byte| *byte == 0).collect();
    (bytes.len() >= 4).then_some(bytes)
}

/// How files begin in which a module has something to say.
fn format(module: &str) -> Need {
    let starts: &[&[u8]] = match module {
        "pe" | "dotnet" => &[b"MZ"],
        "elf" => &[b"\x7fELF"],
        "macho" => &[
            b"\xfe\xed\xfa\xce",
            b"\xfe\xed\xfa\xcf",
            b"\xce\xfa\xed\xfe",
            b"\xcf\xfa\xed\xfe",
            b"\xca\xfe\xba\xbe",
            b"\xca\xfe\xba\xbf",
            b"\xbe\xba\xfe\xca",
            b"\xbf\xba\xfe\xca",
        ],
        "dex" => &[b"dex\n", b"dey\n"],
        _ => return Need::Nothing,
    };
    Need::Fixed(starts.iter().map(|start| (0, start.to_vec())).collect())
}

/// The value of an expression of numbers.
fn constant(expression: &Expression) -> Option<i64> {
    match &expression.expr {
        Kind::Integer(number) => Some(*number),
        Kind::Neg(inner) => constant(inner)?.checked_neg(),
        Kind::Add(left, right) => constant(left)?.checked_add(constant(right)?),
        Kind::Sub(left, right) => constant(left)?.checked_sub(constant(right)?),
        Kind::Mul(left, right) => constant(left)?.checked_mul(constant(right)?),
        _ => None,
    }
}

/// The bytes that read as a number; none if no bytes do.
fn bytes(width: Width, number: i64) -> Option<Vec<u8>> {
    macro_rules! bytes {
        ($type:ty, $to:ident) => {
            <$type>::try_from(number).ok().map(|number| number.$to().to_vec())
        };
    }
    match width {
        Width::Int8 => bytes!(i8, to_le_bytes),
        Width::Uint8 => bytes!(u8, to_le_bytes),
        Width::Int16 => bytes!(i16, to_le_bytes),
        Width::Int16BE => bytes!(i16, to_be_bytes),
        Width::Uint16 => bytes!(u16, to_le_bytes),
        Width::Uint16BE => bytes!(u16, to_be_bytes),
        Width::Int32 => bytes!(i32, to_le_bytes),
        Width::Int32BE => bytes!(i32, to_be_bytes),
        Width::Uint32 => bytes!(u32, to_le_bytes),
        Width::Uint32BE => bytes!(u32, to_be_bytes),
    }
}

#[cfg(test)]
mod tests {
    use boreal_parser::file::YaraFileComponent;

    use super::*;

    /// What a condition over `$a` and `$b` needs.
    fn need_of(condition: &str) -> (Need, Vec<Vec<u8>>) {
        let parsed = boreal_parser::parse(&format!("rule r {{ condition: {condition} }}")).unwrap();
        let [YaraFileComponent::Rule(rule)] = &parsed.components[..] else { panic!("{condition}") };
        let strings = [("a".to_owned(), true), ("b".to_owned(), true)];
        let known = Known {
            strings: &strings,
            plain: &|_| None,
            rule: 0,
            rules: &BTreeMap::new(),
            modules: &["pe".to_owned(), "hash".to_owned()],
        };
        need(&known, &rule.condition)
    }

    fn string(string: usize) -> Need {
        Need::String(StringId { rule: 0, string, at: None })
    }

    fn portable() -> Need {
        Need::Fixed(vec![(0, b"MZ".to_vec())])
    }

    #[test]
    fn what_is_understood_is_needed() {
        for (condition, wanted) in [
            ("$a and $b", all([string(0), string(1)])),
            ("#a > 0 or @b[1] < 7", any([string(0), string(1)])),
            ("uint16(0) == 0x5A4D", portable()),
            ("uint16be(0) == 0x4D5A", portable()),
            ("0x5A4D == uint16(0)", portable()),
            ("pe.number_of_sections > 3", portable()),
            ("pe.is_dll()", portable()),
            ("for any s in pe.sections : (s.name == \"x\")", portable()),
            ("for any i in (1..#a) : (i > 3)", string(0)),
            ("filesize < 10", Need::Size(0, 9)),
            ("filesize >= 10", Need::Size(10, u64::MAX)),
            ("false", Need::Never),
        ] {
            assert_eq!(need_of(condition).0, wanted, "{condition}");
        }
    }

    #[test]
    fn what_may_hold_for_any_content_needs_nothing() {
        for condition in [
            "not $a",
            "#a == 0",
            "#a < 3",
            "#a >= 0",
            "$a or true",
            "none of them",
            "0 of them",
            "not pe.is_pe",
            "pe.is_pe == 0",
            "pe.MACHINE_I386 == 0x14c",
            "hash.md5(0, filesize) == \"x\"",
            "for all i in (1..#a) : (i > 3)",
            "for all s in pe.sections : (s.name == \"x\")",
            "not (pe.number_of_sections > 3)",
            "uint16(0) != 0x5A4D",
        ] {
            assert_eq!(need_of(condition).0, Need::Nothing, "{condition}");
        }
    }

    #[test]
    fn serial_numbers_are_bytes_of_the_file() {
        let loop_over = |serial: &str| {
            format!("for any i in (0..pe.number_of_signatures) : (pe.signatures[i].serial == \"{serial}\")")
        };
        let (need, literals) = need_of(&loop_over("00:c1:04:de:61"));
        assert_eq!(need, all([portable(), string(2)]));
        assert_eq!(literals, [[0xc1, 0x04, 0xde, 0x61]]);
        for odd in ["00:01:02:03", "c1:4:de:61:77", "nonsense"] {
            assert!(need_of(&loop_over(odd)).1.is_empty(), "{odd}");
        }
    }
}
