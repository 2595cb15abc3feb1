//! Roots: which keys speak for which role. Made, signed by people in several places, and only then published.

use std::collections::BTreeSet;

use anyhow::{Context, anyhow, ensure};
use candor_update::Timestamp;
use serde_json::{Map, Value, json};

use crate::keys::{PublicKey, VENDOR};
use crate::metadata::Document;

/// The keys of a role, and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The keys.
    pub keys: Vec<PublicKey>,
    /// How many must sign.
    pub threshold: usize,
}

impl Role {
    fn of_vendor(&self) -> usize {
        self.keys.iter().filter(|key| key.party == VENDOR).count()
    }
}

/// What a root says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// One more than that of the root before it.
    pub version: u64,
    /// Until when it holds.
    pub expires: Timestamp,
    /// Who may replace the root.
    pub root: Role,
    /// Who vouches for signatures.
    pub targets: Role,
    /// Who says which metadata belong together. Online.
    pub snapshot: Role,
    /// Who says that this is the newest. Online.
    pub timestamp: Role,
}

impl Plan {
    fn roles(&self) -> [(&'static str, &Role); 4] {
        [
            ("root", &self.root),
            ("targets", &self.targets),
            ("snapshot", &self.snapshot),
            ("timestamp", &self.timestamp),
        ]
    }

    /// What a root says that is there.
    ///
    /// # Errors
    /// When it is no root of ours.
    pub fn of(document: &Document) -> anyhow::Result<Self> {
        let role = |name: &str| -> anyhow::Result<Role> {
            let role = &document.signed["roles"][name];
            let ids = role["keyids"].as_array().ok_or_else(|| anyhow!("the role {name} has no keys"))?;
            let key = |id: &Value| {
                let id = id.as_str().unwrap_or_default();
                let key = PublicKey::from_json(&document.signed["keys"][id])?;
                ensure!(key.id == id, "the key {id} has another number");
                Ok(key)
            };
            let keys = ids.iter().map(key).collect::<anyhow::Result<_>>();
            let keys = keys.with_context(|| format!("the role {name}"))?;
            let threshold = role["threshold"].as_u64().and_then(|number| usize::try_from(number).ok());
            Ok(Role {
                keys,
                threshold: threshold.ok_or_else(|| anyhow!("the role {name} has no threshold"))?,
            })
        };
        Ok(Self {
            version: document.version()?,
            expires: document.expires()?,
            root: role("root")?,
            targets: role("targets")?,
            snapshot: role("snapshot")?,
            timestamp: role("timestamp")?,
        })
    }

    /// The root that says this, unsigned. Nothing is checked.
    ///
    /// # Errors
    /// Never for keys that are some.
    pub fn to_document(&self) -> anyhow::Result<Document> {
        let (mut keys, mut roles) = (Map::new(), Map::new());
        for (name, role) in self.roles() {
            let ids: Vec<&str> = role.keys.iter().map(|key| key.id.as_str()).collect();
            roles.insert(name.to_owned(), json!({ "keyids": ids, "threshold": role.threshold }));
            keys.extend(role.keys.iter().map(|key| (key.id.clone(), key.to_json())));
        }
        let fields = json!({ "consistent_snapshot": true, "keys": keys, "roles": roles });
        Document::new("root", self.version, self.expires, fields)
    }

    /// Whether a root may say this.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> anyhow::Result<()> {
        let mut online = BTreeSet::new();
        for (name, role) in self.roles() {
            let different: BTreeSet<&str> = role.keys.iter().map(|key| key.id.as_str()).collect();
            ensure!(different.len() == role.keys.len(), "the role {name}: one key stands there twice");
            ensure!(
                (1..=role.keys.len()).contains(&role.threshold),
                "the role {name}: {} of {} signatures cannot be",
                role.threshold,
                role.keys.len()
            );
            if matches!(name, "snapshot" | "timestamp") {
                online.extend(different);
            }
        }
        for (name, role) in [("root", &self.root), ("targets", &self.targets)] {
            let vendor = role.of_vendor();
            ensure!(
                vendor < role.threshold,
                "the role {name}: the vendor alone has {vendor} of the {} signatures that are needed; \
                 others must be needed",
                role.threshold
            );
            let offline = role.keys.iter().all(|key| !online.contains(key.id.as_str()));
            ensure!(offline, "the role {name}: one of its keys is also used online");
        }
        Ok(())
    }

    /// The keys of a role by name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles().into_iter().find(|(role, _)| *role == name).map(|(_, role)| role)
    }
}

/// What a root changes, in plain words.
pub fn changes(previous: Option<&Plan>, next: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    match previous {
        None => lines.push(format!("This is a first root, version {}.", next.version)),
        Some(old) => lines.push(format!("Root {} follows root {}.", next.version, old.version)),
    }
    lines.push(format!("It holds until {}.", next.expires));
    for (name, role) in next.roles() {
        let old = previous.and_then(|old| old.role(name));
        let demand = format!("{} of {} keys", role.threshold, role.keys.len());
        let before = old.map(|old| format!("{} of {} keys", old.threshold, old.keys.len()));
        match before.filter(|before| *before != demand) {
            Some(before) => lines.push(format!("{name}: {demand} must sign; it was {before}.")),
            None => lines.push(format!("{name}: {demand} must sign.")),
        }
        let known = |keys: &[PublicKey], key: &PublicKey| keys.iter().any(|other| other == key);
        let old_keys = old.map_or(&[][..], |old| &old.keys);
        for key in &role.keys {
            let sign = if known(old_keys, key) { "   keeps" } else { " + gets " };
            lines.push(format!("{sign} {}", key.describe()));
        }
        for key in old_keys.iter().filter(|key| !known(&role.keys, key)) {
            lines.push(format!(" - loses {}", key.describe()));
        }
    }
    lines
}

/// What a root still lacks before it may be published: nothing if it may.
///
/// # Errors
/// When it is no root.
pub fn lacks(document: &Document, previous: Option<&Document>) -> anyhow::Result<Vec<String>> {
    let plan = Plan::of(document)?;
    let mut lacks = Vec::new();
    if let Err(error) = plan.check() {
        lacks.push(error.to_string());
    }
    let mut demand = |role: &Role, whose: &str| -> anyhow::Result<()> {
        let signed = document.signers(&role.keys)?.len();
        if signed < role.threshold {
            lacks.push(format!("{signed} of {} signatures that {whose} demands", role.threshold));
        }
        Ok(())
    };
    demand(&plan.root, "it itself")?;
    if let Some(previous) = previous {
        let old = Plan::of(previous)?;
        demand(&old.root, "the root before it")?;
        if plan.version != old.version + 1 {
            lacks.push(format!("its version must be {}, and is {}", old.version + 1, plan.version));
        }
    } else if plan.version != 1 {
        lacks.push("a first root has the version 1".to_owned());
    }
    Ok(lacks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::TufKey;

    fn keys(first: u8, parties: &[&str]) -> Vec<PublicKey> {
        let key =
            |(number, party): (u8, &&str)| TufKey::new(&[number; 32]).public("k", party).expect("a key");
        (first..).zip(parties).map(key).collect()
    }

    pub(crate) fn plan() -> Plan {
        Plan {
            version: 1,
            expires: "2030-01-01T00:00:00Z".parse().expect("a time"),
            root: Role { keys: keys(1, &[VENDOR, VENDOR, "a", "b", "c"]), threshold: 3 },
            targets: Role { keys: keys(11, &[VENDOR, "a", "b"]), threshold: 2 },
            snapshot: Role { keys: keys(21, &[VENDOR]), threshold: 1 },
            timestamp: Role { keys: keys(22, &[VENDOR]), threshold: 1 },
        }
    }

    #[test]
    fn roots_are_read_as_they_are_written() {
        let plan = plan();
        plan.check().expect("a plan");
        let bytes = plan.to_document().expect("a root").to_bytes().expect("bytes");
        let read = Document::read(&bytes, "root").expect("the root");
        assert_eq!(Plan::of(&read).expect("the plan"), plan);
    }

    #[test]
    fn the_vendor_alone_is_never_enough() {
        let of = |parties: &[&str], threshold| {
            let mut plan = plan();
            plan.targets = Role { keys: keys(11, parties), threshold };
            plan.check().is_ok()
        };
        assert!(of(&[VENDOR, "a", "b"], 2));
        assert!(!of(&[VENDOR, VENDOR, VENDOR], 2), "all the vendor's");
        assert!(!of(&[VENDOR, VENDOR, "a"], 2), "two of three are the vendor's");
        assert!(!of(&[VENDOR, "a", "b"], 1), "one is enough");
        assert!(!of(&[VENDOR, "a", "b"], 4), "four of three");
        let mut shared = plan();
        shared.targets.keys.push(shared.timestamp.keys[0].clone());
        assert!(shared.check().is_err(), "a key that lies online");
    }

    #[test]
    fn a_root_follows_only_with_old_and_new_keys() {
        let old = plan().to_document().expect("a root");
        let mut plan = plan();
        plan.version = 2;
        plan.root.keys = keys(31, &["a", "b", "c", "d", "e"]);
        let mut next = plan.to_document().expect("a root");
        let lacking = |next: &Document| lacks(next, Some(&old)).expect("a root").len();
        assert_eq!(lacking(&next), 2);
        (31..34).for_each(|seed| next.sign(&TufKey::new(&[seed; 32])).expect("signed"));
        assert_eq!(lacking(&next), 1);
        let mut copy = plan.to_document().expect("a root");
        (1..4).for_each(|seed| copy.sign(&TufKey::new(&[seed; 32])).expect("signed"));
        next.join(&copy).expect("the same root");
        assert_eq!(lacking(&next), 0);
        let words = changes(Some(&Plan::of(&old).expect("a plan")), &plan).join("\n");
        assert!(words.contains("Root 2 follows root 1") && words.contains(" - loses k of vendor"));
    }
}
