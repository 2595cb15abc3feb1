//! zstd: every frame, one after the other; skippable frames are handed over as they are.
//!
//! Specification: RFC 8878, <https://www.rfc-editor.org/rfc/rfc8878>. Frames in a row are one content, also with
//! skippable frames between them, as pzstd writes them (section 3.1).

use std::io::{self, ErrorKind, Read};

use candor_object::{Content, FileType, Flow, Sink};
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::fields::{u16_le, u32_le, u64_le};
use crate::frames::{self, Frame, Frames, Input};
use crate::{Format, Glimpse};

const MAGIC: u32 = 0xfd2f_b528;
/// Largest window that is decoded, which is also what the zstd tool allows unless it is told otherwise.
const WINDOW_LIMIT: u64 = 128 << 20;

/// The zstd format.
pub(crate) struct Zstd;

impl Format for Zstd {
    fn file_type(&self) -> FileType {
        FileType::new("zstd")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        // A skippable frame may be lz4's as well; the frame that follows decides, if it can be seen.
        let mut head = glimpse.head;
        while let Some(size) = skippable(head) {
            let next = usize::try_from(size).ok().and_then(|size| head.get(8..)?.get(size..));
            match next {
                Some(rest) if !rest.is_empty() => head = rest,
                _ => return true,
            }
        }
        u32_le(head, 0) == Some(MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        frames::open(self, content, sink)
    }
}

/// Size of the skippable frame that begins here, without its header of eight bytes.
pub(crate) fn skippable(head: &[u8]) -> Option<u64> {
    let magic = u32_le(head, 0)?;
    (magic & !15 == 0x184d_2a50).then(|| u32_le(head, 4).map(u64::from)).flatten()
}

/// The window that the frame with this head is decoded with: its own, or all of its content (RFC 8878, section 3.1.1.1).
pub(crate) fn window(head: &[u8]) -> Option<u64> {
    if u32_le(head, 0) != Some(MAGIC) {
        return None;
    }
    let descriptor = *head.get(4)?;
    if descriptor & 0x20 == 0 {
        let coded = *head.get(5)?;
        let base = 1_u64.checked_shl(u32::from(coded >> 3).saturating_add(10))?;
        return Some(base.saturating_add((base >> 3).saturating_mul(u64::from(coded & 7))));
    }
    let start = 5_usize.saturating_add([0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?);
    match descriptor >> 6 {
        0 => head.get(start).copied().map(u64::from),
        1 => u16_le(head, start).map(|size| u64::from(size).saturating_add(256)),
        2 => u32_le(head, start).map(u64::from),
        _ => u64_le(head, start),
    }
}

impl Frames for Zstd {
    fn noun(&self) -> &'static str {
        "zstd frame"
    }

    fn begins(&self, head: &[u8]) -> bool {
        // The reserved bit must be zero.
        let frame =
            u32_le(head, 0) == Some(MAGIC) && head.get(4).is_none_or(|descriptor| descriptor & 8 == 0);
        frame || skippable(head).is_some()
    }

    fn memory(&self, head: &[u8]) -> u64 {
        window(head).unwrap_or(0).min(WINDOW_LIMIT)
    }

    fn open_frame(&self, head: &[u8], mut input: Input) -> io::Result<Frame> {
        if let Some(size) = skippable(head) {
            return Ok(Frame::Skippable { header: 8, size });
        }
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_LIMIT);
        decoder.reset(&mut input).map_err(|error| explain(&error))?;
        let checksum = head.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
        Ok(Frame::Packed(Box::new(Blocks { input, decoder, checksum, error: None })))
    }
}

fn explain(error: &FrameDecoderError) -> io::Error {
    let unsupported = |detail| io::Error::new(ErrorKind::Unsupported, detail);
    match error {
        FrameDecoderError::WindowSizeTooBig { requested, max } => unsupported(format!(
            "a window of {} MiB is needed, more than the {} MiB that are allowed",
            requested >> 20,
            max >> 20
        )),
        FrameDecoderError::DictNotProvided { dict_id } => {
            unsupported(format!("dictionary {dict_id} is needed"))
        }
        error => io::Error::new(ErrorKind::InvalidData, error.to_string()),
    }
}

struct Blocks {
    input: Input,
    decoder: FrameDecoder,
    checksum: bool,
    error: Option<io::Error>,
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            if self.decoder.is_finished() {
                let wrong = self.checksum
                    && self.decoder.get_checksum_from_data() != self.decoder.get_calculated_checksum();
                return if wrong {
                    Err(io::Error::new(ErrorKind::InvalidData, "the checksum is wrong"))
                } else {
                    Ok(0)
                };
            }
            if let Err(error) =
                self.decoder.decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1))
            {
                self.error = Some(explain(&error));
                // The decoder keeps a whole window back for later matches until a frame is over, and that may be
                // all there is. An empty last block of ours ends the frame, so that it gives out the rest.
                let last: &[u8] = &[1, 0, 0, 0, 0, 0, 0];
                if self.decoder.decode_blocks(last, BlockDecodingStrategy::UptoBlocks(1)).is_err() {
                    return self.error.take().map_or(Ok(0), Err);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn windows_are_read_from_the_head() {
        let head = |rest: &[u8]| [&[0x28, 0xb5, 0x2f, 0xfd], rest].concat();
        assert_eq!(window(&head(&[0, 0])), Some(1 << 10));
        assert_eq!(window(&head(&[0, 0x89])), Some((128 << 20) + (16 << 20)));
        assert_eq!(window(&head(&[0x20, 7])), Some(7));
        assert_eq!(window(&head(&[0x61, 0xaa, 1, 0])), Some(257));
        assert_eq!(window(&head(&[0xa0, 0, 0, 0, 8])), Some(128 << 20));
        assert_eq!(window(b"none"), None);
    }
}
