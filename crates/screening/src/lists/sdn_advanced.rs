//! OFAC's `SDN_ADVANCED.XML`: parties are numbers that point to other numbers. Reference values and locations come
//! before the parties that use them, and the programmes after them.

use std::collections::HashMap;
use std::io::{self, BufRead};

use super::chunks::Chunks;
use super::node::Node;
use super::{Sink, countries};
use crate::entry::Entry;
use crate::name::Kind;

/// The most reference values, locations and names of parts that are kept.
const MOST_REFERENCES: usize = 2_000_000;

#[derive(Default)]
struct References {
    /// Country and address of a location.
    locations: HashMap<String, (Option<&'static str>, String)>,
    countries: HashMap<String, String>,
    /// Kinds of features: `Birthdate` and so on.
    features: HashMap<String, String>,
    parts: HashMap<String, String>,
    party_types: HashMap<String, String>,
    /// The number of the type that a subtype belongs to.
    party_subtypes: HashMap<String, String>,
    /// Places of parties among the entries, by the number of their profile.
    profiles: HashMap<String, usize>,
    count: usize,
}

const WANTED: &[&str] = &[
    "DateOfIssue",
    "AreaCode",
    "Country",
    "FeatureType",
    "NamePartType",
    "PartyType",
    "PartySubType",
    "Location",
    "DistinctParty",
    "SanctionsEntry",
];

pub(crate) fn read(reader: &mut dyn BufRead, sink: &mut Sink) -> io::Result<()> {
    let mut references = References::default();
    let mut chunks = Chunks::new(reader, WANTED);
    while let Some(chunk) = chunks.next_chunk()? {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err((line, reason)) => {
                sink.problem(line, reason);
                continue;
            }
        };
        match Node::parse(&chunk.bytes) {
            Ok(node) => references.take(&node, chunk.line, sink),
            Err(reason) => sink.problem(chunk.line, reason),
        }
    }
    let mut entries = std::mem::take(&mut sink.entries);
    entries.iter_mut().for_each(super::text::tidy);
    sink.entries = entries;
    Ok(())
}

impl References {
    fn take(&mut self, node: &Node, line: u64, sink: &mut Sink) {
        let (id, text) = (node.attribute("ID").to_owned(), node.text.trim().to_owned());
        match node.name.as_str() {
            "DateOfIssue" => sink.date = date(node),
            "DistinctParty" => self.party(node, line, sink),
            "SanctionsEntry" => self.programs(node, sink),
            _ if self.count >= MOST_REFERENCES => sink.problem(line, "too many reference values"),
            name => {
                self.count += 1;
                match name {
                    "Location" => {
                        let location = self.location(node);
                        self.locations.insert(id, location);
                    }
                    "Country" | "AreaCode" if !id.is_empty() => {
                        self.countries.insert(
                            format!("{name}{id}"),
                            if name == "AreaCode" { node.attribute("Description").to_owned() } else { text },
                        );
                    }
                    "FeatureType" => drop(self.features.insert(id, text)),
                    "NamePartType" => drop(self.parts.insert(id, text)),
                    "PartyType" => drop(self.party_types.insert(id, text)),
                    "PartySubType" => {
                        self.party_subtypes.insert(id, node.attribute("PartyTypeID").to_owned());
                    }
                    _ => {}
                }
            }
        }
    }

    fn location(&self, node: &Node) -> (Option<&'static str>, String) {
        let by = |element: &str, attribute: &str, prefix: &str| {
            let found = node
                .all(element)
                .into_iter()
                .find_map(|node| self.countries.get(&format!("{prefix}{}", node.attribute(attribute))));
            found.cloned().unwrap_or_default()
        };
        let country = by("LocationCountry", "CountryID", "Country");
        let country =
            if country.is_empty() { by("LocationAreaCode", "AreaCodeID", "AreaCode") } else { country };
        let mut parts: Vec<String> =
            node.all("Value").iter().map(|value| value.text.trim().to_owned()).collect();
        parts.push(country.clone());
        parts.retain(|part| !part.is_empty());
        (countries::code(&country), parts.join(", "))
    }

    fn party(&mut self, node: &Node, line: u64, sink: &mut Sink) {
        for profile in node.all("Profile") {
            let id = profile.attribute("ID");
            let kind = self
                .party_subtypes
                .get(profile.attribute("PartySubTypeID"))
                .and_then(|kind| self.party_types.get(kind));
            let kind = match kind.map(String::as_str) {
                Some("Individual") => Kind::Person,
                Some(_) => Kind::Organisation,
                None => Kind::Unknown,
            };
            let mut entry = Entry {
                id: if id.is_empty() { node.attribute("FixedRef") } else { id }.to_owned(),
                list: "SDN".to_owned(),
                kind,
                names: self.names(profile),
                countries: Vec::new(),
                addresses: Vec::new(),
                born: Vec::new(),
                programs: Vec::new(),
                source: format!(
                    "https://sanctionssearch.ofac.treas.gov/Details.aspx?id={}",
                    node.attribute("FixedRef")
                ),
                remarks: profile
                    .all("Comment")
                    .into_iter()
                    .chain(node.children.iter().filter(|child| child.name == "Comment"))
                    .map(|comment| comment.text.trim())
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join("; "),
            };
            for feature in profile.all("Feature") {
                self.feature(feature, &mut entry);
            }
            let before = sink.entries.len();
            sink.entry(line, entry);
            if sink.entries.len() > before {
                self.profiles.insert(id.to_owned(), before);
            }
        }
    }

    /// The primary name first. Last names stand before first names in the list, and behind them here.
    fn names(&self, profile: &Node) -> Vec<String> {
        let mut names: Vec<(bool, String)> = Vec::new();
        for identity in profile.all("Identity") {
            // Which part of a name a number of this identity means.
            let groups: HashMap<&str, &str> = identity
                .all("NamePartGroup")
                .iter()
                .map(|group| (group.attribute("ID"), group.attribute("NamePartTypeID")))
                .collect();
            for alias in identity.all("Alias") {
                for name in alias.all("DocumentedName") {
                    let mut parts: Vec<(bool, &str)> = Vec::new();
                    for value in name.all("NamePartValue") {
                        let kind = groups
                            .get(value.attribute("NamePartGroupID"))
                            .and_then(|kind| self.parts.get(*kind));
                        parts.push((kind.is_some_and(|kind| kind == "Last Name"), value.text.trim()));
                    }
                    parts.sort_by_key(|(last, _)| *last);
                    let written = parts.iter().map(|(_, part)| *part).collect::<Vec<_>>().join(" ");
                    names.push((alias.attribute("Primary") != "true", written));
                }
            }
        }
        names.sort_by_key(|(alias, _)| *alias);
        names.into_iter().map(|(_, name)| name).collect()
    }

    fn feature(&self, feature: &Node, entry: &mut Entry) {
        let kind = self.features.get(feature.attribute("FeatureTypeID")).map_or("", String::as_str);
        for location in feature.all("VersionLocation") {
            let Some((country, address)) = self.locations.get(location.attribute("LocationID")) else {
                continue;
            };
            entry.countries.extend(country.map(str::to_owned));
            if kind == "Location" {
                entry.addresses.push(address.clone());
            }
        }
        match kind {
            "Birthdate" => entry.born.extend(
                feature
                    .all("Start")
                    .first()
                    .and_then(|start| date(start.all("From").first().copied().unwrap_or(start))),
            ),
            "Title" => {
                let text = feature
                    .all("VersionDetail")
                    .iter()
                    .map(|detail| detail.text.trim())
                    .collect::<Vec<_>>()
                    .join(" ");
                entry.remarks = [text.as_str(), &entry.remarks]
                    .into_iter()
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join("; ");
            }
            _ => {}
        }
    }

    fn programs(&self, node: &Node, sink: &mut Sink) {
        let Some(entry) =
            self.profiles.get(node.attribute("ProfileID")).and_then(|at| sink.entries.get_mut(*at))
        else {
            return;
        };
        // The programme is the comment of the measure that is no measure of its own.
        let programs =
            node.all("SanctionsMeasure").into_iter().map(|measure| measure.value("Comment").to_owned());
        entry.programs.extend(programs.filter(|program| !program.is_empty()));
    }
}

/// `<Year>…<Month>…<Day>…` as ISO date.
fn date(node: &Node) -> Option<String> {
    let number = |name: &str, most: u32| {
        node.value(name).parse::<u32>().ok().filter(|number| (1..=most).contains(number))
    };
    Some(format!("{:04}-{:02}-{:02}", number("Year", 9999)?, number("Month", 12)?, number("Day", 31)?))
}
