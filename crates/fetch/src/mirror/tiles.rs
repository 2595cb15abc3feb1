//! The tiles of a log of a known size (C2SP tlog-tiles).

/// Hashes of a tile and entries of a bundle.
const WIDTH: u64 = 256;

/// A tile of hashes or a bundle of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// The level of hashes; nothing for entries.
    level: Option<u32>,
    number: u64,
    /// How much of it is there, from 1 to 256.
    width: u64,
}

/// All tiles and bundles that a log of `size` entries consists of.
pub(super) fn of(size: u64) -> impl Iterator<Item = Tile> {
    let levels = (0..8).map(move |level| (Some(level), size >> (8 * level)));
    levels.chain([(None, size)]).flat_map(|(level, count)| {
        let full = (0..count / WIDTH).map(move |number| Tile { level, number, width: WIDTH });
        let rest = Tile { level, number: count / WIDTH, width: count % WIDTH };
        full.chain((rest.width > 0).then_some(rest))
    })
}

impl Tile {
    pub(super) fn is_bundle(self) -> bool {
        self.level.is_none()
    }

    pub(super) fn is_full(self) -> bool {
        self.width == WIDTH
    }

    /// The same tile, when the log has grown.
    pub(super) fn full(self) -> Self {
        Self { width: WIDTH, ..self }
    }

    /// Where it lies: the number in groups of three digits, all but the last with an `x` in front.
    pub(super) fn path(self) -> String {
        let kind = self.level.map_or_else(|| "entries".to_owned(), |level| level.to_string());
        let mut number = format!("{:03}", self.number % 1000);
        let mut rest = self.number / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        let part = if self.is_full() { String::new() } else { format!(".p/{}", self.width) };
        format!("tile/{kind}/{number}{part}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(size: u64) -> Vec<String> {
        of(size).map(Tile::path).collect()
    }

    #[test]
    fn tiles_of_small_logs() {
        assert!(paths(0).is_empty());
        assert_eq!(paths(1), ["tile/0/000.p/1", "tile/entries/000.p/1"]);
        assert_eq!(paths(256), ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]);
        assert_eq!(
            paths(70_000)
                .into_iter()
                .filter(|path| !path.starts_with("tile/0/") && !path.contains("entries"))
                .collect::<Vec<_>>(),
            ["tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]
        );
    }

    #[test]
    fn numbers_are_grouped() {
        // The example of the specification.
        let tile = Tile { level: Some(0), number: 1_234_067, width: WIDTH };
        assert_eq!(tile.path(), "tile/0/x001/x234/067");
        assert_eq!(of(1 << 20).count(), 4096 + 16 + 1 + 4096);
    }
}
