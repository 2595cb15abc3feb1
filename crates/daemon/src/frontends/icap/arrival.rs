//! Takes a body in and has it examined, with a few bytes given away meanwhile where that is wanted.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep_until, timeout_at};

use super::echo;
use super::failure::Failure;
use super::intake::Intake;
use super::message::Message;
use super::methods::Exchange;
use super::preview::{Body, Progress};
use super::reply::{Next, Status};
use super::trickle::Trickle;
use crate::service::Examined;
use crate::spool::{self, Spooled};

/// How the body came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// All of it.
    Whole,
    /// It is longer than allowed; the wire's first bytes, so many, are content that was not taken in.
    TooLong(usize),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<'_, S> {
    /// Takes the body in.
    pub(super) async fn receive(
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

    /// Has content examined, and gives bytes away meanwhile where that is wanted.
    pub(super) async fn examine(
        &mut self,
        content: Spooled,
        message: &Message,
        body: &Body,
        trickle: &mut Option<Trickle>,
    ) -> Result<Examined, Failure> {
        let service = self.service.about(&message.url());
        let scan = service.scan(content);
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

    /// Reads the preview, or all of the body without one, and forgets it.
    pub(super) async fn skip(&mut self, body: &mut Body) -> Result<(), Failure> {
        while let Some(count) = body.content(self.wire).await? {
            self.wire.consume(count);
        }
        Ok(())
    }
}
