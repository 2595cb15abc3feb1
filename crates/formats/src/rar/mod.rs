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
use std::sync::Arc;
use std::time::Instant;

use candor_object::{Child, Content, FileType, Flow, Listed, Password, Reason, Relation, Sink, Stop};
use memchr::memmem;
use rars::{
    Archive, ArchiveMember, ArchiveReadOptions, ArchiveReader, ExtractionDecision, ExtractionErrorAction,
    rar15_40, rar50,
};

use crate::{Format, Glimpse};

mod blocks;
mod services;

use crate::held::holding;
use blocks::{MOST_BLOCKS, NEW, OLD, Repaired, header_rounds, walk};

const FIRST: &[u8; 4] = b"RE~^";
/// Bytes of a member that are kept.
const KEPT: usize = 128 << 20;
/// Bytes of members that are decoded and not kept, of one solid archive.
const PASSED_OVER: u64 = 1 << 30;
/// The largest dictionary of RAR 5 that is decoded with, and the most that the decoder may hold beside.
const LARGEST_DICTIONARY: u64 = 256 << 20;
const WORKSPACE: u64 = 384 << 20;
/// That of versions before 5, with the model of PPMd that they may have beside it.
const OLD_DICTIONARY: u64 = 256 << 20;
/// Bytes of members that are decoded as a whole for their filters.
const BUFFERED: u64 = 16 << 20;
/// The most passwords that are tried for one archive.
const MOST_PASSWORDS: usize = 16;
/// The most rounds of the derivation of a key, as a power of two: RAR writes 15.
const MOST_ROUNDS: u8 = 18;
/// The most members that are decrypted: each may need a derivation of its own.
const MOST_ENCRYPTED: usize = 1024;
/// The most encrypted headers that are read where each may need a derivation of its own.
const MOST_ENCRYPTED_HEADERS: u64 = 4096;

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

/// When decoding has to end. Decoders call no sink, but read and write: that fails when the time is up.
#[derive(Clone, Copy, Debug, Default)]
struct Clock(Option<Instant>);

impl Clock {
    fn of(sink: &dyn Sink) -> Self {
        Self(sink.deadline())
    }

    fn check(self) -> io::Result<()> {
        match self.0 {
            Some(deadline) if Instant::now() >= deadline => Err(Error::other("the time is up")),
            _ => Ok(()),
        }
    }
}

/// The password of an archive, and what was tried to find it.
struct Secret {
    known: Arc<[Password]>,
    password: Option<Vec<u8>>,
    /// Whether keys take so many rounds that none is derived.
    is_refused: bool,
}

impl Secret {
    fn candidates(&self) -> Vec<&[u8]> {
        self.known.iter().take(MOST_PASSWORDS).map(|known| known.bytes.as_slice()).collect()
    }

    /// Why something stays closed.
    fn why(&self) -> String {
        let count = self.known.len();
        match count {
            _ if self.is_refused => format!("keys of more than 2^{MOST_ROUNDS} rounds"),
            _ if self.password.is_some() => {
                "the password that opens something else does not open it, or it is damaged".to_owned()
            }
            0 => "no password is known".to_owned(),
            1..=MOST_PASSWORDS => format!("none of {count} known passwords opens it"),
            _ => format!("none of the first {MOST_PASSWORDS} of {count} known passwords opens it"),
        }
    }
}

fn open(content: &Content, sink: &mut dyn Sink) -> Flow {
    let clock = Clock::of(sink);
    let is_first = content.window(0, 4)?.starts_with(FIRST);
    let repaired = if is_first { Repaired::whole(content) } else { walk(content, sink)? }.until(clock);
    let mut secret = Secret { known: sink.passwords(Rar.file_type()), password: None, is_refused: false };
    let mut read = ArchiveReader::read_reader_with_options(repaired.again(), options(None));
    if read.as_ref().is_err_and(|error| error.kind() == rars::ErrorKind::PasswordRequired) {
        match read_headers(content, &repaired, &mut secret, sink)? {
            Some(archive) => read = Ok(archive),
            None => return Ok(()),
        }
    }
    let mut archive = match read {
        Ok(archive) => archive,
        Err(error) => {
            sink.pulse()?;
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
    secret.is_refused = rounds(&archive) > MOST_ROUNDS;
    if encrypted > 0 && secret.password.is_none() && !secret.is_refused {
        let mut right = None;
        for known in secret.candidates() {
            sink.pulse()?;
            if fits(&repaired, known, clock) {
                right = Some(known.to_owned());
                break;
            }
        }
        sink.pulse()?;
        if let Some(password) = &right {
            archive = ArchiveReader::read_reader_with_options(repaired.again(), options(Some(password)))
                .unwrap_or(archive);
        }
        secret.password = right;
    }
    services::hand_over(&archive, &mut secret, &repaired, sink)?;
    holding(dictionary(&archive), "the members", sink, |sink| {
        extract(&archive, &secret, &repaired, clock, sink)
    })
}

/// Bytes of the largest dictionary of the members, as far as they fill it.
fn dictionary(archive: &Archive) -> u64 {
    let unpacked = archive.members().map(|member| member.meta.unpacked_size).fold(0, u64::saturating_add);
    let largest = match archive {
        Archive::Rar50Plus(archive) => archive
            .blocks
            .iter()
            .filter_map(|block| match block {
                rar50::Block::File(file) => {
                    file.decoded_compression_info().ok().map(|info| info.dictionary_size)
                }
                _ => None,
            })
            .max()
            .unwrap_or(0),
        _ => OLD_DICTIONARY,
    };
    largest.min(LARGEST_DICTIONARY).min(unpacked)
}

/// Reads headers that are encrypted.
fn read_headers(
    content: &Content,
    repaired: &Repaired,
    secret: &mut Secret,
    sink: &mut dyn Sink,
) -> Result<Option<Archive>, Stop> {
    let rounds = header_rounds(content)?;
    secret.is_refused = rounds.is_some_and(|rounds| rounds > MOST_ROUNDS);
    let mut found = None;
    for known in secret.candidates().into_iter().filter(|_| !secret.is_refused) {
        sink.pulse()?;
        let mut options = options(Some(known));
        if rounds.is_none() {
            // Before RAR 5, each header may have a key of its own.
            options = options.with_max_header_count(MOST_ENCRYPTED_HEADERS);
        }
        match ArchiveReader::read_reader_with_options(repaired.again(), options) {
            Ok(archive) => {
                found = Some((archive, known.to_owned()));
                break;
            }
            Err(error) if error.kind() == rars::ErrorKind::ResourceLimit => {
                sink.gap(Reason::Unsupported, &format!("the encrypted headers: {error}"));
                return Ok(None);
            }
            Err(_) => {}
        }
    }
    sink.pulse()?;
    let Some((archive, password)) = found else {
        let detail = format!("the headers: neither names nor members can be read: {}", secret.why());
        let reason = if secret.is_refused { Reason::Unsupported } else { Reason::Encrypted };
        sink.gap(reason, &detail);
        return Ok(None);
    };
    secret.password = Some(password);
    Ok(Some(archive))
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
fn fits(repaired: &Repaired, password: &[u8], clock: Clock) -> bool {
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
        Ok(ExtractionDecision::Extract(Box::new(Keeper { kept: Rc::clone(&kept), solid: None, clock })))
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
    clock: Clock,
}

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.clock.check()?;
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
    secret: &'a Secret,
    clock: Clock,
    /// Members that were decrypted.
    decrypted: usize,
    /// Why the last one was not decoded.
    refused: Reason,
    pending: Option<(String, Rc<RefCell<Kept>>)>,
    stop: Option<Stop>,
}

impl Opener<'_> {
    /// Hands over the member that was decoded last, and the error that ended it.
    fn flush(&mut self, error: Option<&rars::Error>) -> bool {
        let Some((name, kept)) = self.pending.take() else { return self.stop.is_none() };
        if error.is_some() {
            // What ended it may be the time.
            let pulsed = self.sink.pulse();
            if !self.keep(pulsed) {
                return false;
            }
        }
        let Kept { bytes, is_cut } = kept.take();
        let kept = bytes.len() as u64;
        let reason = error.map(|error| (reason(error), error.to_string()));
        let mut body = Body { bytes: &bytes, failure: None };
        match reason {
            _ if is_cut => {
                let what = format!("member {name}: more than {KEPT} bytes");
                body.failure = Some(Error::new(ErrorKind::Unsupported, what));
            }
            Some((Reason::Encrypted, _)) => {
                self.sink.gap(Reason::Encrypted, &format!("member {name}: {}", self.secret.why()));
                if bytes.is_empty() {
                    return true;
                }
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
        // They lie in memory twice.
        let what = format!("member {name}");
        let done = holding(kept, &what, self.sink, |sink| sink.child(Child::member(&name), &mut body));
        self.keep(done)
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

fn extract(
    archive: &Archive,
    secret: &Secret,
    repaired: &Repaired,
    clock: Clock,
    sink: &mut dyn Sink,
) -> Flow {
    let solid = is_solid(archive);
    let passed_over = Rc::new(Cell::new(PASSED_OVER));
    let (decrypted, refused) = (0, Reason::Encrypted);
    let opener = Opener { sink, secret, clock, decrypted, refused, pending: None, stop: None };
    let opener = RefCell::new(opener);
    let mut ranges = ranges(archive).into_iter();
    let mut seen = 0_usize;
    let done = archive.extract_with_control_and_errors(
        options(secret.password.as_deref()),
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
            Ok(decide(member, range, solid, repaired, &passed_over, &mut opener))
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
        let refused = opener.refused;
        opener.sink.gap(refused, &format!("{left} members behind one that cannot be decoded"));
    }
    Ok(())
}

/// What is done with a member, before anything of it is decoded.
fn decide(
    member: &ArchiveMember,
    range: Option<(u64, u64)>,
    solid: bool,
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
        let which = if meta.is_split_before {
            "begins in the volume before this one"
        } else {
            "goes on in the next volume"
        };
        opener.refused = Reason::Truncated;
        opener.sink.gap(Reason::Truncated, &format!("member {name} {which}"));
        if let Some(there) = there.filter(|there| meta.is_stored && !meta.is_encrypted && there.size() > 0) {
            let flow = opener.sink.range(Child::member(&name), there);
            if !opener.keep(flow) {
                return ExtractionDecision::Stop;
            }
        }
        return refuse;
    }
    if meta.is_encrypted {
        opener.decrypted = opener.decrypted.saturating_add(1);
        let why = match opener.secret.password {
            None => Some(opener.secret.why()),
            _ if opener.secret.is_refused => Some(opener.secret.why()),
            _ if opener.decrypted > MOST_ENCRYPTED => {
                Some(format!("only the first {MOST_ENCRYPTED} encrypted members are decrypted"))
            }
            _ => None,
        };
        if let Some(why) = why {
            opener.refused = Reason::Encrypted;
            opener.sink.gap(Reason::Encrypted, &format!("member {name}: {why}"));
            return refuse;
        }
    }
    let is_empty = there.as_ref().is_none_or(|there| there.size() == 0);
    if meta.is_redirection || meta.is_directory && is_empty {
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
    let clock = opener.clock;
    ExtractionDecision::Extract(Box::new(Keeper {
        kept,
        solid: solid.then(|| Rc::clone(passed_over)),
        clock,
    }))
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
