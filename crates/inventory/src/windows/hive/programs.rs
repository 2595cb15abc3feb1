//! Installed programs: the keys that "Apps and features" lists, and what Windows Installer remembers.

use candor_object::{Attribute, FactKind};

use super::{Branch, Hive, add};
use crate::{Error, Facts};

const UNINSTALL: &str = r"Microsoft\Windows\CurrentVersion\Uninstall";
const PRODUCTS: &str = r"Microsoft\Windows\CurrentVersion\Installer\UserData";

const FIELDS: [(&str, Attribute); 9] = [
    ("DisplayName", Attribute::Name),
    ("DisplayVersion", Attribute::Version),
    ("Publisher", Attribute::Publisher),
    ("InstallLocation", Attribute::Path),
    ("UninstallString", Attribute::Data),
    ("InstallDate", Attribute::Time),
    ("URLInfoAbout", Attribute::Url),
    ("ParentKeyName", Attribute::Parent),
    ("DisplayIcon", Attribute::Original),
];

/// The entries of one view.
pub(super) fn read(
    hive: &Hive<'_>,
    view: &Branch,
    architecture: &str,
    facts: &mut Facts<'_>,
) -> Result<(), Error> {
    let Some(list) = view.at(hive, UNINSTALL)? else { return Ok(()) };
    for entry in list.children(hive)? {
        let found = entry.attributes(hive, &FIELDS)?;
        if found.is_empty() {
            continue;
        }
        let fixed = [
            (Attribute::Source, "registry"),
            (Attribute::State, "installed"),
            (Attribute::Id, entry.key.name.as_str()),
            (Attribute::Key, entry.path.as_str()),
            (Attribute::Architecture, architecture),
        ];
        add(facts, FactKind::Program, &fixed, &found)?;
    }
    Ok(())
}

/// Products of Windows Installer, of the machine and of each user.
pub(super) fn installer(hive: &Hive<'_>, top: &Branch, facts: &mut Facts<'_>) -> Result<(), Error> {
    let Some(users) = top.at(hive, PRODUCTS)? else { return Ok(()) };
    for user in users.children(hive)? {
        let Some(products) = user.at(hive, "Products")? else { continue };
        for product in products.children(hive)? {
            let Some(properties) = product.at(hive, "InstallProperties")? else { continue };
            let found = properties.attributes(hive, &FIELDS)?;
            let code = product_code(&product.key.name).unwrap_or_else(|| product.key.name.clone());
            let fixed = [
                (Attribute::Source, "registry"),
                (Attribute::Manager, "msi"),
                (Attribute::State, "installed"),
                (Attribute::Id, code.as_str()),
                (Attribute::Key, properties.path.as_str()),
            ];
            add(facts, FactKind::Program, &fixed, &found)?;
        }
    }
    Ok(())
}

/// The code of a product, of which Windows Installer writes each part backwards.
fn product_code(packed: &str) -> Option<String> {
    /// Digits of each part in their packed order, and whether a hyphen follows.
    const PARTS: [(usize, bool); 11] = [
        (8, true),
        (4, true),
        (4, true),
        (2, false),
        (2, true),
        (2, false),
        (2, false),
        (2, false),
        (2, false),
        (2, false),
        (2, false),
    ];
    if packed.len() != 32 || !packed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut code = "{".to_owned();
    let mut rest = packed;
    for (length, hyphen) in PARTS {
        let (part, behind) = rest.split_at_checked(length)?;
        code.extend(part.chars().rev());
        if hyphen {
            code.push('-');
        }
        rest = behind;
    }
    code.push('}');
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_products_are_unpacked() {
        let code = product_code("D9FE00C9AA4506BA4F90690635A6F559");
        assert_eq!(code.as_deref(), Some("{9C00EF9D-54AA-AB60-F409-9660536A5F95}"));
        assert_eq!(product_code("x"), None);
        assert_eq!(product_code(&"é".repeat(16)), None);
    }
}
