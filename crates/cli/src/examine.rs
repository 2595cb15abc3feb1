//! Examines root objects: opens them without being tricked, sends them to workers, asks policy.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use candor_jail::{Job, Opened};
use candor_object::{Decision, Gap, Limit, ObjectId, Reason, Report};
use candor_policy::Policy;

/// What standard input is called in reports.
pub(crate) const STDIN: &str = "<standard input>";
/// Bytes of standard input that are kept in memory.
const IN_MEMORY: u64 = 16 << 20;

/// A root object, examined.
#[derive(Debug)]
pub(crate) struct Scanned {
    /// Its path for people; hostile.
    pub(crate) path: String,
    /// Its path in bytes, if it is not UTF-8.
    pub(crate) raw_path: Option<Vec<u8>>,
    /// What was seen.
    pub(crate) report: Report,
    /// What policy says.
    pub(crate) decision: Decision,
    /// What became of it, if it was to be taken.
    pub(crate) quarantine: Option<Quarantine>,
}

/// What became of a file that was to be taken into the vault.
#[derive(Clone, Debug)]
pub(crate) enum Quarantine {
    /// It is in the vault, with this id.
    Taken(String),
    /// It is where it was, for this reason; hostile.
    Left(String),
}

impl Scanned {
    /// Whether people should hear of it unasked.
    pub(crate) fn has_something_to_tell(&self) -> bool {
        !self.report.findings.is_empty() || !self.report.gaps.is_empty()
    }

    /// Its path as the system knows it.
    pub(crate) fn path(&self) -> PathBuf {
        match &self.raw_path {
            Some(raw) => OsStr::from_bytes(raw).into(),
            None => (&self.path).into(),
        }
    }

    /// Size of the root object in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.report.objects.first().map_or(0, |root| root.size)
    }
}

/// Whether the last part of a path may be a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// The link's target is examined.
    Followed,
    /// A link is refused, since somebody put it there after the walk looked.
    Refused,
}

/// Where a root object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file of this path.
    File(PathBuf, Links),
    /// What is piped in, as far as so many bytes go.
    StandardInput(u64),
}

/// A root object on its way.
pub(crate) struct Candidate<T> {
    place: Place,
    file: Option<Arc<File>>,
    gap: Option<(Reason, String)>,
    /// The name for readers of an inventory, if there is to be one.
    inventory: Option<String>,
    tell: T,
}

/// Takes a report of what is at a path, and the file that was examined, if it was one.
pub(crate) trait Tell: Fn(&Path, Report, Option<Arc<File>>) + Send + 'static {}

impl<T: Fn(&Path, Report, Option<Arc<File>>) + Send + 'static> Tell for T {}

impl<T: Tell> Candidate<T> {
    /// The job whose report goes to `tell`.
    pub(crate) fn job(place: Place, tell: T) -> Box<dyn Job> {
        Box::new(Self { place, file: None, gap: None, inventory: None, tell })
    }

    /// The same, with what the file says about what is installed; readers see it under this name.
    pub(crate) fn inventory(place: Place, name: String, tell: T) -> Box<dyn Job> {
        Box::new(Self { place, file: None, gap: None, inventory: Some(name), tell })
    }

    fn path(&self) -> &Path {
        match &self.place {
            Place::File(path, _) => path,
            Place::StandardInput(_) => Path::new(STDIN),
        }
    }
}

impl<T: Tell> Job for Candidate<T> {
    fn open(&mut self) -> Option<Opened> {
        let opened = match &self.place {
            Place::File(path, links) => open(path, *links).inspect(|opened| {
                self.file = Some(Arc::clone(&opened.file));
            }),
            Place::StandardInput(most) => spooled(*most).map(|(opened, gap)| {
                self.gap = gap;
                opened
            }),
        };
        match opened {
            Ok(opened) => Some(Opened { inventory: self.inventory.clone(), ..opened }),
            Err(error) => {
                (self.tell)(self.path(), unreadable(&error), None);
                None
            }
        }
    }

    fn done(self: Box<Self>, mut report: Report) {
        let gap = self.gap.clone();
        report.gaps.extend(gap.map(|(reason, detail)| Gap { object: ObjectId::ROOT, reason, detail }));
        (self.tell)(self.path(), report, self.file.clone());
    }
}

/// The policy of a file, or the default one.
pub(crate) fn policy(path: Option<&Path>) -> anyhow::Result<Policy> {
    let Some(path) = path else {
        return Ok(Policy::default());
    };
    /// Most bytes of a policy.
    const MOST: u64 = 1 << 20;
    let context = || format!("the policy {}", path.display());
    let metadata = std::fs::metadata(path).with_context(context)?;
    if !metadata.is_file() || metadata.len() > MOST {
        bail!("{}: it is no regular file of at most {MOST} bytes", context());
    }
    let text = std::fs::read_to_string(path).with_context(context)?;
    Policy::from_toml(&text).map_err(|error| anyhow!("the policy {}: {error}", path.display()))
}

/// The report of a file or folder that the operating system does not let us read.
pub(crate) fn unreadable(error: &io::Error) -> Report {
    Report::not_examined(0, Reason::Unreadable, error.to_string())
}

/// What policy says of a report, which gets its name here: workers know none.
pub(crate) fn decided(policy: &Policy, path: &Path, mut report: Report) -> Scanned {
    let name = path.to_string_lossy();
    if let Some(root) = report.objects.first_mut() {
        root.name = name.clone().into_owned();
    }
    let decision = policy.decide(&report);
    let raw_path = path.to_str().is_none().then(|| path.as_os_str().as_bytes().to_vec());
    Scanned { path: name.into_owned(), raw_path, report, decision, quarantine: None }
}

/// Opens a regular file. Nothing else is read: a FIFO that takes the file's place between the look at its
/// kind and the opening neither blocks us nor is drained.
pub(crate) fn open(path: &Path, links: Links) -> io::Result<Opened> {
    let mut flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    if links == Links::Refused {
        flags |= libc::O_NOFOLLOW;
    }
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        return Ok(Opened::new(Arc::new(file), metadata.len()).named(path));
    }
    Err(io::Error::other(format!("it is {} now", kind_name(metadata.file_type()))))
}

/// What kind of file something is that is no regular file.
pub(crate) fn kind_name(kind: std::fs::FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "no regular file"
    }
}

/// The kind of a special file, or nothing if it can be examined.
pub(crate) fn special(path: &Path) -> io::Result<Option<&'static str>> {
    let kind = std::fs::metadata(path)?.file_type();
    Ok((!kind.is_file() && !kind.is_dir()).then(|| kind_name(kind)))
}

/// Standard input as a file: what is a file is read in place; a stream goes to memory, or when it is long to a
/// temporary file without a name, as far as `most` bytes go.
pub(crate) fn spooled(most: u64) -> io::Result<(Opened, Option<(Reason, String)>)> {
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let metadata = stdin.metadata()?;
    if metadata.is_file() && stdin.stream_position()? == 0 {
        return Ok((Opened::new(Arc::new(stdin), metadata.len()), None));
    }
    let mut beginning = Vec::new();
    (&stdin).take(IN_MEMORY.min(most)).read_to_end(&mut beginning)?;
    let mut size = beginning.len() as u64;
    let file = if size < IN_MEMORY {
        candor_jail::sealed(&beginning[..])?
    } else {
        let mut file = tempfile::tempfile()?;
        file.write_all(&beginning)?;
        size += io::copy(&mut (&stdin).take(most - size), &mut file)?;
        file
    };
    let gap = if size == most && stdin.read(&mut [0])? > 0 {
        let detail = format!("standard input is longer than {most} bytes");
        Some((Reason::Limit(Limit::UnpackedBytes), detail))
    } else {
        None
    };
    Ok((Opened::new(Arc::new(file), size), gap))
}

/// A path as the user gave it; `-` is standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}
