//! The key file: 32 random bytes, made once, for its owner only.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use chacha20poly1305::aead::{Buffer, KeyInit};
use chacha20poly1305::{AeadInOut, XChaCha20Poly1305, XNonce};
use rustix::fs::{AtFlags, Mode, OFlags, fsync, linkat, openat, unlinkat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::error::{About, Error, Result};
use crate::id::random;

/// Its name in the vault.
pub(crate) const NAME: &str = "key";
/// What its name begins with while it is made.
pub(crate) const UNFINISHED: &str = "key.new-";
/// Its length in bytes.
const LENGTH: usize = 32;

/// What seals entries. The bytes are cleared when it is dropped.
#[derive(Clone)]
pub(crate) struct Key {
    cipher: XChaCha20Poly1305,
    mark: [u8; 8],
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", hex::encode(self.mark))
    }
}

impl Key {
    pub(crate) fn new(bytes: &[u8; LENGTH]) -> Self {
        let mut hash = Sha256::new_with_prefix(b"candor quarantine key mark\0");
        hash.update(bytes);
        let mut mark = [0; 8];
        mark.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Self { cipher: XChaCha20Poly1305::new(bytes.into()), mark }
    }

    /// Tells keys apart without telling anything of them.
    pub(crate) fn mark(&self) -> [u8; 8] {
        self.mark
    }

    pub(crate) fn cipher(&self) -> XChaCha20Poly1305 {
        self.cipher.clone()
    }

    /// Seals bytes; the nonce must be random.
    pub(crate) fn seal(&self, nonce: [u8; 24], with: &[u8], bytes: &mut dyn Buffer) -> Option<()> {
        self.cipher.encrypt_in_place(&XNonce::from(nonce), with, bytes).ok()
    }

    /// Opens sealed bytes, or tells that they are not what was sealed.
    pub(crate) fn open(&self, nonce: [u8; 24], with: &[u8], bytes: &mut dyn Buffer) -> Option<()> {
        self.cipher.decrypt_in_place(&XNonce::from(nonce), with, bytes).ok()
    }
}

/// The key in this folder, if it has one.
pub(crate) fn read(folder: BorrowedFd<'_>, path: &Path) -> Result<Option<Key>> {
    let path = path.join(NAME);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = match openat(folder, NAME, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error).about(&path, "the key file cannot be opened"),
    };
    let metadata = file.metadata().about(&path, "the key file cannot be looked at")?;
    let exposed = |reason: &str| Err(Error::Exposed { path: path.clone(), reason: reason.to_owned() });
    if !metadata.is_file() {
        return exposed("the key file is no regular file");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return exposed("the key file belongs to another user");
    }
    if metadata.mode() & 0o077 != 0 {
        return exposed("others may use the key file; `chmod 600` it, and think of who may have read it");
    }
    if metadata.len() != LENGTH as u64 {
        return exposed("the key file does not have 32 bytes, so it is no key; put the right one back");
    }
    let mut bytes = [0; LENGTH];
    file.read_exact(&mut bytes).about(&path, "the key file cannot be read")?;
    let key = Key::new(&bytes);
    bytes.fill(0);
    Ok(Some(key))
}

/// Makes a key in this folder, unless somebody else was faster.
pub(crate) fn make(folder: BorrowedFd<'_>, path: &Path) -> Result<()> {
    let name =
        format!("{UNFINISHED}{}", hex::encode(random::<8>().about(path, "no random bytes can be had")?));
    let path = path.join(&name);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let bytes: [u8; LENGTH] = random().about(&path, "no random bytes can be had")?;
    let written = openat(folder, &name, flags, Mode::RUSR | Mode::WUSR)
        .map_err(std::io::Error::from)
        .and_then(|file| {
            let mut file = File::from(file);
            file.write_all(&bytes)?;
            file.sync_all()
        });
    // A link, unlike a renaming, never replaces a key that is there.
    let linked = written.and_then(|()| match linkat(folder, &name, folder, NAME, AtFlags::empty()) {
        // Somebody who was faster may have mended our file away.
        Ok(()) | Err(Errno::EXIST | Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    });
    // Where it was not even made there is nothing to remove.
    let _ = unlinkat(folder, &name, AtFlags::empty());
    linked.and_then(|()| Ok(fsync(folder)?)).about(&path, "the key file cannot be made")
}
