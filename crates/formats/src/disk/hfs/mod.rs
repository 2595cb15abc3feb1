//! HFS+ and HFSX, also inside of an old HFS volume.
//!
//! Specification: Apple's Technical Note TN1150, <https://developer.apple.com/library/archive/technotes/tn/tn1150.html>.
//!
//! All leaves of the catalog are read, whatever leads to them, so that files come out that no folder shows any more.
//! Numbers are big-endian.

mod decmpfs;
mod tree;

use std::collections::{HashMap, HashSet};

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink, Stop};

use self::decmpfs::Packed;
use self::tree::{Extent, Fork, Record, Tree, extents, text};
use super::pieces::Pieces;
use super::walk::Walk;
use crate::fields::{u16_be, u32_be};
use crate::unpack::Unpacked;
use crate::{Format, Glimpse};

/// Folders, attributes and further places of files that are kept.
const MOST_KEPT: usize = 1 << 20;
/// Longest name with those of the folders around, and how many of those.
const LONGEST_PATH: usize = 4096;
const MOST_DEPTH: u32 = 256;
/// The folder at the top, and the files of the file system itself.
const ROOT: u32 = 2;
const EXTENTS_FILE: u32 = 3;
const CATALOG_FILE: u32 = 4;
const ATTRIBUTES_FILE: u32 = 8;
/// Kinds of records of attributes: the value, where it is, and where more of it is.
const INLINE: u32 = 0x10;
const FORK: u32 = 0x20;
const PLACES: u32 = 0x30;
/// Kinds of forks in the tree of extents.
const DATA: u8 = 0;
const RESOURCES: u8 = 0xff;

/// The HFS+ format.
pub(crate) struct HfsPlus;

impl Format for HfsPlus {
    fn file_type(&self) -> FileType {
        FileType::new("hfsplus")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        is_header(glimpse.head.get(1024..).unwrap_or_default())
            || (glimpse.has(1024, b"BD") && glimpse.has(1024 + 124, b"H+"))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(1024, 512)?;
        let mut walk = Walk::new(content, sink);
        if head.starts_with(b"BD") {
            return open_wrapper(&head, &mut walk);
        }
        match Volume::parse(content, &head, &mut walk)? {
            Some(mut volume) => volume.walk(&mut walk)?,
            None => walk.gap(Reason::Damaged, "the header or the catalog of the volume is damaged"),
        }
        let block = u64::from(u32_be(&head, 40).unwrap_or(0));
        walk.finish(u64::from(u32_be(&head, 44).unwrap_or(0)).saturating_mul(block).max(2048))
    }
}

/// Whether this is the header of a volume: its versions are 4 and 5, and its blocks have a size that is a power of 2.
fn is_header(header: &[u8]) -> bool {
    let block = u32_be(header, 40).unwrap_or(0);
    (header.starts_with(b"H+\0\x04") || header.starts_with(b"HX\0\x05"))
        && block.is_power_of_two()
        && (512..=1 << 24).contains(&block)
}

/// An old volume that holds little but a new one, for systems that know only the old.
fn open_wrapper(head: &[u8], walk: &mut Walk<'_>) -> Flow {
    let field = |at| u16_be(head, at).map_or(0, u64::from);
    let block = u64::from(u32_be(head, 20).unwrap_or(0));
    let start = field(28).saturating_mul(512).saturating_add(field(126).saturating_mul(block));
    let size = field(128).saturating_mul(block);
    let size = size.min(walk.content.size().saturating_sub(start));
    if start < 1536 || size == 0 {
        walk.gap(Reason::Damaged, "the volume within lies behind the end");
    } else {
        walk.file("volume", Pieces::one(start, size))?;
    }
    walk.uncovered(1536, walk.content.size())?;
    walk.finish(walk.content.size())
}

/// What more than the catalog tells of a file.
struct Attribute {
    name: String,
    content: Content,
}

/// Places of a fork, each eight with the block of the fork at which they begin.
type Further = Vec<(u32, Vec<Extent>)>;

/// Where files are.
struct Places {
    content: Content,
    block: u64,
    /// What does not fit into the record of a file: by kind and number.
    further: HashMap<(u8, u32), Further>,
}

impl Places {
    /// Reads the tree of places that do not fit into records.
    fn read(content: &Content, block: u64, fork: &Fork, walk: &mut Walk<'_>) -> Result<Self, Stop> {
        let mut places = Self { content: content.clone(), block, further: HashMap::new() };
        let Some(tree) = places.tree(fork, EXTENTS_FILE, walk)? else {
            if fork.size > 0 {
                walk.gap(Reason::Damaged, "the tree of further places of files has no header");
            }
            return Ok(places);
        };
        let mut kept = 0_usize;
        tree.each(walk, |Record { key, data, .. }, _| {
            let (Some(kind), Some(file), Some(first)) = (key.first(), u32_be(key, 2), u32_be(key, 6)) else {
                return Ok(());
            };
            kept = kept.saturating_add(1);
            if kept <= MOST_KEPT {
                places.further.entry((*kind, file)).or_default().push((first, extents(data)));
            }
            Ok(())
        })?;
        if kept > MOST_KEPT {
            walk.gap(Reason::Unsupported, "files of the volume are in too many places");
        }
        for list in places.further.values_mut() {
            list.sort_by_key(|(first, _)| *first);
        }
        Ok(places)
    }

    /// Places of a fork that do not fit into its record: for the first that asks, so that they are gone through once.
    fn further(&mut self, kind: u8, file: u32) -> Further {
        self.further.remove(&(kind, file)).unwrap_or_default()
    }

    /// Where a fork is.
    fn pieces(&self, fork: &Fork, further: &Further) -> Pieces {
        let mut pieces = Pieces::default();
        let blocks = fork.size.div_ceil(self.block.max(1));
        let mut count = 0_u64;
        let is_short = |count: u64| count < blocks;
        let mut add = |extents: &[Extent]| {
            for (start, length) in extents {
                let size = u64::from(*length).saturating_mul(self.block);
                pieces.push(Some(u64::from(*start).saturating_mul(self.block)), size);
                count = count.saturating_add(u64::from(*length));
            }
            count
        };
        if is_short(add(&fork.extents)) {
            for (_, extents) in further {
                add(extents);
            }
        }
        if pieces.size() > fork.size {
            pieces.resize(fork.size);
        }
        pieces
    }

    /// The content of a fork, which is no larger than the disk.
    fn whole(&self, what: &str, fork: &Fork, further: &Further, walk: &mut Walk<'_>) -> Content {
        let content = self.pieces(fork, further).content(&self.content).range(0, self.content.size());
        if content.size() < fork.size {
            let detail = format!("{what}: places of {} of {} bytes are known", content.size(), fork.size);
            walk.gap(Reason::Damaged, &detail);
        }
        content
    }

    fn tree(&mut self, fork: &Fork, file: u32, walk: &mut Walk<'_>) -> Result<Option<Tree>, Stop> {
        let further = self.further(DATA, file);
        Ok(Tree::new(self.whole("a tree", fork, &further, walk))?)
    }
}

struct Volume {
    places: Places,
    catalog: Tree,
    attributes: HashMap<u32, Vec<Attribute>>,
    folders: HashMap<u32, (u32, String)>,
}

impl Volume {
    fn parse(content: &Content, head: &[u8], walk: &mut Walk<'_>) -> Result<Option<Self>, Stop> {
        let fork = |at: usize| head.get(at..).and_then(Fork::parse);
        let (Some(overflow), Some(catalog), Some(attributes)) = (fork(192), fork(272), fork(352)) else {
            return Ok(None);
        };
        let block = u64::from(u32_be(head, 40).unwrap_or(0));
        let mut places = Places::read(content, block, &overflow, walk)?;
        let Some(catalog) = places.tree(&catalog, CATALOG_FILE, walk)? else { return Ok(None) };
        let tree = places.tree(&attributes, ATTRIBUTES_FILE, walk)?;
        if tree.is_none() && attributes.size > 0 {
            walk.gap(Reason::Damaged, "the tree of attributes has no header");
        }
        let mut volume = Self { places, catalog, attributes: HashMap::new(), folders: HashMap::new() };
        if let Some(tree) = tree {
            volume.read_attributes(&tree, walk)?;
        }
        Ok(Some(volume))
    }

    fn read_attributes(&mut self, tree: &Tree, walk: &mut Walk<'_>) -> Flow {
        let mut kept = 0_usize;
        let mut further: HashMap<(u32, String), Further> = HashMap::new();
        tree.each(walk, |Record { key, data, .. }, _| {
            if u32_be(data, 0) != Some(PLACES) {
                return Ok(());
            }
            if let (Some(file), Some(first), Some(name)) = (u32_be(key, 2), u32_be(key, 6), text(key, 10)) {
                kept = kept.saturating_add(1);
                let list = further.entry((file, name)).or_default();
                list.extend((kept <= MOST_KEPT).then(|| (first, extents(data.get(8..).unwrap_or_default()))));
            }
            Ok(())
        })?;
        further.values_mut().for_each(|list| list.sort_by_key(|(first, _)| *first));
        tree.again().each(walk, |Record { key, data, offset }, walk| {
            let (Some(file), Some(name)) = (u32_be(key, 2), text(key, 10)) else { return Ok(()) };
            let content = match u32_be(data, 0) {
                Some(INLINE) => {
                    let size = u32_be(data, 12).map_or(0, u64::from);
                    let there = size.min((data.len() as u64).saturating_sub(16));
                    tree.content().range(offset.saturating_add(16), there)
                }
                Some(FORK) => {
                    let Some(fork) = data.get(8..).and_then(Fork::parse) else { return Ok(()) };
                    let further = further.remove(&(file, name.clone())).unwrap_or_default();
                    self.places.whole(&format!("attribute {name:?} of file {file}"), &fork, &further, walk)
                }
                _ => return Ok(()),
            };
            kept = kept.saturating_add(1);
            if kept <= MOST_KEPT {
                self.attributes.entry(file).or_default().push(Attribute { name, content });
            }
            Ok(())
        })?;
        if kept > MOST_KEPT {
            walk.gap(Reason::Unsupported, &format!("only {MOST_KEPT} of {kept} attributes are looked at"));
        }
        Ok(())
    }

    fn walk(&mut self, walk: &mut Walk<'_>) -> Flow {
        let catalog = self.catalog.clone();
        catalog.each(walk, |Record { key, data, .. }, _| {
            let (Some(1), Some(parent), Some(name)) = (u16_be(data, 0), u32_be(key, 0), text(key, 4)) else {
                return Ok(());
            };
            if let Some(number) = u32_be(data, 8).filter(|_| self.folders.len() < MOST_KEPT) {
                self.folders.insert(number, (parent, name));
            }
            Ok(())
        })?;
        let mut nameless = 0_u64;
        let mut is_full = false;
        catalog.again().each(walk, |Record { key, data, .. }, walk| {
            is_full = is_full || (u16_be(data, 0) == Some(2) && !walk.admit()?);
            if u16_be(data, 0) != Some(2) || is_full {
                return Ok(());
            }
            match u32_be(key, 0).zip(text(key, 4)) {
                Some((parent, name)) => self.file(&self.path(parent, name), data, walk),
                None => {
                    nameless = nameless.saturating_add(1);
                    Ok(())
                }
            }
        })?;
        if nameless > 0 {
            walk.gap(Reason::Damaged, &format!("{nameless} files in the catalog have no name"));
        }
        // Attributes of folders, and of what has no record.
        let mut left: Vec<u32> = self.attributes.keys().copied().collect();
        left.sort_unstable();
        for number in left {
            let path = match self.folders.get(&number).filter(|_| number != ROOT) {
                Some((parent, name)) => self.path(*parent, name.clone()),
                None => format!("file {number}"),
            };
            for attribute in self.attributes.remove(&number).unwrap_or_default() {
                hand_over_attribute(&path, attribute, walk)?;
            }
        }
        Ok(())
    }

    /// The name with those of the folders around.
    fn path(&self, parent: u32, name: String) -> String {
        let mut names = vec![name];
        let (mut around, mut length) = (parent, 0_usize);
        let mut seen = HashSet::new();
        for _ in 0..MOST_DEPTH {
            let Some((parent, name)) = self.folders.get(&around).filter(|_| around != ROOT) else { break };
            if !seen.insert(around) {
                break;
            }
            length = length.saturating_add(name.len()).saturating_add(1);
            if length > LONGEST_PATH {
                break;
            }
            names.push(name.clone());
            around = *parent;
        }
        names.reverse();
        names.join("/")
    }

    fn file(&mut self, path: &str, record: &[u8], walk: &mut Walk<'_>) -> Flow {
        let fork = |at: usize| record.get(at..).and_then(Fork::parse);
        let (Some(number), Some(data), Some(resources)) = (u32_be(record, 8), fork(88), fork(168)) else {
            walk.gap(Reason::Damaged, &format!("the record of {path:?} is cut"));
            return Ok(());
        };
        let resource_path = format!("{path}/..namedfork/rsrc");
        let content = self.fork(path, &data, DATA, number, walk);
        let resources = self.fork(&resource_path, &resources, RESOURCES, number, walk);
        if let Some(pieces) = content {
            walk.file(path, pieces)?;
        }
        for attribute in self.attributes.remove(&number).unwrap_or_default() {
            if attribute.name != decmpfs::NAME {
                hand_over_attribute(path, attribute, walk)?;
                continue;
            }
            let fork = resources.clone().unwrap_or_default().content(&self.places.content);
            match Packed::new(&attribute.content, &fork) {
                // It tells of no packed file, whatever its name is.
                Ok(None) => hand_over_attribute(path, attribute, walk)?,
                Ok(Some(packed)) => {
                    let (packed_size, size) = (packed.packed_size(), packed.size());
                    let listed =
                        Listed { name: path, packed: packed_size, size, encrypted: false, position: None };
                    walk.sink.listed(listed);
                    let mut body = Unpacked::new(packed, Vec::new(), 0, size);
                    walk.sink.child(Child::member(path), &mut body)?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
                    walk.gap(Reason::Unsupported, &format!("{path:?}: {error}"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        // Behind the chunks of a packed file, anything may stand.
        match resources {
            Some(pieces) => walk.file(&resource_path, pieces),
            None => Ok(()),
        }
    }

    /// Where a fork of a file is; nothing if it is empty or was met before.
    fn fork(&mut self, path: &str, fork: &Fork, kind: u8, file: u32, walk: &mut Walk<'_>) -> Option<Pieces> {
        if fork.size == 0 {
            return None;
        }
        let further = self.places.further(kind, file);
        let pieces = self.places.pieces(fork, &further);
        let there = pieces.size();
        if there < fork.size && !pieces.is_cut() {
            walk.gap(
                Reason::Damaged,
                &format!("{path:?}: places of {there} of {} bytes are known", fork.size),
            );
        }
        (there > 0 && walk.visit(&pieces)).then_some(pieces)
    }
}

fn hand_over_attribute(path: &str, attribute: Attribute, walk: &mut Walk<'_>) -> Flow {
    // Colours and places on the desktop.
    let is_finder_info = attribute.name == "com.apple.FinderInfo" && attribute.content.size() <= 32;
    if attribute.content.size() == 0 || is_finder_info {
        return Ok(());
    }
    let name = format!("{path}:{}", attribute.name);
    walk.sink.range(Child { name: &name, relation: Relation::Member }, attribute.content)
}
