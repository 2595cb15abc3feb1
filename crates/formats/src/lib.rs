//! File formats: recognise content, lay it out, take objects out of it.
//!
//! One file per format, each with a link to its specification. [`formats`] gives them in the order in which
//! they are asked: the first that recognises the content names its type. A format reads only the content it
//! is handed, puts children, gaps and anomalies into a [`Sink`], knows no signature and has no setting.
//!
//! Content is hostile. A format never panics, holds little memory of its own, goes through its input at most
//! a fixed number of times, and calls [`Sink::pulse`] in loops that hand nothing over. Broken input is a gap
//! that names the place; whatever came before the damage is still handed over.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::cast_possible_truncation
    )
)]

use std::io;
use std::time::Instant;

use candor_object::{Content, FileType, Flow, Icons, Layout, Signed, Sink, Undecoded};

mod bits;
mod collector;
mod embedded;
mod compressed_rtf;
mod fields;
mod frames;
mod lzx;
mod markup;
mod ole1;
mod quantum;
mod references;
mod search;
mod unpack;
mod wide;

mod elf;
mod macho;
mod packers;
mod pe;

mod brotli;
mod bzip2;
mod compress;
mod gzip;
mod lz4;
mod lzip;
mod lzop;
mod lzma;
mod snappy;
mod szdd;
mod xz;
mod zstd;

mod alz;
mod ar;
mod arc;
mod arj;
mod asar;
mod autoit;
mod binhex;
mod cab;
mod chm;
mod cpio;
mod crx;
mod egg;
mod inno;
mod installshield;
mod lha;
mod nsis;
mod pyinstaller;
mod rar;
mod rpm;
mod sevenz;
mod shell_archive;
mod sis;
mod tar;
mod wim;
mod xar;
mod zip;
mod zoo;

mod disk;

mod activemime;
mod eps;
mod held;
mod hwp3;
mod lnk;
mod ole2;
mod onenote;
mod pdf;
mod pickle;
mod picture;
mod rtf;
mod pkcs7;
mod pst;
mod swf;
mod tnef;
mod xdp;

mod unopened;

mod mail;

mod encoded_script;
mod html;
mod javascript;
mod script;
mod svg;
mod text;

pub use collector::{Collected, Collector};

/// The formats with a magic or a structure of their own, in the order in which they are asked.
pub static FORMATS: &[&dyn Format] = &[
    &elf::Elf,
    &macho::MachO,
    &pe::Pe,
    &pe::DosExe,
    &gzip::Gzip,
    &bzip2::Bzip2,
    &xz::Xz,
    &zstd::Zstd,
    &lz4::Lz4,
    // Kinds of zip, each before those that it is one of as well.
    &zip::kinds::APK,
    &zip::kinds::VSIX,
    &zip::kinds::APPX,
    &zip::kinds::NUPKG,
    &zip::kinds::DOCX,
    &zip::kinds::XLSX,
    &zip::kinds::PPTX,
    &zip::kinds::XPS,
    &zip::kinds::HWPX,
    &zip::kinds::ODF,
    &zip::kinds::EPUB,
    &zip::kinds::WHEEL,
    &zip::kinds::JAR,
    &zip::Zip,
    &sevenz::SevenZ,
    &rar::Rar,
    &ar::Ar,
    &arc::Arc,
    &tar::Tar,
    &cpio::Cpio,
    &rpm::Rpm,
    &xar::Xar,
    &lha::Lha,
    &zoo::Zoo,
    &arj::Arj,
    &compress::Compress,
    &lzip::Lzip,
    &lzop::Lzop,
    &snappy::Snappy,
    &szdd::Szdd,
    &szdd::Kwaj,
    &crx::Crx,
    &binhex::Binhex,
    &chm::Chm,
    &alz::Alz,
    &egg::Egg,
    &cab::Cab,
    &nsis::Nsis,
    &inno::Inno,
    &installshield::Cabinet,
    &installshield::Setup,
    &sis::Sis,
    &autoit::AutoIt,
    &wim::Wim,
    // These are compound files as well.
    &ole2::Msg,
    &ole2::Hwp5,
    &ole2::Ole2,
    &rtf::Rtf,
    &pdf::Pdf,
    &eps::Eps,
    &swf::Swf,
    &xdp::Xdp,
    &lnk::Lnk,
    &tnef::Tnef,
    &onenote::OneNote,
    &pkcs7::Pkcs7,
    &pst::Pst,
    &hwp3::Hwp3,
    &activemime::ActiveMime,
    &pickle::Pickle,
    &disk::iso9660::Iso9660,
    &disk::udf::Udf,
    &disk::dmg::Dmg,
    &disk::machine::Machine(disk::machine::Kind::Qcow2),
    &disk::machine::Machine(disk::machine::Kind::Vmdk),
    &disk::machine::Machine(disk::machine::Kind::Vhdx),
    &disk::machine::Machine(disk::machine::Kind::Vdi),
    &disk::machine::Machine(disk::machine::Kind::Vhd),
    &disk::squashfs::Squashfs,
    &disk::cramfs::Cramfs,
    &disk::romfs::Romfs,
    &disk::fat::Fat,
    &disk::exfat::ExFat,
    &disk::ntfs::Ntfs,
    &disk::ext::Ext,
    &disk::hfs::HfsPlus,
    &disk::partitions::Gpt,
    &disk::partitions::Apm,
    &disk::partitions::Mbr,
    &asar::Asar,
    &installshield::Records,
    &shell_archive::Makeself,
    &shell_archive::Shar,
    &pyinstaller::Pyz,
    &pyinstaller::PyInstaller,
    // It has no magic.
    &lzma::Lzma,
    // It has no sign at all, and is known by its name.
    &brotli::Brotli,
];

/// Pictures. What viewers skip is taken out; pixels are not, so that they may embed anything.
static PICTURES: &[&dyn Format] = &[
    &picture::Png,
    &picture::Jpeg,
    &picture::Gif,
    &picture::Bmp,
    &picture::Tiff,
    &picture::WebP,
    &picture::Ico,
];
/// The formats that leave the start of the content free for others.
static DISKS: &[&dyn Format] =
    &[&disk::iso9660::Iso9660, &disk::udf::Udf, &disk::ext::Ext, &disk::hfs::HfsPlus];

/// The formats of messages, which are judged by their text.
static MESSAGES: &[&dyn Format] = &[&mail::Mbox, &mail::Mail, &mail::Uuencode, &mail::YencFile];

/// Text, of which normalized forms come out, and what is encoded in it.
static TEXTS: &[&dyn Format] =
    &[&encoded_script::EncodedScript, &script::Script, &svg::Svg, &html::Html, &text::Text];

/// All formats in the order in which they are asked: [`FORMATS`], pictures, then the types that are known and not opened,
/// then those that are judged by their text, and last an archive behind something that is nothing else.
pub fn formats() -> impl Iterator<Item = &'static dyn Format> {
    let all = FORMATS.iter().chain(PICTURES).copied().chain(unopened()).chain(MESSAGES.iter().copied());
    let displaced = [DISPLACED, DISPLACED_RAR].into_iter();
    all.chain(displaced).chain(TEXTS.iter().copied()).chain(std::iter::once(APPENDED))
}

static DISPLACED: &dyn Format = &pdf::DisplacedPdf;

static DISPLACED_RAR: &dyn Format = &rar::DisplacedRar;

static APPENDED: &dyn Format = &zip::AppendedZip;

fn unopened() -> impl Iterator<Item = &'static dyn Format> {
    unopened::TABLE.iter().map(|format| format as &dyn Format)
}

/// Bytes at the start of content that [`Format::recognises`] may look at for most formats.
pub const HEAD: usize = 4096;
/// Bytes at the start that hold the signs of disk images: 16 sectors of 2 KiB are free in an optical disk, and its
/// descriptors follow; file systems of Linux and BSD leave 64 KiB free.
pub const DEEP: usize = 68 << 10;
/// Bytes at the end of content that [`Format::recognises`] may look at: a zip's end record with the longest
/// comment.
pub const TAIL: usize = (64 << 10) + 22;

/// A file format.
pub trait Format: Sync {
    /// The type that it recognises.
    fn file_type(&self) -> FileType;

    /// Whether this is content of the type, judged by a glimpse. Cheap: it is asked of every object.
    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool;

    /// Where things are in an executable; nothing for other formats.
    ///
    /// # Errors
    /// Those of reading the content.
    fn layout(&self, _content: &Content) -> io::Result<Option<Layout>> {
        Ok(None)
    }

    /// What the signature of an executable's publisher is over, and where signatures are; nothing for other formats.
    ///
    /// # Errors
    /// Those of reading the content.
    fn signed(&self, _content: &Content) -> io::Result<Option<Signed>> {
        Ok(None)
    }

    /// The perceptual hash of a picture; nothing for other formats.
    ///
    /// # Errors
    /// [`Undecoded`] if the picture could not be decoded.
    fn perceptual_hash(&self, _content: &Content, _deadline: Instant) -> Result<Option<u64>, Undecoded> {
        Ok(None)
    }

    /// The icons of a program; nothing for other formats.
    fn icons(&self, _content: &Content, _deadline: Instant) -> Icons {
        Icons::default()
    }

    /// Takes out what is inside and puts it into the sink.
    ///
    /// # Errors
    /// A [`Stop`](candor_object::Stop); damage in the content is not one, but a gap in the sink.
    fn open(&self, _content: &Content, _sink: &mut dyn Sink) -> Flow {
        Ok(())
    }
}

/// What recognition may look at.
#[derive(Clone, Copy, Debug)]
pub struct Glimpse<'a> {
    /// The first [`HEAD`] bytes, or all if there are fewer.
    pub head: &'a [u8],
    /// The first [`DEEP`] bytes, or all if there are fewer.
    pub deep: &'a [u8],
    /// The last [`TAIL`] bytes, or all if there are fewer.
    pub tail: &'a [u8],
    /// Length of the content in bytes.
    pub size: u64,
}

impl Glimpse<'_> {
    /// Whether `magic` stands at `offset` in the head.
    pub fn has(&self, offset: usize, magic: &[u8]) -> bool {
        self.head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    }
}

/// The format of the content, or nothing if it is empty or no format recognises it.
///
/// # Errors
/// Those of reading the content.
pub fn identify(content: &Content) -> io::Result<Option<&'static dyn Format>> {
    look(content, |glimpse| formats().find(|format| format.recognises(glimpse)))
}

/// The format that a file's name tells, for content that no format recognises.
pub fn named(name: &str) -> Option<&'static dyn Format> {
    let is_brotli =
        name.get(name.len().saturating_sub(3)..).is_some_and(|end| end.eq_ignore_ascii_case(".br"));
    is_brotli.then_some(&brotli::Brotli)
}

/// The format of a type, by its name.
pub fn format_of(file_type: &str) -> Option<&'static dyn Format> {
    formats().find(|format| format.file_type().name() == file_type)
}

/// Whether content of this format may hold, at some place, content that the format does not hand over: programs, text, and
/// what is not opened.
pub fn may_embed(format: Option<&dyn Format>) -> bool {
    const PROGRAMS: [&str; 4] = ["elf", "pe", "dos-exe", "macho"];
    let Some(name) = format.map(|format| format.file_type().name()) else { return true };
    let opened = FORMATS.iter().chain(MESSAGES).any(|format| format.file_type().name() == name);
    PROGRAMS.contains(&name) || !opened
}

/// Whether content of this type is opened: others have a name and no more.
pub fn is_opened(file_type: &str) -> bool {
    FORMATS.iter().any(|format| format.file_type().name() == file_type)
}

/// Whether formats judge content of this type by its text.
pub fn is_text(file_type: &str) -> bool {
    TEXTS.iter().chain(MESSAGES).any(|format| format.file_type().name() == file_type)
}

/// Whether a format recognises content itself.
///
/// # Errors
/// Those of reading the content.
pub fn recognises(format: &dyn Format, content: &Content) -> io::Result<bool> {
    look(content, |glimpse| format.recognises(glimpse))
}

/// Whether content of this type is a message, or several.
pub fn is_message(file_type: FileType) -> bool {
    MESSAGES.iter().any(|format| format.file_type() == file_type)
}

/// Passwords for what is encrypted in a mail, out of its text and its subject, the likeliest first.
pub fn told_passwords(mail: &Content, deadline: Instant) -> Vec<Vec<u8>> {
    mail::told(mail, deadline)
}

/// A second format of content that `first` recognised: content may be two valid files in one.
///
/// * An archive behind a picture, a document or a script, which nothing is taken out of. Opened formats hand
///   over themselves what is behind.
/// * A PDF in whose first bytes a picture or anything else has its header. A zip may begin in a PDF and end behind it.
/// * A message whose header also holds what another format is known by far from its start: a field that puts
///   `ustar` at byte 257 makes a mail a tar archive, even with a right checksum, and mail programs read the mail.
/// * An optical disk, whose first 32 KiB are free for anything, or a disk image with its sign at its end.
///
/// # Errors
/// Those of reading the content.
pub fn second(content: &Content, first: &dyn Format) -> io::Result<Option<&'static dyn Format>> {
    let is_one_of =
        |formats: &[&dyn Format]| formats.iter().any(|format| format.file_type() == first.file_type());
    if is_one_of(MESSAGES) {
        return Ok(None);
    }
    let is_text = is_one_of(TEXTS);
    let is_document = first.file_type() == DISPLACED.file_type();
    let is_disk = DISKS.iter().any(|format| format.file_type() == first.file_type());
    let unopened = || unopened().any(|format| format.file_type() == first.file_type());
    // What lies behind a document is handed over by it.
    let is_behind = is_document && pdf::hands_over_archive(content)?;
    let opens_nothing = is_text || is_one_of(PICTURES) || unopened();
    look(content, |glimpse| {
        let archive = ((opens_nothing || is_document && !is_behind) && APPENDED.recognises(glimpse))
            .then_some(APPENDED);
        let document = || (opens_nothing && DISPLACED.recognises(glimpse)).then_some(DISPLACED);
        let message = || MESSAGES.iter().copied().find(|format| !is_text && format.recognises(glimpse));
        let disk = || DISKS.iter().copied().find(|format| !is_disk && format.recognises(glimpse));
        archive.or_else(document).or_else(message).or_else(disk)
    })
}

/// Takes a glimpse of the content and asks `what` of it.
fn look<T>(content: &Content, what: impl FnOnce(&Glimpse<'_>) -> T) -> io::Result<T> {
    let deep = content.window(0, DEEP)?;
    let head = deep.get(..HEAD).unwrap_or(&deep);
    let tail = content.window(content.size().saturating_sub(TAIL as u64), TAIL)?;
    Ok(what(&Glimpse { head, deep: &deep, tail: &tail, size: content.size() }))
}

/// The type of the content: that of [`identify`], [`FileType::EMPTY`] or [`FileType::DATA`].
///
/// # Errors
/// Those of reading the content.
pub fn file_type(content: &Content) -> io::Result<FileType> {
    let fallback = if content.size() == 0 { FileType::EMPTY } else { FileType::DATA };
    Ok(identify(content)?.map_or(fallback, |format| format.file_type()))
}
