//! A database with sections of every kind, and what finds something in it.

use candor_detect::Compiler;
use candor_detect::bytecode::{
    Argument, BytecodeSignature, Draft, DraftFunction, DraftInstruction, Global, Kind, Program,
};
use candor_detect::hash::{Digest, HashSignature, Subject};
use candor_detect::icon::Icon;
use candor_detect::logical::{
    ByteComparison, Comparison, Condition, Expression, LogicalSignature, Number, Numeral, Order, Outcome,
    Subsignature,
};
use candor_detect::magic::MagicSignature;
use candor_detect::member::{ANY, MemberSignature};
use candor_detect::password::PasswordSignature;
use candor_detect::pattern::{Base, Boundary, Element, Group, Pattern, Place};
use candor_detect::phishing::{self, LinkSignature, List};
use candor_detect::regex::{Flags, Regex};
use candor_detect::switch::{PROGRAMS, Switches};
use candor_detect::trust::SignerSignature;
use candor_detect::yara::{Rule, RuleSet, RuleUnit};
use candor_object::{Category, IconArea, IconStatistics, Strength};

/// SHA-256 of `evil.example/`.
const EVIL: [u8; 32] = [
    0xf0, 0x01, 0x95, 0x7c, 0x83, 0x3d, 0xa3, 0x53, 0x84, 0x09, 0x75, 0x67, 0xd6, 0x84, 0xbb, 0xfd, 0xcc,
    0xfd, 0x3c, 0x0a, 0xea, 0x51, 0xb6, 0x72, 0xd7, 0x40, 0xb5, 0x85, 0x8f, 0x6e, 0x9a, 0xa5,
];

/// A database with sections of every kind; a test here demands that a new kind has one.
pub(crate) fn image() -> Vec<u8> {
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
    pictures(&mut compiler);
    publishers(&mut compiler);
    scanning(&mut compiler);
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
        (LinkSignature::Blocked(List::Blocked, EVIL), "a.gdb"),
        (LinkSignature::NotBlocked([7; 32]), "a.gdb"),
    ] {
        compiler.link(&signature, source);
    }
}

/// The hash of the picture that is known, and what the known icon looks like.
pub(crate) const PICTURE: u64 = 0x1234_5678_9abc_def0;
pub(crate) fn icon() -> IconStatistics {
    let area = IconArea { value: 200, x: 4, y: 4 };
    IconStatistics {
        side: 32,
        colorful: [area; 3],
        gray: [area; 3],
        bright: [area; 3],
        dark: [area; 3],
        edges: [area; 3],
        even: [area; 3],
        spread: [30, 30, 40],
        colored: 50,
    }
}

fn pictures(compiler: &mut Compiler) {
    let groups = ["Documents".to_owned(), "Folders".to_owned()];
    compiler.icon(&Icon { name: "Icon".into(), groups, statistics: icon() });
    let hello = anywhere("hello".bytes().map(Element::literal).collect());
    compiler.logical(&LogicalSignature {
        conditions: vec![Condition::Icons([Some("Documents".into()), None])],
        ..LogicalSignature::new("Posing", "a.ldb", Expression::Pattern(0), vec![hello])
    });
    compiler.logical(&LogicalSignature {
        types: vec!["elf".into(), "png".into()],
        subsignatures: vec![Subsignature::Picture(PICTURE)],
        ..LogicalSignature::new("Picture", "a.ldb", Expression::Pattern(0), Vec::new())
    });
}

fn publishers(compiler: &mut Compiler) {
    let entries = include_str!("../publishers/entries.crb");
    let bytes = |digits: &str| -> Vec<u8> {
        let digit = |digit: u8| char::from(digit).to_digit(16).map_or(0, |digit| digit as u8);
        digits.as_bytes().chunks(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
    };
    for (name, category) in
        [("root", Category::Trusted), ("direct", Category::Trusted), ("direct", Category::Malware)]
    {
        let line = entries.lines().find(|line| line.split(';').next() == Some(name)).unwrap();
        let fields: Vec<&str> = line.split(';').collect();
        compiler.signer(&SignerSignature {
            name: "Publisher".into(),
            source: "a.crb".into(),
            text: "text".into(),
            category,
            subject: bytes(fields[2]).try_into().unwrap(),
            serial: bytes(fields[3]).try_into().ok(),
            modulus: bytes(fields[4]),
            code: true,
            time: true,
            certificates: name == "root",
        });
    }
    compiler.tell_certificates();
}

/// What says how to scan.
fn scanning(compiler: &mut Compiler) {
    for (offset, bytes) in [(4, "hello"), (20, "HELLO"), (9, "nothing")] {
        compiler.magic(&MagicSignature { offset, bytes: bytes.into(), file_type: "html,zip" });
    }
    for container in [Some("zip".to_owned()), None] {
        let (name, source) = ("Password".to_owned(), "a.pwdb".to_owned());
        compiler.password(&PasswordSignature { name, source, container, bytes: b"secret".to_vec() });
    }
    compiler.switches(&Switches { category: "PE", off: vec!["pe", PROGRAMS], source: "a.cfg", line: 7 });
}
