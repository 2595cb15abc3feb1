//! Files with private keys: one line, `PRIVATE+KEY+NAME+ID+KEY`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, ensure};
use candor_tlog::{KeyKind, SigningKey, VerifyingKey};
use rustix::rand::{GetRandomFlags, getrandom};
use zeroize::Zeroizing;

use crate::store::folder_of;

/// Longest file.
const MOST_BYTES: u64 = 1024;
/// What others must not have of it: anything, nor the group the right to write. systemd passes credentials with
/// an access list, which looks as if the group could read.
const FOREIGN: u32 = 0o027;

/// Makes a key and writes it into a new file that only its owner can read. Gives the public half.
///
/// # Errors
/// When the name is none, there is such a file, or it cannot be written.
pub fn new_key(name: &str, path: &Path) -> anyhow::Result<VerifyingKey> {
    let mut seed = Zeroizing::new([0; 32]);
    let filled = getrandom(&mut *seed, GetRandomFlags::empty())?;
    ensure!(filled == seed.len(), "the system gave too few random bytes");
    let key = SigningKey::new(name, KeyKind::Cosignature, &seed)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(key.to_secret_text().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    File::open(folder_of(path))?.sync_all().context("the folder")?;
    Ok(key.public().clone())
}

/// Reads the key of a witness.
///
/// # Errors
/// When there is none, or others can read it.
pub fn read_key(path: &Path) -> anyhow::Result<SigningKey> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    ensure!(about.is_file() && about.len() <= MOST_BYTES, "it is no file with a key");
    ensure!(about.mode() & FOREIGN == 0, "others can read it or the group can change it: chmod 600");
    let mut text = Zeroizing::new(String::new());
    file.take(MOST_BYTES).read_to_string(&mut text)?;
    let key: SigningKey = text.trim_end().parse()?;
    ensure!(key.public().kind() == KeyKind::Cosignature, "it is no key of a witness");
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written_and_never_overwritten() {
        let ground = tempfile::tempdir().expect("a folder");
        let path = ground.path().join("key");
        let public = new_key("witness.example.org/w", &path).expect("a key");
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
        assert_eq!(read_key(&path).expect("the key").public(), &public);
        assert!(new_key("witness.example.org/w", &path).is_err());
        let other = new_key("witness.example.org/w", &ground.path().join("other")).expect("a key");
        assert_ne!(other.as_bytes(), public.as_bytes());
        assert!(new_key("two words", &ground.path().join("bad")).is_err());
    }

    #[test]
    fn keys_of_logs_and_keys_for_everybody_are_refused() {
        let ground = tempfile::tempdir().expect("a folder");
        let path = ground.path().join("key");
        new_key("w", &path).expect("a key");
        for (mode, fits) in [(0o644, false), (0o620, false), (0o440, true), (0o400, true)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("its owner");
            assert_eq!(read_key(&path).is_ok(), fits, "{mode:o}");
        }
        let log = SigningKey::new("l", KeyKind::Note, &[1; 32]).expect("a key");
        let path = ground.path().join("log");
        fs::write(&path, log.to_secret_text().as_bytes()).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its owner");
        assert!(read_key(&path).is_err());
    }
}
