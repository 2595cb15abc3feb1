//! Packets: a length, a letter, and what belongs to it.
//!
//! Source: "The Sendmail Milter Protocol, Version 2", section "Link/packet protocol".

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Bytes of a packet behind its length. Mail servers send body in chunks of 65,535 bytes unless more was
/// agreed on, and header fields of 100 KB (Postfix's default); 1 MiB is the most that the protocol knows.
const MAX_LENGTH: usize = (1 << 20) + 1;
/// Bytes of memory that an idle connection keeps.
const KEPT: usize = 4 << 10;
/// Time for the rest of a packet that has begun, and for the client to take a reply.
const STALL: Duration = Duration::from_secs(60);

/// What a mail server sent.
#[derive(Debug)]
pub(super) struct Packet {
    /// The letter of the command.
    pub(super) code: u8,
    /// What belongs to it.
    pub(super) payload: Vec<u8>,
}

/// Why no further packet can be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The length is wrong: no milter packets are spoken here, or the two of us are out of step.
    #[error("a packet of {0} bytes; expected 1 to {MAX_LENGTH}; is it a mail server that speaks milter?")]
    Length(u32),
    /// The client said nothing for too long, or stopped in the middle of a packet or a reply.
    #[error("the mail server stopped talking")]
    Stalled,
    /// The client is gone.
    #[error("the mail server closed the connection in the middle of a packet")]
    Cut,
    /// The operating system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Waits for the first byte of a packet; false if the client closed the connection. May be given up at any
/// time without losing bytes.
pub(super) async fn wait<R: AsyncBufRead + Unpin>(from: &mut R, idle: Duration) -> Result<bool, Error> {
    let bytes = timeout(idle, from.fill_buf()).await.map_err(|_| Error::Stalled)??;
    Ok(!bytes.is_empty())
}

/// Reads one packet, whose first byte has come. `payload` is memory to be used again.
pub(super) async fn read<R: AsyncRead + Unpin>(from: &mut R, payload: Vec<u8>) -> Result<Packet, Error> {
    timeout(STALL, read_slowly(from, payload)).await.map_err(|_| Error::Stalled)?
}

async fn read_slowly<R: AsyncRead + Unpin>(from: &mut R, mut payload: Vec<u8>) -> Result<Packet, Error> {
    let length = from.read_u32().await.map_err(cut)?;
    let size = usize::try_from(length).ok().filter(|size| (1..=MAX_LENGTH).contains(size));
    let size = size.ok_or(Error::Length(length))?;
    let code = from.read_u8().await.map_err(cut)?;
    payload.clear();
    payload.shrink_to(KEPT);
    // Grows with what comes, so that a mere promise of a megabyte takes no memory.
    let count = from.take(size as u64 - 1).read_to_end(&mut payload).await?;
    if count + 1 < size {
        return Err(Error::Cut);
    }
    Ok(Packet { code, payload })
}

fn cut(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { Error::Cut } else { Error::Io(error) }
}

/// Appends a packet to `to`.
pub(super) fn write(to: &mut Vec<u8>, code: u8, payload: &[&[u8]]) {
    let length: usize = payload.iter().map(|piece| piece.len()).sum();
    // All that we send is far shorter; a wrap-around is out of reach.
    to.extend_from_slice(&u32::try_from(length + 1).unwrap_or(u32::MAX).to_be_bytes());
    to.push(code);
    payload.iter().for_each(|piece| to.extend_from_slice(piece));
}

/// Sends packets.
pub(super) async fn send<W: AsyncWrite + Unpin>(to: &mut W, packets: &[u8]) -> Result<(), Error> {
    let sent = async {
        to.write_all(packets).await?;
        to.flush().await
    };
    Ok(timeout(STALL, sent).await.map_err(|_| Error::Stalled)??)
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    async fn packet(bytes: &[u8]) -> Result<Packet, Error> {
        read(&mut BufReader::new(bytes), Vec::new()).await
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        write(&mut bytes, b'L', &[b"Subject\0", b" x\0"]);
        assert_eq!(bytes, b"\0\0\0\x0cLSubject\0 x\0");
        let packet = packet(&bytes).await.unwrap();
        assert_eq!((packet.code, packet.payload.as_slice()), (b'L', &b"Subject\0 x\0"[..]));
    }

    #[tokio::test]
    async fn hostile_lengths_and_ends_are_refused() {
        assert!(matches!(packet(&[0, 0, 0, 0, b'Q']).await, Err(Error::Length(0))));
        assert!(matches!(packet(&[0xff; 9]).await, Err(Error::Length(u32::MAX))));
        assert!(matches!(packet(&[0, 0x10, 0, 2, b'B']).await, Err(Error::Length(_))));
        assert!(matches!(packet(b"GET / HTTP/1.1\r\n\r\n").await, Err(Error::Length(_))));
        for cut in [&b"\0\0"[..], b"\0\0\0\x02", b"\0\0\0\x05Babc", b"\0\x10\0\x01B"] {
            assert!(matches!(packet(cut).await, Err(Error::Cut)), "{cut:?}");
        }
        let longest = [&[0, 0x10, 0, 1, b'B'][..], &vec![7; 1 << 20]].concat();
        assert_eq!(packet(&longest).await.unwrap().payload.len(), 1 << 20);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends() {
        let (ours, theirs) = tokio::io::duplex(100);
        let mut reader = BufReader::new(ours);
        assert!(matches!(wait(&mut reader, Duration::from_secs(5)).await, Err(Error::Stalled)));
        let mut theirs = theirs;
        theirs.write_all(b"\0\0").await.unwrap();
        assert!(wait(&mut reader, Duration::from_secs(5)).await.unwrap());
        assert!(matches!(read(&mut reader, Vec::new()).await, Err(Error::Stalled)));
        let mut ours = reader.into_inner();
        assert!(matches!(send(&mut ours, &[0; 1000]).await, Err(Error::Stalled)));
    }
}
