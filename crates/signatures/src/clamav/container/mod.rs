//! Containers of signatures: CVD as ClamAV's publisher distributes them, CLD after differences were applied to
//! one, CUD as users make them.
//!
//! A header of 512 bytes, then a tar archive, mostly in gzip. The list of members has the size and the SHA-256 of
//! each. There are three signatures, each with its own file here: that of the header and that of the list in
//! `legacy`, and one in a file beside the container in `detached`.
//!
//! Nothing of a container is used before all of it was checked. When it is read again for its signatures, each member
//! is compared with its digest once more, so that whoever can write the file gains nothing.

mod header;
mod listing;
mod legacy;
mod archive;
mod detached;
pub mod cdiff;
mod local;
#[cfg(test)]
pub(crate) mod making;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use md5::Md5;
use sha2::{Digest, Sha256};

use candor_detect::trust::rsa;
pub use candor_detect::trust::rsa::PublicKey;
pub use detached::Roots;
pub use header::{Header, LENGTH as HEADER_LENGTH};
pub use listing::Member;
pub use local::{pack, unpack};

use archive::{broken, each_member};
use listing::Listing;

/// Longest container in bytes. The largest official one has some 170 MB.
const MAX_LENGTH: u64 = 2 << 30;
/// Longest list of members in bytes.
const MAX_LISTING: u64 = 1 << 20;
/// Bytes that are read at a time.
const BUFFER: usize = 256 << 10;
/// A member that is no database: the licence.
const LICENCE: &str = "COPYING";

/// The keys that containers are verified with.
#[derive(Clone, Debug)]
pub struct Keys {
    header: Option<PublicKey>,
    listing: Option<PublicKey>,
    differences: Option<PublicKey>,
    roots: Roots,
}

impl Keys {
    /// The keys of ClamAV's publisher.
    pub fn clamav() -> Self {
        Self {
            header: legacy::header_key(),
            listing: legacy::listing_key(),
            differences: legacy::differences_key(),
            roots: Roots::default(),
        }
    }

    /// The keys of somebody else: that for headers, and that for lists of members.
    pub fn new(header: PublicKey, listing: PublicKey) -> Self {
        Self { header: Some(header), listing: Some(listing), differences: None, roots: Roots::default() }
    }

    /// The same keys, and this one for differences between containers.
    #[must_use]
    pub fn with_differences(self, differences: PublicKey) -> Self {
        Self { differences: Some(differences), ..self }
    }

    /// The same keys, and these certificates for signatures that lie beside a container.
    #[must_use]
    pub fn with_roots(self, roots: Roots) -> Self {
        Self { roots, ..self }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::clamav()
    }
}

/// Why a container is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It could not be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// It is none, is not what it says of itself, or is larger than any container.
    #[error("{0}")]
    Damaged(String),
    /// Nobody who is trusted has signed it.
    #[error("it is not signed by a key that is trusted: {0}")]
    Unsigned(String),
    /// A signature beside it is for other content.
    #[error("{0}")]
    Forged(String),
}

impl Refusal {
    fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged(reason.into())
    }
}

/// The kind of a container, by the extension of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As published: header and list of members are signed.
    Cvd,
    /// Changed by differences since: only the list of members is signed.
    Cld,
    /// Made by a user: nothing is signed.
    Cud,
}

impl Kind {
    /// Extensions of the files of containers.
    pub(crate) const EXTENSIONS: [&'static str; 3] = ["cvd", "cld", "cud"];

    /// The kind of a file with this name.
    pub fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "cvd" => Some(Self::Cvd),
            "cld" => Some(Self::Cld),
            "cud" => Some(Self::Cud),
            _ => None,
        }
    }
}

/// A container, all of which was checked.
pub struct Container {
    path: PathBuf,
    file: File,
    length: u64,
    kind: Kind,
    header: Header,
    members: Vec<Member>,
    unsigned: Option<String>,
    signed_beside: bool,
}

impl Container {
    /// Opens a container and checks all of it: its digest, the signatures, and each member's size and SHA-256.
    ///
    /// # Errors
    /// When it is unreadable or damaged, or a signature beside it is for other content. That it is not signed is no
    /// error: see [`unsigned`](Self::unsigned).
    pub fn open(path: &Path, keys: &Keys) -> Result<Self, Refusal> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let kind = Kind::of(&name).ok_or_else(|| Refusal::damaged("its name is none of a container"))?;
        Self::open_as(path, kind, keys)
    }

    /// The same for a container of this kind, whatever it is called.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_as(path: &Path, kind: Kind, keys: &Keys) -> Result<Self, Refusal> {
        // Opening a FIFO might wait for ever, so that it is asked first.
        if !std::fs::metadata(path)?.is_file() {
            return Err(Refusal::damaged("it is no regular file"));
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        if length > MAX_LENGTH {
            return Err(Refusal::damaged(format!("it is longer than {MAX_LENGTH} bytes")));
        }
        let header = read_header(&file)?;
        let mut container = Self {
            path: path.to_owned(),
            file,
            length,
            kind,
            header,
            members: Vec::new(),
            unsigned: None,
            signed_beside: false,
        };
        let signed_beside =
            detached::verify(&container.path, container.header.version, &container.file, &keys.roots)?;
        let by_header = container.check_header(keys)?;
        let by_listing = container.check_members(keys)?;
        container.signed_beside = signed_beside;
        if !signed_beside {
            container.unsigned = by_header.or(by_listing);
        }
        Ok(container)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of its file.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What its header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its members in the order of the archive, without the list of members and the licence.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Why nobody who is trusted stands for its content; nothing if somebody does.
    pub fn unsigned(&self) -> Option<&str> {
        self.unsigned.as_deref()
    }

    /// Whether a signature beside it is by somebody whom a certificate stands for: the strongest of its proofs.
    pub fn is_signed_beside(&self) -> bool {
        self.signed_beside
    }

    /// Calls `visit` with each member that `wanted` names, in the order of the archive.
    ///
    /// # Errors
    /// When the file was changed since it was checked: nothing that was read before may be used then.
    pub fn read(
        &self,
        wanted: impl Fn(&Member) -> bool,
        mut visit: impl FnMut(&Member, &mut dyn BufRead) -> io::Result<()>,
    ) -> Result<(), Refusal> {
        each_member(self.body(), &mut |name, size, body| {
            let Some(member) = self.members.iter().find(|member| member.name == name) else {
                return if is_database(name) { Err(changed(name)) } else { Ok(()) };
            };
            if !wanted(member) {
                return Ok(());
            }
            let mut body = BufReader::with_capacity(BUFFER, Digesting::new(body));
            visit(member, &mut body).map_err(broken)?;
            io::copy(&mut body, &mut io::sink()).map_err(broken)?;
            let same = body.into_inner().finish() == member.sha256 && size == member.size;
            if same { Ok(()) } else { Err(changed(name)) }
        })
    }

    /// Calls `visit` with everything in the archive, the licence and the list of members as well, in its order. Names
    /// are of files without a folder.
    ///
    /// # Errors
    /// When the file was changed since it was checked, or those of `visit`.
    pub fn read_all(
        &self,
        mut visit: impl FnMut(&str, &mut dyn Read) -> io::Result<()>,
    ) -> Result<(), Refusal> {
        each_member(self.body(), &mut |name, _, body| {
            let mut body = Digesting::new(body);
            visit(name, &mut body)?;
            io::copy(&mut body, &mut io::sink()).map_err(broken)?;
            let listed = self.members.iter().find(|member| member.name == name);
            match listed {
                Some(member) if body.finish() != member.sha256 => Err(changed(name)),
                None if is_database(name) => Err(changed(name)),
                _ => Ok(()),
            }
        })
    }

    /// All behind the header.
    fn body(&self) -> impl BufRead + '_ {
        let start = header::LENGTH as u64;
        let part = Part { file: &self.file, at: start, end: self.length };
        BufReader::with_capacity(BUFFER, part)
    }

    /// Compares digest and signature of the header; why it is not signed, if it is not and should be.
    fn check_header(&self, keys: &Keys) -> Result<Option<String>, Refusal> {
        let told = self.header.digest();
        if let Some(told) = told {
            let mut hasher = Md5::new();
            let mut body = self.body();
            loop {
                let bytes = body.fill_buf()?;
                if bytes.is_empty() {
                    break;
                }
                hasher.update(bytes);
                let count = bytes.len();
                body.consume(count);
            }
            if <[u8; 16]>::from(hasher.finalize()) != told {
                return Err(Refusal::damaged("its MD5 is not the one in its header"));
            }
        }
        if self.kind != Kind::Cvd {
            return Ok(None);
        }
        let signature = &self.header.signature;
        Ok(match (told, &keys.header) {
            (None, _) => Some("its header has no digest".to_owned()),
            (Some(md5), Some(key)) if legacy::header_holds(key, signature, &md5) => None,
            _ => Some("the signature of its header".to_owned()),
        })
    }

    /// Compares the members with their list; why the list is not signed, if it is not.
    fn check_members(&mut self, keys: &Keys) -> Result<Option<String>, Refusal> {
        let mut listing: Option<Listing> = None;
        let mut members = Vec::new();
        each_member(self.body(), &mut |name, size, body| {
            if name == LICENCE {
                return Ok(());
            }
            if name.ends_with(".info") {
                if listing.is_some() || !members.is_empty() {
                    return Err(Refusal::damaged(format!(
                        "the list of members {name:?} is not the first member"
                    )));
                }
                listing = Some(read_listing(size, body, &self.header)?);
                return Ok(());
            }
            let member = digested(name, size, body)?;
            if let Some(listing) = &listing {
                match listing.member(name) {
                    Some(listed) if *listed == member => {}
                    Some(_) => {
                        return Err(Refusal::damaged(format!(
                            "the member {name:?} is not what the list says"
                        )));
                    }
                    None => return Err(Refusal::damaged(format!("the member {name:?} is not on the list"))),
                }
            }
            members.push(member);
            Ok(())
        })?;
        self.members = members;
        let Some(listing) = listing else {
            return Ok(Some("it has no list of members".to_owned()));
        };
        if let Some(missing) = listing.members.iter().find(|listed| !self.members.contains(listed)) {
            return Err(Refusal::damaged(format!("the member {:?} is missing", missing.name)));
        }
        Ok(match (&listing.signature, &keys.listing) {
            (None, _) => Some("its list of members has no signature".to_owned()),
            (Some(signature), Some(key)) if legacy::listing_holds(key, signature, &listing.sha256) => None,
            _ => Some("the signature of its list of members".to_owned()),
        })
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, kind, header, members, unsigned, .. } = self;
        f.debug_struct("Container")
            .field("path", path)
            .field("kind", kind)
            .field("header", header)
            .field("members", &members.len())
            .field("unsigned", unsigned)
            .finish_non_exhaustive()
    }
}

fn read_header(file: &File) -> Result<Header, Refusal> {
    let mut bytes = [0; header::LENGTH];
    file.read_exact_at(&mut bytes, 0).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Refusal::damaged("it is shorter than its header"),
        _ => error.into(),
    })?;
    Header::parse(&bytes).map_err(Refusal::Damaged)
}

fn read_listing(size: u64, body: &mut dyn Read, header: &Header) -> Result<Listing, Refusal> {
    if size > MAX_LISTING {
        return Err(Refusal::damaged(format!("the list of members is longer than {MAX_LISTING} bytes")));
    }
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes).map_err(broken)?;
    let listing = Listing::parse(&bytes).map_err(Refusal::Damaged)?;
    if !listing.header.agrees_with(header) {
        return Err(Refusal::damaged("the header is not the one in the list of members"));
    }
    Ok(listing)
}

fn digested(name: &str, size: u64, body: &mut dyn Read) -> Result<Member, Refusal> {
    let mut body = Digesting::new(body);
    io::copy(&mut body, &mut io::sink()).map_err(broken)?;
    Ok(Member { name: name.to_owned(), size, sha256: body.finish() })
}

fn is_database(name: &str) -> bool {
    name != LICENCE && !name.ends_with(".info")
}

fn changed(name: &str) -> Refusal {
    Refusal::damaged(format!("the member {name:?} was changed while it was read"))
}

/// A part of a file, read without moving the file's own position.
struct Part<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let count = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.at)?;
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

/// Digests what is read through it.
struct Digesting<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Digesting<R> {
    fn new(inner: R) -> Self {
        Self { inner, hasher: Sha256::new() }
    }

    fn finish(self) -> [u8; 32] {
        self.hasher.finalize().into()
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
