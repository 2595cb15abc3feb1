//! Bytes from and to an ICAP client, each with a bound on how many and on how long.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// Bytes that are read ahead.
const BUFFER: usize = 64 << 10;
/// Bytes of a rejected request that are read so that the client sees the answer and no reset connection.
const LINGER_BYTES: usize = 4 << 20;
/// How long they are waited for.
const LINGER_TIME: Duration = Duration::from_secs(5);

/// Why nothing more comes or goes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The client closed the connection within a request.
    #[error("the connection ended within a request")]
    Ended,
    /// The client sends nothing, or too slowly.
    #[error("the request did not arrive in time")]
    Slow,
    /// What should be short is long.
    #[error("more bytes than allowed")]
    Long,
    /// The reply cannot be delivered.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A client's connection.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    patience: Duration,
    deadline: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Waits at most `patience` for each read and write.
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        let deadline = Instant::now() + patience;
        Self { stream, buffer: vec![0; BUFFER], start: 0, end: 0, patience, deadline }
    }

    /// Sets when everything must be over.
    pub(super) fn allow(&mut self, time: Duration) {
        self.deadline = Instant::now() + time;
    }

    fn until(&self) -> Instant {
        self.deadline.min(Instant::now() + self.patience)
    }

    /// What has been read and not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Marks bytes as done with.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads more and says whether something came; safe to drop while it waits.
    ///
    /// # Errors
    /// [`Error::Slow`], [`Error::Long`] when the buffer is full, or that of the socket.
    pub(super) async fn fill(&mut self) -> Result<bool, Error> {
        if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let until = self.until();
        let room = self.buffer.get_mut(self.end..).filter(|room| !room.is_empty()).ok_or(Error::Long)?;
        let count = timeout_at(until, self.stream.read(room)).await.map_err(|_| Error::Slow)??;
        self.end += count;
        Ok(count > 0)
    }

    /// Reads more, which must come.
    pub(super) async fn more(&mut self) -> Result<(), Error> {
        if self.fill().await? { Ok(()) } else { Err(Error::Ended) }
    }

    /// A head with the empty line at its end, of at most `limit` bytes.
    pub(super) async fn head(&mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut searched = 0;
        loop {
            let bytes = self.bytes();
            let from = searched.min(bytes.len());
            if let Some(at) =
                bytes.get(from..).and_then(|rest| rest.windows(4).position(|end| end == b"\r\n\r\n"))
            {
                let length = from + at + 4;
                let head = bytes.get(..length).filter(|_| length <= limit).ok_or(Error::Long)?.to_vec();
                self.consume(length);
                return Ok(head);
            }
            if bytes.len() >= limit {
                return Err(Error::Long);
            }
            searched = bytes.len().saturating_sub(3);
            self.more().await?;
        }
    }

    /// Exactly so many bytes; the caller bounds them.
    pub(super) async fn exactly(&mut self, count: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            if self.bytes().is_empty() {
                self.more().await?;
            }
            let piece = self.bytes();
            let piece = piece.get(..piece.len().min(count - bytes.len())).unwrap_or_default();
            bytes.extend_from_slice(piece);
            let taken = piece.len();
            self.consume(taken);
        }
        Ok(bytes)
    }

    /// Writes bytes, some 64 KiB at most, so that a client that takes them slowly is noticed.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let until = self.until();
        let slow = |_| io::Error::new(io::ErrorKind::TimedOut, "the client does not read the reply");
        timeout_at(until, self.stream.write_all(bytes)).await.map_err(slow)??;
        Ok(())
    }

    /// Ends the connection in such a way that what was written arrives, although the client is still sending.
    pub(super) async fn linger(mut self) {
        self.allow(LINGER_TIME);
        let until = self.until();
        if !matches!(timeout_at(until, self.stream.shutdown()).await, Ok(Ok(()))) {
            return;
        }
        let mut left = LINGER_BYTES;
        while left > 0 {
            self.consume(BUFFER);
            match self.fill().await {
                Ok(true) => left = left.saturating_sub(self.bytes().len()),
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn heads_are_bounded() {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let mut wire = Wire::new(server, Duration::from_secs(20));
        client.write_all(b"A\r\nB: c\r\n\r\nrest").await.unwrap();
        assert_eq!(wire.head(100).await.unwrap(), b"A\r\nB: c\r\n\r\n");
        assert_eq!(wire.bytes(), b"rest");
        assert_eq!(wire.exactly(4).await.unwrap(), b"rest");
        client.write_all(&[b'x'; 101]).await.unwrap();
        assert!(matches!(wire.head(100).await, Err(Error::Long)));
    }

    #[tokio::test]
    async fn a_head_may_come_in_pieces() {
        let (mut client, server) = tokio::io::duplex(1);
        let mut wire = Wire::new(server, Duration::from_secs(20));
        let sending = async { client.write_all(b"A\r\n\r\nB").await };
        let (head, sent) = tokio::join!(wire.head(10), async {
            tokio::time::timeout(Duration::from_secs(20), sending).await
        });
        assert_eq!(head.unwrap(), b"A\r\n\r\n");
        sent.unwrap().unwrap();
        drop(client);
        assert!(matches!(wire.exactly(2).await, Err(Error::Ended)));
    }

    #[tokio::test]
    async fn silence_ends() {
        let (_client, server) = tokio::io::duplex(16);
        let mut wire = Wire::new(server, Duration::from_millis(1));
        assert!(matches!(wire.more().await, Err(Error::Slow)));
        assert!(wire.write(&[0; 17]).await.is_err());
    }
}
