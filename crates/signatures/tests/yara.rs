//! YARA rules from text to findings.

use std::time::{Duration, Instant};

use candor_detect::{DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Category, Content, FileType, Object};
use candor_signatures::Sources;
use proptest::prelude::*;

fn build(sources: &Sources) -> (Database, u64, Vec<String>) {
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
    (Database::from_vec(built.image).unwrap(), built.counts.yara, problems)
}

fn database(rules: &str) -> (Database, u64, Vec<String>) {
    let mut sources = Sources::default();
    sources.add_text("a.yar", rules);
    build(&sources)
}

fn scan(database: &Database, content: &[u8]) -> Found {
    let content = Content::from_vec(content.to_vec());
    let file_type = FileType::new("text");
    let object = Object::root(content, file_type);
    let digests = Digests::default();
    let inspection = Inspection::of(&object, &digests, Instant::now() + Duration::from_secs(60));
    let mut found = Found::default();
    for detector in DETECTORS {
        detector.inspect(database, &inspection, &mut found).unwrap();
    }
    found
}

fn names(found: Found) -> Vec<String> {
    let mut names: Vec<String> = found.findings.into_iter().map(|finding| finding.name).collect();
    names.sort();
    names
}

fn found(rules: &str, content: &[u8]) -> Vec<String> {
    let (database, _, problems) = database(rules);
    assert_eq!(problems, [""; 0], "{rules}");
    names(scan(&database, content))
}

#[test]
fn strings_of_every_kind_are_found() {
    for (string, content) in [
        ("\"hello\"", &b"..hello.."[..]),
        ("\"hello\" nocase", b"..hElLo.."),
        ("\"hello\" wide", b"..h\0e\0l\0l\0o\0.."),
        ("\"hello\" wide ascii nocase", b"..HELLO.."),
        ("\"hello\" fullword", b"..hello.."),
        ("\"hello\" xor", b"..\x2f\x22\x2b\x2b\x28.."),
        ("\"hello\" xor(1-9) wide", b"..\x69\x01\x64\x01\x6d\x01\x6d\x01\x6e\x01.."),
        ("\"This program\" base64", b"..VGhpcyBwcm9ncmFt.."),
        ("\"This program\" base64", b"..RoaXMgcHJvZ3Jhb.."),
        ("\"This program\" base64", b"..UaGlzIHByb2dyYW.."),
        ("\"This program\" base64wide", b"..V\0G\0h\0p\0c\0y\0B\0w\0c\0m\x009\0n\0c\0m\0F\0t\0.."),
        ("{ 68 65 ?? 6? ?f }", b"..hello.."),
        ("{ 68 [1-3] 6c (6f|70) }", b"..hello.."),
        ("{ 68 65 ~00 6c 6f }", b"..hello.."),
        ("{ 68 65 [2-] 6f 6f 6f }", b"..he.................................................ooo"),
        ("/h[a-f]l{2}o/", b"..hello.."),
        ("/(hello|world)[0-9]+/i", b"..WORLD7.."),
        ("/hel{1,3}o .*bye/", b"..hello and bye.."),
        ("/hello/ wide", b"..h\0e\0l\0l\0o\0.."),
        ("\"x\"", b"..x.."),
    ] {
        let rule = format!("rule a {{ strings: $a = {string} condition: $a }}");
        assert_eq!(found(&rule, content), ["a"], "{string}");
        assert_eq!(found(&rule, b"..nothing of this kind.."), [""; 0], "{string}");
    }
}

#[test]
fn conditions_are_evaluated() {
    let strings = "strings: $a = \"alpha\" $b = \"beta\" $c = \"gamma\"";
    for (condition, content, truth) in [
        ("all of them", "alpha beta gamma", true),
        ("all of them", "alpha beta", false),
        ("2 of them", "alpha gamma", true),
        ("2 of them", "alpha alpha", false),
        ("any of ($b, $c) and not $a", "gamma", true),
        ("any of ($b, $c) and not $a", "alpha gamma", false),
        ("#a == 2 and ($b or $c)", "alpha alpha beta", true),
        ("@a[1] < 3 and $b and $c", "  alpha beta gamma", true),
        ("$a at 0 and 1 of ($b, $c)", "alpha gamma", true),
        ("$a at 0 and 1 of ($b, $c)", " alpha gamma", false),
        ("for any i in (1..#a) : (@a[i] > 5) and $b and not $c", "beta  alpha", true),
        ("for all of ($a, $b) : ($ in (0..20)) and not $c", "alpha beta", true),
        ("none of ($b, $c) and $a", "alpha", true),
        ("not any of them", "", true),
        ("filesize < 10 and 1 of them", "alpha", true),
        ("filesize < 10 and 1 of them", "alpha        ", false),
        ("uint32be(0) == 0x616c7068 and 50% of them", "alpha beta", true),
        ("($a or $b or $c or true) and filesize == 3", "xyz", true),
    ] {
        let condition = format!("{condition} and (#a + #b + #c) >= 0");
        let rule = format!("rule r {{ {strings} condition: {condition} }}");
        assert_eq!(!found(&rule, content.as_bytes()).is_empty(), truth, "{condition} in {content:?}");
    }
}

#[test]
fn rules_refer_to_each_other() {
    let rules = "private rule p { strings: $a = \"alpha\" condition: $a }\n\
                 rule q { strings: $b = \"beta\" condition: $b and p }\n\
                 rule s { condition: q }\n\
                 rule t { condition: any of (q*) }\n\
                 rule not_p { condition: not p and filesize < 100 }\n\
                 rule v { condition: not_p }";
    assert_eq!(found(rules, b"alpha beta"), ["q", "s", "t"]);
    assert_eq!(found(rules, b"beta"), ["not_p", "v"]);
}

#[test]
fn a_global_rule_is_a_condition_of_its_file_only() {
    let mut sources = Sources::default();
    sources.add_text(
        "a.yar",
        "rule a { strings: $a = \"alpha\" condition: $a }\n\
         global private rule g { strings: $g = \"gamma\" condition: $g }",
    );
    sources.add_text("b.yar", "rule a { strings: $a = \"alpha\" condition: $a }");
    let database = build(&sources).0;
    let sources = |content: &[u8]| -> Vec<String> {
        scan(&database, content).findings.into_iter().map(|finding| finding.source).collect()
    };
    assert_eq!(sources(b"alpha"), ["b.yar"]);
    assert_eq!(sources(b"alpha gamma"), ["a.yar", "b.yar"]);
}

#[test]
fn a_finding_shows_what_the_rule_says_of_itself() {
    let (database, count, _) = database(
        "rule Tool : PUA windows { meta: author = \"A\\nB\" licence = \"MIT\" score = 7 sure = true\n\
         strings: $a = \"alpha\" $b = \"beta\" condition: any of them }",
    );
    assert_eq!(count, 1);
    let finding = scan(&database, b"..alpha.alpha").findings.remove(0);
    assert_eq!((finding.detector, finding.category), ("yara", Category::Unwanted));
    assert_eq!(finding.text, "author: A B\nlicence: MIT\nscore: 7\nsure: true\ntags: PUA windows");
    let [evidence] = &finding.evidence[..] else { panic!("{:?}", finding.evidence) };
    assert_eq!((evidence.what.as_str(), evidence.offset, evidence.size), ("string $a, 2 times", 2, 5));
    assert_eq!(evidence.excerpt, b"alpha");
}

#[test]
fn what_is_wrong_costs_only_itself() {
    let rules = "import \"nonsense\"\n\
                 rule a { strings: $a = \"alpha\" condition: $a }\n\
                 rule b { strings: $a = \"alpha\" condition: $a and }\n\
                 rule c { meta: x = \"y\"\n strings: $a = \"alpha\"\n condition: $a and unknown }\n\
                 rule a { condition: true }\n\
                 rule d { strings: $a = \"alpha\" condition: $a\n\
                 rule e { strings: $a = \"alpha\" condition: $a }\n\
                 nonsense\n\
                 include \"f.yar\"\n\
                 rule g { condition: c }\n";
    let (database, count, problems) = database(rules);
    assert_eq!((names(scan(&database, b"alpha")), count), (vec!["a".to_owned(), "e".into()], 2));
    let lines: Vec<&str> = problems.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    assert_eq!(
        lines,
        ["a.yar:1", "a.yar:3", "a.yar:6", "a.yar:7", "a.yar:9", "a.yar:10", "a.yar:11", "a.yar:12"],
        "{problems:#?}"
    );
}

#[test]
fn text_that_is_not_utf_8_costs_only_its_rule() {
    let folder = std::env::temp_dir().join(format!("candor-yara-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    let path = folder.join("a.yar");
    let rules = b"include \"sub/b.yar\"\ninclude \"../c.yar\"\n\
        rule a { meta: author = \"J\xfcrgen\" strings: $a = \"alpha\" condition: $a }\n\
        rule b { strings: $a = \"J\xfcrgen\" condition: $a }\n";
    std::fs::write(&path, rules).unwrap();
    let included = "include \"../a.yar\" rule i { strings: $a = \"alpha\" condition: $a }";
    std::fs::write(folder.join("sub/b.yar"), included).unwrap();
    let mut sources = Sources::default();
    sources.add_path(&path).unwrap();
    let (database, _, problems) = build(&sources);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(names(scan(&database, b"alpha")), ["a", "i"]);
    assert!(problems.iter().any(|problem| problem.contains("too deeply")), "{problems:#?}");
    assert!(problems.iter().any(|problem| problem.contains("\"../c.yar\"")), "{problems:#?}");
    assert!(problems.iter().any(|problem| problem.contains("a.yar:4") && problem.contains("UTF-8")));
}

#[test]
fn clamavs_language_is_smaller() {
    let rules = "import \"pe\"\n\
                 global rule g { strings: $a = \"gamma\" condition: $a }\n\
                 rule a { strings: $a = \"alpha\" condition: $a }\n\
                 rule b { strings: $a = \"alpha\" xor condition: $a }\n\
                 rule c { condition: filesize > 1 }\n\
                 rule d { strings: $a = { 61 [1-2] 70 68 } condition: $a }\n\
                 rule e { strings: $a = /al.ha/ wide condition: $a }\n\
                 rule f { strings: $a = \"alpha\" condition: $a and pe.is_pe }\n\
                 rule h { strings: $a = \"a\" condition: $a }\n";
    let mut sources = Sources::default();
    sources.add_text("a.yar", rules);
    sources.clamav_rules(true);
    let (database, _, problems) = build(&sources);
    assert_eq!(names(scan(&database, b"alpha")), ["a"]);
    assert_eq!(problems.len(), 6, "{problems:#?}");
}

#[test]
fn more_strings_than_a_signature_has_room_for() {
    let strings: String = (0..300).map(|number| format!("$s{number} = \"string{number}.\" ")).collect();
    let keys = "$x = \"some program\" xor wide ascii";
    for (condition, content) in [
        ("any of ($s*)", "string299."),
        ("2 of ($s*)", "string0. string299."),
        ("3 of ($s*) and uint16(0) == 0x7473", "string0. string150. string299."),
        ("$x and any of them", "rnld!qsnfs`l"),
    ] {
        let rule = format!(
            "rule r {{ strings: {strings} {keys} condition: ({condition}) and #x + #s0 >= 0 and for all of them : (# >= 0) }}"
        );
        assert_eq!(found(&rule, content.as_bytes()), ["r"], "{condition}");
        assert_eq!(found(&rule, b"string150"), [""; 0], "{condition}");
    }
}

#[test]
fn hostile_rules_are_refused() {
    for rule in [
        format!("rule a {{ condition: {}true{} }}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("rule a {{ condition: {} true }}", "not ".repeat(100_000)),
        format!("rule a {{ strings: $a = /{}a{}/ condition: $a }}", "(".repeat(100_000), ")".repeat(100_000)),
        format!(
            "rule a {{ strings: $a = {{ {}61{} }} condition: $a }}",
            "(".repeat(100_000),
            ")".repeat(100_000)
        ),
        "rule a { strings: $a = /((a{1,1000}){1,1000}){1,1000}/ condition: $a }".to_owned(),
        "rule ".repeat(10_000),
        "{".repeat(100_000),
    ] {
        let (_, count, problems) = database(&rule);
        assert!(count == 0 && !problems.is_empty(), "{}", &rule[..60]);
    }
}

/// A string of a rule, and a text that it matches.
fn string() -> impl Strategy<Value = (String, Vec<u8>)> {
    let word = "[a-e]{1,9}";
    let wide = |text: &str| text.bytes().flat_map(|byte| [byte, 0]).collect::<Vec<u8>>();
    prop_oneof![
        word.prop_map(|text| (format!("\"{text}\""), text.into_bytes())),
        word.prop_map(|text| (format!("\"{text}\" nocase"), text.to_uppercase().into_bytes())),
        word.prop_map(move |text| (format!("\"{text}\" wide"), wide(&text))),
        (word, 1..255_u8).prop_map(|(text, key)| {
            (format!("\"{text}\" xor"), text.bytes().map(|byte| byte ^ key).collect())
        }),
        (word, word, 0..9_usize).prop_map(|(left, right, gap)| {
            let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x} ")).collect::<String>();
            let string = format!("{{ {}[0-9] {}}}", hex(&left), hex(&right));
            (string, [left.as_bytes(), &vec![b'.'; gap], right.as_bytes()].concat())
        }),
        (word, word, word).prop_map(|(left, middle, right)| {
            (
                format!("/{left}({middle}|x+)?{right}.{{1,3}}/"),
                format!("{left}{middle}{right}..").into_bytes(),
            )
        }),
        (word, word).prop_map(|(left, right)| (
            format!("/({left}|{right})[0-9]{{2}}/i"),
            format!("{right}77").into_bytes()
        )),
    ]
}

/// A condition over strings `$s0` to `$s3`.
fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0..4_usize).prop_map(|number| format!("$s{number}")),
        (0..4_usize, 0..3_i32).prop_map(|(number, count)| format!("#s{number} > {count}")),
        (0..4_usize, 0..3_i32).prop_map(|(number, count)| format!("#s{number} == {count}")),
        (0..4_usize, 0..40_u32).prop_map(|(number, at)| format!("@s{number} < {at}")),
        (0..4_usize, 0..3_u32).prop_map(|(number, at)| format!("$s{number} at {at}")),
        (0..4_usize).prop_map(|number| format!("for any i in (1..#s{number}) : (@s{number}[i] > 3)")),
        (1..5_usize).prop_map(|count| format!("{count} of them")),
        (1..100_usize).prop_map(|count| format!("{count}% of them")),
        (1..3_usize).prop_map(|count| format!("for {count} of them : (# > 1)")),
        Just("none of ($s1, $s2)".to_owned()),
        Just("any of ($s2, $s3)".to_owned()),
        Just("uint16(0) == 0x6161".to_owned()),
        Just("uint8(0) != 0x61".to_owned()),
        Just("pe.number_of_sections == 1".to_owned()),
        Just("not pe.is_pe".to_owned()),
        (0..90_u32).prop_map(|size| format!("filesize < {size}")),
        (0..90_u32).prop_map(|size| format!("filesize > {size}")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    /// What says when to run a rule never keeps it from matching: `boreal` alone finds the same.
    #[test]
    fn no_match_is_lost(
        strings in prop::collection::vec(string(), 4),
        condition in condition(),
        pieces in prop::collection::vec((0..5_usize, "[a-e.]{0,4}"), 0..6),
    ) {
        let mut declared = String::new();
        for (number, (string, _)) in strings.iter().enumerate() {
            declared.push_str(&format!("$s{number} = {string}\n"));
        }
        let used = "for all of them : (# >= 0)";
        let text = format!("import \"pe\"\nrule r {{ strings:\n{declared} condition: {used} and {condition} }}");
        let mut content = Vec::new();
        for (number, filler) in pieces {
            content.extend_from_slice(filler.as_bytes());
            content.extend(strings.get(number).map(|(_, matching)| matching.clone()).unwrap_or_default());
        }
        let mut compiler = boreal::Compiler::new();
        compiler.add_rules_str(&text).unwrap();
        let scanner = compiler.finalize();
        let wanted: Vec<String> =
            scanner.scan_mem(&content).unwrap().rules.iter().map(|rule| rule.name.to_owned()).collect();
        prop_assert_eq!(found(&text, &content), wanted, "{}\n{:?}", text, String::from_utf8_lossy(&content));
    }
}
