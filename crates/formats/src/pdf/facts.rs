//! What dictionaries say of scripts, files, forms, links and programs to start: ISO 32000-1, 7.11, 12.6 and 12.7.

use std::borrow::Cow;
use std::collections::HashMap;

use super::value::{Dictionary, Value};

/// Things of one kind that are remembered.
const MOST: usize = 50_000;
/// Bytes of all texts that are remembered.
const MOST_BYTES: usize = 64 << 20;
/// Shortest encoded text that is handed over by itself.
const LONG: usize = 256;

/// A text, and the object with whose key it is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    pub(super) owner: Option<(u32, u32)>,
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Text(Text),
    Object(u32),
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) scripts: Vec<Source>,
    pub(super) forms: Vec<Source>,
    pub(super) links: Vec<Source>,
    /// Programs and files that are started.
    pub(super) launches: Vec<Source>,
    /// The names of files, by the numbers of their streams.
    pub(super) names: HashMap<u32, Source>,
    /// Dictionaries of files that are referred to, and the names of the files.
    pub(super) files: Vec<(u32, Source)>,
    /// Long texts that can be read only when they are decoded.
    pub(super) texts: Vec<Text>,
    /// Whether the document shows rich media.
    pub(super) rich_media: bool,
    /// Whether texts are encrypted.
    pub(super) encrypted: bool,
    bytes: usize,
    /// Whether there was more than is remembered.
    pub(super) cut: bool,
}

impl Facts {
    /// Looks at a value and all that is in it.
    pub(super) fn collect(&mut self, value: &Value<'_>, owner: Option<(u32, u32)>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.collect(value, owner)),
            Value::Dictionary(dictionary) => {
                self.look_at(dictionary, owner);
                // Scripts are handed over as what they are.
                let is_script =
                    |key: &[u8], value: &Value<'_>| key == b"JS" && matches!(value, Value::Text(_));
                let others = dictionary.0.iter().filter(|(key, value)| !is_script(key, value));
                others.for_each(|(_, value)| self.collect(value, owner));
            }
            Value::Text(Cow::Owned(text)) if text.len() >= LONG => self.keep_text(text, owner),
            Value::Text(text) if text.len() >= LONG && self.encrypted && owner.is_some() => {
                self.keep_text(text, owner);
            }
            _ => {}
        }
    }

    fn keep_text(&mut self, text: &[u8], owner: Option<(u32, u32)>) {
        if let Some(Source::Text(text)) = self.text(text, owner)
            && self.texts.len() < MOST
        {
            self.texts.push(text);
        } else {
            self.cut = true;
        }
    }

    fn look_at(&mut self, dictionary: &Dictionary<'_>, owner: Option<(u32, u32)>) {
        for (key, value) in &dictionary.0 {
            match key.as_ref() {
                b"JS" => self.keep(|facts| &mut facts.scripts, value, owner),
                b"XFA" => match value {
                    Value::Array(parts) => {
                        for part in parts.iter().filter(|part| matches!(part, Value::Reference(_))) {
                            self.keep(|facts| &mut facts.forms, part, owner);
                        }
                    }
                    _ => self.keep(|facts| &mut facts.forms, value, owner),
                },
                b"URI" => self.keep(|facts| &mut facts.links, value, owner),
                b"EF" => self.file(dictionary, value, owner),
                b"RichMediaContent" | b"RichMediaSettings" => self.rich_media = true,
                _ => {}
            }
        }
        if dictionary.is(b"S", b"Launch") {
            self.launch(dictionary, owner);
        }
        if dictionary.is(b"S", b"SubmitForm") || dictionary.is(b"S", b"ImportData") {
            match dictionary.get(b"F") {
                Some(Value::Dictionary(file)) => {
                    for value in file.all(b"F") {
                        self.keep(|facts| &mut facts.links, value, owner);
                    }
                }
                Some(value) => self.keep(|facts| &mut facts.links, value, owner),
                None => {}
            }
        }
    }

    /// What an action starts: a file, or the program and its parameters on Windows.
    fn launch(&mut self, action: &Dictionary<'_>, owner: Option<(u32, u32)>) {
        let mut any = false;
        for key in [&b"F"[..], b"Win", b"Mac", b"Unix"] {
            for value in action.all(key) {
                any = true;
                let Value::Dictionary(inner) = value else {
                    self.keep(|facts| &mut facts.launches, value, owner);
                    continue;
                };
                for key in [&b"F"[..], b"UF", b"P"] {
                    for value in inner.all(key) {
                        self.keep(|facts| &mut facts.launches, value, owner);
                    }
                }
            }
        }
        if !any {
            self.keep(|facts| &mut facts.launches, &Value::Text(Cow::Borrowed(b"")), owner);
        }
    }

    /// The name of an embedded file for all of its streams.
    fn file(&mut self, dictionary: &Dictionary<'_>, streams: &Value<'_>, owner: Option<(u32, u32)>) {
        let keys = [&b"UF"[..], b"F", b"Unix", b"DOS", b"Mac", b"Desc"];
        let Some(name) = keys.iter().find_map(|key| self.source(dictionary.get(key)?, owner)) else { return };
        match streams {
            Value::Dictionary(streams) => self.name_all(streams, &name),
            Value::Reference(number) if self.files.len() < MOST => self.files.push((*number, name)),
            _ => {}
        }
    }

    /// Gives a name to the streams that a dictionary of files names.
    pub(super) fn name_all(&mut self, streams: &Dictionary<'_>, name: &Source) {
        for (_, value) in &streams.0 {
            if let Value::Reference(number) = value
                && self.names.len() < MOST
            {
                self.names.insert(*number, name.clone());
            }
        }
    }

    fn keep(
        &mut self,
        list: impl Fn(&mut Self) -> &mut Vec<Source>,
        value: &Value<'_>,
        owner: Option<(u32, u32)>,
    ) {
        let source = self.source(value, owner);
        self.cut |= list(self).len() >= MOST;
        if let Some(source) = source
            && list(self).len() < MOST
        {
            list(self).push(source);
        }
    }

    fn source(&mut self, value: &Value<'_>, owner: Option<(u32, u32)>) -> Option<Source> {
        match value {
            Value::Text(text) => self.text(text, owner),
            Value::Reference(number) => Some(Source::Object(*number)),
            _ => None,
        }
    }

    fn text(&mut self, text: &[u8], owner: Option<(u32, u32)>) -> Option<Source> {
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > MOST_BYTES {
            self.cut = true;
            return None;
        }
        Some(Source::Text(Text { bytes: text.to_vec(), owner }))
    }
}

/// A text for people: UTF-16 or UTF-8 behind their marks, else one byte for each letter. Scripts are such texts, too.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, [u8]> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        let letters = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER));
        Cow::Owned(letters.collect::<String>().into_bytes())
    };
    match bytes {
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        _ => Cow::Borrowed(bytes),
    }
}
