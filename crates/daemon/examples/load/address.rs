//! Where the service listens, and connections to it.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep};

/// How long a Unix socket may have no room for another client.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the service listens.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// A path in the file system.
    Unix(PathBuf),
    /// A host and a port.
    Tcp(String),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("unix", path)) => Ok(Self::Unix(path.into())),
            Some(("tcp", address)) => Ok(Self::Tcp(address.to_owned())),
            _ => Err("expected unix:/PATH or tcp:ADDRESS:PORT".to_owned()),
        }
    }
}

/// Bytes from and to the service.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Address {
    /// A new connection.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(path) => {
                let until = Instant::now() + PATIENCE;
                loop {
                    match UnixStream::connect(path).await {
                        // A blocking client would wait here.
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < until => {
                            sleep(Duration::from_millis(5)).await;
                        }
                        connected => return Ok(Box::new(connected?)),
                    }
                }
            }
        }
    }
}
