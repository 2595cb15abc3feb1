//! One end of a socket that carries packets and descriptors.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair, sockopt,
};

/// Most bytes of a packet.
pub const MAX_PACKET: usize = 64 << 10;
/// Most descriptors of a packet.
pub const MAX_DESCRIPTORS: usize = 32;

/// One end of the socket.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

/// A packet.
#[derive(Debug)]
pub struct Received<'c> {
    /// Its bytes.
    pub bytes: &'c [u8],
    /// The descriptors that came with it.
    pub descriptors: Vec<OwnedFd>,
}

impl Channel {
    /// Speaks through a socket.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, buffer: Vec::new() }
    }

    /// Both ends of a new socket; neither survives the start of another program.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self::new(ours), theirs))
    }

    /// How long [`receive`](Self::receive) and [`send`](Self::send) wait before they fail with `WouldBlock`.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        sockopt::set_socket_timeout(&self.socket, sockopt::Timeout::Recv, patience)?;
        Ok(sockopt::set_socket_timeout(&self.socket, sockopt::Timeout::Send, patience)?)
    }

    /// Sends a packet of at most [`MAX_PACKET`] bytes and [`MAX_DESCRIPTORS`] descriptors.
    ///
    /// # Errors
    /// Those of the operating system; `BrokenPipe` where the other end is gone.
    pub fn send(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors for one packet"));
        }
        loop {
            match sendmsg(&self.socket, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for a packet; nothing when the other end is closed.
    ///
    /// # Errors
    /// Those of the operating system, `WouldBlock` when the patience is over, `InvalidData` for a packet that
    /// is too long.
    pub fn receive(&mut self) -> io::Result<Option<Received<'_>>> {
        self.buffer.resize(MAX_PACKET, 0);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let message = loop {
            let mut slices = [IoSliceMut::new(&mut self.buffer)];
            match recvmsg(&self.socket, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Ok(message) => break message,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        };
        let mut descriptors = Vec::new();
        for part in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = part {
                descriptors.extend(rights);
            }
        }
        if message.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet is too long"));
        }
        if message.bytes == 0 {
            return Ok(None);
        }
        Ok(self.buffer.get(..message.bytes).map(|bytes| Received { bytes, descriptors }))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use super::*;

    #[test]
    fn packets_keep_their_borders_and_descriptors() {
        let (ours, theirs) = Channel::pair().unwrap();
        let mut theirs = Channel::new(theirs);
        let null = File::open("/dev/null").unwrap();
        ours.send(b"one", &[]).unwrap();
        ours.send(b"two", &[null.as_fd(), null.as_fd()]).unwrap();
        drop(ours);
        let received = theirs.receive().unwrap().unwrap();
        assert_eq!((received.bytes, received.descriptors.len()), (&b"one"[..], 0));
        let received = theirs.receive().unwrap().unwrap();
        assert_eq!((received.bytes, received.descriptors.len()), (&b"two"[..], 2));
        let mut file = File::from(received.descriptors.into_iter().next().unwrap());
        assert_eq!(file.read(&mut [0; 4]).unwrap(), 0);
        assert!(theirs.receive().unwrap().is_none());
    }

    #[test]
    fn silence_ends_the_patience() {
        let (mut ours, _theirs) = Channel::pair().unwrap();
        ours.set_patience(Some(Duration::from_millis(10))).unwrap();
        assert_eq!(ours.receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_packet_that_is_too_long_is_refused() {
        let (ours, theirs) = Channel::pair().unwrap();
        ours.send(&vec![0; MAX_PACKET + 1], &[]).unwrap();
        assert_eq!(Channel::new(theirs).receive().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
