//! Feeds: files of YARA rules or digests that somebody else publishes, each with its licence and its own proof.

use std::fmt::{self, Display, Formatter};

use minisign_verify::{PublicKey, Signature};
use serde::{Deserialize, Deserializer, de};
use sha2::{Digest, Sha256};

/// Most bytes of a feed, unless the configuration says otherwise.
const MOST: u64 = 64 << 20;
/// Most that the configuration may say.
const LARGEST: u64 = 1 << 30;
/// Longest name; it becomes one of a folder, and of a member of a segment.
const LONGEST_NAME: usize = 40;
/// Most bytes of a signature. minisign writes four lines.
pub const LONGEST_SIGNATURE: u64 = 16 << 10;
/// The languages of feeds, by extension. Lists of trust and of what is ignored are none: who publishes rules shall not
/// be able to excuse anything.
pub const EXTENSIONS: [&str; 12] =
    ["yar", "yara", "md5", "sha1", "sha256", "hashes", "hdb", "hsb", "hdu", "hsu", "mdb", "msb"];

/// A `[[source]]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// What it is called here: small letters, digits and hyphens.
    pub name: String,
    /// Where it is: a URL, or the path of a file or of the folder that it lies in.
    pub url: String,
    /// Under which licence it is used, for people.
    pub licence: String,
    /// What the file is called; its extension decides the language.
    pub file: String,
    /// The digest that it must have.
    #[serde(default, deserialize_with = "digest")]
    pub sha256: Option<[u8; 32]>,
    /// Where its minisign signature is.
    #[serde(default)]
    pub signature: Option<String>,
    /// The minisign key that signs it, as one line of base64.
    #[serde(default)]
    pub key: Option<String>,
    /// Most bytes.
    #[serde(default = "most")]
    pub most: u64,
    /// Whether it is used.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// Who vouches for the content of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouching {
    /// The configuration names its digest.
    Pinned,
    /// Its publisher signs it.
    Signed,
    /// Nobody but the place that it comes from.
    Nobody,
}

impl Display for Vouching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pinned => "pinned by its digest",
            Self::Signed => "signed by its publisher",
            Self::Nobody => "nobody signed it",
        })
    }
}

impl Feed {
    /// Who vouches for it.
    pub fn vouching(&self) -> Vouching {
        match (&self.sha256, &self.key) {
            (Some(_), _) => Vouching::Pinned,
            (None, Some(_)) => Vouching::Signed,
            (None, None) => Vouching::Nobody,
        }
    }

    /// Whether it is what it must be; `signature` is what its publisher put beside it. If that says when it was made, in
    /// seconds since 1970, and the content is not pinned: that.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn verify(&self, content: &[u8], signature: Option<&[u8]>) -> Result<Option<u64>, String> {
        let found: [u8; 32] = Sha256::digest(content).into();
        if let Some(pinned) = self.sha256.filter(|pinned| *pinned != found) {
            let (found, pinned) = (hex::encode(found), hex::encode(pinned));
            return Err(format!("its SHA-256 is {found}, and the configuration pins {pinned}"));
        }
        let Some(key) = &self.key else { return Ok(None) };
        let key = PublicKey::from_base64(key).map_err(|error| format!("the key: {error}"))?;
        let text = signature.ok_or("its signature is missing")?;
        let text = std::str::from_utf8(text).map_err(|_| "its signature is no text")?;
        let signature = Signature::decode(text).map_err(|error| format!("its signature: {error}"))?;
        key.verify(content, &signature, true).map_err(|_| {
            "its signature is not that of this content by the key of the configuration".to_owned()
        })?;
        // Who pins a digest says which content is wanted, however old it is.
        Ok(if self.sha256.is_some() { None } else { signed_at(signature.trusted_comment()) })
    }

    /// What is wrong with it in the configuration.
    fn check(&self) -> Result<(), String> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let name = self.name.as_str();
        if name.is_empty() || name.len() > LONGEST_NAME || name.starts_with('-') || !name.bytes().all(letter)
        {
            return Err("a name has small letters, digits and hyphens, at most 40".to_owned());
        }
        if name == "clamav" {
            return Err("this name is that of ClamAV's own databases".to_owned());
        }
        if self.licence.trim().is_empty() {
            return Err("its licence must be named".to_owned());
        }
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
        let file = self.file.as_str();
        if file.len() > LONGEST_NAME || file.starts_with('.') || !file.bytes().all(letter) {
            return Err("`file` is a name of A-Z a-z 0-9 . _ + - of at most 40 letters".to_owned());
        }
        if !file.rsplit_once('.').is_some_and(|(stem, end)| !stem.is_empty() && EXTENSIONS.contains(&end)) {
            return Err(format!("`file` ends in one of {}", EXTENSIONS.join(", ")));
        }
        if self.signature.is_some() != self.key.is_some() {
            return Err("`signature` and `key` belong together".to_owned());
        }
        if let Some(Err(error)) = self.key.as_deref().map(PublicKey::from_base64) {
            return Err(format!("`key` is no public key of minisign: {error}"));
        }
        let away = self.url.contains("://") && !self.url.starts_with("file://");
        if self.vouching() == Vouching::Nobody && away && !self.url.starts_with("https://") {
            return Err("without `sha256` or `signature` it must come over https".to_owned());
        }
        if self.most == 0 || self.most > LARGEST {
            return Err(format!("`most` is between 1 and {LARGEST} bytes"));
        }
        Ok(())
    }
}

/// Reads all sources of a configuration.
pub(crate) fn read_all<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Feed>, D::Error> {
    let feeds = Vec::<Feed>::deserialize(deserializer)?;
    for (number, feed) in feeds.iter().enumerate() {
        feed.check().map_err(|reason| de::Error::custom(format!("source `{}`: {reason}", feed.name)))?;
        if feeds.iter().take(number).any(|other| other.name == feed.name) {
            return Err(de::Error::custom(format!("two sources are called `{}`", feed.name)));
        }
    }
    Ok(feeds)
}

fn most() -> u64 {
    MOST
}

fn enabled() -> bool {
    true
}

/// When a signature was made: `timestamp:` and seconds, as minisign writes it into the comment that it signs.
fn signed_at(comment: &str) -> Option<u64> {
    let words = comment.split(|character: char| character.is_whitespace());
    words.filter_map(|word| word.strip_prefix("timestamp:")).find_map(|seconds| seconds.parse().ok())
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[u8; 32]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = hex::decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Some).ok_or_else(|| de::Error::custom("`sha256` has 64 digits of base 16"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::Settings;

    /// A key pair, and its signature of "test", from the page of the crate that verifies.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=
trusted comment: timestamp:1555779966\tfile:test
QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==
";

    fn read(lines: &str) -> Result<Feed, String> {
        let text = format!("mirrors = []\nroot = 'r'\npolicy = 'p'\n[[source]]\n{lines}");
        let settings = Settings::read(&text, Path::new("/etc/u.toml")).map_err(|error| error.to_string())?;
        settings.source.into_iter().next().ok_or_else(|| "none".to_owned())
    }

    const GOOD: &str = "name = 'mine'\nurl = 'https://example.org/'\nlicence = 'MIT'\nfile = 'a.yar'\n";

    #[test]
    fn mistakes_are_named() {
        assert_eq!(read(GOOD).expect("a feed").vouching(), Vouching::Nobody);
        for (old, new, part) in [
            ("'mine'", "'clamav'", "ClamAV's own"),
            ("'mine'", "'../x'", "small letters"),
            ("'MIT'", "' '", "licence"),
            ("'a.yar'", "'a.ign2'", "ends in one of"),
            ("'a.yar'", "'a/b.yar'", "`file` is a name"),
            ("https", "http", "over https"),
            ("file", "sha256 = '00'\nfile", "64 digits"),
            ("file", "key = 'x'\nfile", "belong together"),
            ("file", "key = 'x'\nsignature = 'https://x/'\nfile", "no public key"),
            ("file", "most = 0\nfile", "`most`"),
        ] {
            let error = read(&GOOD.replacen(old, new, 1)).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
        assert!(read(&format!("{GOOD}[[source]]\n{GOOD}")).expect_err("twice").contains("two sources"));
    }

    #[test]
    fn only_what_is_pinned_or_signed_is_believed() {
        let signed = format!("{GOOD}signature = 's'\nkey = '{KEY}'\n");
        let feed = read(&signed).expect("a feed");
        assert_eq!(feed.verify(b"test", Some(SIGNATURE.as_bytes())), Ok(Some(1_555_779_966)));
        for (content, signature) in [
            (&b"tesT"[..], Some(SIGNATURE)),
            (b"test", None),
            (b"test", Some("")),
            (b"test", Some("\0\u{1}")),
        ] {
            assert!(feed.verify(content, signature.map(str::as_bytes)).is_err(), "{signature:?}");
        }
        let pinned = format!("{GOOD}sha256 = '{}'\n", hex::encode(Sha256::digest(b"test")));
        let feed = read(&pinned).expect("a feed");
        assert_eq!(feed.verify(b"test", None), Ok(None));
        assert!(feed.verify(b"other", None).is_err());
    }
}
