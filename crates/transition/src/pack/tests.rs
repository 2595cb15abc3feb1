//! Packs that are whole, and packs of which one byte is another.

use super::*;
use crate::inventory::Inventory;
use crate::status::status;

const PLAN: &str = r#"
format = 1
made = 2024-06-21
updated = 2024-06-21
start = 2024-06-21
end = 2024-09-29
end_because = "x"
[[stage]]
id = "rings"
title = "Rings"
from = 2024-07-01
to = 2024-09-01
[[task]]
id = "remove"
stage = "rings"
what = "remove <script>alert(1)</script>"
due = 2024-07-20
host = "a\u202Eb"
product = "kesl"
until = "not-installed"
"#;
const INVENTORY: &str = r#"{"host":"a","items":[{"product":"kesl","state":"installed"}]}"#;

type Files = Vec<(String, Vec<u8>)>;

fn made() -> (Vec<u8>, Files, SecretKey) {
    let key = SecretKey::of_seed(&[7; 32]);
    let plan = Plan::read(PLAN).unwrap();
    let inventories = [Inventory::read(INVENTORY.as_bytes()).unwrap()];
    let status = status(&plan, &inventories, "2024-08-01T00:00:00Z".parse().unwrap());
    let inputs = [("plan.toml".to_owned(), PLAN.into()), ("a.json".to_owned(), INVENTORY.into())];
    let evidence =
        Evidence { plan: &plan, status: &status, tool: ["candor", "1", "x"], style: "p {}", inputs: &inputs };
    let mut files = make(&evidence, &key).unwrap();
    let pack = files.remove(PACK).unwrap();
    (pack, files.into_iter().collect(), key)
}

#[test]
fn what_was_made_holds() {
    let (pack, files, key) = made();
    let verification = verify(&pack, Some(&key.public()), Some(&files));
    assert!(verification.holds(), "{verification:?}");
    assert_eq!(verification.files.len(), 4);
    assert!(verification.remarks[0].contains("are the same"));
    let alone = verify(&pack, None, None);
    assert_eq!((alone.wrong.len(), alone.expected, alone.elsewhere.len()), (0, None, 4));
    assert!(!alone.holds(), "without a key nobody knows who signed");
    let other = SecretKey::of_seed(&[8; 32]).public();
    assert!(!verify(&pack, Some(&other), Some(&files)).wrong.is_empty());
}

#[test]
fn every_flipped_byte_of_the_document_is_noticed() {
    let (pack, _, key) = made();
    let public = key.public();
    for place in 0..pack.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut damaged = pack.clone();
            damaged[place] ^= bit;
            let verification = verify(&damaged, Some(&public), None);
            assert!(!verification.wrong.is_empty(), "byte {place}: {:?}", char::from(pack[place]));
        }
    }
    for damaged in [&pack[..pack.len() - 1], &[&pack[..], b" "].concat(), b"{}", b""] {
        assert!(!verify(damaged, Some(&public), None).wrong.is_empty());
    }
}

#[test]
fn every_flipped_byte_of_the_other_files_is_noticed() {
    let (pack, files, key) = made();
    for (number, (name, bytes)) in files.iter().enumerate() {
        // All of small files, and each 97th byte of long ones.
        let step = if bytes.len() < 2000 { 1 } else { 97 };
        for place in (0..bytes.len()).step_by(step) {
            let mut damaged = files.clone();
            damaged[number].1[place] ^= 0x10;
            assert!(!verify(&pack, Some(&key.public()), Some(&damaged)).wrong.is_empty(), "{name} {place}");
        }
    }
    let mut more = files.clone();
    more.push(("inputs/b.json".into(), Vec::new()));
    assert_eq!(verify(&pack, None, Some(&more)).wrong, ["inputs/b.json: it was not signed"]);
    assert_eq!(verify(&pack, None, Some(&files[1..])).wrong.len(), 1);
}

#[test]
fn names_of_others_do_nothing_in_the_page() {
    let (_, files, _) = made();
    let page = String::from_utf8(files.iter().find(|(name, _)| name == PAGE).unwrap().1.clone()).unwrap();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script") && !page.contains('\u{202e}'));
    let pdf = &files.iter().find(|(name, _)| name == PDF).unwrap().1;
    assert!(pdf.starts_with(b"%PDF-"));
}

#[test]
fn keys_are_read_as_they_are_written() {
    let key = SecretKey::of_seed(&[9; 32]);
    assert_eq!(SecretKey::read(&key.to_line()).unwrap().public(), key.public());
    assert_eq!(PublicKey::read(&key.public().to_line()), Ok(key.public()));
    assert_eq!(PublicKey::read(&key.public().to_base64()), Ok(key.public()));
    assert!(PublicKey::read(&key.to_line()).is_err() && SecretKey::read(&key.public().to_line()).is_err());
    assert!(PublicKey::read(&Base64::encode_string(&[0; 32])).is_err(), "a weak key");
    assert_eq!(format!("{key:?}"), "SecretKey");
}
