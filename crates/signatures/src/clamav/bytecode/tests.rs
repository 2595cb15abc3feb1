//! Programs as text. The writer here is the opposite of the reader: it makes text of a draft.

use std::time::{Duration, Instant};

use candor_detect::bytecode::{
    Argument, Draft, DraftFunction, DraftInstruction, Extracted, FIRST_TYPE, Global, Host, Import, Kind,
    Limits, Local, Matches, PdfPhase, Type, is_terminator, run, shape,
};
use candor_detect::{DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Content, FileType, Layout, Object};
use proptest::prelude::*;

use super::read;
use crate::{Complaint, Programs, Settings, Sources};

const TRIGGER: &str = "BC.Test.{A,B};Engine:51-255,Target:0;0;61626364";

fn digits(value: u64, count: u32) -> String {
    (0..count).map(|place| char::from(0x60 + (value >> (4 * place) & 15) as u8)).collect()
}

fn led(value: u64, lead: u8) -> String {
    let count = (64 - value.leading_zeros()).div_ceil(4);
    format!("{}{}", char::from(lead + count as u8), digits(value, count))
}

fn number(value: impl Into<u64>) -> String {
    led(value.into(), 0x60)
}

fn constant(value: u64) -> String {
    led(value, 0x40)
}

fn text(text: &str) -> String {
    let bytes: String = text.bytes().chain([0]).map(|byte| digits(u64::from(byte), 2)).collect();
    format!("|{}{bytes}", number(text.len() as u64 + 1))
}

fn instruction(instruction: &DraftInstruction) -> String {
    let shape = shape(instruction.opcode).unwrap();
    let count = instruction.arguments.len() - shape.slots.len();
    let count = if shape.list { digits(count as u64, 1) } else { String::new() };
    let arguments: String = instruction
        .arguments
        .iter()
        .map(|argument| match argument {
            Argument::Constant(value, size) => constant(*value) + &digits(u64::from(*size), 1),
            Argument::Global(place) => constant(u64::from(*place)) + "`",
            Argument::Value(place)
            | Argument::Type(place)
            | Argument::Block(place)
            | Argument::Function(place) => number(*place),
        })
        .collect();
    digits(u64::from(instruction.opcode), 2) + &count + &arguments
}

fn written(draft: &Draft) -> String {
    let list = |items: &[u32]| {
        number(items.len() as u64) + &items.iter().map(|item| number(*item)).collect::<String>()
    };
    let header =
        [number(7_u64), number(1_u64), text("me"), number(0_u64), number(draft.kind.number())].concat();
    let counts = number(draft.types.len() as u64 + 5) + &number(draft.functions.len() as u64);
    let mut lines = vec![
        format!("ClamBC{header}```{}{counts}p`clamcoincidencejb:4096", text("none")),
        TRIGGER.to_owned(),
    ];
    let types = draft.types.iter().map(|item| match item {
        Type::Function(members) => "a".to_owned() + &list(members),
        Type::Packed(members) => "b".to_owned() + &list(members),
        Type::Struct(members) => "c".to_owned() + &list(members),
        Type::Array { count, element } => "d".to_owned() + &number(*count) + &number(*element),
        Type::Pointer(target) => "e".to_owned() + &number(*target),
    });
    lines.push(format!("T{}{}", digits(u64::from(FIRST_TYPE), 2), types.collect::<String>()));
    let imports = draft
        .imports
        .iter()
        .map(|import| number(import.number) + &number(import.prototype) + &text(&import.name));
    lines.push(format!(
        "E{}{}{}",
        number(107_u64),
        number(draft.imports.len() as u64),
        imports.collect::<String>()
    ));
    let globals = draft.globals.iter().map(|global| {
        number(global.global_type)
            + &global.parts.iter().map(|part| constant(*part)).collect::<String>()
            + "`"
    });
    lines.push(format!(
        "G{}{}{}",
        number(0x8005_u64),
        number(draft.globals.len() as u64),
        globals.collect::<String>()
    ));
    for function in &draft.functions {
        let locals =
            function.locals.iter().map(|local| number(local.value_type) + &digits(local.stored.into(), 1));
        let own = function.locals.len() as u64 - u64::from(function.parameters);
        let head = [
            digits(u64::from(function.parameters), 1),
            number(function.returns),
            "L".to_owned(),
            number(own),
        ];
        let instructions: usize = function.blocks.iter().map(Vec::len).sum();
        let counts = number(instructions as u64) + &number(function.blocks.len() as u64);
        lines.push(format!("A{}{}F{counts}", head.concat(), locals.collect::<String>()));
        for block in &function.blocks {
            let (last, body) = block.split_last().unwrap();
            let body =
                body.iter().map(|item| number(item.result) + &number(item.target) + &instruction(item));
            lines.push(format!("B{}T{}", body.collect::<String>(), instruction(last)));
        }
        lines.last_mut().unwrap().push('E');
    }
    lines.join("\n") + "\n"
}

/// Sources of which unsigned programs are taken.
fn unsigned() -> Sources {
    Sources::new(Settings { programs: Programs::All, ..Settings::default() })
}

/// A program with a line of every kind.
fn sample() -> Draft {
    let put = |opcode, result, target, arguments: &[Argument]| {
        assert!(!is_terminator(opcode) || (result, target) == (0, 0));
        DraftInstruction { opcode, result, target, arguments: arguments.to_vec() }
    };
    let (a, c) = (Argument::Value, |value| Argument::Constant(value, 4));
    let local = |value_type| Local { value_type, stored: value_type > 64 };
    Draft {
        kind: Kind::Logical,
        types: vec![
            Type::Array { count: 8, element: 8 },
            Type::Pointer(FIRST_TYPE),
            Type::Function(vec![32, 65, 32]),
            Type::Struct(vec![8, 65]),
            Type::Packed(vec![16, 32]),
        ],
        imports: vec![Import { number: 5, prototype: FIRST_TYPE + 2, name: "setvirusname".to_owned() }],
        globals: vec![
            Global { global_type: 0, parts: vec![0] },
            Global { global_type: FIRST_TYPE, parts: b"BC.Test\0".map(u64::from).to_vec() },
            Global { global_type: 65, parts: vec![0, 1] },
        ],
        functions: vec![
            DraftFunction {
                parameters: 0,
                returns: 32,
                locals: vec![local(32), local(1), local(FIRST_TYPE), local(65)],
                blocks: vec![
                    vec![
                        put(33, 32, 0, &[Argument::Function(5), Argument::Global(2), c(7)]),
                        put(21, 1, 1, &[Argument::Type(32), a(0), c(0)]),
                        put(17, 0, 0, &[a(1), Argument::Block(1), Argument::Block(2)]),
                    ],
                    vec![
                        put(37, 65, 3, &[Argument::Type(FIRST_TYPE + 1), a(2), c(0), c(3)]),
                        put(32, 32, 0, &[Argument::Function(2), c(0xffff_fffe)]),
                        put(19, 0, 0, &[Argument::Type(32), a(0)]),
                    ],
                    vec![put(45, 0, 0, &[])],
                ],
            },
            DraftFunction {
                parameters: 1,
                returns: 32,
                locals: vec![local(32)],
                blocks: vec![vec![put(19, 0, 0, &[Argument::Type(32), a(0)])]],
            },
        ],
    }
}

#[test]
fn a_program_that_is_written_is_read() {
    let draft = sample();
    let signature = read(written(&draft).as_bytes(), "a.cbc").unwrap();
    assert_eq!(signature.draft, draft);
    assert_eq!((signature.name.as_str(), signature.trigger.as_str()), ("BC.Test", TRIGGER));
    // The source behind the program is for people, whatever it looks like.
    let with_source = written(&draft) + "Sabc\nTnonsense\n\nB\n";
    assert_eq!(read(with_source.as_bytes(), "a.cbc").unwrap().draft, draft);
    let without_trigger = written(&draft).replace(TRIGGER, "BC.Hook");
    let signature = read(without_trigger.as_bytes(), "a.cbc").unwrap();
    assert_eq!((signature.name.as_str(), signature.trigger.as_str()), ("BC.Hook", ""));
}

#[test]
fn a_program_is_compiled_into_a_database() {
    let mut sources = unsigned();
    sources.add_text("a.cbc", &written(&sample()));
    sources.add_text("b.cbc", "nonsense");
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
    assert_eq!(problems, ["b.cbc:1: malformed: this is no bytecode"]);
    let database = Database::from_vec(built.image).unwrap();
    let stored: Vec<_> = database.programs().unwrap().collect();
    assert_eq!((stored.len(), stored[0].name(), stored[0].source()), (1, "BC.Test", "a.cbc"));
    stored[0].program().unwrap();
}

/// What the detectors find in content of no known type.
fn found(database: &Database, content: &[u8]) -> Found {
    let object = Object::root(Content::from_vec(content.to_vec()), FileType::DATA);
    let digests = Digests::default();
    let inspection = Inspection::of(&object, &digests, Instant::now() + Duration::from_secs(60));
    let mut found = Found::default();
    for detector in DETECTORS {
        detector.inspect(database, &inspection, &mut found).unwrap();
    }
    found
}

#[test]
fn a_program_runs_where_its_trigger_is_true() {
    let mut sources = unsigned();
    sources.add_text("a.cbc", &written(&sample()));
    let built = sources.build(|problem| panic!("{problem}")).unwrap();
    let database = Database::from_vec(built.image).unwrap();
    let triggered = found(&database, b"xx abcd xx");
    assert_eq!(triggered.gaps, []);
    let names: Vec<_> =
        triggered.findings.iter().map(|finding| (finding.detector, finding.name.as_str())).collect();
    assert_eq!(names, [("bytecode", "BC.Test")]);
    assert_eq!(found(&database, b"xx abce xx"), Found::default());
}

#[test]
fn programs_that_nobody_has_signed_are_left_out_unless_they_are_wanted() {
    let built = |programs| {
        let mut sources = Sources::new(Settings { programs, ..Settings::default() });
        sources.add_text("a.cbc", &written(&sample()));
        let mut problems = Vec::new();
        let built = sources.build(|problem| problems.push(problem.complaint)).unwrap();
        (built.counts.programs, built.counts.logical, problems)
    };
    assert_eq!(built(Programs::Signed), (0, 0, vec![Complaint::Unsigned]));
    assert_eq!(built(Programs::default()), built(Programs::Signed));
    let (programs, _, problems) = built(Programs::LeftOut);
    assert_eq!(programs, 0);
    assert!(matches!(problems.as_slice(), [Complaint::NotForUs(_)]));
    assert_eq!((built(Programs::All).0, built(Programs::All).2), (1, vec![]));
}

#[test]
fn an_ignore_list_names_a_program() {
    let mut sources = unsigned();
    sources.add_text("a.cbc", &written(&sample()));
    sources.add_text("a.ign2", "BC.Test\n");
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
    assert_eq!((built.counts.programs, problems.len()), (0, 1));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let whole = written(&sample());
    let wrong = |from: &str, to: &str| {
        let changed = whole.replacen(from, to, 1);
        assert_ne!(changed, whole);
        let wrong = read(changed.as_bytes(), "a.cbc").unwrap_err();
        format!("{}: {}", wrong.line, wrong.complaint)
    };
    assert!(wrong("ClamBCag", "ClamBCah").starts_with("1: unsupported: format level 8"));
    assert!(wrong("jb:4096", "jb:x").starts_with("1: malformed: the header"));
    assert!(wrong("Ted", "Tdd").starts_with("3: malformed: types begin"));
    assert!(wrong("\nE", "\nX").starts_with("4: malformed: lines of kind 'X'"));
    assert!(wrong("\nG", "\nG|").starts_with("5: malformed"));
    assert!(wrong("cgef", "ccef").starts_with("2: malformed: import 0"));
    let cut = read(&whole.as_bytes()[..whole.len() / 2], "a.cbc").unwrap_err();
    assert!(cut.line >= 2);
    assert_eq!(read(b"", "a.cbc").unwrap_err().line, 1);
    assert_eq!(read(b"\xff", "a.cbc").unwrap_err().line, 1);
}

proptest! {
    #[test]
    fn changed_text_is_refused_or_read(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0x40..0x71_u8), 1..4),
    ) {
        let mut text = written(&sample()).into_bytes();
        for (place, letter) in changes {
            let place = place.index(text.len());
            text[place] = letter;
        }
        let _ = read(&text, "a.cbc");
    }
}

/// Shows what a trigger wants to see: its subsignatures one behind the other.
struct Shown {
    content: Content,
    matches: Matches,
    phase: Option<PdfPhase>,
}

impl Shown {
    fn of(trigger: &str, is_document: bool) -> Self {
        let mut content = b"%PDF-1.4\n1 0 obj <</Length 3>>stream\nabc\nendstream endobj\n".to_vec();
        let mut matches = Matches::default();
        for (place, subsignature) in trigger.split(';').skip(3).enumerate() {
            matches.counts[place] = 1;
            matches.offsets[place] = content.len() as u32;
            let pattern = subsignature.split_once(':').map_or(subsignature, |(_, pattern)| pattern);
            for part in pattern.split(['*', '{', '}', '(', ')', '|']) {
                content.extend(hex::decode(part.replace('?', "0")).unwrap_or_default());
            }
        }
        content.resize(content.len() + 4096, 0x20);
        let phase = is_document.then_some(PdfPhase::Parsed);
        Self { content: Content::from_vec(content), matches, phase }
    }
}

impl Host for Shown {
    fn content(&self) -> &Content {
        &self.content
    }

    fn layout(&self) -> Option<&Layout> {
        None
    }

    fn matches(&self) -> &Matches {
        &self.matches
    }

    fn pdf_phase(&self) -> Option<PdfPhase> {
        self.phase
    }

    fn extracted(&mut self, _: Extracted) -> bool {
        false
    }
}

/// The programs that ClamAV publishes are not part of this project; `CANDOR_SHARED` names a folder that has them.
#[test]
fn the_programs_of_clamav_are_read_and_run() {
    let Some(shared) = std::env::var_os("CANDOR_SHARED") else {
        eprintln!("CANDOR_SHARED is not set, so that ClamAV's programs are not read");
        return;
    };
    let container = std::fs::read(std::path::Path::new(&shared).join("data/cvd/bytecode-268.cvd")).unwrap();
    let mut archive = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(&container[512..]);
    std::io::Read::read_to_end(&mut reader, &mut archive).unwrap();
    let mut sources = unsigned();
    let mut rest = archive.as_slice();
    while rest.len() > 512 && rest[0] != 0 {
        let field = |range: std::ops::Range<usize>| {
            std::str::from_utf8(&rest[range]).unwrap().trim_end_matches(['\0', ' ']).to_owned()
        };
        let (name, size) = (field(0..100), usize::from_str_radix(&field(124..136), 8).unwrap());
        if name.ends_with(".cbc") {
            sources.add_text(&name, std::str::from_utf8(&rest[512..512 + size]).unwrap());
        }
        rest = &rest[512 + size.next_multiple_of(512)..];
    }
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(built.counts.programs, 48);
    let database = Database::from_vec(built.image).unwrap();
    let mut kinds = [0; 4];
    for stored in database.programs().unwrap() {
        let program = stored.program().unwrap();
        let mut shown = Shown::of(stored.trigger(), stored.kind().unwrap() == Kind::Pdf);
        let limits = Limits::until(Instant::now() + Duration::from_secs(60));
        let outcome =
            run(&program, &mut shown, &limits).unwrap_or_else(|error| panic!("{}: {error}", stored.name()));
        if stored.kind().unwrap() == Kind::Startup {
            assert_eq!((outcome.returned, outcome.disables), (0xda7a_ba5e, None));
        }
        match stored.kind().unwrap() {
            Kind::Logical => kinds[0] += 1,
            Kind::PeUnpacker => kinds[1] += 1,
            Kind::Pdf => kinds[2] += 1,
            _ => kinds[3] += 1,
        }
    }
    assert_eq!(kinds, [43, 2, 2, 1]);
}
