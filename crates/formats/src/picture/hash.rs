//! The perceptual hash of a picture: which of its 64 lowest frequencies are above their median.
//!
//! The picture is made gray and 32 pixels wide and high; the cosine transform of that tells its frequencies, and those of
//! the corner of 8 by 8 are compared. The method is known as pHash, see Zauner, "Implementation and Benchmarking of
//! Perceptual Image Hash Functions", 2010. Weights, filter and rounding are those with which ClamAV 1.4 gives the
//! same hash.

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Luma};

/// Pixels of a side of what is transformed.
const SIDE: usize = PIXELS as usize;
/// The same, as pictures count.
const PIXELS: u32 = 32;
/// Frequencies of each direction that are compared.
const LOW: usize = 8;

/// The hash; the first bit is that of the mean brightness.
pub(super) fn of(picture: DynamicImage) -> u64 {
    let small = imageops::resize(&gray(picture), PIXELS, PIXELS, FilterType::Lanczos3);
    let mut rows: [[f32; SIDE]; SIDE] = [[0.0; SIDE]; SIDE];
    for (row, pixels) in rows.iter_mut().zip(small.rows()) {
        for (place, pixel) in row.iter_mut().zip(pixels) {
            *place = f32::from(pixel.0[0]);
        }
        transform(row);
    }
    let mut low = [[0.0; LOW]; LOW];
    for x in 0..LOW {
        let mut column = rows.map(|row| row.get(x).copied().unwrap_or_default());
        transform(&mut column);
        for (row, value) in low.iter_mut().zip(column) {
            if let Some(place) = row.get_mut(x) {
                *place = value;
            }
        }
    }
    let mut sorted = low.as_flattened().to_vec();
    sorted.sort_by(f32::total_cmp);
    let median = match *sorted.as_slice() {
        [.., _, _] => sorted.iter().skip(LOW * LOW / 2 - 1).take(2).sum::<f32>() / 2.0,
        _ => 0.0,
    };
    low.as_flattened().iter().fold(0, |hash, value| hash << 1 | u64::from(*value > median))
}

fn gray(picture: DynamicImage) -> GrayImage {
    if !picture.color().has_color() {
        return picture.into_luma8();
    }
    let colors = picture.into_rgb8();
    GrayImage::from_fn(colors.width(), colors.height(), |x, y| {
        let [red, green, blue] = colors.get_pixel(x, y).0.map(f32::from);
        let luma = red * 0.299 + green * 0.587 + blue * 0.114;
        #[expect(clippy::cast_possible_truncation, reason = "a weighted mean of bytes is one")]
        #[expect(clippy::cast_sign_loss, reason = "and not negative")]
        let luma = luma.round() as u8;
        Luma([luma])
    })
}

/// The cosine transform (DCT-II) of as many numbers as a power of two.
///
/// The sums and the differences of mirrored numbers are transformed apart, so that what is symmetrical gives exact zeros
/// where others would give what rounding leaves, on which the comparison with the median would then depend.
fn transform(numbers: &mut [f32]) {
    let half = numbers.len() / 2;
    if half == 0 {
        return;
    }
    let whole = numbers.len() as f32;
    let mut sums = Vec::with_capacity(half);
    let mut differences = Vec::with_capacity(half);
    let mirrored = numbers.iter().zip(numbers.iter().rev()).take(half);
    for (place, (first, last)) in mirrored.enumerate() {
        let angle = (place as f32 + 0.5) * std::f32::consts::PI / whole;
        sums.push(first + last);
        differences.push((first - last) / (angle.cos() * 2.0));
    }
    transform(&mut sums);
    transform(&mut differences);
    let next = differences.iter().skip(1).copied().chain([0.0]);
    let odd = differences.iter().zip(next).map(|(one, next)| one + next);
    for (pair, (even, odd)) in numbers.chunks_exact_mut(2).zip(sums.into_iter().zip(odd)) {
        pair.copy_from_slice(&[even, odd]);
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn the_transform_is_that_of_the_definition() {
        let numbers: Vec<f32> = (0..SIDE).map(|n| ((n * n * 7 + n * 3) % 256) as f32).collect();
        let mut fast = numbers.clone();
        transform(&mut fast);
        for (frequency, found) in fast.iter().enumerate() {
            let wave =
                |n: usize| (std::f64::consts::PI * (n as f64 + 0.5) * frequency as f64 / SIDE as f64).cos();
            let expected: f64 = numbers.iter().enumerate().map(|(n, x)| f64::from(*x) * wave(n)).sum();
            assert!((f64::from(*found) - expected).abs() < 0.05, "{frequency}: {found} and {expected}");
        }
    }

    #[test]
    fn a_picture_of_one_colour_has_only_brightness() {
        let picture = RgbImage::from_pixel(5, 3, Rgb([10, 200, 30]));
        assert_eq!(of(picture.into()), 1 << 63);
    }

    #[test]
    fn hashes_are_those_of_clamav() {
        // Each made here and as a file, of which `sigtool --fuzzy-img` of 1.4.6 told the hash.
        let waves = |width, height| {
            RgbImage::from_fn(width, height, |x, y| {
                Rgb([(x * 7 % 256) as u8, (y * 5 % 256) as u8, ((x * y) % 256) as u8])
            })
        };
        for (width, height, expected) in HASHES {
            let hash = of(waves(*width, *height).into());
            assert_eq!(format!("{hash:016x}"), *expected, "{width} by {height}");
        }
    }

    /// Width, height, hash.
    const HASHES: &[(u32, u32, &str)] = &[
        (1, 1, "0000000000000000"),
        (3, 2, "b87ef87af042d403"),
        (16, 16, "8a5f78500d5d7c56"),
        (40, 30, "951f3873664c5b52"),
        (200, 100, "8001011f8f9f3f7f"),
        (3, 500, "98667d67494c6a4d"),
        (640, 480, "807d6e7c77464706"),
    ];
}
