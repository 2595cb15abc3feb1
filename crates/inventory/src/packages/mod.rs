//! Databases of package managers, metadata of installed packages, and lock files.

pub(crate) mod apk;
pub(crate) mod brew;
pub(crate) mod cargo;
pub(crate) mod composer;
pub(crate) mod conda;
pub(crate) mod dpkg;
pub(crate) mod flatpak;
pub(crate) mod gem;
pub(crate) mod go;
pub(crate) mod maven;
pub(crate) mod npm;
pub(crate) mod nuget;
pub(crate) mod pacman;
pub(crate) mod pip;
pub(crate) mod rpm;
pub(crate) mod snap;
pub(crate) mod winget;
pub(crate) mod yarn;

use candor_object::{Attribute, FactKind};

use crate::purl::{purl, purl_for};
use crate::{Error, Facts};

/// The state of what is there.
const INSTALLED: &str = "installed";
/// The state of what a project asks for.
const DECLARED: &str = "declared";

/// Tells a package, with its package URL where that can be made of name and version.
fn tell(
    facts: &mut Facts<'_>,
    (manager, state): (&str, &str),
    (name, version): (&str, &str),
    more: &[(Attribute, &str)],
) -> Result<(), Error> {
    let (name, version) = (name.trim(), version.trim());
    if name.is_empty() {
        return Ok(());
    }
    let purl = purl(manager, name, version).unwrap_or_default();
    let mut values = vec![
        (Attribute::Manager, manager),
        (Attribute::Name, name),
        (Attribute::Version, version),
        (Attribute::State, state),
        (Attribute::Purl, purl.as_str()),
    ];
    values.extend_from_slice(more);
    facts.add(FactKind::Package, &values)
}

/// The package URL that values have together; an empty text if they have none.
fn with_purl(manager: &str, values: &[(Attribute, &str)]) -> String {
    let value = |wanted| values.iter().find(|(there, _)| *there == wanted).map_or("", |(_, value)| *value);
    purl_for(manager, value(Attribute::Name), value(Attribute::Version), value(Attribute::Architecture))
}
