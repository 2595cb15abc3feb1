//! The version, and the records that tell where files are.

use crate::fields::{u32_le, u64_le};

/// The version of Inno Setup that made an installer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    number: (u32, u32, u32),
    /// Whether texts are UTF-16.
    pub(super) is_unicode: bool,
}

/// A checksum of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
}

impl Hash {
    fn size(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

impl Version {
    /// The version that stands in a name; nothing for those that are not known.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (version, rest) = name.split_once('(')?.1.split_once(')')?;
        let mut parts = version.split('.').map(|part| {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            part.get(..digits).and_then(|digits| digits.parse::<u32>().ok())
        });
        let number = (parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0));
        let known = ((5, 0, 0)..(8, 0, 0)).contains(&number);
        known.then_some(Self {
            number,
            is_unicode: number >= (6, 0, 0) || rest.contains("(u)") || rest.contains("(U)"),
        })
    }

    pub(super) fn is_at_least(self, major: u32, minor: u32, patch: u32) -> bool {
        self.number >= (major, minor, patch)
    }

    /// Whether the header itself may be encrypted.
    pub(super) fn may_hide_header(self) -> bool {
        self.is_at_least(6, 5, 0)
    }

    pub(super) fn hash(self) -> Hash {
        if self.is_at_least(6, 4, 0) {
            Hash::Sha256
        } else if self.is_at_least(5, 3, 9) {
            Hash::Sha1
        } else {
            Hash::Md5
        }
    }

    /// Whether flags are one byte.
    fn has_few_flags(self) -> bool {
        self.is_at_least(6, 4, 3) || !self.is_at_least(5, 1, 13)
    }

    fn has_sign_mode(self) -> bool {
        self.is_at_least(6, 3, 0) && !self.is_at_least(6, 4, 3)
    }

    fn has_wide_offsets(self) -> bool {
        self.is_at_least(6, 5, 2)
    }
}

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) name: String,
    pub(super) slice: u32,
    pub(super) chunk: u64,
    /// Bytes of the chunk, without its magic.
    pub(super) packed: u64,
    /// Offset in what the chunk gives.
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) hash: Vec<u8>,
    /// Whether calls in programs were changed before packing.
    pub(super) calls: bool,
    pub(super) is_encrypted: bool,
    pub(super) is_packed: bool,
}

/// All records.
pub(super) struct Records {
    pub(super) locations: Vec<Location>,
    /// Bytes that are no whole record.
    pub(super) rest: usize,
}

impl Records {
    pub(super) fn parse(bytes: &[u8], version: Version) -> Self {
        let wide: usize = if version.has_wide_offsets() { 4 } else { 0 };
        let flags: usize = if version.has_few_flags() { 1 } else { 2 };
        let sign = usize::from(version.has_sign_mode());
        let sizes = 12_usize.saturating_add(wide);
        let hash_at = sizes.saturating_add(24);
        let flags_at = hash_at.saturating_add(version.hash().size()).saturating_add(16);
        let size = flags_at.saturating_add(flags).saturating_add(sign);
        let mut records = bytes.chunks_exact(size);
        let locations = records.by_ref().filter_map(|record| {
            let chunk = if wide > 0 { u64_le(record, 8)? } else { u32_le(record, 8)?.into() };
            let flags = *record.get(flags_at)?;
            let (calls, encrypted, packed) =
                if version.is_at_least(6, 4, 3) { (4, 8, 16) } else { (0x10, 0x40, 0x80) };
            Some(Location {
                name: String::new(),
                slice: u32_le(record, 0)?,
                chunk,
                offset: u64_le(record, sizes)?,
                size: u64_le(record, sizes.saturating_add(8))?,
                packed: u64_le(record, sizes.saturating_add(16))?,
                hash: record.get(hash_at..hash_at.saturating_add(version.hash().size()))?.to_vec(),
                calls: flags & calls != 0,
                is_encrypted: flags & encrypted != 0,
                is_packed: flags & packed != 0,
            })
        });
        let locations: Vec<Location> = locations.collect();
        Self { locations, rest: records.remainder().len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let version = Version::parse("Inno Setup Setup Data (5.5.7) (u)").unwrap();
        assert!(version.is_unicode && version.is_at_least(5, 5, 7) && !version.is_at_least(6, 0, 0));
        assert!(!Version::parse("Inno Setup Setup Data (5.4.2)").unwrap().is_unicode);
        assert!(Version::parse("Inno Setup Setup Data (6.5.0.2)").unwrap().is_unicode);
        for unknown in
            ["Inno Setup Setup Data (1.2.10)", "Inno Setup Setup Data (9.0.0)", "Inno (x.y)", "Inno"]
        {
            assert_eq!(Version::parse(unknown), None);
        }
    }

    #[test]
    fn records_have_the_size_of_their_version() {
        for (name, size) in [
            ("(5.0.0)", 69),
            ("(5.5.7)", 74),
            ("(6.3.0)", 75),
            ("(6.4.0)", 87),
            ("(6.4.3)", 85),
            ("(6.5.2)", 89),
        ] {
            let records = Records::parse(&vec![0; size * 3], Version::parse(name).unwrap());
            assert_eq!((records.locations.len(), records.rest), (3, 0), "{name}");
        }
    }
}
