//! One record of an XML document as a small tree.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

const DEEPEST: usize = 32;

/// An element.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    /// The text in it and in its children, in order.
    pub(crate) text: String,
    pub(crate) children: Vec<Self>,
}

impl Node {
    /// Reads one element.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(bytes);
        let mut reader = Reader::from_str(&text);
        let mut open: Vec<Self> = Vec::new();
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) if open.len() < DEEPEST => open.push(Self::start(&start)?),
                Event::Start(_) => return Err("elements lie too deep in each other".to_owned()),
                Event::Empty(start) => {
                    let node = Self::start(&start)?;
                    let Some(parent) = open.last_mut() else { return Ok(node) };
                    parent.text.push(' ');
                    parent.children.push(node);
                }
                Event::Text(text) => add(&mut open, &text),
                Event::CData(text) => add(&mut open, &text),
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                    match character {
                        Some(character) => add(&mut open, character.encode_utf8(&mut [0; 4])),
                        None => {
                            // Entities of a document type stand for what is not looked for; nothing is expanded.
                            add(
                                &mut open,
                                quick_xml::escape::resolve_predefined_entity(&reference).unwrap_or(" "),
                            );
                        }
                    }
                }
                Event::End(_) => {
                    let Some(node) = open.pop() else { return Err("an end without a start".to_owned()) };
                    let Some(parent) = open.last_mut() else { return Ok(node) };
                    parent.text.push_str(&node.text);
                    parent.children.push(node);
                }
                Event::Eof => return Err("the record ends too early".to_owned()),
                _ => {}
            }
        }
    }

    fn start(start: &BytesStart<'_>) -> Result<Self, String> {
        let name = start.local_name().as_ref().to_owned();
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false).take(64) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let key = attribute.key.local_name().as_ref().to_owned();
            let value = attribute.value.into_owned();
            let value = quick_xml::escape::unescape(&value)
                .map_or_else(|_| value.clone(), std::borrow::Cow::into_owned);
            attributes.push((key, value));
        }
        Ok(Self { name, attributes, ..Self::default() })
    }

    /// An attribute, or nothing.
    pub(crate) fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The text of the first child of this name.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.children.iter().find(|child| child.name == name).map_or("", |child| child.text.trim())
    }

    /// All elements of this name below this one, at any depth.
    pub(crate) fn all<'n>(&'n self, name: &str) -> Vec<&'n Self> {
        let mut found = Vec::new();
        self.collect(name, &mut found);
        found
    }

    fn collect<'n>(&'n self, name: &str, found: &mut Vec<&'n Self>) {
        for child in &self.children {
            if child.name == name {
                found.push(child);
            }
            child.collect(name, found);
        }
    }
}

fn add(open: &mut [Node], text: &str) {
    if let Some(node) = open.last_mut() {
        node.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_and_nothing_is_expanded() {
        let node = Node::parse(b"<r id='a&amp;b'><n>A &amp; B &#8212; &other;</n><e/></r>").unwrap();
        assert_eq!(node.attribute("id"), "a&b");
        assert_eq!(node.value("n"), "A & B \u{2014}");
        assert!(Node::parse(b"<r><n></r>").is_err());
        assert!(Node::parse("<a>".repeat(100).as_bytes()).is_err());
    }
}
