//! What the vault knows of a file beside its content; sealed in the entry as JSON.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::id::Id;

use super::Fault;

/// Most bytes of a sealed record.
pub(crate) const MOST_BYTES: u32 = 4 << 20;
/// Most parts of a file that are kept apart from the holes between them.
pub(crate) const MOST_EXTENTS: usize = 4096;
/// Most findings that are kept, and most bytes of a finding's or a database's name.
const MOST_FINDINGS: usize = 1000;
const MOST_NAME: usize = 1024;

/// Why a file was taken, in the caller's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounds {
    /// Detection names, unchanged from the signatures; the first 1000 are kept, each up to 1024 bytes.
    pub findings: Vec<String>,
    /// The identity of the database that the findings come from; the first 1024 bytes are kept.
    pub database: Option<String>,
}

impl Grounds {
    /// The same within the bounds of a record.
    pub(crate) fn bounded(&self) -> Self {
        let cut = |text: &String| text[..text.floor_char_boundary(MOST_NAME)].to_owned();
        Self {
            findings: self.findings.iter().take(MOST_FINDINGS).map(cut).collect(),
            database: self.database.as_ref().map(cut),
        }
    }
}

/// A point in time, since 1970-01-01 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Time {
    /// Seconds; negative before 1970.
    pub seconds: i64,
    /// Nanoseconds, less than 1,000,000,000, that are added to the seconds.
    pub nanoseconds: u32,
}

/// An extended attribute; access control lists and capabilities are such.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its name with its namespace, such as `user.mime_type`.
    #[serde(with = "hex::serde")]
    pub name: Vec<u8>,
    /// Its value.
    #[serde(with = "hex::serde")]
    pub value: Vec<u8>,
}

/// A part of a file that is stored; zeros lie between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extent {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// What the vault knows of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the vault.
    #[serde(with = "id")]
    pub id: Id,
    /// Where the file lay: an absolute path without symbolic links. Hostile: print it escaped.
    #[serde(with = "path")]
    pub path: PathBuf,
    /// Size in bytes, holes included.
    pub size: u64,
    /// SHA-256 of the content, holes included.
    #[serde(with = "hex::serde")]
    pub sha256: [u8; 32],
    /// Number of the owner.
    pub owner: u32,
    /// Number of the group.
    pub group: u32,
    /// Permissions with the set-user-ID, set-group-ID and sticky bits: the lowest twelve bits.
    pub mode: u32,
    /// When it was last read, before we did.
    pub accessed: Time,
    /// When its content was last changed.
    pub modified: Time,
    /// When its inode was last changed; nobody can set this when it is restored.
    pub changed: Time,
    /// Its extended attributes as far as they could be read.
    pub attributes: Vec<Attribute>,
    /// Names of attributes that could not be read.
    pub unread_attributes: Vec<String>,
    /// Number of the file system it lay on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// How many other names (hard links) it had when it was taken; they may still be there.
    pub other_names: u64,
    /// Why it was taken.
    pub grounds: Grounds,
    /// When it was taken.
    pub taken: Time,
    /// Number of the user who took it.
    pub taken_by: u32,
    /// Whether it was compared with the distribution's packages, and what came of it.
    pub packages: String,
    pub(crate) extents: Vec<Extent>,
}

impl Entry {
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, Fault> {
        serde_json::to_vec(self).map_err(|_| Fault::Damaged("its record cannot be written"))
    }

    /// Reads a record and makes sure that nothing in it contradicts itself.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, Fault> {
        let entry: Self =
            serde_json::from_slice(bytes).map_err(|_| Fault::Damaged("its record is no record"))?;
        let path = entry.path.as_os_str().as_bytes();
        let plain =
            entry.path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if !entry.path.is_absolute() || !plain || entry.path.file_name().is_none() || path.contains(&0) {
            return Err(Fault::Damaged("its record has no usable path"));
        }
        let times = [entry.accessed, entry.modified, entry.changed, entry.taken];
        if times.iter().any(|time| time.nanoseconds >= 1_000_000_000) || entry.mode > 0o7777 {
            return Err(Fault::Damaged("its record has a time or a mode that cannot be"));
        }
        if entry.attributes.iter().any(|attribute| attribute.name.is_empty() || attribute.name.contains(&0)) {
            return Err(Fault::Damaged("its record has an attribute without a name"));
        }
        entry.stored().map(|_| entry)
    }

    /// Bytes that are stored.
    pub(crate) fn stored(&self) -> Result<u64, Fault> {
        const WRONG: Fault = Fault::Damaged("its record has parts that contradict each other");
        let (mut end, mut stored) = (0, 0_u64);
        for extent in &self.extents {
            if extent.offset < end || extent.length == 0 {
                return Err(WRONG);
            }
            end = extent.offset.checked_add(extent.length).ok_or(WRONG)?;
            // Parts that do not overlap cannot have more bytes in all than their end.
            stored = stored.saturating_add(extent.length);
        }
        if end > self.size || i64::try_from(self.size).is_err() || self.extents.len() > MOST_EXTENTS {
            return Err(WRONG);
        }
        Ok(stored)
    }
}

/// Ids as text.
mod id {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::id::Id;

    pub(super) fn serialize<S: Serializer>(id: &Id, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Paths as bytes: they need not be UTF-8.
mod path {
    use super::{Deserializer, OsStrExt, OsString, OsStringExt, Path, PathBuf, Serializer};

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(path.as_os_str().as_bytes(), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        let bytes: Vec<u8> = hex::serde::deserialize(deserializer)?;
        Ok(PathBuf::from(OsString::from_vec(bytes)))
    }
}

use serde::{Deserializer, Serializer};

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn example() -> Entry {
        Entry {
            id: Id([7; 16]),
            path: PathBuf::from(OsString::from_vec(b"/tmp/n\xffme".to_vec())),
            size: 100,
            sha256: [1; 32],
            owner: 1,
            group: 2,
            mode: 0o4755,
            accessed: Time { seconds: -1, nanoseconds: 999_999_999 },
            modified: Time::default(),
            changed: Time::default(),
            attributes: vec![Attribute { name: b"user.x".to_vec(), value: vec![0, 255] }],
            unread_attributes: Vec::new(),
            device: 1,
            inode: 2,
            other_names: 0,
            grounds: Grounds { findings: vec!["A".into()], database: None },
            taken: Time::default(),
            taken_by: 0,
            packages: String::new(),
            extents: vec![Extent { offset: 0, length: 10 }, Extent { offset: 50, length: 50 }],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let entry = example();
        assert_eq!(Entry::from_json(&entry.to_json().unwrap()).unwrap(), entry);
        assert_eq!(entry.stored().unwrap(), 60);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let wrong: [fn(&mut Entry); 9] = [
            |entry| entry.path = "relative".into(),
            |entry| entry.path = "/a/../b".into(),
            |entry| entry.path = "/".into(),
            |entry| entry.path = "/a\0b".into(),
            |entry| entry.taken.nanoseconds = 1_000_000_000,
            |entry| entry.mode = 0o10000,
            |entry| entry.size = 99,
            |entry| entry.extents[1].offset = 9,
            |entry| entry.extents[1].length = u64::MAX,
        ];
        for (number, change) in wrong.iter().enumerate() {
            let mut entry = example();
            change(&mut entry);
            assert!(Entry::from_json(&entry.to_json().unwrap()).is_err(), "{number}");
        }
    }

    #[test]
    fn long_grounds_are_cut_between_characters() {
        let long =
            Grounds { findings: vec!["ä".repeat(2000); 1001], database: Some("b".repeat(2000)) }.bounded();
        assert_eq!((long.findings.len(), long.findings[0].len()), (1000, 1024));
        assert_eq!(long.database.unwrap().len(), 1024);
    }
}
