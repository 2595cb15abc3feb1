//! Owner, mode, times and extended attributes: read from a file, and given to another.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};

use rustix::fs::{
    Mode, Timespec, Timestamps, XattrFlags, fchmod, fgetxattr, flistxattr, fsetxattr, futimens,
};
use rustix::io::Errno;

use crate::entry::record::{Attribute, Entry, Time};

/// Most bytes that the kernel gives for a list of names, and for a value.
const MOST_OF_KERNEL: usize = 64 << 10;
/// Most bytes of all names and values of one file that are kept.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// Extended attributes of a file.
pub(crate) struct Attributes {
    pub(crate) read: Vec<Attribute>,
    pub(crate) unread: Vec<String>,
}

/// Reads the extended attributes, or nothing where there are more than are kept.
pub(crate) fn read(file: &File) -> io::Result<Option<Attributes>> {
    let mut attributes = Attributes { read: Vec::new(), unread: Vec::new() };
    let mut names = vec![0; MOST_OF_KERNEL];
    let length = match flistxattr(file, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(Some(attributes)),
        // A file system may allow longer lists than the kernel passes on.
        Err(Errno::TOOBIG | Errno::RANGE) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut kept = 0;
    let mut value = vec![0; MOST_OF_KERNEL];
    for name in
        names.get(..length).unwrap_or_default().split(|byte| *byte == 0).filter(|name| !name.is_empty())
    {
        match fgetxattr(file, name, &mut value[..]) {
            Ok(length) => {
                let value = value.get(..length).unwrap_or_default().to_vec();
                kept += name.len() + value.len();
                if kept > MOST_BYTES {
                    return Ok(None);
                }
                attributes.read.push(Attribute { name: name.to_vec(), value });
            }
            Err(_) => attributes.unread.push(String::from_utf8_lossy(name).into_owned()),
        }
    }
    Ok(Some(attributes))
}

/// Gives a file what the entry says, as far as this user may; returns what could not be given.
///
/// The content must be complete: from here on the file may be what a set-user-ID program was.
pub(crate) fn give(file: &File, entry: &Entry) -> io::Result<Vec<String>> {
    let mut missing = Vec::new();
    let mut mode = entry.mode;
    let now = file.metadata()?;
    // The bits that lend the rights of an owner are never given to a file of another owner.
    if now.gid() != entry.group
        && let Err(error) = fchown(file, None, Some(entry.group))
    {
        missing.push(format!("group {}: {error}", entry.group));
        mode &= !0o2000;
    }
    if now.uid() != entry.owner
        && let Err(error) = fchown(file, Some(entry.owner), None)
    {
        missing.push(format!("owner {}: {error}", entry.owner));
        mode &= !0o6000;
    }
    // After the owner, since changing that clears bits and capabilities.
    fchmod(file, Mode::from_raw_mode(mode))?;
    let set = file.metadata()?.mode() & 0o7777;
    if set != entry.mode {
        missing.push(format!("mode {:04o}: it has {set:04o}", entry.mode));
    }
    for Attribute { name, value } in &entry.attributes {
        if let Err(error) = fsetxattr(file, name.as_slice(), value, XattrFlags::empty()) {
            missing.push(format!("attribute {}: {}", String::from_utf8_lossy(name), io::Error::from(error)));
        }
    }
    missing
        .extend(entry.unread_attributes.iter().map(|name| format!("attribute {name}: it could not be read")));
    let times =
        Timestamps { last_access: timespec(entry.accessed), last_modification: timespec(entry.modified) };
    if let Err(error) = futimens(file, &times) {
        missing.push(format!("times: {}", io::Error::from(error)));
    }
    Ok(missing)
}

fn timespec(time: Time) -> Timespec {
    Timespec { tv_sec: time.seconds, tv_nsec: time.nanoseconds.into() }
}
