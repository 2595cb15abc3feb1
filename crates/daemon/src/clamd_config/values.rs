//! Values in clamd.conf, as its manual describes them.

/// The largest number that our own configuration can have.
const MOST: u64 = i64::MAX.unsigned_abs();

/// yes, no, true, false, 1 or 0.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" => Ok(false),
        _ => Err(format!("\"{text}\": expected yes or no")),
    }
}

/// An unsigned number.
pub(super) fn number<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    let number = text.parse::<u64>().ok().filter(|number| *number <= MOST);
    let number = number.and_then(|number| number.try_into().ok());
    number.ok_or_else(|| format!("\"{text}\": expected a number"))
}

/// A number of bytes, with K, M or G behind it for powers of 1024.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let units = [("K", 10), ("M", 20), ("G", 30), ("k", 10), ("m", 20), ("g", 30)];
    let unit = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    let (digits, shift) = unit.unwrap_or((text, &0));
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    let bytes = bytes.filter(|bytes| *bytes <= MOST);
    bytes.ok_or_else(|| format!("\"{text}\": expected a number of bytes such as 100M"))
}

/// Permissions in octal.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| format!("\"{text}\": expected octal permissions such as 660"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_the_manual_says() {
        assert_eq!((truth("Yes"), truth("0")), (Ok(true), Ok(false)));
        assert!(truth("maybe").is_err());
        assert_eq!(
            (bytes("25"), bytes("5k"), bytes("100M"), bytes("2G")),
            (Ok(25), Ok(5120), Ok(100 << 20), Ok(2 << 30))
        );
        assert!(bytes("M").is_err() && bytes("99999999999999G").is_err() && bytes("1.5M").is_err());
        assert_eq!((mode("660"), mode("0666")), (Ok(0o660), Ok(0o666)));
        assert!(mode("8").is_err() && mode("7777").is_err());
        assert!(number::<u16>("70000").is_err() && number::<usize>("-1").is_err());
    }
}
