//! Images of Windows: WIM, with resources that are stored, XPRESS, LZX or LZMS, one by one or solid.
//!
//! Specification: Microsoft's "Windows Imaging File Format (WIM)", of which there is
//! <https://learn.microsoft.com/previous-versions/windows/it-pro/windows-vista/cc749478(v=ws.10)>, and [MS-XCA].
//!
//! The contents of files are told by the table of resources; the names come from the metadata of the images. A content
//! that has several names comes out once.

mod lzms;
mod resource;
mod solid;
mod xpress;

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink, Stop};
use sha1::{Digest, Sha1};

use self::resource::{METADATA, Method, Place, Resource, SOLID};
use self::solid::{SOLID_RESOURCE, Solid};
use crate::fields::{array, u16_le, u32_le, u64_le};
use crate::unpack::{Claimed, damaged, reason};
use crate::{Format, Glimpse};

const HEADER: u64 = 208;
/// Bytes of an entry of the table.
const ENTRY: usize = 50;
/// Bytes of the table, and of the metadata of an image, that are read.
const MOST: u64 = 32 << 20;
/// Bytes of names that are kept, and of one of them.
const NAMES: usize = 16 << 20;
const LONGEST_NAME: usize = 1024;
/// Names of files without content that are listed.
const GAPS: u64 = 1000;
/// Bytes of the fixed part of a directory's entry.
const DENTRY: usize = 102;

type Hash = [u8; 20];

/// The WIM format.
pub(crate) struct Wim;

impl Format for Wim {
    fn file_type(&self) -> FileType {
        FileType::new("wim")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"MSWIM\0\0\0")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 208)?;
        let Some(image) = Image::parse(&head) else {
            sink.gap(Reason::Truncated, "the header is cut");
            return Ok(());
        };
        image.open(content, sink)
    }
}

struct Image {
    method: Method,
    chunk: u32,
    part: u16,
    parts: u16,
    table: Place,
    xml: Place,
    boot: Place,
    integrity: Place,
}

struct Blob {
    place: Place,
    part: u16,
    hash: Hash,
}

/// What the metadata of images tells.
#[derive(Default)]
struct Names {
    of: HashMap<Hash, String>,
    bytes: usize,
    without: u64,
}

impl Image {
    fn parse(head: &[u8]) -> Option<Self> {
        let flags = u32_le(head, 16)?;
        let method = match flags {
            _ if flags & 2 == 0 => Method::None,
            _ if flags & 0x8_0000 != 0 => Method::Lzms,
            _ if flags & 0x4_0000 != 0 => Method::Lzx,
            _ if flags & 0x2_0000 != 0 => Method::Xpress,
            _ => Method::None,
        };
        let chunk = u32_le(head, 20).filter(|chunk| *chunk > 0).unwrap_or(1 << 15);
        Some(Self {
            method,
            chunk,
            part: u16_le(head, 40)?,
            parts: u16_le(head, 42)?,
            table: Place::parse(head, 48)?,
            xml: Place::parse(head, 72)?,
            boot: Place::parse(head, 96)?,
            integrity: Place::parse(head, 124)?,
        })
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut claimed = Claimed::default();
        claimed.add(0, HEADER);
        for place in [self.table, self.integrity] {
            claimed.add(place.offset, place.packed);
        }
        if self.parts > 1 {
            let detail = format!("part {} of {}: what is in other parts is not here", self.part, self.parts);
            sink.gap(Reason::Unsupported, &detail);
        }
        let table = self.read("the table of resources", content, self.table, sink)?;
        let blobs = self.blobs(&table);
        let here: HashSet<Hash> = blobs.iter().map(|blob| blob.hash).collect();
        let mut names = Names::default();
        let metadata = || blobs.iter().filter(|blob| blob.place.flags & METADATA != 0);
        let boot = Some(self.boot).filter(|boot| boot.packed > 0);
        let boot = boot.filter(|boot| metadata().all(|blob| blob.place.offset != boot.offset));
        for place in metadata().map(|blob| blob.place).chain(boot) {
            claimed.add(place.offset, place.packed);
            let tree = self.read("the metadata of an image", content, place, sink)?;
            names.walk(&tree, &here, sink)?;
            sink.child(Child { name: "metadata", relation: Relation::Part }, &mut tree.as_slice())?;
        }
        if names.without > GAPS {
            let more = names.without.saturating_sub(GAPS);
            sink.gap(Reason::Truncated, &format!("{more} more files have no content here"));
        }
        let is_solid = |blob: &&Blob| blob.place.flags & SOLID != 0;
        for blob in blobs.iter().filter(|blob| blob.place.flags & METADATA == 0 && !is_solid(blob)) {
            self.blob(content, blob, &names, &mut claimed, sink)?;
        }
        for run in blobs.chunk_by(|one, other| is_solid(&one) == is_solid(&other)) {
            if run.first().as_ref().is_some_and(is_solid) {
                self.solid(content, run, &names, &mut claimed, sink)?;
            }
        }
        for (what, place) in [("XML", self.xml), ("table of checksums", self.integrity)] {
            let end = place.offset.saturating_add(place.packed);
            if place.packed > 0 && end > content.size() {
                let detail = format!("the {what} ends at offset {end} of {}", content.size());
                sink.gap(Reason::Truncated, &detail);
            }
        }
        if self.xml.packed > 0 {
            claimed.add(self.xml.offset, self.xml.packed);
            let xml = content.range(self.xml.offset, self.xml.packed);
            sink.range(Child { name: "xml", relation: Relation::Part }, xml)?;
        }
        claimed.hand_over_rest(content, 0, sink)
    }

    fn blobs(&self, table: &[u8]) -> Vec<Blob> {
        let entry = |bytes: &[u8]| {
            let (place, part) = (Place::parse(bytes, 0)?, u16_le(bytes, 24)?);
            Some(Blob { place, part, hash: array(bytes, 30)? })
        };
        table.chunks_exact(ENTRY).filter_map(entry).collect()
    }

    /// Reads a resource into memory, as far as it goes.
    fn read(
        &self,
        what: &str,
        content: &Content,
        place: Place,
        sink: &mut dyn Sink,
    ) -> Result<Vec<u8>, Stop> {
        let mut bytes = Vec::new();
        let mut resource = match Resource::new(content, place, self.method, self.chunk) {
            Ok(resource) => resource,
            Err(error) => {
                sink.gap(reason(error.kind()), &format!("{what}: {error}"));
                return Ok(bytes);
            }
        };
        let mut buffer = vec![0; 1 << 15];
        loop {
            sink.pulse()?;
            match resource.read(&mut buffer) {
                Ok(0) => return Ok(bytes),
                Ok(count) => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) => {
                    sink.gap(reason(error.kind()), &format!("{what}: {error}"));
                    return Ok(bytes);
                }
            }
            if bytes.len() as u64 > MOST {
                sink.gap(Reason::Unsupported, &format!("{what} is larger than {MOST} bytes"));
                return Ok(bytes);
            }
        }
    }

    fn blob(
        &self,
        content: &Content,
        blob: &Blob,
        names: &Names,
        claimed: &mut Claimed,
        sink: &mut dyn Sink,
    ) -> Flow {
        sink.pulse()?;
        let name = names.of.get(&blob.hash).map_or("", String::as_str);
        let place = blob.place;
        if blob.part != self.part && self.parts > 1 {
            return Ok(());
        }
        let gap = |sink: &mut dyn Sink, reason, what: &str| {
            sink.gap(reason, &format!("member {name:?} at offset {}: {what}", place.offset));
        };
        let resource = match Resource::new(content, place, self.method, self.chunk) {
            Ok(resource) => resource,
            Err(error) => {
                gap(sink, reason(error.kind()), &error.to_string());
                return Ok(());
            }
        };
        claimed.add(place.offset, place.packed);
        let mut body = Hashed { resource, hash: Some(Sha1::new()), promised: blob.hash };
        sink.child(Child::member(name), &mut body)
    }

    /// Contents that are packed together: resources in the order of the table, and the contents in what they come to.
    fn solid(
        &self,
        content: &Content,
        run: &[Blob],
        names: &Names,
        claimed: &mut Claimed,
        sink: &mut dyn Sink,
    ) -> Flow {
        let is_resource = |blob: &&Blob| blob.place.size == SOLID_RESOURCE;
        let mut solid = Solid::new(content);
        for Blob { place, .. } in run.iter().filter(is_resource) {
            sink.pulse()?;
            claimed.add(place.offset, place.packed);
            if let Err(error) = solid.add(*place) {
                let detail = format!("the solid resource at offset {}: {error}", place.offset);
                sink.gap(reason(error.kind()), &detail);
            }
        }
        let mut members: Vec<&Blob> = run.iter().filter(|blob| !is_resource(blob)).collect();
        members.sort_by_key(|blob| blob.place.offset);
        let mut end = 0;
        for blob in members {
            sink.pulse()?;
            hand_over_between(&mut solid, end, blob.place.offset, sink)?;
            end = end.max(blob.place.offset.saturating_add(blob.place.packed));
            let name = names.of.get(&blob.hash).map_or("", String::as_str);
            if blob.part != self.part && self.parts > 1 {
                continue;
            }
            let resource = solid.member(blob.place.offset, blob.place.packed);
            let mut body = Hashed { resource, hash: Some(Sha1::new()), promised: blob.hash };
            sink.child(Child::member(name), &mut body)?;
        }
        let size = solid.size();
        hand_over_between(&mut solid, end, size, sink)
    }
}

/// What no content covers of solid resources.
fn hand_over_between(solid: &mut Solid, from: u64, to: u64, sink: &mut dyn Sink) -> Flow {
    let to = to.min(solid.size());
    if from >= to {
        return Ok(());
    }
    let mut rest = solid.member(from, to.saturating_sub(from));
    sink.child(Child { name: "", relation: Relation::Overlay }, &mut rest)
}

/// A resource and what its hash should be.
struct Hashed<R> {
    resource: R,
    hash: Option<Sha1>,
    promised: Hash,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.resource.read(buffer)?;
        if count > 0 {
            if let Some(hash) = &mut self.hash {
                hash.update(buffer.get(..count).unwrap_or_default());
            }
            return Ok(count);
        }
        match self.hash.take() {
            Some(hash) if !buffer.is_empty() => {
                let known = self.promised != [0; 20];
                if known && hash.finalize().as_slice() != self.promised {
                    Err(damaged("its hash is wrong"))
                } else {
                    Ok(0)
                }
            }
            hash => {
                self.hash = hash;
                Ok(0)
            }
        }
    }
}

impl Names {
    /// Goes through the directories of an image.
    fn walk(&mut self, tree: &[u8], here: &HashSet<Hash>, sink: &mut dyn Sink) -> Flow {
        let security = u32_le(tree, 0).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        // An image without security says 0 or 8.
        let root = security.max(8).checked_next_multiple_of(8).unwrap_or(usize::MAX);
        let mut folders = vec![(root, String::new())];
        let mut seen = HashSet::new();
        while let Some((mut at, path)) = folders.pop() {
            if !seen.insert(at) {
                sink.anomaly("folder-twice", &format!("the folder {path:?} is also another one"));
                continue;
            }
            loop {
                sink.pulse()?;
                let entry = tree.get(at..).unwrap_or_default();
                let Some(length) = u64_le(entry, 0).filter(|length| *length >= DENTRY as u64) else { break };
                let next = self.entry(entry, length, &path, &mut folders, here, sink)?;
                let Some(next) = next.and_then(|size| at.checked_add(size)) else { break };
                // An entry that is read once more ends the folder: entries of others are theirs.
                at = next;
                if at != root && !seen.insert(at) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// One entry and its streams; the bytes that they take.
    fn entry(
        &mut self,
        entry: &[u8],
        length: u64,
        parent: &str,
        folders: &mut Vec<(usize, String)>,
        here: &HashSet<Hash>,
        sink: &mut dyn Sink,
    ) -> Result<Option<usize>, Stop> {
        let fields = (u64_le(entry, 16), array::<20>(entry, 64), u16_le(entry, 96), u16_le(entry, 100));
        let (Some(folder), Some(hash), Some(streams), Some(bytes)) = fields else {
            sink.gap(Reason::Truncated, "the entries of a folder are cut");
            return Ok(None);
        };
        let name = text(entry.get(DENTRY..), bytes);
        let path = if parent.is_empty() { name } else { join(parent, &name, '/') };
        if let Some(folder) = usize::try_from(folder).ok().filter(|folder| *folder > 0) {
            self.bytes = self.bytes.saturating_add(path.len());
            folders.push((folder, if self.bytes < NAMES { path.clone() } else { String::new() }));
        }
        self.name(hash, path.clone(), here, sink);
        let mut at = usize::try_from(length).ok().and_then(|length| length.checked_next_multiple_of(8));
        for _ in 0..streams {
            sink.pulse()?;
            let Some(stream) = at.and_then(|at| entry.get(at..)) else { break };
            let fields = (u64_le(stream, 0), array::<20>(stream, 16), u16_le(stream, 36));
            let (Some(length), Some(hash), Some(bytes)) = fields else { break };
            let name = text(stream.get(38..), bytes);
            let path = if name.is_empty() { path.clone() } else { join(&path, &name, ':') };
            self.name(hash, path, here, sink);
            let length =
                usize::try_from(length.max(38)).ok().and_then(|length| length.checked_next_multiple_of(8));
            at = at.and_then(|at| at.checked_add(length?));
        }
        Ok(at)
    }

    fn name(&mut self, hash: Hash, path: String, here: &HashSet<Hash>, sink: &mut dyn Sink) {
        if hash == [0; 20] {
            return;
        }
        sink.listed(Listed { name: &path, packed: 0, size: 0, encrypted: false, position: None });
        if !here.contains(&hash) {
            self.without = self.without.saturating_add(1);
            if self.without <= GAPS {
                sink.gap(Reason::Truncated, &format!("member {path:?}: its content is not here"));
            }
            return;
        }
        if self.bytes < NAMES {
            self.bytes = self.bytes.saturating_add(path.len());
            self.of.entry(hash).or_insert(path);
        }
    }
}

fn join(parent: &str, name: &str, separator: char) -> String {
    let mut path = format!("{parent}{separator}{name}");
    if path.len() > LONGEST_NAME {
        let end = (0..=LONGEST_NAME).rev().find(|end| path.is_char_boundary(*end)).unwrap_or(0);
        path.truncate(end);
    }
    path
}

fn text(bytes: Option<&[u8]>, size: u16) -> String {
    let bytes = bytes.unwrap_or_default();
    let bytes = bytes.get(..usize::from(size)).unwrap_or(bytes);
    let units: Vec<u16> = bytes.chunks_exact(2).filter_map(|pair| u16_le(pair, 0)).collect();
    String::from_utf16_lossy(&units)
}
