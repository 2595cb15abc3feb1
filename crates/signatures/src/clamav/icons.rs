//! Icons that logical signatures ask for with `IconGroup1` and `IconGroup2` (`idb`).
//!
//! `Name:Group1:Group2:Hash`, where the hash has 124 hexadecimal digits: the side (16, 24 or 32), three squares each of
//! the most colourful, the least colourful, the brightest, the darkest, those with the most edges and those with the fewest
//! (value, of three digits for the first two and else of two; x; y), the percentages of red, green and blue, and that of
//! coloured pixels.

use std::io;

use candor_detect::icon::Icon;
use candor_object::{IconArea, IconStatistics};

use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// Digits of a hash.
const DIGITS: usize = 124;

/// Icons.
pub(crate) struct Icons;

impl Language for Icons {
    fn name(&self) -> &'static str {
        "ClamAV icons"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["idb"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_line(text, output, |line, output| output.icon(&read(line)?))
    }
}

fn read(line: &str) -> Result<Icon, Complaint> {
    let fields: Vec<&str> = line.split(':').collect();
    let &[name, first, second, hash] = fields.as_slice() else {
        return Err(Complaint::malformed(format!("{} fields, expected 4", fields.len())));
    };
    if [name, first, second].contains(&"") {
        return Err(Complaint::malformed("a name is empty"));
    }
    let groups = [first.to_owned(), second.to_owned()];
    Ok(Icon { name: name.to_owned(), groups, statistics: statistics(hash)? })
}

fn statistics(hash: &str) -> Result<IconStatistics, Complaint> {
    if hash.len() != DIGITS || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Complaint::malformed(format!("the hash has not {DIGITS} hexadecimal digits")));
    }
    let mut digits = Digits(hash);
    let side = digits.byte();
    if !matches!(side, 16 | 24 | 32) {
        return Err(Complaint::malformed(format!("the side is {side} and not 16, 24 or 32")));
    }
    let statistics = IconStatistics {
        side,
        colorful: digits.squares(side, 3, "colour")?,
        gray: digits.squares(side, 3, "gray")?,
        bright: digits.squares(side, 2, "bright")?,
        dark: digits.squares(side, 2, "dark")?,
        edges: digits.squares(side, 2, "edge")?,
        even: digits.squares(side, 2, "even")?,
        spread: [digits.byte(), digits.byte(), digits.byte()],
        colored: digits.byte(),
    };
    if statistics.spread.iter().chain([&statistics.colored]).any(|percentage| *percentage > 100) {
        return Err(Complaint::malformed("a percentage is above 100"));
    }
    Ok(statistics)
}

/// What is left of a hash.
struct Digits<'a>(&'a str);

impl Digits<'_> {
    fn number(&mut self, count: usize) -> u16 {
        let (digits, rest) = self.0.split_at_checked(count).unwrap_or_default();
        self.0 = rest;
        u16::from_str_radix(digits, 16).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.number(2).to_le_bytes()[0]
    }

    /// Three squares, whose values have this many digits.
    fn squares(&mut self, side: u8, count: usize, what: &str) -> Result<[IconArea; 3], Complaint> {
        let squares =
            [(); 3].map(|()| IconArea { value: self.number(count), x: self.byte(), y: self.byte() });
        // ClamAV takes places up to here, beyond those that there can be.
        let farthest = side.saturating_sub(side / 8);
        let fits = |square: &IconArea| {
            square.value <= IconStatistics::MAX_COLOR && square.x <= farthest && square.y <= farthest
        };
        if squares.iter().all(fits) {
            Ok(squares)
        } else {
            Err(Complaint::malformed(format!(
                "a {what} square lies outside the icon or has an impossible value"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As `clamscan --debug` of 1.4.6 printed it for an icon of random colours.
    const HASH: &str = "20be51611b831609b350e173c8011045a01086f8090fb40610a60e11a30707820008850000850017\
                        680d14650102600116001100061108150900230c3450";

    #[test]
    fn a_hash_is_taken_apart() {
        let icon = read(&format!("one:G1:G2:{HASH}")).unwrap();
        assert_eq!(icon.groups, ["G1", "G2"]);
        let IconStatistics { side, colorful, gray, even, spread, colored, .. } = icon.statistics;
        assert_eq!(side, 32);
        assert_eq!(colorful[0], IconArea { value: 3045, x: 22, y: 17 });
        assert_eq!(gray[2], IconArea { value: 1784, x: 9, y: 15 });
        assert_eq!(even[2], IconArea { value: 21, x: 9, y: 0 });
        assert_eq!((spread, colored), ([35, 12, 52], 80));
    }

    #[test]
    fn what_no_icon_has_is_malformed() {
        let long = format!("one:G1:G2:{HASH}00");
        let side = format!("one:G1:G2:21{}", &HASH[2..]);
        let place = format!("one:G1:G2:20be5ff{}", &HASH[7..]);
        let percentage = format!("one:G1:G2:{}65", &HASH[..122]);
        let digit = format!("one:G1:G2:{}xx", &HASH[..122]);
        let lines = ["one:G1:G2", "one:G1:G2:", "one::G2:00", &long, &side, &place, &percentage, &digit];
        for line in lines {
            assert!(matches!(read(line), Err(Complaint::Malformed(_))), "{line}");
        }
    }

    proptest! {
        /// A hash of hostile digits is refused, or has nothing that no icon has.
        #[test]
        fn hostile_lines_give_possible_icons(
            side in proptest::sample::select(vec!["10", "18", "20", "00"]), rest in "([0-9a-e][0-9a-f]{2}(0[0-9a-f]){2}){6}([0-9a-f]{2}(0[0-9a-f]){2}){12}([0-6][0-9a-f]){4}",
        ) {
            if let Ok(icon) = read(&format!("one:G1:G2:{side}{rest}")) {
                let IconStatistics { side, colorful, gray, bright, dark, edges, even, .. } = icon.statistics;
                for square in [colorful, gray, bright, dark, edges, even].concat() {
                    prop_assert!(square.x < side && square.y < side && square.value <= IconStatistics::MAX_COLOR);
                }
            }
        }

        #[test]
        fn arbitrary_text_does_not_panic(line in any::<String>(), hash in "\\PC{0,130}") {
            let _ = read(&line);
            let _ = read(&format!("one:G1:G2:{hash}"));
        }
    }
}
