//! Kinds of zip: documents and packages that are known by the names of their members.
//!
//! All are opened as a zip; the kind is there for signatures and readers. Names are looked for where readers find them at
//! once: local headers in the first bytes, central headers in the last ones. The media type of OpenDocument, EPUB and HWPX is
//! their first member, stored ([ODF 1.3, part 2, 3.3](https://docs.oasis-open.org/office/OpenDocument/v1.3/os/part2-packages/));
//! others are packages of [ECMA-376, part 2](https://ecma-international.org/publications-and-standards/standards/ecma-376/).

use candor_object::{Content, FileType, Flow, Sink};
use memchr::memmem;

use super::header::{CENTRAL, CENTRAL_SIZE, LOCAL, LOCAL_SIZE};
use super::{Zip, walk};
use crate::fields::u16_le;
use crate::{Format, Glimpse};

/// Most names that are looked at, of each end.
const MAX_NAMES: usize = 1024;

/// A kind of zip, which is known by all of these signs.
pub(crate) struct Kind {
    name: &'static str,
    signs: &'static [Sign],
}

/// What a kind is known by; letters may be large or small.
enum Sign {
    /// A member of this name.
    Member(&'static str),
    /// A member in this folder.
    Folder(&'static str),
    /// A member whose name ends so.
    Ending(&'static str),
    /// A media type in the first member that begins so.
    Media(&'static str),
}

use Sign::{Ending, Folder, Media, Member};

const CONTENT_TYPES: Sign = Member("[Content_Types].xml");

/// Apps of Android.
pub(crate) static APK: Kind = Kind { name: "apk", signs: &[Member("AndroidManifest.xml")] };
/// Extensions of Visual Studio and its Code.
pub(crate) static VSIX: Kind = Kind { name: "vsix", signs: &[Member("extension.vsixmanifest")] };
/// Apps of Windows.
pub(crate) static APPX: Kind = Kind { name: "appx", signs: &[CONTENT_TYPES, Member("AppxManifest.xml")] };
/// Packages of .NET.
pub(crate) static NUPKG: Kind = Kind { name: "nupkg", signs: &[CONTENT_TYPES, Ending(".nuspec")] };
/// Documents of Word.
pub(crate) static DOCX: Kind = Kind { name: "docx", signs: &[CONTENT_TYPES, Folder("word/")] };
/// Workbooks of Excel, `.xlsb` too.
pub(crate) static XLSX: Kind = Kind { name: "xlsx", signs: &[CONTENT_TYPES, Folder("xl/")] };
/// Presentations of PowerPoint.
pub(crate) static PPTX: Kind = Kind { name: "pptx", signs: &[CONTENT_TYPES, Folder("ppt/")] };
/// Printed documents of Windows.
pub(crate) static XPS: Kind = Kind { name: "xps", signs: &[CONTENT_TYPES, Ending(".fdseq")] };
/// Documents of Hancom Office.
pub(crate) static HWPX: Kind = Kind { name: "hwpx", signs: &[Media("application/hwp+zip")] };
/// Documents of LibreOffice and others.
pub(crate) static ODF: Kind = Kind { name: "odf", signs: &[Media("application/vnd.oasis.opendocument.")] };
/// Books.
pub(crate) static EPUB: Kind = Kind { name: "epub", signs: &[Media("application/epub+zip")] };
/// Packages of Python.
pub(crate) static WHEEL: Kind = Kind { name: "wheel", signs: &[Ending(".dist-info/WHEEL")] };
/// Programs of Java; after others, many of which are signed in the same way.
pub(crate) static JAR: Kind = Kind { name: "jar", signs: &[Member("META-INF/MANIFEST.MF")] };

impl Format for Kind {
    fn file_type(&self) -> FileType {
        FileType::new(self.name)
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        Zip.recognises(glimpse) && self.signs.iter().all(|sign| sign.is_in(glimpse))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        walk::open(content, sink)
    }
}

impl Sign {
    fn is_in(&self, glimpse: &Glimpse<'_>) -> bool {
        let is = |name: &[u8]| match self {
            Member(whole) => name.eq_ignore_ascii_case(whole.as_bytes()),
            Folder(start) => {
                name.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start.as_bytes()))
            }
            Ending(end) => {
                let start = name.len().saturating_sub(end.len());
                name.get(start..).is_some_and(|found| found.eq_ignore_ascii_case(end.as_bytes()))
            }
            Media(_) => false,
        };
        match self {
            Media(media) => media_type(glimpse.head).is_some_and(|found| found.starts_with(media.as_bytes())),
            _ => {
                names(glimpse.tail, CENTRAL, CENTRAL_SIZE, 28).any(is)
                    || names(glimpse.head, LOCAL, LOCAL_SIZE, 26).any(is)
            }
        }
    }
}

/// The names in headers with this signature: behind `size` bytes, as long as the field at `length` says.
fn names<'a>(
    bytes: &'a [u8],
    signature: &'static [u8; 4],
    size: u64,
    length: usize,
) -> impl Iterator<Item = &'a [u8]> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    memmem::find_iter(bytes, signature).take(MAX_NAMES).filter_map(move |place| {
        let header = bytes.get(place..)?;
        let end = size.checked_add(usize::from(u16_le(header, length)?))?;
        header.get(size..end)
    })
}

/// The content of the first member, if it is called `mimetype` and stored.
fn media_type(head: &[u8]) -> Option<&[u8]> {
    const MIMETYPE: &[u8] = b"mimetype";
    let (method, extra) = (u16_le(head, 8)?, u16_le(head, 28)?);
    let is_first = head.starts_with(LOCAL) && usize::from(u16_le(head, 26)?) == MIMETYPE.len();
    let name = head.get(usize::try_from(LOCAL_SIZE).ok()?..)?;
    let content = name.strip_prefix(MIMETYPE)?.get(usize::from(extra)..)?;
    (is_first && method == 0).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, extra: &[u8], content: &[u8]) -> Vec<u8> {
        let mut header = [LOCAL.as_slice(), &[20, 0, 0, 0, 0, 0], &[0; 16]].concat();
        for length in [name.len(), extra.len()] {
            header.extend(u16::try_from(length).unwrap().to_le_bytes());
        }
        [header.as_slice(), name.as_bytes(), extra, content].concat()
    }

    fn kind(head: &[u8], tail: &[u8]) -> &'static str {
        let glimpse = Glimpse { head, deep: head, tail, size: 1 << 20 };
        let found = crate::formats().find(|format| format.recognises(&glimpse)).unwrap().file_type();
        assert_eq!(found.family(), "zip");
        found.name()
    }

    fn central(name: &str) -> Vec<u8> {
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        [CENTRAL.as_slice(), &[0; 24], &length, &[0; 16], name.as_bytes()].concat()
    }

    #[test]
    fn kinds_are_known_by_names_at_either_end() {
        let types = header("[Content_Types].xml", b"", b"<Types/>");
        assert_eq!(kind(&types, &central("word/document.xml")), "docx");
        assert_eq!(kind(&header("WORD/a.xml", b"", b""), &central("[content_types].XML")), "docx");
        assert_eq!(kind(&types, &central("password/a.xml")), "zip");
        assert_eq!(kind(&types, &central("a.nuspec")), "nupkg");
        let jar = central("META-INF/MANIFEST.MF");
        assert_eq!(kind(&header("a", b"", b""), &jar), "jar");
        assert_eq!(kind(&header("AndroidManifest.xml", b"", b""), &jar), "apk");
    }

    #[test]
    fn media_types_count_in_the_first_member_only() {
        let book = header("mimetype", b"abc", b"application/epub+zip");
        assert_eq!(kind(&book, b""), "epub");
        assert_eq!(kind(&[header("a", b"", b""), book].concat(), b""), "zip");
        assert_eq!(kind(&header("mimetype", b"", b"text/plain"), b""), "zip");
        assert_eq!(kind(&header("mimetype", &[0; 60], b"")[..50], b""), "zip");
    }

    #[test]
    fn a_member_of_an_odd_length_is_no_name() {
        let mut cut = central("word/document.xml");
        cut.truncate(50);
        assert_eq!(kind(&header("[Content_Types].xml", b"", b""), &cut), "zip");
    }
}
