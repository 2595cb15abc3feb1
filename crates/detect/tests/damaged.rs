//! A damaged database is refused or harmless: whatever byte is changed, nothing panics or runs on for ever.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candor_detect::bytecode::{
    Argument, BytecodeSignature, Draft, DraftFunction, DraftInstruction, Global, Kind, Program,
};
use candor_detect::hash::{Digest, HashSignature, Subject};
use candor_detect::logical::{
    ByteComparison, Comparison, Condition, Expression, LogicalSignature, Number, Numeral, Order, Outcome,
    Subsignature,
};
use candor_detect::member::{ANY, MemberSignature};
use candor_detect::pattern::{Base, Boundary, Element, Group, Pattern, Place};
use candor_detect::phishing::{self, LinkSignature, List};
use candor_detect::regex::{Flags, Regex};
use candor_detect::yara::{Rule, RuleSet, RuleUnit};
use candor_detect::{Compiler, DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Category, Content, FileType, Layout, Link, Listed, Object, ObjectId, Section, Strength};
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
    compiler.official(true);
    compiler.member(&member());
    let trigger = "Program;Engine:51-255,Target:0;0;68656c6c6f";
    let program = program(trigger);
    assert!(Program::new(&program.draft).is_ok());
    let program = compiler.program(&program);
    compiler.logical(&LogicalSignature {
        outcome: Outcome::Program(program),
        ..LogicalSignature::new("Program", "a.cbc", Expression::Pattern(0), vec![anywhere(literal("hello"))])
    });
    // Each kind of anchor has tables of its own, and a signature may have none.
    for text in ["vwxyz", "wxyz", "xyz", "xy"] {
        let pattern = anywhere(literal(text));
        compiler.logical(&LogicalSignature::new(text, "a.ldb", Expression::Pattern(0), vec![pattern]));
    }
    links(&mut compiler);
    compiler.finish()
}

fn anywhere(elements: Vec<Element>) -> Pattern {
    Pattern { place: Place::ANYWHERE, groups: vec![Group { gap: 0, elements }] }
}

fn member() -> MemberSignature {
    MemberSignature {
        name: "Member".into(),
        source: "a.cdb".into(),
        text: "text".into(),
        category: Category::Malware,
        container: Some("zip".into()),
        container_size: ANY,
        file_name: Some("^a(b|c)+$".into()),
        packed: ANY,
        size: (1, 9),
        encrypted: None,
        position: None,
    }
}

/// A program that says 7 at once.
fn program(trigger: &str) -> BytecodeSignature {
    let seven = DraftInstruction {
        opcode: 19,
        result: 0,
        target: 0,
        arguments: vec![Argument::Type(32), Argument::Constant(7, 4)],
    };
    BytecodeSignature {
        name: "Program".into(),
        source: "a.cbc".into(),
        trigger: trigger.into(),
        draft: Draft {
            kind: Kind::Logical,
            types: Vec::new(),
            imports: Vec::new(),
            globals: vec![Global { global_type: 0, parts: vec![0] }],
            functions: vec![DraftFunction {
                parameters: 0,
                returns: 32,
                locals: Vec::new(),
                blocks: vec![vec![seven]],
            }],
        },
    }
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
        signed: None,
        pictures: None,
        containers: &[],
        deadline,
        program_time: Duration::from_secs(1),
        hashed: true,
        digests: &Digests::default(),
    };
    let mut found = Found::default();
    for detector in DETECTORS {
        let _ = detector.inspect(database, &inspection, &mut found);
    }
    let archive = Object::root(Content::from_vec(CONTENT.to_vec()), FileType::new("zip"));
    let listed = Listed { name: "abc", packed: 7, size: 7, encrypted: false, position: Some(1) };
    let members = database.members(&archive, ObjectId::ROOT, &listed, deadline).unwrap_or_default();
    let trusted = database.trusted(&object.content, ObjectId::ROOT, deadline);
    let _ = (database.verify(), database.counts(), database.sources(), trusted);
    let _ =
        (database.official_sources(), database.programs().map(Iterator::count), database.searches(file_type));
    for (target, shown) in LINKS {
        let link = Link { target: target.as_bytes(), shown: shown.as_bytes(), is_text: true };
        found.findings.extend(
            candor_detect::link(std::slice::from_ref(database), ObjectId::ROOT, &link, deadline)
                .ok()
                .flatten(),
        );
    }
    found.findings.len() + found.handle_as.len() + members.len()
}

#[test]
fn the_undamaged_one_finds_what_is_there() {
    assert_eq!(inspect(Database::from_vec(image()).unwrap()), 7);
}

/// A new kind of section has to be in the image that is damaged here.
#[test]
fn it_has_sections_of_every_kind() {
    let image = image();
    let number = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    let kinds: BTreeSet<u32> = (0..number(12) as usize).map(|row| number(72 + 24 * row)).collect();
    let source = include_str!("../src/image.rs");
    let list = source.split_once("pub(crate) enum Kind {").unwrap().1.split_once("\n}").unwrap().0;
    let all: Vec<(&str, u32)> = list
        .lines()
        .filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "))
        .map(|(name, number)| (name, number.parse().unwrap()))
        .collect();
    assert!(all.len() > 30, "{all:?}");
    let missing: Vec<&str> =
        all.into_iter().filter(|(_, number)| !kinds.contains(number)).map(|(name, _)| name).collect();
    assert!(missing.is_empty(), "no section of these kinds is damaged: {missing:?}");
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
