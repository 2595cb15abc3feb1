//! What a client sends: bytes, and through a Unix socket descriptors.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use tokio::io::Interest;
use tokio::time::{Instant, timeout_at};

use crate::listener::Stream;

/// Bytes that are read at once.
const BUFFER: usize = 32 << 10;

/// Room for two descriptors, so that a second one is seen; the kernel closes what does not fit.
const DESCRIPTORS: usize = 2;

/// What was received and not yet used.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: Arc<Stream>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    descriptors: Descriptors,
}

/// Descriptors that came with what was received last.
#[derive(Debug, Default)]
pub(super) enum Descriptors {
    /// None.
    #[default]
    None,
    /// The one that FILDES wants.
    One(OwnedFd),
    /// More than one, closed.
    Several,
}

/// Why nothing more comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client has closed its side, or the connection is broken.
    Closed,
    /// It said nothing for too long.
    TimedOut,
    /// It sent a descriptor where none belongs.
    Descriptor,
}

impl Incoming {
    /// Nothing received yet.
    pub(super) fn new(stream: Arc<Stream>) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { stream, buffer, start: 0, end: 0, descriptors: Descriptors::None }
    }

    /// What is not yet used.
    pub(super) fn received(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Notes that `bytes` of it were used.
    pub(super) fn used(&mut self, bytes: usize) {
        self.start = self.start.saturating_add(bytes).min(self.end);
    }

    /// The descriptors that came with the bytes so far.
    pub(super) fn descriptors(&mut self) -> Descriptors {
        std::mem::take(&mut self.descriptors)
    }

    /// Waits for at least one more byte. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Why none comes. A descriptor that nobody has taken by now is an error and is closed.
    pub(super) async fn more(&mut self, until: Option<Instant>) -> Result<(), End> {
        if !matches!(self.descriptors, Descriptors::None) {
            self.descriptors = Descriptors::None;
            return Err(End::Descriptor);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let space = self.buffer.get_mut(self.end..).unwrap_or_default();
        let received = receive(&self.stream, space, &mut self.descriptors);
        // A century stands for no limit.
        let until = until.unwrap_or_else(|| Instant::now() + Duration::from_secs(3_155_760_000));
        match timeout_at(until, received).await {
            Ok(Ok(count @ 1..)) => {
                self.end += count;
                Ok(())
            }
            Ok(Ok(0) | Err(_)) => Err(End::Closed),
            Err(_) => Err(End::TimedOut),
        }
    }
}

async fn receive(stream: &Stream, space: &mut [u8], descriptors: &mut Descriptors) -> io::Result<usize> {
    match stream {
        Stream::Unix(stream) => {
            stream.async_io(Interest::READABLE, || receive_now(stream.as_fd(), space, descriptors)).await
        }
        Stream::Tcp(stream) => loop {
            stream.readable().await?;
            match stream.try_read(space) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        },
    }
}

fn receive_now(socket: BorrowedFd<'_>, space: &mut [u8], descriptors: &mut Descriptors) -> io::Result<usize> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut messages = RecvAncillaryBuffer::new(&mut room);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received = recvmsg(socket, &mut [IoSliceMut::new(space)], &mut messages, flags)?;
    for message in messages.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            for descriptor in passed {
                *descriptors = match descriptors {
                    Descriptors::None => Descriptors::One(descriptor),
                    _ => Descriptors::Several,
                };
            }
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        *descriptors = Descriptors::Several;
    }
    Ok(received.bytes)
}
