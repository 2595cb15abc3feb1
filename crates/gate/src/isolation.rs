//! What becomes of a file in which something was found, and of processes that execute it.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use candor_quarantine::{Grounds, Protection, Vault};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::gate::path_of;
use crate::notes::Note;

/// Takes a file into quarantine. Unmodified files of the distribution's packages stay.
pub(crate) fn isolate(file: &File, names: Vec<String>, database: String, vault: Option<&Path>) -> Note {
    let path = path_of(file);
    let grounds = Grounds { findings: names, database: Some(database) };
    let take = || -> anyhow::Result<String> {
        let folder = vault.map(Path::to_owned).or_else(Vault::default_folder);
        let folder = folder.ok_or_else(|| anyhow::anyhow!("there is no place for a vault"))?;
        let vault = if folder.is_dir() { Vault::open(&folder)? } else { Vault::create(&folder)? };
        Ok(vault.take(file, &path, &grounds, Protection::Packages)?.entry.id.to_string())
    };
    let text = path.display().to_string();
    match take() {
        Ok(id) => Note::Quarantined { path: text, id },
        Err(error) => Note::Left { path: text, reason: format!("{error:#}") },
    }
}

/// The processes that execute a file, each ended if that is wanted.
pub(crate) fn running(file: &File, kill: bool) -> Vec<Note> {
    let Ok(wanted) = file.metadata().map(|file| (file.dev(), file.ino())) else { return Vec::new() };
    let path = path_of(file).display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let executes = || {
            let program = fs::metadata(entry.path().join("exe")).ok()?;
            Some((program.dev(), program.ino()) == wanted)
        };
        if executes() != Some(true) {
            continue;
        }
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default().trim().to_owned();
        let ended = kill && end(process, || executes() == Some(true));
        found.push(Note::Running { process, name, path: path.clone(), ended });
    }
    found
}

/// Ends a process, if it is still the one that was meant once nobody else can get its number.
fn end(process: u32, is_it: impl Fn() -> bool) -> bool {
    let Some(number) = Pid::from_raw(process.cast_signed()) else { return false };
    let Ok(handle) = pidfd_open(number, PidfdFlags::empty()) else { return false };
    is_it() && pidfd_send_signal(&handle, Signal::KILL).is_ok()
}
