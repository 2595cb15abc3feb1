//! One end of a socket that carries packets and descriptors.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, send, sendmsg, socketpair, sockopt,
};

/// Most bytes of a packet.
pub const MAX_PACKET: usize = 64 << 10;
/// Most descriptors of a packet.
pub const MAX_DESCRIPTORS: usize = 128;

/// One end of the socket.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    buffer: Vec<u8>,
    framing: Framing,
}

/// How packets keep their borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// The socket keeps them.
    Packets,
    /// The length goes before each, in four bytes; descriptors come with them.
    Lengths,
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
    /// Speaks through a socket that keeps the borders of packets.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, buffer: Vec::new(), framing: Framing::Packets }
    }

    /// Speaks through a stream, as services listen for.
    pub fn over_stream(socket: OwnedFd) -> Self {
        Self { socket, buffer: Vec::new(), framing: Framing::Lengths }
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

    /// Another handle to the same end.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, buffer: Vec::new(), framing: self.framing })
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
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        let slices = [IoSlice::new(&length), IoSlice::new(bytes)];
        let slices = if self.framing == Framing::Lengths { &slices[..] } else { &slices[1..] };
        let sent = loop {
            match sendmsg(&self.socket, slices, &mut ancillary, SendFlags::NOSIGNAL) {
                Ok(sent) => break sent,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        };
        // Descriptors went with the first byte; of a stream the rest may have to follow.
        let rest = sent.saturating_sub(slices.len().saturating_sub(1).saturating_mul(length.len()));
        match self.framing {
            Framing::Lengths if sent < length.len() => Err(io::ErrorKind::WriteZero.into()),
            Framing::Lengths => self.send_rest(bytes.get(rest..).unwrap_or_default()),
            Framing::Packets => Ok(()),
        }
    }

    fn send_rest(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits for a packet; nothing when the other end is closed.
    ///
    /// # Errors
    /// Those of the operating system, `WouldBlock` when the patience is over, `InvalidData` for a packet that
    /// is too long.
    pub fn receive(&mut self) -> io::Result<Option<Received<'_>>> {
        let mut descriptors = Vec::new();
        self.buffer.resize(MAX_PACKET, 0);
        let length = match self.framing {
            Framing::Packets => receive_into(&self.socket, &mut self.buffer, &mut descriptors)?,
            Framing::Lengths => self.receive_length(&mut descriptors)?,
        };
        if length == 0 {
            return Ok(None);
        }
        Ok(self.buffer.get(..length).map(|bytes| Received { bytes, descriptors }))
    }

    /// Receives a packet of a stream into the buffer; its length, or 0 at the end.
    fn receive_length(&mut self, descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
        let mut length = [0; 4];
        if !self.receive_exactly(&mut length, descriptors)? {
            return Ok(0);
        }
        let length = u32::from_le_bytes(length) as usize;
        let mut buffer = std::mem::take(&mut self.buffer);
        let received = match buffer.get_mut(..length) {
            Some(packet) if length > 0 => self.receive_exactly(packet, &mut Vec::new()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a packet is too long or empty")),
        };
        self.buffer = buffer;
        if received? { Ok(length) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Fills the buffer; false if the stream ends before its first byte.
    fn receive_exactly(&self, buffer: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<bool> {
        let mut done = 0_usize;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match receive_into(&self.socket, rest, descriptors)? {
                0 if done == 0 => return Ok(false),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => done = done.saturating_add(count),
            }
        }
        Ok(true)
    }
}

/// Receives once; 0 at the end.
fn receive_into(socket: &OwnedFd, buffer: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let message = loop {
        let mut slices = [IoSliceMut::new(buffer)];
        match recvmsg(socket, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => break message,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = part {
            descriptors.extend(rights);
        }
    }
    if message.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet is too long"));
    }
    Ok(message.bytes)
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
    fn packets_over_a_stream_keep_their_borders_too() {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let (ours, mut theirs) = (Channel::over_stream(ours.into()), Channel::over_stream(theirs.into()));
        let null = File::open("/dev/null").unwrap();
        let long = vec![7; MAX_PACKET];
        let sender = std::thread::spawn(move || {
            for _ in 0..20 {
                ours.send(b"one", &[null.as_fd()]).unwrap();
                ours.send(&vec![7; MAX_PACKET], &[]).unwrap();
                ours.send(b"two", &[null.as_fd(), null.as_fd()]).unwrap();
            }
        });
        for _ in 0..20 {
            for (bytes, descriptors) in [(&b"one"[..], 1), (&long, 0), (b"two", 2)] {
                let received = theirs.receive().unwrap().unwrap();
                assert_eq!((received.bytes, received.descriptors.len()), (bytes, descriptors));
            }
        }
        assert!(theirs.receive().unwrap().is_none());
        sender.join().unwrap();
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        use std::io::Write;

        for bytes in [&[0, 0, 0, 0][..], &[255; 4], &[9, 0, 0, 0, 1], &[9, 0]] {
            let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            ours.write_all(bytes).unwrap();
            drop(ours);
            assert!(Channel::over_stream(theirs.into()).receive().is_err());
        }
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
