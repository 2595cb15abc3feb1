//! The sink of facts, which bounds them.

use candor_object::{Attribute, Fact, FactKind, MAX_ATTRIBUTES, MAX_FACTS, MAX_VALUE, ObjectId};

use crate::Error;

/// Most bytes of text in the facts of a report.
const MOST_TEXT: usize = 48 << 20;

/// Takes the facts of one object into the report that it belongs to.
#[derive(Debug)]
pub struct Facts<'f> {
    object: ObjectId,
    all: &'f mut Vec<Fact>,
    text: &'f mut usize,
}

impl<'f> Facts<'f> {
    /// For facts that an object tells; `text` counts the bytes of all facts of the report.
    pub fn new(object: ObjectId, all: &'f mut Vec<Fact>, text: &'f mut usize) -> Self {
        Self { object, all, text }
    }

    /// Adds a fact. Empty values are left out, long ones are cut; one without any value is none.
    ///
    /// # Errors
    /// [`Error::Full`] when there are too many.
    pub fn add(&mut self, kind: FactKind, values: &[(Attribute, &str)]) -> Result<(), Error> {
        let values = values.iter().map(|(attribute, value)| (*attribute, clipped(value.trim())));
        let attributes: Vec<(Attribute, String)> = values
            .filter(|(_, value)| !value.is_empty())
            .take(MAX_ATTRIBUTES)
            .map(|(attribute, value)| (attribute, value.to_owned()))
            .collect();
        if attributes.is_empty() {
            return Ok(());
        }
        let length: usize = attributes.iter().map(|(_, value)| value.len()).sum();
        let text = self.text.saturating_add(length);
        if self.all.len() >= MAX_FACTS as usize || text > MOST_TEXT {
            return Err(Error::Full);
        }
        *self.text = text;
        self.all.push(Fact { object: self.object, kind, attributes });
        Ok(())
    }
}

/// The value, cut to [`MAX_VALUE`] bytes at a character.
fn clipped(value: &str) -> &str {
    &value[..value.floor_char_boundary(MAX_VALUE)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_trimmed_cut_and_left_out_when_empty() {
        let (mut all, mut text) = (Vec::new(), 0);
        let mut facts = Facts::new(ObjectId::ROOT, &mut all, &mut text);
        let long = "é".repeat(MAX_VALUE);
        facts
            .add(
                FactKind::Package,
                &[(Attribute::Name, " a "), (Attribute::Vendor, ""), (Attribute::Version, &long)],
            )
            .unwrap();
        facts.add(FactKind::Package, &[(Attribute::Name, "")]).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].get(Attribute::Name), Some("a"));
        assert_eq!(all[0].get(Attribute::Vendor), None);
        assert_eq!(all[0].get(Attribute::Version).unwrap().len(), MAX_VALUE);
        assert_eq!(text, MAX_VALUE + 1);
    }

    #[test]
    fn text_is_bounded() {
        let (mut all, mut text) = (Vec::new(), MOST_TEXT);
        let mut facts = Facts::new(ObjectId::ROOT, &mut all, &mut text);
        assert!(matches!(facts.add(FactKind::File, &[(Attribute::Path, "x")]), Err(Error::Full)));
    }
}
