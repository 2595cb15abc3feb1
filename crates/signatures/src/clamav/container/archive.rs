//! The tar archive behind a header, plain or in gzip, read with limits.
//!
//! Only what ClamAV itself writes is taken: regular files in the folder itself, each once.

use std::collections::HashSet;
use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

use super::Refusal;

/// Size of a tar header, and what everything is padded to.
const BLOCK: usize = 512;
/// Most members. Stops an archive of millions of empty files.
const MAX_MEMBERS: usize = 4096;
/// Most bytes of all members together: ten times those of the official containers. Stops a bomb.
const MAX_TOTAL: u64 = 8 << 30;
/// Most zeros behind the last member: tar fills its last record with them.
const MAX_FILL: u64 = 64 << 10;
/// What gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Takes a member: its name, its size, and its bytes, of which it may leave any number.
pub(super) type Visit<'a> = dyn FnMut(&str, u64, &mut dyn Read) -> Result<(), Refusal> + 'a;

/// Calls `visit` for each member, in the order of the archive.
///
/// # Errors
/// What is wrong with the archive, or what `visit` says.
pub(super) fn each_member(mut packed: impl BufRead, visit: &mut Visit<'_>) -> Result<(), Refusal> {
    if packed.fill_buf()?.starts_with(&GZIP) {
        walk(&mut MultiGzDecoder::new(packed), visit)
    } else {
        walk(&mut packed, visit)
    }
}

fn walk(tar: &mut dyn Read, visit: &mut Visit<'_>) -> Result<(), Refusal> {
    let mut names = HashSet::new();
    let mut total = 0_u64;
    while let Some(block) = next_block(tar)? {
        let (name, size) = entry(&block)?;
        total = total.saturating_add(size);
        if total > MAX_TOTAL {
            return Err(Refusal::damaged(format!("its members have more than {MAX_TOTAL} bytes")));
        }
        if names.len() == MAX_MEMBERS {
            return Err(Refusal::damaged(format!("it has more than {MAX_MEMBERS} members")));
        }
        if !names.insert(name.clone()) {
            return Err(Refusal::damaged(format!("it has two members {name:?}")));
        }
        let mut body = Body { tar, left: size };
        visit(&name, size, &mut body)?;
        io::copy(&mut body, &mut io::sink()).map_err(broken)?;
        let padding = size.next_multiple_of(BLOCK as u64).saturating_sub(size);
        io::copy(&mut Body { tar, left: padding }, &mut io::sink()).map_err(broken)?;
    }
    end(tar)
}

/// Reads on to the end, where gzip has its checksum: there may be nothing but zeros.
fn end(tar: &mut dyn Read) -> Result<(), Refusal> {
    let mut rest = Vec::new();
    tar.take(MAX_FILL.saturating_add(1)).read_to_end(&mut rest).map_err(broken)?;
    if rest.len() as u64 > MAX_FILL || rest.iter().any(|byte| *byte != 0) {
        return Err(Refusal::damaged("something follows the archive"));
    }
    Ok(())
}

/// The next header; nothing at the end, which is a block of zeros or the end of the file.
fn next_block(tar: &mut dyn Read) -> Result<Option<[u8; BLOCK]>, Refusal> {
    let mut block = Vec::with_capacity(BLOCK);
    tar.take(BLOCK as u64).read_to_end(&mut block).map_err(broken)?;
    if block.is_empty() {
        return Ok(None);
    }
    let block: [u8; BLOCK] =
        block.try_into().map_err(|_| Refusal::damaged("the archive ends within a header"))?;
    Ok(block.iter().any(|byte| *byte != 0).then_some(block))
}

/// Name and size of a member.
fn entry(block: &[u8; BLOCK]) -> Result<(String, u64), Refusal> {
    let field = |from: usize, to: usize| block.get(from..to).unwrap_or_default();
    let wrong = |what: &str| Refusal::damaged(format!("a member of the archive has {what}"));
    if number(field(148, 156)) != Some(checksum(block)) {
        return Err(wrong("a wrong checksum"));
    }
    let name = text(field(0, 100)).ok_or_else(|| wrong("a name that is no text"))?;
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
        return Err(wrong(&format!("the name {name:?}")));
    }
    if !matches!(block.get(156), Some(b'0' | 0)) || !text(field(345, 500)).is_some_and(str::is_empty) {
        return Err(Refusal::damaged(format!("the member {name:?} is no regular file")));
    }
    let size = number(field(124, 136)).ok_or_else(|| wrong("a size that is no number"))?;
    Ok((name.to_owned(), size))
}

/// The bytes before the first zero, if they are printable.
fn text(field: &[u8]) -> Option<&str> {
    let text = field.split(|byte| *byte == 0).next()?;
    std::str::from_utf8(text).ok().filter(|text| !text.chars().any(char::is_control))
}

/// A number in octal.
fn number(field: &[u8]) -> Option<u64> {
    let text = text(field)?.trim_matches(' ');
    let octal = text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    u64::from_str_radix(text, 8).ok().filter(|_| octal)
}

/// The sum of all bytes, with spaces for the sum itself.
fn checksum(block: &[u8; BLOCK]) -> u64 {
    let outside =
        |(place, byte): (usize, &u8)| u64::from(if (148..156).contains(&place) { b' ' } else { *byte });
    block.iter().enumerate().map(outside).fold(0, u64::saturating_add)
}

/// What reading of the archive failed with: damage, unless the operating system says so.
pub(super) fn broken(error: io::Error) -> Refusal {
    if error.raw_os_error().is_some() {
        return Refusal::Unreadable(error);
    }
    let ended = error.kind() == io::ErrorKind::UnexpectedEof;
    Refusal::damaged(if ended {
        "the archive ends too early".to_owned()
    } else {
        format!("the archive: {error}")
    })
}

/// So many bytes of the archive; it is an error if there are fewer.
struct Body<'a> {
    tar: &'a mut dyn Read,
    left: u64,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.tar.read(buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::making::{gzip, tar};
    use super::*;

    fn read(packed: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut seen = Vec::new();
        each_member(packed, &mut |name, _, body| {
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes).map_err(broken)?;
            seen.push((name.to_owned(), bytes));
            Ok(())
        })
        .map_err(|refusal| refusal.to_string())?;
        Ok(seen)
    }

    fn changed(place: usize, bytes: &[u8]) -> Vec<u8> {
        let mut tar = tar(&[("a.hdb", b"one")]);
        tar[place..place + bytes.len()].copy_from_slice(bytes);
        let block: &[u8; BLOCK] = tar[..BLOCK].try_into().unwrap();
        let sum = format!("{:06o}\0 ", checksum(block));
        tar[148..156].copy_from_slice(sum.as_bytes());
        tar
    }

    #[test]
    fn members_come_plain_and_packed() {
        let members: [(&str, &[u8]); 3] = [("COPYING", b""), ("a.hdb", b"one"), ("b.ndb", &[7; 1000])];
        let expected: Vec<_> =
            members.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        assert_eq!(read(&tar(&members)), Ok(expected.clone()));
        assert_eq!(read(&gzip(&tar(&members))), Ok(expected));
        assert_eq!(read(b""), Ok(vec![]));
    }

    #[test]
    fn what_clamav_never_writes_is_refused() {
        for (place, bytes, reason) in [
            (0, &b"a/b.hdb"[..], "the name \"a/b.hdb\""),
            (0, b"..\0", "the name \"..\""),
            (0, b"\0", "the name \"\""),
            (0, b"\xff", "no text"),
            (156, b"2", "no regular file"),
            (156, b"5", "no regular file"),
            (345, b"folder", "no regular file"),
            (124, b"-1", "no number"),
            (124, b"77777777777", "too early"),
            (124, b"\x80\0\0\0", "no number"),
        ] {
            let told = read(&changed(place, bytes)).unwrap_err();
            assert!(told.contains(reason), "{place}: {told}");
        }
        let mut forged = tar(&[("a.hdb", b"one")]);
        forged[0] = b'b';
        assert!(read(&forged).unwrap_err().contains("checksum"));
        assert!(read(&tar(&[("a", b"1"), ("a", b"2")])).unwrap_err().contains("two members"));
    }

    #[test]
    fn whatever_is_cut_off_is_missed() {
        let tar = tar(&[("a.hdb", &[1; 700]), ("b.hdb", b"one")]);
        let packed = gzip(&tar);
        for length in 1..packed.len() {
            assert!(read(&packed[..length]).is_err(), "{length}");
        }
        for length in [1, 511, 513, 1211, 1300, 2559] {
            assert!(read(&tar[..length]).is_err(), "{length}");
        }
    }
}
