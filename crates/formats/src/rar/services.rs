//! What belongs to no member, or to one in a way of its own: comments, alternate streams, recovery records, and blocks of
//! kinds that nobody knows.

use candor_object::{Child, Flow, Reason, Sink};
use rars::{Archive, ErrorKind, rar15_40, rar50};

use super::blocks::Repaired;
use super::{Clock, Secret, options, reason};

/// Bytes of a comment.
const COMMENT: u64 = 1 << 20;
/// Things that are handed over at most.
const MOST: usize = 20_000;

/// Hands all of it over.
pub(super) fn hand_over(
    archive: &Archive,
    secret: &mut Secret,
    repaired: &Repaired,
    sink: &mut dyn Sink,
) -> Flow {
    comment(archive, secret, sink)?;
    let mut count = 0_usize;
    for service in services(archive) {
        sink.pulse()?;
        let (start, size) = service.place;
        if size == 0 {
            continue;
        }
        count = count.saturating_add(1);
        if count > MOST {
            sink.gap(Reason::Unsupported, &format!("services behind the first {MOST}"));
            break;
        }
        match repaired.range(start, size) {
            Some(there) if service.is_open => sink.range(Child::member(&service.name), there)?,
            _ => sink.gap(Reason::Unsupported, &format!("{}: packed or encrypted", service.name)),
        }
    }
    member_comments(archive, sink)
}

/// The comment of the archive, which may be encrypted where nothing else is.
fn comment(archive: &Archive, secret: &mut Secret, sink: &mut dyn Sink) -> Flow {
    let clock = Clock::of(sink);
    let read = |password: Option<&[u8]>| {
        clock.check()?;
        archive.comment_with_options(options(password).with_max_member_output_bytes(COMMENT))
    };
    let mut comment = read(secret.password.as_deref());
    let is_locked =
        |error: &rars::Error| matches!(error.kind(), ErrorKind::PasswordRequired | ErrorKind::BadPassword);
    if comment.as_ref().is_err_and(is_locked) && secret.password.is_none() && !secret.is_refused {
        for known in secret.candidates() {
            sink.pulse()?;
            let tried = read(Some(known));
            if tried.is_ok() {
                comment = tried;
                break;
            }
        }
    }
    match comment {
        Ok(Some(comment)) => sink.child(Child::member("comment"), &mut comment.as_slice()),
        Ok(None) => Ok(()),
        Err(error) if is_locked(&error) => {
            sink.gap(Reason::Encrypted, &format!("the comment: {}", secret.why()));
            Ok(())
        }
        Err(error) => {
            sink.gap(reason(&error), &format!("the comment: {error}"));
            Ok(())
        }
    }
}

/// Comments within the headers of members, as RAR 1.3 to 2.9 wrote them.
fn member_comments(archive: &Archive, sink: &mut dyn Sink) -> Flow {
    let name_of = |name: &[u8]| format!("comment of {}", String::from_utf8_lossy(name));
    let mut tell = |name: &[u8], comment: rars::Result<Option<Vec<u8>>>| {
        let name = name_of(name);
        match comment {
            Ok(None) => Ok(()),
            Ok(Some(comment)) if comment.is_empty() => Ok(()),
            Ok(Some(comment)) => sink.child(Child::member(&name), &mut comment.as_slice()),
            Err(error) => {
                sink.gap(reason(&error), &format!("{name}: {error}"));
                sink.pulse()
            }
        }
    };
    match archive {
        Archive::Rar13(archive) => {
            for entry in &archive.entries {
                tell(&entry.name, entry.file_comment())?;
            }
        }
        Archive::Rar15To40(archive) => {
            for block in &archive.blocks {
                if let rar15_40::Block::File(file) = block {
                    tell(&file.name, file.file_comment())?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// A block with data that is no member.
struct Service {
    name: String,
    /// Whether it is neither packed nor encrypted.
    is_open: bool,
    place: (u64, u64),
}

fn place(range: &std::ops::Range<usize>) -> (u64, u64) {
    (range.start as u64, range.len() as u64)
}

fn services(archive: &Archive) -> Vec<Service> {
    let mut found = Vec::new();
    // The first comment is that of the archive.
    match archive {
        Archive::Rar15To40(archive) => {
            let is_comment = |block: &rar15_40::Block| matches!(block, rar15_40::Block::Comment(_));
            let has_block = archive.blocks.iter().any(is_comment);
            let mut comments = 0_usize;
            let mut subs = usize::from(has_block);
            found.extend(archive.blocks.iter().filter_map(|block| match block {
                rar15_40::Block::NewSub(sub) => {
                    let name = String::from_utf8_lossy(&sub.file.name);
                    let is_first = name == "CMT" && subs == 0;
                    subs = subs.saturating_add(usize::from(name == "CMT"));
                    let is_open = sub.file.method == 0x30 && sub.file.block.flags & 4 == 0;
                    let name = format!("service {name}");
                    (!is_first).then(|| Service { name, is_open, place: place(&sub.file.packed_range) })
                }
                rar15_40::Block::Comment(comment) => {
                    comments = comments.saturating_add(1);
                    let name = format!("comment at offset {}", comment.block.offset);
                    let is_open = comment.method == 0x30;
                    (comments > 1).then(|| Service { name, is_open, place: place(&comment.packed_range) })
                }
                rar15_40::Block::Unknown(block) => {
                    let name = format!("block of kind {:#x} at offset {}", block.head_type, block.offset);
                    let start = (block.offset as u64).saturating_add(block.head_size.into());
                    Some(Service { name, is_open: true, place: (start, block.add_size.unwrap_or(0)) })
                }
                rar15_40::Block::Protect(protect) => {
                    let name = "recovery record".to_owned();
                    Some(Service { name, is_open: true, place: place(&protect.data_range) })
                }
                _ => None,
            }));
        }
        Archive::Rar50Plus(archive) => {
            let mut is_over = false;
            found.extend(archive.blocks.iter().filter_map(|block| match block {
                rar50::Block::File(_) => {
                    is_over = true;
                    None
                }
                rar50::Block::Service(service) => {
                    let name = String::from_utf8_lossy(&service.name);
                    let is_first = name == "CMT" && !is_over;
                    is_over |= name == "CMT";
                    let is_open = service.compression_info & 0x380 == 0 && !service.encrypted;
                    let name = format!("service {name}");
                    (!is_first).then(|| Service { name, is_open, place: place(&service.block.data_range) })
                }
                rar50::Block::Unknown(block) => {
                    let name = format!("block of kind {} at offset {}", block.header_type, block.offset);
                    Some(Service { name, is_open: true, place: place(&block.data_range) })
                }
                rar50::Block::End(_) => None,
                _ => None,
            }));
        }
        _ => {}
    }
    found
}
