//! Takes one file apart for somebody who wants to look into it.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use candor_engine::read_file;
use candor_formats::{Collector, file_type, format_of, identify};
use candor_object::{Budget, Content, Limits, Relation, Stop};
use candor_protocol::{Channel, LayoutRecord, MOST_PARTS, Opened, Part};

/// Opens a file as a type, or as what it is if that is empty, and answers.
///
/// # Errors
/// Those of the channel.
pub(crate) fn answer(
    channel: &Channel,
    limits: &Limits,
    file: File,
    size: u64,
    as_type: &str,
) -> io::Result<()> {
    let content = read_file(file, size, Vec::new());
    let opened = content.and_then(|content| {
        catch_unwind(AssertUnwindSafe(|| open(&content, limits, as_type)))
            .unwrap_or_else(|_| Err(io::Error::other("the examination failed")))
    });
    let failed = |error: io::Error| Opened { gaps: vec![error.to_string()], ..Opened::default() };
    let mut send = |packet: &[u8]| channel.send(packet, &[]);
    match opened.unwrap_or_else(failed).send(&mut send) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => failed(error).send(&mut send),
        sent => sent,
    }
}

fn open(content: &Content, limits: &Limits, as_type: &str) -> io::Result<Opened> {
    let format = if as_type.is_empty() { identify(content)? } else { format_of(as_type) };
    let mut opened = Opened { file_type: file_type(content)?.name().to_owned(), ..Opened::default() };
    let Some(format) = format else { return Ok(opened) };
    let limits = Limits { unpacked_bytes: limits.unpacked_bytes.min(MOST_PARTS), ..limits.clone() };
    let mut sink = Collector::new(Budget::new(&limits, content.size()));
    if let Err(Stop::Unreadable(error)) = format.open(content, &mut sink) {
        opened.gaps.push(error.to_string());
    }
    opened.gaps.extend(sink.gaps.into_iter().map(|(reason, detail)| format!("{}: {detail}", reason.name())));
    opened.layout = format.layout(content)?.filter(|layout| layout.complete).map(|layout| LayoutRecord {
        sections: layout.sections.iter().map(|section| (section.offset, section.size)).collect(),
        imports: layout.imports.into_iter().map(|import| (import.library, import.symbol)).collect(),
    });
    for child in sink.children {
        // What lies in the file as it is can be read there.
        let form = child.file_type.map_or(String::new(), |form| form.name().to_owned());
        if child.relation == Relation::Overlay {
            continue;
        }
        let bytes = child.content.window(0, usize::try_from(MOST_PARTS).unwrap_or(usize::MAX))?.into_owned();
        opened.parts.push(Part { name: child.name, form, bytes });
    }
    Ok(opened)
}
