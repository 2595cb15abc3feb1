//! Compares the icons of a program with those that signatures know.

use candor_object::{IconArea, IconStatistics, Icons};

use super::section::IconRecord;
use crate::{Database, Error, Found, Inspection};

/// Whether the object has an icon of these groups: two names with a comma between them, of which either may be empty.
pub(crate) fn has_icon_of(
    database: &Database,
    inspection: &Inspection<'_>,
    groups: &str,
    found: &mut Found,
) -> Result<bool, Error> {
    let wanted = groups.split_once(',').unwrap_or((groups, ""));
    let records = database.icon_records()?;
    let is_wanted = |record: &&IconRecord| {
        let [first, second] = record.groups.map(|group| database.text(group));
        (wanted.0.is_empty() || wanted.0 == first) && (wanted.1.is_empty() || wanted.1 == second)
    };
    let known: Vec<IconStatistics> = records.iter().filter(is_wanted).map(IconRecord::statistics).collect();
    let Some(pictures) = inspection.pictures.filter(|_| !known.is_empty()) else { return Ok(false) };
    let Icons { statistics, undecoded } = pictures.icons(inspection.deadline);
    if let Some(undecoded) = undecoded {
        found.gap(undecoded);
    }
    Ok(statistics.iter().any(|icon| known.iter().any(|known| is_like(icon, known))))
}

/// How alike icons of a side have to be.
struct Likeness {
    /// Points of 100 that are enough.
    enough: u32,
    /// Points that a square loses for each pixel that it has moved.
    per_pixel: u32,
    /// Pixels that it may have moved; beyond, it is another.
    farthest: u32,
}

/// The numbers of ClamAV 1.4.6: found out with icons and signatures that were made to differ, of which all 1,788 agreed.
fn likeness(side: u8) -> Option<Likeness> {
    Some(match side {
        16 => Likeness { enough: 72, per_pixel: 20, farthest: 3 },
        24 => Likeness { enough: 68, per_pixel: 15, farthest: 4 },
        32 => Likeness { enough: 64, per_pixel: 10, farthest: 6 },
        _ => return None,
    })
}

/// Differences of values beyond which squares are different: a fifth of the highest.
const COLORS: u16 = IconStatistics::MAX_COLOR / 5;
const OTHERS: u16 = 255 / 5;
/// Points that a percentage of colours loses for each unit of difference.
const PER_PERCENT: u32 = 10;

/// Whether an icon is, or nearly is, one that is known.
fn is_like(icon: &IconStatistics, known: &IconStatistics) -> bool {
    let Some(likeness) = likeness(icon.side).filter(|_| icon.side == known.side) else { return false };
    if icon.is_gray() != known.is_gray() {
        return false;
    }
    let points = |these: &[IconArea; 3], others: &[IconArea; 3], differ: u16| {
        let each = these
            .iter()
            .map(|one| others.iter().map(|other| likeness.points(one, other, differ)).max().unwrap_or(0));
        each.sum::<u32>() / 3
    };
    // Of a gray icon these squares are of edges.
    let colors = if icon.is_gray() { OTHERS } else { COLORS };
    let squares = [
        points(&icon.colorful, &known.colorful, colors),
        points(&icon.gray, &known.gray, colors),
        points(&icon.bright, &known.bright, OTHERS),
        points(&icon.dark, &known.dark, OTHERS),
        points(&icon.edges, &known.edges, OTHERS),
        points(&icon.even, &known.even, OTHERS),
    ];
    let (weights, enough, spread) = if icon.is_gray() {
        (GRAY_WEIGHTS, ENOUGH_GRAY, 0)
    } else {
        (WEIGHTS, likeness.enough, SPREAD_WEIGHT)
    };
    let weighted = squares.iter().zip(weights).map(|(points, weight)| points.saturating_mul(weight));
    let sum = weighted.sum::<u32>().saturating_add(spread_points(icon, known).saturating_mul(spread));
    sum >= weights.iter().sum::<u32>().saturating_add(spread).saturating_mul(enough)
}

/// Weights of the six kinds of squares, and of the percentages.
const WEIGHTS: [u32; 6] = [3, 2, 2, 3, 3, 2];
const SPREAD_WEIGHT: u32 = 3;
/// The same for icons without colours, and how many points of 100 are enough for these: with them ClamAV agreed in 1,178
/// of 1,200 cases.
const GRAY_WEIGHTS: [u32; 6] = [2, 1, 2, 2, 2, 1];
const ENOUGH_GRAY: u32 = 84;

impl Likeness {
    /// How many of 100 points a square has for being where another is.
    fn points(&self, one: &IconArea, other: &IconArea, differ: u16) -> u32 {
        let (x, y) = (u32::from(one.x.abs_diff(other.x)), u32::from(one.y.abs_diff(other.y)));
        let moved = x.saturating_mul(x).saturating_add(y.saturating_mul(y)).isqrt();
        if one.value.abs_diff(other.value) > differ || moved > self.farthest {
            return 0;
        }
        100_u32.saturating_sub(moved.saturating_mul(self.per_pixel))
    }
}

fn spread_points(icon: &IconStatistics, known: &IconStatistics) -> u32 {
    let points = |one: u8, other: u8| {
        100_u32.saturating_sub(u32::from(one.abs_diff(other)).saturating_mul(PER_PERCENT))
    };
    let parts = icon.spread.iter().zip(known.spread).map(|(one, other)| points(*one, other));
    parts.chain([points(icon.colored, known.colored)]).sum::<u32>() / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn icon() -> IconStatistics {
        let squares = |value| [(1, 2), (12, 3), (20, 20)].map(|(x, y)| IconArea { value, x, y });
        IconStatistics {
            side: 32,
            colorful: squares(3000),
            gray: squares(900),
            bright: squares(200),
            dark: squares(30),
            edges: squares(100),
            even: squares(10),
            spread: [35, 12, 53],
            colored: 80,
        }
    }

    fn gone(squares: &mut [IconArea; 3], count: usize) {
        for square in squares.iter_mut().take(count) {
            square.value += 1000;
        }
    }

    #[test]
    fn icons_are_alike_up_to_what_clamav_takes() {
        assert!(is_like(&icon(), &icon()));
        let mut other = icon();
        // 1,152 of 1,800 points are enough. Two of the kinds that weigh 3 leave 1,200 ...
        gone(&mut other.colorful, 3);
        gone(&mut other.dark, 3);
        assert!(is_like(&icon(), &other));
        // ... and one square of another, which leaves 1,132, is too much.
        gone(&mut other.bright, 1);
        assert!(!is_like(&icon(), &other));
    }

    #[test]
    fn squares_may_move_and_change_a_little() {
        let likeness = likeness(32).unwrap();
        let square = |value, x, y| IconArea { value, x, y };
        let points = |other| likeness.points(&square(100, 10, 10), &other, OTHERS);
        assert_eq!(points(square(100, 10, 10)), 100);
        assert_eq!(points(square(151, 11, 11)), 90);
        assert_eq!(points(square(152, 10, 10)), 0);
        assert_eq!(points(square(100, 14, 15)), 40);
        assert_eq!(points(square(100, 15, 15)), 0);
    }

    #[test]
    fn sides_and_colours_must_be_the_same() {
        let mut small = icon();
        small.side = 24;
        assert!(!is_like(&icon(), &small));
        let mut gray = icon();
        gray.colored = 0;
        assert!(!is_like(&icon(), &gray));
        assert!(is_like(&gray, &gray));
        let mut unknown = icon();
        unknown.side = 17;
        assert!(!is_like(&unknown, &unknown));
    }
}
