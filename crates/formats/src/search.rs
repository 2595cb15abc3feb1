//! Where something begins again: behind padding, junk or damage.

use std::io;

use candor_object::{Content, Sink, Stop};

const STEP: usize = 64 << 10;

/// The first place at `from` or a multiple of `stride` behind it where `begins` holds for the `head` bytes that
/// stand there, or for fewer at the end.
///
/// # Errors
/// When the time is up or the content cannot be read.
pub(crate) fn find(
    content: &Content,
    from: u64,
    (stride, head): (usize, usize),
    sink: &mut dyn Sink,
    begins: impl Fn(&[u8]) -> bool,
) -> Result<Option<u64>, Stop> {
    let mut offset = from;
    while offset < content.size() {
        sink.pulse()?;
        let window = content.window(offset, STEP.saturating_add(head))?;
        let places = window.len().min(STEP);
        let found = (0..places).step_by(stride).find(|place| {
            let end = place.saturating_add(head).min(window.len());
            window.get(*place..end).is_some_and(&begins)
        });
        if let Some(place) = found {
            return Ok(Some(offset.saturating_add(place as u64)));
        }
        if places < STEP {
            break;
        }
        // The stride divides the step, so the places stay aligned.
        offset = offset.saturating_add(places as u64);
    }
    Ok(None)
}

/// Where the zeros end that begin at `from`.
///
/// # Errors
/// When the time is up or the content cannot be read.
pub(crate) fn skip_zeros(content: &Content, from: u64, sink: &mut dyn Sink) -> Result<u64, Stop> {
    let mut offset = from;
    loop {
        sink.pulse()?;
        let count = zeros(content, offset, 1 << 20)?.max(content.hole(offset));
        offset = offset.saturating_add(count);
        if count < 1 << 20 {
            return Ok(offset);
        }
    }
}

/// How many zeros there are from `offset` on, up to `most`.
///
/// # Errors
/// Those of reading the content.
pub(crate) fn zeros(content: &Content, offset: u64, most: u64) -> io::Result<u64> {
    let mut count: u64 = 0;
    while count < most {
        let hole = content.hole(offset.saturating_add(count));
        if hole > 0 {
            count = count.saturating_add(hole);
            continue;
        }
        let window = content.window(offset.saturating_add(count), 16 << 10)?;
        let run = window.iter().position(|byte| *byte != 0).unwrap_or(window.len());
        count = count.saturating_add(run as u64);
        if run < window.len() || window.is_empty() {
            break;
        }
    }
    Ok(count.min(most))
}
