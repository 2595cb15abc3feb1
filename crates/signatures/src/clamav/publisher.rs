//! Publishers of programs that are trusted or blocked (`crb`), by their certificates.
//!
//! ```text
//! Name;Trusted;Subject;Serial;Pubkey;Exponent;CodeSign;TimeSign;CertSign;NotBefore;Comment[;MinFL[;MaxFL]]
//! ```
//!
//! `Trusted` is 1, or 0 for what is blocked. `Subject` and `Serial` are SHA-1 of what the certificate has there, the
//! second may be empty; `Pubkey` is the modulus of the RSA key. The exponent is always 65,537, and `NotBefore` has no
//! effect in ClamAV 1.4.6: both are passed over whatever they are.

use std::io;

use candor_detect::trust::{MAX_MODULUS, SignerSignature};
use candor_object::Category;

use super::{category, functionality_level};
use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// Publishers.
pub(crate) struct Publishers;

impl Language for Publishers {
    fn name(&self) -> &'static str {
        "ClamAV publishers"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["crb"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_line(text, output, |line, output| {
            if line.is_empty() {
                return Ok(());
            }
            let signature = read(line, output.source())?;
            output.signer(signature)
        })
    }
}

fn read(line: &str, source: &str) -> Result<SignerSignature, Complaint> {
    let fields: Vec<&str> = line.split(';').collect();
    let [name, trusted, subject, serial, key, _, code, time, certificates, _, _, levels @ ..] =
        fields.as_slice()
    else {
        return Err(Complaint::malformed(format!("{} fields, expected 11 to 13", fields.len())));
    };
    if levels.len() > 2 {
        return Err(Complaint::malformed(format!("{} fields, expected 11 to 13", fields.len())));
    }
    functionality_level(levels.first().copied(), levels.get(1).copied())?;
    let trusted = flag(trusted, "trust")?;
    let serial = if serial.is_empty() { None } else { Some(sha1(serial, "serial number")?) };
    let modulus = modulus(key)?;
    Ok(SignerSignature {
        name: (*name).to_owned(),
        source: source.to_owned(),
        text: line.to_owned(),
        category: if trusted { Category::Trusted } else { category(name) },
        subject: sha1(subject, "subject")?,
        serial,
        modulus,
        code: flag(code, "code signing")?,
        time: flag(time, "time signing")?,
        certificates: flag(certificates, "certificate signing")?,
    })
}

fn flag(text: &str, what: &str) -> Result<bool, Complaint> {
    match text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Complaint::malformed(format!("the {what} {text:?} is neither 0 nor 1"))),
    }
}

fn sha1(text: &str, what: &str) -> Result<[u8; 20], Complaint> {
    let digest = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    digest.ok_or_else(|| Complaint::malformed(format!("the {what} is no SHA-1")))
}

/// The modulus; one digit may be missing before the others.
fn modulus(text: &str) -> Result<Vec<u8>, Complaint> {
    let padded = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("0{text}") };
    let bytes = hex::decode(padded).ok().filter(|bytes| bytes.iter().any(|byte| *byte != 0));
    let bytes = bytes.ok_or_else(|| Complaint::malformed("the public key is no hexadecimal number"))?;
    if bytes.len() > MAX_MODULUS {
        return Err(Complaint::unsupported(format!("a public key of more than {MAX_MODULUS} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "4b78ac91e7cb2f6378b40057f77dec84629c605b";

    /// What `clamscan` 1.4.6 says to each line.
    #[test]
    fn lines_are_taken_as_by_clamscan() {
        let good = ["Root", "1", SHA, SHA, "F2EEB4", "010001", "1", "0", "1", "", "comment"];
        let with = |place: usize, value: &str| {
            let mut fields = good.map(str::to_owned);
            fields[place] = value.to_owned();
            read(&fields.join(";"), "t.crb")
        };
        let root = with(0, "Root").unwrap();
        assert_eq!((root.category, root.serial.is_some(), root.modulus.len()), (Category::Trusted, true, 3));
        assert_eq!((root.code, root.time, root.certificates), (true, false, true));
        for (place, value) in
            [(0, ""), (3, ""), (4, "abc"), (4, "f2eeb4"), (5, ""), (5, "xx"), (9, "x"), (9, "99999999999999")]
        {
            assert!(with(place, value).is_ok(), "{place} {value:?}");
        }
        for (place, value) in [
            (1, "2"),
            (1, ""),
            (2, ""),
            (2, "zz"),
            (2, "ab"),
            (3, "ab"),
            (3, "zz"),
            (4, ""),
            (4, "zz"),
            (6, ""),
            (6, "2"),
            (7, "a"),
            (8, ""),
        ] {
            assert_eq!(with(place, value).unwrap_err().kind(), "malformed", "{place} {value:?}");
        }
        assert_eq!(with(1, "0").unwrap().category, Category::Malware);
        assert_eq!(with(4, &"ab".repeat(2000)).unwrap_err().kind(), "unsupported");
    }

    #[test]
    fn levels_are_kept() {
        let line = format!("R;0;{SHA};;ab;010001;1;1;1;;");
        for (levels, kind) in [
            (";1", None),
            (";10;300", None),
            (";", None),
            (";999", Some("not for us")),
            (";x", Some("malformed")),
            (";1;999;x", Some("malformed")),
        ] {
            let complaint = read(&format!("{line}{levels}"), "t.crb").err();
            assert_eq!(complaint.as_ref().map(Complaint::kind), kind, "{levels}");
        }
        assert_eq!(read("R;0;x", "t.crb").unwrap_err().kind(), "malformed");
    }
}
