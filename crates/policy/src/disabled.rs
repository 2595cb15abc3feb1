//! The list of rules that were switched off: names, and why.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What the list is called in the folder of databases.
pub const FILE: &str = "disabled.toml";

/// Names of rules that are not reported, each with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disabled {
    /// The names as findings have them. The reason may be empty.
    #[serde(default)]
    pub rules: BTreeMap<String, String>,
}

impl Disabled {
    /// The list that a TOML text holds.
    ///
    /// # Errors
    /// The line that is wrong. Nobody should go on as if nothing were switched off without saying so.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The list as a file has it.
    ///
    /// # Errors
    /// If it cannot be written as TOML.
    pub fn text(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The names alone, as a policy takes them.
    pub fn names(&self) -> BTreeSet<String> {
        self.rules.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_comes_back() {
        let rules = [("Odd \"name\" = [x]\n", "why"), ("Win.Test.{1,2}", "")];
        let disabled = Disabled { rules: rules.map(|(name, why)| (name.to_owned(), why.to_owned())).into() };
        assert_eq!(Disabled::from_toml(&disabled.text().expect("text")).expect("the list"), disabled);
        assert_eq!(Disabled::from_toml("").expect("nothing"), Disabled::default());
        assert!(Disabled::from_toml("rules = 1").is_err());
    }
}
