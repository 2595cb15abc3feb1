//! Software bills of materials.

pub(crate) mod cyclonedx;
pub(crate) mod spdx;
pub(crate) mod spdx3;
pub(crate) mod spdx_rdf;
pub(crate) mod spdx_tags;
pub(crate) mod syft;

use candor_object::{Attribute, FactKind};

use crate::{Error, Facts};

/// Most digests of a component that are told.
const DIGESTS: usize = 4;

/// Tells a component; one without a name and an identifier is none.
fn tell(facts: &mut Facts<'_>, values: &[(Attribute, &str)]) -> Result<(), Error> {
    let named = [Attribute::Name, Attribute::Purl, Attribute::Cpe, Attribute::Id];
    if values.iter().any(|(attribute, value)| named.contains(attribute) && !value.trim().is_empty()) {
        facts.add(FactKind::Component, values)
    } else {
        Ok(())
    }
}

/// The name in SPDX's `Organization: AO Kaspersky Lab (mail@example.org)`.
fn agent(text: &str) -> &str {
    let text = text.trim();
    let named =
        ["Organization:", "Person:", "Tool:"].iter().find_map(|kind| text.strip_prefix(kind)).unwrap_or(text);
    let named = named.trim();
    let mail = named.rfind(" (").filter(|_| named.ends_with(')'));
    let name = mail
        .filter(|at| named[*at..].contains('@') || named.ends_with("()"))
        .map_or(named, |at| &named[..at]);
    if matches!(name, "NOASSERTION" | "NONE") { "" } else { name }
}

/// A value, unless SPDX says that there is none.
fn asserted(text: &str) -> &str {
    if matches!(text.trim(), "NOASSERTION" | "NONE") { "" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_names_without_their_mail() {
        assert_eq!(agent("Organization: AO Kaspersky Lab (info@example.org)"), "AO Kaspersky Lab");
        assert_eq!(agent("Person: A (B) ()"), "A (B)");
        assert_eq!(agent("Organization: Acme (Russia)"), "Acme (Russia)");
        assert_eq!(agent("NOASSERTION"), "");
    }
}
