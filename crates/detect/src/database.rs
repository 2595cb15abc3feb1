//! The compiled database: written by [`Compiler`], opened by [`Database`].

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use candor_object::{Category, Content, FileType, Finding, Link, Listed, Object, ObjectId, Password};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use crate::bytecode::{self, BytecodeSignature, ProgramTables, Stored};
use crate::hash::{self, HashSignature, Subject};
use crate::icon::{self, Icon, IconRecord};
use crate::image::{self, Image, Kind, Writer};
use crate::logical::{self, LogicalSignature, Outcome};
use crate::magic::{self, MagicRecord, MagicSignature};
use crate::map::Map;
use crate::member::{self, MemberRecord, MemberSignature};
use crate::password::{self, PasswordRecord, PasswordSignature};
use crate::pattern::{Filters, PatternTables};
use crate::phishing::{self, LinkSignature, LinkTables};
use crate::picture::PictureRecord;
use crate::regex;
use crate::strings::{Strings, Text};
use crate::switch::{self, SwitchRecord, Switches};
use crate::trust::{self, SignerRecord, SignerSignature};
use crate::yara::{self, RuleSet, RuleSetNumber, RuleTables};
use crate::{Digests, Error};

/// Number of signatures by kind.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
struct CountsRecord {
    object_hashes: le::U64,
    section_hashes: le::U64,
    import_hashes: le::U64,
    trusted_hashes: le::U64,
    logical: le::U64,
    programs: le::U64,
    yara: le::U64,
}

/// Number of signatures by kind, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Digests of whole objects.
    pub object_hashes: u64,
    /// Digests of sections of executables.
    pub section_hashes: u64,
    /// Digests of import lists.
    pub import_hashes: u64,
    /// Digests of objects that are known to be good.
    pub trusted_hashes: u64,
    /// Signatures of patterns and expressions.
    pub logical: u64,
    /// Signatures of what archives say of a member.
    pub members: u64,
    /// Programs in bytecode.
    pub programs: u64,
    /// YARA rules that make findings.
    pub yara: u64,
    /// Publishers that are trusted or blocked.
    pub signers: u64,
    /// Entries of lists about links.
    pub links: u64,
}

impl Counts {
    /// All signatures together.
    pub fn total(&self) -> u64 {
        let hashes = [self.object_hashes, self.section_hashes, self.import_hashes, self.trusted_hashes];
        let others = [self.logical, self.members, self.programs, self.yara, self.signers, self.links];
        hashes.iter().chain(&others).fold(0, |sum, count| u64::saturating_add(sum, *count))
    }
}

/// Compiles signatures into one database. The same signatures in the same order give the same bytes.
#[derive(Default)]
pub struct Compiler {
    strings: Strings,
    hashes: hash::Compiler,
    logical: logical::Compiler,
    members: member::Compiler,
    icons: icon::Compiler,
    programs: bytecode::Compiler,
    rules: yara::Compiler,
    signers: trust::Compiler,
    magic: magic::Compiler,
    passwords: password::Compiler,
    switches: switch::Compiler,
    links: phishing::Compiler,
    counts: Counts,
}

impl Compiler {
    /// Adds a digest.
    pub fn hash(&mut self, signature: &HashSignature<'_>) {
        self.hashes.add(signature, &mut self.strings);
        let count = match (signature.category, signature.subject) {
            (Category::Trusted, _) => &mut self.counts.trusted_hashes,
            (_, Subject::Object | Subject::Signed) => &mut self.counts.object_hashes,
            (_, Subject::Section) => &mut self.counts.section_hashes,
            (_, Subject::Imports) => &mut self.counts.import_hashes,
        };
        *count = count.saturating_add(1);
    }

    /// Adds a signature of patterns.
    pub fn logical(&mut self, signature: &LogicalSignature) {
        self.logical.add(signature, &mut self.strings);
        // What leads to rules or to a program is a part of them, and magic finds nothing.
        if !matches!(signature.outcome, Outcome::Rules(_) | Outcome::Program(_) | Outcome::Embedded(_)) {
            self.counts.logical = self.counts.logical.saturating_add(1);
        }
    }

    /// Adds a set of YARA rules; signatures that lead to it follow.
    pub fn rules(&mut self, set: &RuleSet) -> RuleSetNumber {
        let rules = set.units.iter().map(|unit| unit.rules.len() as u64);
        self.counts.yara = rules.fold(self.counts.yara, u64::saturating_add);
        self.rules.add(set, &mut self.strings)
    }

    /// Adds a signature over what an archive says of a member; nothing is added beyond
    /// [`MAX_SIGNATURES`](member::MAX_SIGNATURES) of them.
    pub fn member(&mut self, signature: &MemberSignature) {
        if self.members.len() < member::MAX_SIGNATURES {
            self.members.add(signature, &mut self.strings);
            self.counts.members = self.counts.members.saturating_add(1);
        }
    }

    /// Adds a publisher that is trusted or blocked.
    pub fn signer(&mut self, signature: &SignerSignature) {
        self.signers.add(signature, &mut self.strings);
        self.counts.signers = self.counts.signers.saturating_add(1);
    }

    /// Has every certificate in a signature of a program told of, as a weak finding.
    pub fn tell_certificates(&mut self) {
        self.signers.tell();
    }

    /// Adds a line of magic; whether it can be used and there was room for it: see [`MAX_MAGIC`](magic::MAX_MAGIC).
    pub fn magic(&mut self, signature: &MagicSignature<'_>) -> bool {
        self.magic.add(signature, &mut self.strings)
    }

    /// Adds a password of archives; whether there was room for it: see [`MAX_PASSWORDS`](password::MAX_PASSWORDS).
    pub fn password(&mut self, signature: &PasswordSignature) -> bool {
        self.passwords.add(signature, &mut self.strings)
    }

    /// Says what is switched off, in the place of what lines of the same category said before.
    pub fn switches(&mut self, switches: &Switches<'_>) {
        self.switches.set(switches, &mut self.strings);
    }

    /// Adds an icon that signatures may ask for; whether there was room, for there are at most
    /// [`MAX_ICONS`](icon::MAX_ICONS).
    pub fn icon(&mut self, icon: &Icon) -> bool {
        let room = !self.icons.is_full();
        if room {
            self.icons.add(icon, &mut self.strings);
        }
        room
    }

    /// Adds an entry of a list about links.
    pub fn link(&mut self, signature: &LinkSignature, source: &str) {
        self.links.add(signature, source, &mut self.strings);
        self.counts.links = self.counts.links.saturating_add(1);
    }

    /// The number of expressions about links, of the kind that has most.
    pub fn link_expressions(&self) -> usize {
        self.links.expressions()
    }

    /// Says whether the signatures that follow are official: out of a container that its publisher signed. Those
    /// before the first call are not.
    pub fn official(&mut self, official: bool) {
        self.strings.official(official);
    }

    /// Adds a program; its number, for the signature that triggers it.
    pub fn program(&mut self, signature: &BytecodeSignature) -> u32 {
        let number = self.programs.next();
        self.programs.add(signature, &mut self.strings);
        self.counts.programs = self.counts.programs.saturating_add(1);
        number
    }

    /// Whether there is no room for another signature: places in a database have 32 bits.
    pub fn is_full(&self) -> bool {
        // A signature adds less than 16 MB to any table.
        const FULL: usize = 0xff00_0000;
        let tables = [
            self.strings.size(),
            self.logical.size(),
            self.programs.size(),
            self.rules.size(),
            self.links.size(),
        ];
        tables.into_iter().max() > Some(FULL) || self.logical.is_full()
    }

    /// The number of signatures so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The database's bytes.
    pub fn finish(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail.
        let _ = self.write(&mut bytes);
        bytes
    }

    /// Writes the database: with far less memory than all of it takes twice.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(mut self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut writer = Writer::default();
        let counts = CountsRecord {
            object_hashes: self.counts.object_hashes.into(),
            section_hashes: self.counts.section_hashes.into(),
            import_hashes: self.counts.import_hashes.into(),
            trusted_hashes: self.counts.trusted_hashes.into(),
            logical: self.counts.logical.into(),
            programs: self.counts.programs.into(),
            yara: self.counts.yara.into(),
        };
        writer.section(Kind::Counts, 0, &[counts]);
        self.logical.finish(&mut self.strings, &mut writer);
        self.hashes.finish(&mut writer);
        self.members.finish(&mut writer);
        self.icons.finish(&mut writer);
        self.programs.finish(&mut writer);
        self.rules.finish(&mut writer);
        self.signers.finish(&mut writer);
        self.magic.finish(&mut writer);
        self.passwords.finish(&mut writer);
        self.switches.finish(&mut writer);
        self.links.finish(&mut writer);
        let (strings, sources, official) = self.strings.finish();
        writer.bytes(Kind::Strings, 0, strings);
        writer.section(Kind::Sources, 0, &sources);
        writer.section(Kind::Official, 0, &official);
        writer.write(out)
    }
}

impl fmt::Debug for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiler").field("counts", &self.counts).finish_non_exhaustive()
    }
}

enum Bytes {
    Static(&'static [u8]),
    Memory(Vec<u8>),
    Mapped(Map),
}

/// Bytes that are compared at once.
const PIECE: usize = 1 << 18;

/// A database, ready for use. Opening it reads a few hundred bytes.
pub struct Database {
    bytes: Bytes,
    image: Image,
    regexes: regex::Cache,
    pub(crate) names: member::Names,
    rule_sets: yara::Cache,
    pub(crate) links: phishing::Expressions,
}

impl Database {
    /// Maps a database file.
    ///
    /// # Errors
    /// When the file cannot be read, is no database, of another version, truncated or damaged in its header.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // Opening a FIFO might wait for ever, so that it is asked first.
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() || metadata.len() == 0 {
            return Err(Error::NotADatabase);
        }
        Self::from_file(&File::open(path)?)
    }

    /// Maps an open database file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_file(file: &File) -> Result<Self, Error> {
        Self::new(Bytes::Mapped(Map::new(file)?))
    }

    /// The bytes of the database.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// Uses a database that is part of the program.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_static(bytes: &'static [u8]) -> Result<Self, Error> {
        Self::new(Bytes::Static(bytes))
    }

    /// Uses a database in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_vec(bytes: Vec<u8>) -> Result<Self, Error> {
        Self::new(Bytes::Memory(bytes))
    }

    /// Makes the header of a damaged image consistent again, so that tests and fuzz targets meet the readers
    /// of the sections. No trust is lost by it: a header's checksum is no signature.
    #[doc(hidden)]
    pub fn mend_header(bytes: &mut [u8]) {
        image::mend(bytes);
    }

    fn new(bytes: Bytes) -> Result<Self, Error> {
        let image = Image::open(bytes.as_ref())?;
        Ok(Self {
            bytes,
            image,
            regexes: regex::Cache::default(),
            names: member::Names::default(),
            rule_sets: yara::Cache::default(),
            links: phishing::Expressions::default(),
        })
    }

    /// Reads everything and compares it with its checksum, some ten times faster than [`verify`](Self::verify):
    /// shows damage, and no forgery.
    ///
    /// # Errors
    /// [`Error::Damaged`] if they differ.
    pub fn undamaged(&self) -> Result<(), Error> {
        self.image.undamaged(self.bytes.as_ref())
    }

    /// Reads everything and compares it with the identity.
    ///
    /// # Errors
    /// [`Error::Damaged`] if they differ.
    pub fn verify(&self) -> Result<(), Error> {
        self.image.verify(self.bytes.as_ref())
    }

    /// SHA-256 of the content: names the database.
    pub fn identity(&self) -> [u8; 32] {
        self.image.identity()
    }

    /// Whether content is this very database, byte by byte. What cannot be read is not.
    pub fn is_the_same_as(&self, content: &Content) -> bool {
        content.size() == self.size()
            && self.bytes.as_ref().chunks(PIECE).zip(0..).all(|(piece, number)| {
                let read = content.window((PIECE as u64).saturating_mul(number), piece.len());
                read.is_ok_and(|read| *read == *piece)
            })
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.as_ref().len() as u64
    }

    /// The number of signatures.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn counts(&self) -> Result<Counts, Error> {
        let records: &[CountsRecord] = self.image.records(self.bytes.as_ref(), Kind::Counts, 0)?;
        let record = records.first().copied().unwrap_or_default();
        Ok(Counts {
            object_hashes: record.object_hashes.get(),
            section_hashes: record.section_hashes.get(),
            import_hashes: record.import_hashes.get(),
            trusted_hashes: record.trusted_hashes.get(),
            logical: record.logical.get(),
            members: self.member_records()?.len() as u64,
            signers: self.signers()?.0.len() as u64,
            programs: record.programs.get(),
            yara: record.yara.get(),
            links: self.link_tables()?.len() as u64,
        })
    }

    /// The files that its signatures come from.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn sources(&self) -> Result<Vec<&str>, Error> {
        let records: &[Text] = self.image.records(self.bytes.as_ref(), Kind::Sources, 0)?;
        Ok(records.iter().map(|text| self.text(*text)).collect())
    }

    /// Those of them that came out of containers which their publisher signed. A name that other signatures have as
    /// well is left out, since nobody could tell which of them a finding is of.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn official_sources(&self) -> Result<Vec<&str>, Error> {
        let official: &[u8] = self.image.records(self.bytes.as_ref(), Kind::Official, 0)?;
        let names = self.sources()?;
        let of = |wanted: bool| {
            let marked =
                names.iter().enumerate().map(|(place, name)| (official.get(place) == Some(&1), *name));
            marked.filter(move |(official, _)| *official == wanted).map(|(_, name)| name)
        };
        let others: HashSet<&str> = of(false).collect();
        Ok(of(true).filter(|name| !others.contains(name)).collect())
    }

    /// Its programs in bytecode, none of them decoded yet.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn programs(&self) -> Result<impl Iterator<Item = Stored<'_>>, Error> {
        Stored::all(self)
    }

    /// The finding that speaks for content with a trusted digest.
    ///
    /// # Errors
    /// When the content could not be read, the time is up or the database is damaged.
    pub fn trusted(
        &self,
        content: &Content,
        id: ObjectId,
        deadline: Instant,
    ) -> Result<Option<Finding>, Error> {
        hash::trusted(self, content, id, deadline)
    }

    /// The findings that one member makes in an archive by what the archive's headers say of it.
    ///
    /// # Errors
    /// When the time is up or the database is damaged.
    pub fn members(
        &self,
        archive: &Object,
        id: ObjectId,
        listed: &Listed<'_>,
        deadline: Instant,
    ) -> Result<Vec<Finding>, Error> {
        member::inspect(self, self.member_records()?, archive, id, listed, deadline)
    }

    /// Whether there is any magic.
    pub fn has_magic(&self) -> bool {
        self.image.has(Kind::Magic, 0)
    }

    /// The type that magic gives to what begins so, and others that are as good, behind commas.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn magic(&self, head: &[u8]) -> Result<Option<&str>, Error> {
        let records: &[MagicRecord] = self.image.records(self.bytes.as_ref(), Kind::Magic, 0)?;
        magic::types(self, records, head)
    }

    /// The passwords for containers of a type.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn passwords(&self, container: &str) -> Result<Vec<Password>, Error> {
        password::passwords(self, container)
    }

    /// Why something is switched off, for people; nothing if it is on. It is a file type, one of a form, or what
    /// [`switch`] names.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn switched_off(&self, what: &str) -> Result<Option<String>, Error> {
        switch::switched_off(self, what)
    }

    pub(crate) fn switch_records(&self) -> Result<&[SwitchRecord], Error> {
        self.image.records(self.bytes.as_ref(), Kind::Switches, 0)
    }

    pub(crate) fn password_records(&self) -> Result<&[PasswordRecord], Error> {
        self.image.records(self.bytes.as_ref(), Kind::Passwords, 0)
    }

    /// Whether it has lists about links.
    pub fn knows_links(&self) -> bool {
        LinkTables::any(&self.image)
    }

    pub(crate) fn link_tables(&self) -> Result<LinkTables<'_>, Error> {
        LinkTables::new(&self.image, self.bytes.as_ref())
    }

    fn member_records(&self) -> Result<&[MemberRecord], Error> {
        self.image.records(self.bytes.as_ref(), Kind::Members, 0)
    }

    /// Whether there are publishers that are trusted or blocked, or catalogs of theirs: then it matters what is signed
    /// of an executable.
    pub fn judges_publishers(&self) -> bool {
        let catalogs = || ["SHA-1", "SHA-256"].iter().any(|name| self.has_trusted(Subject::Signed, name));
        self.image.has(Kind::Signers, 0) || self.tells_certificates() || catalogs()
    }

    /// Whether certificates in programs are told of.
    pub(crate) fn tells_certificates(&self) -> bool {
        self.image.has(Kind::CertificateTelling, 0)
    }

    /// Publishers, and the bytes of their keys.
    pub(crate) fn signers(&self) -> Result<(&[SignerRecord], &[u8]), Error> {
        let bytes = self.bytes.as_ref();
        Ok((self.image.records(bytes, Kind::Signers, 0)?, self.image.records(bytes, Kind::SignerKeys, 0)?))
    }

    /// Whether there are digests of a subject that are trusted, by the name of the algorithm.
    pub(crate) fn has_trusted(&self, subject: Subject, algorithm: &str) -> bool {
        let table = hash::trusted_table(subject, algorithm);
        table.is_some_and(|table| self.image.has(Kind::HashSizes, table))
    }

    pub(crate) fn icon_records(&self) -> Result<&[IconRecord], Error> {
        self.image.records(self.bytes.as_ref(), Kind::Icons, 0)
    }

    pub(crate) fn picture_records(&self) -> Result<&[PictureRecord], Error> {
        self.image.records(self.bytes.as_ref(), Kind::PictureHashes, 0)
    }

    /// Whether there are digests of whole objects.
    pub fn knows_digests(&self) -> bool {
        self.has_digests(Subject::Object)
    }

    /// Whether objects of a type are searched for any pattern.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn searches(&self, file_type: FileType) -> Result<bool, Error> {
        Ok(!self.filters(file_type.name())?.is_empty())
    }

    /// The text at a place; empty where the place is damaged.
    pub(crate) fn text(&self, text: Text) -> &str {
        let strings: &[u8] = self.image.records(self.bytes.as_ref(), Kind::Strings, 0).unwrap_or_default();
        text.read(strings).unwrap_or_default()
    }

    /// What lies at a place and need be no text.
    pub(crate) fn bytes(&self, text: Text) -> Option<&[u8]> {
        text.bytes(self.image.records(self.bytes.as_ref(), Kind::Strings, 0).ok()?)
    }

    /// The name of a signature file; empty where the number is damaged.
    pub(crate) fn source(&self, number: u16) -> &str {
        let records: &[Text] = self.image.records(self.bytes.as_ref(), Kind::Sources, 0).unwrap_or_default();
        records.get(usize::from(number)).map(|text| self.text(*text)).unwrap_or_default()
    }

    pub(crate) fn digest_table(&self, table: u32, length: usize) -> Result<hash::DigestTable<'_>, Error> {
        hash::DigestTable::new(&self.image, self.bytes.as_ref(), table, length)
    }

    pub(crate) fn has_digests(&self, subject: Subject) -> bool {
        let tables = hash::tables(subject);
        tables.into_iter().any(|table| self.image.has(Kind::HashSizes, table))
    }

    pub(crate) fn filters(&self, file_type: &str) -> Result<Filters<'_>, Error> {
        Filters::new(&self.image, self.bytes.as_ref(), file_type)
    }

    pub(crate) fn signature_tables(&self) -> Result<logical::SignatureTables<'_>, Error> {
        logical::SignatureTables::new(&self.image, self.bytes.as_ref())
    }

    /// Expressions that were compiled.
    pub(crate) fn regexes(&self) -> &regex::Cache {
        &self.regexes
    }

    pub(crate) fn program_tables(&self) -> Result<ProgramTables<'_>, Error> {
        ProgramTables::new(&self.image, self.bytes.as_ref())
    }

    /// Sets of rules that were compiled.
    pub(crate) fn rule_sets(&self) -> &yara::Cache {
        &self.rule_sets
    }

    pub(crate) fn rule_tables(&self) -> Result<RuleTables<'_>, Error> {
        RuleTables::new(&self.image, self.bytes.as_ref())
    }

    pub(crate) fn pattern_tables(&self) -> Result<PatternTables<'_>, Error> {
        PatternTables::new(&self.image, self.bytes.as_ref())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Memory(bytes) => bytes,
            Self::Mapped(map) => map.as_ref(),
        }
    }
}

/// The MD5 of each content that lies in memory, where one of the databases asks for it. Several together cost
/// hardly more than the longest of them.
pub fn digests(databases: &[Arc<Database>], contents: &[&Content]) -> Vec<Digests> {
    hash::ahead(databases, contents)
}

/// What a link of a mail says about its page, by the lists of all databases together: one may allow what another
/// does not.
///
/// # Errors
/// When the time is up or a database is damaged.
pub fn link(
    databases: &[Arc<Database>],
    id: ObjectId,
    link: &Link<'_>,
    deadline: Instant,
) -> Result<Option<Finding>, Error> {
    phishing::inspect(databases, id, link, deadline)
}

/// SHA-256 of content.
///
/// # Errors
/// When the content cannot be read or the time is up.
pub fn sha256(content: &Content, deadline: Instant) -> Result<[u8; 32], Error> {
    hash::sha256(content, deadline)
}
