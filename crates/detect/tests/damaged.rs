//! A damaged database is refused or harmless: whatever byte is changed, nothing panics or runs on for ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use candor_detect::hash::{Digest, HashSignature, Subject};
use candor_detect::logical::{
    ByteComparison, Comparison, Condition, Expression, LogicalSignature, Number, Numeral, Order, Outcome,
    Subsignature,
};
use candor_detect::pattern::{Base, Boundary, Element, Group, Pattern, Place};
use candor_detect::phishing::{self, LinkSignature, List};
use candor_detect::regex::{Flags, Regex};
use candor_detect::yara::{Rule, RuleSet, RuleUnit};
use candor_detect::{Compiler, DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Category, Content, FileType, Layout, Link, Object, ObjectId, Section, Strength};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

const CONTENT: &[u8] = b"....hello blee....HELLO....qqqq \x7fELF hello again";

fn image() -> Vec<u8> {
    let mut compiler = Compiler::default();
    for (subject, size) in [(Subject::Object, None), (Subject::Section, Some(10)), (Subject::Imports, None)] {
        for digest in [Digest::Md5([7; 16]), Digest::Sha1([7; 20]), Digest::Sha256([7; 32])] {
            let (name, source, category) = ("Hash", "a.hsb", Category::Malware);
            compiler.hash(&HashSignature { name, source, category, subject, size, digest });
        }
    }
    let literal = |text: &str| -> Vec<Element> { text.bytes().map(Element::literal).collect() };
    let mut words = literal("hello");
    words.push(Element::Skip { min: 0, max: 9 });
    words.push(Element::Choice(vec![literal("blee"), literal("x")]));
    words.push(Element::NotBoundary(Boundary::Line));
    let groups = vec![Group { gap: 0, elements: words }, Group { gap: 2, elements: literal("HELLO") }];
    let placed = Place { base: Base::Section(0), delta: 0, slack: 40 };
    let short = Pattern { place: placed, groups: vec![Group { gap: 0, elements: literal("qq") }] };
    let number = |number| Box::new(Expression::Pattern(number));
    let expression = Expression::And(number(0), Box::new(Expression::And(number(1), number(2))));
    let hello = Pattern { place: Place::ANYWHERE, groups };
    let regex = Regex { text: "(?=h)hel+o".into(), place: Place::ANYWHERE, flags: Flags::CASELESS };
    compiler.logical(&LogicalSignature {
        text: "text".into(),
        strength: Strength::Weak,
        types: vec!["elf".into()],
        conditions: vec![Condition::FileSize(1, 1000), Condition::Sections(1, 2), Condition::Root],
        subsignatures: vec![
            Subsignature::Patterns(vec![hello.clone()]),
            Subsignature::Patterns(vec![short.clone(), short.clone()]),
            Subsignature::Regex { trigger: Expression::Pattern(0), regex },
        ],
        ..LogicalSignature::new("Logical", "a.ldb", expression, Vec::new())
    });
    let number_behind = ByteComparison {
        offset: 4,
        number: Number { numeral: Numeral::Raw, order: Order::Big, exact: false, length: 1 },
        comparisons: vec![(Comparison::More, 0)],
    };
    let expression = Expression::And(number(1), number(2));
    compiler.logical(&LogicalSignature {
        types: vec!["elf".into()],
        subsignatures: vec![
            Subsignature::Patterns(vec![hello]),
            Subsignature::Near { patterns: vec![short], low: 0, high: 100 },
            Subsignature::Compare { reference: 0, comparison: number_behind },
        ],
        outcome: Outcome::HandleAs("zip".into()),
        ..LogicalSignature::new("Handled", "a.ldb", expression, Vec::new())
    });
    let rule = Rule {
        name: "Ruled".into(),
        source: "a.yar".into(),
        text: "author: A".into(),
        category: Category::Malware,
        strength: Strength::Strong,
    };
    let text = "import \"elf\"\nrule Ruled { strings: $a = \"hello\" $b = /bl(e+)/ condition: all of them or elf.type == 1 }";
    let set = compiler.rules(&RuleSet { units: vec![RuleUnit { text: text.into(), rules: vec![rule] }] });
    compiler.logical(&LogicalSignature {
        subsignatures: vec![Subsignature::Fixed(vec![(9, vec![1, 2]), (0, b"....".to_vec())])],
        outcome: Outcome::Rules(set),
        ..LogicalSignature::new("", "", Expression::Pattern(0), Vec::new())
    });
    links(&mut compiler);
    compiler.finish()
}

fn links(compiler: &mut Compiler) {
    let expression = |text: &str| phishing::Expression { translated: text.into(), original: text.into() };
    for (signature, source) in [
        (LinkSignature::Protected("bank.example".into()), "a.pdb"),
        (LinkSignature::ProtectedExpression(expression("shop.*")), "a.pdb"),
        (LinkSignature::Allowed("good.example:bank.example".into()), "a.wdb"),
        (LinkSignature::AllowedExpression(expression("fine")), "a.wdb"),
        (LinkSignature::AllowedTarget(expression("also.fine")), "a.wdb"),
        (LinkSignature::Blocked(List::Blocked, Sha256::digest("evil.example/").into()), "a.gdb"),
        (LinkSignature::NotBlocked([7; 32]), "a.gdb"),
    ] {
        compiler.link(&signature, source);
    }
}

/// Links, of which the first three make a finding.
const LINKS: &[(&str, &str)] = &[
    ("http://other.example", "www.bank.example"),
    ("http://other.example", "shop.example"),
    ("http://a.evil.example/x", "click"),
    ("http://good.example", "bank.example"),
    ("http://also.fine", "bank.example"),
    ("http://other.example", "http://x.fine"),
];

fn inspect(database: Database) -> usize {
    let database = &Arc::new(database);
    let content = Content::from_vec(CONTENT.to_vec());
    let file_type = FileType::new("elf");
    let object = Object::root(content, file_type);
    let sections = vec![Section { name: ".text".into(), offset: 4, size: 10 }];
    let layout = Layout { sections, complete: true, ..Layout::default() };
    let deadline = Instant::now() + Duration::from_secs(2);
    let inspection = Inspection {
        object: &object,
        id: ObjectId::ROOT,
        layout: Some(&layout),
        containers: &[],
        deadline,
        hashed: true,
        digests: &Digests::default(),
    };
    let mut found = Found::default();
    for detector in DETECTORS {
        let _ = detector.inspect(database, &inspection, &mut found);
    }
    for (target, shown) in LINKS {
        let link = Link { target: target.as_bytes(), shown: shown.as_bytes(), is_text: true };
        found.findings.extend(
            candor_detect::link(std::slice::from_ref(database), ObjectId::ROOT, &link, deadline)
                .ok()
                .flatten(),
        );
    }
    let _ = (database.verify(), database.counts(), database.sources());
    found.findings.len().saturating_add(found.handle_as.len())
}

#[test]
fn the_undamaged_one_finds_what_is_there() {
    assert_eq!(inspect(Database::from_vec(image()).unwrap()), 6);
}

#[test]
fn every_truncation_is_refused() {
    let image = image();
    for length in 0..image.len().min(4096) {
        assert!(Database::from_vec(image[..length].to_vec()).is_err());
    }
    assert!(Database::from_vec(image[..image.len() - 1].to_vec()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn changed_bytes_are_refused_or_harmless(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = image();
        let length = bytes.len();
        for (place, value) in changes {
            bytes[place.index(length)] = value;
        }
        // With its checksum mended the header hides the damage, and the readers of the sections meet it.
        let refused = Database::from_vec(bytes.clone());
        Database::mend_header(&mut bytes);
        for database in [refused, Database::from_vec(bytes)].into_iter().flatten() {
            inspect(database);
        }
    }
}
