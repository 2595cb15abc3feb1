//! How old the newest container of signatures is, for `--fail-if-cvd-older-than`.
//!
//! A container (`cvd`, `cld`, `cud`) begins with a header in text that ends in the time it was made. Nothing is
//! believed of it here but its age: who made the header up only makes his own signatures look younger.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes of a header.
const HEADER: u64 = 512;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Whether no container in these files and folders was made within so many days.
///
/// # Errors
/// The path that cannot be looked at.
pub(super) fn is_older(paths: &[PathBuf], days: u64) -> Result<bool, PathBuf> {
    let mut newest = None;
    for path in paths {
        let made = newest_of(path).map_err(|_| path.clone())?;
        newest = newest.max(made);
    }
    let limit = DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX));
    let age = newest.map(|made| SystemTime::now().duration_since(made).unwrap_or_default());
    Ok(age.is_none_or(|age| age > limit))
}

fn newest_of(path: &Path) -> io::Result<Option<SystemTime>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(made(path));
    }
    let mut newest = None;
    for entry in fs::read_dir(path)? {
        newest = newest.max(made(&entry?.path()));
    }
    Ok(newest)
}

/// When a container was made; nothing if it is none.
fn made(path: &Path) -> Option<SystemTime> {
    if !super::loading::is_container(path) || !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut header = Vec::new();
    File::open(path).ok()?.take(HEADER).read_to_end(&mut header).ok()?;
    read(&header)
}

fn read(header: &[u8]) -> Option<SystemTime> {
    let text = header.strip_prefix(b"ClamAV-VDB:")?;
    let text = std::str::from_utf8(text.get(..text.len().min(500))?).ok()?;
    // The time of day has no colon of its own.
    let seconds = text.split(':').nth(7)?.trim_end_matches([' ', '\0', '\n']);
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(seconds: u64) -> String {
        let text = format!("ClamAV-VDB:22 Jun 2021 14-58 -0400:1:0:81:a4ab:ttQe:builder:{seconds}");
        format!("{text:512}")
    }

    #[test]
    fn the_newest_container_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        let older = |days| is_older(&[folder.path().to_owned()], days).unwrap();
        assert!(older(1000));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        write("old.cvd", header(1_624_388_300));
        write("new.txt", header(now));
        write("broken.cvd", "ClamAV-VDB:x".to_owned());
        assert!(older(3) && !older(99_999));
        write("NEW.CLD", header(now - 2 * 24 * 3600));
        assert!(!older(3) && older(1));
        assert_eq!(is_older(&["/none".into()], 1), Err("/none".into()));
    }

    #[test]
    fn what_is_no_header_has_no_age() {
        for text in ["", "ClamAV-VDB:", "ClamAV-VDB:a:b:c:d:e:f:g:x", "x:1:2:3:4:5:6:7:8"] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(read(header(u64::MAX).as_bytes()), None);
    }
}
