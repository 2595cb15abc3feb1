//! Content as it is taken in: as it is, and with a head before it where it has several parts.
//!
//! The engine finds the parts of a form, with the files that are uploaded in it, when the body looks like a
//! message of mail; so the `Content-Type` of HTTP is put before it. The body as it is is examined too, unless it
//! begins with the boundary: a server that does not believe the header must not get what nobody looked at.

use std::fs::File;
use std::sync::Arc;

use crate::service::Service;
use crate::spool::{Error, Spool, Spooled};

/// Content on its way.
#[derive(Debug)]
pub(super) struct Intake {
    whole: Spool,
    parts: Option<Parts>,
}

#[derive(Debug)]
struct Parts {
    spool: Spool,
    boundary: Vec<u8>,
    start: Vec<u8>,
}

/// Content that has arrived.
#[derive(Debug)]
pub(super) struct Received {
    /// The body as it is.
    pub(super) whole: Arc<File>,
    /// Its size in bytes.
    pub(super) size: u64,
    /// What is to be examined.
    pub(super) examine: Vec<Spooled>,
}

impl Intake {
    /// For at most `limit` bytes, with a head if there are several parts.
    ///
    /// # Errors
    /// When there is no room.
    pub(super) fn new(service: &Service, limit: u64, multipart: Option<Vec<u8>>) -> Result<Self, Error> {
        let parts = match multipart {
            Some(head) => {
                let mut spool = service.spool(limit.saturating_add(head.len() as u64));
                spool.push(&head)?;
                Some(Parts { spool, boundary: delimiter(&head).unwrap_or_default(), start: Vec::new() })
            }
            None => None,
        };
        Ok(Self { whole: service.spool(limit), parts })
    }

    /// Bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.whole.size()
    }

    /// Adds bytes, 64 KiB at most.
    ///
    /// # Errors
    /// [`Error::TooLong`] beyond the limit; nothing of them is kept then.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.whole.push(bytes)?;
        if let Some(parts) = &mut self.parts {
            let wanted = parts.boundary.len().saturating_sub(parts.start.len());
            parts.start.extend_from_slice(bytes.get(..wanted.min(bytes.len())).unwrap_or_default());
            parts.spool.push(bytes)?;
        }
        Ok(())
    }

    /// The content as files.
    ///
    /// # Errors
    /// When there is no room.
    pub(super) fn finish(self) -> Result<Received, Error> {
        let size = self.whole.size();
        let whole = self.whole.into_file()?;
        let mut examine = Vec::new();
        let mut is_whole_examined = false;
        if let Some(parts) = self.parts {
            is_whole_examined = !parts.boundary.is_empty() && parts.start == parts.boundary;
            examine.push(parts.spool.finish()?);
        }
        if !is_whole_examined {
            examine.push(Spooled::File(Arc::clone(&whole)));
        }
        Ok(Received { whole, size, examine })
    }
}

/// The first bytes of a body with the boundary that a head names, if it names it plainly.
fn delimiter(head: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(head).ok()?;
    let (_, rest) = text.split_once("boundary=")?;
    let value = rest.split([';', '\r']).next()?.trim();
    let value = value.strip_prefix('"').map_or(value, |value| value.strip_suffix('"').unwrap_or(value));
    let is_plain = !value.is_empty() && value.len() <= 70 && !value.contains(['"', '\\', '%', ' ']);
    (is_plain && text.matches("oundary").count() == 1).then(|| format!("--{value}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_that_are_plain() {
        let find =
            |value: &str| delimiter(format!("Content-Type: multipart/form-data; {value}\r\n\r\n").as_bytes());
        assert_eq!(find("boundary=ab"), Some(b"--ab".to_vec()));
        assert_eq!(find("boundary=\"ab\"; x=y"), Some(b"--ab".to_vec()));
        for value in
            ["", "boundary=", "boundary*=a", "boundary=\"a\\b\"", "boundary=a; boundary=b", "boundary=a b"]
        {
            assert_eq!(find(value), None, "{value}");
        }
    }
}
