//! What nests or goes on without end in a signature file is read or refused, on the smallest stack that a thread has
//! here: a parser that calls itself for each level would end the whole program.

use std::fmt::Write;
use std::sync::Arc;
use std::thread;

use candor_engine::{Content, Database, Engine, Limits};
use candor_signatures::{Programs, Settings, Sources, Unwanted};

/// Bytes of the stack of a thread.
const STACK: usize = 2 << 20;
/// Bytes of each text, about.
const SIZE: usize = 64 << 10;

/// A piece as often as it fits.
fn many(piece: &str, size: usize) -> String {
    piece.repeat(size / piece.len())
}

/// Nested so deep, and closed again.
fn nested(open: &str, middle: &str, close: &str, size: usize) -> String {
    let count = size / (open.len() + close.len());
    [&open.repeat(count), middle, &close.repeat(count)].concat()
}

/// Conditions of YARA rules.
fn conditions(size: usize) -> Vec<String> {
    let mut all = Vec::new();
    for (open, close) in [
        ("(", ")"),
        ("not (", ")"),
        ("-(", ")"),
        ("(1 + ", ")"),
        ("(", " + 1)"),
        ("(", " == 1)"),
        ("((((", "+1)+1)+1)+1)"),
        ("uint8(", ")"),
        ("pe.sections[", "].size"),
        ("pe.imports(", ")"),
        ("@a[", "]"),
        ("!a[", " + 1]"),
        ("for any of them : (", ")"),
        ("for any i in (1..3) : (", ")"),
        ("for any of ($a) : ( true and ", ")"),
        ("(true and ", ")"),
        ("(true and not (false or ", "))"),
    ] {
        all.push(nested(open, "1", close, size));
        all.push(many(open, size));
    }
    for prefix in ["not ", "defined ", "-", "~", "-~", "not defined ", "not_", "any of them of ", "- // x\n"]
    {
        all.push(format!("{}1", many(prefix, size)));
    }
    for operator in
        ["+", "-", "*", "\\", "%", "|", "^", "&", "<<", ">>", "<", "<=", ">", ">=", "==", "!=", "+-", "/**/+"]
    {
        all.push(format!("1{}", many(&format!("{operator}1"), size)));
        all.push(format!("1 == 1{}", many(&format!(" {operator} 1"), size)));
        // What looks like the end of a line, or like a text, hides nothing.
        all.push(format!("\"a\n\" == \"b\"{}", many(&format!("{operator}1"), size)));
        all.push(format!("1 \\ 1 / {}", many(&format!("{operator}1"), size)));
    }
    for word in ["and", "or", "contains", "iequals", "startswith", "matches", "of", "at", "in", "and not"] {
        all.push(format!("1{}", many(&format!(" {word} 1"), size)));
        all.push(format!("\"a\"{}", many(&format!(" {word} \"a\""), size)));
    }
    all.push(format!("\"a\"{}", many(" matches /a/", size)));
    all.push(format!("pe{}", many(".a", size)));
    all.push(format!("pe{}", many("[1]", size)));
    all.push(format!("pe{}", many("(1)", size)));
    all
}

/// Strings of YARA rules.
fn strings(size: usize) -> Vec<String> {
    let mut all = Vec::new();
    for (open, close) in [("(", ")"), ("(41|", ")"), ("(41 [1-2] ", "|42)"), ("[", "]"), ("~", "")] {
        all.push(format!("{{ 41 {} 42 }}", nested(open, "43", close, size)));
        all.push(format!("{{ 41 {} }}", many(open, size)));
    }
    for piece in ["~41 ", "41|", "[1-2] ", "?", "[-] 4? "] {
        all.push(format!("{{ 41 {} 41 }}", many(piece, size)));
        all.push(format!("{{ 41 ( {} 41 ) 42 }}", many(piece, size)));
    }
    for (open, close) in [("(", ")"), ("(a|", ")"), ("(?:", ")"), ("(", ")*"), ("(", "){1,2}"), ("[", "]")] {
        all.push(format!("/a{}/", nested(open, "b", close, size)));
        all.push(format!("/a{}/", many(open, size)));
    }
    for piece in ["*", "a|", "a*", "{1}", "a{1,2}", "?", "\\", "(a)", "[a]", "\\b", "^"] {
        all.push(format!("/a{}/", many(piece, size)));
    }
    all.push(format!("\"{}\"", many("\\x41", size)));
    all
}

/// A rule with a string and a condition between two others.
fn yara_file(string: &str, condition: &str) -> String {
    format!(
        "import \"pe\"\nrule before {{ condition: true }}\nrule a {{ strings: $a = {string} condition: {condition} }}\nrule b {{ condition: true }}\n"
    )
}

fn yara(size: usize) -> Vec<String> {
    let mut all: Vec<String> =
        conditions(size).iter().map(|condition| yara_file("\"abcd\"", condition)).collect();
    all.extend(strings(size).iter().map(|string| yara_file(string, "$a")));
    for piece in ["{", "rule a {", "rule a { condition: {", "private ", "/*", "\"", "include \"a.yar\"\n"] {
        all.push(many(piece, size));
    }
    // Each rule names the one before it.
    let mut chain = String::from("rule r0 { strings: $a = \"abcd\" condition: $a }\n");
    for number in 1..size / 400 {
        let before = number - 1;
        let _ = writeln!(chain, "rule r{number} {{ condition: r{before} or not r{before} }}");
    }
    all.push(chain);
    all
}

fn toml(size: usize) -> Vec<String> {
    let mut all = Vec::new();
    for (open, close) in [("[", "]"), ("{a=", "}"), ("[{a=", "}]"), ("{a.b=[", "]}"), ("[\n", "\n]")] {
        all.push(format!("a = {}", nested(open, "1", close, size)));
        all.push(format!("a = {}", many(open, size)));
        all.push(format!("[[signature]]\npatterns = {}", nested(open, "1", close, size)));
        all.push(format!(
            "[[signature]]\nname = \"A.B.C\"\npatterns = [{{ text = {} }}]",
            nested(open, "1", close, size)
        ));
    }
    for (before, piece, after) in [
        ("a", ".a", " = 1"),
        ("[a", ".a", "]"),
        ("[[a", ".a", "]]"),
        ("[[signature]]\na", ".a", " = 1"),
        ("[[signature.a", ".a", "]]"),
        ("a = {a", ".a", " = 1}"),
        ("a = {a", ".\"a\"", " = 1}"),
        ("", "[[signature]]\n", ""),
        ("[a]\n", "[[a.b]]\n", ""),
    ] {
        all.push(format!("{before}{}{after}", many(piece, size)));
    }
    for (open, close) in [("(", ")"), ("(0&", ")"), ("", "&0"), ("", "|0"), ("", "=0"), ("", ">1,2")] {
        let expression = nested(open, "0", close, size);
        all.push(format!(
            "[[signature]]\nname = \"A.B.C-1\"\ncategory = \"malware\"\nstrength = \"strong\"\nreference = \"https://example.org\"\ndescription = \"D.\"\npatterns = [{{ text = \"abcd\" }}]\nexpression = \"{expression}\"\n"
        ));
    }
    for hex in
        [nested("(41|", "42", ")", size), many("(41|42)", size), many("!(41)", size), many("{1-2}41", size)]
    {
        all.push(format!(
            "[[signature]]\nname = \"A.B.C-1\"\ncategory = \"malware\"\nstrength = \"strong\"\nreference = \"https://example.org\"\ndescription = \"D.\"\npatterns = [{{ hex = \"41424344{hex}\" }}]\n"
        ));
    }
    all
}

fn ioc(size: usize) -> Vec<String> {
    let document = |text: &str| format!("<?xml version=\"1.0\"?>\n<ioc>{text}</ioc>\n");
    let mut all = Vec::new();
    for (open, close) in
        [("<a>", "</a>"), ("<Indicator>", "</Indicator>"), ("<IndicatorItem>", "</IndicatorItem>")]
    {
        all.push(document(&nested(open, "", close, size)));
        all.push(document(&many(open, size)));
        all.push(document(&many(close, size)));
    }
    for piece in ["<", "<a", "<!--", "<![CDATA[", "&a;", "<!DOCTYPE a [", "<?a", "<a b=\"", " a=\"b\""] {
        all.push(document(&many(piece, size)));
        all.push(document(&format!("<a {}/>", many(piece, size))));
    }
    all.push(format!("<!DOCTYPE a [{}]><ioc/>", many("<!ENTITY a \"&b;&b;\">", size)));
    all
}

const PROGRAM: &str = "ClamBCagaa|acmfef```c``a```|aenfofnfef``afaap`clamcoincidencejb:4096\nHit;Engine:51-255,Target:0;0;68656c6c6f\nTeddadahebedaacb`bbadb`b\nEbkfaaaebgd|amcgefdgfgifbgegcgnfafmfef``\nGde``hac`@`bedBhdBifBdg@`bad@Aa`\nA`b`bLaab`b`F``\nBb`b`abbaeAb`AcdTcab`b`E\n";

fn cbc(size: usize) -> Vec<String> {
    let lines: Vec<&str> = PROGRAM.lines().collect();
    let mut all = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        for piece in [*line, "eb", "b`", "|", "a`b", "(", "T", "@", "dab", "B"] {
            let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            changed[number] = format!("{line}{}", many(piece, size));
            all.push(changed.join("\n"));
        }
        let mut repeated: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        repeated[number] = many(&format!("{line}\n"), size);
        all.push(repeated.join("\n"));
    }
    all
}

/// Languages of lines in which expressions or patterns nest.
fn line_by_line(size: usize) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for (open, close) in
        [("(", ")"), ("(0&", ")"), ("", "&0"), ("", "|0"), ("(", "|0)"), ("", "=0"), ("(", ")>1,1")]
    {
        let expression = nested(open, "0", close, size);
        all.push(("ldb", format!("A;Engine:51-255,Target:0;{expression};68656c6c6f\n")));
        let trigger = nested(open, "0", close, size);
        all.push(("ldb", format!("A;Engine:51-255,Target:0;0&1;68656c6c6f;{trigger}/hello/\n")));
    }
    for (open, close) in [
        ("(", ")"),
        ("(61|", ")"),
        ("!(", ")"),
        ("!(61|", ")"),
        ("{1-2}", "61"),
        ("[1-2]", "61"),
        ("(B)", "61"),
    ] {
        let pattern = nested(open, "61", close, size);
        all.push(("ndb", format!("A:0:*:68656c6c6f{pattern}\n")));
        all.push(("db", format!("A=68656c6c6f{pattern}\n")));
    }
    for (open, close) in [
        ("(", ")"),
        ("(a|", ")"),
        ("(?:", ")*"),
        ("(?=", ")"),
        ("(?i", ")"),
        ("[", "]"),
        ("(", "){2}"),
        ("", "*"),
        ("", "{2}"),
        ("[^", "]"),
        ("[[", "]]"),
    ] {
        let regex = nested(open, "a", close, size);
        all.push(("ldb", format!("A;Engine:51-255,Target:0;0&1;68656c6c6f;0/he{regex}/\n")));
        all.push(("cdb", format!("A:*:*:{regex}:*:*:*:*:*:*\n")));
        all.push(("pdb", format!("R:{regex}\\.example\n")));
        all.push(("wdb", format!("X:{regex}:{regex}\n")));
    }
    all
}

/// All texts with the extension of their file.
fn texts() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    all.extend(yara(SIZE).into_iter().map(|text| ("yar", text)));
    all.extend(toml(SIZE).into_iter().map(|text| ("toml", text)));
    all.extend(ioc(SIZE).into_iter().map(|text| ("ioc", text)));
    all.extend(cbc(SIZE).into_iter().map(|text| ("cbc", text)));
    all.extend(line_by_line(SIZE));
    all
}

/// Reads a text on a small stack and scans with what came of it; its problems, and how many signatures there are.
fn read(extension: &str, text: &str) -> (Vec<String>, u64) {
    let name = format!("deep.{extension}");
    let work = || {
        let mut sources = Sources::new(Settings {
            unwanted: Unwanted::All,
            programs: Programs::All,
            ..Settings::default()
        });
        sources.add_text(&name, text);
        let mut problems = Vec::new();
        let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
        let database = Arc::new(Database::from_vec(built.image).unwrap());
        let content = Content::from_vec(b"hello abcd helloaaaa".to_vec());
        Engine::new(vec![database], Limits::default()).scan("a", content);
        (problems, built.counts.total())
    };
    thread::scope(|scope| {
        thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).unwrap().join().unwrap()
    })
}

/// All texts, or those of the number in `CANDOR_CASE`: which one it is that ends the program can be found so.
#[test]
fn nothing_exhausts_the_stack() {
    let only: Option<usize> = std::env::var("CANDOR_CASE").ok().and_then(|case| case.parse().ok());
    for (number, (extension, text)) in texts().into_iter().enumerate() {
        if only.is_some_and(|only| only != number) {
            continue;
        }
        let (problems, _) = read(extension, &text);
        let told = |problem: &String| problem.starts_with(&format!("deep.{extension}:"));
        assert!(problems.iter().all(told), "{number}: {problems:?}");
    }
}

#[test]
fn a_rule_that_is_too_deep_costs_itself_only() {
    for condition in [format!("1{} == 1", many("+1", SIZE)), format!("{}true", many("not ", SIZE))] {
        let (problems, count) = read("yar", &yara_file("\"abcd\"", &condition));
        assert_eq!(problems, ["deep.yar:3: malformed: the condition nests too deeply"]);
        assert_eq!(count, read("yar", "rule before { condition: true }\nrule b { condition: true }").1);
    }
}
