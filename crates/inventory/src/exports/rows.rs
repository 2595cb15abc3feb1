//! Inventories as JSON: rows of osquery, one document or one on each line, and lists of objects with known columns.

use super::Columns;
use crate::document::{Json, Node, matches, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Rows;

#[derive(Clone, Copy)]
enum Kind {
    /// A document, which may be a row and may name the host.
    Document,
    Row,
}

impl Reader for Rows {
    fn name(&self) -> &'static str {
        "inventory json"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let text = subject.head_text();
        // Names stand in quotes before colons.
        let names = text.split('"').skip(1).step_by(2).zip(text.split('"').skip(2).step_by(2));
        text.trim_start().starts_with(['{', '['])
            && Columns::new(
                names.filter(|(_, after)| after.trim_start().starts_with(':')).map(|(name, _)| name),
            )
            .is_some()
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let kind = |path: &[String]| {
            let row =
                matches(path, "item") || matches(path, "*/item") || matches(path, "diffResults/added/item");
            if path.is_empty() { Some(Kind::Document) } else { row.then_some(Kind::Row) }
        };
        let mut last: (Vec<String>, Option<Columns>) = (Vec::new(), None);
        records(&mut Json::new(subject)?, kind, |record| {
            let host = |document: &Node| {
                let host = document.first(&["hostIdentifier", "decorations/hostname", "hostname", "host"]);
                host.to_owned()
            };
            let (cells, host): (&[Node], String) = match record.kind {
                Kind::Row => (
                    &record.node.children,
                    record.around.first().map(|document| host(document)).unwrap_or_default(),
                ),
                // A line of the log of results: the row is a member of it. What was removed is no longer there.
                Kind::Document if record.node.get("action") == "removed" => return Ok(()),
                Kind::Document => {
                    let columns = record.node.children.iter().find(|member| member.name == "columns");
                    let Some(columns) = columns else { return Ok(()) };
                    (&columns.children, host(record.node))
                }
            };
            if !cells.iter().map(|cell| &cell.name).eq(&last.0) {
                let names: Vec<String> = cells.iter().map(|cell| cell.name.clone()).collect();
                let columns = Columns::new(names.iter().map(String::as_str));
                last = (names, columns);
            }
            match &last.1 {
                Some(columns) => {
                    columns.tell(cells.iter().map(|cell| cell.text.as_str()), &host, record.line, facts)
                }
                None => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use candor_object::{Attribute, FactKind};

    use crate::reader::tests::{facts_of, told};

    use super::*;

    #[test]
    fn results_of_queries() {
        let json = br#"[{"identifier": "ahkjpbeeocnddjkakilopmfdlnjdpcdm", "name": "K", "version": "1", "browser_type": "edge", "permissions": ""}]"#;
        let facts = facts_of(&Rows, "x.json", json);
        assert_eq!(facts[0].kind, FactKind::Extension);
        assert_eq!(facts[0].get(Attribute::Browser), Some("edge"));
        let json = br#"[{"path": "a.exe", "subject_name": "AO Kaspersky Lab", "issuer_name": "I", "result": "trusted"},
            {"path": "b.exe", "subject_name": "", "issuer_name": "", "result": "missing"}]"#;
        let facts = facts_of(&Rows, "x.json", json);
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].get(Attribute::Verified), Some("yes"));
    }

    #[test]
    fn logs_of_results_name_their_host_and_survive_broken_lines() {
        let json = b"{\"name\": \"pack/deb\", \"hostIdentifier\": \"h1\", \"columns\": {\"name\": \"kesl\", \"version\": \"12\", \"maintainer\": \"K\", \
            \"arch\": \"amd64\", \"status\": \"install ok installed\"}, \"action\": \"added\"}\n{broken\n\
            {\"hostIdentifier\": \"h2\", \"snapshot\": [{\"name\": \"kesl\", \"version\": \"12\", \"release\": \"1\", \"arch\": \"x86_64\"}]}\n";
        let (facts, result) = told(&Rows, "osqueryd.results.log", json);
        let told: Vec<_> =
            facts.iter().map(|fact| (fact.get(Attribute::Host), fact.get(Attribute::Manager))).collect();
        assert_eq!(told, [(Some("h1"), Some("dpkg")), (Some("h2"), Some("rpm"))]);
        assert_eq!(facts[0].get(Attribute::State), Some("installed"));
        assert!(result.unwrap_err().to_string().starts_with("line 2"));
    }

    #[test]
    fn other_json_is_none() {
        assert!(
            facts_of(&Rows, "package.json", br#"{"name": "a", "version": "1", "author": "x"}"#).is_empty()
        );
    }
}
