//! gzip: every member of the stream, one after the other.
//!
//! Specification: RFC 1952. Several members in a row are one content (section 2.2), which tools that read only
//! the first member miss. What follows the last member and is no member is noted, unless it is zero padding.

use std::io::{self, BufReader};

use candor_object::{Child, Content, FileType, Flow, Sink};
use flate2::bufread::MultiGzDecoder;

use crate::{Format, Glimpse};

/// The gzip format.
pub(crate) struct Gzip;

impl Format for Gzip {
    fn file_type(&self) -> FileType {
        FileType::new("gzip")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, &[0x1f, 0x8b, 8])
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let input = BufReader::with_capacity(64 << 10, content.reader());
        sink.child(Child::stream(), &mut MultiGzDecoder::new(input) as &mut dyn io::Read)
    }
}
