//! ELF: programs, libraries and kernel modules of Linux, Android and the BSDs.
//!
//! Specification: <https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html>. The kernel reads program
//! headers only: malware strips the section table or fills it with nonsense to confuse tools that trust it, and
//! programs run all the same. Both tables are used here, and neither has to be there.

use std::io;

use candor_object::{Child, Content, FileType, Flow, Layout, Reason, Relation, Section, Sink};

use crate::{Format, Glimpse, embedded, packers};

mod header;
mod imports;

use header::Headers;

/// The ELF format.
pub(crate) struct Elf;

impl Format for Elf {
    fn file_type(&self) -> FileType {
        FileType::new("elf")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"\x7fELF")
    }

    fn layout(&self, content: &Content) -> io::Result<Option<Layout>> {
        let headers = header::read(content)?;
        Ok(Some(Layout {
            entry_point: headers.entry_point(content.size()),
            sections: sections(content, &headers)?,
            overlay: headers.overlay(content.size()),
            imports: imports::read(content, &headers)?,
            version_info: Vec::new(),
            complete: headers.defect.is_none(),
        }))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let headers = header::read(content)?;
        if let Some((reason, detail)) = &headers.defect {
            sink.gap(*reason, detail);
        }
        let size = content.size();
        if let Some(segment) = headers.segments.iter().find(|row| row.end() > size) {
            let (end, offset) = (segment.end(), segment.offset);
            let detail = format!("the segment at offset {offset} ends at {end}, beyond the end of the file");
            sink.gap(Reason::Truncated, &detail);
        } else if let Some(index) = headers.sections.iter().position(|row| row.end() > size) {
            // The kernel does not read sections, so that nonsense in them hides nothing that runs.
            sink.anomaly("section-table", &format!("section {index} reaches beyond the end of the file"));
        }
        if let Some(packed) = packers::open_blocks(content, headers.encoding.big_endian, sink)?
            && !packed.overlay
        {
            return Ok(());
        }
        embedded::open(content, headers.overlay(size).unwrap_or(size), &[], sink)?;
        match headers.overlay(size) {
            Some(end) => sink.range(Child { name: "", relation: Relation::Overlay }, content.from(end)),
            None => Ok(()),
        }
    }
}

/// Bytes of the program that the content begins with, without what follows its image.
pub(crate) fn image_end(content: &Content) -> io::Result<Option<u64>> {
    let (headers, size) = (header::read(content)?, content.size());
    Ok(headers.defect.is_none().then(|| headers.overlay(size).unwrap_or(size)))
}

/// Offsets and sizes of what is loaded into memory, if these are the headers of a file.
pub(crate) fn loaded(content: &Content) -> io::Result<Vec<(u64, u64)>> {
    let headers = header::read(content)?;
    let loaded = headers.segments.iter().filter(|row| row.kind == header::LOAD && row.size > 0);
    Ok(loaded.map(|row| (row.offset, row.size)).collect())
}

/// The sections of the table, or the segments where there is no table.
fn sections(content: &Content, headers: &Headers) -> io::Result<Vec<Section>> {
    if headers.sections.is_empty() {
        let segment = |row: &header::Row| Section { name: String::new(), offset: row.offset, size: row.size };
        return Ok(headers.segments.iter().map(segment).collect());
    }
    let mut sections = Vec::new();
    for row in &headers.sections {
        let name = header::string(content, headers.names, row.name)?;
        sections.push(Section { name, offset: row.offset, size: row.size });
    }
    Ok(sections)
}
