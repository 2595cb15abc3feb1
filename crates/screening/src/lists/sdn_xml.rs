//! OFAC's `SDN.XML`: one `<sdnEntry>` for each party.

use std::io::{self, BufRead};

use super::chunks::Chunks;
use super::node::Node;
use super::{Sink, countries};
use crate::entry::Entry;
use crate::name::Kind;

pub(crate) fn read(reader: &mut dyn BufRead, sink: &mut Sink) -> io::Result<()> {
    let mut chunks = Chunks::new(reader, &["Publish_Date", "sdnEntry"]);
    while let Some(chunk) = chunks.next_chunk()? {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err((line, reason)) => {
                sink.problem(line, reason);
                continue;
            }
        };
        match Node::parse(&chunk.bytes) {
            Ok(node) if node.name == "Publish_Date" => sink.date = date(node.text.trim()),
            Ok(node) => sink.entry(chunk.line, entry(&node)),
            Err(reason) => sink.problem(chunk.line, reason),
        }
    }
    Ok(())
}

/// `06/21/2024` as ISO date.
fn date(text: &str) -> Option<String> {
    let mut parts = text.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    let number =
        |text: &str, most: u32| text.parse::<u32>().ok().filter(|number| (1..=most).contains(number));
    Some(format!("{:04}-{:02}-{:02}", number(year, 9999)?, number(month, 12)?, number(day, 31)?))
}

fn name(node: &Node) -> String {
    [node.value("firstName"), node.value("lastName")].join(" ").trim().to_owned()
}

fn entry(node: &Node) -> Entry {
    let kind = match node.value("sdnType") {
        "Individual" => Kind::Person,
        "" => Kind::Unknown,
        _ => Kind::Organisation,
    };
    let mut names = vec![name(node)];
    names.extend(node.all("aka").into_iter().map(name));
    let mut found = Vec::new();
    let mut addresses = Vec::new();
    for address in node.all("address") {
        let parts = ["address1", "address2", "address3", "city", "stateOrProvince", "postalCode", "country"]
            .map(|part| address.value(part));
        found.extend(countries::code(address.value("country")).map(str::to_owned));
        addresses.push(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "));
    }
    for element in ["nationality", "citizenship"] {
        found.extend(
            node.all(element)
                .iter()
                .filter_map(|node| countries::code(node.value("country")))
                .map(str::to_owned),
        );
    }
    let remarks = [node.value("title"), node.value("remarks")];
    Entry {
        id: node.value("uid").to_owned(),
        list: "SDN".to_owned(),
        kind,
        names,
        countries: found,
        addresses,
        born: node.all("dateOfBirthItem").iter().map(|item| item.value("dateOfBirth").to_owned()).collect(),
        programs: node.all("program").iter().map(|node| node.text.clone()).collect(),
        source: format!("https://sanctionssearch.ofac.treas.gov/Details.aspx?id={}", node.value("uid")),
        remarks: remarks.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; "),
    }
}
