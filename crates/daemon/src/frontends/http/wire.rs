//! The bytes of a connection: plain or encrypted, with the descriptors that come along on Unix sockets.
//!
//! A client that does not read cannot hold a connection: writing that makes no progress for some time fails.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;

/// Most descriptors that are kept: the one of a request, and one more, which tells that there are too many.
const DESCRIPTORS: usize = 2;
/// Most bytes that are read at once.
const READ: usize = 64 << 10;
/// Most bytes that are read and dropped when we are done with a client that is not.
const LINGER_BYTES: usize = 4 << 20;
/// How long that may take.
const LINGER: Duration = Duration::from_secs(2);

/// Descriptors that came along and that no request has taken yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Descriptors(Arc<Mutex<Vec<OwnedFd>>>);

impl Descriptors {
    /// Takes all.
    pub(super) fn take(&self) -> Vec<OwnedFd> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, descriptor: OwnedFd) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < DESCRIPTORS {
            waiting.push(descriptor);
        }
    }
}

/// What carries the bytes.
pub(super) enum Carrier {
    /// A Unix socket, with the place for its descriptors.
    Unix(UnixStream, Descriptors),
    /// TCP as it is.
    Tcp(TcpStream),
    /// TCP with TLS in it.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection's bytes, with a bound on how long the client may refuse to read.
pub(super) struct Wire {
    carrier: Carrier,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    /// Bytes of a client that has to read within `patience`.
    pub(super) fn new(carrier: Carrier, patience: Duration) -> Self {
        Self { carrier, patience, stalled: None }
    }

    /// Ends the connection so that the client can still read the last answer, though it goes on sending: closing
    /// at once would make the kernel reset the connection and drop the answer (RFC 9112, section 9.6).
    pub(super) async fn linger(mut self) {
        let farewell = async {
            if self.shutdown().await.is_err() {
                return;
            }
            let mut dropped = 0;
            let mut buffer = vec![0; 16 << 10];
            while dropped < LINGER_BYTES
                && let Ok(count @ 1..) = self.read(&mut buffer).await
            {
                dropped += count;
            }
        };
        // Whether the client was patient enough does not matter any more.
        drop(tokio::time::timeout(LINGER, farewell).await);
    }

    /// Fails instead of waiting longer than allowed.
    fn bounded<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let patience = self.patience;
        let stalled =
            self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().carrier {
            Carrier::Unix(stream, descriptors) => poll_receive(stream, descriptors, context, buffer),
            Carrier::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Carrier::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = match &mut this.carrier {
            Carrier::Unix(stream, _) => Pin::new(stream).poll_write(context, bytes),
            Carrier::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Carrier::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        this.bounded(context, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = match &mut this.carrier {
            Carrier::Unix(stream, _) => Pin::new(stream).poll_flush(context),
            Carrier::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Carrier::Tls(stream) => Pin::new(stream).poll_flush(context),
        };
        this.bounded(context, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = match &mut this.carrier {
            Carrier::Unix(stream, _) => Pin::new(stream).poll_shutdown(context),
            Carrier::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Carrier::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        };
        this.bounded(context, polled)
    }
}

/// Reads bytes, and the descriptors that were sent along with them.
fn poll_receive(
    stream: &UnixStream,
    descriptors: &Descriptors,
    context: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    loop {
        ready!(stream.poll_read_ready(context))?;
        let room = buffer.initialize_unfilled_to(buffer.remaining().min(READ));
        let received = stream.try_io(Interest::READABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let received =
                recvmsg(stream, &mut [IoSliceMut::new(room)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
            // The kernel closes what has no room in the buffer.
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(sent) = message {
                    sent.for_each(|descriptor| descriptors.add(descriptor));
                }
            }
            Ok(received.bytes)
        });
        match received {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(count) => {
                buffer.advance(count);
                return Poll::Ready(Ok(()));
            }
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}
