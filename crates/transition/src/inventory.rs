//! What a plan is made from: identified products with their rulings, as `candor check --format json` prints them.
//!
//! The smallest subset of that document is read, so that other programs can write it: see `docs/inventory.schema.json`.
//! Everything in it is hostile text.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Longest document, in bytes.
pub const MOST_BYTES: usize = 256 << 20;
/// Longest text in it that is kept, in characters.
const LONGEST: usize = 1000;

/// Items of one or more hosts at one time.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Inventory {
    /// When it was made, as an instant of RFC 3339.
    #[serde(alias = "made", alias = "time")]
    pub at: Option<String>,
    /// The host of items that name none.
    pub host: Option<String>,
    /// Hosts that were looked at, so that a host without items is known to have none.
    pub hosts: Vec<String>,
    /// What was found.
    pub items: Vec<Item>,
    /// Whether something could not be examined, so that what is not listed may still be there.
    pub incomplete: bool,
}

/// An identified product.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Item {
    /// The product of the catalogue.
    pub product: String,
    /// Its name for people.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// `installed`, `declared`, `contacted`, `remnant` or `mentioned`.
    pub state: String,
    /// `A` to `D`.
    pub grade: String,
    /// What it is inside of.
    #[serde(deserialize_with = "integration")]
    pub integrated_in: Option<String>,
    /// Where it was seen.
    pub places: Vec<String>,
    /// The host.
    pub host: Option<String>,
    /// What it is: `software`, `image`, `certificate`, `address`, `component`, `extension`; told by its evidence.
    pub kinds: Vec<String>,
    /// What rules say of it.
    pub rulings: Vec<Ruling>,
}

/// What one rule says of one item.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Ruling {
    /// The rule.
    pub rule: String,
    /// `PROHIBITED`, `REPLACE`, `EXEMPT`, `NOT-COVERED`, `REMNANT`, `REVIEW`, `ADVISORY` or `CLEAN`.
    #[serde(alias = "kind")]
    pub ruling: String,
    /// What is prohibited or judged: `new_agreement`, `update`, `use`.
    #[serde(deserialize_with = "words")]
    pub activity: Vec<String>,
    /// The clause and the version of its text.
    #[serde(alias = "text", alias = "citation")]
    pub clause: Option<String>,
    /// When it began or begins, as an instant of RFC 3339.
    #[serde(alias = "from")]
    pub instant: Option<String>,
    /// Until when it must be done.
    pub deadline: Option<String>,
    /// What must be done until then.
    pub duty: Option<String>,
    /// What changes later.
    pub next: Vec<Change>,
}

/// Something that changes at an instant.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Change {
    /// When.
    pub instant: String,
    /// The activity that it concerns.
    #[serde(deserialize_with = "words")]
    pub activity: Vec<String>,
    /// What, for people.
    #[serde(alias = "text")]
    pub what: String,
}

/// A word or a list of words.
fn words<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        None(()),
        One(String),
        Some(Vec<String>),
    }
    Ok(match Words::deserialize(deserializer)? {
        Words::None(()) => Vec::new(),
        Words::One(word) => vec![word],
        Words::Some(words) => words,
    })
}

/// A name, or a product with its name.
fn integration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Integration {
        Name(String),
        Product { name: String },
    }
    let integration = Option::<Integration>::deserialize(deserializer)?;
    Ok(integration.map(|integration| match integration {
        Integration::Name(name) | Integration::Product { name } => name,
    }))
}

impl Inventory {
    /// Reads a document.
    ///
    /// # Errors
    /// Where it is none, for people.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MOST_BYTES {
            return Err(format!("it is longer than {MOST_BYTES} bytes"));
        }
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if !value.get("items").is_some_and(serde_json::Value::is_array) {
            return Err("it has no list `items`: give what `candor check --format json` printed".to_owned());
        }
        let mut inventory: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        for item in &mut inventory.items {
            let texts = [&mut item.product, &mut item.name, &mut item.state, &mut item.grade];
            let more = item.places.iter_mut().chain(&mut item.version).chain(&mut item.integrated_in);
            texts.into_iter().chain(more).chain(&mut item.host).for_each(shorten);
            item.places.truncate(LONGEST);
            if item.product.is_empty() {
                return Err("an item has no `product`".to_owned());
            }
        }
        Ok(inventory)
    }

    /// Whose item it is.
    pub fn host_of<'i>(&'i self, item: &'i Item) -> &'i str {
        item.host.as_deref().or(self.host.as_deref()).unwrap_or("unknown host")
    }

    /// All hosts that were looked at, sorted.
    pub fn all_hosts(&self) -> Vec<&str> {
        let named = self.hosts.iter().chain(&self.host).map(String::as_str);
        let mut hosts: Vec<&str> = named.chain(self.items.iter().map(|item| self.host_of(item))).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }
}

impl Item {
    /// Whether it is something that has to go, so far as rules and its state say.
    pub fn concerns(&self) -> bool {
        let judged = self.rulings.iter().any(|ruling| ruling.concerns());
        judged || (self.rulings.is_empty() && ["installed", "remnant", "declared", "contacted"].contains(&&*self.state))
    }

    /// What marks its task in a plan: stable from one inventory to the next, whatever its version.
    pub fn key(&self, host: &str) -> String {
        let inside = self.integrated_in.as_deref().unwrap_or_default();
        let digest = Sha256::digest(format!("{host}\0{}\0{inside}", self.product));
        hex::encode(&digest[..5])
    }

    /// Its name for people.
    pub fn title(&self) -> &str {
        if self.name.is_empty() { &self.product } else { &self.name }
    }
}

impl Ruling {
    /// Whether something must or should be done.
    pub fn concerns(&self) -> bool {
        !["EXEMPT", "NOT-COVERED", "CLEAN"].iter().any(|harmless| self.ruling.eq_ignore_ascii_case(harmless))
    }

    /// Whether it is about one of these activities.
    pub fn is_about(&self, activities: &[&str]) -> bool {
        is_about(&self.activity, activities)
    }
}

pub(crate) fn is_about(activity: &[String], activities: &[&str]) -> bool {
    let same = |word: &String, wanted: &&str| word.replace('-', "_").eq_ignore_ascii_case(wanted);
    activity.iter().any(|word| activities.iter().any(|wanted| same(word, wanted)))
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_document_is_enough() {
        let inventory = Inventory::read(br#"{"items":[{"product":"kesl"}],"more":1}"#).unwrap();
        assert_eq!(inventory.all_hosts(), ["unknown host"]);
        assert!(!inventory.items[0].concerns());
        let text = r#"{"host":"a","items":[{"product":"p","state":"installed","integrated_in":{"product":null,"name":"Box"},
            "rulings":[{"rule":"r","ruling":"REPLACE","activity":"use","from":"2024-09-29T04:00:00Z"}]}]}"#;
        let inventory = Inventory::read(text.as_bytes()).unwrap();
        let item = &inventory.items[0];
        assert_eq!((item.integrated_in.as_deref(), item.concerns()), (Some("Box"), true));
        assert!(item.rulings[0].is_about(&["use"]));
        assert_ne!(item.key("a"), item.key("b"));
        for wrong in ["", "[]", "{}", r#"{"items":[{}]}"#, r#"{"items":[{"product":1}]}"#] {
            assert!(Inventory::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
