//! Where clients connect: Unix and TCP sockets, with a bound on how many are served at once.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::opening;

/// How long no client is taken after one could not be: out of descriptors, usually, and trying at once would
/// only burn time.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// Where to listen: `unix:/run/candor/clamd.sock` or `tcp:127.0.0.1:3310`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Address {
    /// A path in the file system.
    Unix(PathBuf),
    /// A host address and port.
    Tcp(SocketAddr),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
            return Ok(Self::Unix(path.into()));
        }
        let address = text.strip_prefix("tcp:").and_then(|address| address.parse().ok());
        let wanted = "expected unix:/PATH or tcp:ADDRESS:PORT, such as tcp:127.0.0.1:3310 or tcp:[::1]:3310";
        address.map(Self::Tcp).ok_or_else(|| format!("\"{text}\": {wanted}"))
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A socket that is listened on.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// Serves at most `connections` clients of a socket at once; more wait in the kernel's queue.
    ///
    /// # Errors
    /// When the socket cannot be waited for.
    pub(crate) fn new(socket: opening::Socket, connections: usize) -> io::Result<Self> {
        let socket = match socket {
            opening::Socket::Unix(listener, _) => {
                listener.set_nonblocking(true)?;
                Socket::Unix(UnixListener::from_std(listener)?)
            }
            opening::Socket::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Socket::Tcp(TcpListener::from_std(listener)?)
            }
        };
        Ok(Self { socket, room: Arc::new(Semaphore::new(connections)) })
    }

    /// Listens at an address, for tests.
    #[cfg(test)]
    #[allow(dead_code, reason = "not every front-end tests with sockets")]
    pub(crate) async fn bind(address: &Address, mode: u32, connections: usize) -> io::Result<Self> {
        Self::new(opening::open(address, mode).map_err(io::Error::other)?, connections)
    }

    /// The places for clients; all are free when nobody is served.
    pub(crate) fn room(&self) -> Arc<Semaphore> {
        Arc::clone(&self.room)
    }

    /// Where a TCP socket listens in fact, when the port was 0.
    pub(crate) fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Unix(_) => None,
            Socket::Tcp(listener) => listener.local_addr().ok(),
        }
    }

    /// Where it listens in fact, as [`Address`] is written.
    pub(crate) fn address(&self) -> String {
        let unix = |listener: &UnixListener| {
            let address = listener.local_addr().ok();
            address.and_then(|address| Some(format!("unix:{}", address.as_pathname()?.display())))
        };
        let address = match &self.socket {
            Socket::Unix(listener) => unix(listener),
            Socket::Tcp(listener) => listener.local_addr().ok().map(|address| format!("tcp:{address}")),
        };
        address.unwrap_or_else(|| "unknown".to_owned())
    }

    /// Serves each client in a task of its own until `stop`, and listens no more. Returns those still served.
    pub(crate) async fn serve_each<Serving>(
        self,
        stop: &CancellationToken,
        mut serve: impl FnMut(Connection) -> Serving,
    ) -> JoinSet<()>
    where
        Serving: Future<Output = ()> + Send + 'static,
    {
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return clients,
                Some(_) = clients.join_next(), if !clients.is_empty() => {}
                connection = self.accept() => drop(clients.spawn(serve(connection))),
            }
        }
    }

    /// Waits for room and for the next client.
    pub(crate) async fn accept(&self) -> Connection {
        loop {
            match self.try_accept().await {
                Ok(connection) => return connection,
                Err(error) => {
                    warn!(%error, address = self.address(), "a client could not be taken");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    async fn try_accept(&self) -> io::Result<Connection> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = match &self.socket {
            Socket::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                // A client in another namespace of processes has no number here.
                let credentials = stream.peer_cred()?;
                let peer = Peer::Local { user: credentials.uid(), process: credentials.pid().unwrap_or(0) };
                (Stream::Unix(stream), peer)
            }
            Socket::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                (Stream::Tcp(stream), Peer::Remote(address))
            }
        };
        Ok(Connection { stream, peer, room })
    }
}

/// A client.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its bytes.
    pub(crate) stream: Stream,
    /// Who it is.
    pub(crate) peer: Peer,
    /// The room that it takes; keep it as long as the connection.
    pub(crate) room: OwnedSemaphorePermit,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A process of this machine, as the kernel says.
    Local {
        /// Its user.
        user: u32,
        /// Its number; 0 if it has none in our namespace.
        process: i32,
    },
    /// Somebody who reaches the port.
    Remote(SocketAddr),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { user, process } => write!(f, "user:{user},process:{process}"),
            Self::Remote(address) => write!(f, "{address}"),
        }
    }
}

/// Bytes from and to a client.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Through a Unix socket, which can carry descriptors.
    Unix(UnixStream),
    /// Through TCP.
    Tcp(TcpStream),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
