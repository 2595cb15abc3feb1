//! The records of a pax header, of which only names and sizes matter here.

/// What a pax header says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// The name of the next member.
    pub(super) name: Option<String>,
    /// The size of the next member's content as it is stored.
    pub(super) size: Option<u64>,
    /// Whether the next member is a sparse file.
    pub(super) sparse: bool,
    /// What is wrong with a record; those before it count.
    pub(super) damage: Option<String>,
}

impl Records {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut records = Self::default();
        let mut rest = bytes;
        while rest.first().is_some_and(|byte| *byte != 0) {
            let Some((key, value, after)) = record(rest) else {
                let offset = bytes.len().saturating_sub(rest.len());
                records.damage = Some(format!("no record at its byte {offset}"));
                break;
            };
            rest = after;
            match key {
                b"path" if records.name.is_none() => records.name = Some(crate::fields::name(value)),
                // The name in front of it is that of a temporary file.
                b"GNU.sparse.name" => records.name = Some(crate::fields::name(value)),
                b"size" => match std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
                    Some(size) => records.size = Some(size),
                    None => records.damage = Some("the size is no number".to_owned()),
                },
                b"GNU.sparse.major" | b"GNU.sparse.map" | b"GNU.sparse.size" | b"GNU.sparse.realsize" => {
                    records.sparse = true;
                }
                _ => {}
            }
        }
        records
    }
}

/// The first record, `LENGTH KEY=VALUE` and a line feed, and what follows it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(bytes.get(..space)?).ok()?.parse().ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let record = record.get(space.checked_add(1)?..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((record.get(..equals)?, record.get(equals.checked_add(1)?..)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sizes_are_found_and_damage_ends_the_search() {
        let records = Records::parse(b"12 path=abc\n11 size=12\n6 a=b\n\0\0");
        assert_eq!(records, Records { name: Some("abc".to_owned()), size: Some(12), ..Records::default() });
        let records = Records::parse(b"12 path=abc\n99 size=12\n");
        assert_eq!(records.name.as_deref(), Some("abc"));
        assert_eq!(records.damage.as_deref(), Some("no record at its byte 12"));
        for damaged in [&b"0 \n"[..], b"3 \n", b"5 a=b", b"x", b"18446744073709551616 a=b\n"] {
            assert!(Records::parse(damaged).damage.is_some(), "{damaged:?}");
        }
    }
}
