//! What an entry of the tables is, and the pair of files that is made for it.

use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::carriers::{ALL, Carrier, Kind, Slot};

/// The name of signatures that must find the one file and not its twin.
pub(crate) const HIT: &str = "Hit";
/// The name of signatures that must find neither.
pub(crate) const NEVER: &str = "Never";

/// Bytes at a place, and those that stand there in the twin.
#[derive(Clone, Debug)]
struct Plant {
    slot: Slot,
    hit: Vec<u8>,
    miss: Vec<u8>,
}

/// A feature of a language: signatures that use it, and what must stand in a file for them to find it.
///
/// In the signatures `'text'` stands for the text in hexadecimal, and a word between angle brackets for what is known
/// of the carrier (see [`Feature::text`]).
#[derive(Clone, Debug)]
pub(crate) struct Feature {
    pub(crate) what: String,
    files: Vec<(&'static str, String)>,
    plants: Vec<Plant>,
    pub(crate) carriers: &'static [Kind],
    pub(crate) wrap: fn(Vec<u8>) -> Vec<u8>,
    /// Why ClamAV 1.4.6 answers otherwise, if it does, and in which carriers.
    pub(crate) differs: Option<(&'static [Kind], &'static str)>,
}

/// The signature files of a feature for one carrier, the file that is to be found, and its twin.
#[derive(Debug)]
pub(crate) struct Made {
    /// In how many bytes the two files differ, before they are wrapped.
    pub(crate) apart: usize,
    pub(crate) signatures: Vec<(String, String)>,
    pub(crate) hit: Vec<u8>,
    pub(crate) miss: Vec<u8>,
}

impl Feature {
    /// A feature without signatures, in all carriers as they are.
    pub(crate) fn new(what: &str) -> Self {
        let (what, wrap) = (what.to_owned(), std::convert::identity as fn(Vec<u8>) -> Vec<u8>);
        Self { what, files: Vec::new(), plants: Vec::new(), carriers: ALL, wrap, differs: None }
    }

    /// An extended signature: `Target:Offset:Pattern`.
    pub(crate) fn extended(body: &str) -> Self {
        Self::new(body).file("ndb", &format!("{HIT}:{body}"))
    }

    /// An extended signature for any type and place.
    pub(crate) fn pattern(pattern: &str) -> Self {
        Self::extended(&format!("0:*:{pattern}"))
    }

    /// A logical signature for any type: `Expression;Subsignatures`.
    pub(crate) fn logical(body: &str) -> Self {
        Self::described("Target:0", body)
    }

    /// A logical signature with this target description behind its engine.
    pub(crate) fn described(description: &str, body: &str) -> Self {
        Self::new(&format!("{description};{body}"))
            .file("ldb", &format!("{HIT};Engine:81-255,{description};{body}"))
    }

    /// Lines of a signature file.
    pub(crate) fn file(mut self, extension: &'static str, text: &str) -> Self {
        self.files.push((extension, format!("{text}\n")));
        self
    }

    /// An extended signature for any type and place, or a whole one, that finds neither file.
    pub(crate) fn never(self, body: &str) -> Self {
        let body = if body.contains(':') { body.to_owned() } else { format!("0:*:{body}") };
        self.file("ndb", &format!("{NEVER}:{body}"))
    }

    /// A logical signature for any type that finds neither file.
    pub(crate) fn never_logical(self, body: &str) -> Self {
        self.never_described("Target:0", body)
    }

    /// A logical signature with this target description that finds neither file.
    pub(crate) fn never_described(self, description: &str, body: &str) -> Self {
        self.file("ldb", &format!("{NEVER};Engine:81-255,{description};{body}"))
    }

    /// What stands in the room of the file, and of its twin.
    pub(crate) fn has(self, hit: impl AsRef<[u8]>, miss: impl AsRef<[u8]>) -> Self {
        self.at(Slot::Body(0), hit, miss)
    }

    /// What stands at a place of the file, and of its twin.
    pub(crate) fn at(mut self, slot: Slot, hit: impl AsRef<[u8]>, miss: impl AsRef<[u8]>) -> Self {
        self.plants.push(Plant { slot, hit: hit.as_ref().to_vec(), miss: miss.as_ref().to_vec() });
        self
    }

    /// What stands at a place of both.
    pub(crate) fn both(self, slot: Slot, bytes: impl AsRef<[u8]>) -> Self {
        self.at(slot, bytes.as_ref(), bytes.as_ref())
    }

    /// The carriers that allow it, where these are not all.
    pub(crate) fn only(mut self, carriers: &'static [Kind]) -> Self {
        self.carriers = carriers;
        self
    }

    /// What is made of the file and of its twin before they are scanned.
    pub(crate) fn wrapped(mut self, wrap: fn(Vec<u8>) -> Vec<u8>) -> Self {
        self.wrap = wrap;
        self
    }

    /// ClamAV 1.4.6 answers otherwise in these carriers, and why.
    pub(crate) fn differs(mut self, carriers: &'static [Kind], reason: &'static str) -> Self {
        self.differs = Some((carriers, reason));
        self
    }

    /// The pair of files in a carrier, with the signatures for it.
    pub(crate) fn made(&self, kind: Kind) -> Made {
        let carrier = kind.carrier();
        let (mut hit, mut miss) = (carrier.clone(), carrier);
        for plant in &self.plants {
            hit.plant(plant.slot, &plant.hit);
            miss.plant(plant.slot, &plant.miss);
        }
        let apart = hit.bytes.iter().zip(&miss.bytes).filter(|(one, other)| one != other).count();
        let mut signatures: Vec<(String, String)> = Vec::new();
        for (extension, text) in &self.files {
            let text = Self::text(text, &hit, &miss);
            match signatures.iter_mut().find(|(name, _)| name.ends_with(&format!(".{extension}"))) {
                Some((_, lines)) => lines.push_str(&text),
                None => signatures.push((format!("feature.{extension}"), text)),
            }
        }
        Made { apart, signatures, hit: (self.wrap)(hit.bytes), miss: (self.wrap)(miss.bytes) }
    }

    /// A signature with its quotes in hexadecimal, and its words replaced: numbers, with or without something added
    /// (`<body>`, `<size-1>`), and digests (`<md5>`, `<sha1>`, `<sha256>` of the file, `<section-md5>` and so on of its
    /// last section, `<miss-md5>` of its twin).
    fn text(text: &str, hit: &Carrier, miss: &Carrier) -> String {
        let mut written = String::new();
        for (place, piece) in text.split('\'').enumerate() {
            written += &if place % 2 == 1 { hex::encode(piece) } else { piece.to_owned() };
        }
        let mut pieces = written.split('<');
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            match piece.split_once('>').and_then(|(word, rest)| Some((meaning(word, hit, miss)?, rest))) {
                Some((meaning, rest)) => text += &(meaning + rest),
                None => text += &format!("<{piece}"),
            }
        }
        text
    }
}

fn meaning(word: &str, hit: &Carrier, miss: &Carrier) -> Option<String> {
    let (subject, digest) = match word.split_once('-') {
        Some(("section", digest)) => (hit.last_section(), digest),
        Some(("miss", digest)) => (miss.bytes.as_slice(), digest),
        _ => (hit.bytes.as_slice(), word),
    };
    match digest {
        "md5" => return Some(hex::encode(Md5::digest(subject))),
        "sha1" => return Some(hex::encode(Sha1::digest(subject))),
        "sha256" => return Some(hex::encode(Sha256::digest(subject))),
        "length" => return Some(subject.len().to_string()),
        _ => {}
    }
    let sign = word.find(['+', '-']);
    let (word, more) = word.split_at(sign.unwrap_or(word.len()));
    let more: isize = if more.is_empty() { 0 } else { more.parse().ok()? };
    Some(hit.number(word)?.checked_add_signed(more)?.to_string())
}
