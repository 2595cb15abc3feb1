//! Documents that nest, whatever they are written in: JSON, XML, YAML and TOML become the same events, and records
//! are taken out of them one at a time, so that a document of any length needs little memory.

mod flow;
mod json;
mod node;
mod records;
mod toml;
mod xml;
mod yaml;

use crate::Error;

pub(crate) use json::Json;
pub(crate) use node::Node;
pub(crate) use records::{Record, matches, records};
pub(crate) use toml::Toml;
pub(crate) use xml::Xml;
pub(crate) use yaml::Yaml;

/// A step through a document. Everything has a name: members that of their key, elements of XML and their attributes
/// their own without a prefix, elements of lists `item`, and the whole document that of its root, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Open(String),
    Text(String),
    Close,
}

/// Events of a document; each `Open` is followed by its `Close` unless the document is damaged.
pub(crate) trait Events {
    /// The next one, none at the end.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the line.
    fn next(&mut self) -> Result<Option<Event>, Error>;

    /// The line that was reached.
    fn line(&self) -> u64;

    /// After damage, passes over what cannot be read. False when nothing can be found behind it. All that was open is closed.
    fn recover(&mut self) -> Result<bool, Error> {
        Ok(false)
    }
}

/// Most names around each other; deeper documents are damaged.
const DEEPEST: usize = 512;

#[cfg(test)]
mod tests {
    use crate::Subject;
    use crate::reader::tests::with_subject;

    use super::*;

    /// The events of a document as text: `<name:text>`, and damage between exclamation marks.
    pub(super) fn told(
        content: &[u8],
        events: impl for<'s> FnOnce(&'s Subject<'s>) -> Box<dyn Events + 's>,
    ) -> String {
        with_subject("x", content, |subject| {
            let mut events = events(subject);
            let mut told = String::new();
            loop {
                match events.next() {
                    Ok(Some(Event::Open(name))) if name.is_empty() => told.push('<'),
                    Ok(Some(Event::Open(name))) => told.push_str(&format!("<{name}:")),
                    Ok(Some(Event::Text(text))) => told.push_str(&text),
                    Ok(Some(Event::Close)) => told.push('>'),
                    Ok(None) => return told,
                    Err(error) => {
                        told.push_str(&format!("!{}!", error.to_string()));
                        if !events.recover().unwrap() {
                            return told;
                        }
                    }
                }
            }
        })
    }

    #[test]
    fn records_are_bounded_and_know_what_is_around_them() {
        let many = "{\"x\": 1},".repeat(10_000);
        let json = format!(
            "{{\"c\": [{{\"name\": \"a\", \"big\": [{many}0], \"c\": [{{\"name\": \"b\"}}], \"last\": 1}}, {{\"name\": \"d\""
        );
        let mut found = Vec::new();
        let result = with_subject("x", json.as_bytes(), |subject| {
            let kind = |path: &[String]| path.ends_with(&["c".to_owned(), "item".to_owned()]).then_some(());
            records(&mut Json::new(subject).unwrap(), kind, |record| {
                let around: Vec<&str> = record.around.iter().map(|node| node.get("name")).collect();
                found.push(format!(
                    "{} in {around:?} {}",
                    record.node.get("name"),
                    record.node.children.len()
                ));
                assert!(record.node.all("big/item").len() <= 1024);
                Ok(())
            })
        });
        assert_eq!(found, ["b in [\"a\"] 1", "a in [] 4", "d in [] 1"]);
        assert!(matches!(result, Err(Error::Damaged(_))));
    }
}
