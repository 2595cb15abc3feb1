//! Offsets of patterns: `*`, `n`, `EOF-n`, `EP+n`, `EP-n`, `Sx+n`, `SL+n`, `SEx`, `VI`,
//! each but `*`, `SEx` and `VI` with `,m`.

use std::str::FromStr;

use candor_detect::pattern::{Base, Element, Group, Place};

use super::target::is_executable;
use super::{number, number_or_zero};
use crate::Complaint;

/// Longest offset in bytes.
const MAX_LENGTH: usize = 64;
/// The number by which ClamAV means any place.
const ANYWHERE: u32 = u32::MAX;

/// Where a pattern begins whose offset is this: a boundary at its beginning is the byte before the offset.
pub(super) fn of_pattern(place: Place, groups: &[Group]) -> Place {
    let first = groups.first().and_then(|group| group.elements.first());
    let boundary = matches!(first, Some(Element::Boundary(_) | Element::NotBoundary(_)));
    // At the beginning of the content nothing is before it.
    let movable = match place.base {
        Base::Start => place.delta > 0,
        Base::Anywhere | Base::InsideSection(_) | Base::VersionInfo => false,
        _ => true,
    };
    if boundary && movable { Place { delta: place.delta.saturating_sub(1), ..place } } else { place }
}

/// A number of an offset, which is 32 bits long; nothing means 0.
fn offset<T: FromStr + Default>(text: &str) -> Result<T, Complaint> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match number_or_zero(text, "offset") {
        Err(_) if digits => Err(Complaint::unsupported(format!("an offset of {text} bytes"))),
        other => other,
    }
}

/// The place that an offset means for signatures of a target.
pub(super) fn parse(text: &str, target: u32) -> Result<Place, Complaint> {
    if text.len() > MAX_LENGTH {
        return Err(Complaint::malformed(format!("the offset is longer than {MAX_LENGTH} bytes")));
    }
    if text == "*" {
        return Ok(Place::ANYWHERE);
    }
    if text.starts_with("VI") {
        needs_executable(text, target)?;
        return Ok(Place { base: Base::VersionInfo, delta: 0, slack: 0 });
    }
    if text.starts_with('$') {
        return Err(Complaint::malformed("a macro group is for extended signatures"));
    }
    let (place, slack) = match text.split_once(',') {
        Some((place, slack)) => (place, offset::<u32>(slack)?),
        None => (text, 0),
    };
    if let Some(section) = place.strip_prefix("SE") {
        needs_executable(text, target)?;
        let base = Base::InsideSection(offset(section)?);
        return Ok(Place { base, delta: 0, slack: 0 });
    }
    let (base, delta) = if let Some(delta) = place.strip_prefix("EOF-") {
        let delta: u32 = offset(delta)?;
        (Base::End, i64::from(delta).saturating_neg())
    } else if let Some(delta) = place.strip_prefix("EP+") {
        (Base::EntryPoint, i64::from(offset::<u32>(delta)?))
    } else if let Some(delta) = place.strip_prefix("EP-") {
        (Base::EntryPoint, i64::from(offset::<u32>(delta)?).saturating_neg())
    } else if let Some(delta) = place.strip_prefix("SL+") {
        (Base::LastSection, i64::from(offset::<u32>(delta)?))
    } else if let Some(rest) = place.strip_prefix('S') {
        let (section, delta) = rest
            .split_once('+')
            // Of all numbers this is the only one that ClamAV wants to be there.
            .filter(|(_, delta)| !delta.is_empty())
            .ok_or_else(|| Complaint::malformed(format!("the offset {text:?} is none that we know")))?;
        (Base::Section(number(section, "section")?), i64::from(offset::<u32>(delta)?))
    } else {
        match offset::<u32>(place)? {
            ANYWHERE => return Ok(Place::ANYWHERE),
            delta => (Base::Start, i64::from(delta)),
        }
    };
    if !matches!(base, Base::Start | Base::End) {
        needs_executable(text, target)?;
    }
    Ok(Place { base, delta, slack })
}

fn needs_executable(text: &str, target: u32) -> Result<(), Complaint> {
    if is_executable(target) {
        return Ok(());
    }
    Err(Complaint::malformed(format!("the offset {text:?} is for executables, the target type is {target}")))
}

#[cfg(test)]
mod tests {
    use candor_detect::pattern::Boundary;

    use super::*;

    #[test]
    fn every_form_is_read() {
        let place = |base, delta, slack| Ok(Place { base, delta, slack });
        assert_eq!(parse("*", 0), Ok(Place::ANYWHERE));
        assert_eq!(parse("7,1", 0), place(Base::Start, 7, 1));
        assert_eq!(parse("EOF-10,10", 0), place(Base::End, -10, 10));
        assert_eq!(parse("EP-3", 1), place(Base::EntryPoint, -3, 0));
        assert_eq!(parse("S2+16,4", 6), place(Base::Section(2), 16, 4));
        assert_eq!(parse("SL+0", 9), place(Base::LastSection, 0, 0));
        assert_eq!(parse("SE1", 1), place(Base::InsideSection(1), 0, 0));
        assert_eq!(parse("", 0), place(Base::Start, 0, 0));
        assert_eq!(parse("7,", 0), place(Base::Start, 7, 0));
        assert_eq!(parse("4294967295,7", 0), Ok(Place::ANYWHERE));
    }

    #[test]
    fn a_boundary_at_the_beginning_is_before_the_offset() {
        let groups = |first: Vec<Element>| vec![Group { gap: 0, elements: first }];
        let word = groups(vec![Element::Boundary(Boundary::NotAlphanumeric), Element::literal(b'a')]);
        let plain = groups(vec![Element::literal(b'a')]);
        for (text, delta) in [("8", 7), ("8,2", 7), ("0", 0), ("EOF-8", -9), ("EP+0", -1), ("S1+4", 3)] {
            let place = parse(text, 1).unwrap();
            assert_eq!(of_pattern(place, &word), Place { delta, ..place }, "{text}");
            assert_eq!(of_pattern(place, &plain), place, "{text}");
        }
        for text in ["*", "SE1"] {
            let place = parse(text, 1).unwrap();
            assert_eq!(of_pattern(place, &word), place, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (text, target) in [
            ("-4", 0),
            ("0x8", 0),
            ("EP+0", 0),
            ("S0+0", 0),
            ("Sx+1", 1),
            ("S1+", 1),
            ("$32$", 0),
            ("$x$", 0),
            ("$1", 0),
        ] {
            assert!(matches!(parse(text, target), Err(Complaint::Malformed(_))), "{text}");
        }
        assert!(matches!(parse("99999999999", 1), Err(Complaint::Unsupported(_))));
        assert_eq!(parse("VI", 1), Ok(Place { base: Base::VersionInfo, delta: 0, slack: 0 }));
        assert!(matches!(parse("VI", 0), Err(Complaint::Malformed(_))));
    }
}
