//! Files in texts: in base64, in hexadecimal digits, in lists of numbers; and commands of PowerShell in base64.

use candor_object::{Child, Flow, Limit, Reason, Relation, Sink, Stop};

use super::functions;
use crate::mail::is_sextet;

/// Most that are handed over of one text.
const MOST: usize = 64;
/// Fewest bytes of something decoded that is an object of its own.
const SMALLEST: usize = 16;
/// Fewest characters of base64 that count.
const SHORTEST: usize = 40;
/// Fewest numbers of a list that count.
const FEWEST: usize = 64;

/// How what is handed over begins in base64: programs, archives, documents, pages and scripts.
const BEGINNINGS: &[&[u8]] = &[
    b"TVqQ",
    b"TVpQ",
    b"TVoA",
    b"TVrA",
    b"TVpA",
    b"TVpF",
    b"TVpS",
    b"H4sI",
    b"UEsDB",
    b"f0VMR",
    b"JVBERi",
    b"0M8R4KGx",
    b"UmFyIR",
    b"N3q8ry",
    b"KLUv/",
    b"PCFET0NU",
    b"PGh0bW",
    b"PEhUTU",
    b"PHNjcmlwd",
    b"PD9waH",
    b"IyEv",
    b"e1xydG",
    b"TVND",
    b"TAAAAAEUAg",
    b"JABlAH",
    b"JABhAH",
    b"SQBFAFgA",
    b"aQBlAHgA",
    b"QWN0aXZlTWltZQ",
];

/// How programs, archives, documents and pages begin in hexadecimal digits.
const HEX_BEGINNINGS: &[&[u8]] = &[
    b"4d5a",
    b"504b0304",
    b"1f8b08",
    b"7f454c46",
    b"255044462d",
    b"d0cf11e0",
    b"3c68746d6c",
    b"3c736372697074",
    b"7b5c7274",
];

/// The bytes that a beginning may have at one place, in either case where `any_case`. Nearly all words of a text end here:
/// it is looked at for each of them.
const fn at_place(beginnings: &[&[u8]], place: usize, any_case: bool) -> [bool; 256] {
    let mut bytes = [false; 256];
    let mut rest = beginnings;
    while let [beginning, others @ ..] = rest {
        let (_, beginning) = beginning.split_at(place);
        if let Some(byte) = beginning.first() {
            mark(&mut bytes, *byte);
            if any_case {
                mark(&mut bytes, byte.to_ascii_uppercase());
            }
        }
        rest = others;
    }
    bytes
}

/// How lists of numbers, and what is in base64 or in hexadecimal digits, may begin.
const MAY_BEGIN: [bool; 256] = {
    let mut bytes = at_place(BEGINNINGS, 0, false);
    let mut rest: (&[&[u8]], &[u8]) = (HEX_BEGINNINGS, b"0123456789");
    while let [beginning, others @ ..] = rest.0 {
        if let Some(byte) = beginning.first() {
            mark(&mut bytes, *byte);
            mark(&mut bytes, byte.to_ascii_uppercase());
        }
        rest.0 = others;
    }
    while let [digit, others @ ..] = rest.1 {
        mark(&mut bytes, *digit);
        rest.1 = others;
    }
    bytes
};

const fn mark(bytes: &mut [bool; 256], byte: u8) {
    let (_, from) = bytes.split_at_mut(byte as usize);
    if let Some(place) = from.first_mut() {
        *place = true;
    }
}

/// Whether a text begins with one of them.
fn begins(
    rest: &[u8],
    beginnings: &[&[u8]],
    places: &[[bool; 256]; 2],
    equal: fn(&[u8], &[u8]) -> bool,
) -> bool {
    let may = |(byte, place): (&u8, &[bool; 256])| place.get(usize::from(*byte)).is_some_and(|may| *may);
    rest.iter().zip(places).all(may)
        && beginnings
            .iter()
            .any(|beginning| rest.get(..beginning.len()).is_some_and(|head| equal(head, beginning)))
}

/// Finds them, and whether one reaches to the end of the text. `found` gets no more than a bounded number.
pub(super) fn find(text: &[u8], found: &mut Vec<Vec<u8>>, sink: &mut dyn Sink) -> Result<bool, Stop> {
    const PLACES: [[bool; 256]; 2] = [at_place(BEGINNINGS, 0, false), at_place(BEGINNINGS, 1, false)];
    let mut at = 0_usize;
    let mut looked = 0_usize;
    let mut cut = false;
    while let Some(rest) = text.get(at..) {
        if at.saturating_sub(looked) > 1 << 16 {
            sink.pulse()?;
            looked = at;
        }
        let Some(blank) = rest.iter().position(|byte| is_sextet(*byte)) else { break };
        at = at.saturating_add(blank);
        let rest = text.get(at..).unwrap_or_default();
        let word = rest.iter().position(|byte| !is_sextet(*byte)).unwrap_or(rest.len());
        let may_begin = |byte: &u8| MAY_BEGIN.get(usize::from(*byte)).is_some_and(|may| *may);
        let Some(byte) = rest.first().filter(|byte| word >= 2 && may_begin(byte)) else {
            at = at.saturating_add(word);
            continue;
        };
        let numbers = if byte.is_ascii_digit() { numbers(rest) } else { None };
        let hex = || {
            let size = hex_size(rest)?;
            Some((functions::hex(rest.get(..size)?)?, size))
        };
        let base64 = || {
            begins(rest, BEGINNINGS, &PLACES, |head, beginning| head == beginning).then_some(())?;
            let size = base64_size(rest);
            (size >= SHORTEST).then_some(())?;
            Some((functions::base64(rest.get(..size)?)?, size))
        };
        let size = match numbers.or_else(hex).or_else(base64) {
            Some((bytes, size)) => {
                found.push(bytes);
                cut |= size >= rest.len();
                size
            }
            None => word,
        };
        if found.len() >= MOST {
            break;
        }
        at = at.saturating_add(size.max(1));
    }
    Ok(cut)
}

/// Hands over all that was decoded, each once.
pub(super) fn hand_over(mut found: Vec<Vec<u8>>, sink: &mut dyn Sink) -> Flow {
    if found.len() >= MOST {
        sink.gap(Reason::Limit(Limit::Objects), "64 or more encoded things in a text");
    }
    found.retain(|bytes| bytes.len() >= SMALLEST);
    let mut seen: Vec<&Vec<u8>> = Vec::new();
    for bytes in found.iter().take(MOST.saturating_mul(4)) {
        sink.pulse()?;
        if !seen.contains(&bytes) {
            sink.child(Child { name: "", relation: Relation::Stream }, &mut bytes.as_slice())?;
            seen.push(bytes);
        }
    }
    Ok(())
}

/// How far base64 goes, over line ends and blanks.
fn base64_size(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| is_sextet(**byte) || matches!(byte, b'=' | b'\r' | b'\n')).count()
}

/// How many hexadecimal digits of a program or an archive there are.
fn hex_size(rest: &[u8]) -> Option<usize> {
    const PLACES: [[bool; 256]; 2] = [at_place(HEX_BEGINNINGS, 0, true), at_place(HEX_BEGINNINGS, 1, true)];
    begins(rest, HEX_BEGINNINGS, &PLACES, <[u8]>::eq_ignore_ascii_case).then_some(())?;
    let size =
        rest.iter().take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'\r' | b'\n')).count();
    (size >= 64).then_some(size)
}

/// The bytes of a list of numbers: `0x4d,0x5a,144`. How long it is, too.
fn numbers(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut bytes = Vec::new();
    let mut at = 0_usize;
    loop {
        let here = rest.get(at..)?;
        let (digits, base, from) = match here {
            [b'0', b'x' | b'X', digits @ ..] => (digits, 16, 2),
            digits => (digits, 10, 0),
        };
        let size = digits.iter().take(4).take_while(|byte| char::from(**byte).is_digit(base)).count();
        let number = std::str::from_utf8(digits.get(..size)?).ok();
        let Some(byte) = number.and_then(|number| u8::from_str_radix(number, base).ok()) else { break };
        bytes.push(byte);
        at = at.saturating_add(from).saturating_add(size);
        let between = rest
            .get(at..)?
            .iter()
            .take_while(|byte| matches!(byte, b',' | b' ' | b'\r' | b'\n' | b'\t' | b'_'));
        let between = between.count();
        if between == 0 || !rest.get(at..at.saturating_add(between))?.contains(&b',') {
            break;
        }
        at = at.saturating_add(between);
    }
    (bytes.len() >= FEWEST).then_some((bytes, at))
}

/// The commands that `-EncodedCommand` has, in any of its short forms, decoded.
pub(super) fn commands(text: &[u8]) -> Vec<Vec<u8>> {
    const OPTION: &[u8] = b"encodedcommand";
    let mut found = Vec::new();
    for place in memchr::memchr3_iter(b'-', b'/', 0x96, text) {
        let rest = text.get(place.saturating_add(1)..).unwrap_or_default();
        if !matches!(rest.first(), Some(b'e' | b'E' | b'^' | b'`')) {
            continue;
        }
        let letters = rest
            .iter()
            .take(32)
            .take_while(|byte| byte.is_ascii_alphabetic() || b"^`".contains(byte))
            .count();
        let option: Vec<u8> = rest.iter().take(letters).copied().filter(u8::is_ascii_alphabetic).collect();
        let option = option.to_ascii_lowercase();
        if option.is_empty() || !(OPTION.starts_with(&option) || option == b"ec") {
            continue;
        }
        let rest = rest.get(letters..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| b" \t:=\"'".contains(byte)).count();
        let rest = rest.get(blanks..).unwrap_or_default();
        let encoded: Vec<u8> =
            rest.iter().copied().take_while(|byte| is_sextet(*byte) || b"=^\"+".contains(byte)).collect();
        if blanks == 0 || encoded.len() < 16 || found.len() >= 64 {
            continue;
        }
        let Some(bytes) = functions::base64(&encoded) else { continue };
        let wide = bytes.as_chunks::<2>().0;
        let zeros = wide.iter().filter(|[_, high]| *high == 0).count();
        if zeros.saturating_mul(2) > wide.len() {
            found.push(functions::narrowed(&bytes));
        }
    }
    found
}
