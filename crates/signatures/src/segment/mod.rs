//! Segments: signature files in one archive, as releases carry them.
//!
//! A segment is a ustar archive (POSIX.1-1988) of regular files in its canonical form: the same files make the same
//! bytes, whoever packs them, and [`Segment::open`] refuses every other form of the same content. It is what
//! `tar -b1 --format=ustar --sort=name --mode=0644 --mtime=@0 --owner=0 --group=0 --numeric-owner` writes of files.
//!
//! ```
//! use candor_signatures::segment::Packer;
//!
//! let mut packer = Packer::new(Vec::new());
//! let line = b"44d88612fea8a8f36de82e1278abb02f:68:A-Test-1\n";
//! packer.add("mine.hdb", line.len() as u64, &line[..])?;
//! # Ok::<(), candor_signatures::segment::SegmentError>(())
//! ```

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What names of members begin with that are no signature files: content that the compiled segment must find, each
/// byte XOR [`INERT`], so that no scanner finds the segment itself.
pub const SELF_TEST: &str = "self-test/";
/// What each byte of such content is XORed with.
pub const INERT: u8 = 0xff;

/// Most members. A database numbers its signature files with 16 bits.
pub const MOST_MEMBERS: usize = 16_384;
/// Longest segment in bytes.
pub const MOST_BYTES: u64 = 4 << 30;
/// Longest name in bytes: the field of a ustar header; none is split.
pub const LONGEST_NAME: usize = 100;

const BLOCK: usize = 512;
/// Two blocks of zeros.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
/// Bytes that are read at a time.
const BUFFER: usize = 256 << 10;

/// Why something is no segment, or none can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// It could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A header is not the one that its own name and size demand.
    #[error("at byte {0} there is no canonical header of a member")]
    Header(u64),
    /// A member's last block is filled with something.
    #[error("{0}: what follows it is not zero")]
    Padding(String),
    /// It ends within a member, or something follows its end.
    #[error("it has {found} bytes where {expected} were expected")]
    Length {
        /// Bytes that its members and its end need.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// A name that no member may have.
    #[error(
        "`{0}` cannot be the name of a member: parts of A-Z a-z 0-9 . _ + - that begin with no point, with / between them, at most {LONGEST_NAME} bytes"
    )]
    Name(String),
    /// The names do not rise.
    #[error("`{0}` does not come after the name before it")]
    Order(String),
    /// Limits of segments.
    #[error("it has more than {MOST_MEMBERS} members or {MOST_BYTES} bytes")]
    TooLarge,
    /// It has no member.
    #[error("it is empty")]
    Empty,
    /// What was packed has not the size that was told.
    #[error("{0} changed while it was packed")]
    Changed(String),
    /// Something else than a regular file or a folder lies in a folder.
    #[error("{0} is neither a regular file nor a folder")]
    NoFile(String),
}

/// A file in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, which findings show as the source of a signature.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    offset: u64,
}

impl Member {
    /// Whether it is a witness for the self-test, and no signature file.
    pub fn is_witness(&self) -> bool {
        self.name.starts_with(SELF_TEST)
    }
}

/// An open segment whose structure was checked. Content is read when somebody asks for it, by position: the file
/// should be one that nobody can change.
#[derive(Debug)]
pub struct Segment {
    file: File,
    members: Vec<Member>,
}

impl Segment {
    /// Reads all headers of a regular file.
    ///
    /// # Errors
    /// When it cannot be read or is not the canonical archive of its members.
    pub fn open(file: File) -> Result<Self, SegmentError> {
        let length = file.metadata()?.len();
        Self::with_length(file, length)
    }

    /// As [`open`](Self::open), for a file whose length cannot be asked.
    ///
    /// # Errors
    /// As there; also where the file is shorter.
    pub fn with_length(file: File, length: u64) -> Result<Self, SegmentError> {
        if length > MOST_BYTES {
            return Err(SegmentError::TooLarge);
        }
        let mut members: Vec<Member> = Vec::new();
        let mut at = 0_u64;
        loop {
            let mut block = [0; BLOCK];
            read_exactly(&file, &mut block, at, length)?;
            if block == [0; BLOCK] {
                break;
            }
            let (name, size) = fields(&block).ok_or(SegmentError::Header(at))?;
            check_name(&name)?;
            if header(&name, size) != block {
                return Err(SegmentError::Header(at));
            }
            check_order(members.last().map(|member| member.name.as_str()), &name)?;
            if members.len() >= MOST_MEMBERS {
                return Err(SegmentError::TooLarge);
            }
            let offset = at.saturating_add(BLOCK as u64);
            let end = offset.saturating_add(size);
            at = end.saturating_add(padding(size));
            let mut zeros = [0; BLOCK];
            let zeros = zeros.get_mut(..usize::try_from(padding(size)).unwrap_or(0)).unwrap_or_default();
            read_exactly(&file, zeros, end, length)?;
            if zeros.iter().any(|byte| *byte != 0) {
                return Err(SegmentError::Padding(name));
            }
            members.push(Member { name, size, offset });
        }
        let mut end = [0; END.len()];
        read_exactly(&file, &mut end, at, length)?;
        let expected = at.saturating_add(END.len() as u64);
        if end != END {
            return Err(SegmentError::Header(at));
        }
        if expected != length {
            return Err(SegmentError::Length { expected, found: length });
        }
        if members.is_empty() {
            return Err(SegmentError::Empty);
        }
        Ok(Self { file, members })
    }

    /// The members, in the order of their names.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Reads the content of a member; `UnexpectedEof` where the file was cut short meanwhile.
    pub fn reader(&self, member: &Member) -> impl BufRead + use<'_> {
        BufReader::with_capacity(BUFFER, Body { file: &self.file, at: member.offset, left: member.size })
    }
}

/// What is left of a member.
struct Body<'s> {
    file: &'s File,
    at: u64,
    left: u64,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let count = self.file.read_at(buffer, self.at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at = self.at.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

/// Writes a segment, member after member.
#[derive(Debug)]
pub struct Packer<W> {
    out: W,
    last: Option<String>,
    members: usize,
    written: u64,
}

impl<W: Write> Packer<W> {
    /// Begins a segment.
    pub fn new(out: W) -> Self {
        Self { out, last: None, members: 0, written: 0 }
    }

    /// Adds a file of exactly `size` bytes. Names rise in the order of their bytes.
    ///
    /// # Errors
    /// When the name cannot be one or does not rise, the content has another size, the segment becomes too large, or
    /// reading or writing fails; what was written is of no use then.
    pub fn add(&mut self, name: &str, size: u64, content: impl Read) -> Result<(), SegmentError> {
        check_name(name)?;
        check_order(self.last.as_deref(), name)?;
        let whole = (BLOCK as u64).saturating_add(size).saturating_add(padding(size));
        let written = self.written.saturating_add(whole);
        if self.members >= MOST_MEMBERS || written.saturating_add(END.len() as u64) > MOST_BYTES {
            return Err(SegmentError::TooLarge);
        }
        self.out.write_all(&header(name, size))?;
        let mut content = content.take(size.saturating_add(1));
        // One byte too many is written before it is noticed, and the segment is of no use then anyway.
        if io::copy(&mut content, &mut self.out)? != size {
            return Err(SegmentError::Changed(name.to_owned()));
        }
        let zeros = END.get(..usize::try_from(padding(size)).unwrap_or(0)).unwrap_or_default();
        self.out.write_all(zeros)?;
        self.last = Some(name.to_owned());
        self.members = self.members.saturating_add(1);
        self.written = written;
        Ok(())
    }

    /// Ends the segment; what it was written to, and its length in bytes.
    ///
    /// # Errors
    /// [`SegmentError::Empty`] without any member, and those of writing.
    pub fn finish(mut self) -> Result<(W, u64), SegmentError> {
        if self.members == 0 {
            return Err(SegmentError::Empty);
        }
        self.out.write_all(&END)?;
        self.out.flush()?;
        Ok((self.out, self.written.saturating_add(END.len() as u64)))
    }
}

/// Packs all files of a folder and of the folders in it; the length of the segment in bytes.
///
/// # Errors
/// As [`Packer::add`], and where something else than files and folders lies there, symbolic links included.
pub fn pack_folder(folder: &Path, out: impl Write) -> Result<u64, SegmentError> {
    let mut names = Vec::new();
    names_below(folder, "", 0, &mut names)?;
    names.sort();
    let mut packer = Packer::new(out);
    for name in names {
        let file = File::open(folder.join(&name))?;
        packer.add(&name, file.metadata()?.len(), file)?;
    }
    Ok(packer.finish()?.1)
}

fn names_below(
    folder: &Path,
    before: &str,
    depth: usize,
    names: &mut Vec<String>,
) -> Result<(), SegmentError> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        check_name(&name)?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < LONGEST_NAME {
            names_below(&entry.path(), &format!("{name}/"), depth.saturating_add(1), names)?;
        } else if kind.is_file() {
            names.push(name);
        } else {
            return Err(SegmentError::NoFile(name));
        }
    }
    Ok(())
}

/// Fills the buffer with what lies at a place of a file of this length.
fn read_exactly(file: &File, buffer: &mut [u8], at: u64, length: u64) -> Result<(), SegmentError> {
    let expected = at.saturating_add(buffer.len() as u64);
    if expected > length {
        return Err(SegmentError::Length { expected, found: length });
    }
    Ok(file.read_exact_at(buffer, at)?)
}

fn check_name(name: &str) -> Result<(), SegmentError> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(letter);
    if name.len() <= LONGEST_NAME && name.split('/').all(part) {
        Ok(())
    } else {
        Err(SegmentError::Name(name.to_owned()))
    }
}

fn check_order(last: Option<&str>, name: &str) -> Result<(), SegmentError> {
    match last {
        Some(last) if last.as_bytes() >= name.as_bytes() => Err(SegmentError::Order(name.to_owned())),
        _ => Ok(()),
    }
}

/// Zeros behind a member of this size.
fn padding(size: u64) -> u64 {
    let block = BLOCK as u64;
    size.next_multiple_of(block).saturating_sub(size)
}

/// Name and size that a header claims.
fn fields(block: &[u8; BLOCK]) -> Option<(String, u64)> {
    let name = block.get(..LONGEST_NAME)?.split(|byte| *byte == 0).next()?;
    let size = std::str::from_utf8(block.get(124..135)?).ok()?;
    Some((std::str::from_utf8(name).ok()?.to_owned(), u64::from_str_radix(size, 8).ok()?))
}

/// The header of a regular file, as GNU tar writes it.
fn header(name: &str, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        for (place, byte) in block.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    // The checksum is computed over spaces in its own place.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    let sum = block.iter().fold(0_u32, |sum, byte| sum.saturating_add(u32::from(*byte)));
    for (place, byte) in block.iter_mut().skip(148).zip(format!("{sum:06o}\0").bytes()) {
        *place = byte;
    }
    block
}

#[cfg(test)]
mod tests;
