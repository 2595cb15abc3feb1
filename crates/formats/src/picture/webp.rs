//! WebP: a RIFF file. Exif, XMP, profiles and unknown chunks come out.
//!
//! Specification: <https://developers.google.com/speed/webp/docs/riff_container>.

use std::time::Instant;

use candor_object::{Content, FileType, Flow, Sink, Undecoded};

use super::parts::Parts;
use crate::fields::{self, u32_le};
use crate::{Format, Glimpse};

/// The WebP format.
pub(crate) struct WebP;

const KNOWN: &[&[u8; 4]] = &[b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"];

impl Format for WebP {
    fn file_type(&self) -> FileType {
        FileType::new("webp")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"RIFF") && glimpse.has(8, b"WEBP")
    }

    fn perceptual_hash(&self, content: &Content, deadline: Instant) -> Result<Option<u64>, Undecoded> {
        super::perceptual_hash(content, "webp", deadline)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let said = u32_le(&content.window(4, 4)?, 0).map_or(0, u64::from).saturating_add(8);
        let mut parts = Parts::new(content, sink);
        if said > content.size() {
            parts.odd("wrong-size", &format!("the header says {said} bytes, there are {}", content.size()));
        }
        let mut offset = 12_u64;
        while offset < said.min(content.size()) {
            parts.sink.pulse()?;
            let head = content.window(offset, 8)?;
            let (Some(kind), Some(size)) = (fields::array::<4>(&head, 0), u32_le(&head, 4)) else { break };
            let size = u64::from(size);
            let end = offset.saturating_add(8).saturating_add(size);
            if !kind.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') || end > said {
                parts.odd("cut-chunk", &format!("chunk {} at offset {offset}", kind.escape_ascii()));
            }
            if !KNOWN.contains(&&kind) {
                parts.part(&kind.escape_ascii().to_string(), offset.saturating_add(8), size)?;
            }
            offset = end.saturating_add(size & 1);
        }
        // A chunk that reaches behind the end that the header says hides nothing: both readings count.
        parts.overlay(said.max(12).min(offset.max(12)))
    }
}
