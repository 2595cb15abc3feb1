//! Examines one root object: opens it without being tricked, scans it, asks policy.

use std::any::Any;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;

use anyhow::{Context, anyhow, bail};
use candor_engine::{
    Content, Decision, Engine, FileType, Gap, IN_MEMORY, Limit, Limits, ObjectId, Reason, Relation, Report,
    Seen, read_file,
};
use candor_policy::Policy;

/// Stack of a scanning thread: 100 KB for each of 100 levels, and room.
const STACK: usize = 16 << 20;
/// What standard input is called in reports.
pub(crate) const STDIN: &str = "<standard input>";

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
}

impl Scanned {
    /// Whether people should hear of it unasked.
    pub(crate) fn has_something_to_tell(&self) -> bool {
        !self.report.findings.is_empty() || !self.report.gaps.is_empty()
    }

    /// Size of the root object in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.report.objects.first().map_or(0, |root| root.size)
    }
}

/// What an examination needs.
#[derive(Debug)]
pub(crate) struct Examiner {
    /// The engine with its databases and limits.
    pub(crate) engine: Engine,
    /// What counts.
    pub(crate) policy: Policy,
    /// The engine's limits.
    pub(crate) limits: Limits,
}

/// Whether the last part of a path may be a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// The link's target is examined.
    Followed,
    /// A link is refused, since somebody put it there after the walk looked.
    Refused,
}

/// A thread with a stack that is deep enough for scanning.
pub(crate) fn scanning_thread(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned()).stack_size(STACK)
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

/// Examines a file.
pub(crate) fn file(examiner: &Examiner, path: &Path, links: Links) -> Scanned {
    match open(path, links).and_then(|file| Ok((file.metadata()?.len(), read_file(file)?))) {
        Ok((claimed, content)) => {
            // Files of `/proc` claim no size; the engine reads the beginning of a long one.
            let cut = claimed == 0 && content.size() >= IN_MEMORY;
            let gap = cut.then(|| {
                let detail = format!("the file claims no size; the first {IN_MEMORY} bytes were read");
                (Reason::Limit(Limit::ObjectBytes), detail)
            });
            content_of(examiner, path, content, gap)
        }
        Err(error) => unreadable(examiner, path, &error),
    }
}

/// Examines standard input.
pub(crate) fn standard_input(examiner: &Examiner) -> Scanned {
    let path = Path::new(STDIN);
    match spooled(examiner.limits.unpacked_bytes) {
        Ok((content, gap)) => content_of(examiner, path, content, gap),
        Err(error) => unreadable(examiner, path, &error),
    }
}

/// What becomes of a file or folder that the operating system does not let us read.
pub(crate) fn unreadable(examiner: &Examiner, path: &Path, error: &io::Error) -> Scanned {
    not_examined(examiner, path, Reason::Unreadable, error.to_string())
}

fn not_examined(examiner: &Examiner, path: &Path, reason: Reason, detail: String) -> Scanned {
    let name = path.to_string_lossy().into_owned();
    let root = Seen {
        parent: None,
        name,
        relation: Relation::Root,
        file_type: FileType::DATA,
        size: 0,
        sha256: None,
    };
    let gap = Gap { object: ObjectId::ROOT, reason, detail };
    let report = Report { objects: vec![root], findings: Vec::new(), gaps: vec![gap] };
    decided(examiner, path, report)
}

fn content_of(examiner: &Examiner, path: &Path, content: Content, gap: Option<(Reason, String)>) -> Scanned {
    let name = path.to_string_lossy().into_owned();
    // A defect in a parser costs one file, and that is shown; it does not cost the scan of the others. The
    // engine keeps nothing between two scans, so nothing half-done is seen afterwards.
    let scanned = catch_unwind(AssertUnwindSafe(|| examiner.engine.scan(&name, content)));
    match scanned {
        Ok(mut report) => {
            report.gaps.extend(gap.map(|(reason, detail)| Gap { object: ObjectId::ROOT, reason, detail }));
            decided(examiner, path, report)
        }
        Err(panic) => {
            let detail = format!("the examination failed: {}", panic_text(&*panic));
            not_examined(examiner, path, Reason::Crashed, detail)
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("internal error")
}

fn decided(examiner: &Examiner, path: &Path, report: Report) -> Scanned {
    let decision = examiner.policy.decide(&report);
    let raw_path = path.to_str().is_none().then(|| path.as_os_str().as_bytes().to_vec());
    Scanned { path: path.to_string_lossy().into_owned(), raw_path, report, decision }
}

/// Opens a regular file. Nothing else is read: a FIFO that takes the file's place between the look at its
/// kind and the opening neither blocks us nor is drained.
fn open(path: &Path, links: Links) -> io::Result<File> {
    let mut flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    if links == Links::Refused {
        flags |= libc::O_NOFOLLOW;
    }
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    Err(io::Error::other(format!("it is {} now", kind_name(kind))))
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

/// Content of standard input: a file is read in place; a stream goes to memory, or when it is long to a
/// temporary file without a name, as far as `most` bytes go.
fn spooled(most: u64) -> io::Result<(Content, Option<(Reason, String)>)> {
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    if stdin.metadata()?.is_file() && stdin.stream_position()? == 0 {
        return Ok((read_file(stdin)?, None));
    }
    let mut spool = tempfile::SpooledTempFile::new(IN_MEMORY as usize);
    let copied = io::copy(&mut (&mut stdin).take(most), &mut spool)?;
    let gap = if copied == most && stdin.read(&mut [0])? > 0 {
        let detail = format!("standard input is longer than {most} bytes");
        Some((Reason::Limit(Limit::UnpackedBytes), detail))
    } else {
        None
    };
    spool.flush()?;
    let content = match spool.into_inner() {
        tempfile::SpooledData::InMemory(bytes) => Content::from_vec(bytes.into_inner()),
        tempfile::SpooledData::OnDisk(mut file) => {
            file.seek(SeekFrom::Start(0))?;
            read_file(file)?
        }
    };
    Ok((content, gap))
}

/// A path as the user gave it; `-` is standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}
