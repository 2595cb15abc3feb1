//! What an attempt has in its hands: its socket, what was sent through it, and some memory.

use std::ffi::CString;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::attempt::Argument;

/// A page, so that the protection of the memory can be changed.
#[repr(align(4096))]
#[derive(Debug)]
struct Page([u8; 4096]);

/// What an attempt has in its hands.
#[derive(Debug)]
pub(super) struct Ground {
    socket: OwnedFd,
    received: Vec<OwnedFd>,
    page: Box<Page>,
    content: CString,
    absent: CString,
    parent: i32,
    me: i32,
}

impl Ground {
    /// Prepares all that must be there before the process is confined.
    pub(super) fn new(socket: OwnedFd, folder: &str) -> Option<Self> {
        Some(Self {
            socket,
            received: Vec::new(),
            page: Box::new(Page([0; 4096])),
            content: CString::new(format!("{folder}/content")).ok()?,
            absent: CString::new(format!("{folder}/absent")).ok()?,
            parent: rustix::process::getppid().map_or(1, |parent| parent.as_raw_nonzero().get()),
            me: rustix::process::getpid().as_raw_nonzero().get(),
        })
    }

    /// The worker's own socket.
    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Waits for a packet and keeps the descriptors that come with it; nothing when the other end is closed.
    pub(super) fn receive(&mut self) -> Option<()> {
        let mut bytes = [0; 64];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let message = recvmsg(&self.socket, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC).ok()?;
        for part in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = part {
                self.received.extend(rights);
            }
        }
        (message.bytes > 0).then_some(())
    }

    /// The value of an argument, as the kernel takes it.
    pub(super) fn value(&self, argument: Argument) -> usize {
        match argument {
            Argument::Number(number) => number as usize,
            Argument::Text(text) => text.as_ptr() as usize,
            Argument::Bytes(bytes) => bytes.as_ptr() as usize,
            Argument::Space => self.page.0.as_ptr() as usize,
            Argument::Content => self.content.as_ptr() as usize,
            Argument::Absent => self.absent.as_ptr() as usize,
            Argument::File => self.descriptor(0),
            Argument::Folder => self.descriptor(1),
            Argument::Other => self.descriptor(2),
            Argument::Socket => self.socket.as_raw_fd() as usize,
            Argument::Parent => self.parent as usize,
            Argument::Me => self.me as usize,
        }
    }

    fn descriptor(&self, place: usize) -> usize {
        self.received.get(place).map_or(usize::MAX, |descriptor| descriptor.as_raw_fd() as usize)
    }
}
