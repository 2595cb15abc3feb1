//! What is taken of signature files, and of whom.

use crate::container::Keys;

/// What is taken.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The keys that signatures of containers are verified with.
    pub keys: Keys,
    /// What happens with containers that nobody who is trusted has signed.
    pub unsigned: Unsigned,
    /// Which signatures of unwanted programs are taken.
    pub unwanted: Unwanted,
    /// Which programs in bytecode are taken.
    pub programs: Programs,
    /// Whether loose YARA rules are read as ClamAV reads them; those in its containers always are. Its language is smaller, and
    /// `global` means nothing in it.
    pub clamav_rules: bool,
}

/// What happens with containers that nobody who is trusted has signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsigned {
    /// They are refused.
    #[default]
    Refused,
    /// They are taken as loose signature files are; what is damaged is refused all the same.
    Taken,
}

/// Which programs in bytecode are taken: what is run decides more than what is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Programs {
    /// Those out of containers which their publisher signed.
    #[default]
    Signed,
    /// All.
    All,
    /// None.
    LeftOut,
}

/// Which signatures are taken of files for unwanted programs (ClamAV's `hdu hsu mdu msu ndu ldu`).
///
/// A category is a part of the name between `PUA.` and the last dot, such as `Tool` in `PUA.Win.Tool.Example-1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unwanted {
    /// None.
    #[default]
    LeftOut,
    /// All.
    All,
    /// Those of these categories.
    Only(Vec<String>),
    /// Those of none of these categories.
    Except(Vec<String>),
}

impl Unwanted {
    /// Whether a signature of this name is taken. Where there are categories, names without any are not, as in ClamAV.
    pub fn takes(&self, name: &str) -> bool {
        let categories =
            name.strip_prefix("PUA.").and_then(|rest| rest.rsplit_once('.')).map(|(middle, _)| middle);
        let any = |wanted: &[String], categories: &str| {
            categories.split('.').any(|category| wanted.iter().any(|wanted| wanted == category))
        };
        match (self, categories) {
            (Self::LeftOut, _) => false,
            (Self::All, _) => true,
            (Self::Only(wanted), Some(categories)) => any(wanted, categories),
            (Self::Except(wanted), Some(categories)) => !any(wanted, categories),
            (Self::Only(_) | Self::Except(_), None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as `clamscan` 1.4.6 answers with `--detect-pua` and one `--include-pua` or `--exclude-pua`.
    #[test]
    fn categories_are_the_parts_between() {
        let only = |category: &str| Unwanted::Only(vec![category.to_owned()]);
        let except = |category: &str| Unwanted::Except(vec![category.to_owned()]);
        for (name, category, included) in [
            ("PUA.Tool.Foo", "Tool", true),
            ("PUA.Tool.Foo", "To", false),
            ("PUA.Tool.Foo", "Foo", false),
            ("PUA.tool.Foo", "Tool", false),
            ("PUA.Win.Tool.Foo", "Win", true),
            ("PUA.Win.Tool.Foo", "Tool", true),
            ("PUA.A.B.C.D", "C", true),
            ("PUA.A.B.C.D", "D", false),
        ] {
            assert_eq!(only(category).takes(name), included, "{name} {category}");
            assert_eq!(except(category).takes(name), !included, "{name} {category}");
        }
        for name in ["PUA.Tool", "Foo.Bar"] {
            assert!(!only("Tool").takes(name) && !except("Tool").takes(name));
            assert!(Unwanted::All.takes(name) && !Unwanted::LeftOut.takes(name));
        }
    }
}
