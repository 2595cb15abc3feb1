//! ClamAV's numbers and names of file types, and what they are here.

use crate::Complaint;

/// File types of a target number; none means all. Nothing for numbers that ClamAV does not use.
pub(super) fn types(target: u32) -> Option<&'static [&'static str]> {
    Some(match target {
        0 => &[],
        1 => &["pe"],
        2 => &["ole2", "msg", "hwp5", "vba-normalized"],
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
    if text == "*" { number("0") } else { number(text) }
}

/// The target number in a field, where only numbers are allowed; nothing means 0.
pub(super) fn number(text: &str) -> Result<(u32, &'static [&'static str]), Complaint> {
    let number = super::number_or_zero(text, "target type")?;
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
    ("HWP3", "hwp3"),
    ("LHA_LZH", "lha"),
    ("MAIL", "mail"),
    ("MSCAB", "cab"),
    ("MSCHM", "chm"),
    ("MSEXE", "pe"),
    ("MSOLE2", "ole2"),
    ("OLD_TAR", "tar"),
    ("ONENOTE", "onenote"),
    ("OOXML_HWP", "hwpx"),
    ("OOXML_PPT", "pptx"),
    ("OOXML_WORD", "docx"),
    ("OOXML_XL", "xlsx"),
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

/// The type as which `HandlerType` wants an object to be looked at.
pub(super) fn handler(text: &str) -> Result<&'static str, Complaint> {
    match text.strip_prefix("CL_TYPE_").unwrap_or(text) {
        // Pictures of any kind that ClamAV has no name for; signatures for pictures see all of them.
        "GRAPHICS" => Ok("bmp"),
        "JAVA" => Ok("class"),
        _ => container(text),
    }
}

/// Names of all types of ClamAV, behind `CL_TYPE_`.
const TYPES: &str = "\
7Z 7ZSFX AI_MODEL ALZ ANY APM ARJ ARJSFX AUTOIT BINARY_DATA BINHEX BZ CABSFX CPIO_CRC CPIO_NEWC CPIO_ODC \
CPIO_OLD CRYPTFF DMG EGG EGGSFX ELF GIF GPT GRAPHICS GZ HTML HTML_UTF16 HWP3 HWPOLE2 IGNORED INTERNAL \
ISHIELD_MSI ISO9660 JAVA JPEG LHA_LZH LNK MACHO MACHO_UNIBIN MAIL MBR MHTML MSCAB MSCHM MSEXE MSOLE2 \
MSSZDD NULSFT OLD_TAR ONENOTE OOXML_HWP OOXML_PPT OOXML_WORD OOXML_XL PART_ANY PART_HFSPLUS PDF \
PNG POSIX_TAR PS PYTHON_COMPILED RAR RARSFX RIFF RTF SCRENC SCRIPT SFX SIS SWF TEXT_ASCII TEXT_UTF16BE TEXT_UTF16LE \
TEXT_UTF8 TIFF TNEF UDF UUENCODED XAR XDP XML_HWP XML_WORD XML_XL XZ ZIP ZIPSFX ZSTD";

/// What content of ClamAV's types is here, behind `CL_TYPE_`: the type that opens it, and others that are as good. Types
/// of what is embedded (`ZIPSFX`) are those of what begins there.
const MAGIC: &[(&str, &str)] = &[
    ("7Z 7ZSFX", "7z"),
    ("ALZ", "alz"),
    ("APM", "apm"),
    ("ARJ ARJSFX", "arj"),
    ("AUTOIT", "autoit"),
    ("BINHEX", "binhex"),
    ("BZ", "bzip2"),
    ("CPIO_CRC CPIO_NEWC CPIO_ODC CPIO_OLD", "cpio"),
    ("CRYPTFF", "cryptff"),
    ("DMG", "dmg"),
    ("EGG EGGSFX", "egg"),
    ("ELF", "elf"),
    ("GIF", "gif"),
    ("GPT", "gpt"),
    ("GRAPHICS", "bmp,webp,ico"),
    ("GZ", "gzip"),
    ("HTML HTML_UTF16", "html"),
    ("HWP3", "hwp3"),
    ("ISHIELD_MSI", "installshield-msi"),
    ("ISO9660", "iso9660"),
    ("JAVA", "class"),
    ("JPEG", "jpeg"),
    ("LHA_LZH", "lha"),
    ("LNK", "lnk"),
    ("MACHO MACHO_UNIBIN", "macho"),
    ("MAIL", "mail,mbox"),
    ("MBR", "mbr"),
    ("MHTML", "mail,mbox"),
    ("MSCAB CABSFX", "cab"),
    ("MSCHM", "chm"),
    ("MSEXE", "pe,dos-exe"),
    ("MSOLE2 HWPOLE2", "ole2"),
    ("MSSZDD", "szdd"),
    ("NULSFT", "nsis"),
    ("ONENOTE", "onenote"),
    ("OOXML_HWP", "hwpx"),
    ("OOXML_PPT", "pptx"),
    ("OOXML_WORD", "docx"),
    ("OOXML_XL", "xlsx"),
    ("PDF", "pdf"),
    ("PNG", "png"),
    ("POSIX_TAR OLD_TAR", "tar"),
    ("PS", "postscript"),
    ("PYTHON_COMPILED", "pyc"),
    ("RAR RARSFX", "rar"),
    ("RIFF", "riff,webp"),
    ("RTF", "rtf"),
    ("SCRENC", "encoded-script"),
    ("SCRIPT TEXT_ASCII TEXT_UTF8 TEXT_UTF16BE TEXT_UTF16LE", "text,script"),
    ("SIS", "sis"),
    ("SWF", "swf"),
    ("TIFF", "tiff"),
    ("TNEF", "tnef"),
    ("UDF", "udf"),
    ("UUENCODED", "uuencode"),
    ("XAR", "xar"),
    ("XDP", "xdp"),
    ("XZ", "xz"),
    ("ZIP ZIPSFX", "zip"),
    ("ZSTD", "zstd"),
];

/// What content of a type is here, and what is as good, behind commas.
pub(super) fn of_magic(text: &str) -> Option<&'static str> {
    let name = text.strip_prefix("CL_TYPE_")?;
    let known = MAGIC.iter().find(|(theirs, _)| theirs.split(' ').any(|theirs| theirs == name));
    known.map(|(_, ours)| *ours)
}

/// Whether ClamAV has a type of this name.
pub(super) fn is_type(text: &str) -> bool {
    text.strip_prefix("CL_TYPE_").is_some_and(|name| TYPES.split(' ').any(|known| known == name))
}
