//! ActiveMime: what Office writes where a web archive has macros or embedded objects. A header and a zlib stream.
//!
//! There is no specification; the stream begins at offset 50 in most files. It is looked for, since the header says it in
//! no way that all writers share.

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink};
use flate2::read::ZlibDecoder;
use std::io::Read;

use crate::{Format, Glimpse};

/// The format.
pub(crate) struct ActiveMime;

const MAGIC: &[u8] = b"ActiveMime";
/// Where the stream may begin.
const FIRST: usize = 12;
const LAST: usize = 1024;

impl Format for ActiveMime {
    fn file_type(&self) -> FileType {
        FileType::new("activemime")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, LAST)?.into_owned();
        for place in FIRST..head.len() {
            let begins = matches!(head.get(place..), Some([0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]));
            if !begins {
                continue;
            }
            sink.pulse()?;
            let stream = || ZlibDecoder::new(content.from(place as u64).reader());
            // What only looks like a stream gives nothing.
            let mut first = [0; 16];
            if stream().read(&mut first).is_ok_and(|count| count > 0) {
                let mut decoder = stream();
                sink.child(Child::stream(), &mut decoder)?;
                let end = (place as u64).saturating_add(decoder.total_in());
                if end < content.size() {
                    sink.range(Child { name: "", relation: Relation::Overlay }, content.from(end))?;
                }
                return Ok(());
            }
        }
        sink.gap(Reason::Damaged, "no zlib stream in the first 1024 bytes");
        Ok(())
    }
}
