//! Searches content for signatures in windows of bounded size.

use candor_object::{Content, Sink, Stop};
use memchr::memmem;

const WINDOW: usize = 1 << 20;

/// The first place of `needle` that lies wholly in `from..to`.
pub(super) fn find(
    content: &Content,
    from: u64,
    to: u64,
    needle: &[u8],
    sink: &mut dyn Sink,
) -> Result<Option<u64>, Stop> {
    let finder = memmem::Finder::new(needle);
    let overlap = needle.len().saturating_sub(1) as u64;
    let to = to.min(content.size());
    let mut start = from;
    while start < to {
        sink.pulse()?;
        let left = usize::try_from(to.saturating_sub(start)).unwrap_or(usize::MAX);
        let window = content.window(start, WINDOW.min(left))?;
        if let Some(place) = finder.find(&window) {
            return Ok(Some(start.saturating_add(place as u64)));
        }
        if left <= WINDOW || window.len() < WINDOW {
            break;
        }
        start = start.saturating_add((window.len() as u64).saturating_sub(overlap));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Collector;
    use candor_object::{Budget, Limits};

    #[test]
    fn finds_across_windows_and_respects_the_end() {
        let mut bytes = vec![0; WINDOW + 10];
        bytes[WINDOW - 2..WINDOW + 2].copy_from_slice(b"PK\x03\x04");
        let content = Content::from_vec(bytes);
        let mut sink = Collector::new(Budget::new(&Limits::default(), 0));
        let place = WINDOW as u64 - 2;
        let mut search = |from, to| find(&content, from, to, b"PK\x03\x04", &mut sink).unwrap();
        assert_eq!(search(0, u64::MAX), Some(place));
        assert_eq!(search(place, place + 4), Some(place));
        assert_eq!(search(0, place + 3), None);
        assert_eq!(search(place + 1, u64::MAX), None);
        assert_eq!(search(u64::MAX, u64::MAX), None);
    }
}
