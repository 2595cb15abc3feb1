//! The chain of filters of a stream: ISO 32000-1, 7.4.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use candor_object::Content;

use super::cipher::{Aes, Cbc, Rc4};
use super::flate::Flate;
use super::lzw::Lzw;
use super::meter::{End, Metered};
use super::predictor::{Rows, Unpredicted};
use super::security::Method;
use super::text_filters::{Ascii85, Hexadecimal, RunLength, Stepped};
use super::value::{Dictionary, Value};

/// Filters of one stream; what is encoded more often is handed over as far as it was decoded.
const MOST: usize = 24;

/// A filter that is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Flate,
    Lzw { early: bool },
    Ascii85,
    Hexadecimal,
    RunLength,
    Predictor(Rows),
}

/// What comes out of a stream, and how far its first decoder came, once that is over and can be known.
pub(super) type Decoded = (End<Box<dyn Read>>, Rc<Cell<u64>>);

/// The filters of a stream in the order in which they are undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) filters: Vec<Filter>,
    /// The name of a crypt filter, instead of the document's encryption.
    pub(super) crypt: Option<Vec<u8>>,
    /// Why it ends before the last filter, if that is not a picture's.
    pub(super) unknown: Option<String>,
    /// Whether it ends before the filter of a picture.
    pub(super) picture: bool,
}

impl Chain {
    /// The chain that these values make; `resolve` follows references.
    pub(super) fn new(
        filter: &Value<'_>,
        parameters: Option<&Value<'_>>,
        resolve: &mut dyn FnMut(&Value<'_>) -> Value<'static>,
    ) -> Self {
        let mut chain = Self::default();
        let names = list(filter, resolve);
        let parameters = parameters.map(|value| list(value, resolve)).unwrap_or_default();
        for (index, name) in names.iter().enumerate() {
            let parameters = match parameters.get(index) {
                Some(Value::Dictionary(found)) => {
                    Dictionary(found.0.iter().map(|(key, value)| (key.clone(), resolve(value))).collect())
                }
                _ => Dictionary::default(),
            };
            let Some(name) = name.name() else { continue };
            if index >= MOST {
                chain.unknown = Some(format!("more than {MOST} filters"));
                return chain;
            }
            if !chain.push(name, &parameters) {
                return chain;
            }
        }
        chain
    }

    /// Adds a filter; says whether the chain goes on.
    fn push(&mut self, name: &[u8], parameters: &Dictionary<'_>) -> bool {
        let (filter, predicted) = match name {
            b"FlateDecode" | b"Fl" => (Filter::Flate, true),
            b"LZWDecode" | b"LZW" => {
                (Filter::Lzw { early: parameters.integer(b"EarlyChange") != Some(0) }, true)
            }
            b"ASCII85Decode" | b"A85" => (Filter::Ascii85, false),
            b"ASCIIHexDecode" | b"AHx" => (Filter::Hexadecimal, false),
            b"RunLengthDecode" | b"RL" => (Filter::RunLength, false),
            b"Crypt" => {
                let name = parameters.get(b"Name").and_then(Value::name).unwrap_or(b"Identity");
                self.crypt = Some(name.to_vec());
                return true;
            }
            b"DCTDecode" | b"DCT" | b"JPXDecode" | b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode" => {
                self.picture = true;
                return false;
            }
            _ => {
                let name = name.get(..64).unwrap_or(name);
                self.unknown = Some(format!("filter {}", name.escape_ascii()));
                return false;
            }
        };
        self.filters.push(filter);
        let predictor = parameters.integer(b"Predictor").unwrap_or(1);
        if predicted && (predictor == 2 || (10..=15).contains(&predictor)) {
            let number = |key: &[u8], default| {
                parameters.integer(key).map_or(default, |number| u32::try_from(number).unwrap_or(0))
            };
            self.filters.push(Filter::Predictor(Rows {
                png: predictor != 2,
                colors: number(b"Colors", 1),
                bits: number(b"BitsPerComponent", 8),
                columns: number(b"Columns", 1),
            }));
        }
        true
    }

    /// Whether bytes come out as they went in.
    pub(super) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// A reader of what comes out.
    ///
    /// # Errors
    /// Parameters that make no sense.
    pub(super) fn open(&self, packed: &Content, cipher: Option<(Method, &[u8])>) -> io::Result<Decoded> {
        let quiet = Rc::new(Cell::new(0));
        let consumed = Rc::new(Cell::new(u64::MAX));
        let mut reader: Box<dyn Read> = Box::new(Metered::new(packed.reader(), &quiet));
        let mut first = true;
        if let Some((method, key)) = cipher {
            reader = decrypted(reader, method, key);
            first = method == Method::Plain;
        }
        for filter in &self.filters {
            let decoder: Box<dyn Read> = match filter {
                Filter::Flate => {
                    let flate = Flate::new(reader);
                    Box::new(if first { flate.counting(&consumed) } else { flate })
                }
                Filter::Lzw { early } => Box::new(Stepped::new(reader, Lzw::new(*early))),
                Filter::Ascii85 => Box::new(Stepped::new(reader, Ascii85::default())),
                Filter::Hexadecimal => Box::new(Stepped::new(reader, Hexadecimal)),
                Filter::RunLength => Box::new(Stepped::new(reader, RunLength)),
                Filter::Predictor(rows) => Box::new(Unpredicted::new(reader, *rows)?),
            };
            first = false;
            reader = Box::new(Metered::new(decoder, &quiet));
        }
        Ok((End::new(reader, &quiet), consumed))
    }
}

/// A reader of a zlib stream, and how far it came when it is over.
pub(super) fn inflate(packed: &Content) -> (End<Flate>, Rc<Cell<u64>>) {
    let (quiet, consumed) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(u64::MAX)));
    let flate = Flate::new(Box::new(Metered::new(packed.reader(), &quiet))).counting(&consumed);
    (End::new(flate, &quiet), consumed)
}

/// A reader of what is decrypted.
pub(super) fn decrypted(reader: Box<dyn Read>, method: Method, key: &[u8]) -> Box<dyn Read> {
    match method {
        Method::Plain => reader,
        Method::Rc4 => Box::new(Stepped::new(reader, Rc4::new(key))),
        Method::Aes128 | Method::Aes256 => match Aes::new(key) {
            Some(aes) => Box::new(Stepped::new(reader, Cbc::new(aes))),
            None => reader,
        },
    }
}

/// One value, or those of an array, with references followed.
fn list(value: &Value<'_>, resolve: &mut dyn FnMut(&Value<'_>) -> Value<'static>) -> Vec<Value<'static>> {
    match resolve(value) {
        Value::Array(values) => values.iter().take(MOST.saturating_add(1)).map(resolve).collect(),
        single => vec![single],
    }
}
