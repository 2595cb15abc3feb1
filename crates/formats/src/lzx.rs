//! LZX, the compression of cabinets, help files and images of Windows.
//!
//! Specification: [MS-PATCH], <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-patch>.

use std::io::{self, ErrorKind, Read};

use crate::bits::{Bits, Huffman};
use crate::unpack::{copy, damaged};

/// Bytes of a frame, behind which the stream is aligned.
pub(crate) const FRAME: usize = 32 << 10;
/// Symbols of the code for lengths.
const LENGTHS: usize = 249;
/// Frames that calls are translated in.
const TRANSLATED: u64 = 32_768;
/// The size for the translation of calls that images have.
const IMAGE_TRANSLATION: i32 = 12_000_000;

/// Bits of words of 16 bits, the low byte of which comes first and the high bit.
struct Words<R> {
    input: R,
    word: u16,
    left: u32,
}

impl<R: Read> Words<R> {
    fn next(&mut self) -> io::Result<()> {
        let mut bytes = [0; 2];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.input.read(rest) {
                Ok(0) if filled == 0 => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(0) => break,
                Ok(count) => filled = filled.saturating_add(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        (self.word, self.left) = (u16::from_le_bytes(bytes), 16);
        Ok(())
    }
}

impl<R: Read> Bits for Words<R> {
    fn bit(&mut self) -> io::Result<u32> {
        if self.left == 0 {
            self.next()?;
        }
        self.left = self.left.saturating_sub(1);
        Ok(u32::from(self.word >> self.left & 1))
    }

    fn bits(&mut self, count: u32) -> io::Result<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | self.bit()?;
        }
        Ok(value)
    }
}

/// How the symbols of a block are written.
enum Kind {
    Packed(Box<Codes>),
    Stored,
}

struct Codes {
    main: Huffman,
    length: Huffman,
    aligned: Option<Huffman>,
}

/// The decoder of a stream.
pub(crate) struct Lzx<R> {
    words: Words<R>,
    window: usize,
    /// What came out, before calls were translated.
    history: Vec<u8>,
    state: State,
    /// Whether blocks begin as they do in images: sizes are short, and calls are always translated.
    image: bool,
}

/// What a reset forgets.
struct State {
    main: Vec<u8>,
    length: Vec<u8>,
    kind: Option<Kind>,
    /// Bytes of the block that are to come.
    remaining: usize,
    /// Whether a byte of padding follows the block.
    odd: bool,
    recent: [usize; 3],
    /// The size for the translation of calls, once it was read.
    translation: Option<i32>,
    frames: u64,
}

impl State {
    fn new(slots: usize) -> Self {
        Self {
            main: vec![0; slots.saturating_mul(8).saturating_add(256)],
            length: vec![0; LENGTHS],
            kind: None,
            remaining: 0,
            odd: false,
            recent: [1; 3],
            translation: None,
            frames: 0,
        }
    }
}

/// The position slots of a window.
fn slots(window_bits: u32) -> Option<usize> {
    Some(match window_bits {
        15..=19 => usize::try_from(window_bits.saturating_mul(2)).ok()?,
        20 => 42,
        21 => 50,
        _ => return None,
    })
}

/// The first distance of a slot, and the bits that follow.
fn slot_range(slot: usize) -> (usize, u32) {
    match slot {
        0..=3 => (slot, 0),
        4..=35 => {
            let extra = u32::try_from(slot / 2).unwrap_or(0).saturating_sub(1);
            ((2 | slot & 1) << extra, extra)
        }
        _ => (slot.saturating_sub(34).saturating_mul(1 << 17), 17),
    }
}

impl<R: Read> Lzx<R> {
    /// A decoder with a window of `2^window_bits` bytes; nothing for a window that there is not.
    pub(crate) fn new(input: R, window_bits: u32) -> Option<Self> {
        let state = State::new(slots(window_bits)?);
        let words = Words { input, word: 0, left: 0 };
        Some(Self { words, window: 1_usize << window_bits, history: Vec::new(), state, image: false })
    }

    /// A decoder for a chunk of an image of Windows.
    pub(crate) fn for_image(input: R, window_bits: u32) -> Option<Self> {
        let mut lzx = Self::new(input, window_bits)?;
        lzx.image = true;
        lzx.state.translation = Some(IMAGE_TRANSLATION);
        Some(lzx)
    }

    /// What it reads from.
    pub(crate) fn input(&mut self) -> &mut R {
        &mut self.words.input
    }

    /// Forgets all but the place in the input.
    pub(crate) fn reset(&mut self) {
        let symbols = self.state.main.len().saturating_sub(256);
        self.state = State::new(symbols / 8);
        self.history.clear();
        self.words.left = 0;
    }

    /// Appends a frame of `size` bytes; what came before an error counts.
    ///
    /// # Errors
    /// Those of the stream, after which it must not be read again.
    pub(crate) fn frame(&mut self, size: usize, output: &mut Vec<u8>) -> io::Result<()> {
        let old = self.history.len().saturating_sub(self.window);
        if old > self.window {
            self.history.drain(..old);
        }
        let start = self.history.len();
        let result = self.decode(start.saturating_add(size));
        let begin = output.len();
        output.extend_from_slice(self.history.get(start..).unwrap_or_default());
        let offset = self.state.frames.saturating_mul(FRAME as u64);
        if self.state.frames < TRANSLATED
            && let Some(frame) = output.get_mut(begin..)
        {
            translate(frame, i32::try_from(offset).unwrap_or(i32::MAX), self.state.translation.unwrap_or(0));
        }
        self.state.frames = self.state.frames.saturating_add(1);
        self.words.left = 0;
        result
    }

    fn decode(&mut self, end: usize) -> io::Result<()> {
        if self.state.translation.is_none() {
            let size = if self.words.bit()? == 1 { self.words.bits(32)? } else { 0 };
            self.state.translation = Some(size.cast_signed());
        }
        while self.history.len() < end {
            if self.state.remaining == 0 {
                self.begin_block()?;
            }
            let before = self.history.len();
            self.step(end)?;
            let done = self.history.len().saturating_sub(before);
            self.state.remaining = self
                .state
                .remaining
                .checked_sub(done)
                .ok_or_else(|| damaged("a match reaches beyond its block"))?;
        }
        if self.history.len() > end {
            return Err(damaged("a match reaches beyond its frame"));
        }
        Ok(())
    }

    fn begin_block(&mut self) -> io::Result<()> {
        let state = &mut self.state;
        let words = &mut self.words;
        if state.odd {
            words.input.read_exact(&mut [0])?;
            state.odd = false;
        }
        let kind = words.bits(3)?;
        let size = match self.image {
            false => words.bits(24)?,
            true if words.bit()? == 1 => 1 << 15,
            true if self.window > FRAME => words.bits(24)?,
            true => words.bits(16)?,
        };
        state.remaining = usize::try_from(size).unwrap_or(usize::MAX);
        if state.remaining == 0 {
            return Err(damaged("a block is empty"));
        }
        state.kind = Some(match kind {
            1 | 2 => {
                let aligned = if kind == 2 {
                    let mut lengths = [0; 8];
                    for length in &mut lengths {
                        *length = u8::try_from(words.bits(3)?).unwrap_or(0);
                    }
                    Some(Huffman::new(&lengths)?)
                } else {
                    None
                };
                let (letters, matches) = state.main.split_at_mut(256);
                read_lengths(words, letters)?;
                read_lengths(words, matches)?;
                read_lengths(words, &mut state.length)?;
                let (main, length) = (Huffman::new(&state.main)?, Huffman::new(&state.length)?);
                Kind::Packed(Box::new(Codes { main, length, aligned }))
            }
            3 => {
                // There is always padding, of 1 to 16 bits.
                if words.left == 0 {
                    words.next()?;
                }
                words.left = 0;
                for recent in &mut state.recent {
                    let mut bytes = [0; 4];
                    words.input.read_exact(&mut bytes)?;
                    *recent = usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX);
                }
                state.odd = state.remaining % 2 == 1;
                Kind::Stored
            }
            _ => return Err(damaged("a block is of an unknown kind")),
        });
        Ok(())
    }

    fn step(&mut self, end: usize) -> io::Result<()> {
        let state = &mut self.state;
        let words = &mut self.words;
        let (main, length, aligned) = match &state.kind {
            Some(Kind::Packed(codes)) => (&codes.main, &codes.length, &codes.aligned),
            Some(Kind::Stored) => {
                let count = end.saturating_sub(self.history.len()).min(state.remaining);
                let read =
                    Read::by_ref(&mut words.input).take(count as u64).read_to_end(&mut self.history)?;
                return if read < count { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) };
            }
            None => return Err(damaged("no block")),
        };
        let symbol = usize::from(main.decode(words)?);
        let Some(matched) = symbol.checked_sub(256) else {
            self.history.push(u8::try_from(symbol).unwrap_or_default());
            return Ok(());
        };
        let mut size = matched & 7;
        if size == 7 {
            size = size.saturating_add(usize::from(length.decode(words)?));
        }
        let [first, second, third] = state.recent;
        let distance = match matched >> 3 {
            0 => first,
            1 => {
                state.recent = [second, first, third];
                second
            }
            2 => {
                state.recent = [third, second, first];
                third
            }
            slot => {
                let (base, extra) = slot_range(slot);
                let more = match aligned {
                    Some(aligned) if extra >= 3 => {
                        words.bits(extra.saturating_sub(3))? << 3 | u32::from(aligned.decode(words)?)
                    }
                    _ => words.bits(extra)?,
                };
                let more = usize::try_from(more).unwrap_or(usize::MAX);
                let distance = base.saturating_add(more).saturating_sub(2);
                state.recent = [distance, first, second];
                distance
            }
        };
        copy(&mut self.history, distance, size.saturating_add(2))
    }
}

/// Lengths of codes, written as differences to those of the block before.
fn read_lengths(words: &mut impl Bits, lengths: &mut [u8]) -> io::Result<()> {
    let mut pre = [0; 20];
    for length in &mut pre {
        *length = u8::try_from(words.bits(4)?).unwrap_or(0);
    }
    let pre = Huffman::new(&pre)?;
    let less = |old: u8, by: u16| {
        u8::try_from((u16::from(old).saturating_add(17)).saturating_sub(by.min(17)) % 17).unwrap_or(0)
    };
    let mut at = 0_usize;
    while let Some(old) = lengths.get(at).copied() {
        let (count, same) = match pre.decode(words)? {
            17 => (words.bits(4)?.saturating_add(4), Some(0)),
            18 => (words.bits(5)?.saturating_add(20), Some(0)),
            19 => {
                let count = words.bit()?.saturating_add(4);
                let by = pre.decode(words)?;
                if by > 16 {
                    return Err(damaged("a code length makes no sense"));
                }
                (count, Some(less(old, by)))
            }
            by => (1, Some(less(old, by))),
        };
        for _ in 0..count {
            if let (Some(slot), Some(length)) = (lengths.get_mut(at), same) {
                *slot = length;
            }
            at = at.saturating_add(1);
        }
    }
    Ok(())
}

/// Makes the targets of calls relative again.
fn translate(frame: &mut [u8], offset: i32, size: i32) {
    if size == 0 || frame.len() <= 10 {
        return;
    }
    let end = frame.len().saturating_sub(10);
    let mut at = 0_usize;
    while at < end {
        if frame.get(at) != Some(&0xe8) {
            at = at.saturating_add(1);
            continue;
        }
        let here = offset.saturating_add(i32::try_from(at).unwrap_or(0));
        let from = at.saturating_add(1);
        at = at.saturating_add(5);
        let Some(target) = frame.get_mut(from..at) else { return };
        let Ok(bytes) = <[u8; 4]>::try_from(&*target) else { return };
        let absolute = i32::from_le_bytes(bytes);
        if absolute >= here.saturating_neg() && absolute < size {
            let relative =
                if absolute >= 0 { absolute.wrapping_sub(here) } else { absolute.wrapping_add(size) };
            target.copy_from_slice(&relative.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_slots() {
        assert_eq!(slot_range(3), (3, 0));
        assert_eq!(slot_range(4), (4, 1));
        assert_eq!(slot_range(29), (24_576, 13));
        assert_eq!(slot_range(36), (262_144, 17));
    }

    #[test]
    fn calls_are_relative_again() {
        let mut frame = *b"\xe8\x20\0\0\0aaaaaaaaaaaaaaaaaa";
        translate(&mut frame, 16, 1000);
        assert_eq!(&frame[..5], b"\xe8\x10\0\0\0");
    }

    #[test]
    fn stored_blocks() {
        // No translation, a stored block of 5 bytes, three distances.
        let mut stream = vec![0x00, 0x30, 0x50, 0x00];
        stream.extend([1, 0, 0, 0].repeat(3));
        stream.extend(b"hello");
        let mut output = Vec::new();
        Lzx::new(&stream[..], 15).unwrap().frame(5, &mut output).unwrap();
        assert_eq!(output, b"hello");
    }
}
