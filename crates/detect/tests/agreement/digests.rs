//! Digests of objects, sections and imports, of content that is read in pieces of any length.

use candor_detect::hash::{Digest, HashSignature, Subject};
use candor_detect::{Compiler, Database};
use candor_object::{Category, Content, Layout, Section};
use md5::Digest as _;
use proptest::prelude::*;

use super::{cases, findings, in_pieces};

fn digest(kind: u8, bytes: &[u8]) -> Digest {
    match kind {
        0 => Digest::Md5(md5::Md5::digest(bytes).into()),
        1 => Digest::Sha1(sha1::Sha1::digest(bytes).into()),
        _ => Digest::Sha256(sha2::Sha256::digest(bytes).into()),
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn what_is_known_is_found_however_it_is_read(
        bytes in prop::collection::vec(any::<u8>(), 1..3000),
        (from, to) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        kind in 0_u8..3,
        sized: bool,
        most in 1_usize..700,
        changed in any::<prop::sample::Index>(),
    ) {
        let (one, other) = (from.index(bytes.len()), to.index(bytes.len()));
        let section = one.min(other)..one.max(other) + 1;
        let (offset, length) = (section.start as u64, section.len() as u64);
        let layout = Layout {
            sections: vec![Section { name: String::new(), offset, size: length }],
            complete: true,
            ..Layout::default()
        };
        let mut compiler = Compiler::default();
        for (name, subject, part) in
            [("object", Subject::Object, bytes.as_slice()), ("section", Subject::Section, &bytes[section])]
        {
            compiler.hash(&HashSignature {
                name,
                source: "test.hsb",
                category: Category::Malware,
                subject,
                size: sized.then_some(part.len() as u64),
                digest: digest(kind, part),
            });
        }
        let database = Database::from_vec(compiler.finish()).unwrap();
        let names = |content| -> Vec<String> {
            let mut names: Vec<String> =
                findings(&database, content, Some(&layout)).into_iter().map(|finding| finding.name).collect();
            names.sort();
            names
        };
        prop_assert_eq!(names(Content::from_vec(bytes.clone())), ["object", "section"]);
        prop_assert_eq!(names(in_pieces(&bytes, most)), ["object", "section"]);
        // One byte changed, the object is another; the section only if it was in it.
        let mut other = bytes.clone();
        let place = changed.index(bytes.len());
        other[place] ^= 1;
        let inside = (offset..offset + length).contains(&(place as u64));
        let left: &[&str] = if inside { &[] } else { &["section"] };
        prop_assert_eq!(names(Content::from_vec(other.clone())), left);
        prop_assert_eq!(names(in_pieces(&other, most)), left);
    }
}
