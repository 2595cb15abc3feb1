//! EPS with a binary header: PostScript and a preview of it in one file.
//!
//! Specification: Encapsulated PostScript File Format Specification 3.0, section 5.2,
//! <https://www.adobe.com/content/dam/acom/en/devnet/actionscript/articles/5002.EPSF_Spec.pdf>.

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink};

use crate::fields::u32_le;
use crate::{Format, Glimpse};

const MAGIC: &[u8; 4] = b"\xc5\xd0\xd3\xc6";
/// Bytes of the header.
const HEADER: u64 = 30;
/// The parts, and where the header says where they are and how long.
const PARTS: [(&str, usize); 3] = [("postscript", 4), ("metafile", 12), ("tiff", 20)];
/// Shortest piece between the parts that is handed over.
const SHORTEST: u64 = 16;

/// The EPS format with a binary header.
pub(crate) struct Eps;

impl Format for Eps {
    fn file_type(&self) -> FileType {
        FileType::new("eps")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 32)?;
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (name, place) in PARTS {
            let (Some(start), Some(size)) = (u32_le(&head, place), u32_le(&head, place.saturating_add(4)))
            else {
                sink.gap(Reason::Truncated, "the header ends too early");
                return Ok(());
            };
            if size == 0 {
                continue;
            }
            let (start, size) = (u64::from(start), u64::from(size));
            let end = start.saturating_add(size);
            if end > content.size() {
                sink.gap(Reason::Truncated, &format!("{name} at offset {start} ends too early"));
            }
            let part = content.range(start, size);
            // A part that is the file itself would be in itself.
            if part.size() < content.size() {
                sink.range(Child::member(name), part)?;
                ranges.push((start, end));
            }
        }
        ranges.sort_unstable();
        let mut place = HEADER;
        for (start, end) in ranges.into_iter().chain([(content.size(), content.size())]) {
            if start.saturating_sub(place) >= SHORTEST {
                let piece = content.range(place, start.saturating_sub(place));
                sink.range(Child { name: "", relation: Relation::Overlay }, piece)?;
            }
            place = place.max(end);
        }
        Ok(())
    }
}
