//! Databases as workers get them: so that nobody can change a byte under their feet.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// Bytes in memory that nobody can change, cut short or map writable any more.
///
/// # Errors
/// Those of the operating system.
pub fn sealed(mut bytes: impl Read) -> io::Result<File> {
    let mut file = File::from(memfd_create("sealed", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    io::copy(&mut bytes, &mut file)?;
    file.flush()?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file)
}

/// The file itself, where only root or we ourselves can write it; else a sealed copy. A file that its owner
/// cuts short would kill every worker that maps it.
///
/// # Errors
/// Those of the operating system.
pub fn shareable(file: File) -> io::Result<File> {
    let metadata = file.metadata()?;
    let ours = [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid());
    if ours && metadata.mode() & 0o022 == 0 { Ok(file) } else { sealed(file) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, PermissionsExt};

    use super::*;

    #[test]
    fn nobody_can_change_what_is_sealed() {
        let file = sealed(&b"database"[..]).unwrap();
        assert!(file.write_at(b"x", 0).is_err());
        assert!(file.set_len(3).is_err());
        assert_eq!(file.metadata().unwrap().len(), 8);
    }

    #[test]
    fn a_file_that_others_can_write_is_copied() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, copied) in [(0o600, false), (0o644, false), (0o664, true), (0o666, true)] {
            file.as_file().set_permissions(PermissionsExt::from_mode(mode)).unwrap();
            let shared = shareable(file.reopen().unwrap()).unwrap();
            let same = shared.metadata().unwrap().ino() == file.as_file().metadata().unwrap().ino();
            assert_eq!(same, !copied, "{mode:o}");
        }
    }
}
