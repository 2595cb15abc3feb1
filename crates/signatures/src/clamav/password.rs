//! Passwords of archives (`pwdb`).
//!
//! `Name;TargetDescription;0|1;Password`, where 1 says that the password is in hexadecimal; of the target description
//! only `Engine`, `Target` and `Container` have a meaning. ClamAV tries them on members of zip files with the old
//! encryption; here they go to each format that has passwords.

use std::io;

use candor_detect::password::PasswordSignature;
use candor_object::MAX_PASSWORD;

use super::logical::DESCRIPTION_LEVEL;
use super::{FUNCTIONALITY_LEVEL, number, range};
use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// The containers that may be named, and what they are here.
const CONTAINERS: [(&str, Option<&str>); 3] =
    [("CL_TYPE_ANY", None), ("CL_TYPE_ZIP", Some("zip")), ("CL_TYPE_RAR", Some("rar"))];

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
        each_line(text, output, |line, output| {
            let signature = PasswordSignature { source: output.source().to_owned(), ..read(line)? };
            output.password(&signature)
        })
    }
}

/// The password of a line, without its source.
fn read(line: &str) -> Result<PasswordSignature, Complaint> {
    let mut fields = line.splitn(4, ';');
    let (Some(name), Some(description), Some(kind), Some(password)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Complaint::malformed("fewer than 4 fields"));
    };
    let container = read_description(description)?;
    let bytes = match kind {
        "0" => password.as_bytes().to_vec(),
        "1" => hex::decode(password).map_err(|_| Complaint::malformed("the password is not hexadecimal"))?,
        _ => return Err(Complaint::NotForUs(format!("the kind of password {kind:?} is unknown"))),
    };
    if bytes.len() > MAX_PASSWORD {
        return Err(Complaint::unsupported(format!("a password of more than {MAX_PASSWORD} bytes")));
    }
    let container = container.map(str::to_owned);
    Ok(PasswordSignature { name: name.to_owned(), source: String::new(), container, bytes })
}

/// The type of the archives that a password is for.
fn read_description(text: &str) -> Result<Option<&'static str>, Complaint> {
    let mut lowest = 0;
    let mut container = None;
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
            Some(("Container", value)) => {
                let known = CONTAINERS.iter().find(|(theirs, _)| *theirs == value).map(|(_, ours)| *ours);
                let wrong = || Complaint::malformed(format!("passwords are not for the container {value:?}"));
                container = Some(known.ok_or_else(wrong)?);
            }
            _ => return Err(Complaint::malformed(format!("{field:?} in the target description is unknown"))),
        }
    }
    if container.is_some() && lowest < DESCRIPTION_LEVEL {
        return Err(Complaint::malformed(format!("Container needs Engine with {DESCRIPTION_LEVEL} or more")));
    }
    Ok(container.flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as `clamscan` 1.4.6 takes, skips or refuses it.
    #[test]
    fn lines_are_read() {
        for (line, kind) in [
            ("Pw.One;Engine:80-300;0;infected", "good"),
            ("Pw.One;Engine:80-300,Container:CL_TYPE_ZIP;0;infected", "good"),
            ("Pw.One;Engine:80-300,Container:CL_TYPE_ANY;0;a;b", "good"),
            ("Pw.One;Engine:1-300;0;", "good"),
            ("Pw.One;Target:0;1;696e66", "good"),
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
            let read = read(line);
            assert_eq!(read.as_ref().map_or_else(Complaint::kind, |_| "good"), kind, "{line}: {read:?}");
        }
    }

    #[test]
    fn passwords_are_bytes() {
        let read = |line| read(line).map(|signature| (signature.container, signature.bytes));
        let zip = Some("zip".to_owned());
        assert_eq!(read("P;Engine:80-300,Container:CL_TYPE_ZIP;0;a;b"), Ok((zip, b"a;b".to_vec())));
        assert_eq!(read("P;Engine:80-300,Container:CL_TYPE_ANY;0;"), Ok((None, Vec::new())));
        assert_eq!(read("P;Target:0;1;69FF00"), Ok((None, vec![0x69, 0xff, 0])));
        let long = format!("P;Target:0;0;{}", "x".repeat(MAX_PASSWORD + 1));
        assert!(matches!(read(&long), Err(Complaint::Unsupported(_))));
    }
}
