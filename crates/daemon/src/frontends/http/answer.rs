//! The body of an answer: bytes that are there, or pieces that are made while the client reads.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// Pieces are put together until a frame has this many bytes.
const FRAME: usize = 16 << 10;

/// Pieces of an answer.
pub(super) type Pieces = Box<dyn Iterator<Item = Vec<u8>> + Send + Sync>;

/// The body of an answer.
pub(super) enum Content {
    /// Bytes, until they are sent.
    Whole(Option<Bytes>),
    /// Pieces, which have to be read by the client before the deadline.
    Pieces(Pieces, Instant),
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(Some(bytes.into()))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = match &mut *self {
            Self::Whole(bytes) => bytes.take().filter(|bytes| !bytes.is_empty()),
            Self::Pieces(_, deadline) if Instant::now() > *deadline => {
                // A client that reads byte after byte would otherwise hold a report for days.
                return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
            }
            Self::Pieces(pieces, _) => {
                let mut frame = Vec::new();
                while frame.len() < FRAME
                    && let Some(piece) = pieces.next()
                {
                    frame.extend_from_slice(&piece);
                }
                (!frame.is_empty()).then(|| frame.into())
            }
        };
        Poll::Ready(frame.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Pieces(..) => SizeHint::default(),
        }
    }
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, content: impl Into<Content>) -> Response<Content> {
    let mut response = Response::new(content.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
