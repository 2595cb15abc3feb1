//! rar: archives of RAR 1.3 to 7.
//!
//! Specification: <https://www.rarlab.com/technote.htm> (RAR 5), <https://github.com/bitplane/rar-research> (all).
//!
//! Headers and decoders are those of `rars`. It gives nothing of an archive that is cut or has one wrong header, so that
//! blocks are walked here first, and it is shown an archive without the damage. It pushes what it decodes where a sink
//! pulls, so that each member is held in memory, up to a limit.

use std::cell::{Cell, RefCell};
use std::io::{self, Error, ErrorKind, Read, Write};
use std::rc::Rc;

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink, Stop};
use memchr::memmem;
use rars::{
    Archive, ArchiveMember, ArchiveReadOptions, ArchiveReader, ExtractionDecision, ExtractionErrorAction,
    rar15_40, rar50,
};

use crate::{Format, Glimpse};

mod blocks;

use blocks::{MOST_BLOCKS, NEW, OLD, Repaired, header_rounds, walk};

const FIRST: &[u8; 4] = b"RE~^";
/// Bytes of a member that are kept.
const KEPT: usize = 128 << 20;
/// Bytes of members that are decoded and not kept, of one solid archive.
const PASSED_OVER: u64 = 1 << 30;
/// The largest dictionary of RAR 5 that is decoded with, and the most that the decoder may hold beside.
const LARGEST_DICTIONARY: u64 = 256 << 20;
const WORKSPACE: u64 = 384 << 20;
/// Bytes of members that are decoded as a whole for their filters.
const BUFFERED: u64 = 16 << 20;
/// The most passwords that are tried for one archive.
const MOST_PASSWORDS: usize = 16;
/// The most rounds of the derivation of a key, as a power of two: RAR writes 15.
const MOST_ROUNDS: u8 = 18;
/// The most members that are decrypted: each may need a derivation of its own.
const MOST_ENCRYPTED: usize = 256;

/// The rar format.
pub(crate) struct Rar;

/// An archive behind something that is nothing else.
pub(crate) struct DisplacedRar;

impl Format for Rar {
    fn file_type(&self) -> FileType {
        FileType::new("rar")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let is_binary = || glimpse.head.iter().take(32).any(|byte| *byte < 8);
        glimpse.has(0, b"Rar!\x1a\x07") || glimpse.has(0, FIRST) && is_binary()
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let Some(start) = start(&content.window(0, crate::DEEP)?) else {
            sink.gap(Reason::Unsupported, "a later version of rar");
            return Ok(());
        };
        if start > 0 {
            let before = content.range(0, start as u64);
            sink.range(Child { name: "", relation: Relation::Overlay }, before)?;
        }
        open(&content.from(start as u64), sink)
    }
}

impl Format for DisplacedRar {
    fn file_type(&self) -> FileType {
        Rar.file_type()
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        start(glimpse.deep).is_some()
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        Rar.open(content, sink)
    }
}

fn start(head: &[u8]) -> Option<usize> {
    if head.starts_with(FIRST) {
        return Some(0);
    }
    memmem::find_iter(head, b"Rar!\x1a\x07")
        .find(|place| head.get(*place..).is_some_and(|rest| rest.starts_with(OLD) || rest.starts_with(NEW)))
}

fn options(password: Option<&[u8]>) -> ArchiveReadOptions<'_> {
    ArchiveReadOptions::with_optional_password(password)
        .with_max_header_count((MOST_BLOCKS as u64).saturating_add(16))
        .with_max_header_bytes(64 << 20)
        .with_max_reader_workspace_bytes(WORKSPACE)
        .with_rar50_dictionary_size_limit(LARGEST_DICTIONARY)
        .with_rar50_buffered_decode_limit(BUFFERED)
}

fn open(content: &Content, sink: &mut dyn Sink) -> Flow {
    let is_first = content.window(0, 4)?.starts_with(FIRST);
    let repaired = if is_first { Repaired::whole(content) } else { walk(content, sink)? };
    let passwords = sink.passwords(Rar.file_type());
    let mut password: Option<Vec<u8>> = None;
    let mut read = ArchiveReader::read_reader_with_options(repaired.again(), options(None));
    if read.as_ref().is_err_and(|error| error.kind() == rars::ErrorKind::PasswordRequired) {
        if header_rounds(content)?.is_some_and(|rounds| rounds > MOST_ROUNDS) {
            sink.gap(Reason::Unsupported, &format!("the headers: keys of more than 2^{MOST_ROUNDS} rounds"));
            return Ok(());
        }
        for known in passwords.iter().take(MOST_PASSWORDS) {
            sink.pulse()?;
            let tried =
                ArchiveReader::read_reader_with_options(repaired.again(), options(Some(&known.bytes)));
            if tried.is_ok() {
                password = Some(known.bytes.clone());
                read = tried;
                break;
            }
        }
        if password.is_none() {
            sink.gap(Reason::Encrypted, "the headers are encrypted: neither names nor members can be read");
            return Ok(());
        }
    }
    let archive = match read {
        Ok(archive) => archive,
        Err(error) => {
            sink.gap(reason(&error), &format!("the headers: {error}"));
            return Ok(());
        }
    };
    let mut encrypted = 0_usize;
    for (member, position) in archive.members().zip(1_u64..) {
        encrypted = encrypted.saturating_add(member.meta.is_encrypted.into());
        sink.listed(Listed {
            name: &member.meta.name_lossy(),
            packed: member.meta.packed_size,
            size: member.meta.unpacked_size,
            encrypted: member.meta.is_encrypted,
            position: Some(position),
        });
    }
    services(&archive, &repaired, sink)?;
    if encrypted > 0 && password.is_none() && encrypted <= MOST_ENCRYPTED && rounds(&archive) <= MOST_ROUNDS {
        for known in passwords.iter().take(MOST_PASSWORDS) {
            sink.pulse()?;
            if fits(&repaired, &known.bytes) {
                password = Some(known.bytes.clone());
                break;
            }
        }
    }
    let archive = match &password {
        Some(password) => ArchiveReader::read_reader_with_options(repaired.again(), options(Some(password)))
            .unwrap_or(archive),
        None => archive,
    };
    extract(&archive, password.as_deref(), &repaired, sink)
}

/// The most rounds of any member's key.
fn rounds(archive: &Archive) -> u8 {
    let Some(archive) = archive.as_rar50() else { return 0 };
    let rounds = archive.blocks.iter().filter_map(|block| match block {
        rar50::Block::File(file) | rar50::Block::Service(file) => {
            file.encryption.as_ref().map(|found| found.kdf_count)
        }
        _ => None,
    });
    rounds.max().unwrap_or(0)
}

/// Whether a password decodes the first encrypted member.
fn fits(repaired: &Repaired, password: &[u8]) -> bool {
    let Ok(archive) = ArchiveReader::read_reader_with_options(repaired.again(), options(Some(password)))
    else {
        return false;
    };
    let solid = is_solid(&archive);
    let (mut asked, kept) = (false, Rc::new(RefCell::new(Kept::default())));
    let done = archive.extract_with_control(options(Some(password)), |member| {
        if asked {
            return Ok(ExtractionDecision::Stop);
        }
        let meta = &member.meta;
        let is_it =
            meta.is_encrypted && meta.packed_size > 0 && !meta.is_split_before && !meta.is_split_after;
        if !is_it && !solid {
            return Ok(ExtractionDecision::Skip);
        }
        asked = is_it;
        Ok(ExtractionDecision::Extract(Box::new(Keeper { kept: Rc::clone(&kept), solid: None })))
    });
    asked && (done.is_ok() || kept.borrow().is_cut)
}

fn is_solid(archive: &Archive) -> bool {
    let main = match archive {
        Archive::Rar13(_) => true,
        Archive::Rar15To40(archive) => archive.main.is_solid(),
        Archive::Rar50Plus(archive) => archive.main.is_solid(),
        _ => true,
    };
    main || archive.members().any(|member| member.is_solid())
}

/// What comes out of a decoder for one member.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    is_cut: bool,
}

struct Keeper {
    kept: Rc<RefCell<Kept>>,
    /// Bytes that may still be passed over, where members need those before them.
    solid: Option<Rc<Cell<u64>>>,
}

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.kept.borrow_mut();
        let room = KEPT.saturating_sub(kept.bytes.len()).min(bytes.len());
        kept.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
        if room < bytes.len() {
            kept.is_cut = true;
            let over = bytes.len().saturating_sub(room) as u64;
            let left =
                self.solid.as_ref().and_then(|left| left.get().checked_sub(over).map(|rest| left.set(rest)));
            if left.is_none() {
                return Err(Error::other("the member is larger than is kept"));
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Opener<'a> {
    sink: &'a mut dyn Sink,
    pending: Option<(String, Rc<RefCell<Kept>>)>,
    stop: Option<Stop>,
}

impl Opener<'_> {
    /// Hands over the member that was decoded last, and the error that ended it.
    fn flush(&mut self, error: Option<&rars::Error>) -> bool {
        let Some((name, kept)) = self.pending.take() else { return self.stop.is_none() };
        let Kept { bytes, is_cut } = kept.take();
        let reason = error.map(|error| (reason(error), error.to_string()));
        let mut body = Body { bytes: &bytes, failure: None };
        match reason {
            _ if is_cut => {
                let what = format!("member {name}: more than {KEPT} bytes");
                body.failure = Some(Error::new(ErrorKind::Unsupported, what));
            }
            Some((Reason::Encrypted, _)) => {
                self.sink.gap(Reason::Encrypted, &format!("member {name}"));
                return true;
            }
            Some((reason, error)) => {
                let kind = match reason {
                    Reason::Truncated => ErrorKind::UnexpectedEof,
                    Reason::Unsupported => ErrorKind::Unsupported,
                    _ => ErrorKind::InvalidData,
                };
                body.failure = Some(Error::new(kind, format!("member {name}: {error}")));
            }
            None => {}
        }
        if let Err(stop) = self.sink.child(Child::member(&name), &mut body) {
            self.stop = Some(stop);
        }
        self.stop.is_none()
    }

    fn keep(&mut self, result: Flow) -> bool {
        if let Err(stop) = result {
            self.stop = Some(stop);
        }
        self.stop.is_none()
    }
}

struct Body<'a> {
    bytes: &'a [u8],
    failure: Option<Error>,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.bytes.read(buffer)? {
            0 if !buffer.is_empty() => self.failure.take().map_or(Ok(0), Err),
            count => Ok(count),
        }
    }
}

fn extract(archive: &Archive, password: Option<&[u8]>, repaired: &Repaired, sink: &mut dyn Sink) -> Flow {
    let solid = is_solid(archive);
    let passed_over = Rc::new(Cell::new(PASSED_OVER));
    let opener = RefCell::new(Opener { sink, pending: None, stop: None });
    let mut ranges = ranges(archive).into_iter();
    let mut seen = 0_usize;
    let done = archive.extract_with_control_and_errors(
        options(password),
        |member| {
            seen = seen.saturating_add(1);
            let range = ranges.next();
            let mut opener = opener.borrow_mut();
            if !opener.flush(None) {
                return Ok(ExtractionDecision::Stop);
            }
            let pulsed = opener.sink.pulse();
            if !opener.keep(pulsed) {
                return Ok(ExtractionDecision::Stop);
            }
            Ok(decide(member, range, (solid, password.is_some()), repaired, &passed_over, &mut opener))
        },
        |_, error| {
            let went_on = opener.borrow_mut().flush(Some(error));
            Ok(if went_on { ExtractionErrorAction::Continue } else { ExtractionErrorAction::Abort })
        },
    );
    let mut opener = opener.into_inner();
    let had = opener.pending.is_some();
    opener.flush(done.as_ref().err());
    if let Some(stop) = opener.stop {
        return Err(stop);
    }
    let left = archive.members().count().saturating_sub(seen);
    if let Err(error) = done {
        if left > 0 || !had {
            let detail = format!("{left} members behind the damage cannot be decoded: {error}");
            opener.sink.gap(reason(&error), &detail);
        }
    } else if left > 0 {
        opener.sink.gap(Reason::Encrypted, &format!("{left} members behind one that cannot be decoded"));
    }
    Ok(())
}

/// What is done with a member, before anything of it is decoded.
fn decide(
    member: &ArchiveMember,
    range: Option<(u64, u64)>,
    (solid, has_password): (bool, bool),
    repaired: &Repaired,
    passed_over: &Rc<Cell<u64>>,
    opener: &mut Opener<'_>,
) -> ExtractionDecision {
    let meta = &member.meta;
    let name = meta.name_lossy();
    let refuse = if solid { ExtractionDecision::Stop } else { ExtractionDecision::Skip };
    let is_split = meta.is_split_before || meta.is_split_after;
    let there = range.and_then(|(start, size)| repaired.range(start, size));
    if is_split {
        let which =
            if meta.is_split_before { "begins in the volume before" } else { "goes on in the next volume" };
        opener.sink.gap(Reason::Truncated, &format!("member {name} {which} this one"));
        if let Some(there) = there.filter(|there| meta.is_stored && !meta.is_encrypted && there.size() > 0) {
            let flow = opener.sink.range(Child::member(&name), there);
            if !opener.keep(flow) {
                return ExtractionDecision::Stop;
            }
        }
        return refuse;
    }
    if meta.is_encrypted && !has_password {
        opener.sink.gap(Reason::Encrypted, &format!("member {name}"));
        return refuse;
    }
    if meta.is_directory || meta.is_redirection {
        return ExtractionDecision::Skip;
    }
    if meta.is_stored
        && !meta.is_encrypted
        && !solid
        && let Some(there) = there
    {
        let flow = opener.sink.range(Child::member(&name), there);
        return if opener.keep(flow) { ExtractionDecision::Skip } else { ExtractionDecision::Stop };
    }
    let kept = Rc::new(RefCell::new(Kept::default()));
    opener.pending = Some((name, Rc::clone(&kept)));
    ExtractionDecision::Extract(Box::new(Keeper { kept, solid: solid.then(|| Rc::clone(passed_over)) }))
}

/// Where the packed bytes of each member are.
fn ranges(archive: &Archive) -> Vec<(u64, u64)> {
    let place = |range: &std::ops::Range<usize>| (range.start as u64, range.len() as u64);
    match archive {
        Archive::Rar15To40(archive) => archive
            .blocks
            .iter()
            .filter_map(|block| match block {
                rar15_40::Block::File(file) => Some(place(&file.packed_range)),
                _ => None,
            })
            .collect(),
        Archive::Rar50Plus(archive) => archive
            .blocks
            .iter()
            .filter_map(|block| match block {
                rar50::Block::File(file) => Some(place(&file.block.data_range)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Hands over what belongs to no member, or to one in a way of its own: comments, alternate streams, recovery records.
fn services(archive: &Archive, repaired: &Repaired, sink: &mut dyn Sink) -> Flow {
    if let Ok(Some(comment)) =
        archive.comment_with_options(options(None).with_max_member_output_bytes(1 << 20))
    {
        sink.child(Child::member("comment"), &mut comment.as_slice())?;
    }
    let mut found: Vec<(String, bool, (u64, u64))> = Vec::new();
    match archive {
        Archive::Rar15To40(archive) => found.extend(archive.blocks.iter().filter_map(|block| match block {
            rar15_40::Block::NewSub(sub) => {
                let range = &sub.file.packed_range;
                let is_open = sub.file.method == 0x30 && sub.file.block.flags & 4 == 0;
                let name = String::from_utf8_lossy(&sub.file.name).into_owned();
                Some((name, is_open, (range.start as u64, range.len() as u64)))
            }
            _ => None,
        })),
        Archive::Rar50Plus(archive) => found.extend(archive.blocks.iter().filter_map(|block| match block {
            rar50::Block::Service(service) => {
                let range = &service.block.data_range;
                let is_open = service.compression_info & 0x380 == 0 && !service.encrypted;
                let name = String::from_utf8_lossy(&service.name).into_owned();
                Some((name, is_open, (range.start as u64, range.len() as u64)))
            }
            _ => None,
        })),
        _ => {}
    }
    for (name, is_open, (start, size)) in found {
        sink.pulse()?;
        if name == "CMT" || size == 0 {
            continue;
        }
        match repaired.range(start, size) {
            Some(there) if is_open => sink.range(Child::member(&format!("service {name}")), there)?,
            _ => sink.gap(Reason::Unsupported, &format!("service {name}: packed or encrypted")),
        }
    }
    Ok(())
}

fn reason(error: &rars::Error) -> Reason {
    use rars::ErrorKind as Kind;
    match error.root_cause() {
        rars::Error::TooShort => return Reason::Truncated,
        rars::Error::Io(_) if error.to_string().contains("the archive ends here") => {
            return Reason::Truncated;
        }
        _ => {}
    }
    match error.kind() {
        Kind::PasswordRequired | Kind::BadPassword => Reason::Encrypted,
        Kind::UnsupportedFormat | Kind::UnsupportedFeature | Kind::ResourceLimit => Reason::Unsupported,
        _ => Reason::Damaged,
    }
}
