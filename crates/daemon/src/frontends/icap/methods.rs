//! What the three methods do: RFC 3507 sections 4.8 to 4.10.

use std::fs::File;
use std::time::Instant;

use candor_object::Verdict;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep_until, timeout_at};

use super::failure::Failure;
use super::head::{self, Head, Method};
use super::intake::{Intake, Received};
use super::message::Message;
use super::outcome::{Cause, Outcome};
use super::preview::{Body, Progress};
use super::reply::{self, Next, Status};
use super::trickle::Trickle;
use super::wire::Wire;
use super::{OverLimit, Settings, echo};
use crate::listener::Peer;
use crate::service::{Examined, Service};
use crate::spool;

/// Most bytes of a body that comes with OPTIONS, for which there is no use.
const MAX_OPTIONS_BODY: usize = 64 << 10;

/// One request and its answer.
#[derive(Debug)]
pub(super) struct Exchange<'a, S> {
    /// The connection.
    pub(super) wire: &'a mut Wire<S>,
    /// Who examines.
    pub(super) service: &'a Service,
    /// The configuration.
    pub(super) settings: &'a Settings,
    /// Who asks.
    pub(super) peer: Peer,
    /// Whether the connection is to go on.
    pub(super) next: Next,
    /// The tag of what the answer depends on.
    pub(super) istag: String,
    /// Whether the final answer is on its way, so that no other is possible.
    pub(super) has_begun: bool,
}

/// How the body came.
enum Arrival {
    Whole,
    /// It is longer than allowed; the wire's first bytes, so many, are content that was not taken in.
    TooLong(usize),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<'_, S> {
    /// Reads a request and answers it.
    ///
    /// # Errors
    /// When it cannot be answered; then the connection must end.
    pub(super) async fn request(&mut self) -> Result<Next, Failure> {
        self.wire.allow(self.settings.head_timeout.0);
        // Some clients send an empty line too much behind a body.
        while self.wire.bytes().len() < 2 {
            self.wire.more().await?;
        }
        if self.wire.bytes().starts_with(b"\r\n") {
            self.wire.consume(2);
            if self.wire.bytes().is_empty() {
                return Ok(Next::Another);
            }
        }
        let head = head::parse(&self.wire.head(head::MAX_HEAD).await?)?;
        if head.wants_close {
            self.next = Next::Close;
        }
        self.wire.allow(self.settings.request_timeout.0);
        self.answer(&head).await
    }

    /// Answers a request.
    ///
    /// # Errors
    /// When it cannot be answered; then the connection must end.
    async fn answer(&mut self, head: &Head) -> Result<Next, Failure> {
        let service = head.path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let methods = match service.as_str() {
            "reqmod" => "REQMOD",
            "respmod" => "RESPMOD",
            _ => "REQMOD, RESPMOD",
        };
        match head.method {
            Method::Options => self.options(head, methods).await,
            Method::Reqmod if methods == "RESPMOD" => {
                Err(Failure::Refused(Status(405), "the path is for RESPMOD"))
            }
            Method::Respmod if methods == "REQMOD" => {
                Err(Failure::Refused(Status(405), "the path is for REQMOD"))
            }
            _ => self.modify(head).await,
        }
    }

    async fn options(&mut self, head: &Head, methods: &str) -> Result<Next, Failure> {
        if head.encapsulated.as_ref().is_some_and(|list| list.has_body) {
            let mut body = Body::coming(false);
            let mut left = MAX_OPTIONS_BODY;
            while let Some(count) = body.content(self.wire).await? {
                left = left
                    .checked_sub(count)
                    .ok_or(Failure::Refused(Status(400), "the body of OPTIONS is too long"))?;
                self.wire.consume(count);
            }
        }
        let fields = [
            ("Methods", methods.to_owned()),
            ("Service", concat!("Candor ", env!("CARGO_PKG_VERSION")).to_owned()),
            ("Service-ID", "candor".to_owned()),
            ("Max-Connections", self.settings.connections.to_string()),
            ("Options-TTL", self.settings.options_ttl.0.as_secs().to_string()),
            ("Allow", "204, 206".to_owned()),
            ("Preview", self.settings.preview.to_string()),
            ("Transfer-Preview", "*".to_owned()),
            ("X-Include", "X-Client-IP, X-Client-Username, X-Authenticated-User".to_owned()),
            ("X-Response-Info", "Options".to_owned()),
            ("Encapsulated", "null-body=0".to_owned()),
        ];
        self.reply(Status(200), &fields).await?;
        Ok(self.next)
    }

    async fn modify(&mut self, head: &Head) -> Result<Next, Failure> {
        let asked = Instant::now();
        let list = head.encapsulated.clone().unwrap_or_default();
        let heads = self.wire.exactly(list.heads).await?;
        let message = Message::parse(&heads, &list, head.method, self.settings.accept_encoding)?;
        drop(heads);
        let mut outcome = Outcome::undetected(message.gaps());
        if !message.has_body {
            let body = Body::none(head.has_preview);
            return self.pass(head, &message, &outcome, &body, None).await;
        }
        let mut body = Body::coming(head.has_preview);
        let limit = self.settings.body_limit.0;
        let blocks = self.settings.over_limit == OverLimit::Block;
        if blocks && message.length().is_some_and(|length| length > limit) {
            // A preview is read first: the client waits for nothing else while it sends it.
            if head.has_preview {
                self.skip(&mut body).await?;
            }
            outcome.add_gap("over limit");
            let outcome = outcome.too_long();
            self.log(head, &message, &outcome, 0, asked);
            return self.block(head, &message, &outcome, &body).await;
        }
        let mut trickle = (head.method == Method::Respmod && !self.settings.trickle.0.is_zero())
            .then(|| Trickle::new(self.settings.trickle.0));
        let mut intake = Intake::new(self.service, limit, message.multipart())?;
        let arrival = self.receive(&message, &mut body, &mut intake, &mut trickle).await?;
        let size = intake.size();
        let excess = match arrival {
            Arrival::Whole => None,
            Arrival::TooLong(count) => Some(count),
        };
        if excess.is_some() {
            outcome.add_gap("over limit");
        } else if message.length().is_some_and(|length| length > size) {
            // Proxies end a body regularly when its server breaks off.
            outcome.add_gap("truncated");
        }
        let (outcome, received) = if excess.is_some() && blocks {
            (outcome.too_long(), None)
        } else {
            let mut received = intake.finish()?;
            let file_name = message.file_name();
            for file in std::mem::take(&mut received.examine) {
                let examined = self.examine(file, &message, &body, &mut trickle).await?;
                self.istag = self.settings.istag(self.service, &examined.database);
                outcome.add(&examined, &file_name);
            }
            (outcome.decide(self.settings.gaps), Some(received))
        };
        self.log(head, &message, &outcome, size, asked);
        match (outcome.cause, trickle.filter(|trickle| trickle.has_begun), excess) {
            (Some(_), Some(_), _) => Err(Failure::BrokenOff),
            (Some(_), None, _) => self.block(head, &message, &outcome, &body).await,
            (None, Some(trickle), _) => {
                self.finish(&mut body, received.as_ref(), trickle.sent(), excess.unwrap_or(0)).await
            }
            (None, None, None) => self.pass(head, &message, &outcome, &body, received.as_ref()).await,
            // A limit below the preview makes 204 possible for everybody.
            (None, None, Some(count)) if head.allows_204 || body.progress() == Progress::Preview => {
                self.reply(Status(204), &outcome.fields()).await?;
                self.wire.consume(count);
                self.skip(&mut body).await?;
                Ok(self.next)
            }
            (None, None, Some(count)) => {
                self.begin(&message, &outcome).await?;
                self.finish(&mut body, received.as_ref(), 0, count).await
            }
        }
    }

    /// Writes the head of the final answer.
    async fn reply(&mut self, status: Status, fields: &[(&'static str, String)]) -> Result<(), Failure> {
        self.has_begun = true;
        Ok(self.wire.write(&reply::head(status, &self.istag, self.next, fields)).await?)
    }

    /// Reads the preview, or all of the body without one, and forgets it.
    async fn skip(&mut self, body: &mut Body) -> Result<(), Failure> {
        while let Some(count) = body.content(self.wire).await? {
            self.wire.consume(count);
        }
        Ok(())
    }

    /// Takes the body in.
    async fn receive(
        &mut self,
        message: &Message,
        body: &mut Body,
        intake: &mut Intake,
        trickle: &mut Option<Trickle>,
    ) -> Result<Arrival, Failure> {
        loop {
            let content = match trickle {
                Some(trickle) if body.progress() == Progress::Rest => {
                    match timeout_at(trickle.due(), body.content(self.wire)).await {
                        Ok(content) => content?,
                        Err(_) => {
                            self.drip(message, trickle).await?;
                            continue;
                        }
                    }
                }
                _ => body.content(self.wire).await?,
            };
            let Some(count) = content else {
                if body.progress() == Progress::PreviewOnly {
                    body.ask_for_rest(self.wire).await?;
                    continue;
                }
                return Ok(Arrival::Whole);
            };
            let bytes = self.wire.bytes().get(..count).unwrap_or_default();
            match intake.push(bytes) {
                Ok(()) => {}
                Err(spool::Error::TooLong(_)) => return Ok(Arrival::TooLong(count)),
                Err(error) => return Err(error.into()),
            }
            if let Some(trickle) = trickle {
                trickle.arrived(bytes);
            }
            self.wire.consume(count);
        }
    }

    /// Has a file examined, and gives bytes away meanwhile where that is wanted.
    async fn examine(
        &mut self,
        file: File,
        message: &Message,
        body: &Body,
        trickle: &mut Option<Trickle>,
    ) -> Result<Examined, Failure> {
        let service = self.service.asked_by(self.peer).about(&message.url());
        let scan = service.scan(file);
        tokio::pin!(scan);
        // In a preview the short answer 204 is better than early bytes.
        let trickles = matches!(body.progress(), Progress::Whole | Progress::Rest);
        loop {
            match trickle {
                Some(trickle) if trickles => tokio::select! {
                    examined = &mut scan => return Ok(examined?),
                    () = sleep_until(trickle.due()) => self.drip(message, trickle).await?,
                },
                _ => return Ok(scan.await?),
            }
        }
    }

    /// Gives a few bytes away before anything is known.
    async fn drip(&mut self, message: &Message, trickle: &mut Trickle) -> Result<(), Failure> {
        let bytes = trickle.take();
        if bytes.is_empty() {
            return Ok(());
        }
        if !trickle.has_begun {
            trickle.has_begun = true;
            self.next = Next::Close;
            let fields = [("Encapsulated", message.encapsulated())];
            self.reply(Status(200), &fields).await?;
            self.wire.write(&message.own).await?;
        }
        self.wire.write(&echo::chunk(&bytes)).await?;
        Ok(())
    }

    /// Writes the heads of the message given back.
    async fn begin(&mut self, message: &Message, outcome: &Outcome) -> Result<(), Failure> {
        let mut fields = outcome.fields();
        fields.push(("Encapsulated", message.encapsulated()));
        self.reply(Status(200), &fields).await?;
        Ok(self.wire.write(&message.own).await?)
    }

    /// Writes what was taken in from `start`, the wire's first bytes, and then whatever of the body still comes.
    async fn finish(
        &mut self,
        body: &mut Body,
        received: Option<&Received>,
        start: u64,
        excess: usize,
    ) -> Result<Next, Failure> {
        if let Some(received) = received {
            echo::file(self.wire, &received.whole, start, received.size).await?;
        }
        let mut next = Some(excess).filter(|count| *count > 0);
        while let Some(count) = next {
            let piece = echo::chunk(self.wire.bytes().get(..count).unwrap_or_default());
            self.wire.consume(count);
            self.wire.write(&piece).await?;
            next = body.content(self.wire).await?;
        }
        self.wire.write(echo::END).await?;
        Ok(self.next)
    }

    /// Lets a message pass, in the shortest way that the client takes.
    async fn pass(
        &mut self,
        head: &Head,
        message: &Message,
        outcome: &Outcome,
        body: &Body,
        received: Option<&Received>,
    ) -> Result<Next, Failure> {
        let is_in_preview = matches!(body.progress(), Progress::PreviewOnly | Progress::WholePreview);
        if !message.is_changed && (head.allows_204 || is_in_preview) {
            self.reply(Status(204), &outcome.fields()).await?;
            return Ok(self.next);
        }
        // Squid writes only 206 when it takes it within the preview, and both where it takes it at any time.
        let takes_206 = head.allows_206 && (is_in_preview || head.allows_204 || !head.has_preview);
        let Some(received) = received else {
            self.begin(message, outcome).await?;
            return Ok(self.next);
        };
        if takes_206 {
            let mut fields = outcome.fields();
            fields.push(("Encapsulated", message.encapsulated()));
            self.reply(Status(206), &fields).await?;
            self.wire.write(&message.own).await?;
            self.wire.write(echo::ORIGINAL_BODY).await?;
            return Ok(self.next);
        }
        self.begin(message, outcome).await?;
        echo::file(self.wire, &received.whole, 0, received.size).await?;
        self.wire.write(echo::END).await?;
        Ok(self.next)
    }

    /// Answers with the page in place of the message.
    async fn block(
        &mut self,
        head: &Head,
        message: &Message,
        outcome: &Outcome,
        body: &Body,
    ) -> Result<Next, Failure> {
        if matches!(body.progress(), Progress::Preview | Progress::Rest) {
            self.next = Next::Close;
        }
        let names = outcome.names.join(", ");
        let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let (client, user) = &head.on_behalf;
        let page = self.settings.block_page.fill(&[
            ("reason", outcome.cause.map_or("", Cause::sentence)),
            ("names", &or_dash(names)),
            ("gaps", &or_dash(outcome.gaps())),
            ("url", &or_dash(message.url())),
            ("user", user.as_deref().unwrap_or_default()),
            ("client", client.as_deref().unwrap_or_default()),
        ]);
        let http = reply::blocked_head(page.len());
        let is_bare = message.wants_head_only();
        let mut fields = outcome.fields();
        let body = if is_bare { "null-body" } else { "res-body" };
        fields.push(("Encapsulated", format!("res-hdr=0, {body}={}", http.len())));
        self.reply(Status(200), &fields).await?;
        self.wire.write(http.as_bytes()).await?;
        if !is_bare {
            for piece in page.as_bytes().chunks(16 << 10) {
                self.wire.write(&echo::chunk(piece)).await?;
            }
            self.wire.write(echo::END).await?;
        }
        Ok(self.next)
    }

    /// Tells what somebody should know of: what was blocked, detected or not examined; the rest is for debugging.
    fn log(&self, head: &Head, message: &Message, outcome: &Outcome, size: u64, asked: Instant) {
        let (client, user) = &head.on_behalf;
        let names = outcome.names.join(", ");
        macro_rules! tell {
            ($macro:ident) => {
                tracing::$macro!(
                    frontend = "icap",
                    peer = ?self.peer,
                    client = client.as_deref().unwrap_or_default(),
                    user = user.as_deref().unwrap_or_default(),
                    url = message.url(),
                    method = ?head.method,
                    size,
                    verdict = outcome.verdict.name(),
                    names,
                    gaps = outcome.gaps(),
                    blocked = outcome.cause.is_some(),
                    milliseconds = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX),
                    "examined"
                )
            };
        }
        if outcome.cause.is_some() || outcome.has_gaps() || outcome.verdict > Verdict::Undetected {
            tell!(info);
        } else {
            tell!(debug);
        }
    }
}
