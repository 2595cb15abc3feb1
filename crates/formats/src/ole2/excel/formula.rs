//! Formulas as text.
//!
//! Specification: [MS-XLS] 2.5.198 (tokens in reverse Polish notation), and OpenOffice's description of the formats before.
//! What is joined from constants is shown joined, since malware takes words apart that way.

use super::functions::Functions;
use crate::fields::{array, u16_le};

/// Longest text of a formula, and letters that are copied to make it.
const LONGEST: usize = 16 << 10;
const MOST_COPIED: usize = 1 << 20;
/// Most values that wait for their operators.
const DEEPEST: usize = 4096;

/// What formulas refer to.
pub(super) struct Context {
    /// Whether the workbook is of Excel 97 or later.
    pub(super) biff8: bool,
    pub(super) functions: Functions,
    pub(super) names: Vec<String>,
    /// The sheets that references to other sheets mean.
    pub(super) sheets: Vec<String>,
}

/// A value on the stack: its text, and what it is if it is a constant text.
struct Value {
    text: String,
    constant: Option<String>,
}

impl Value {
    fn constant(constant: String) -> Self {
        Self { text: quoted(&constant), constant: Some(constant) }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self { text, constant: None }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The name of a cell, both counted from 0.
pub(super) fn cell(row: u32, column: u32) -> String {
    let mut letters = String::new();
    let mut left = u64::from(column).saturating_add(1);
    while left > 0 {
        let digit = left.saturating_sub(1) % 26;
        letters.insert(0, char::from(b'A'.saturating_add(u8::try_from(digit).unwrap_or(0))));
        left = left.saturating_sub(1) / 26;
    }
    format!("{letters}{}", u64::from(row).saturating_add(1))
}

/// A text as BIFF8 stores it: flags, then letters of one byte or two; and the bytes that it takes.
pub(super) fn letters(bytes: &[u8], count: usize) -> Option<(String, usize)> {
    let (flags, rest) = bytes.split_first()?;
    let wide = flags & 1 != 0;
    let size = if wide { count.checked_mul(2)? } else { count };
    let letters = rest.get(..size)?;
    Some((if wide { wide_text(letters) } else { narrow_text(letters) }, size.checked_add(1)?))
}

pub(super) fn narrow_text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

pub(super) fn wide_text(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Reads the tokens of one formula.
struct Printer<'a> {
    context: &'a Context,
    rest: &'a [u8],
    /// The cell that it stands in.
    at: (u32, u32),
    stack: Vec<Value>,
    copied: usize,
}

/// The text of a formula in a cell.
pub(super) fn text(context: &Context, tokens: &[u8], at: (u32, u32)) -> String {
    let mut printer = Printer { context, rest: tokens, at, stack: Vec::new(), copied: 0 };
    let mut broken = "";
    while !printer.rest.is_empty() {
        if printer.copied > MOST_COPIED || printer.stack.len() > DEEPEST {
            broken = " (too long)";
            break;
        }
        if printer.token().is_none() {
            broken = " (unknown token)";
            break;
        }
    }
    let values: Vec<String> = printer.stack.into_iter().map(|value| value.text).collect();
    let mut text = values.join(" ; ");
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        broken = " (cut)";
    }
    text.push_str(broken);
    text
}

impl<'a> Printer<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn word(&mut self) -> Option<u16> {
        u16_le(self.take(2)?, 0)
    }

    fn push(&mut self, text: impl Into<String>) {
        let text: String = text.into();
        self.copied = self.copied.saturating_add(text.len());
        self.stack.push(text.into());
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or_else(|| String::from("?").into())
    }

    fn token(&mut self) -> Option<()> {
        let id = self.byte()?;
        // The class of a value changes nothing of what it says.
        let kind = if id >= 0x40 { id & 0x1f | 0x20 } else { id };
        match kind {
            0x01 | 0x02 => {
                let (row, column) = (self.word()?, self.word()?);
                self.push(format!("[shared with {}]", cell(row.into(), column.into())));
            }
            0x03..=0x11 => self.binary(kind),
            0x12 | 0x13 => {
                let value = self.pop();
                let sign = if kind == 0x12 { '+' } else { '-' };
                self.push(format!("{sign}{}", value.text));
            }
            0x14 => {
                let value = self.pop();
                self.push(format!("{}%", value.text));
            }
            0x15 => {
                let value = self.pop();
                self.copied = self.copied.saturating_add(value.text.len());
                let text = if value.constant.is_some() { value.text } else { format!("({})", value.text) };
                self.stack.push(Value { text, constant: value.constant });
            }
            0x16 => self.push(""),
            0x17 => self.string()?,
            0x18 => {
                self.take(5)?;
            }
            0x19 => self.attribute()?,
            0x1c => {
                let error = self.byte()?;
                self.push(format!("#ERR{error}"));
            }
            0x1d => {
                let truth = self.byte()?;
                self.push(if truth == 0 { "FALSE" } else { "TRUE" });
            }
            0x1e => {
                let number = self.word()?;
                self.push(number.to_string());
            }
            0x1f => {
                let number = f64::from_le_bytes(array(self.take(8)?, 0)?);
                self.push(number.to_string());
            }
            _ => self.operand(kind)?,
        }
        Some(())
    }

    /// Tokens that refer to something, or call it.
    fn operand(&mut self, kind: u8) -> Option<()> {
        let biff8 = self.context.biff8;
        match kind {
            0x20 => {
                self.take(7)?;
                self.push("{array}");
            }
            0x21 => {
                let number = self.word()?;
                let known = self.context.functions.function(number);
                let (name, count) = known.unwrap_or(("", None));
                self.call(name, number, count.unwrap_or(1));
            }
            0x22 => {
                let count = usize::from(self.byte()? & 0x7f);
                let number = self.word()?;
                let name = if number & 0x8000 == 0 {
                    self.context.functions.function(number).map(|known| known.0)
                } else {
                    self.context.functions.command(number & 0x7fff)
                };
                self.call(name.unwrap_or_default(), number, count);
            }
            0x23 => {
                let bytes = self.take(if biff8 { 4 } else { 14 })?;
                let number = usize::from(u16_le(bytes, 0)?);
                let name = number.checked_sub(1).and_then(|place| self.context.names.get(place));
                self.push(name.cloned().unwrap_or_else(|| format!("name{number}")));
            }
            0x24 | 0x2a | 0x2c => {
                let name = self.reference(kind == 0x2c)?;
                self.push(if kind == 0x2a { "#REF!".to_owned() } else { name });
            }
            0x25 | 0x2b | 0x2d => {
                let name = self.area(kind == 0x2d)?;
                self.push(if kind == 0x2b { "#REF!".to_owned() } else { name });
            }
            // What follows is the value.
            0x26..=0x28 => {
                self.take(6)?;
            }
            0x29 => {
                self.take(2)?;
            }
            0x39 => {
                let bytes = self.take(if biff8 { 6 } else { 24 })?;
                let (sheet, number) = (u16_le(bytes, 0)?, u16_le(bytes, if biff8 { 2 } else { 10 })?);
                self.push(format!("external{sheet}.name{number}"));
            }
            0x3a..=0x3d => {
                let sheet = self.sheet()?;
                let area = kind == 0x3b || kind == 0x3d;
                let name = if area { self.area(false)? } else { self.reference(false)? };
                self.push(format!("{sheet}!{name}"));
            }
            _ => return None,
        }
        Some(())
    }

    fn sheet(&mut self) -> Option<String> {
        if self.context.biff8 {
            let number = self.word()?;
            let known = self.context.sheets.get(usize::from(number)).cloned();
            return Some(known.unwrap_or_else(|| format!("sheet{number}")));
        }
        let number = u16_le(self.take(14)?, 10)?;
        Some(format!("sheet{number}"))
    }

    /// A cell, which may be meant from the cell that the formula stands in.
    fn reference(&mut self, from_here: bool) -> Option<String> {
        let (row, column, relative) = if self.context.biff8 {
            let (row, column) = (self.word()?, self.word()?);
            (row, column & 0xff, column)
        } else {
            let (row, column) = (self.word()?, self.byte()?);
            (row & 0x3fff, column.into(), row)
        };
        Some(self.place((row, column), relative, from_here))
    }

    fn area(&mut self, from_here: bool) -> Option<String> {
        let (first, last) = (self.word()?, self.word()?);
        let columns = if self.context.biff8 {
            [self.word()?, self.word()?]
        } else {
            [u16::from(self.byte()?), u16::from(self.byte()?)]
        };
        let biff8 = self.context.biff8;
        let place = |row: u16, column: u16| {
            let flags = if biff8 { column } else { row };
            let row = if biff8 { row } else { row & 0x3fff };
            self.place((row, column & 0xff), flags, from_here)
        };
        let [left, right] = columns;
        Some(format!("{}:{}", place(first, left), place(last, right)))
    }

    fn place(&self, (row, column): (u16, u16), flags: u16, from_here: bool) -> String {
        let (mut row, mut column) = (u32::from(row), u32::from(column));
        if from_here && flags & 0x8000 != 0 {
            row = row.saturating_add(self.at.0) & 0xffff;
        }
        if from_here && flags & 0x4000 != 0 {
            column = column.saturating_add(self.at.1) & 0xff;
        }
        cell(row, column)
    }

    fn string(&mut self) -> Option<()> {
        let count = usize::from(self.byte()?);
        let text = if self.context.biff8 {
            let (text, size) = letters(self.rest, count)?;
            self.take(size)?;
            text
        } else {
            narrow_text(self.take(count)?)
        };
        self.copied = self.copied.saturating_add(text.len());
        self.stack.push(Value::constant(text));
        Some(())
    }

    /// Hints for the computation; one of them is the sum of a value.
    fn attribute(&mut self) -> Option<()> {
        let kind = self.byte()?;
        let data = self.word()?;
        if kind & 4 != 0 {
            self.take(usize::from(data).checked_add(1)?.checked_mul(2)?)?;
        }
        if kind & 0x10 != 0 {
            self.call("SUM", 4, 1);
        }
        Some(())
    }

    fn binary(&mut self, kind: u8) {
        let operators = ["+", "-", "*", "/", "^", "&", "<", "<=", "=", ">=", ">", "<>", " ", ",", ":"];
        let operator = operators.get(usize::from(kind).saturating_sub(3)).copied().unwrap_or("?");
        let (right, mut left) = (self.pop(), self.pop());
        self.copied = self.copied.saturating_add(right.text.len());
        if let (Some(before), Some(after), "&") = (&mut left.constant, &right.constant, operator) {
            before.push_str(after);
            // The quote at its end makes room for what follows.
            left.text.pop();
            left.text.push_str(right.text.get(1..).unwrap_or_default());
            return self.stack.push(left);
        }
        left.text.push_str(operator);
        left.text.push_str(&right.text);
        left.constant = None;
        self.stack.push(left);
    }

    fn call(&mut self, name: &str, number: u16, count: usize) {
        let from = self.stack.len().saturating_sub(count);
        let mut values = self.stack.split_off(from);
        if name == "CHAR"
            && let [value] = values.as_slice()
            && let Some(letter) = value.text.parse::<u8>().ok().filter(|letter| *letter != 0)
        {
            return self.stack.push(Value::constant(char::from(letter).to_string()));
        }
        // The function of another program or of a macro stands before its arguments.
        let of_others = name == "USERDEFINED" && !values.is_empty();
        let name = match name {
            _ if of_others => values.remove(0).text,
            "" => format!("function{number}"),
            name => name.to_owned(),
        };
        let arguments: Vec<String> = values.into_iter().map(|value| value.text).collect();
        self.push(format!("{name}({})", arguments.join(",")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        let names = vec!["Auto_Open".to_owned()];
        Context { biff8: true, functions: Functions::new(), names, sheets: vec!["One".to_owned()] }
    }

    #[test]
    fn cells_have_names() {
        let names: Vec<String> =
            [(0, 0), (9, 25), (0, 26), (65535, 255), (0, 701), (0, 702)].map(|(r, c)| cell(r, c)).into();
        assert_eq!(names, ["A1", "Z10", "AA1", "IV65536", "ZZ1", "AAA1"]);
    }

    #[test]
    fn formulas_are_printed() {
        let context = context();
        let text = |tokens: &[u8]| text(&context, tokens, (4, 1));
        // "ca" & CHAR(108) & "c"
        let calc = b"\x17\x02\0ca\x1e\x6c\0\x41\x6f\0\x08\x17\x01\x01c\0\x08\x42\x01\x6e\0";
        assert_eq!(text(calc), "EXEC(\"calc\")");
        assert_eq!(text(b"\x1e\x01\0\x44\x02\0\x03\xc0\x03\x15\x42\x02\x04\0"), "SUM((1+D3))");
        assert_eq!(text(b"\x3a\0\0\0\0\x01\0\x23\x01\0\0\0\x42\x02\x11\x80"), "RUN(One!B1,Auto_Open)");
        assert_eq!(text(b"\x4c\xff\xff\x01\xc0"), "C4");
        assert_eq!(text(b"\x1e\x01\0\xff"), "1 (unknown token)");
        assert_eq!(text(b"\x17\x09\0a"), " (unknown token)");
    }

    #[test]
    fn long_formulas_are_bounded() {
        let context = context();
        let nested = [b"\x1e\x01\0".to_vec(), b"\x42\x01\x6e\0".repeat(16_000)].concat();
        assert!(text(&context, &nested, (0, 0)).len() < LONGEST + 20);
        assert!(text(&context, &b"\x1e\x01\0".repeat(60_000), (0, 0)).len() < LONGEST + 20);
    }
}
