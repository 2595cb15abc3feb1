//! What functions of scripts make of constant values.

use std::collections::HashSet;
use std::io::Read;
use std::sync::LazyLock;

use candor_object::Content;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};

use super::fold::LONGEST;
use crate::mail::{Base64, Base64End};

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(Vec<u8>),
    Number(i64),
    List(Vec<Self>),
}

impl Value {
    /// Bytes that it takes, roughly.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Number(_) => 8,
            Self::List(values) => values.iter().fold(8, |sum, value| sum.saturating_add(value.size())),
        }
    }

    /// As text; a list of numbers is that of its characters.
    fn text(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string().into_bytes(),
            Self::List(values) => {
                let numbers = values.iter().map(|value| match value {
                    Self::Number(number) => u8::try_from(*number).ok(),
                    _ => None,
                });
                numbers.collect::<Option<Vec<u8>>>().unwrap_or_else(|| join(values, b""))
            }
        }
    }

    fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
            Self::List(_) => None,
        }
    }

    /// The one behind the other.
    pub(super) fn joined(&self, other: &Self) -> Option<Self> {
        self.combined(b'+', other)
    }

    /// What an operator makes of both; `x` is the exclusive or.
    pub(super) fn combined(&self, sign: u8, other: &Self) -> Option<Self> {
        if let (Self::Number(one), Self::Number(two)) = (self, other) {
            let number = match sign {
                b'+' => one.checked_add(*two),
                b'-' => one.checked_sub(*two),
                b'*' => one.checked_mul(*two),
                b'%' => one.checked_rem(*two),
                b'x' | b'^' => Some(one ^ two),
                _ => None,
            };
            if let Some(number) = number {
                return Some(Self::Number(number));
            }
        }
        match (self, sign) {
            (Self::List(values), b'+') => {
                let mut values = values.clone();
                match other {
                    Self::List(more) => values.extend(more.iter().cloned()),
                    one => values.push(one.clone()),
                }
                Some(Self::List(values))
            }
            (Self::Text(text), b'*') => {
                let count = usize::try_from(other.number()?).ok()?;
                (text.len().checked_mul(count)? <= LONGEST).then(|| Self::Text(text.repeat(count)))
            }
            (Self::Text(text), b'^') => {
                let key = other.text();
                let bytes = text.iter().zip(key.iter().cycle()).map(|(one, two)| one ^ two);
                Some(Self::Text(bytes.collect()))
            }
            (_, b'+' | b'&' | b'.') => Some(Self::Text([self.text(), other.text()].concat())),
            _ => None,
        }
    }

    /// What stands at a place; those below 0 count from the end.
    pub(super) fn at(&self, place: &Self) -> Option<Self> {
        let Self::Number(number) = place else { return self.at_each(std::slice::from_ref(place)) };
        let size = match self {
            Self::Text(text) => text.len(),
            Self::List(values) => values.len(),
            Self::Number(_) => return None,
        };
        let place = if *number < 0 { i64::try_from(size).ok()?.checked_add(*number)? } else { *number };
        let place = usize::try_from(place).ok()?;
        match self {
            Self::Text(text) => Some(Self::Text(vec![*text.get(place)?])),
            Self::List(values) => values.get(place).cloned(),
            Self::Number(_) => None,
        }
    }

    /// What stands at several places.
    pub(super) fn at_each(&self, places: &[Self]) -> Option<Self> {
        let values = places.iter().map(|place| match place {
            Self::Number(_) => self.at(place),
            _ => None,
        });
        Some(Self::List(values.collect::<Option<_>>()?))
    }
}

/// The numbers from one to another, upwards or downwards.
pub(super) fn range(first: &Value, last: &Value) -> Option<Vec<Value>> {
    let (first, last) = (first.number()?, last.number()?);
    (first.abs_diff(last) < 1 << 16).then_some(())?;
    Some(if first <= last {
        (first..=last).map(Value::Number).collect()
    } else {
        (last..=first).rev().map(Value::Number).collect()
    })
}

/// Whether bytes can stand in a text.
pub(super) fn is_readable(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
}

/// Functions of which the result is something that was encoded.
pub(super) fn decodes(name: &[u8]) -> bool {
    let name = last_part(name);
    DECODERS.contains(&name)
}

const DECODERS: &[&[u8]] = &[
    b"frombase64string",
    b"base64_decode",
    b"b64decode",
    b"atob",
    b"gzinflate",
    b"gzuncompress",
    b"gzdecode",
    b"zlib_decode",
    b"decompress",
    b"hex2bin",
    b"fromhex",
    b"unhexlify",
    b"a2b_hex",
    b"a2b_base64",
    b"pack",
    b"str_rot13",
    b"getwide",
    b"base64decode",
    b"decodebase64",
    b"fromhexstring",
];

const OTHERS: &[&[u8]] = &[
    b"chr",
    b"chrw",
    b"chrb",
    b"chr$",
    b"chrw$",
    b"strreverse",
    b"strrev",
    b"replace",
    b"str_replace",
    b"str_ireplace",
    b"mid",
    b"mid$",
    b"left",
    b"right",
    b"left$",
    b"right$",
    b"ucase",
    b"lcase",
    b"strtolower",
    b"strtoupper",
    b"trim",
    b"ltrim",
    b"rtrim",
    b"cstr",
    b"cint",
    b"clng",
    b"asc",
    b"ascw",
    b"ord",
    b"join",
    b"implode",
    b"split",
    b"explode",
    b"array",
    b"space",
    b"string",
    b"urldecode",
    b"rawurldecode",
    b"unescape",
    b"unquote",
    b"unquote_plus",
    b"substr",
    b"str_repeat",
    b"bytes",
    b"bytearray",
    b"dechex",
    b"hexdec",
    b"intval",
];

/// The name without what stands before its last dot.
fn last_part(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'.').next().unwrap_or(name)
}

/// Whether a function is known.
pub(super) fn is_known(name: &[u8]) -> bool {
    // It is asked of every word of a script.
    static NAMES: LazyLock<HashSet<&[u8]>> =
        LazyLock::new(|| DECODERS.iter().chain(OTHERS).copied().collect());
    NAMES.contains(last_part(name))
}

/// What a function makes of its arguments. Methods have as their first argument what stands before the dot.
pub(super) fn call(name: &[u8], arguments: &[Value]) -> Option<Value> {
    let name = last_part(name);
    let first = arguments.first()?;
    let text = |place: usize| arguments.get(place).map(Value::text);
    let number = |place: usize| arguments.get(place).and_then(Value::number);
    let size = |place: usize| number(place).and_then(|number| usize::try_from(number).ok());
    let value = match name {
        b"chr" | b"chrw" | b"chrb" | b"chr$" | b"chrw$" => match first {
            Value::List(values) => values.iter().map(character).collect::<Option<Vec<_>>>()?.concat(),
            one => character(one)?,
        },
        b"strreverse" | b"strrev" => first.text().into_iter().rev().collect(),
        b"replace" if arguments.len() >= 3 => replaced(&first.text(), &text(1)?, &text(2)?)?,
        b"-replace" => {
            let pattern = text(1)?;
            // It is a regular expression: only what is plain text is understood.
            let plain: Vec<u8> = pattern.iter().copied().filter(|byte| *byte != b'\\').collect();
            if pattern.iter().any(|byte| b".*+?[](){}^$|".contains(byte)) && !pattern.contains(&b'\\') {
                return None;
            }
            replaced(&first.text(), &plain, &text(2).unwrap_or_default())?
        }
        b"str_replace" | b"str_ireplace" => replaced(&text(2)?, &first.text(), &text(1)?)?,
        b"mid" | b"mid$" => {
            let start = size(1)?.checked_sub(1)?;
            part(&first.text(), start, size(2))?
        }
        b"substring" => part(&first.text(), size(1)?, size(2))?,
        b"substr" => {
            let (text, start) = (first.text(), number(1)?);
            let start = if start < 0 { i64::try_from(text.len()).ok()?.checked_add(start)? } else { start };
            part(&text, usize::try_from(start).ok()?, size(2))?
        }
        b"left" | b"left$" => part(&first.text(), 0, size(1))?,
        b"right" | b"right$" => {
            let text = first.text();
            part(&text, text.len().saturating_sub(size(1)?), None)?
        }
        b"ucase" | b"strtoupper" | b"toupper" | b"upper" => first.text().to_ascii_uppercase(),
        b"lcase" | b"strtolower" | b"tolower" | b"lower" => first.text().to_ascii_lowercase(),
        b"trim" | b"ltrim" | b"rtrim" => first.text().trim_ascii().to_vec(),
        b"cstr" | b"invoke" | b"bytes" | b"bytearray" | b"getstring" | b"decode" => first.text(),
        b"getbytes" => first.text(),
        b"tostring" if arguments.len() == 1 => first.text(),
        b"tochararray" => {
            let letters = first.text().into_iter().map(|byte| Value::Text(vec![byte]));
            return Some(Value::List(letters.collect()));
        }
        b"cint" | b"clng" | b"intval" | b"toint16" | b"toint32" => {
            let base = number(1).unwrap_or(10);
            if base == 10 {
                return first.number().map(Value::Number);
            }
            let digits = first.text();
            let digits = std::str::from_utf8(&digits).ok()?.trim_start_matches("0x");
            let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?;
            return i64::from_str_radix(digits, base).ok().map(Value::Number);
        }
        b"tobyte" | b"tochar" => return call(b"toint32", arguments),
        b"hexdec" => return call(b"toint32", &[first.clone(), Value::Number(16)]),
        b"asc" | b"ascw" | b"ord" => return Some(Value::Number(i64::from(*first.text().first()?))),
        b"join" | b"implode" => {
            // Visual Basic and PowerShell have the list first, PHP and `[string]::Join` the separator.
            let (list, separator) = match (first, arguments.get(1)) {
                (Value::List(list), separator) => (list, separator.map(Value::text).unwrap_or_default()),
                (separator, Some(Value::List(list))) => (list, separator.text()),
                (separator, _) => return Some(Value::Text(join(arguments.get(1..)?, &separator.text()))),
            };
            // What Visual Basic puts between is a blank where nothing is said, but that is rare.
            bounded_join(list, &separator)?
        }
        b"joinwith" => match arguments.get(1)? {
            Value::List(list) => bounded_join(list, &first.text())?,
            _ => return None,
        },
        b"concat" => join(arguments, b""),
        b"split" | b"explode" => {
            let (text, separator) =
                if name == b"explode" { (text(1)?, first.text()) } else { (first.text(), text(1)?) };
            let separator: Vec<u8> = separator.into_iter().filter(|byte| *byte != b'\\').collect();
            return Some(Value::List(split(&text, &separator)));
        }
        b"array" => return Some(Value::List(arguments.to_vec())),
        b"space" => vec![b' '; size(0).filter(|size| *size < 1 << 16)?],
        b"string" => match arguments {
            [count, letter] => {
                let count = usize::try_from(count.number()?).ok().filter(|size| *size < 1 << 16)?;
                vec![*letter.text().first()?; count]
            }
            _ => return None,
        },
        b"str_repeat" => return first.combined(b'*', arguments.get(1)?),
        b"-f" => formatted(&first.text(), arguments.get(1..)?)?,
        b"format" => formatted(&first.text(), arguments.get(1..)?)?,
        b"frombase64string" | b"base64_decode" | b"b64decode" | b"atob" | b"a2b_base64" | b"base64decode"
        | b"decodebase64" => base64(&first.text())?,
        b"gzinflate" => inflated(&mut DeflateDecoder::new(first.text().as_slice()))?,
        b"gzuncompress" => inflated(&mut ZlibDecoder::new(first.text().as_slice()))?,
        b"gzdecode" => inflated(&mut GzDecoder::new(first.text().as_slice()))?,
        b"zlib_decode" | b"decompress" => {
            let text = first.text();
            inflated(&mut ZlibDecoder::new(text.as_slice()))
                .or_else(|| inflated(&mut GzDecoder::new(text.as_slice())))
                .or_else(|| inflated(&mut DeflateDecoder::new(text.as_slice())))?
        }
        b"hex2bin" | b"fromhex" | b"unhexlify" | b"a2b_hex" | b"fromhexstring" => hex(&first.text())?,
        b"pack" => match first.text().as_slice() {
            b"H*" => hex(&text(1)?)?,
            [b'C' | b'c', ..] => Value::List(arguments.get(1..)?.to_vec()).text(),
            _ => return None,
        },
        b"str_rot13" => first.text().into_iter().map(rot13).collect(),
        b"urldecode" | b"rawurldecode" | b"unescape" | b"unquote" | b"unquote_plus" => percent(&first.text()),
        b"getwide" => narrowed(&first.text()),
        _ => return None,
    };
    Some(Value::Text(value))
}

fn character(value: &Value) -> Option<Vec<u8>> {
    let code = value.number().or_else(|| match value {
        Value::Text(text) if text.len() == 1 => text.first().map(|byte| i64::from(*byte)),
        _ => None,
    })?;
    let code = u32::try_from(code).ok()?;
    match u8::try_from(code) {
        Ok(byte) => Some(vec![byte]),
        Err(_) => char::from_u32(code).map(|letter| letter.to_string().into_bytes()),
    }
}

fn join(values: &[Value], separator: &[u8]) -> Vec<u8> {
    values.iter().map(Value::text).collect::<Vec<_>>().join(separator)
}

fn bounded_join(values: &[Value], separator: &[u8]) -> Option<Vec<u8>> {
    (values.len().saturating_mul(separator.len()) <= LONGEST).then(|| join(values, separator))
}

fn part(text: &[u8], start: usize, size: Option<usize>) -> Option<Vec<u8>> {
    let rest = text.get(start..)?;
    Some(rest.get(..size.unwrap_or(rest.len()).min(rest.len()))?.to_vec())
}

fn split(text: &[u8], separator: &[u8]) -> Vec<Value> {
    if separator.is_empty() {
        return vec![Value::Text(text.to_vec())];
    }
    let mut values = Vec::new();
    let mut start = 0_usize;
    for place in memchr::memmem::find_iter(text, separator) {
        values.push(Value::Text(text.get(start..place).unwrap_or_default().to_vec()));
        start = place.saturating_add(separator.len());
    }
    values.push(Value::Text(text.get(start..).unwrap_or_default().to_vec()));
    values
}

/// The text with one thing in the place of another.
pub(super) fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    if from.is_empty() {
        return Some(text.to_vec());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut start = 0_usize;
    for place in memchr::memmem::find_iter(text, from) {
        out.extend_from_slice(text.get(start..place)?);
        out.extend_from_slice(to);
        start = place.saturating_add(from.len());
        if out.len() > LONGEST {
            return None;
        }
    }
    out.extend_from_slice(text.get(start..)?);
    Some(out)
}

/// `{0}` and the like replaced by arguments.
fn formatted(text: &[u8], arguments: &[Value]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(open) = memchr::memchr(b'{', rest) {
        out.extend_from_slice(rest.get(..open)?);
        let inner = rest.get(open.saturating_add(1)..)?;
        if let Some(after) = inner.strip_prefix(b"{") {
            out.push(b'{');
            rest = after;
            continue;
        }
        let close = memchr::memchr(b'}', inner)?;
        let number: usize = std::str::from_utf8(inner.get(..close)?).ok()?.trim().parse().ok()?;
        out.extend(arguments.get(number)?.text());
        if out.len() > LONGEST {
            return None;
        }
        rest = inner.get(close.saturating_add(1)..)?;
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// What base64 stands for, as far as it goes.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let _ = Base64::new(Content::from_vec(text.to_vec()), Base64End::Content).read_to_end(&mut bytes);
    (!bytes.is_empty()).then_some(bytes)
}

/// What a stream unpacks to, as far as it goes, if that is anything.
pub(super) fn inflated(stream: &mut dyn Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8 << 10];
    while bytes.len() < LONGEST {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.extend_from_slice(chunk.get(..count)?),
        }
    }
    bytes.truncate(LONGEST);
    (!bytes.is_empty()).then_some(bytes)
}

/// The bytes of pairs of hexadecimal digits, with anything between them.
pub(super) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = text.iter().filter_map(digit).collect();
    let bytes = digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low);
    (digits.len() >= 2).then(|| bytes.collect())
}

fn rot13(byte: u8) -> u8 {
    match byte {
        b'a'..=b'm' | b'A'..=b'M' => byte.wrapping_add(13),
        b'n'..=b'z' | b'N'..=b'Z' => byte.wrapping_sub(13),
        _ => byte,
    }
}

fn percent(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let pair = (*byte == b'%').then(|| hex(after.get(..2)?)).flatten();
        let taken = pair.as_ref().map_or(0, |_| 2);
        out.extend(pair.unwrap_or_else(|| vec![*byte]));
        rest = after.get(taken..).unwrap_or_default();
    }
    out
}

/// UTF-16 as UTF-8.
pub(super) fn narrowed(bytes: &[u8]) -> Vec<u8> {
    let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    let letters = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    letters.collect::<String>().into_bytes()
}
