//! A body on its way, which may begin with a preview: RFC 3507 section 4.5.
//!
//! Nothing is judged by a preview alone, since what was not seen cannot be called undetected. It is of use
//! nevertheless: a body that fits into it can be answered with 204, and what is too long anyhow need not be sent.

use tokio::io::{AsyncRead, AsyncWrite};

use super::chunked::{self, Decoder, Last, Step};
use super::wire::{self, Wire};

/// Why a body does not arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It is not chunked.
    #[error(transparent)]
    Malformed(#[from] chunked::Malformed),
    /// The connection fails.
    #[error(transparent)]
    Wire(#[from] wire::Error),
}

/// How far a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The preview is on its way.
    Preview,
    /// The preview is here, and the client waits: it sends the rest after `100 Continue` only.
    PreviewOnly,
    /// The preview is here, and it is all.
    WholePreview,
    /// The body is on its way, and no preview is in question any more.
    Rest,
    /// Everything is here.
    Whole,
}

/// A body.
#[derive(Debug)]
pub(super) struct Body {
    decoder: Decoder,
    progress: Progress,
}

impl Body {
    /// None at all.
    pub(super) fn none(has_preview: bool) -> Self {
        let progress = if has_preview { Progress::WholePreview } else { Progress::Whole };
        Self { decoder: Decoder::new(), progress }
    }

    /// One that is about to come.
    pub(super) fn coming(has_preview: bool) -> Self {
        let progress = if has_preview { Progress::Preview } else { Progress::Rest };
        Self { decoder: Decoder::new(), progress }
    }

    /// How far it is.
    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    /// Waits until the wire's first bytes, so many, are content, or nothing more comes. The caller consumes
    /// them. Safe to drop while it waits.
    pub(super) async fn content<S>(&mut self, wire: &mut Wire<S>) -> Result<Option<usize>, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while matches!(self.progress, Progress::Preview | Progress::Rest) {
            match self.decoder.step(wire.bytes())? {
                Step::More => wire.more().await?,
                Step::Skip(count) => wire.consume(count),
                Step::Content(count) => return Ok(Some(count)),
                Step::End(count, last) => {
                    wire.consume(count);
                    self.progress = match (self.progress, last) {
                        (Progress::Preview, Last::Plain) => Progress::PreviewOnly,
                        (Progress::Preview, Last::WholeBody) => Progress::WholePreview,
                        _ => Progress::Whole,
                    };
                }
            }
        }
        Ok(None)
    }

    /// Asks for the rest behind the preview.
    pub(super) async fn ask_for_rest<S>(&mut self, wire: &mut Wire<S>) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        wire.write(b"ICAP/1.0 100 Continue\r\n\r\n").await?;
        self.progress = Progress::Rest;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn read(body: &mut Body, wire: &mut Wire<tokio::io::DuplexStream>) -> Vec<u8> {
        let mut content = Vec::new();
        while let Some(count) = body.content(wire).await.unwrap() {
            content.extend_from_slice(&wire.bytes()[..count]);
            wire.consume(count);
        }
        content
    }

    #[tokio::test]
    async fn the_rest_comes_after_continue() {
        let (mut client, server) = tokio::io::duplex(1000);
        let mut wire = Wire::new(server, Duration::from_secs(20));
        let mut body = Body::coming(true);
        client.write_all(b"4\r\nABCD\r\n0\r\n\r\n").await.unwrap();
        assert_eq!(read(&mut body, &mut wire).await, b"ABCD");
        assert_eq!(body.progress(), Progress::PreviewOnly);
        body.ask_for_rest(&mut wire).await.unwrap();
        client.write_all(b"2\r\nEF\r\n0\r\n\r\nREQMOD").await.unwrap();
        assert_eq!(read(&mut body, &mut wire).await, b"EF");
        assert_eq!((body.progress(), wire.bytes()), (Progress::Whole, b"REQMOD".as_slice()));
        let mut said = vec![0; 25];
        client.read_exact(&mut said).await.unwrap();
        assert_eq!(said, b"ICAP/1.0 100 Continue\r\n\r\n");
    }

    #[tokio::test]
    async fn a_preview_may_be_all() {
        let (mut client, server) = tokio::io::duplex(1000);
        let mut wire = Wire::new(server, Duration::from_secs(20));
        let mut body = Body::coming(true);
        client.write_all(b"1\r\nA\r\n0; ieof\r\n\r\n").await.unwrap();
        assert_eq!(read(&mut body, &mut wire).await, b"A");
        assert_eq!(body.progress(), Progress::WholePreview);
        drop(client);
        let mut cut = Body::coming(false);
        assert!(matches!(cut.content(&mut wire).await, Err(Error::Wire(wire::Error::Ended))));
    }
}
