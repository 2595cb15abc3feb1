//! Texts that hold more than text: shortcuts to addresses, registry files and notebooks.
//!
//! Registry files: <https://learn.microsoft.com/previous-versions/windows/it-pro/windows-2000-server/cc961556(v=technet.10)>;
//! notebooks: <https://nbformat.readthedocs.io/en/latest/format_description.html>.

use candor_object::{Child, Flow, Link, Sink};

use super::functions;

/// Smallest value of a registry file that comes out, in bytes, and most of them.
const SMALLEST: usize = 16;
const MOST: u32 = 1024;

/// Takes out what is inside.
pub(super) fn open(text: &[u8], sink: &mut dyn Sink) -> Flow {
    let head = text.get(..4096.min(text.len())).unwrap_or_default();
    let has = |mark: &[u8]| memchr::memmem::find(head, mark).is_some();
    let start = text.trim_ascii_start();
    if start.starts_with(b"Windows Registry Editor") || start.starts_with(b"REGEDIT4") {
        registry(text, sink)?;
    }
    if has(b"[InternetShortcut") || has(b"[Desktop Entry]") || has(b"[DEFAULT]") && has(b"BASEURL=") {
        addresses(text, sink);
    }
    if start.first() == Some(&b'{') && memchr::memmem::find(text, b"\"nbformat\"").is_some() {
        notebook(text, sink)?;
    }
    Ok(())
}

/// Tells of the addresses that a shortcut leads to.
fn addresses(text: &[u8], sink: &mut dyn Sink) {
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')).take(4096) {
        let Some(equals) = memchr::memchr(b'=', line) else { continue };
        let key = line.get(..equals).unwrap_or_default().trim_ascii().to_ascii_lowercase();
        let target = line.get(equals.saturating_add(1)..).unwrap_or_default().trim_ascii();
        let is_address =
            matches!(key.as_slice(), b"url" | b"baseurl" | b"iconfile" | b"workingdirectory" | b"icon");
        if is_address && !target.is_empty() && target.len() < 8192 {
            sink.link(Link { target, shown: b"", is_text: false });
        }
    }
}

/// Hands over the values that are written as bytes.
fn registry(text: &[u8], sink: &mut dyn Sink) -> Flow {
    let mut count = 0_u32;
    for place in memchr::memmem::find_iter(text, b"=hex") {
        sink.pulse()?;
        let line_start = memchr::memrchr(b'\n', text.get(..place).unwrap_or_default());
        let name = text.get(line_start.map_or(0, |start| start.saturating_add(1))..place).unwrap_or_default();
        let name = String::from_utf8_lossy(name.get(..name.len().min(256)).unwrap_or_default());
        let rest = text.get(place.saturating_add(4)..).unwrap_or_default();
        let Some(colon) = rest.iter().take(12).position(|byte| *byte == b':') else { continue };
        let kind = rest.get(..colon).unwrap_or_default();
        let rest = rest.get(colon.saturating_add(1)..).unwrap_or_default();
        let allowed = |byte: &u8| byte.is_ascii_hexdigit() || b", \\\r\n\t".contains(byte);
        let mut size = rest.iter().take_while(|byte| allowed(byte)).count();
        // A line end without a backslash before it ends the value.
        let mut from = 0_usize;
        while let Some(end) = memchr::memchr(b'\n', rest.get(from..size).unwrap_or_default()) {
            let end = from.saturating_add(end);
            let line = rest.get(from..end).unwrap_or_default().trim_ascii_end();
            if !line.ends_with(b"\\") {
                size = end;
                break;
            }
            from = end.saturating_add(1);
        }
        let Some(bytes) = rest.get(..size).and_then(functions::hex) else { continue };
        if bytes.len() < SMALLEST || count >= MOST {
            continue;
        }
        count = count.saturating_add(1);
        let name = name.trim_matches('"');
        match kind {
            // Strings, of which UTF-16 is the encoding.
            b"(1)" | b"(2)" | b"(7)" if bytes.get(1) == Some(&0) => {
                let mut text = functions::narrowed(&bytes);
                text.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b'\n');
                sink.child(Child::part(name), &mut text.as_slice())?;
            }
            _ => sink.child(Child::part(name), &mut bytes.as_slice())?,
        }
    }
    Ok(())
}

/// Hands over the source of a notebook: its cells, one behind the other.
fn notebook(text: &[u8], sink: &mut dyn Sink) -> Flow {
    let mut source = Vec::new();
    for place in memchr::memmem::find_iter(text, b"\"source\"") {
        sink.pulse()?;
        let mut rest = text.get(place.saturating_add(8)..).unwrap_or_default();
        let mut list = false;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'[' => list = true,
                b'"' => {
                    let (piece, behind) = string(after);
                    source.extend(piece);
                    rest = behind;
                    if !list {
                        break;
                    }
                }
                b' ' | b'\t' | b'\r' | b'\n' | b':' | b',' => {}
                _ => break,
            }
        }
        source.push(b'\n');
        if source.len() > text.len() {
            break;
        }
    }
    if source.trim_ascii().is_empty() {
        return Ok(());
    }
    sink.child(Child::part("source"), &mut source.as_slice())
}

/// A string of JSON whose quote is read, and what follows it.
fn string(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => break,
            b'\\' => {
                let Some((escaped, behind)) = after.split_first() else { break };
                rest = behind;
                match escaped {
                    b'n' => out.push(b'\n'),
                    b't' => out.push(b'\t'),
                    b'r' => out.push(b'\r'),
                    b'u' => {
                        let code = behind.get(..4).and_then(functions::hex);
                        if let Some([high, low]) = code.as_deref() {
                            let code = u32::from(*high) << 8 | u32::from(*low);
                            let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                            out.extend_from_slice(letter.to_string().as_bytes());
                            rest = behind.get(4..).unwrap_or_default();
                        }
                    }
                    other => out.push(*other),
                }
            }
            byte => out.push(*byte),
        }
    }
    (out, rest)
}
