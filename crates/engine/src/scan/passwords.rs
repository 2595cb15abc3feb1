//! The passwords of a scan: what the mail around an encrypted thing tells, what the user knows, what databases know.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use candor_detect::Database;
use candor_detect::switch::PASSWORDS;
use candor_formats::told_passwords;
use candor_object::{FileType, ObjectId, Password};

use super::Scan;

/// Mails around an encrypted thing whose text is looked at.
const MOST_MAILS: usize = 4;

/// The types whose tools take the password in the encoding of the system that they ran on.
const OLD_ENCODINGS: [&str; 5] = ["zip", "rar", "arj", "pdf", "ole2"];

/// The characters of code page 437 from 0x80 on.
const CODE_PAGE_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// What is known beside the databases.
pub(super) struct Known<'e> {
    listed: &'e [Password],
    /// What mails tell, which is looked for when something in them asks.
    told: RefCell<HashMap<ObjectId, Vec<Vec<u8>>>>,
}

impl<'e> Known<'e> {
    pub(super) fn new(listed: &'e [Password]) -> Self {
        Self { listed, told: RefCell::default() }
    }
}

impl Scan<'_> {
    /// Passwords for what is encrypted in containers of a type.
    pub(crate) fn passwords(&self, container: FileType) -> Arc<[Password]> {
        let mut all = self.of_mails();
        all.extend_from_slice(self.known.listed);
        if OLD_ENCODINGS.contains(&container.name()) {
            let encoded: Vec<Password> = all.iter().flat_map(in_old_encodings).collect();
            all.extend(encoded);
        }
        if self.switched_off(PASSWORDS).is_none() {
            // A damaged record costs passwords, and what none opens is told as encrypted.
            let of = |database: &Arc<Database>| database.passwords(container.name()).unwrap_or_default();
            all.extend(self.databases.iter().flat_map(of));
        }
        all.into()
    }

    /// What the mails around the object tell, the innermost first.
    fn of_mails(&self) -> Vec<Password> {
        let mut all = Vec::new();
        let mails = self.chain.iter().rev().filter(|(_, object)| object.file_type.name() == "mail");
        for (id, mail) in mails.take(MOST_MAILS) {
            let mut told = self.known.told.borrow_mut();
            let told =
                told.entry(*id).or_insert_with(|| told_passwords(&mail.content, self.budget.deadline()));
            all.extend(
                told.iter().map(|bytes| Password {
                    origin: "the text of the mail".to_owned(),
                    bytes: bytes.clone(),
                }),
            );
        }
        all
    }
}

/// The same password as programs for DOS and Windows encode it.
fn in_old_encodings(password: &Password) -> Vec<Password> {
    let Ok(text) = std::str::from_utf8(&password.bytes) else { return Vec::new() };
    if text.is_ascii() {
        return Vec::new();
    }
    let latin: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
    let dos = |letter: char| {
        if letter.is_ascii() {
            return u8::try_from(letter).ok();
        }
        let place = CODE_PAGE_437.chars().position(|known| known == letter)?;
        u8::try_from(place.saturating_add(128)).ok()
    };
    let dos: Option<Vec<u8>> = text.chars().map(dos).collect();
    let encoded = latin.into_iter().chain(dos);
    encoded.map(|bytes| Password { origin: password.origin.clone(), bytes }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_old_code_pages() {
        assert_eq!(CODE_PAGE_437.chars().count(), 128);
        let of = |text: &str| {
            let password = Password { origin: String::new(), bytes: text.as_bytes().to_vec() };
            in_old_encodings(&password).into_iter().map(|known| known.bytes).collect::<Vec<_>>()
        };
        assert_eq!(of("größe"), [b"gr\xf6\xdfe", b"gr\x94\xe1e"]);
        assert!(of("infected").is_empty());
        assert!(of("密码").is_empty());
    }
}
