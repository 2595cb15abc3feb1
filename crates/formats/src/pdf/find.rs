//! Where objects, trailers and starts of cross-references stand in a file, by their words alone: malware hides objects
//! from the tables, and readers that find a broken table look for the words, too.

use candor_object::{Content, Sink, Stop};
use memchr::memmem::Finder;

use super::value::{Parser, is_space};

const STEP: usize = 1 << 20;
/// Bytes before `obj` in which its numbers have to stand.
const BEHIND: usize = 128;
/// Longest word, and a byte more.
const AHEAD: usize = 10;
/// Objects that are remembered.
const MOST_OBJECTS: usize = 1 << 20;
/// Trailers and starts that are remembered.
const MOST_MARKS: usize = 1000;

/// Where an object begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) number: u32,
    pub(super) generation: u32,
    /// Where its number stands.
    pub(super) offset: u64,
    /// Where its value stands.
    pub(super) body: u64,
}

/// What was found, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) objects: Vec<Found>,
    /// Behind `trailer`.
    pub(super) trailers: Vec<u64>,
    /// Behind `startxref`.
    pub(super) starts: Vec<u64>,
    /// Whether there were more objects.
    pub(super) cut: bool,
}

/// Goes through the file once.
pub(super) fn marks(content: &Content, sink: &mut dyn Sink) -> Result<Marks, Stop> {
    let mut marks = Marks::default();
    let object = Finder::new(b"obj");
    let words = [Finder::new(b"trailer"), Finder::new(b"startxref")];
    let mut offset: u64 = 0;
    while offset < content.size() {
        sink.pulse()?;
        let start = offset.saturating_sub(BEHIND as u64);
        let before = usize::try_from(offset.saturating_sub(start)).unwrap_or(0);
        let window = content.window(start, before.saturating_add(STEP).saturating_add(AHEAD))?;
        let end = before.saturating_add(STEP);
        let area = window.get(before..).unwrap_or_default();
        let places = |finder: &Finder<'_>| {
            let places: Vec<usize> =
                finder.find_iter(area).map(|place| place.saturating_add(before)).collect();
            places.into_iter().take_while(move |place| *place < end)
        };
        for place in places(&object) {
            let Some(found) = object_before(&window, place, start) else { continue };
            marks.cut |= marks.objects.len() >= MOST_OBJECTS;
            if !marks.cut {
                marks.objects.push(found);
            }
        }
        for (list, finder) in [&mut marks.trailers, &mut marks.starts].into_iter().zip(&words) {
            for place in places(finder) {
                // The last ones are the newest.
                if list.len() >= MOST_MARKS {
                    list.remove(0);
                }
                let length = finder.needle().len();
                list.push(start.saturating_add(place.saturating_add(length) as u64));
            }
        }
        offset = offset.saturating_add(STEP as u64);
    }
    Ok(marks)
}

/// The object whose `obj` stands at `place`.
fn object_before(window: &[u8], place: usize, start: u64) -> Option<Found> {
    let after = place.saturating_add(3);
    if window.get(after).is_some_and(u8::is_ascii_alphabetic) {
        return None;
    }
    let low = place.saturating_sub(BEHIND);
    let before = window.get(low..place)?;
    let (before, _) = strip(before, is_space);
    let (before, generation) = strip(before, |byte| byte.is_ascii_digit());
    let (before, space) = strip(before, is_space);
    let (before, number) = strip(before, |byte| byte.is_ascii_digit());
    if space.is_empty() {
        return None;
    }
    Some(Found {
        number: decimal(number)?,
        generation: decimal(generation)?,
        offset: start.saturating_add(low.saturating_add(before.len()) as u64),
        body: start.saturating_add(after as u64),
    })
}

/// The object that begins at `offset`, where a table says that one does. Here comments may stand between its words.
pub(super) fn object_at(content: &Content, offset: u64) -> std::io::Result<Option<Found>> {
    let window = content.window(offset, 1024)?;
    let mut parser = Parser::new(&window);
    let numbers = (parser.number(), parser.number());
    let (Some(number), Some(generation)) = numbers else { return Ok(None) };
    let (Ok(number), Ok(generation)) = (u32::try_from(number), u32::try_from(generation)) else {
        return Ok(None);
    };
    let body = |parser: &Parser<'_>| offset.saturating_add(parser.place() as u64);
    Ok(parser.word(b"obj").then(|| Found { number, generation, offset, body: body(&parser) }))
}

/// What stands before the bytes at the end that are of a kind, and these.
fn strip(bytes: &[u8], kind: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let length = bytes.iter().rev().take_while(|byte| kind(**byte)).count();
    bytes.split_at_checked(bytes.len().saturating_sub(length)).unwrap_or_default()
}

fn decimal(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Option<Found> {
        let place = memchr::memmem::find(bytes, b"obj")?;
        object_before(bytes, place, 0)
    }

    #[test]
    fn objects_are_known_by_their_numbers() {
        assert_eq!(found(b"x 12 3 obj<<"), Some(Found { number: 12, generation: 3, offset: 2, body: 10 }));
        assert_eq!(found(b"12\r\n0obj"), Some(Found { number: 12, generation: 0, offset: 0, body: 8 }));
        for other in [&b"endobj"[..], b"0 obj", b"120obj", b"1 0 object", b"99999999999 0 obj", b"a 0 obj"] {
            assert_eq!(found(other), None, "{other:?}");
        }
    }

    #[test]
    fn an_object_over_the_end_of_a_window_is_found_once() {
        use candor_object::{Budget, Limits};
        for shift in 0..12 {
            let mut bytes = vec![b' '; STEP - 6 + shift];
            bytes.extend(b"77 0 obj null endobj trailer startxref");
            let size = bytes.len() as u64;
            let mut sink = crate::Collector::new(Budget::new(&Limits::default(), size));
            let marks = marks(&Content::from_vec(bytes), &mut sink).unwrap();
            let numbers: Vec<u32> = marks.objects.iter().map(|found| found.number).collect();
            assert_eq!((numbers, marks.trailers.len(), marks.starts), (vec![77], 1, vec![size]), "{shift}");
        }
    }
}
