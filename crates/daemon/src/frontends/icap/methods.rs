//! What the three methods do: RFC 3507 sections 4.8 to 4.10.

use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};

use super::arrival::Arrival;
use super::failure::Failure;
use super::head::{self, Head, Method};
use super::intake::Intake;
use super::message::Message;
use super::outcome::Outcome;
use super::preview::{Body, Progress};
use super::reply::{Next, Status};
use super::trickle::Trickle;
use super::wire::Wire;
use super::{OverLimit, Settings};
use crate::listener::Peer;
use crate::service::Service;

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
                if outcome.cause.is_some() {
                    break;
                }
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
}
