//! The first 512 bytes of a container, which the list of members repeats.
//!
//! `ClamAV-VDB:<created>:<version>:<signatures>:<level>:<md5>:<signature>:<builder>[:<unix time>]`, padded with spaces.

/// Length of the header in bytes.
pub const LENGTH: usize = 512;
/// What a header begins with.
const MAGIC: &str = "ClamAV-VDB";

/// What the header of a container says. Nobody has checked any of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// When it was made, as its maker writes it: `22 Jun 2021 14-58 -0400`.
    pub created: String,
    /// Its number; a later one replaces an earlier one.
    pub version: u32,
    /// The number of its signatures.
    pub signatures: u32,
    /// The functionality level that it needs.
    pub level: u32,
    /// MD5 of all that follows the header, in hexadecimal, or `X`.
    pub md5: String,
    /// The signature, or `X`.
    pub signature: String,
    /// Who made it.
    pub builder: String,
    /// When it was made, in seconds since 1970; not in old containers.
    pub time: Option<u64>,
}

impl Header {
    /// The header in these bytes.
    ///
    /// # Errors
    /// The reason why they are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = bytes.get(..bytes.len().min(LENGTH)).unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| "the header is no text".to_owned())?;
        let text = text.trim_end_matches([' ', '\0', '\n', '\r']);
        if text.chars().any(char::is_control) {
            return Err("the header is no text".to_owned());
        }
        let fields: Vec<&str> = text.split(':').collect();
        let [magic, created, version, signatures, level, md5, signature, builder, time @ ..] =
            fields.as_slice()
        else {
            return Err("the header has too few fields".to_owned());
        };
        if *magic != MAGIC {
            return Err(format!("it does not begin with {MAGIC}"));
        }
        let time = match time {
            [] => None,
            [time] => Some(number(time, "time")?),
            _ => return Err("the header has too many fields".to_owned()),
        };
        Ok(Self {
            created: (*created).to_owned(),
            version: number(version, "version")?,
            signatures: number(signatures, "number of signatures")?,
            level: number(level, "functionality level")?,
            md5: (*md5).to_owned(),
            signature: (*signature).to_owned(),
            builder: (*builder).to_owned(),
            time,
        })
    }

    /// Whether both are about the same container; digest and signature are not regarded.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        let key = |header: &Self| {
            let Self { created, version, signatures, level, builder, time, .. } = header.clone();
            (created, version, signatures, level, builder, time)
        };
        key(self) == key(other)
    }

    /// The MD5 of what follows; nothing if there is none.
    pub(super) fn digest(&self) -> Option<[u8; 16]> {
        hex::decode(&self.md5).ok()?.try_into().ok()
    }
}

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| format!("the {what} {text:?} is no number in range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "ClamAV-VDB:22 Jun 2021 14-58 -0400:1:2:81:a4ab60ae1c1c4e8f787459102dcfd90b:abc:me:1624388302";

    #[test]
    fn a_padded_header_is_read() {
        let header = Header::parse(format!("{LINE:<512}behind").as_bytes()).unwrap();
        assert_eq!((header.version, header.signatures, header.level), (1, 2, 81));
        assert_eq!((header.builder.as_str(), header.time), ("me", Some(1_624_388_302)));
        assert_eq!(header.digest().unwrap()[0], 0xa4);
        let old = Header::parse(LINE.rsplit_once(':').unwrap().0.as_bytes()).unwrap();
        assert_eq!(old.time, None);
        assert!(!old.agrees_with(&header));
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_reason() {
        for (line, reason) in [
            ("", "fields"),
            ("GIF89a:1:2:3:4:5:6:7", "begin"),
            ("ClamAV-VDB:d:-1:2:81:X:X:me:1", "version"),
            ("ClamAV-VDB:d:1:2:99999999999:X:X:me:1", "level"),
            ("ClamAV-VDB:d:1:2:81:X:X:me:1:2", "many"),
            ("ClamAV-VDB:d\x1b:1:2:81:X:X:me:1", "no text"),
        ] {
            let told = Header::parse(line.as_bytes()).unwrap_err();
            assert!(told.contains(reason), "{line:?}: {told}");
        }
    }
}
