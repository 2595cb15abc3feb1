//! Gives content back as it came, from what was spooled, in chunks.

use std::fs::File;
use std::os::unix::fs::FileExt;

use tokio::io::{AsyncRead, AsyncWrite};

use super::wire::{Error, Wire};

/// Bytes of a chunk.
const CHUNK: usize = 64 << 10;

/// The end of a chunked body.
pub(super) const END: &[u8] = b"0\r\n\r\n";
/// The end of a body that goes on with the client's own copy from its beginning (the extension 206).
pub(super) const ORIGINAL_BODY: &[u8] = b"0; use-original-body=0\r\n\r\n";

/// Bytes as one chunk.
pub(super) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// Writes a file from `start` to `end` as chunks, without the last one.
///
/// # Errors
/// Those of the connection, and of the file when it is shorter than it was.
pub(super) async fn file<S>(wire: &mut Wire<S>, file: &File, start: u64, end: u64) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = vec![0; CHUNK];
    let mut at = start;
    while at < end {
        let count = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        let piece = buffer.get_mut(..count).unwrap_or_default();
        file.read_exact_at(piece, at)?;
        wire.write(&chunk(piece)).await?;
        at += count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks() {
        assert_eq!(chunk(&[b'x'; 17]), [b"11\r\n".as_slice(), &[b'x'; 17], b"\r\n"].concat());
    }
}
