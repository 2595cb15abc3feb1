//! The report of a file as JSON, for `--gen-json`.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Zoned;

use crate::examine::Scanned;
use crate::output::Detail;
use crate::output::record::Root;

/// Most bytes of a file's name that its folder has.
const MOST_NAME: usize = 64;

/// The report as one line of JSON, in the form of `docs/report.schema.json`.
pub(super) fn line(scanned: &Scanned) -> io::Result<String> {
    Ok(serde_json::to_string(&Root::new(scanned, Detail::Verbose))?)
}

/// Leaves it as `metadata.json` in a new folder that is named after the time and the file.
pub(super) fn leave(folder: &Path, path: &Path, json: &str) -> io::Result<()> {
    let time = Zoned::now().strftime("%Y%m%d_%H%M%S").to_string();
    let prefix = format!("{time}-{}.", plain(path));
    let made = tempfile::Builder::new().prefix(&prefix).rand_bytes(10).tempdir_in(folder)?;
    fs::write(made.path().join("metadata.json"), json)?;
    // It stays, whoever knows its name.
    let _ = made.keep();
    Ok(())
}

/// The name of a file as a part of another name.
fn plain(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let letters = name.chars().map(|letter| {
        if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-') { letter } else { '_' }
    });
    letters.take(MOST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_left_in_a_folder_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            leave(folder.path(), Path::new("/a/../x y\n"), "{}").unwrap();
        }
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().path()).collect();
        assert_eq!(names.len(), 2);
        for name in names {
            assert!(name.to_str().unwrap().contains("-x_y_."), "{name:?}");
            assert_eq!(fs::read(name.join("metadata.json")).unwrap(), b"{}");
        }
    }
}
