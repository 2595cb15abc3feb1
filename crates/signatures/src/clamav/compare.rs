//! Bytes that are compared as a number: `reference(offset#options#comparison[,comparison])`.

use candor_detect::logical::{ByteComparison, Comparison, Number, Numeral, Order, Subsignature};

use super::number;
use crate::Complaint;

/// Most comparisons.
const MAX_COMPARISONS: usize = 2;
/// Most hexadecimal digits; no more make sense of a number of 64 bits, with `0x`.
const MAX_HEXADECIMAL: u8 = 18;

/// Whether a subsignature is one of these, judged as ClamAV does.
pub(super) fn recognises(text: &str) -> bool {
    text.contains('(') && text.matches('#').count() == 2
}

/// Reads the subsignature of this number.
pub(super) fn parse(text: &str, own_number: usize) -> Result<Subsignature, Complaint> {
    let inner = text.strip_suffix(')').and_then(|text| text.split_once('('));
    let (reference, inner) = inner.ok_or_else(|| Complaint::malformed("a bracket of it is missing"))?;
    let reference: u8 = if reference.is_empty() { 0 } else { number(reference, "reference")? };
    if usize::from(reference) >= own_number {
        // ClamAV loads it, and it never matches.
        return Err(Complaint::unsupported("a byte comparison with what does not stand before it"));
    }
    let mut fields = inner.split('#');
    let (Some(offset), Some(options), Some(comparisons)) = (fields.next(), fields.next(), fields.next())
    else {
        return Err(Complaint::malformed("a byte comparison has three fields"));
    };
    let comparisons: Vec<&str> = comparisons.split(',').collect();
    if comparisons.len() > MAX_COMPARISONS {
        return Err(Complaint::malformed(format!("more than {MAX_COMPARISONS} comparisons")));
    }
    let comparison = ByteComparison {
        offset: read_offset(offset)?,
        number: read_number(options)?,
        comparisons: comparisons.into_iter().map(read_comparison).collect::<Result<_, _>>()?,
    };
    Ok(Subsignature::Compare { reference, comparison })
}

fn read_offset(text: &str) -> Result<i64, Complaint> {
    let (negative, digits) = match text.split_at_checked(2) {
        Some((">>", digits)) => (false, digits),
        Some(("<<", digits)) => (true, digits),
        _ if text == "0" => (false, text),
        _ => return Err(Complaint::malformed(format!("the offset {text:?} begins with neither >> nor <<"))),
    };
    let offset = integer(digits)?;
    Ok(if negative { offset.saturating_neg() } else { offset })
}

fn read_number(text: &str) -> Result<Number, Complaint> {
    let letters = text.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let length: u8 = number(text.get(letters.len()..).unwrap_or_default(), "number of bytes")?;
    let (mut numeral, mut order, mut exact) = (None, None, false);
    for letter in letters.chars() {
        match letter {
            'h' => numeral = Some(Numeral::Hexadecimal),
            'd' => numeral = Some(Numeral::Decimal),
            'a' => numeral = Some(Numeral::Automatic),
            'i' => numeral = Some(Numeral::Raw),
            'l' => order = Some(Order::Little),
            'b' => order = Some(Order::Big),
            'e' => exact = true,
            _ => return Err(Complaint::malformed(format!("the option {letter:?} is none that we know"))),
        }
    }
    let numeral = numeral.ok_or_else(|| Complaint::malformed("none of the options h, d, a and i"))?;
    let fits = match numeral {
        Numeral::Raw => matches!(length, 1 | 2 | 4 | 8),
        Numeral::Hexadecimal => (1..=MAX_HEXADECIMAL).contains(&length),
        Numeral::Decimal | Numeral::Automatic => length > 0,
    };
    if !fits {
        return Err(Complaint::malformed(format!("a number of this kind has not {length} bytes")));
    }
    if numeral == Numeral::Decimal && order == Some(Order::Little) {
        return Err(Complaint::malformed("a decimal number is never little-endian"));
    }
    match (numeral, order) {
        (Numeral::Decimal, _) => Ok(Number { numeral, order: Order::Big, exact, length }),
        (_, Some(order)) => Ok(Number { numeral, order, exact, length }),
        // ClamAV loads it, and it never matches.
        (_, None) => Err(Complaint::unsupported("a byte comparison without byte order")),
    }
}

fn read_comparison(text: &str) -> Result<(Comparison, i64), Complaint> {
    let comparison = match text.chars().next() {
        Some('=') => Comparison::Equal,
        Some('>') => Comparison::More,
        Some('<') => Comparison::Less,
        _ => return Err(Complaint::malformed(format!("{text:?} begins with none of <, > and ="))),
    };
    Ok((comparison, integer(text.get(1..).unwrap_or_default())?))
}

/// A number with or without sign, decimal or with `0x` hexadecimal.
fn integer(text: &str) -> Result<i64, Complaint> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    let number = parsed.map_err(|_| Complaint::malformed(format!("{text:?} is no number in range")))?;
    Ok(if negative { number.saturating_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_read() {
        assert!(recognises("0(>>6#ib4#>0x60000000,<0x70000000)"));
        let Ok(Subsignature::Compare { reference: 0, comparison }) =
            parse("0(>>6#ib4#>0x60000000,<0x70000000)", 1)
        else {
            panic!("not read");
        };
        assert_eq!(comparison.offset, 6);
        let number = Number { numeral: Numeral::Raw, order: Order::Big, exact: false, length: 4 };
        assert_eq!(comparison.number, number);
        assert_eq!(
            comparison.comparisons,
            [(Comparison::More, 0x6000_0000), (Comparison::Less, 0x7000_0000)]
        );
        let Ok(Subsignature::Compare { comparison, .. }) = parse("0(<<4#de3#=-5)", 1) else {
            panic!("not read");
        };
        assert_eq!((comparison.offset, comparison.number.exact), (-4, true));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for text in [
            "0(5#ib1#=1)",
            "0(>>5#ib3#=1)",
            "0(>>5#dl1#=1)",
            "0(>>5#hb19#=1)",
            "0(>>5#d0#=1)",
            "0(>>5#ib1#1)",
            "0(>>5#ib1#=1,=2,=3)",
            "0(>>5#x1#=1)",
            "0(>>5#ib1#<=1)",
            "0(>>5#b1#=1)",
            "0(>>5#ib1#=1",
        ] {
            assert!(matches!(parse(text, 1), Err(Complaint::Malformed(_))), "{text}");
        }
        for text in ["1(>>5#ib1#=1)", "0(>>5#i1#=1)"] {
            assert!(matches!(parse(text, 1), Err(Complaint::Unsupported(_))), "{text}");
        }
    }
}
