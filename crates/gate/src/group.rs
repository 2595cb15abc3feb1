//! A group of fanotify: the kernel asks it before a file is opened or executed, and tells it when one was written.
//!
//! Specification: fanotify(7), fanotify_init(2) and fanotify_mark(2).

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::fcntl::AT_FDCWD;
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};

/// Flags that `nix` has no names for; see `linux/fanotify.h`.
const REPORT_FD_ERROR: u32 = 0x2000;
/// The kind of the record that follows an event and has a descriptor of the process.
const INFO_PIDFD: u8 = 4;
/// The version of events that this file reads.
const VERSION: u8 = 3;
/// Bytes of an event and of a record's head.
const EVENT: usize = 24;
const HEAD: usize = 4;
/// Bytes of events that are read at once.
const BUFFER: usize = 16 << 10;

/// A group.
#[derive(Debug)]
pub(crate) struct Group {
    descriptor: OwnedFd,
    /// What it is told of.
    mask: MaskFlags,
}

/// The groups of the gate. Opening a file of an event may open other files: those of an overlay lie on another file system,
/// and those of FUSE are brought by a process. If that is watched as well, somebody has to answer while the one that reads
/// the first event waits. So file systems that lie on others have a group of their own, whose readers may wait.
///
/// A third group only tells of files that were written: nobody waits for it, so that it need not be read at once. Waking its
/// reader for each file that is closed would cost more than all the rest.
#[derive(Debug)]
pub(crate) struct Groups {
    plain: Group,
    stacked: Group,
    pub(crate) written: Group,
}

impl Groups {
    /// Groups without marks.
    ///
    /// # Errors
    /// When we are not root, or the kernel is built without permission events or older than 6.13.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self { plain: Group::asking()?, stacked: Group::asking()?, written: Group::telling()? })
    }

    /// Handles to the same groups.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            plain: self.plain.try_clone()?,
            stacked: self.stacked.try_clone()?,
            written: self.written.try_clone()?,
        })
    }

    /// Asks to be asked about everything in the file system that is mounted at a path, whatever mount leads to it.
    ///
    /// # Errors
    /// When we are not root, or the file system cannot be watched.
    pub(crate) fn watch(&self, mounted_at: &Path, is_stacked: bool) -> io::Result<()> {
        if is_stacked { self.stacked.watch(mounted_at) } else { self.plain.watch(mounted_at) }?;
        self.written.watch(mounted_at)
    }

    /// Answers an event by its number, which may be one that another process took: no two events have one number, since all
    /// are read into one table of descriptors.
    ///
    /// # Errors
    /// `NotFound` if nobody waits for that answer any more.
    pub(crate) fn answer(&self, number: RawFd, answer: Answer) -> io::Result<()> {
        self.plain.answer(number, answer).or_else(|_| self.stacked.answer(number, answer))
    }

    /// Those that ask, and how many threads should read each.
    pub(crate) fn each(&self) -> [(&Group, usize); 2] {
        [(&self.plain, 1), (&self.stacked, 8)]
    }

    /// Lets the kernel ask no longer when a file is opened or executed, or ask again.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn ignore(&self, file: &File, is_ignored: bool) -> io::Result<()> {
        let what = if is_ignored { MarkFlags::FAN_MARK_ADD } else { MarkFlags::FAN_MARK_REMOVE };
        let mask = MaskFlags::FAN_OPEN_PERM | MaskFlags::FAN_OPEN_EXEC_PERM;
        self.plain.mark(what | MarkFlags::FAN_MARK_IGNORED_MASK, mask, file.as_fd(), None)
    }

    /// Lets the kernel ask about every file again.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn ignore_none(&self) -> io::Result<()> {
        self.plain.mark(MarkFlags::FAN_MARK_FLUSH, MaskFlags::empty(), AT_FDCWD, Some(Path::new("/")))
    }

    /// Whether events of file systems that lie on no others wait to be read.
    pub(crate) fn has_unread(&self) -> bool {
        rustix::io::ioctl_fionread(&self.plain.descriptor).is_ok_and(|size| size > 0)
    }

    /// Their descriptors.
    pub(crate) fn descriptors(&self) -> [BorrowedFd<'_>; 3] {
        [&self.plain, &self.stacked, &self.written].map(AsFd::as_fd)
    }
}

/// What the kernel is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The opener goes on.
    Allow,
    /// The opener gets EPERM.
    Deny,
}

/// What somebody does to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It is opened, and waits for an answer.
    Open,
    /// It is opened to be executed, and waits for an answer.
    Execute,
    /// It was written and is closed, or something that nobody waits for.
    Written,
}

/// Something that the kernel asks or tells.
#[derive(Debug)]
pub(crate) struct Event {
    /// What it is about.
    pub(crate) access: Access,
    /// The file, open for reading; or why it could not be opened.
    pub(crate) file: io::Result<File>,
    /// The number by which an answer names the event.
    pub(crate) number: RawFd,
    /// The process, 0 if it is in a namespace that we do not see.
    pub(crate) process: i32,
    /// The process for good: its number may be another's by now. Nothing if it ended.
    pub(crate) handle: Option<OwnedFd>,
}

impl Group {
    /// A group without marks that asks before files are opened and executed.
    ///
    /// # Errors
    /// When we are not root, or the kernel is built without permission events or older than 6.13.
    fn asking() -> io::Result<Self> {
        let flags =
            InitFlags::FAN_CLASS_CONTENT | InitFlags::FAN_UNLIMITED_QUEUE | InitFlags::FAN_UNLIMITED_MARKS;
        Self::open(flags, MaskFlags::FAN_OPEN_PERM | MaskFlags::FAN_OPEN_EXEC_PERM)
    }

    /// A group without marks that tells of files that were written; of too many it drops some. Reading it does not wait.
    ///
    /// # Errors
    /// As above.
    fn telling() -> io::Result<Self> {
        let flags = InitFlags::FAN_CLASS_NOTIF | InitFlags::FAN_UNLIMITED_MARKS | InitFlags::FAN_NONBLOCK;
        Self::open(flags, MaskFlags::FAN_CLOSE_WRITE)
    }

    fn open(flags: InitFlags, mask: MaskFlags) -> io::Result<Self> {
        let flags = flags
            | InitFlags::FAN_CLOEXEC
            | InitFlags::FAN_REPORT_PIDFD
            | InitFlags::from_bits_retain(REPORT_FD_ERROR);
        let files = EventFFlags::O_RDONLY | EventFFlags::O_LARGEFILE | EventFFlags::O_CLOEXEC;
        Ok(Self { descriptor: Fanotify::init(flags, files)?.into(), mask })
    }

    fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { descriptor: self.descriptor.try_clone()?, mask: self.mask })
    }

    /// Asks to be told of everything in the file system that is mounted at a path, whatever mount leads to it.
    ///
    /// # Errors
    /// When we are not root, or the file system cannot be watched.
    fn watch(&self, mounted_at: &Path) -> io::Result<()> {
        let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_FILESYSTEM;
        self.mark(flags, self.mask, AT_FDCWD, Some(mounted_at))
    }

    fn mark(
        &self,
        flags: MarkFlags,
        mask: MaskFlags,
        on: BorrowedFd<'_>,
        path: Option<&Path>,
    ) -> io::Result<()> {
        let copy = self.descriptor.try_clone()?;
        #[expect(
            unsafe_code,
            reason = "the wrapper of the system call cannot be made of a descriptor otherwise"
        )]
        // SAFETY: it is a descriptor of a group, and the copy is closed with the wrapper.
        let group = unsafe { Fanotify::from_owned_fd(copy) };
        Ok(group.mark(flags, mask, on, path)?)
    }

    /// Waits for events and takes those that are there. Looking for the next one for a while before sleeping was tried, and
    /// made others wait: the scheduler takes it for work.
    ///
    /// # Errors
    /// Those of read(2).
    pub(crate) fn read(&self) -> io::Result<Vec<Event>> {
        let mut buffer = [0; BUFFER];
        let size = rustix::io::read(&self.descriptor, &mut buffer)?;
        Ok(parse(buffer.get(..size).unwrap_or_default()))
    }

    /// Answers an event by its number, which may be one that another process took.
    ///
    /// # Errors
    /// `NotFound` if nobody waits for that answer any more.
    fn answer(&self, number: RawFd, answer: Answer) -> io::Result<()> {
        let verdict: u32 = match answer {
            Answer::Allow => 1,
            Answer::Deny => 2,
        };
        let parts = [number.to_ne_bytes(), verdict.to_ne_bytes()].concat();
        rustix::io::writev(&self.descriptor, &[IoSlice::new(&parts)])?;
        Ok(())
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Reads events. What the kernel writes is whole and in this layout, or it is no kernel that we know.
fn parse(mut bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = bytes.get(..EVENT) {
        let length = number(event, 0) as usize;
        let (Some(whole), Some(rest)) = (bytes.get(..length), bytes.get(length..)) else { break };
        if length < EVENT || event.get(4) != Some(&VERSION) {
            break;
        }
        let head = event.get(6..8).map_or(EVENT, |size| usize::from(u16::from_ne_bytes([size[0], size[1]])));
        events.push(event_of(event, whole.get(head..).unwrap_or_default()));
        bytes = rest;
    }
    events
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

fn event_of(event: &[u8], mut records: &[u8]) -> Event {
    let mask = MaskFlags::from_bits_retain(u64::from(number(event, 8)));
    let access = if mask.contains(MaskFlags::FAN_OPEN_EXEC_PERM) {
        Access::Execute
    } else if mask.contains(MaskFlags::FAN_OPEN_PERM) {
        Access::Open
    } else {
        Access::Written
    };
    let descriptor = number(event, 16).cast_signed();
    let mut handle = None;
    while let Some(head) = records.get(..HEAD) {
        let length = usize::from(u16::from_ne_bytes([head[2], head[3]]));
        if head[0] == INFO_PIDFD {
            handle = owned(number(records, HEAD).cast_signed());
        }
        match records.get(length..) {
            Some(rest) if length >= HEAD => records = rest,
            _ => break,
        }
    }
    let error = || io::Error::from_raw_os_error(descriptor.saturating_neg());
    Event {
        access,
        file: owned(descriptor).map(File::from).ok_or_else(error),
        number: descriptor,
        process: number(event, 20).cast_signed(),
        handle,
    }
}

/// A descriptor that came with an event; negative numbers are errors.
#[expect(unsafe_code, reason = "the kernel hands descriptors over as numbers")]
fn owned(descriptor: RawFd) -> Option<OwnedFd> {
    // SAFETY: the kernel opened it for us with this event, and nobody else knows it.
    (descriptor >= 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor) })
}
