//! Offsets of patterns: `*`, `n`, `EOF-n`, `EP+n`, `EP-n`, `Sx+n`, `SL+n`, `SEx`, `VI`,
//! each but `*`, `SEx` and `VI` with `,m`.

use candor_detect::pattern::{Base, Place};

use super::number;
use super::target::is_executable;
use crate::Complaint;

/// Longest offset in bytes.
const MAX_LENGTH: usize = 64;

/// The place that an offset means for signatures of a target.
pub(super) fn parse(text: &str, target: u32) -> Result<Place, Complaint> {
    if text.len() > MAX_LENGTH {
        return Err(Complaint::malformed(format!("the offset is longer than {MAX_LENGTH} bytes")));
    }
    if text == "*" {
        return Ok(Place::ANYWHERE);
    }
    if text == "VI" {
        needs_executable(text, target)?;
        return Ok(Place { base: Base::VersionInfo, delta: 0, slack: 0 });
    }
    if text.starts_with('$') {
        return Err(Complaint::malformed("a macro group is for extended signatures"));
    }
    let (place, slack) = match text.split_once(',') {
        Some((place, slack)) => (place, number::<u32>(slack, "range of the offset")?),
        None => (text, 0),
    };
    if let Some(section) = place.strip_prefix("SE") {
        needs_executable(text, target)?;
        let base = Base::InsideSection(number(section, "section")?);
        return Ok(Place { base, delta: 0, slack: 0 });
    }
    let (base, delta) = if let Some(delta) = place.strip_prefix("EOF-") {
        let delta: u32 = number(delta, "offset")?;
        (Base::End, i64::from(delta).saturating_neg())
    } else if let Some(delta) = place.strip_prefix("EP+") {
        (Base::EntryPoint, i64::from(number::<u32>(delta, "offset")?))
    } else if let Some(delta) = place.strip_prefix("EP-") {
        (Base::EntryPoint, i64::from(number::<u32>(delta, "offset")?).saturating_neg())
    } else if let Some(delta) = place.strip_prefix("SL+") {
        (Base::LastSection, i64::from(number::<u32>(delta, "offset")?))
    } else if let Some(rest) = place.strip_prefix('S') {
        let (section, delta) = rest
            .split_once('+')
            .ok_or_else(|| Complaint::malformed(format!("the offset {text:?} is none that we know")))?;
        (Base::Section(number(section, "section")?), i64::from(number::<u32>(delta, "offset")?))
    } else {
        (Base::Start, i64::from(number::<u32>(place, "offset")?))
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
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (text, target) in
            [("-4", 0), ("0x8", 0), ("EP+0", 0), ("S0+0", 0), ("Sx+1", 1), ("", 0), ("99999999999", 0)]
        {
            assert!(matches!(parse(text, target), Err(Complaint::Malformed(_))), "{text}");
        }
        assert_eq!(parse("VI", 1), Ok(Place { base: Base::VersionInfo, delta: 0, slack: 0 }));
        assert!(matches!(parse("VI", 0), Err(Complaint::Malformed(_))));
    }
}
