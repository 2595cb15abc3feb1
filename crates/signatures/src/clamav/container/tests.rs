//! What is taken, what is refused, and that damage never gets through.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::making::{Making, gzip, keys, tar};
use super::{Container, Keys, Refusal, Roots};

const MEMBERS: [(&str, &str); 2] =
    [("test.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test\n"), ("test.ndb", "Foo:0:*:deadbeef\n")];

fn open(name: &str, bytes: &[u8]) -> Result<Container, Refusal> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    Container::open(&path, &keys())
}

fn refusal(name: &str, bytes: &[u8]) -> String {
    open(name, bytes).unwrap_err().to_string()
}

fn content(container: &Container) -> Result<Vec<(String, String)>, Refusal> {
    let mut all = Vec::new();
    container.read(
        |_| true,
        |member, body| {
            let mut text = String::new();
            body.read_to_string(&mut text)?;
            all.push((member.name.clone(), text));
            Ok(())
        },
    )?;
    Ok(all)
}

fn expected() -> Vec<(String, String)> {
    MEMBERS.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn signed_containers_are_taken_packed_and_plain() {
    for packed in [true, false] {
        let bytes = Making { packed, ..Making::new(&MEMBERS) }.bytes();
        for name in ["test.cvd", "test.cld", "test.cud", "TEST.CVD"] {
            let container = open(name, &bytes).unwrap();
            assert_eq!(container.unsigned(), None, "{name}");
            assert_eq!(container.header().version, 7);
            assert_eq!(content(&container).unwrap(), expected());
        }
    }
}

#[test]
fn who_did_not_sign_is_named() {
    let making = Making::new(&MEMBERS);
    let why = |name: &str, making: &Making| {
        open(name, &making.bytes()).unwrap().unsigned().map(str::to_owned).unwrap_or_default()
    };
    let header_unsigned = Making { sign_header: false, ..making.clone() };
    assert!(why("test.cvd", &header_unsigned).contains("signature of its header"));
    // What differences were applied to has only the list signed.
    assert_eq!(why("test.cld", &header_unsigned), "");
    let listing_unsigned = Making { sign_listing: false, ..making.clone() };
    for name in ["test.cvd", "test.cld", "test.cud"] {
        assert!(why(name, &listing_unsigned).contains("no signature"), "{name}");
    }
    let without_list = Making { list: false, ..making.clone() };
    assert!(why("test.cvd", &without_list).contains("no list of members"));
    // Keys of somebody else.
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.cvd");
    fs::write(&path, making.bytes()).unwrap();
    assert!(Container::open(&path, &Keys::clamav()).unwrap().unsigned().is_some());
}

#[test]
fn what_the_list_does_not_say_is_refused() {
    let making = Making::new(&MEMBERS);
    type Members = Vec<(String, Vec<u8>)>;
    let with = |change: &dyn Fn(&mut Members)| {
        let mut members = Members::new();
        super::archive::each_member(making.archive().as_slice(), &mut |name, _, body| {
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes)?;
            members.push((name.to_owned(), bytes));
            Ok(())
        })
        .unwrap();
        change(&mut members);
        let members: Vec<(&str, &[u8])> =
            members.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        // The header is signed anew, as whoever breaks MD5 could.
        making.around(&tar(&members))
    };
    let forged = with(&|members| members[2].1[0] ^= 1);
    assert!(refusal("test.cvd", &forged).contains("not what the list says"));
    let added = with(&|members| members.push(("evil.fp".to_owned(), b"x".to_vec())));
    assert!(refusal("test.cvd", &added).contains("not on the list"));
    let missing = with(&|members| drop(members.remove(3)));
    assert!(refusal("test.cvd", &missing).contains("is missing"));
    let late = with(&|members| members.swap(1, 2));
    assert!(refusal("test.cvd", &late).contains("not the first"));
    let listing = with(&|members| members[1].1[80] ^= 1);
    assert!(open("test.cvd", &listing).map_or(true, |container| container.unsigned().is_some()));
}

#[test]
fn header_and_list_are_about_the_same_container() {
    let old = Making::new(&MEMBERS);
    let new = Making { version: 8, ..old.clone() };
    assert!(refusal("test.cld", &new.around(&old.archive())).contains("the header is not the one"));
}

#[test]
fn a_bomb_is_refused_before_it_is_opened() {
    let mut bomb = tar(&[("a.hdb", b"")]);
    bomb[124..136].copy_from_slice(b"77777777777\0");
    bomb[148..156].fill(b' ');
    let sum: u64 = bomb[..512].iter().map(|byte| u64::from(*byte)).sum();
    bomb[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let two = [bomb[..512].to_vec(), vec![0; 4 << 20]].concat();
    let making = Making::new(&[]).unsigned();
    assert!(refusal("bomb.cud", &making.around(&two)).contains("ends too early"));
    let empty: Vec<(String, Vec<u8>)> =
        (0..5000).map(|number| (format!("{number}.hdb"), Vec::new())).collect();
    let many = Making { members: empty, ..Making::new(&[]) };
    assert!(refusal("many.cud", &many.bytes()).contains("more than 4096"));
}

#[test]
fn what_is_no_container_is_refused() {
    let good = Making::new(&MEMBERS).bytes();
    assert!(refusal("test.cvd", b"").contains("shorter"));
    assert!(refusal("test.cvd", &good[..512]).contains("MD5"));
    assert!(refusal("test.cvd", &vec![b'x'; 600]).contains("header"));
    assert!(refusal("test.tar", &good).contains("name"));
    assert!(refusal("test.cvd", &[&good[..], b"more"].concat()).contains("MD5"));
}

#[test]
fn a_member_that_changes_between_check_and_use_is_missed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.cvd");
    let making = Making { packed: false, ..Making::new(&MEMBERS) };
    let bytes = making.bytes();
    fs::write(&path, &bytes).unwrap();
    let container = Container::open(&path, &keys()).unwrap();
    let at = bytes.windows(8).rposition(|bytes| bytes == b"deadbeef").unwrap();
    let mut changed = bytes.clone();
    changed[at] = b'0';
    fs::write(&path, &changed).unwrap();
    assert!(content(&container).unwrap_err().to_string().contains("was changed"));
    // A file that replaces it is not looked at.
    fs::write(&path, &bytes).unwrap();
    fs::write(folder.path().join("other"), &changed).unwrap();
    fs::rename(folder.path().join("other"), &path).unwrap();
    assert_eq!(content(&container).unwrap(), expected());
}

#[test]
fn the_publishers_containers_are_signed_and_one_changed_bit_is_missed() {
    let Ok(shared) = std::env::var("CANDOR_SHARED") else {
        eprintln!("skipped: CANDOR_SHARED is not set");
        return;
    };
    let folder = Path::new(&shared).join("data/cvd");
    let copies = TempDir::new().unwrap();
    let names = ["bytecode-268", "test-1", "test-2", "test-3", "test-4", "test-5", "test-6"];
    for name in names.map(|name| format!("{name}.cvd")) {
        let container = Container::open(&folder.join(&name), &Keys::clamav()).unwrap();
        assert_eq!(container.unsigned(), None, "{name}");
        let mut bytes = fs::read(folder.join(&name)).unwrap();
        for place in [600, bytes.len() - 1] {
            bytes[place] ^= 1;
            fs::write(copies.path().join(&name), &bytes).unwrap();
            let refused = Container::open(&copies.path().join(&name), &Keys::clamav());
            assert!(matches!(refused, Err(Refusal::Damaged(_))), "{refused:?}");
            bytes[place] ^= 1;
        }
    }
}

/// The signature beside a container, as the publisher makes them, with the certificate above the signer's as root.
#[test]
fn a_signature_beside_a_container_is_enough_and_must_be_for_it() {
    let Ok(shared) = std::env::var("CANDOR_SHARED") else {
        eprintln!("skipped: CANDOR_SHARED is not set");
        return;
    };
    let folder = Path::new(&shared).join("data/cvd");
    let signature = fs::read(folder.join("test-1.cvd.sign")).unwrap();
    let roots = super::detached::issuers(&signature);
    let strangers = Keys { roots, ..keys() };
    let copies = TempDir::new().unwrap();
    let path = copies.path().join("test.cvd");
    let open = |keys: &Keys| Container::open(&path, keys);
    fs::write(&path, fs::read(folder.join("test-1.cvd")).unwrap()).unwrap();
    assert!(open(&strangers).unwrap().unsigned().is_some());
    for name in ["test.cvd.sign", "test-1.cvd.sign"] {
        fs::write(copies.path().join(name), &signature).unwrap();
        assert_eq!(open(&strangers).unwrap().unsigned(), None, "{name}");
        // Nobody stands for the signer.
        assert!(open(&keys()).unwrap().unsigned().is_some());
        fs::remove_file(copies.path().join(name)).unwrap();
    }
    fs::write(copies.path().join("test.cvd.sign"), fs::read(folder.join("test-2.cvd.sign")).unwrap())
        .unwrap();
    assert!(matches!(open(&strangers), Err(Refusal::Forged(_))));
    assert!(matches!(open(&Keys::clamav().with_roots(strangers.roots.clone())), Err(Refusal::Forged(_))));
    // The signature itself is at the end.
    for place in (signature.len() - 600..signature.len() - 8).step_by(7) {
        let mut damaged = signature.clone();
        damaged[place] ^= 1;
        fs::write(copies.path().join("test.cvd.sign"), &damaged).unwrap();
        assert!(open(&strangers).map_or(true, |container| container.unsigned().is_some()), "{place}");
    }
}

#[test]
fn roots_come_from_a_folder() {
    let folder = TempDir::new().unwrap();
    assert!(Roots::from_folder(folder.path()).is_err());
    fs::write(folder.path().join("a.pem"), "nonsense").unwrap();
    assert!(Roots::from_folder(folder.path()).unwrap_err().to_string().contains("a.pem"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever happens to a signed container: it is refused, or unsigned, or all members are what they were.
    #[test]
    fn damage_never_forges_a_member(
        packed in any::<bool>(),
        mend in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        name in prop::sample::select(vec!["test.cvd", "test.cld", "test.cud"]),
    ) {
        let making = Making { packed, ..Making::new(&MEMBERS) };
        // With `mend` the archive is damaged and the header is signed for it.
        let mut bytes = if mend { making.archive() } else { making.bytes() };
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let bytes = if mend { making.around(&bytes) } else { bytes };
        if let Ok(container) = open(name, &bytes) && container.unsigned().is_none() {
            prop_assert_eq!(content(&container).unwrap(), expected());
        }
    }

    #[test]
    fn arbitrary_archives_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let making = Making::new(&[]).unsigned();
        let _ = open("test.cud", &making.around(&bytes));
        let _ = open("test.cud", &Making { packed: false, ..making }.around(&gzip(&bytes)));
        let _ = open("test.cud", &bytes);
    }
}
