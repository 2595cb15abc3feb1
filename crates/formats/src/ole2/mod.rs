//! OLE2 compound files: the streams of documents of Office up to 2003, of installers, mails and their like, and the
//! macros in them.
//!
//! Specifications: [MS-CFB] (compound files), [MS-OVBA] (macros), [MS-DOC] 2.5.1 and [MS-OFFCRYPTO] 1.3.3
//! (encryption), <https://learn.microsoft.com/openspecs/windows_protocols/ms-cfb>.

mod compound;
mod encryption;
mod entries;
mod excel;
mod hwp;
mod macros;
mod message;
mod objects;
mod ovba;
mod unused;
#[cfg(test)]
mod tests;

use candor_object::{Child, Content, FileType, Flow, Form, Sink};

use crate::{Format, Glimpse};
use compound::Compound;

pub(crate) use hwp::Hwp5;
pub(crate) use message::Msg;

const MAGIC: &[u8; 8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// The type of the macros of a project, as signatures for documents look at them.
const MACROS: FileType = FileType::new("vba-normalized");

/// The OLE2 format.
pub(crate) struct Ole2;

impl Format for Ole2 {
    fn file_type(&self) -> FileType {
        FileType::new("ole2")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let Some(mut compound) = Compound::open(content, sink)? else { return Ok(()) };
        let mut entries = entries::read(&mut compound, sink)?;
        if let Some(root) = entries.first() {
            compound.set_mini_stream(root.start);
        }
        message::name_attachments(&compound, &mut entries, sink)?;
        for entry in entries.iter().filter(|entry| entry.is_stream()) {
            sink.pulse()?;
            let mut stream = compound.stream(entry);
            sink.child(Child::member(&entry.path), &mut stream)?;
            if stream.broken {
                unused::in_a_row(&compound, entry, sink)?;
            }
            objects::open(&compound, entry, sink)?;
        }
        encryption::open(&compound, &entries, sink)?;
        message::hand_over(&compound, &entries, sink)?;
        hwp::hand_over(&compound, &entries, sink)?;
        for project in macros::read(&compound, &entries, sink)? {
            for source in &project.sources {
                sink.child(Child::part(&source.path), &mut source.text.as_slice())?;
            }
            // Signatures see all of a project at once.
            let form = Form { name: &project.path, file_type: MACROS, hashed: false };
            if sink.wants(form) && !project.sources.is_empty() {
                let text: Vec<u8> =
                    project.sources.iter().flat_map(|source| macros::normalised(&source.text)).collect();
                sink.form(form, &mut text.as_slice())?;
            }
        }
        unused::open(&compound, sink)
    }
}
