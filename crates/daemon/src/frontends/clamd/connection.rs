//! One connection: its first command, and for most commands its only one.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};
use rustix::process::{Signal, getpid, kill_process};
use tokio::time::Instant;
use tracing::{debug, info};

use super::answer::{Answer, Names};
use super::command::{self, Command, Framed, MOST_BYTES, Style};
use super::incoming::{End, Incoming};
use super::outgoing::{Outgoing, Reply};
use super::settings::Clients;
use super::{Front, descriptor, paths, session, statistics, stream};
use crate::listener::{Connection, Peer, Stream};
use crate::spool::Spooled;

/// How long a client may go on sending what nobody reads any more.
const LINGER: Duration = Duration::from_secs(10);

/// How many times the bytes of a stream it may go on with.
const LINGERING: u64 = 4;

/// What is said to a client that was silent for too long.
const TIMED_OUT: &[u8] = b"COMMAND READ TIMED OUT";

/// What is said to a client that passes a descriptor where none belongs.
const NO_FILDES: &[u8] = b"PROTOCOL ERROR: ancillary data sent without FILDES. ERROR";

/// Talks with a client until one side ends it.
pub(super) async fn converse(front: Arc<Front>, connection: Connection) {
    let Connection { stream, peer, room } = connection;
    let live = Arc::clone(&front.connections);
    let stream = Arc::new(stream);
    let incoming = Incoming::new(Arc::clone(&stream));
    let patience = front.settings.send_timeout.0;
    let outgoing = Arc::new(Outgoing::new(Arc::clone(&stream), patience));
    let mut conversation = Conversation { front, peer, incoming, outgoing };
    match conversation.first().await {
        Ok(()) => linger(&stream, &mut conversation).await,
        Err(error) => debug!(%peer, %error, "a client is lost"),
    }
    drop((live, room));
}

/// Lets the client read the last reply: closing while it still sends would break the connection, and with TCP
/// take the reply away.
async fn linger(stream: &Stream, conversation: &mut Conversation) {
    let socket = match stream {
        Stream::Unix(stream) => stream.as_fd(),
        Stream::Tcp(stream) => stream.as_fd(),
    };
    // A client that is gone has no need for it.
    let _ = shutdown(socket, Shutdown::Write);
    let until = Instant::now() + LINGER;
    let mut left = conversation.front.settings.stream_bytes.0.saturating_mul(LINGERING);
    loop {
        let received = conversation.incoming.received().len();
        conversation.incoming.used(received);
        left = left.saturating_sub(received as u64);
        let stop = &conversation.front.stop;
        let more = tokio::select! {
            more = conversation.incoming.more(Some(until)) => more,
            () = stop.cancelled() => return,
        };
        if left == 0 || matches!(more, Err(End::Closed | End::TimedOut)) {
            return;
        }
    }
}

/// A client and what it said last.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) front: Arc<Front>,
    pub(super) peer: Peer,
    pub(super) incoming: Incoming,
    pub(super) outgoing: Arc<Outgoing>,
}

/// What came instead of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoCommand {
    /// The end.
    End(End),
    /// Too many bytes without a delimiter.
    TooLong,
}

/// Waits for a command. Dropping the future loses nothing.
pub(super) async fn next(incoming: &mut Incoming, until: Option<Instant>) -> Result<Framed, NoCommand> {
    loop {
        let received = incoming.received();
        match command::next(received) {
            Some(framed) if framed.style == Style::Packet || framed.bytes <= MOST_BYTES => {
                incoming.used(framed.bytes);
                return Ok(framed);
            }
            None if received.len() < MOST_BYTES => {}
            _ => return Err(NoCommand::TooLong),
        }
        incoming.more(until).await.map_err(NoCommand::End)?;
    }
}

impl Conversation {
    async fn first(&mut self) -> io::Result<()> {
        let until = Instant::now() + self.front.settings.command_patience();
        let stop = self.front.stop.clone();
        let framed = tokio::select! {
            framed = next(&mut self.incoming, Some(until)) => framed,
            () = stop.cancelled() => return Ok(()),
        };
        let Framed { style, command, .. } = match framed {
            Ok(framed) => framed,
            Err(NoCommand::End(end)) => return self.ended(end, &self.reply(self.style_so_far(), None)).await,
            // clamd says nothing to this either.
            Err(NoCommand::TooLong) => return Ok(()),
        };
        let reply = self.reply(style, None);
        match command {
            Command::Session => session::run(self, style).await,
            Command::Ping => reply.line(b"PONG").await,
            Command::Version => reply.line(statistics::version().as_bytes()).await,
            Command::Commands => reply.line(statistics::commands().as_bytes()).await,
            Command::Statistics => reply.line(statistics::statistics(&self.front).as_bytes()).await,
            Command::Nothing => Ok(()),
            Command::Reload if self.may(self.front.settings.reload) => {
                // As SIGUSR2 does, so that it is one way for all and several requests become one.
                kill_process(getpid(), Signal::USR2)?;
                reply.line(b"RELOADING").await
            }
            Command::Shutdown if self.may(self.front.settings.shutdown) => {
                info!(peer = %self.peer, "a client ends the service");
                kill_process(getpid(), Signal::TERM)?;
                Ok(())
            }
            Command::Reload | Command::Shutdown => reply.line(b"COMMAND UNAVAILABLE").await,
            Command::Stream => match stream::take(&self.front, &mut self.incoming).await {
                Ok(file) => examined(&self.front, self.peer, file, "stream", &reply).await,
                Err(failure) => self.no_stream(failure, &reply).await,
            },
            Command::Descriptor => {
                let until = Instant::now() + self.front.settings.read_patience();
                match descriptor::take(&mut self.incoming, until).await {
                    Ok(file) => {
                        let subject = format!("fd[{}]", file.as_raw_fd());
                        examined(&self.front, self.peer, file.into(), &subject, &reply).await
                    }
                    Err(failure) => self.no_descriptor(failure, &reply).await,
                }
            }
            Command::Scan(traversal, path) => {
                paths::scan(&self.front, self.peer, traversal, path, &reply).await
            }
            Command::End | Command::Unknown => reply.line(b"UNKNOWN COMMAND").await,
        }
    }

    /// How replies to what has come so far of a command end.
    pub(super) fn style_so_far(&self) -> Style {
        if self.incoming.received().first() == Some(&b'z') { Style::Null } else { Style::Line }
    }

    /// Replies to a command of this style.
    pub(super) fn reply(&self, style: Style, number: Option<u64>) -> Reply {
        Reply::new(&self.outgoing, style, number)
    }

    fn may(&self, who: Clients) -> bool {
        who.include(self.peer)
    }

    /// Says why it ends.
    pub(super) async fn ended(&self, end: End, reply: &Reply) -> io::Result<()> {
        match end {
            End::Closed => Ok(()),
            // clamd always ends this with LF, without the number of a session.
            End::TimedOut => self.reply(Style::Line, None).line(TIMED_OUT).await,
            End::Descriptor => reply.line(NO_FILDES).await,
        }
    }

    /// Says why there is no stream.
    pub(super) async fn no_stream(&self, failure: stream::Failure, reply: &Reply) -> io::Result<()> {
        match failure {
            stream::Failure::End(end) => self.ended(end, reply).await,
            stream::Failure::TooLong => reply.line(b"INSTREAM size limit exceeded. ERROR").await,
            stream::Failure::NoRoom => reply.line(b"Error writing to temporary file ERROR").await,
        }
    }

    /// Says why there is no descriptor.
    pub(super) async fn no_descriptor(&self, failure: descriptor::Failure, reply: &Reply) -> io::Result<()> {
        match failure {
            descriptor::Failure::End(End::Descriptor) => {
                reply.line(NO_FILDES).await?;
                reply.line(b"Error processing command. ERROR").await
            }
            descriptor::Failure::End(end) => self.ended(end, reply).await,
            descriptor::Failure::NotOne => reply.line(b"No file descriptor received. ERROR").await,
        }
    }
}

/// Scans content and tells what came of it, unless nobody is there any more.
pub(super) async fn examined(
    front: &Front,
    peer: Peer,
    content: Spooled,
    subject: &str,
    reply: &Reply,
) -> io::Result<()> {
    let subject = subject.as_bytes();
    let answer: Answer = tokio::select! {
        answer = front.examine(peer, content, subject) => answer,
        () = reply.unwanted() => return Err(io::ErrorKind::BrokenPipe.into()),
    };
    for line in answer.lines(subject, Names::First) {
        reply.line(&line).await?;
    }
    Ok(())
}
