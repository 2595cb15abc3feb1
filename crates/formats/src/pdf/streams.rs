//! Decodes streams and hands them over.

use std::io::{self, ErrorKind, Read};

use candor_object::{Child, Content, Flow, Listed, Reason, Relation, Sink, Stop};

use super::document::{Document, Kind, Object, is_blank};
use super::filters::{Chain, Filter, decrypted};
use super::flate::is_header;
use super::security::Method;
use super::value::{Dictionary, Value};

/// Bytes behind a deflate stream that are no checksum and no line end, from which on they are handed over.
const LEFT_OVER: u64 = 32;
/// Bytes that are read between two looks at the clock.
const CHUNK: u64 = 256 << 10;
/// Bytes of a stream that are decoded to see whether it is none of the encrypted ones.
const TRIAL: u64 = 4 << 10;

/// What is needed to decode a stream.
pub(super) struct Opened {
    packed: Content,
    /// In every reading of the dictionary.
    chains: Vec<Chain>,
    method: Method,
    key: Vec<u8>,
}

/// Reads what a stream's dictionary says.
fn open(document: &mut Document<'_>, object: &Object, has_name: bool) -> io::Result<Option<Opened>> {
    let Some(stream) = object.stream else { return Ok(None) };
    let packed = document.bytes_of(stream);
    let dictionary = document.dictionary(object)?;
    let mut chains = chains(document, &dictionary)?;
    let is_file = has_name || dictionary.is(b"Type", b"EmbeddedFile");
    let crypt = chains.first().and_then(|chain| chain.crypt.clone());
    let (number, generation) = (object.found.number, object.found.generation);
    let (mut method, mut key) = (Method::Plain, Vec::new());
    if let Some(security) = &document.security {
        method = match &crypt {
            Some(name) => security.named(name).unwrap_or(security.streams),
            None if object.kind == Kind::Table => Method::Plain,
            None if !security.encrypts_metadata && dictionary.is(b"Type", b"Metadata") => Method::Plain,
            None if is_file => security.embedded,
            None => security.streams,
        };
        key = security.key(number, generation, method);
    }
    // A stream that is not encrypted in an encrypted document.
    if method != Method::Plain
        && chains.first().is_some_and(|chain| chain.filters.first() == Some(&Filter::Flate))
    {
        let raw = packed.window(0, 8)?;
        let start = start_of(decrypted(Box::new(packed.range(0, 64).reader()), method, &key), 8);
        if is_header(&raw) && !is_header(&start) {
            method = Method::Plain;
        }
    }
    // Without any filter, data may still be what it is known by.
    if chains.is_empty() {
        chains.push(Chain::default());
    }
    Ok(Some(Opened { packed, chains, method, key }))
}

/// The first bytes that a reader gives.
pub(super) fn start_of(reader: impl Read, most: u64) -> Vec<u8> {
    let mut start = Vec::new();
    let _ = reader.take(most).read_to_end(&mut start);
    start
}

/// The chains of filters: readers differ in which of two entries they take.
fn chains(document: &mut Document<'_>, dictionary: &Dictionary<'_>) -> io::Result<Vec<Chain>> {
    let mut failure = None;
    let mut resolve = |value: &Value<'_>| {
        document.resolve(value).unwrap_or_else(|error| {
            failure = Some(error);
            Value::Other
        })
    };
    let parameters = dictionary.get(b"DecodeParms").or_else(|| dictionary.get(b"DP"));
    let mut chains: Vec<Chain> = Vec::new();
    let mut filters = dictionary.all(b"Filter");
    let (first, last) = (filters.next(), filters.last());
    for filter in [first, last].into_iter().flatten() {
        let chain = Chain::new(filter, parameters, &mut resolve);
        if !chains.contains(&chain) {
            chains.push(chain);
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(chains),
    }
}

impl Opened {
    fn cipher(&self) -> Option<(Method, &[u8])> {
        (self.method != Method::Plain).then_some((self.method, self.key.as_slice()))
    }
}

/// The bytes of a stream, up to `most`, and whether these are all.
pub(super) fn decode(
    document: &mut Document<'_>,
    object: &Object,
    most: usize,
    sink: &mut dyn Sink,
) -> Result<(Vec<u8>, bool), Stop> {
    let Some(opened) = open(document, object, false)? else { return Ok((Vec::new(), false)) };
    let chain = opened.chains.first().cloned().unwrap_or_default();
    let Ok((mut reader, _)) = chain.open(&opened.packed, opened.cipher()) else {
        return Ok((Vec::new(), false));
    };
    let mut bytes = Vec::new();
    loop {
        sink.pulse()?;
        let left = (most as u64).saturating_sub(bytes.len() as u64).min(CHUNK);
        if left == 0 {
            let more = start_of(reader, 1);
            return Ok((bytes, more.is_empty()));
        }
        // What came before an error is kept, and the error is a gap where the stream is handed over.
        match Read::by_ref(&mut reader).take(left).read_to_end(&mut bytes) {
            Ok(0) => return Ok((bytes, true)),
            Ok(_) => {}
            Err(_) => return Ok((bytes, false)),
        }
    }
}

/// Hands over what is in a stream.
pub(super) fn hand_over(
    document: &mut Document<'_>,
    object: &Object,
    file: Option<&str>,
    position: u64,
    sink: &mut dyn Sink,
) -> Flow {
    sink.pulse()?;
    let Some(opened) = open(document, object, file.is_some())? else { return Ok(()) };
    let number = format!("object {} {}", object.found.number, object.found.generation);
    let child = match file {
        Some(name) => Child::member(name),
        None => Child { name: &number, relation: Relation::Stream },
    };
    sink.listed(Listed {
        name: file.unwrap_or_default(),
        packed: opened.packed.size(),
        size: opened.packed.size(),
        encrypted: document.locked || opened.method != Method::Plain,
        position: Some(position),
    });
    for chain in &opened.chains {
        if document.locked && !is_readable(chain, &opened) {
            continue;
        }
        if let Some(unknown) = &chain.unknown {
            sink.gap(Reason::Unsupported, &format!("{number}: {unknown}"));
        }
        if chain.is_empty() && opened.method == Method::Plain {
            sink.range(child, opened.packed.clone())?;
            continue;
        }
        let (reader, consumed) = match chain.open(&opened.packed, opened.cipher()) {
            Ok(opened) => opened,
            Err(error) => {
                sink.gap(Reason::Damaged, &format!("{number}: {error}"));
                continue;
            }
        };
        sink.child(child, &mut Explained { reader, number: &number })?;
        left_over(&opened, consumed.get(), &number, sink)?;
    }
    Ok(())
}

/// Whether a stream of a document that cannot be decrypted is not encrypted: this may be said of a document to keep
/// scanners out.
fn is_readable(chain: &Chain, opened: &Opened) -> bool {
    let Ok(start) = opened.packed.window(0, 64) else { return false };
    let plausible = match chain.filters.first() {
        Some(Filter::Flate) => is_header(&start),
        Some(Filter::Ascii85 | Filter::Hexadecimal) => {
            start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
        }
        None if chain.picture => start.starts_with(b"\xff\xd8\xff"),
        _ => false,
    };
    plausible
        && chain.open(&opened.packed, None).is_ok_and(|(reader, _)| {
            let mut start = Vec::new();
            reader.take(TRIAL).read_to_end(&mut start).is_ok()
        })
}

/// Hands over what lies behind a deflate stream.
fn left_over(opened: &Opened, consumed: u64, number: &str, sink: &mut dyn Sink) -> Flow {
    // The checksum is behind it.
    let rest = opened.packed.from(consumed.saturating_add(4));
    if rest.size() < LEFT_OVER || is_blank(&rest.window(0, 64 << 10)?) {
        return Ok(());
    }
    let name = format!("behind {number}");
    sink.range(Child { name: &name, relation: Relation::Overlay }, rest)
}

/// A reader whose errors say what it reads.
struct Explained<'a, R> {
    reader: R,
    number: &'a str,
}

impl<R: Read> Read for Explained<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            ErrorKind::UnexpectedEof => {
                io::Error::new(ErrorKind::UnexpectedEof, format!("{}: it ends too early", self.number))
            }
            kind => io::Error::new(kind, format!("{}: {error}", self.number)),
        })
    }
}
