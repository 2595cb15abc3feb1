//! Predictors: ISO 32000-1, 7.4.4.4. Rows are PNG's, which name their filter, or TIFF's.

use std::io::{self, ErrorKind, Read};

/// Longest row.
const LONGEST: u64 = 1 << 20;

/// How rows were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// Whether each row begins with the number of its filter, as in PNG.
    pub(super) png: bool,
    pub(super) colors: u32,
    pub(super) bits: u32,
    pub(super) columns: u32,
}

impl Rows {
    /// Bytes of a pixel, rounded up, and of a row.
    fn sizes(self) -> Option<(usize, usize)> {
        let pixel = u64::from(self.colors).checked_mul(u64::from(self.bits))?;
        let row = pixel.checked_mul(u64::from(self.columns))?.div_ceil(8);
        let sensible = self.colors > 0 && self.columns > 0 && matches!(self.bits, 1 | 2 | 4 | 8 | 16);
        (sensible && row <= LONGEST).then_some(())?;
        Some((usize::try_from(pixel.div_ceil(8)).ok()?, usize::try_from(row).ok()?))
    }
}

/// A reader of the rows as they were.
pub(super) struct Unpredicted {
    input: Box<dyn Read>,
    rows: Rows,
    pixel: usize,
    /// The row that is given out; it is the one above when the next is made.
    row: Vec<u8>,
    above: Vec<u8>,
    length: usize,
    given: usize,
    ready: usize,
    end: Option<io::Result<()>>,
}

impl Unpredicted {
    /// # Errors
    /// If the rows are nothing that can be.
    pub(super) fn new(input: Box<dyn Read>, rows: Rows) -> io::Result<Self> {
        let wrong = || io::Error::new(ErrorKind::InvalidData, "rows of a predictor that cannot be");
        let (pixel, length) = rows.sizes().ok_or_else(wrong)?;
        let (row, above) = (vec![0; length], vec![0; length]);
        Ok(Self { input, rows, pixel, row, above, length, given: 0, ready: 0, end: None })
    }

    /// Reads the next row; what there is of the last.
    fn next_row(&mut self) -> io::Result<usize> {
        let mut filter = [0];
        if self.rows.png && self.read_full(Fill::Filter(&mut filter))? == 0 {
            return Ok(0);
        }
        std::mem::swap(&mut self.row, &mut self.above);
        let mut row = std::mem::take(&mut self.row);
        row.resize(self.length, 0);
        row.fill(0);
        let result = self.read_full(Fill::Row(&mut row));
        let count = *result.as_ref().unwrap_or(&0);
        self.row = row;
        if self.rows.png {
            self.png(filter[0], count);
        } else {
            self.tiff();
        }
        result
    }

    /// Reads until the buffer is full or the input is over. What came before an error is not lost.
    fn read_full(&mut self, fill: Fill<'_>) -> io::Result<usize> {
        let (Fill::Filter(buffer) | Fill::Row(buffer)) = fill;
        let mut count: usize = 0;
        while count < buffer.len() && self.end.is_none() {
            match self.input.read(buffer.get_mut(count..).unwrap_or_default()) {
                Ok(0) => self.end = Some(Ok(())),
                Ok(more) => count = count.saturating_add(more),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.end = Some(Err(error)),
            }
        }
        Ok(count)
    }

    fn png(&mut self, filter: u8, count: usize) {
        let at = |bytes: &[u8], index: Option<usize>| {
            index.and_then(|index| bytes.get(index).copied()).unwrap_or(0)
        };
        if filter == 0 || filter > 4 {
            return;
        }
        if filter == 2 {
            for (byte, up) in self.row.iter_mut().zip(&self.above).take(count) {
                *byte = byte.wrapping_add(*up);
            }
            return;
        }
        for index in 0..count {
            let behind = index.checked_sub(self.pixel);
            let (left, up, corner) =
                (at(&self.row, behind), at(&self.above, Some(index)), at(&self.above, behind));
            let predicted = match filter {
                1 => left,
                3 => left.midpoint(up),
                _ => paeth(left, up, corner),
            };
            if let Some(byte) = self.row.get_mut(index) {
                *byte = byte.wrapping_add(predicted);
            }
        }
    }

    fn tiff(&mut self) {
        let colors = usize::try_from(self.rows.colors).unwrap_or(usize::MAX);
        match self.rows.bits {
            8 => {
                for index in colors..self.row.len() {
                    let left = self.row.get(index.saturating_sub(colors)).copied().unwrap_or(0);
                    if let Some(byte) = self.row.get_mut(index) {
                        *byte = byte.wrapping_add(left);
                    }
                }
            }
            16 => {
                for index in colors..self.row.len() / 2 {
                    let at = |index: usize| index.saturating_mul(2);
                    let left =
                        crate::fields::u16_be(&self.row, at(index.saturating_sub(colors))).unwrap_or(0);
                    let this = crate::fields::u16_be(&self.row, at(index)).unwrap_or(0);
                    let place = at(index)..at(index).saturating_add(2);
                    if let Some(to) = self.row.get_mut(place) {
                        to.copy_from_slice(&this.wrapping_add(left).to_be_bytes());
                    }
                }
            }
            bits => self.tiff_bits(bits, colors),
        }
    }

    /// Pixels that are smaller than a byte.
    fn tiff_bits(&mut self, bits: u32, colors: usize) {
        let mask = u8::try_from(1_u32.wrapping_shl(bits).saturating_sub(1)).unwrap_or(u8::MAX);
        let mut left = vec![0_u8; colors.min(self.length.saturating_mul(8))];
        let mut color: usize = 0;
        for byte in &mut self.row {
            let mut out: u8 = 0;
            let mut shift = 8_u32;
            while shift > 0 {
                shift = shift.saturating_sub(bits);
                if let Some(left) = left.get_mut(color) {
                    *left = left.wrapping_add(byte.wrapping_shr(shift)) & mask;
                    out |= left.wrapping_shl(shift);
                }
                color = color.saturating_add(1);
                if color >= colors {
                    color = 0;
                }
            }
            *byte = out;
        }
    }
}

/// What is read into.
enum Fill<'a> {
    Filter(&'a mut [u8]),
    Row(&'a mut [u8]),
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let guess = a.wrapping_add(b).wrapping_sub(c);
    let distance = |other: i16| guess.abs_diff(other);
    if distance(a) <= distance(b) && distance(a) <= distance(c) {
        left
    } else if distance(b) <= distance(c) {
        up
    } else {
        corner
    }
}

impl Read for Unpredicted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.ready {
            self.given = 0;
            self.ready = 0;
            while self.end.is_none() && self.ready == 0 {
                self.ready = self.next_row()?;
            }
        }
        let ready = self.row.get(self.given..self.ready).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if count > 0
            && let (Some(from), Some(to)) = (ready.get(..count), buffer.get_mut(..count))
        {
            to.copy_from_slice(from);
            self.given = self.given.saturating_add(count);
            return Ok(count);
        }
        match &mut self.end {
            Some(end) if !buffer.is_empty() => std::mem::replace(end, Ok(())).map(|()| 0),
            _ => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(rows: Rows, bytes: &'static [u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Unpredicted::new(Box::new(bytes), rows).unwrap().read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn rows_of_png() {
        let rows = Rows { png: true, colors: 1, bits: 8, columns: 3 };
        let packed = b"\0abc\x01a\x01\x01\x02\x01\x01\x01\x03\x01\x01\x01\x04\x01\x01\x01\x00ab";
        assert_eq!(
            decode(rows, packed),
            b"abcabcbcd23445\x36ab"
                .iter()
                .copied()
                .enumerate()
                .map(|(index, byte)| {
                    // Averages and Paeth by hand: 98/2+1=50, (50+99)/2+1=75, (75+100)/2+1=88; 51, 76, 89.
                    match index {
                        9 => 50,
                        10 => 75,
                        11 => 88,
                        12 => 51,
                        13 => 76,
                        14 => 89,
                        _ => byte,
                    }
                })
                .collect::<Vec<u8>>()
        );
    }

    #[test]
    fn rows_of_tiff() {
        assert_eq!(
            decode(Rows { png: false, colors: 1, bits: 8, columns: 3 }, b"\x01\x01\x01\x05\x01\xff"),
            b"\x01\x02\x03\x05\x06\x05"
        );
        assert_eq!(
            decode(Rows { png: false, colors: 1, bits: 16, columns: 2 }, b"\0\xff\0\x01"),
            b"\0\xff\x01\0"
        );
        assert_eq!(decode(Rows { png: false, colors: 1, bits: 4, columns: 4 }, b"\x11\x11"), b"\x12\x34");
    }

    #[test]
    fn rows_that_cannot_be() {
        for (colors, bits, columns) in [(0, 8, 1), (1, 3, 1), (1, 8, 0), (u32::MAX, 16, u32::MAX)] {
            assert!(Unpredicted::new(Box::new(&b""[..]), Rows { png: true, colors, bits, columns }).is_err());
        }
    }
}
