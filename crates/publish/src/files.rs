//! Files that are there as a whole or not at all, whatever ends the program.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

/// Makes a folder that everybody may read, and those above it.
///
/// # Errors
/// With the path.
pub fn make_folder(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.with_context(|| path.display().to_string())
}

/// The folder of a file.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Puts a file in the place of what was there, with one rename; it is on the disk when this returns.
///
/// # Errors
/// With the path; what was there stays.
pub fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let replace = || {
        let fresh = fresh(path);
        let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&fresh);
        let mut file = options?;
        file.write_all(content)?;
        file.sync_all()?;
        step();
        fs::rename(&fresh, path)?;
        step();
        sync_folder(folder_of(path))
    };
    replace().with_context(|| path.display().to_string())
}

/// As [`replace`], with the content of another file.
///
/// # Errors
/// With the path; what was there stays.
pub fn replace_with_copy(path: &Path, source: &Path) -> anyhow::Result<()> {
    let copy = || {
        let fresh = fresh(path);
        let mut from = File::open(source)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&fresh)?;
        io::copy(&mut from, &mut file)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        sync_folder(folder_of(path))
    };
    copy().with_context(|| format!("{} from {}", path.display(), source.display()))
}

/// Writes a file that must not be there yet, and that only its owner can read if it is `secret`.
///
/// # Errors
/// With the path.
pub fn write_new(path: &Path, content: &[u8], secret: bool) -> anyhow::Result<()> {
    let write = || {
        let mode = if secret { 0o600 } else { 0o644 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(content)?;
        file.sync_all()?;
        sync_folder(folder_of(path))
    };
    write().with_context(|| path.display().to_string())
}

/// Reads a file whole: nothing if it is not there.
///
/// # Errors
/// With the path.
pub fn read_if_there(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Reads a file that must be there.
///
/// # Errors
/// With the path.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

/// Renames a folder; on the disk when this returns.
///
/// # Errors
/// With the path.
pub fn rename_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    let rename = || {
        sync_folder(from)?;
        fs::rename(from, to)?;
        step();
        sync_folder(folder_of(to))
    };
    rename().with_context(|| format!("{} to {}", from.display(), to.display()))
}

/// Nobody else works in this folder while the result lives.
///
/// # Errors
/// When somebody else does.
pub fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.with_context(|| path.display().to_string())?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!("{}: another candor-publish is at work here", folder.display());
    }
    Ok(file)
}

/// Removes what programs that were killed left in a folder: folders that begin with one of these words.
///
/// # Errors
/// With the path.
pub fn clear(folder: &Path, beginnings: &[&str]) -> anyhow::Result<()> {
    let inside = || folder.display().to_string();
    for entry in fs::read_dir(folder).with_context(inside)? {
        let entry = entry.with_context(inside)?;
        let name = entry.file_name();
        if beginnings.iter().any(|word| name.as_encoded_bytes().starts_with(word.as_bytes())) {
            fs::remove_dir_all(entry.path()).with_context(|| entry.path().display().to_string())?;
        }
    }
    Ok(())
}

/// For the test that ends the program at each step: aborts at the step of the number in `CANDOR_PUBLISH_ABORT_AT`.
fn step() {
    static AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("CANDOR_PUBLISH_ABORT_AT").ok()?.parse().ok());
    static STEPS: AtomicU64 = AtomicU64::new(0);
    if AT.is_some_and(|at| STEPS.fetch_add(1, Ordering::Relaxed) == at) {
        std::process::abort();
    }
}

fn fresh(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
