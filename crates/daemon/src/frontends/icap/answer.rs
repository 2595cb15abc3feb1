//! Answers: a message passes, or a page comes in its place; and the log says which.

use std::time::Instant;

use candor_object::Verdict;
use tokio::io::{AsyncRead, AsyncWrite};

use super::echo;
use super::failure::Failure;
use super::head::Head;
use super::intake::Received;
use super::message::Message;
use super::methods::Exchange;
use super::outcome::{Cause, Outcome};
use super::preview::{Body, Progress};
use super::reply::{self, Next, Status};

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<'_, S> {
    /// Writes the head of the final answer.
    pub(super) async fn reply(
        &mut self,
        status: Status,
        fields: &[(&'static str, String)],
    ) -> Result<(), Failure> {
        self.has_begun = true;
        Ok(self.wire.write(&reply::head(status, &self.istag, self.next, fields)).await?)
    }

    /// Writes the heads of the message given back.
    pub(super) async fn begin(&mut self, message: &Message, outcome: &Outcome) -> Result<(), Failure> {
        let mut fields = outcome.fields();
        fields.push(("Encapsulated", message.encapsulated()));
        self.reply(Status(200), &fields).await?;
        Ok(self.wire.write(&message.own).await?)
    }

    /// Writes what was taken in from `start`, the wire's first bytes, and then whatever of the body still comes.
    pub(super) async fn finish(
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
    pub(super) async fn pass(
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
    pub(super) async fn block(
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
    pub(super) fn log(&self, head: &Head, message: &Message, outcome: &Outcome, size: u64, asked: Instant) {
        let (client, user) = &head.on_behalf;
        let names = outcome.names.join(", ");
        macro_rules! tell {
            ($macro:ident) => {
                tracing::$macro!(
                    frontend = "icap",
                    peer = %self.peer,
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
                    "answered"
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
