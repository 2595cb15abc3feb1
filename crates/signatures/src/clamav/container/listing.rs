//! The list of members (`.info`): the header again, each member with size and SHA-256, and a signature.
//!
//! ```text
//! ClamAV-VDB:...:X:X:...
//! test.ndb:240:244a20e9...
//! DSIG:...
//! ```

use sha2::{Digest, Sha256};

use super::header::Header;

/// What is before the signature.
const SIGNATURE: &str = "DSIG:";

/// A member of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, without a folder.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

/// The list of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) header: Header,
    pub(super) members: Vec<Member>,
    /// The signature, if there is one.
    pub(super) signature: Option<String>,
    /// SHA-256 of all that the signature is about.
    pub(super) sha256: [u8; 32],
}

impl Listing {
    /// The list in this text, or the reason why it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the list of members is no text".to_owned())?;
        let signed_length = match text.rfind("\nDSIG:") {
            Some(place) => place.saturating_add(1),
            None => text.len(),
        };
        let (signed, signature) = text.split_at_checked(signed_length).unwrap_or_default();
        let signature = signature.strip_prefix(SIGNATURE);
        let signature = signature.map(|signature| signature.trim_end_matches(['\n', '\r']).to_owned());
        if signature.as_ref().is_some_and(|signature| signature.contains('\n')) {
            return Err("the list of members goes on behind its signature".to_owned());
        }
        let mut lines = signed.lines();
        let header = Header::parse(lines.next().unwrap_or_default().as_bytes())
            .map_err(|reason| format!("the list of members: {reason}"))?;
        let members = lines.map(member).collect::<Result<_, _>>()?;
        Ok(Self { header, members, signature, sha256: Sha256::digest(signed.as_bytes()).into() })
    }

    /// The member of this name.
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

fn member(line: &str) -> Result<Member, String> {
    let mut fields = line.split(':');
    let mut read = || {
        let name = fields.next()?.to_owned();
        let size =
            fields.next().filter(|size| size.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
        let sha256 = hex::decode(fields.next()?).ok()?.try_into().ok()?;
        fields.next().is_none().then_some(Member { name, size, sha256 })
    };
    read().ok_or_else(|| format!("the list of members has the line {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "ClamAV-VDB:d:1:2:81:X:X:me:1\n";

    #[test]
    fn members_and_signature_are_read() {
        let sum = "ab".repeat(32);
        let listing = Listing::parse(format!("{HEAD}a.hdb:12:{sum}\nDSIG:xyz\n").as_bytes()).unwrap();
        assert_eq!(listing.member("a.hdb").unwrap().size, 12);
        assert_eq!(listing.signature.as_deref(), Some("xyz"));
        assert_eq!(listing.sha256, <[u8; 32]>::from(Sha256::digest(format!("{HEAD}a.hdb:12:{sum}\n"))));
        assert_eq!(Listing::parse(HEAD.as_bytes()).unwrap().signature, None);
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let sum = "ab".repeat(32);
        for text in [
            "".to_owned(),
            format!("{HEAD}a.hdb:12:{sum}:more\n"),
            format!("{HEAD}a.hdb:-1:{sum}\n"),
            format!("{HEAD}a.hdb:1:abcd\n"),
            format!("{HEAD}\n"),
            format!("{HEAD}DSIG:xyz\na.hdb:12:{sum}\n"),
        ] {
            assert!(Listing::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
