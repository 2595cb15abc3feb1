//! Passwords of archives (`pwdb`), which ClamAV tries on members of zip files with the old encryption.
//!
//! `Name;TargetDescription;0|1;Password`, where 1 says that the password is in hexadecimal; of the target description
//! only `Engine`, `Target` and `Container` have a meaning.
//!
//! Nothing here decrypts yet, so that each good line is reported as unsupported; encrypted members are gaps.

use std::io;

use super::logical::DESCRIPTION_LEVEL;
use super::{FUNCTIONALITY_LEVEL, number, range};
use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// The containers that may be named.
const CONTAINERS: [&str; 3] = ["CL_TYPE_ANY", "CL_TYPE_ZIP", "CL_TYPE_RAR"];

/// Passwords of archives.
pub(crate) struct Passwords;

impl Language for Passwords {
    fn name(&self) -> &'static str {
        "ClamAV passwords"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pwdb"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_line(text, output, |line, _| Err(complaint(line)))
    }
}

fn complaint(line: &str) -> Complaint {
    match read(line) {
        Ok(()) => Complaint::unsupported("a password: encrypted members are not opened"),
        Err(complaint) => complaint,
    }
}

fn read(line: &str) -> Result<(), Complaint> {
    let mut fields = line.splitn(4, ';');
    let (Some(_), Some(description), Some(kind), Some(password)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Complaint::malformed("fewer than 4 fields"));
    };
    read_description(description)?;
    match kind {
        "0" => Ok(()),
        "1" if hex::decode(password).is_ok() => Ok(()),
        "1" => Err(Complaint::malformed("the password is not hexadecimal")),
        _ => Err(Complaint::NotForUs(format!("the kind of password {kind:?} is unknown"))),
    }
}

fn read_description(text: &str) -> Result<(), Complaint> {
    let mut lowest = 0;
    let mut container = false;
    for (place, field) in text.split(',').enumerate() {
        match field.split_once(':') {
            Some(("Engine", _)) if place > 0 => return Err(Complaint::malformed("Engine must come first")),
            Some(("Engine", value)) => {
                let (low, high) = range::<u32>(value, "Engine")?;
                if !(low..=high).contains(&FUNCTIONALITY_LEVEL) {
                    return Err(Complaint::NotForUs(format!("for functionality level {low} to {high}")));
                }
                lowest = low;
            }
            Some(("Target", value)) => drop(number::<u32>(value, "target type")?),
            Some(("Container", value)) if CONTAINERS.contains(&value) => container = true,
            Some(("Container", value)) => {
                return Err(Complaint::malformed(format!("passwords are not for the container {value:?}")));
            }
            _ => return Err(Complaint::malformed(format!("{field:?} in the target description is unknown"))),
        }
    }
    if container && lowest < DESCRIPTION_LEVEL {
        return Err(Complaint::malformed(format!("Container needs Engine with {DESCRIPTION_LEVEL} or more")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as `clamscan` 1.4.6 takes, skips or refuses it.
    #[test]
    fn lines_are_read_and_none_is_used() {
        for (line, kind) in [
            ("Pw.One;Engine:80-300;0;infected", "unsupported"),
            ("Pw.One;Engine:80-300,Container:CL_TYPE_ZIP;0;infected", "unsupported"),
            ("Pw.One;Engine:80-300,Container:CL_TYPE_ANY;0;a;b", "unsupported"),
            ("Pw.One;Engine:1-300;0;", "unsupported"),
            ("Pw.One;Target:0;1;696e66", "unsupported"),
            ("Pw.One;Engine:300-400;0;abc", "not for us"),
            ("Pw.One;Engine:80-300;2;abc", "not for us"),
            ("Pw.One;Engine:80-300,Container:CL_TYPE_7Z;0;infected", "malformed"),
            ("Pw.One;Engine:80-300;1;696e6", "malformed"),
            ("Pw.One;Engine:80-300;1;zz", "malformed"),
            ("Pw.One;;0;abc", "malformed"),
            ("Pw.One;Engine:1-300;0", "malformed"),
            ("Pw.One;Engine:80-300,Foo:1;0;a", "malformed"),
            ("Pw.One;Container:CL_TYPE_ZIP,Engine:80-300;0;a", "malformed"),
            ("Pw.One;Container:CL_TYPE_ZIP;0;a", "malformed"),
            ("Pw.One;Engine:1-300,Container:CL_TYPE_ZIP;0;a", "malformed"),
        ] {
            assert_eq!(complaint(line).kind(), kind, "{line}: {}", complaint(line));
        }
    }
}
