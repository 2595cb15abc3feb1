//! What an icon looks like, in numbers: the squares of it that stand out.
//!
//! The numbers are those of ClamAV's icon signatures as `clamscan --debug` prints them (`IDB SIGNATURE`), found out by
//! giving it icons of 16, 24 and 32 pixels.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "the numbers are of at most 32 by 32 pixels of three bytes each, whatever the file says"
)]

use candor_object::{IconArea, IconStatistics};

/// A square picture, row by row from the top; red, green and blue.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) side: usize,
    pub(super) pixels: Vec<[u8; 3]>,
}

/// Saturation and brightness above which a pixel is coloured.
const DULL: u32 = 85;
/// Percentage of coloured pixels above which the icon is.
const FEW: u32 = 5;

/// The statistics of a picture, brought to a side of 16, 24 or 32 pixels before.
pub(super) fn of(picture: &Picture) -> Option<IconStatistics> {
    let picture = to_known_side(picture.clone())?;
    let side = picture.side;
    let hues: Vec<Hue> = picture.pixels.iter().copied().map(Hue::of).collect();
    let brightness = Map { side, values: hues.iter().map(|hue| hue.brightness).collect() };
    let edges = edges(&picture);
    let mut statistics = IconStatistics {
        side: side as u8,
        bright: first_three(&brightness.most(3)),
        dark: first_three(&brightness.least(3)),
        ..IconStatistics::default()
    };
    let colored: Vec<&Hue> = hues.iter().filter(|hue| hue.is_colored()).collect();
    let count = colored.len() as u32;
    let percentage = count * 100 / (side * side) as u32;
    if percentage > FEW {
        let colors = Map { side, values: hues.iter().map(|hue| hue.color()).collect() };
        statistics.colorful = first_three(&colors.most(3));
        statistics.gray = first_three(&colors.least(3));
        statistics.edges = first_three(&edges.most(3));
        statistics.even = first_three(&edges.least(3));
        statistics.colored = percentage as u8;
        let sums = colored.iter().fold([0; 3], |sums, hue| {
            let mut sums: [u32; 3] = sums;
            for (sum, share) in sums.iter_mut().zip(hue.shares) {
                *sum += share;
            }
            sums
        });
        statistics.spread = sums.map(|sum| (sum / count) as u8);
    } else {
        let (most, mut least) = (edges.most(6), edges.least(6));
        // ClamAV has these values with the places of the others, and so have its signatures.
        for (least, most) in least.iter_mut().zip(&most).skip(3) {
            (least.x, least.y) = (most.x, most.y);
        }
        statistics.edges = first_three(&most);
        statistics.even = first_three(&least);
        statistics.colorful = first_three(most.get(3..).unwrap_or_default());
        statistics.gray = first_three(least.get(3..).unwrap_or_default());
    }
    Some(statistics)
}

/// What is said of one pixel.
struct Hue {
    /// The largest of its parts.
    brightness: u32,
    /// How far the smallest part is from the largest, 0 to 255.
    saturation: u32,
    /// How far each part is from the middle one, in percent of all such distances.
    shares: [u32; 3],
}

impl Hue {
    fn of(parts: [u8; 3]) -> Self {
        let parts = parts.map(u32::from);
        let mut sorted = parts;
        sorted.sort_unstable();
        let [low, middle, high] = sorted;
        let saturation = (255 * (high - low)).checked_div(high).unwrap_or(0);
        let shares = parts.map(|part| {
            (100 * part.abs_diff(middle) + (high - low).saturating_sub(1))
                .checked_div(high - low)
                .unwrap_or(0)
        });
        Self { brightness: high, saturation, shares }
    }

    fn is_colored(&self) -> bool {
        self.saturation > DULL && self.brightness > DULL
    }

    /// How colourful it is, 0 to [`IconStatistics::MAX_COLOR`].
    fn color(&self) -> u32 {
        (self.saturation * self.saturation * self.brightness).isqrt()
    }
}

/// A number for each pixel.
struct Map {
    side: usize,
    values: Vec<u32>,
}

impl Map {
    fn at(&self, x: usize, y: usize) -> u32 {
        self.values.get(y * self.side + x).copied().unwrap_or(0)
    }

    /// The squares with the highest means, which do not overlap; a square at the corner where all others have none.
    fn most(&self, count: usize) -> Vec<IconArea> {
        self.squares(count, 0, |sum, best| sum > best)
    }

    /// The squares with the lowest means.
    fn least(&self, count: usize) -> Vec<IconArea> {
        self.squares(count, u32::MAX, |sum, best| sum < best)
    }

    fn squares(&self, count: usize, worst: u32, better: fn(u32, u32) -> bool) -> Vec<IconArea> {
        let width = self.side / 4;
        let mut taken: Vec<(usize, usize)> = Vec::new();
        let mut squares = Vec::new();
        let sums = self.sums(width);
        for _ in 0..count {
            let (mut best, mut place) = (worst, (0, 0));
            for y in 0..self.side - width {
                // The last column is left out, as in ClamAV.
                for x in 0..self.side - width - 1 {
                    let sum = sums.at(x, y);
                    let is_free =
                        || taken.iter().all(|(tx, ty)| x.abs_diff(*tx) >= width || y.abs_diff(*ty) >= width);
                    if better(sum, best) && is_free() {
                        (best, place) = (sum, (x, y));
                    }
                }
            }
            taken.push(place);
            let mean = if best == u32::MAX { 0 } else { best / (width * width) as u32 };
            squares.push(IconArea { value: mean as u16, x: place.0 as u8, y: place.1 as u8 });
        }
        squares
    }

    /// For each place, the sum over the square of which it is the upper left corner.
    fn sums(&self, width: usize) -> Self {
        let places = (0..self.side * self.side).map(|place| (place % self.side, place / self.side));
        let sum = |(x, y): (usize, usize)| {
            if x + width > self.side || y + width > self.side {
                return 0;
            }
            (y..y + width).map(|y| (x..x + width).map(|x| self.at(x, y)).sum::<u32>()).sum()
        };
        Self { side: self.side, values: places.map(sum).collect() }
    }
}

fn first_three(squares: &[IconArea]) -> [IconArea; 3] {
    squares.first_chunk().copied().unwrap_or_default()
}

/// How much of an edge is at each pixel, 0 to 255, smoothed: the gradient of Sobel, in parts of the strongest, of how far
/// the colours are from mid gray.
fn edges(picture: &Picture) -> Map {
    let side = picture.side;
    let middle = lab([127; 3]);
    let distances: Vec<f64> = picture.pixels.iter().map(|parts| distance(lab(*parts), middle)).collect();
    let at = |x: usize, y: usize| distances.get(y * side + x).copied().unwrap_or(0.0);
    let mut strength = Map { side, values: vec![0; side * side] };
    let inner = || (1..side - 1).flat_map(|y| (1..side - 1).map(move |x| (x, y)));
    for (x, y) in inner() {
        let column = |x: usize| at(x, y - 1) + 2.0 * at(x, y) + at(x, y + 1);
        let row = |y: usize| at(x - 1, y) + 2.0 * at(x, y) + at(x + 1, y);
        let (across, down) = (column(x + 1) - column(x - 1), row(y + 1) - row(y - 1));
        if let Some(place) = strength.values.get_mut(y * side + x) {
            *place = across.hypot(down) as u32;
        }
    }
    let strongest = strength.values.iter().copied().max().unwrap_or(0);
    for (x, y) in inner() {
        let place = y * side + x;
        let blue = picture.pixels.get(place).map_or(0, |[_, _, blue]| u32::from(*blue));
        if let Some(value) = strength.values.get_mut(place) {
            // In ClamAV an icon without edges has its blue here.
            *value = (*value * 255).checked_div(strongest).unwrap_or(blue);
        }
    }
    smoothed(&strength)
}

/// A colour of sRGB in the space CIE 1976 L*a*b*, with the white of D65.
///
/// Specifications: IEC 61966-2-1 and ISO/CIE 11664-4.
fn lab(parts: [u8; 3]) -> [f64; 3] {
    let [red, green, blue] = parts.map(|part| {
        let part = f64::from(part) / 255.0;
        if part > 0.040_45 { ((part + 0.055) / 1.055).powf(2.4) } else { part / 12.92 }
    });
    let x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.950_47;
    let y = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.088_83;
    let [x, y, z] =
        [x, y, z].map(|part| if part > 0.008_856 { part.cbrt() } else { 7.787 * part + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance(one: [f64; 3], other: [f64; 3]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other).powi(2)).sum::<f64>().sqrt()
}

/// Each number with half its weight, and the neighbours with a quarter; downwards with the neighbour that was smoothed
/// before, as in ClamAV.
fn smoothed(map: &Map) -> Map {
    let side = map.side;
    let mut across = Map { side, values: vec![0; side * side] };
    for y in 0..side {
        for x in 1..side - 1 {
            let sum = map.at(x - 1, y) + 2 * map.at(x, y) + map.at(x + 1, y);
            if let Some(value) = across.values.get_mut(y * side + x) {
                *value = sum / 4;
            }
        }
    }
    for y in 1..side - 1 {
        for x in 1..side - 1 {
            let sum = across.at(x, y - 1) + 2 * across.at(x, y) + across.at(x, y + 1);
            if let Some(value) = across.values.get_mut(y * side + x) {
                *value = sum / 4;
            }
        }
    }
    across
}

/// Halves a picture that is a known side doubled, and brings others to the next known side.
fn to_known_side(mut picture: Picture) -> Option<Picture> {
    while matches!(picture.side, 48 | 64 | 96 | 128 | 192 | 256) {
        let half = picture.side / 2;
        picture = scaled(&picture, half);
    }
    match picture.side {
        16 | 24 | 32 => Some(picture),
        ..16 => None,
        17..=20 => Some(scaled(&picture, 16)),
        21..=28 => Some(scaled(&picture, 24)),
        _ => Some(scaled(&picture, 32)),
    }
}

/// The picture with another side: each pixel is the mean of those that lie in its place.
fn scaled(picture: &Picture, side: usize) -> Picture {
    let range = |place: usize| {
        let start = place * picture.side / side;
        start..((place + 1) * picture.side / side).max(start + 1)
    };
    let mut pixels = Vec::with_capacity(side * side);
    for y in 0..side {
        for x in 0..side {
            let mut sums = [0_u32; 3];
            let mut count = 0;
            for (x, y) in range(y).flat_map(|y| range(x).map(move |x| (x, y))) {
                let Some(parts) = picture.pixels.get(y * picture.side + x) else { continue };
                for (sum, part) in sums.iter_mut().zip(parts) {
                    *sum += u32::from(*part);
                }
                count += 1;
            }
            pixels.push(sums.map(|sum| sum.checked_div(count).unwrap_or(0) as u8));
        }
    }
    Picture { side, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(side: usize) -> Picture {
        let color = |(x, y): (usize, usize)| {
            let byte = |number: usize| number as u8;
            if x.abs_diff(side / 2).pow(2) + y.abs_diff(side / 3).pow(2) < (side / 4).pow(2) {
                [220, 40, byte(30 + x)]
            } else if y > side * 2 / 3 {
                [byte(20 + 3 * x), 180, 60]
            } else if (x / 3 + y / 5) % 2 == 1 {
                [200, 200, 210]
            } else {
                [90, 100, byte(x * y % 256)]
            }
        };
        let places = (0..side * side).map(|place| (place % side, place / side));
        Picture { side, pixels: places.map(color).collect() }
    }

    /// The hash of an icon signature.
    fn written(statistics: &IconStatistics) -> String {
        let squares = |squares: &[IconArea; 3], digits: usize| -> String {
            squares.iter().map(|one| format!("{:0digits$x}{:02x}{:02x}", one.value, one.x, one.y)).collect()
        };
        let IconStatistics { side, colorful, gray, bright, dark, edges, even, spread, colored } = statistics;
        let colors = squares(colorful, 3) + &squares(gray, 3);
        let others: String = [bright, dark, edges, even].map(|kind| squares(kind, 2)).concat();
        let [red, green, blue] = spread;
        format!("{side:02x}{colors}{others}{red:02x}{green:02x}{blue:02x}{colored:02x}")
    }

    #[test]
    fn hashes_are_those_of_clamav() {
        // `clamscan --debug` of 1.4.6.
        let expected = [
            "10c4b0503b83000ba9f040b26e000632d0a073a60200dc0602d20606cf0a057f00008e02069c0a00a4070872\
             030862030215060316000b1900001e2b1a45",
            "18c1e0705b4a0011a830d06273030b3dc10013e60105dc0903d80d0acd0f049b00009b00069f000c76070c73\
             100c541006020a06130d111600111f271d45",
            "20c0d0b04b1100169ac0a0c215010c341160036e0104dc0b04cf0c0cca1304970000970008a600105e100f5a\
             160659080f010c070400170408171e281e45",
        ];
        let expected_of_gray = [
            "100420a01041060703a05010140a0103a060703d0501a30006970300910a071d03052607023500006d010269\
             0a0853020608050b0d070313000b00000000",
            "1805210010490009030080100f100102900090320801ab100a8c030b8c10042607033c00113c061175060c63\
             100c630201040011060a060d0a1100000000",
            "20052020104e0d1001f0a0100602010320d100400a01a7160ea11603a1050e2a09063c00163c081673150e6b\
             040e5f160302091702151702001700000000",
        ];
        for (number, side) in [16, 24, 32].into_iter().enumerate() {
            let mut picture = drawn(side);
            assert_eq!(written(&of(&picture).unwrap()), expected[number]);
            picture.pixels.iter_mut().for_each(|parts| *parts = [parts[2]; 3]);
            assert_eq!(written(&of(&picture).unwrap()), expected_of_gray[number]);
        }
    }

    #[test]
    fn icons_of_any_side_and_of_one_colour_have_statistics() {
        for side in 0..70 {
            let statistics = of(&drawn(side));
            assert_eq!(
                statistics.map(|found| found.side),
                match side {
                    ..16 => None,
                    16..=20 => Some(16),
                    21..=28 | 48 => Some(24),
                    _ => Some(32),
                }
            );
            let plain = Picture { side, pixels: vec![[0; 3]; side * side] };
            assert_eq!(of(&plain).is_some(), side >= 16);
        }
    }

    #[test]
    fn white_is_as_clamav_has_it() {
        let found = of(&Picture { side: 32, pixels: vec![[255; 3]; 32 * 32] }).unwrap();
        assert!(found.is_gray());
        assert_eq!(
            found.edges.map(|one| (one.value, one.x, one.y)),
            [(254, 2, 4), (254, 10, 4), (254, 18, 4)]
        );
        assert_eq!(found.even.map(|one| (one.value, one.x, one.y)), [(178, 0, 0), (207, 0, 23), (212, 8, 0)]);
        assert_eq!(
            found.gray.map(|one| (one.value, one.x, one.y)),
            [(212, 2, 12), (214, 10, 12), (246, 18, 12)]
        );
    }
}
