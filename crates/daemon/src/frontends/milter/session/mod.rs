//! One connection of a mail server: message after message, and SMTP session after SMTP session.
//!
//! Memory of a session is that of one packet, at most a megabyte, and of the first 256 KiB of a message.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader, ReadHalf, WriteHalf};
use tokio::time::{Instant, interval_at, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::answer::{Action, Answer, Outcome, answer};
use super::command::{Command, parse};
use super::envelope::Envelope;
use super::message::{BESIDE, Complete, Message};
use super::negotiation::{Agreement, agree};
use super::reply::Reply;
use super::text::printable;
use super::{Settings, command, negotiation, packet};
use crate::service::{Examined, Refusal, Service};
use crate::spool::{Spool, Spooled};

/// How often a server that waits for a scan is told that we live. Postfix gives up after 300 s of silence
/// (`milter_content_timeout`), sendmail after 300 s (`T=E:5m`).
const PROGRESS: Duration = Duration::from_secs(20);

/// Time between packets inside a message; a server has it all when it begins.
const WITHIN_MESSAGE: Duration = Duration::from_secs(600);

/// What a session asks of the service.
pub(super) trait Scans: Sync {
    /// Scans a message that the server calls `queue`.
    fn scan(&self, content: Spooled, queue: &str) -> impl Future<Output = Result<Examined, Refusal>> + Send;
    /// A place for a message of at most `limit` bytes.
    fn spool(&self, limit: u64) -> Spool;
}

impl Scans for Service {
    fn scan(&self, content: Spooled, queue: &str) -> impl Future<Output = Result<Examined, Refusal>> + Send {
        let asked = self.about(queue);
        async move { asked.scan(content).await }
    }

    fn spool(&self, limit: u64) -> Spool {
        Self::spool(self, limit)
    }
}

/// Why a session ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// No packet could be read or written.
    #[error(transparent)]
    Packet(#[from] packet::Error),
    /// A packet makes no sense.
    #[error(transparent)]
    Command(#[from] command::Error),
    /// Nothing could be agreed on.
    #[error(transparent)]
    Negotiation(#[from] negotiation::Error),
    /// A command comes where none of its kind may.
    #[error("a command {0} out of place")]
    Misplaced(&'static str),
    /// The server did not wait for the answer to a message.
    #[error("the mail server left while its message was examined")]
    Left,
}

impl Error {
    /// Whether the server merely went away, as it does when its SMTP client does.
    pub(super) fn is_departure(&self) -> bool {
        matches!(self, Self::Left | Self::Packet(packet::Error::Stalled | packet::Error::Io(_)))
    }
}

/// Speaks with a mail server until it leaves or `stop` and no message is under way.
pub(super) async fn run<S, C>(
    stream: S,
    service: &C,
    settings: &Settings,
    stop: &CancellationToken,
) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Send,
    C: Scans,
{
    let (reader, writer) = tokio::io::split(stream);
    let reader = BufReader::new(reader);
    let mut session = Session {
        reader,
        writer,
        service,
        settings,
        agreement: None,
        client: None,
        login: Vec::new(),
        queue: String::new(),
        envelope: None,
        message: None,
    };
    let mut payload = Vec::new();
    loop {
        let idle = if session.message.is_some() { WITHIN_MESSAGE } else { session.settings.idle_timeout.0 };
        let is_idle = session.envelope.is_none();
        tokio::select! {
            biased;
            () = stop.cancelled(), if is_idle => return Ok(()),
            waited = packet::wait(&mut session.reader, idle) => if !waited? {
                return Ok(());
            },
        }
        let packet = packet::read(&mut session.reader, payload).await?;
        let command = parse(&packet)?;
        if command == Command::Quit {
            return Ok(());
        }
        session.take(packet.code, command).await?;
        payload = packet.payload;
    }
}

struct Session<'s, S, C> {
    reader: BufReader<ReadHalf<S>>,
    writer: WriteHalf<S>,
    service: &'s C,
    settings: &'s Settings,
    agreement: Option<Agreement>,
    client: Option<IpAddr>,
    /// Who has logged in, as the server said just now.
    login: Vec<u8>,
    /// What the server calls the message.
    queue: String,
    envelope: Option<Envelope>,
    message: Option<Message>,
}

impl<S: AsyncRead + AsyncWrite + Send, C: Scans> Session<'_, S, C> {
    async fn take(&mut self, code: u8, command: Command<'_>) -> Result<(), Error> {
        if let Command::Negotiate(offer) = command {
            if self.agreement.is_some() {
                return Err(Error::Misplaced("O"));
            }
            let agreement = agree(offer, self.settings.may_quarantine())?;
            let mut bytes = Vec::new();
            agreement.write(&mut bytes);
            self.agreement = Some(agreement);
            return Ok(packet::send(&mut self.writer, &bytes).await?);
        }
        let agreement = self.agreement.ok_or(Error::Misplaced("before the negotiation"))?;
        let mut reply = Reply::Continue;
        match command {
            Command::Negotiate(_) | Command::Quit | Command::Other => {}
            Command::Macros(stage, macros) => {
                self.remember(stage, &macros);
                return Ok(());
            }
            Command::Connect(client) => {
                self.forget();
                self.client = client;
            }
            Command::Mail(sender) => {
                let login = std::mem::take(&mut self.login);
                self.message = None;
                self.envelope = Some(Envelope::new(sender, &login, self.settings));
            }
            Command::Recipient(recipient) => {
                let envelope = self.envelope.as_mut().ok_or(Error::Misplaced("R"))?;
                if self.message.is_some() {
                    return Err(Error::Misplaced("R"));
                }
                envelope.add_recipient(recipient, self.settings);
            }
            Command::Header(name, value) => {
                let message = self.message(agreement)?;
                if !message.is_in_header() {
                    return Err(Error::Misplaced("L"));
                }
                message.add_field(name, value);
            }
            Command::EndOfHeader => self.message(agreement)?.end_header(),
            Command::Body(bytes) => {
                let message = self.message(agreement)?;
                message.add_body(bytes);
                if !message.wants_more() && agreement.knows_skip() {
                    reply = Reply::Skip;
                }
                // Writing to a temporary file does not yield; the next session may be waiting.
                tokio::task::yield_now().await;
            }
            Command::EndOfMessage(bytes) => {
                self.message(agreement)?.add_body(bytes);
                return self.finish(agreement).await;
            }
            Command::Abort => {
                self.envelope = None;
                self.message = None;
                self.queue.clear();
                return Ok(());
            }
            Command::NextConnection => {
                self.forget();
                return Ok(());
            }
        }
        if agreement.is_replied(code) { self.send(&[reply], agreement).await } else { Ok(()) }
    }

    /// The message under way, which begins with its first content.
    fn message(&mut self, agreement: Agreement) -> Result<&mut Message, Error> {
        let envelope = self.envelope.as_ref().ok_or(Error::Misplaced("of a message without a sender"))?;
        Ok(self.message.get_or_insert_with(|| match envelope.exemption(self.client, self.settings) {
            Some(exemption) => Message::exempt(exemption),
            None => {
                let limit = self.settings.message_limit.0.saturating_add(BESIDE);
                Message::new(self.service.spool(limit), agreement.has_leading_space())
            }
        }))
    }

    fn remember(&mut self, stage: u8, macros: &[(&[u8], &[u8])]) {
        let value = |name: &[u8]| macros.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        if stage == b'M' {
            self.login = value(b"auth_authen").unwrap_or_default().to_vec();
        }
        if let Some(queue) = value(b"i") {
            self.queue = printable(&String::from_utf8_lossy(queue), 64);
        }
    }

    fn forget(&mut self) {
        self.client = None;
        self.login.clear();
        self.queue.clear();
        self.envelope = None;
        self.message = None;
    }

    async fn send(&mut self, replies: &[Reply], agreement: Agreement) -> Result<(), Error> {
        let mut bytes = Vec::new();
        replies.iter().for_each(|reply| reply.write(agreement, &mut bytes));
        Ok(packet::send(&mut self.writer, &bytes).await?)
    }

    /// Examines the message and answers.
    async fn finish(&mut self, agreement: Agreement) -> Result<(), Error> {
        let (Some(message), Some(envelope)) = (self.message.take(), self.envelope.take()) else {
            return Err(Error::Misplaced("E"));
        };
        // The envelope counts as a message under way until the answer is out.
        let forged = message.forged;
        let outcome = match message.complete() {
            Complete::Whole(file) => {
                self.examine(file, agreement).await?.map_or_else(Outcome::Failed, Outcome::Examined)
            }
            Complete::Cut(file) => {
                self.examine(file, agreement).await?.map_or_else(Outcome::Failed, Outcome::Cut)
            }
            Complete::Exempt(exemption) => Outcome::Exempt(exemption),
            Complete::Lost(error) => Outcome::Failed(error.to_string()),
        };
        let queue = std::mem::take(&mut self.queue);
        let answer = answer(&outcome, forged, &queue, self.settings);
        log(&outcome, &answer, &envelope, &queue);
        self.send(&answer.replies, agreement).await
    }

    /// Scans a message while the server is kept waiting. An error within is one of ours, and told as a failure.
    async fn examine(
        &mut self,
        content: Spooled,
        agreement: Agreement,
    ) -> Result<Result<Examined, String>, Error> {
        let mut alive = Vec::new();
        Reply::Progress.write(agreement, &mut alive);
        let scan = self.service.scan(content, &self.queue);
        let late = sleep(self.settings.scan_timeout.0);
        let mut ticks = interval_at(Instant::now() + PROGRESS, PROGRESS);
        tokio::pin!(scan, late);
        let mut is_silent = true;
        loop {
            tokio::select! {
                biased;
                examined = &mut scan => return Ok(examined.map_err(|refusal| refusal.to_string())),
                () = &mut late => return Ok(Err("the scan takes too long".to_owned())),
                _ = ticks.tick() => packet::send(&mut self.writer, &alive).await?,
                // A server that is gone needs no answer, and its scan makes room for others.
                bytes = self.reader.fill_buf(), if is_silent => match bytes {
                    Ok([]) | Err(_) => return Err(Error::Left),
                    Ok(_) => is_silent = false,
                },
            }
        }
    }
}

fn log(outcome: &Outcome, answer: &Answer, envelope: &Envelope, queue: &str) {
    let Answer { status, names, gaps, .. } = answer;
    let action = answer.action.name();
    let Envelope { sender, recipient_count, .. } = envelope;
    let (recipients, names, gaps) = (envelope.recipients.join(","), names.join(","), gaps.join(", "));
    match outcome {
        Outcome::Failed(error) => {
            warn!(queue, sender, recipients, recipient_count, action, error, "message not examined");
        }
        _ if names.is_empty() && gaps.is_empty() && answer.action == Action::Tag => {
            debug!(queue, sender, recipients, recipient_count, action, status, "message");
        }
        _ => {
            info!(queue, sender, recipients, recipient_count, action, status, names, gaps, "message");
        }
    }
}

#[cfg(test)]
mod tests;
