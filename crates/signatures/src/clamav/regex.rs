//! Regular expressions as subsignatures: `[Offset:]Trigger/expression/[flags]`.

use candor_detect::logical::Subsignature;
use candor_detect::pattern::Place;
use candor_detect::regex::{Flags, Regex};

use super::{expression, offset};
use crate::Complaint;

/// ClamAV's letters, of which most are PCRE's.
const FLAGS: &[(char, Flags)] = &[
    ('g', Flags::GLOBAL),
    ('r', Flags::ROLLING),
    ('e', Flags::ENCOMPASS),
    ('i', Flags::CASELESS),
    ('s', Flags::DOT_ALL),
    ('m', Flags::MULTI_LINE),
    ('x', Flags::EXTENDED),
    ('A', Flags::ANCHORED),
    ('E', Flags::DOLLAR_END_ONLY),
    ('U', Flags::UNGREEDY),
];

/// Reads the subsignature of this number.
pub(super) fn parse(text: &str, target: u32, number: usize) -> Result<Subsignature, Complaint> {
    let (before, rest) = text.split_once('/').unwrap_or((text, ""));
    let (expression, letters) =
        rest.rsplit_once('/').ok_or_else(|| Complaint::malformed("the regular expression has no end"))?;
    let (place, trigger) = match before.rsplit_once(':') {
        Some((place, trigger)) => (offset::parse(place, target)?, trigger),
        None => (Place::ANYWHERE, before),
    };
    if trigger.is_empty() {
        return Err(Complaint::malformed("the regular expression has no trigger"));
    }
    let trigger = expression::parse(trigger)?;
    if expression::patterns(&trigger) > number {
        return Err(Complaint::malformed("the trigger names a subsignature that does not stand before"));
    }
    if expression.is_empty() {
        return Err(Complaint::malformed("the regular expression is empty"));
    }
    let mut flags = Flags::default();
    for letter in letters.chars() {
        let known = FLAGS.iter().find(|(known, _)| *known == letter).map(|(_, flag)| *flag);
        let unknown = || Complaint::malformed(format!("the flag {letter:?} is none that we know"));
        flags = flags | known.ok_or_else(unknown)?;
    }
    let regex = Regex { text: expression.to_owned(), place, flags };
    regex.check().map_err(|reason| Complaint::malformed(format!("the regular expression: {reason}")))?;
    Ok(Subsignature::Regex { trigger, regex })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_read() {
        let Ok(Subsignature::Regex { trigger, regex }) = parse("9,20:0&1/a\\/;b/gi", 0, 2) else {
            panic!("not read");
        };
        assert_eq!(trigger, expression::parse("0&1").unwrap());
        assert_eq!(regex.text, "a\\/;b");
        assert_eq!(regex.place, Place { slack: 20, ..Place::at(9) });
        assert_eq!(regex.flags, Flags::GLOBAL | Flags::CASELESS);
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for text in ["/a/", "0/a", "1/a/", "0//", "0/(/", "0/a/q", "x/a/", "9z:0/a/"] {
            assert!(matches!(parse(text, 0, 1), Err(Complaint::Malformed(_))), "{text}");
        }
    }
}
