//! Objects as OLE 1 stores them, in RTF and in streams called `Ole10Native`; and packages: any file, with its name.
//!
//! Specification: [MS-OLEDS] 2.2 and 2.3.6, <https://learn.microsoft.com/openspecs/windows_protocols/ms-oleds>. What is in a
//! package is not specified; two names and a path stand before the file.

use std::io::{self, Cursor, ErrorKind, Read};

use candor_object::{Child, Flow, Reason, Relation, Sink, Stop};
use memchr::memmem;

use crate::fields::{u16_le, u32_le};
use crate::references::EXTERNAL;

/// Bytes at the start that hold the names.
const HEAD: usize = 8 << 10;
/// Longest name that is believed.
const LONGEST_NAME: usize = 2 << 10;
/// What is shorter is seen well enough in the document.
const WORTH: u64 = 24;

/// How a compound file begins.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// The anomaly of a package that shows another name than it has.
const NAMES_DIFFER: &str = "package-names-differ";

/// Whether what does not fit is worth a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It is an object.
    Full,
    /// It is what another reader might take for one.
    None,
}

/// Reads to the end of what `inner` holds, and says so if that is too early.
struct Exactly<'r> {
    trust: Trust,
    inner: &'r mut dyn Read,
    left: u64,
    label: &'r str,
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 && self.trust == Trust::None {
            self.left = 0;
        } else if count == 0 {
            let left = std::mem::take(&mut self.left);
            let detail = format!("{}: {left} bytes are missing", self.label);
            return Err(io::Error::new(ErrorKind::UnexpectedEof, detail));
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

/// Reads as much as there is, up to the length of the head; an error ends it as the end does, and is met again by who reads on.
fn head(body: &mut dyn Read) -> (Vec<u8>, Option<io::Error>) {
    let mut head = Vec::new();
    let error = body.take(HEAD as u64).read_to_end(&mut head).err();
    (head, error)
}

/// Fails once, as the body did while its head was read.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// The rest of the head, and what follows it.
fn rest<'r>(
    (head, error): (Vec<u8>, Option<io::Error>),
    at: usize,
    body: &'r mut dyn Read,
) -> Box<dyn Read + 'r> {
    let mut head = Cursor::new(head);
    head.set_position(at as u64);
    match error {
        Some(error) => Box::new(head.chain(Failed(Some(error)))),
        None => Box::new(head.chain(body)),
    }
}

/// Reads what a sink left.
///
/// # Errors
/// When the time is up.
pub(crate) fn drain(body: &mut dyn Read, sink: &mut dyn Sink) -> Flow {
    let mut buffer = [0; 16 << 10];
    loop {
        sink.pulse()?;
        match body.read(&mut buffer) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return Ok(()),
        }
    }
}

/// What stands before the data of an object.
struct Header {
    linked: bool,
    class: String,
    topic: String,
    /// Bytes of its data, and where they begin.
    size: u64,
    length: usize,
}

impl Header {
    fn parse(head: &[u8]) -> Option<Self> {
        // The version, which nobody looks at, is before it.
        let format = u32_le(head, 4)?;
        let mut at = 8_usize;
        let mut text = || {
            let size = usize::try_from(u32_le(head, at)?).ok().filter(|size| *size <= LONGEST_NAME)?;
            let start = at.checked_add(4)?;
            at = start.checked_add(size)?;
            Some(crate::fields::name(head.get(start..at)?))
        };
        let (class, topic, _item) = (text()?, text()?, text()?);
        let linked = format == 1;
        // Of a link no data is stored.
        let (size, length) =
            if linked { (0, at) } else { (u64::from(u32_le(head, at)?), at.checked_add(4)?) };
        Some(Self { linked, class, topic, size, length })
    }
}

/// Hands over what an object of OLE 1 holds. `label` is what it is called in gaps, and its name if it has none.
///
/// # Errors
/// Those of the sink.
pub(crate) fn open(label: &str, trust: Trust, body: &mut dyn Read, sink: &mut dyn Sink) -> Flow {
    let (mut bytes, error) = head(body);
    let Some(header) = Header::parse(&bytes) else {
        if trust == Trust::Full {
            sink.gap(Reason::Damaged, &format!("{label}: the header of the object"));
        }
        // Whatever the header is, this may be what is opened.
        if let Some(place) = memmem::find(&bytes, COMPOUND).filter(|place| *place > 0) {
            let behind = bytes.split_off(place);
            sink.child(Child::member(label), &mut bytes.as_slice())?;
            bytes = behind;
        }
        return sink.child(Child::member(label), &mut rest((bytes, error), 0, body));
    };
    let mut body = rest((bytes, error), header.length, body);
    if header.linked {
        sink.anomaly(EXTERNAL, &format!("{label}: a link to {:.200?}", header.topic));
    } else {
        let named = format!("{label} {:.100?}", header.class);
        let mut data = Exactly { trust, inner: &mut *body, left: header.size, label: &named };
        if header.class.eq_ignore_ascii_case("package") {
            package(&named, trust, &mut data, sink)?;
        } else {
            let name = if header.class.is_empty() { label } else { &header.class };
            sink.child(Child::member(name), &mut data)?;
        }
        drain(&mut data, sink)?;
    }
    // A picture of it, or what Word does not look at.
    leftover(&format!("behind {label}"), &mut *body, sink)
}

/// Hands over a rest that is worth it.
fn leftover(name: &str, body: &mut dyn Read, sink: &mut dyn Sink) -> Flow {
    let (bytes, error) = head(body);
    if (bytes.len() as u64) < WORTH || bytes.iter().all(|byte| *byte == 0) && bytes.len() < HEAD {
        return Ok(());
    }
    let mut all = rest((bytes, error), 0, body);
    sink.child(Child { name, relation: Relation::Overlay }, &mut all)?;
    drain(&mut all, sink)
}

/// Hands over the content of a stream called `Ole10Native`: a package, or the bytes of whatever program made them.
///
/// # Errors
/// Those of the sink.
pub(crate) fn native(label: &str, body: &mut dyn Read, sink: &mut dyn Sink) -> Flow {
    let mut size = [0; 4];
    if let Err(error) = body.read_exact(&mut size) {
        sink.gap(Reason::Truncated, &format!("{label}: {error}"));
        return Ok(());
    }
    package(label, Trust::Full, body, sink)
}

/// What stands before the file in a package.
struct Package {
    label: String,
    path: String,
    linked: bool,
    size: u64,
    length: usize,
}

impl Package {
    fn parse(head: &[u8]) -> Option<Self> {
        // What it shows is an icon.
        if u16_le(head, 0)? != 2 {
            return None;
        }
        let mut at = 2_usize;
        let mut text = || {
            let rest = head.get(at..)?;
            let size = rest.iter().take(LONGEST_NAME).position(|byte| *byte == 0)?;
            at = at.checked_add(size)?.checked_add(1)?;
            Some(String::from_utf8_lossy(rest.get(..size)?).into_owned())
        };
        let (label, path) = (text()?, text()?);
        let kind = u32_le(head, at)? >> 16;
        let command = usize::try_from(u32_le(head, at.checked_add(4)?)?).ok()?;
        at = at.checked_add(8)?.checked_add(command.min(HEAD))?;
        let linked = kind == 1;
        let size = u32_le(head, at).map(u64::from);
        let (size, length) = match size {
            Some(size) => (size, at.checked_add(4)?),
            None if linked => (0, at.min(head.len())),
            None => return None,
        };
        Some(Self { label, path, linked, size, length })
    }
}

/// The last part of a path.
fn last(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

fn package(label: &str, trust: Trust, body: &mut dyn Read, sink: &mut dyn Sink) -> Flow {
    let (bytes, error) = head(body);
    let Some(package) = Package::parse(&bytes) else {
        return sink.child(Child::member(label), &mut rest((bytes, error), 0, body));
    };
    let mut body = rest((bytes, error), package.length, body);
    let name = if package.label.is_empty() { last(&package.path) } else { last(&package.label) };
    let of_path = last(&package.path);
    if !of_path.eq_ignore_ascii_case(name) && !of_path.is_empty() {
        let detail = format!("{label}: shown as {:.200?}, stored from {:.200?}", package.label, package.path);
        sink.anomaly(NAMES_DIFFER, &detail);
    }
    if package.linked {
        sink.anomaly(EXTERNAL, &format!("{label}: a link to {:.200?}", package.path));
    }
    let named = format!("{label} {name:.100?}");
    let mut data = Exactly { trust, inner: &mut *body, left: package.size, label: &named };
    if package.size > 0 {
        sink.child(Child::member(if name.is_empty() { label } else { name }), &mut data)?;
        drain(&mut data, sink)?;
    }
    behind_package(label, &mut *body, sink)
}

/// The names come again behind the file, in UTF-16; anything else is handed over.
fn behind_package(label: &str, body: &mut dyn Read, sink: &mut dyn Sink) -> Flow {
    let (bytes, error) = head(body);
    let mut at = 0_usize;
    for _ in 0..3 {
        let units = u32_le(&bytes, at).and_then(|units| usize::try_from(units).ok()).unwrap_or(0);
        at = units.saturating_mul(2).saturating_add(at).saturating_add(4);
    }
    let known = at.min(bytes.len());
    let mut all = rest((bytes, error), known, body);
    leftover(&format!("behind {label}"), &mut all, sink)
}

/// The address in the data of a link that is opened by its address, if this is one.
///
/// # Errors
/// Those of the sink.
pub(crate) fn note_address(label: &str, body: &mut dyn Read, sink: &mut dyn Sink) -> Result<(), Stop> {
    // {79EAC9E0-BAF9-11CE-8C82-00AA004BA90B}, the moniker of an address.
    const MONIKER: &[u8] = b"\xe0\xc9\xea\x79\xf9\xba\xce\x11\x8c\x82\x00\xaa\x00\x4b\xa9\x0b";
    sink.pulse()?;
    let (bytes, _) = head(body);
    for place in memmem::find_iter(&bytes, MONIKER).take(8) {
        let start = place.saturating_add(MONIKER.len());
        let size = u32_le(&bytes, start).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let text = bytes.get(start.saturating_add(4)..).unwrap_or_default();
        let text = text.get(..size).unwrap_or(text);
        let units = text.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
        let address: String = char::decode_utf16(units.take_while(|unit| *unit != 0))
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        sink.anomaly(EXTERNAL, &format!("{label}: {address:.300?}"));
    }
    Ok(())
}
