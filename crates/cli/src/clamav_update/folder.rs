//! A folder of containers, as clamd, clamscan and freshclam have one.
//!
//! What is ours in it lies in `.candor`, which those do not look at: a lock, the staging folder, a folder for work that
//! is emptied at each start, and the containers that were replaced last.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candor_signatures::container::{HEADER_LENGTH, Header};

/// Our part of the folder.
const OURS: &str = ".candor";
/// The kinds of containers that are installed.
const EXTENSIONS: [&str; 2] = ["cld", "cvd"];

/// The folder, locked.
pub(super) struct Folder {
    path: PathBuf,
    /// Ends with the process, so that a killed one locks nobody out.
    _lock: File,
}

impl Folder {
    /// Opens and locks the folder, which is made if it is missing, and removes what a killed update has left.
    ///
    /// # Errors
    /// When it cannot be written to, or another update is at work in it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let ours = path.join(OURS);
        fs::create_dir_all(path).with_context(|| format!("the folder {}", path.display()))?;
        make(&ours, 0o755)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(libc::O_NOFOLLOW)
            .open(ours.join("lock"))
            .with_context(|| format!("the lock in {}", ours.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another update is at work in {}", path.display()),
            Err(TryLockError::Error(error)) => return Err(error).context("the lock"),
        }
        let work = ours.join("work");
        match fs::remove_dir_all(&work) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("the folder {}", work.display()));
            }
            _ => make(&work, 0o700)?,
        }
        make(&ours.join("previous"), 0o755)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where the fetcher writes. It makes the folder itself: as root it gives it to another user.
    pub(super) fn staging(&self) -> PathBuf {
        self.path.join(OURS).join("staging")
    }

    /// A new folder for work, on the same file system.
    pub(super) fn work(&self) -> io::Result<tempfile::TempDir> {
        tempfile::TempDir::new_in(self.path.join(OURS).join("work"))
    }

    /// The path of a file in it.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The newest container of this name, and its header, which nobody has checked.
    pub(super) fn newest(&self, name: &str) -> Option<(String, Header)> {
        let all = EXTENSIONS.iter().filter_map(|extension| {
            let file = format!("{name}.{extension}");
            Some((header(&self.at(&file)).ok()?, file))
        });
        all.max_by_key(|(header, _)| header.version).map(|(header, file)| (file, header))
    }

    /// Copies a file of the staging folder, so that whoever writes there cannot change it any more.
    pub(super) fn copy(&self, staged: &str, to: &Path, most: u64) -> io::Result<()> {
        let from = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.staging().join(staged))?;
        if !from.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no regular file"));
        }
        let copied = io::copy(&mut from.take(most.saturating_add(1)), &mut File::create_new(to)?)?;
        if copied > most {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it is longer than {most} bytes"),
            ));
        }
        Ok(())
    }

    /// Removes files of the staging folder, as far as that can be done.
    pub(super) fn forget<'a>(&self, staged: impl IntoIterator<Item = &'a String>) {
        for name in staged {
            // What stays is replaced when it is fetched again.
            let _ = fs::remove_file(self.staging().join(name));
            let _ = fs::remove_file(self.staging().join(format!("{name}.sign")));
        }
    }

    /// Puts a file into its place by a rename, after everything of it is on the disk. What it replaces is kept.
    pub(super) fn install(&self, new: &Path, name: &str) -> io::Result<()> {
        let file = File::open(new)?;
        let mut permissions = file.metadata()?.permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
        file.set_permissions(permissions)?;
        let folder = fs::metadata(&self.path)?;
        // Who owns the folder owns what is in it, as freshclam has it.
        if file.metadata()?.uid() != folder.uid() {
            chown(new, Some(folder.uid()), Some(folder.gid()))?;
        }
        file.sync_all()?;
        let place = self.at(name);
        self.keep(name)?;
        fs::rename(new, &place)?;
        File::open(&self.path)?.sync_all()
    }

    /// Removes the other kinds of a container and signatures beside older ones.
    pub(super) fn tidy(&self, name: &str, installed: &str, version: u32) -> io::Result<()> {
        for other in EXTENSIONS.map(|extension| format!("{name}.{extension}")) {
            if other != installed && self.at(&other).is_file() {
                self.keep(&other)?;
                fs::remove_file(self.at(&other))?;
            }
        }
        let current = format!("{name}-{version}.");
        for entry in fs::read_dir(&self.path)? {
            let file = entry?.file_name().to_string_lossy().into_owned();
            let numbered = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
            let is_signature = numbered.is_some_and(|rest| {
                rest.ends_with(".cvd.sign")
                    && rest.split('.').next().is_some_and(|number| number.parse::<u32>().is_ok())
            });
            if is_signature && !(file.starts_with(&current) && installed.ends_with(".cvd")) {
                fs::remove_file(self.at(&file))?;
            }
        }
        Ok(())
    }

    /// Keeps what is in a place under the same name among the previous ones.
    fn keep(&self, name: &str) -> io::Result<()> {
        let (place, kept) = (self.at(name), self.path.join(OURS).join("previous").join(name));
        let beside = kept.with_extension("new");
        let gone = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        };
        fs::remove_file(&beside).or_else(gone)?;
        match fs::hard_link(&place, &beside) {
            Ok(()) => fs::rename(beside, kept),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // A file system without links: a copy does as well.
            Err(_) => fs::copy(&place, &beside).and_then(|_| fs::rename(beside, kept)),
        }
    }
}

fn make(path: &Path, mode: u32) -> anyhow::Result<()> {
    let made = DirBuilder::new().mode(mode).create(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
            if is_folder { Ok(()) } else { bail!("{} is no folder", path.display()) }
        }
        made => made.with_context(|| format!("the folder {}", path.display())),
    }
}

/// The header of a container.
fn header(path: &Path) -> anyhow::Result<Header> {
    if !fs::metadata(path)?.is_file() {
        bail!("no regular file");
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(HEADER_LENGTH as u64).read_to_end(&mut bytes)?;
    Header::parse(&bytes).map_err(anyhow::Error::msg)
}
