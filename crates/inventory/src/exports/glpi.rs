//! What the agents of GLPI and FusionInventory send
//! ([specification](https://fusioninventory.org/documentation/dev/spec/protocol/inventory.html)), as XML and as JSON.

use candor_object::{Attribute, FactKind};

use crate::document::{Events, Json, Node, Xml, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Glpi;

#[derive(Clone, Copy)]
enum Kind {
    Software,
    Antivirus,
    Process,
    Hardware,
}

impl Reader for Glpi {
    fn name(&self) -> &'static str {
        "glpi inventory"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        (subject.begins_with(b'<') && subject.says("<REQUEST>") && subject.says("<CONTENT>"))
            || (subject.begins_with(b'{') && subject.says("\"deviceid\"") && subject.says("\"content\""))
            || (subject.begins_with(b'{')
                && subject.is_named("inventory.json")
                && subject.says("\"content\""))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        // The host is told after what is found on it.
        let mut host = String::new();
        let found = records(&mut *events(subject)?, kind, |record| {
            if matches!(record.kind, Kind::Hardware) && host.is_empty() {
                record.node.first(&["NAME", "name"]).clone_into(&mut host);
            }
            Ok(())
        });
        if !matches!(found, Ok(()) | Err(Error::Damaged(_))) {
            return found;
        }
        records(&mut *events(subject)?, kind, |record| {
            tell(record.kind, record.node, &host, record.line, facts)
        })
    }
}

fn events<'s>(subject: &'s Subject<'s>) -> Result<Box<dyn Events + 's>, Error> {
    Ok(if subject.begins_with(b'<') { Box::new(Xml::new(subject)?) } else { Box::new(Json::new(subject)?) })
}

/// `CONTENT/SOFTWARES` in XML, `content/softwares/item` in JSON.
fn kind(path: &[String]) -> Option<Kind> {
    let (content, list) = match path {
        [content, list] => (content, list),
        [content, list, element] if element == "item" => (content, list),
        _ => return None,
    };
    if !content.eq_ignore_ascii_case("content") {
        return None;
    }
    // Elements of XML are records, and lists of JSON are none.
    let element = path.len() == 3 || list.chars().all(|c| c.is_ascii_uppercase());
    match list.to_ascii_lowercase().as_str() {
        "softwares" if element => Some(Kind::Software),
        "antivirus" if element => Some(Kind::Antivirus),
        "processes" if element => Some(Kind::Process),
        "hardware" => Some(Kind::Hardware),
        _ => None,
    }
}

fn tell(kind: Kind, node: &Node, host: &str, line: u64, facts: &mut Facts<'_>) -> Result<(), Error> {
    let line = line.to_string();
    let name = node.first(&["NAME", "name"]);
    let version = node.first(&["VERSION", "version"]);
    let end = [(Attribute::Host, host), (Attribute::Source, "glpi"), (Attribute::Line, line.as_str())];
    let mut values = match kind {
        Kind::Hardware => return Ok(()),
        Kind::Software => vec![
            (Attribute::Name, name),
            (Attribute::Version, version),
            (Attribute::Publisher, node.first(&["PUBLISHER", "publisher"])),
            (Attribute::Id, node.first(&["GUID", "guid"])),
            (Attribute::Path, node.first(&["FOLDER", "folder"])),
            (Attribute::Time, node.first(&["INSTALLDATE", "install_date", "installdate"])),
            (Attribute::Manager, node.first(&["FROM", "from"])),
            (Attribute::Architecture, node.first(&["ARCH", "arch"])),
            (Attribute::State, "installed"),
        ],
        Kind::Antivirus => vec![
            (Attribute::Name, name),
            (Attribute::Version, version),
            (Attribute::Publisher, node.first(&["COMPANY", "company"])),
            (Attribute::Id, node.first(&["GUID", "guid"])),
            (Attribute::Key, "antivirus"),
            (Attribute::State, "installed"),
        ],
        Kind::Process => vec![
            (Attribute::Data, node.first(&["CMD", "cmd"])),
            (Attribute::Id, node.first(&["PID", "pid"])),
            (Attribute::State, "running"),
        ],
    };
    values.extend(end);
    if values[0].1.is_empty() {
        return Ok(());
    }
    facts.add(if matches!(kind, Kind::Process) { FactKind::Process } else { FactKind::Program }, &values)
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn programs_of_a_host() {
        let xml = "<?xml version='1.0'?>\n<REQUEST><CONTENT><ANTIVIRUS><COMPANY>Kaspersky</COMPANY><NAME>KES</NAME></ANTIVIRUS><HARDWARE><NAME>PC1</NAME>\
            </HARDWARE><SOFTWARES><NAME>KES</NAME><PUBLISHER>AO Kaspersky Lab</PUBLISHER><VERSION>12</VERSION></SOFTWARES></CONTENT></REQUEST>";
        let json = r#"{"action": "inventory", "content": {"antivirus": [{"company": "Kaspersky", "name": "KES"}], "hardware": {"name": "PC1"},
            "softwares": [{"name": "KES", "publisher": "AO Kaspersky Lab", "version": "12"}]}, "deviceid": "x"}"#;
        for text in [xml, json] {
            let facts = facts_of(&Glpi, "x", text.as_bytes());
            assert_eq!(facts.len(), 2);
            assert_eq!(facts[0].get(Attribute::Host), Some("PC1"));
            assert_eq!(facts[1].get(Attribute::Publisher), Some("AO Kaspersky Lab"));
        }
    }
}
