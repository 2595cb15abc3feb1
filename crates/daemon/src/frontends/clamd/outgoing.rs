//! What a client is told: lines, each within a time, from several scans at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::command::Style;
use crate::listener::Stream;

/// How often a scan under way looks whether its client is still there.
const LOOK: Duration = Duration::from_secs(1);

/// The way back to a client.
#[derive(Debug)]
pub(super) struct Outgoing {
    stream: Arc<Stream>,
    patience: Duration,
    /// Whose turn it is; what failed once fails for ever, since half a line may have been sent.
    turn: Mutex<Health>,
}

#[derive(Debug, PartialEq, Eq)]
enum Health {
    Well,
    Broken,
}

impl Outgoing {
    /// A client gets `patience` to take each line.
    pub(super) fn new(stream: Arc<Stream>, patience: Duration) -> Self {
        Self { stream, patience, turn: Mutex::new(Health::Well) }
    }

    /// Sends bytes in one piece.
    pub(super) async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut health = self.turn.lock().await;
        if *health == Health::Broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        // It counts as broken until it has gone well: this future may be dropped in the middle.
        *health = Health::Broken;
        timeout(self.patience, self.write(bytes)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        *health = Health::Well;
        Ok(())
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = match &*self.stream {
                Stream::Unix(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
                Stream::Tcp(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
            };
            match written {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until nobody is there any more: whoever gave up is not worth a scan. A client that only has no
    /// more to say is still there. TCP tells this only of connections that were reset.
    pub(super) async fn gone(&self) {
        loop {
            sleep(LOOK).await;
            let none = PollFlags::empty();
            let mut looked = match &*self.stream {
                Stream::Unix(stream) => [PollFd::new(stream, none)],
                Stream::Tcp(stream) => [PollFd::new(stream, none)],
            };
            let gone = PollFlags::HUP | PollFlags::ERR;
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            if poll(&mut looked, Some(&now)).is_ok()
                && looked.iter().any(|seen| seen.revents().intersects(gone))
            {
                return;
            }
        }
    }
}

/// The replies to one command.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    to: Arc<Outgoing>,
    style: Style,
    /// The number of the command in its session.
    number: Option<u64>,
}

impl Reply {
    /// Replies to a command of this style; in a session with its number.
    pub(super) fn new(to: &Arc<Outgoing>, style: Style, number: Option<u64>) -> Self {
        Self { to: Arc::clone(to), style, number }
    }

    /// Sends a line. A delimiter in its middle is not its business: names were made [`harmless`] before.
    pub(super) async fn line(&self, line: &[u8]) -> io::Result<()> {
        let mut bytes = self.number.map(|number| format!("{number}: ").into_bytes()).unwrap_or_default();
        bytes.extend_from_slice(line);
        bytes.push(self.style.delimiter());
        self.to.send(&bytes).await
    }

    /// Waits until nobody is there to read it.
    pub(super) async fn unwanted(&self) {
        self.to.gone().await;
    }
}
