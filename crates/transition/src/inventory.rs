//! What a plan is made from: identified products with their rulings, as `candor check --format json` prints them.
//!
//! The smallest subset of that document is read, so that other programs can write it: see `docs/inventory.schema.json`.
//! Everything in it is hostile text.

use candor_object::FactKind;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Longest document, in bytes.
pub const MOST_BYTES: usize = 256 << 20;
/// Longest text in it that is kept, in characters.
const LONGEST: usize = 1000;

/// Items of one or more hosts at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// When it was made, as an instant of RFC 3339.
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    pub integrated_in: Option<String>,
    /// Where it was seen.
    pub places: Vec<String>,
    /// The host.
    pub host: Option<String>,
    /// The kinds of facts that speak for it: `package`, `image`, `certificate`, `address`.
    pub kinds: Vec<String>,
    /// The gravest of its rulings, if it is told.
    pub ruling: Option<String>,
    /// What rules say of it.
    pub rulings: Vec<Ruling>,
}

/// What one rule says of one item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The rule.
    pub rule: String,
    /// `PROHIBITED`, `REPLACE`, `EXEMPT`, `NOT-COVERED`, `REMNANT`, `REVIEW`, `ADVISORY` or `CLEAN`.
    pub ruling: String,
    /// What is prohibited or judged: `new_agreement`, `update`, `use`.
    pub activity: Vec<String>,
    /// The clause and the version of its text.
    pub clause: Option<String>,
    /// When it began or begins, as an instant of RFC 3339.
    pub instant: Option<String>,
    /// What must be done.
    pub duties: Vec<Duty>,
    /// What changes later.
    pub next: Vec<Change>,
}

/// Something that a rule demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duty {
    /// What.
    pub what: String,
    /// Until when.
    pub deadline: Option<String>,
}

/// Something that changes at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub instant: String,
    /// The activity that it concerns.
    pub activity: Vec<String>,
    /// What, for people.
    pub what: String,
}

/// A JSON value of which only some names matter, each of which others may write differently.
struct Of<'v>(&'v Value);

impl<'v> Of<'v> {
    /// What stands under the first of the names that is there.
    fn any(&self, names: &[&str]) -> Option<&'v Value> {
        names.iter().find_map(|name| self.0.get(name).filter(|value| !value.is_null()))
    }

    /// Text, or the text within an object: an instant that is not certain has its beginning and its end.
    fn text(&self, names: &[&str]) -> Option<String> {
        let value = self.any(names)?;
        let within = || Of(value).any(&["earliest", "from", "instant", "at", "start", "name", "cite"]);
        let text = value.as_str().or_else(|| within().and_then(Value::as_str))?;
        Some(text.chars().take(LONGEST).collect())
    }

    /// A word or a list of words.
    fn words(&self, names: &[&str]) -> Vec<String> {
        let texts = match self.any(names) {
            Some(Value::String(word)) => vec![word.as_str()],
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        texts.into_iter().take(LONGEST).map(|text| text.chars().take(LONGEST).collect()).collect()
    }

    /// An object or a list of them.
    fn objects(&self, names: &[&str]) -> Vec<Self> {
        match self.any(names) {
            Some(Value::Array(values)) => values.iter().map(Self).collect(),
            Some(value @ Value::Object(_)) => vec![Self(value)],
            _ => Vec::new(),
        }
    }

    fn item(&self) -> Result<Item, String> {
        let product = self.text(&["product"]).filter(|product| !product.is_empty());
        let product = product.ok_or("an item has no `product`")?;
        let mut kinds = self.words(&["kinds"]);
        for evidence in self.objects(&["evidence"]) {
            let what = evidence.text(&["kind", "fact", "what"]).unwrap_or_default();
            let word = what.split([' ', ':']).next().unwrap_or_default();
            if FactKind::from_name(word).is_some() && !kinds.iter().any(|kind| kind == word) {
                kinds.push(word.to_owned());
            }
        }
        if product.ends_with("root-certificate") && kinds.is_empty() {
            kinds.push("certificate".to_owned());
        }
        Ok(Item {
            name: self.text(&["name", "title"]).unwrap_or_else(|| product.clone()),
            product,
            version: self.text(&["version"]),
            state: self.text(&["state"]).unwrap_or_default().to_ascii_lowercase(),
            grade: self.text(&["grade"]).unwrap_or_default(),
            integrated_in: self.text(&["inside", "integrated_in"]),
            places: self.words(&["places", "place"]),
            host: self.text(&["host"]),
            kinds,
            ruling: self.text(&["ruling"]),
            rulings: self.objects(&["rulings"]).iter().map(Self::ruling).collect(),
        })
    }

    fn ruling(&self) -> Ruling {
        let ruling = self.text(&["ruling", "kind", "headline"]).unwrap_or_default();
        let (ruling, within) = ruling.split_once('(').unwrap_or((&ruling, ""));
        let mut activity = self.words(&["activity", "activities"]);
        if activity.is_empty() && !within.is_empty() {
            activity.push(within.trim_end_matches(')').to_owned());
        }
        let duty = |duty: &Of<'_>| {
            Some(Duty { what: duty.text(&["what", "duty"])?, deadline: duty.text(&["deadline"]) })
        };
        let mut duties: Vec<Duty> = self.objects(&["duties"]).iter().filter_map(duty).collect();
        duties.extend(duty(self).filter(|_| self.any(&["duty"]).is_some()));
        let next = self.objects(&["next", "changes"]).iter().filter_map(Self::change).collect();
        Ruling {
            rule: self.text(&["rule"]).unwrap_or_default(),
            ruling: ruling.to_ascii_uppercase(),
            activity,
            clause: self.text(&["citation", "clause", "text"]),
            instant: self.text(&["instant", "since", "from"]),
            duties,
            next,
        }
    }

    fn change(&self) -> Option<Change> {
        let what = self.text(&["what", "text"]).unwrap_or_default();
        let mut activity = self.words(&["activity", "activities"]);
        // A change that is told in words only is about what its words say.
        for (word, named) in [
            ("agreement", "new_agreement"),
            ("update", "update"),
            ("resell", "resell"),
            ("integrat", "integrate"),
        ] {
            if self.any(&["activity", "activities"]).is_none() && what.to_ascii_lowercase().contains(word) {
                activity.push(named.to_owned());
            }
        }
        // What ends, and what is only published, is no day to be ready for.
        let is_start = !["no longer", "published", "suspended"].iter().any(|start| what.starts_with(start));
        Some(Change { instant: self.text(&["instant", "at"])?, activity, what }).filter(|_| is_start)
    }
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
        let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if !value.get("items").is_some_and(Value::is_array) {
            return Err("it has no list `items`: give what `candor check --format json` printed".to_owned());
        }
        let of = Of(&value);
        let incomplete = of.any(&["incomplete"]).and_then(Value::as_bool);
        let gaps = of.any(&["gaps"]).is_some_and(|gaps| match gaps {
            Value::Array(gaps) => !gaps.is_empty(),
            Value::Number(gaps) => gaps.as_u64() != Some(0),
            _ => false,
        });
        Ok(Self {
            at: of.text(&["at", "made", "time"]),
            host: of.text(&["host"]),
            hosts: of.words(&["hosts"]),
            items: of.objects(&["items"]).iter().map(Of::item).collect::<Result<_, _>>()?,
            incomplete: incomplete.unwrap_or(gaps),
        })
    }

    /// The same, of a file of that name: what names no host is about the one that the file is called after.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_named(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let mut inventory = Self::read(bytes)?;
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        if inventory.host.is_none() && inventory.hosts.is_empty() {
            inventory.host = Some(stem.to_owned());
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
    /// Whether it is something that has to go, so far as rules say; where none was asked, its state says it.
    pub fn concerns(&self) -> bool {
        match &self.ruling {
            _ if !self.rulings.is_empty() => self.rulings.iter().any(Ruling::concerns),
            Some(ruling) => !is_harmless(ruling),
            None => ["installed", "remnant", "declared", "contacted"].contains(&&*self.state),
        }
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
        !is_harmless(&self.ruling)
    }

    /// Whether it is about one of these activities.
    pub fn is_about(&self, activities: &[&str]) -> bool {
        is_about(&self.activity, activities)
    }
}

fn is_harmless(ruling: &str) -> bool {
    ["EXEMPT", "NOT-COVERED", "CLEAN"].iter().any(|harmless| ruling.eq_ignore_ascii_case(harmless))
}

pub(crate) fn is_about(activity: &[String], activities: &[&str]) -> bool {
    let same = |word: &String, wanted: &&str| word.replace('-', "_").eq_ignore_ascii_case(wanted);
    activity.iter().any(|word| activities.iter().any(|wanted| same(word, wanted)))
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
        let text = r#"{"gaps":[{}],"items":[{"product":"p","evidence":[{"what":"certificate subject=x"}],"rulings":[
            {"rule":"r","kind":"prohibited","headline":"PROHIBITED(use)","activity":null,"citation":"89 FR, (a)",
             "duties":[{"what":"report","deadline":{"earliest":"2024-09-29T04:00Z","latest":"2024-09-29T05:00Z"}}],
             "next":{"at":"2024-09-29T04:00Z","what":"no updates any more"}}]}]}"#;
        let inventory = Inventory::read(text.as_bytes()).unwrap();
        let ruling = &inventory.items[0].rulings[0];
        assert!(inventory.incomplete && inventory.items[0].kinds == ["certificate"]);
        assert_eq!(ruling.duties[0].deadline.as_deref(), Some("2024-09-29T04:00Z"));
        assert_eq!((ruling.ruling.as_str(), ruling.next[0].activity[0].as_str()), ("PROHIBITED", "update"));
        let text = r#"{"items":[{"product":"p","state":"installed","ruling":"not-covered","inside":"Box","rulings":[]}]}"#;
        let inventory = Inventory::read_named("web1.json", text.as_bytes()).unwrap();
        assert_eq!(inventory.all_hosts(), ["web1"]);
        assert!(!inventory.items[0].concerns() && inventory.items[0].integrated_in.as_deref() == Some("Box"));
        for wrong in ["", "[]", "{}", r#"{"items":[{}]}"#, r#"{"items":[{"product":1}]}"#, r#"{"items":[1]}"#]
        {
            assert!(Inventory::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
