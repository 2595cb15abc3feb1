//! Segments as they travel: compressed, whole or as the difference from an older one (`zstd --patch-from`).
//!
//! What travels is only transport. It is decompressed when TUF vouches for its bytes, and the result must have
//! the digest that the log knows.

use zstd_safe::{CCtx, CParameter, DCtx, compress_bound, get_error_name};

use crate::statement::MAX_SEGMENT;

/// Most bytes of old and new segment together that a difference is made or taken of: both are held in memory.
pub const MAX_PATCHED: u64 = 1 << 30;
/// zstd's largest window: the old segment must lie in it.
const MAX_WINDOW: u32 = 31;

/// Why bytes could not be compressed or decompressed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DeltaError(String);

fn error(code: usize) -> DeltaError {
    DeltaError(format!("zstd: {}", get_error_name(code)))
}

/// Compresses a segment; from an older one if there is one. The same bytes on every machine with this version of zstd.
///
/// # Errors
/// If it is larger than a segment may be.
pub fn compress(new: &[u8], old: Option<&[u8]>, level: i32) -> Result<Vec<u8>, DeltaError> {
    let together = new.len() as u64 + old.map_or(0, |old| old.len() as u64);
    if new.len() as u64 > MAX_SEGMENT || (old.is_some() && together > MAX_PATCHED) {
        return Err(DeltaError("the segment is too large".to_owned()));
    }
    let mut context = CCtx::create();
    let mut set = |parameter| context.set_parameter(parameter).map_err(error);
    set(CParameter::CompressionLevel(level))?;
    set(CParameter::ChecksumFlag(true))?;
    if old.is_some() {
        let window = together.max(1 << 10).next_power_of_two().trailing_zeros();
        set(CParameter::WindowLog(window.min(MAX_WINDOW)))?;
        set(CParameter::EnableLongDistanceMatching(true))?;
    }
    if let Some(old) = old {
        context.ref_prefix(old).map_err(error)?;
    }
    let mut compressed = Vec::with_capacity(compress_bound(new.len()));
    context.compress2(&mut compressed, new).map_err(error)?;
    Ok(compressed)
}

/// The segment of exactly `size` bytes that [`compress`] made this of. Memory: both segments and the difference.
///
/// # Errors
/// If it is damaged, or of another size.
pub fn decompress(compressed: &[u8], old: Option<&[u8]>, size: u64) -> Result<Vec<u8>, DeltaError> {
    let too_large = || DeltaError("the segment is too large".to_owned());
    let together = size.saturating_add(old.map_or(0, |old| old.len() as u64));
    if size > MAX_SEGMENT || (old.is_some() && together > MAX_PATCHED) {
        return Err(too_large());
    }
    let mut new = Vec::with_capacity(usize::try_from(size).map_err(|_| too_large())?);
    let mut context = DCtx::create();
    if let Some(old) = old {
        context.ref_prefix(old).map_err(error)?;
    }
    // The destination has no room for more than `size` bytes, so a bomb is an error and no explosion.
    context.decompress(&mut new, compressed).map_err(error)?;
    if new.len() as u64 != size {
        return Err(DeltaError(format!("it has {} bytes instead of {size}", new.len())));
    }
    Ok(new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(range: std::ops::Range<u32>) -> Vec<u8> {
        let line = |number: u32| {
            format!(
                "{:08x}{:08x}:{number}:Test-{number}\n",
                number.wrapping_mul(2_654_435_761),
                number ^ 0xABCD
            )
        };
        range.map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn a_difference_is_small_and_makes_the_new_segment() {
        let (old, new) = (lines(0..20_000), [lines(0..9_000), lines(9_100..20_100)].concat());
        let whole = compress(&new, None, 9).expect("compressed");
        let delta = compress(&new, Some(&old), 19).expect("compressed");
        assert!(delta.len() * 20 < whole.len(), "{} of {}", delta.len(), whole.len());
        let size = new.len() as u64;
        assert_eq!(decompress(&whole, None, size).as_ref(), Ok(&new));
        assert_eq!(decompress(&delta, Some(&old), size).as_ref(), Ok(&new));
        assert!(decompress(&delta, Some(&old[..old.len() - 1]), size).is_err(), "another old segment");
        assert!(decompress(&delta, None, size).is_err(), "no old segment");
        assert!(decompress(&whole, None, size - 1).is_err() && decompress(&whole, None, size + 1).is_err());
    }

    #[test]
    fn bombs_are_refused() {
        let bomb = compress(&vec![0; 64 << 20], None, 3).expect("compressed");
        assert!(bomb.len() < 16 << 10);
        assert!(decompress(&bomb, None, 1000).is_err());
        assert!(decompress(&bomb, None, u64::MAX).is_err());
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_harmless(place in 0..1000_usize, bit in 0..8) {
            let new = lines(0..200);
            let mut compressed = compress(&new, None, 3).expect("compressed");
            let place = place % compressed.len();
            compressed[place] ^= 1_u8 << bit;
            if let Ok(read) = decompress(&compressed, None, new.len() as u64) {
                prop_assert_eq!(read, new);
            }
        }
    }
}
