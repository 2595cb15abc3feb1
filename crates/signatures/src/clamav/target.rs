//! ClamAV's numbers and names of file types, and what they are here.

use crate::Complaint;

/// File types of a target number; none means all. Nothing for numbers that ClamAV does not use.
pub(super) fn types(target: u32) -> Option<&'static [&'static str]> {
    Some(match target {
        0 => &[],
        1 => &["pe"],
        2 => &["ole2"],
        3 => &["html-normalized", "javascript-normalized"],
        4 => &["mail", "mbox"],
        5 => &["gif", "png", "jpeg", "tiff", "bmp", "webp", "ico"],
        6 => &["elf"],
        7 => &["text-normalized", "javascript-normalized"],
        9 => &["macho"],
        10 => &["pdf"],
        11 => &["swf"],
        12 => &["class"],
        // Target 13 is ClamAV's own description of a file in JSON, which we do not make.
        13 => &["clamav-metadata"],
        14 => &["data"],
        _ => return None,
    })
}

/// Whether signatures of this target may speak of entry points and sections.
pub(super) fn is_executable(target: u32) -> bool {
    matches!(target, 1 | 6 | 9)
}

/// The target number in a field; `*` means all types.
pub(super) fn target(text: &str) -> Result<(u32, &'static [&'static str]), Complaint> {
    let number = if text == "*" { 0 } else { super::number(text, "target type")? };
    let types =
        types(number).ok_or_else(|| Complaint::NotForUs(format!("target type {number} is unknown")))?;
    Ok((number, types))
}

/// Names of containers in ClamAV and here.
const CONTAINERS: &[(&str, &str)] = &[
    ("7Z", "7z"),
    ("ARJ", "arj"),
    ("BZ", "bzip2"),
    ("CPIO_CRC", "cpio"),
    ("CPIO_NEWC", "cpio"),
    ("CPIO_ODC", "cpio"),
    ("CPIO_OLD", "cpio"),
    ("ELF", "elf"),
    ("GZ", "gzip"),
    ("HTML", "html"),
    ("LHA_LZH", "lha"),
    ("MAIL", "mail"),
    ("MSCAB", "cab"),
    ("MSCHM", "chm"),
    ("MSEXE", "pe"),
    ("MSOLE2", "ole2"),
    ("OLD_TAR", "tar"),
    ("ONENOTE", "onenote"),
    ("PDF", "pdf"),
    ("POSIX_TAR", "tar"),
    ("RAR", "rar"),
    ("RTF", "rtf"),
    ("SWF", "swf"),
    ("TNEF", "tnef"),
    ("UUENCODED", "uuencode"),
    ("XAR", "xar"),
    ("XZ", "xz"),
    ("ZIP", "zip"),
    ("ZSTD", "zstd"),
];

/// The container that `CL_TYPE_...` names.
pub(super) fn container(text: &str) -> Result<&'static str, Complaint> {
    let name = text.strip_prefix("CL_TYPE_").unwrap_or(text);
    let known = CONTAINERS.iter().find(|(theirs, _)| *theirs == name);
    known
        .map(|(_, ours)| *ours)
        .ok_or_else(|| Complaint::NotForUs(format!("nothing comes out of a container of type {text}")))
}
