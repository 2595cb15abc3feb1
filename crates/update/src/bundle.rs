//! A release in one file, for machines without a network: a tar archive with the layout of a mirror.
//!
//! Nothing in it is believed because it is there. It is unpacked into a staging folder, and verified as if a mirror
//! had brought it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::statement::MAX_SEGMENT;

/// Most files of a bundle.
const MAX_FILES: usize = 20_000;
/// Most bytes of all files together.
const MAX_TOTAL: u64 = 4 << 30;

/// Why a file is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It cannot be read, or the folder not written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A member that no bundle has.
    #[error("the member {0:?} does not belong into a bundle")]
    Member(String),
    /// There is too much in it.
    #[error("it has more than {MAX_FILES} files, or more than {MAX_TOTAL} bytes")]
    TooMuch,
}

/// Writes these files of a mirror as a bundle, in this order. The same bytes for the same files.
///
/// # Errors
/// If one cannot be read, or has a name that a bundle cannot have.
pub fn pack(mirror: &Path, names: &[String], out: impl Write) -> Result<(), BundleError> {
    let mut archive = tar::Builder::new(out);
    for name in names {
        if !is_fit(name) {
            return Err(BundleError::Member(name.clone()));
        }
        let file = File::open(mirror.join(name))?;
        let mut header = tar::Header::new_ustar();
        header.set_size(file.metadata()?.len());
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        archive.append_data(&mut header, name, file)?;
    }
    archive.into_inner()?.flush()?;
    Ok(())
}

/// Unpacks a bundle into an empty folder.
///
/// # Errors
/// If it is none, has members that no bundle has, or cannot be written.
pub fn unpack(bundle: impl Read, folder: &Path) -> Result<(), BundleError> {
    let mut archive = tar::Archive::new(bundle);
    let mut left = MAX_TOTAL;
    for (number, member) in archive.entries()?.enumerate() {
        let mut member = member?;
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        if !member.header().entry_type().is_file() || !is_fit(&name) {
            return Err(BundleError::Member(name));
        }
        let size = member.size();
        left = left
            .checked_sub(size)
            .filter(|_| number < MAX_FILES && size <= MAX_SEGMENT)
            .ok_or(BundleError::TooMuch)?;
        let path = folder.join(&name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // A second member of one name would take the place of what was there.
        let mut file = File::options().write(true).create_new(true).open(&path)?;
        if io::copy(&mut member, &mut file)? != size {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(())
}

/// Names of a mirror: small letters, digits, hyphens and dots between slashes, nothing that begins with a dot.
fn is_fit(name: &str) -> bool {
    let letter =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(letter);
    name.len() <= 255 && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_unpacked_as_they_were_packed() {
        let (from, to) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let long = format!("targets/deltas/{}-{}.zst", "a".repeat(64), "b".repeat(64));
        let names = ["checkpoint".to_owned(), "tile/0/x001/000.p/3".to_owned(), long];
        for name in &names {
            fs::create_dir_all(from.path().join(name).parent().expect("a folder")).expect("a folder");
            fs::write(from.path().join(name), name).expect("a file");
        }
        let mut bundle = Vec::new();
        pack(from.path(), &names, &mut bundle).expect("a bundle");
        unpack(&bundle[..], to.path()).expect("unpacked");
        for name in &names {
            assert_eq!(fs::read_to_string(to.path().join(name)).expect("the file"), *name);
        }
    }

    #[test]
    fn nothing_leaves_the_folder() {
        for (name, kind) in [
            ("../x", tar::EntryType::Regular),
            ("/x", tar::EntryType::Regular),
            ("a/../x", tar::EntryType::Regular),
            (".ssh/x", tar::EntryType::Regular),
            ("x", tar::EntryType::Symlink),
            ("x", tar::EntryType::Link),
            ("x", tar::EntryType::Fifo),
            ("x", tar::EntryType::Directory),
        ] {
            let mut header = tar::Header::new_ustar();
            header.as_ustar_mut().expect("ustar").name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(kind);
            header.set_size(0);
            header.set_cksum();
            let mut bundle = tar::Builder::new(Vec::new());
            bundle.append(&header, io::empty()).expect("a member");
            let bundle = bundle.into_inner().expect("a bundle");
            let folder = tempfile::tempdir().expect("a folder");
            let refused = unpack(&bundle[..], folder.path());
            assert!(matches!(refused, Err(BundleError::Member(_))), "{name} {kind:?}: {refused:?}");
        }
    }

    #[test]
    fn two_members_of_one_name_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("checkpoint"), "one").expect("a file");
        let mut bundle = Vec::new();
        pack(folder.path(), &["checkpoint".to_owned(), "checkpoint".to_owned()], &mut bundle)
            .expect("a bundle");
        assert!(unpack(&bundle[..], tempfile::tempdir().expect("a folder").path()).is_err());
    }
}
