//! Which file systems are mounted, and which of them can be watched.
//!
//! Specification: `proc_pid_mountinfo(5)`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Kinds whose files lie on this machine, in the order of how common they are.
const LOCAL: [&str; 26] = [
    "ext4", "xfs", "btrfs", "tmpfs", "overlay", "vfat", "exfat", "ext2", "ext3", "f2fs", "ntfs3", "ntfs",
    "iso9660", "udf", "squashfs", "erofs", "zfs", "bcachefs", "msdos", "hfsplus", "hfs", "jfs", "ramfs",
    "nilfs2", "ubifs", "reiserfs",
];
/// Kinds whose files are elsewhere: others change them without our being asked, so that they are watched on request.
const ELSEWHERE: [&str; 10] =
    ["nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "afs", "fuse", "fuseblk"];

/// Whether opening a file of this kind of file system may open others, or wait for another process.
pub(crate) fn is_stacked(kind: &str) -> bool {
    !LOCAL.contains(&kind) || kind == "overlay"
}

/// What is mounted somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The number of its device, which tells file systems apart.
    pub(crate) device: String,
    /// Where.
    pub(crate) point: PathBuf,
    /// The kind of file system.
    pub(crate) kind: String,
    /// What is mounted, as it was named.
    pub(crate) source: String,
}

/// What is to be watched beside what is watched anyway, and what is not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// Further kinds.
    pub(crate) also: Vec<String>,
    /// Kinds that are left out.
    pub(crate) not: Vec<String>,
}

/// What is done about a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// It is watched.
    Watched,
    /// It is left out, and for this reason.
    Left(&'static str),
    /// It holds no files that anybody could put there.
    Virtual,
}

impl Choice {
    /// What is done about a kind of file system.
    pub(crate) fn covers(&self, kind: &str) -> Coverage {
        let named = |list: &[String]| list.iter().any(|name| name == kind);
        let is_elsewhere = ELSEWHERE.contains(&kind) || kind.starts_with("fuse.");
        if named(&self.not) {
            Coverage::Left("left out by the configuration")
        } else if LOCAL.contains(&kind) || named(&self.also) {
            Coverage::Watched
        } else if is_elsewhere {
            Coverage::Left("its files are elsewhere and change there; `file_systems.also` watches it")
        } else {
            Coverage::Virtual
        }
    }
}

/// What is mounted as a process sees it.
///
/// # Errors
/// When there is no such process.
pub(crate) fn of(process: &str) -> io::Result<Vec<Mount>> {
    Ok(parse(&fs::read(format!("/proc/{process}/mountinfo"))?))
}

/// One process of each other mount namespace than ours: containers, and services that have one of their own. Those of
/// the children of a process are left out.
pub(crate) fn other_namespaces(parent: u32) -> BTreeMap<PathBuf, String> {
    let is_child = |process: &str| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        status.contains(&format!("\nPPid:\t{parent}\n"))
    };
    let mut found = BTreeMap::new();
    let own = fs::read_link("/proc/self/ns/mnt").unwrap_or_default();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(process) = entry.file_name().into_string() else { continue };
        if !process.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        // A process that ended meanwhile has none.
        if let Ok(namespace) = fs::read_link(Path::new("/proc").join(&process).join("ns/mnt"))
            && namespace != own
            && !found.contains_key(&namespace)
            && !is_child(&process)
        {
            found.insert(namespace, process);
        }
    }
    found
}

fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// number parent major:minor root point options [tags…] - kind source options
fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let device = fields.nth(2)?;
    let point = fields.nth(1)?;
    let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
    let (kind, source) = (fields.next()?, fields.next()?);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(Mount {
        device: text(device),
        point: PathBuf::from(OsString::from_vec(unescaped(point))),
        kind: text(kind),
        source: text(&unescaped(source)),
    })
}

/// White space and backslashes are written as three octal digits.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.first_chunk::<3>().filter(|_| *first == b'\\');
        let value = digits.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok());
        result.push(value.unwrap_or(*first));
        rest = behind.get(if value.is_some() { 3 } else { 0 }..).unwrap_or_default();
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_and_without_tags() {
        let text = b"21 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/root rw\n\
            22 21 0:5 / /a\\040b\\134 rw - tmpfs none rw\nbroken\n23 21 0:6 / /x rw\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!((mounts[0].device.as_str(), mounts[0].kind.as_str()), ("254:0", "ext4"));
        assert_eq!((mounts[1].point.as_path(), mounts[1].source.as_str()), (Path::new("/a b\\"), "none"));
    }

    #[test]
    fn file_systems_are_chosen_by_kind() {
        let choice = Choice { also: vec!["nfs4".to_owned()], not: vec!["tmpfs".to_owned()] };
        assert_eq!(choice.covers("ext4"), Coverage::Watched);
        assert_eq!(choice.covers("nfs4"), Coverage::Watched);
        assert!(matches!(choice.covers("fuse.sshfs"), Coverage::Left(_)));
        assert!(matches!(choice.covers("tmpfs"), Coverage::Left(_)));
        assert_eq!(choice.covers("proc"), Coverage::Virtual);
    }

    #[test]
    fn this_machine_has_a_root() {
        assert!(of("self").unwrap().iter().any(|mount| mount.point == Path::new("/")));
    }
}
