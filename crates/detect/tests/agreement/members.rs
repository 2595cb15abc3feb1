//! Signatures over what an archive says of a member.

use std::time::{Duration, Instant};

use candor_detect::member::{ANY, MemberSignature};
use candor_detect::{Compiler, Database};
use candor_object::{Category, Content, FileType, Listed, Object, ObjectId};
use proptest::prelude::*;

use super::cases;

fn range() -> impl Strategy<Value = (u64, u64)> {
    prop_oneof![1 => Just(ANY), 2 => (0_u64..20, 0_u64..20), 1 => (0_u64..20).prop_map(|size| (size, size))]
}

fn signature() -> impl Strategy<Value = MemberSignature> {
    let container = prop::option::of(prop::sample::select(vec!["zip", "tar"]));
    let names = vec!["", "a", "^a", "exe$", "\\.exe", "(?:a|b)\\.", "^[ab]{2}$", "A"];
    let fields = (container, range(), prop::sample::select(names), range(), range());
    let more = (prop::option::of(any::<bool>()), prop::option::of(range()));
    (fields, more).prop_map(|((container, container_size, name, packed, size), (encrypted, position))| {
        MemberSignature {
            name: "Member".to_owned(),
            source: "test.cdb".to_owned(),
            text: String::new(),
            category: Category::Malware,
            container: container.map(str::to_owned),
            container_size,
            file_name: (!name.is_empty()).then(|| name.to_owned()),
            packed,
            size,
            encrypted,
            position,
        }
    })
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn all_fields_must_fit(
        signature in signature(),
        name in "[ab]{0,2}(\\.exe)?",
        (length, packed, size) in (0_u64..20, 0_u64..20, 0_u64..20),
        encrypted: bool,
        position in prop::option::of(0_u64..20),
        container in prop::sample::select(vec!["zip", "tar"]),
    ) {
        let has = |(low, high): (u64, u64), number: u64| low <= number && number <= high;
        let named = |text: &String| pcre2::bytes::Regex::new(text).unwrap().is_match(name.as_bytes()).unwrap();
        let expected = signature.container.as_ref().is_none_or(|wanted| wanted == container)
            && has(signature.container_size, length)
            && signature.file_name.as_ref().is_none_or(named)
            && has(signature.packed, packed)
            && has(signature.size, size)
            && signature.encrypted.is_none_or(|wanted| wanted == encrypted)
            && match (signature.position, position) {
                (None | Some(ANY), _) => true,
                (Some(wanted), Some(position)) => has(wanted, position),
                (Some(_), None) => false,
            };
        let mut compiler = Compiler::default();
        compiler.member(&signature);
        let database = Database::from_vec(compiler.finish()).unwrap();
        let object = Object::root(Content::from_vec(vec![0; length as usize]), FileType::new(container));
        let listed = Listed { name: &name, packed, size, encrypted, position };
        let deadline = Instant::now() + Duration::from_secs(60);
        let found = database.members(&object, ObjectId::ROOT, &listed, deadline).unwrap();
        prop_assert_eq!(found.len(), usize::from(expected), "{:?}", signature);
    }
}
