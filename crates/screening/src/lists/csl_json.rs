//! The Consolidated Screening List as JSON: `{"results": [{…}, …]}`, a bare array, or one object in each line.

use std::io::{self, BufRead};

use serde_json::Value;

use super::csl_csv::{first, kind, remarks};
use super::{LONGEST_RECORD, Sink, countries, text};
use crate::entry::Entry;

pub(crate) fn read(reader: &mut dyn BufRead, sink: &mut Sink) -> io::Result<()> {
    let mut objects = Objects { reader, line: 1, stack: Vec::new() };
    while let Some((line, object)) = objects.next_object()? {
        let read = object.and_then(|bytes| {
            serde_json::from_slice::<Value>(&bytes).map_err(|error| format!("broken JSON: {error}"))
        });
        match read {
            Ok(value) => sink.entry(line, entry(&value)),
            Err(reason) => sink.problem(line, reason),
        }
    }
    Ok(())
}

/// Cuts the records out of the stream: the objects of the array, wherever it lies.
struct Objects<'r> {
    reader: &'r mut dyn BufRead,
    line: u64,
    /// The brackets that are open around the records.
    stack: Vec<u8>,
}

/// A record with its line, or what is wrong with it.
type Object = (u64, Result<Vec<u8>, String>);

impl Objects<'_> {
    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.reader.fill_buf()?.first().copied();
        if byte.is_some() {
            self.reader.consume(1);
        }
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }

    fn next_object(&mut self) -> io::Result<Option<Object>> {
        let mut quoted = false;
        let mut escaped = false;
        while let Some(byte) = self.byte()? {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'{' if self.stack.last() == Some(&b'[') => return self.object().map(Some),
                b'{' | b'[' if self.stack.len() < 8 => self.stack.push(byte),
                b'}' | b']' => {
                    self.stack.pop();
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn object(&mut self) -> io::Result<Object> {
        let line = self.line;
        let mut bytes = vec![b'{'];
        let (mut depth, mut quoted, mut escaped, mut long) = (1_u64, false, false, false);
        while depth > 0 {
            let Some(byte) = self.byte()? else {
                return Ok((line, Err("the record is not closed".to_owned())));
            };
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                // JSON has no line ends in strings: this one was never closed, and must not swallow the others.
                b'\n' if quoted => quoted = false,
                _ if quoted => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            long |= bytes.len() >= LONGEST_RECORD;
            if !long {
                bytes.push(byte);
            }
        }
        Ok((line, if long { Err("the record is longer than 256 KiB".to_owned()) } else { Ok(bytes) }))
    }
}

/// A field as text; of several values, all.
fn texts(value: &Value, name: &str) -> Vec<String> {
    match value.get(name) {
        Some(Value::String(text)) => text::several(text),
        Some(Value::Number(number)) => vec![number.to_string()],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn string(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        _ => texts(value, name).join("; "),
    }
}

fn entry(value: &Value) -> Entry {
    let get = |name: &str| string(value, name);
    let source = get("source");
    let mut names = text::names(&get("name"));
    names.extend(texts(value, "alt_names").iter().flat_map(|name| text::names(name)));
    let kind = kind(&get("type"), &source);
    let mut found: Vec<String> = Vec::new();
    for name in ["citizenships", "nationalities", "country", "countries", "vessel_flag"] {
        found.extend(texts(value, name).iter().filter_map(|name| countries::code(name)).map(str::to_owned));
    }
    let mut addresses = Vec::new();
    match value.get("addresses") {
        Some(Value::Array(all)) => {
            for address in all {
                let part = |name: &str| address.get(name).and_then(Value::as_str).unwrap_or_default();
                found.extend(countries::code(part("country")).map(str::to_owned));
                let parts = ["address", "city", "state", "postal_code", "country"].map(part);
                addresses
                    .push(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "));
            }
        }
        _ => {
            addresses = texts(value, "addresses");
            found.extend(
                addresses.iter().filter_map(|address| countries::of_address(address)).map(str::to_owned),
            );
        }
    }
    let id = [get("id"), get("_id"), get("entity_number")]
        .into_iter()
        .find(|id| !id.is_empty())
        .unwrap_or_default();
    Entry {
        id,
        kind,
        list: source,
        names: names.iter().map(|name| text::in_order(name, kind)).collect(),
        countries: found,
        addresses,
        born: texts(value, "dates_of_birth"),
        programs: texts(value, "programs"),
        source: first(&[
            &get("federal_register_notice"),
            &get("source_information_url"),
            &get("source_list_url"),
        ]),
        remarks: remarks(&[
            ("", &get("title")),
            ("", &get("remarks")),
            ("licence requirement", &get("license_requirement")),
            ("licence policy", &get("license_policy")),
            ("from", &get("start_date")),
            ("until", &get("end_date")),
        ]),
    }
}
