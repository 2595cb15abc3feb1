//! The values of a row.

/// A value. Text is decoded lossily.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Value {
    /// The text, an empty one if it is none.
    pub(crate) fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// The bytes, of a text too.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Blob(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
            _ => &[],
        }
    }
}

/// How a database writes text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Encoding {
    Utf8,
    Little,
    Big,
}

/// Most values of a row.
const MOST: usize = 4096;

/// The values of a record; none if it is cut off.
pub(super) fn values(payload: &[u8], encoding: Encoding) -> Option<Vec<Value>> {
    let mut kinds = payload;
    let size = usize::try_from(varint(&mut kinds)?).ok()?;
    let mut rest = payload.get(size..)?;
    kinds = payload.get(payload.len() - kinds.len()..size)?;
    let mut values = Vec::new();
    while !kinds.is_empty() && values.len() < MOST {
        let kind = varint(&mut kinds)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            _ => kind.checked_sub(12)? / 2,
        };
        let (bytes, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        rest = after;
        values.push(match kind {
            0 => Value::Null,
            1..=6 => Value::Integer(integer(bytes)),
            7 => Value::Real(f64::from_bits(integer(bytes) as u64)),
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            _ if kind % 2 == 0 => Value::Blob(bytes.to_vec()),
            _ => Value::Text(text(bytes, encoding)),
        });
    }
    Some(values)
}

fn integer(bytes: &[u8]) -> i64 {
    let start = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().fold(start, |number, byte| (number << 8) | i64::from(*byte))
}

fn text(bytes: &[u8], encoding: Encoding) -> String {
    let unit: fn([u8; 2]) -> u16 = match encoding {
        Encoding::Utf8 => return String::from_utf8_lossy(bytes).into_owned(),
        Encoding::Little => u16::from_le_bytes,
        Encoding::Big => u16::from_be_bytes,
    };
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// A number of one to nine bytes.
pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for place in 0..9 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        if place == 8 {
            return Some((number << 8) | u64::from(*byte));
        }
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_to_nine_bytes() {
        for (bytes, expected) in [
            (&[0x7f][..], Some(0x7f)),
            (&[0x81, 0x00], Some(0x80)),
            (&[0xff; 9], Some(u64::MAX)),
            (&[0x80], None),
        ] {
            assert_eq!(varint(&mut { bytes }), expected);
        }
    }

    #[test]
    fn records_that_are_cut_off_are_none() {
        let whole = [4, 1, 15, 9, 0xfe, b'x'];
        let expected = [Value::Integer(-2), Value::Text("x".to_owned()), Value::Integer(1)];
        assert_eq!(values(&whole, Encoding::Utf8).unwrap(), expected);
        for end in 0..whole.len() {
            assert_eq!(values(&whole[..end], Encoding::Utf8), None);
        }
    }
}
