//! Files that the user says are good: folders, and lists of digests.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use candor_packages::Digest;
use walkdir::WalkDir;

use crate::candidates::{Candidate, Rank};

/// Longest list in bytes, and most files of a folder.
const MOST_OF_A_LIST: u64 = 256 << 20;
const MOST_FILES: usize = 10_000_000;

/// All regular files of a folder, or those of a list as `sha256sum` and `md5sum` write it: a digest, two spaces or one
/// and an asterisk, and a path, from the folder that the list lies in. No link is followed.
pub(crate) fn files(path: &Path) -> io::Result<Vec<Candidate>> {
    let by = path.display().to_string();
    let good = |path, digest| Candidate { path, rank: Rank::KnownGood, vouched_by: by.clone(), digest };
    if fs::metadata(path)?.is_dir() {
        let mut files = Vec::new();
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = entry?;
            if entry.file_type().is_file() {
                files.push(good(entry.into_path(), None));
            }
            if files.len() > MOST_FILES {
                return Err(io::Error::other(format!("it has more than {MOST_FILES} files")));
            }
        }
        return Ok(files);
    }
    let list = File::open(path)?;
    if !list.metadata()?.is_file() || list.metadata()?.len() > MOST_OF_A_LIST {
        return Err(io::Error::other(format!(
            "it is no folder and no file of at most {MOST_OF_A_LIST} bytes"
        )));
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut files = Vec::new();
    for (number, line) in BufReader::new(list.take(MOST_OF_A_LIST)).lines().enumerate() {
        let line = line?;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = line.split_once(' ').and_then(|(digits, name)| {
            let name = name.strip_prefix([' ', '*']).filter(|name| !name.is_empty())?;
            Some((Digest::from_hex(digits.as_bytes())?, name))
        });
        let Some((digest, name)) = parsed else {
            return Err(io::Error::other(format!(
                "line {}: it is no digest and path",
                number.saturating_add(1)
            )));
        };
        files.push(good(folder.join(name), Some(digest)));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_lists_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        fs::create_dir(of("sub")).unwrap();
        fs::write(of("sub/a"), "abc").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", of("sub/link")).unwrap();
        let paths = |path: &Path| files(path).unwrap().into_iter().map(|file| file.path).collect::<Vec<_>>();
        assert_eq!(paths(folder.path()), [of("sub/a")]);
        let list =
            "# mine\n900150983cd24fb0d6963f7d28e17f72  sub/a\n\n900150983cd24fb0d6963f7d28e17f72 *b c\n";
        fs::write(of("list"), list).unwrap();
        assert_eq!(paths(&of("list")), [of("sub/a"), of("b c")]);
        assert!(files(&of("list")).unwrap()[0].is_as_vouched());
        assert!(!files(&of("list")).unwrap()[1].is_as_vouched());
        for bad in ["x", "zz  a", "900150983cd24fb0d6963f7d28e17f72  ", "0011  a"] {
            fs::write(of("bad"), bad).unwrap();
            assert!(files(&of("bad")).unwrap_err().to_string().starts_with("line 1"), "{bad}");
        }
        assert!(files(&of("nowhere")).is_err());
    }
}
