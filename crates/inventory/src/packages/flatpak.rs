//! Flatpak: the `metadata` of a deployed program ([format](https://docs.flatpak.org/en/latest/flatpak-command-reference.html)),
//! and AppStream metainfo, which says who makes a program, in Flatpaks and elsewhere
//! ([specification](https://www.freedesktop.org/software/appstream/docs/)).

use candor_object::{Attribute, FactKind};

use super::{INSTALLED, tell};
use crate::document::{Xml, records};
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Flatpak;

impl Reader for Flatpak {
    fn name(&self) -> &'static str {
        "flatpak"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let deployed = subject.is_named("metadata")
            && (subject.head.starts_with(b"[Application]") || subject.head.starts_with(b"[Runtime]"));
        deployed || of_appstream(subject)
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        if of_appstream(subject) { appstream(subject, facts) } else { metadata(subject, facts) }
    }
}

fn of_appstream(subject: &Subject<'_>) -> bool {
    let name = subject.file_name();
    (name.ends_with(".metainfo.xml") || name.ends_with(".appdata.xml")) && subject.says("<component")
}

fn metadata(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let (mut name, mut runtime, mut section) = (String::new(), String::new(), String::new());
    lines(subject, |line| {
        match line.split_once('=') {
            _ if line.starts_with('[') => line.clone_into(&mut section),
            Some(("name", value)) if name.is_empty() => value.clone_into(&mut name),
            Some(("runtime", value)) if section == "[Application]" => value.clone_into(&mut runtime),
            _ => {}
        }
        Ok(())
    })?;
    // app/ID/ARCHITECTURE/BRANCH/COMMIT/metadata
    let path = subject.path();
    let folders: Vec<&str> = path.rsplit('/').skip(2).take(2).collect();
    let (branch, architecture) = match folders.as_slice() {
        [branch, architecture] if path.contains("flatpak/") => (*branch, *architecture),
        _ => ("", ""),
    };
    let more = [(Attribute::Architecture, architecture), (Attribute::Parent, runtime.as_str())];
    tell(facts, ("flatpak", INSTALLED), (&name, branch), &more)
}

fn appstream(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    records(
        &mut Xml::new(subject)?,
        |path| path.is_empty().then_some(()),
        |record| {
            let node = record.node;
            let values = [
                (Attribute::Name, node.first(&["name", "id"])),
                (Attribute::Id, node.get("id")),
                (Attribute::Version, node.get("releases/release/version")),
                (Attribute::Publisher, node.first(&["developer/name", "developer_name", "project_group"])),
                (Attribute::Url, node.get("url")),
                (Attribute::Licence, node.get("project_license")),
                (Attribute::Description, node.get("summary")),
                (Attribute::State, INSTALLED),
                (Attribute::Source, "appstream"),
            ];
            if values[0].1.is_empty() { Ok(()) } else { facts.add(FactKind::Program, &values) }
        },
    )
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn deployed_programs() {
        let text = b"[Application]\nname=org.a.B\nruntime=org.gnome.Platform/x86_64/46\n\n[Context]\nshared=network\n";
        let facts = facts_of(&Flatpak, "var/lib/flatpak/app/org.a.B/x86_64/stable/0123/metadata", text);
        assert_eq!(
            (facts[0].get(Attribute::Name), facts[0].get(Attribute::Version)),
            (Some("org.a.B"), Some("stable"))
        );
        assert_eq!(facts[0].get(Attribute::Architecture), Some("x86_64"));
        let xml = b"<component type='desktop'><id>org.a.B</id><name>B</name><name xml:lang='de'>C</name><developer_name>D</developer_name>\
                    <releases><release version='2'/><release version='1'/></releases></component>";
        let facts = facts_of(&Flatpak, "org.a.B.metainfo.xml", xml);
        assert_eq!(
            (facts[0].get(Attribute::Publisher), facts[0].get(Attribute::Version)),
            (Some("D"), Some("2"))
        );
    }
}
