//! autoit: scripts that AutoIt and AutoHotkey compiled, behind a program, in a resource of one, or as a file of their own
//! (`.a3x`).
//!
//! There is no public specification. Behind a GUID and a version stand records, one for the script and one for each file
//! that it installs: encrypted with keys that everybody knows, and packed. Newer scripts are tokens, which come out as text.

use std::io::Cursor;

use ::autoit::au3::{Limits, parse_records_partial};
use ::autoit::{Encoding, RecognitionFailure, Record, decompress, token};
use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};

use crate::fields::u32_le;
use crate::{Format, Glimpse};

/// With two bytes exchanged in some builds.
const GUIDS: [&[u8; 16]; 2] = [
    b"\xa3\x48\x4b\xbe\x98\x6c\x4a\xa9\x99\x4c\x53\x0a\x86\xd6\x48\x7d",
    b"\xa3\x48\x4b\xbe\x98\x6c\xa9\x4a\x99\x4c\x53\x0a\x86\xd6\x48\x7d",
];
/// Largest script with its files that is held in memory, twice.
const LARGEST: usize = 64 << 20;
/// Most records.
const RECORDS: usize = 256;
/// Longest name in bytes.
const NAME: usize = 64 << 10;
/// Largest record when it is unpacked.
const UNPACKED: usize = 64 << 20;
/// Largest script of tokens: each takes far more memory than its bytes.
const TOKENS: usize = 4 << 20;
/// What a script of tokens is called.
const TOKENIZED: &str = ">>>AUTOIT SCRIPT<<<";
/// Bytes between the GUID and the records: magic and version, and a salt or checksum.
const RECORDS_AT: [usize; 2] = [24, 40];

/// The autoit format.
pub(crate) struct AutoIt;

impl Format for AutoIt {
    fn file_type(&self) -> FileType {
        FileType::new("autoit")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        begins(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let data = content.window(0, LARGEST)?;
        if content.size() > LARGEST as u64 {
            sink.gap(Reason::Unsupported, "only the first 64 MiB were looked at");
        }
        let Some((encoding, offset)) = start(&data) else {
            sink.gap(Reason::Unsupported, "no records of a version that is known");
            return Ok(());
        };
        // Nothing is unpacked here: all records together could be of any size.
        let limits = Limits {
            max_records: RECORDS,
            max_encrypted_blob_size: LARGEST,
            max_metadata_string_bytes: NAME,
            max_decompressed_blob_size: 0,
        };
        let Ok(report) = parse_records_partial(&data, offset, encoding, limits) else {
            sink.gap(Reason::Unsupported, "records of an unknown version");
            return Ok(());
        };
        let diagnostic = report.diagnostic();
        let mut end = offset as u64;
        for record in report.records() {
            sink.pulse()?;
            end = record_end(record, encoding);
            open_record(record, sink)?;
        }
        if let Some(diagnostic) = diagnostic {
            let (index, offset) = (diagnostic.record_index, diagnostic.offset);
            sink.gap(reason(diagnostic.reason), &format!("record {index} at offset {offset}"));
        } else if report.records().is_empty() {
            sink.gap(Reason::Damaged, &format!("no record at offset {offset}"));
        }
        let rest = content.from(end);
        if rest.size() == 0 {
            return Ok(());
        }
        sink.range(Child { name: "", relation: Relation::Overlay }, rest)
    }
}

/// Whether content begins as a compiled script.
pub(crate) fn begins(head: &[u8]) -> bool {
    GUIDS.iter().any(|guid| head.starts_with(*guid))
        && (head.get(16..).is_some_and(|rest| rest.starts_with(b"AU3!EA0")) || head.get(16) == Some(&3))
}

/// The version, and where the records begin.
fn start(data: &[u8]) -> Option<(Encoding, usize)> {
    if data.get(16) == Some(&3) {
        // A password stands in front.
        let size = u32_le(data, 17)? ^ 0xfac1;
        return (size <= 1024).then_some((Encoding::Jb01, (size as usize).checked_add(21)?));
    }
    let stated = match data.get(20..24)? {
        b"EA05" => Encoding::Ea05,
        b"EA06" => Encoding::Ea06,
        _ => return None,
    };
    let other = if stated == Encoding::Ea05 { Encoding::Ea06 } else { Encoding::Ea05 };
    // A record of no bytes that is allowed tells whether there is one.
    let limits = Limits {
        max_records: 1,
        max_encrypted_blob_size: 0,
        max_metadata_string_bytes: NAME,
        max_decompressed_blob_size: 0,
    };
    let is_there = |encoding, offset| {
        parse_records_partial(data, offset, encoding, limits)
            .is_ok_and(|report| !report.records().is_empty() || report.diagnostic().is_some())
    };
    let mut places = [stated, other].into_iter().flat_map(|encoding| RECORDS_AT.map(|at| (encoding, at)));
    places.find(|(encoding, offset)| is_there(*encoding, *offset)).or(Some((stated, RECORDS_AT[1])))
}

/// Where a record ends, from the sizes of what it has.
fn record_end(record: &Record, encoding: Encoding) -> u64 {
    /// Marker, two sizes of names, a flag, two sizes and two times.
    const FIXED: u64 = 4 + 8 + 1 + 8 + 16;
    let checksum = if matches!(encoding, Encoding::Ea05 | Encoding::Ea06) { 4 } else { 0 };
    let sizes = [
        record.offset(),
        record.subtype_bytes().len(),
        record.name_bytes().len(),
        record.encrypted_data().len(),
    ];
    sizes.iter().fold(FIXED, |sum, size| sum.saturating_add(*size as u64)).saturating_add(checksum)
}

fn open_record(record: &Record, sink: &mut dyn Sink) -> Flow {
    // Scripts are called what they are; files have the name that the script gives first.
    let name = record.subtype();
    sink.listed(Listed {
        name,
        packed: record.compressed_size().into(),
        size: record.uncompressed_size().into(),
        encrypted: false,
        position: (record.index() as u64).checked_add(1),
    });
    let packed = record.decrypted_data();
    if !record.checksum_valid() {
        sink.gap(Reason::Damaged, &format!("record {name:?}: the checksum is wrong"));
    }
    let unpacked;
    let bytes = if record.compressed() {
        let limits = decompress::Limits { max_output_size: UNPACKED };
        match decompress::decompress(packed, limits) {
            Ok(bytes) => {
                unpacked = bytes;
                unpacked.as_slice()
            }
            Err(error) => {
                let why = error.recognition_failure().unwrap_or(RecognitionFailure::CompressionError);
                sink.gap(reason(why), &format!("record {name:?}: it cannot be unpacked"));
                packed
            }
        }
    } else {
        packed
    };
    if name == TOKENIZED {
        if bytes.len() > TOKENS {
            sink.gap(Reason::Unsupported, &format!("record {name:?}: a script of more than 4 MiB"));
        } else {
            match token::parse(bytes) {
                Ok(tokens) => {
                    let text = tokens.render_source();
                    return sink.child(Child::member(name), &mut Cursor::new(text.as_bytes()));
                }
                Err(error) => {
                    sink.gap(Reason::Damaged, &format!("record {name:?}: {error:?}"));
                }
            }
        }
    }
    sink.child(Child::member(name), &mut Cursor::new(bytes))
}

fn reason(failure: RecognitionFailure) -> Reason {
    match failure {
        RecognitionFailure::Truncated => Reason::Truncated,
        RecognitionFailure::LimitExceeded | RecognitionFailure::UnsupportedEncoding => Reason::Unsupported,
        _ => Reason::Damaged,
    }
}
