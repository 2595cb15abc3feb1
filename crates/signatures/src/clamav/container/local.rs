//! Containers that are made here: members of one are laid into a folder, changed there, and made into a `.cld`.
//!
//! What ClamAV's own updater writes has the same members. The header is the first line of the list of members, which
//! has no digest; the archive is plain and has no times, owners and modes, so that equal members are equal files.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use super::listing::Listing;
use super::{Container, LICENCE, MAX_LISTING, Refusal, header};

/// What members are padded to, and the size of their headers.
const BLOCK: usize = 512;

/// Writes everything in a container into an empty folder, which nobody else may write to.
///
/// # Errors
/// When the container was changed since it was checked, or a file cannot be written.
pub fn unpack(container: &Container, folder: &Path) -> Result<(), Refusal> {
    container.read_all(|name, body| {
        let mut file = File::create_new(folder.join(name))?;
        io::copy(body, &mut file).map(drop)
    })
}

/// Writes a container `.cld` of what the list of members in a folder names: `name` is `daily` for `daily.info`.
/// Nothing of it is checked, so that the result is to be opened like any other container.
///
/// # Errors
/// When the list or a member cannot be read, is too long, or the container cannot be written.
pub fn pack(folder: &Path, name: &str, out: &mut dyn Write) -> Result<(), Refusal> {
    let list = format!("{name}.info");
    let mut text = Vec::new();
    File::open(folder.join(&list))?.take(MAX_LISTING.saturating_add(1)).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_LISTING {
        return Err(Refusal::damaged(format!("the list of members is longer than {MAX_LISTING} bytes")));
    }
    let listing = Listing::parse(&text).map_err(Refusal::Damaged)?;
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first.len() > header::LENGTH {
        return Err(Refusal::damaged("the header is too long"));
    }
    let mut out = BufWriter::new(out);
    out.write_all(first)?;
    let padding = header::LENGTH.saturating_sub(first.len());
    out.write_all(&b" ".repeat(padding))?;
    if folder.join(LICENCE).is_file() {
        add(folder, LICENCE, &mut out)?;
    }
    add(folder, &list, &mut out)?;
    for member in &listing.members {
        if member.name.contains('/') || member.name.starts_with('.') {
            return Err(Refusal::damaged(format!("the list of members has the name {:?}", member.name)));
        }
        add(folder, &member.name, &mut out)?;
    }
    out.write_all(&[0; 1024])?;
    Ok(out.flush()?)
}

fn add(folder: &Path, name: &str, out: &mut dyn Write) -> Result<(), Refusal> {
    let path = folder.join(name);
    let missing = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Refusal::damaged(format!("the member {name:?} is missing")),
        _ => error.into(),
    };
    let file = File::open(path).map_err(missing)?;
    let size = file.metadata()?.len();
    out.write_all(&tar_header(name, size)?)?;
    if io::copy(&mut file.take(size), out)? != size {
        return Err(Refusal::damaged(format!("the member {name:?} became shorter")));
    }
    let padding = size.next_multiple_of(BLOCK as u64).saturating_sub(size);
    out.write_all(&vec![0; usize::try_from(padding).unwrap_or(0)])?;
    Ok(())
}

/// The header of a regular file, in the oldest form of tar.
fn tar_header(name: &str, size: u64) -> Result<[u8; BLOCK], Refusal> {
    let octal = format!("{size:011o}\0");
    if name.len() >= 100 || octal.len() != 12 {
        return Err(Refusal::damaged(format!("the member {name:?} does not fit into an archive")));
    }
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        for (place, byte) in block.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    };
    put(0, name.as_bytes());
    put(124, octal.as_bytes());
    put(148, b"        ");
    put(156, b"0");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).fold(0, u64::saturating_add);
    let sum = format!("{sum:06o}\0 ");
    for (place, byte) in block.iter_mut().skip(148).zip(sum.as_bytes()) {
        *place = *byte;
    }
    Ok(block)
}
