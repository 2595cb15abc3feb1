//! Signature files are hostile, too: whatever a line is, it costs itself only, and what is made of it is a database
//! that scans. One test over the list of languages; a new one needs a row here.

use std::sync::Arc;

use candor_engine::{Content, Database, Engine, Limits};
use candor_signatures::{LANGUAGES, Programs, Settings, Sources, Unwanted};
use proptest::prelude::*;
use proptest::sample::Index;

/// What is scanned: some of the lines find something in it.
const CONTENT: &[u8] = b"\0\0\0\0....hello blee....HELLO....qqqq aaaaaaaaaaaaaaaaaaaaaaaa\r\n(B)68656c6c6f";
/// Most bytes of a database for each byte of text, and for nothing: bitmaps for the search.
const MOST: (usize, usize) = (2_000, 8 << 20);
const MD5: &str = "dcd5fd3e4cfca675ac2784e563ede167";

/// Lines of a file with this extension that are as they should be; some use a feature that few do.
fn lines(extension: &str) -> Vec<String> {
    let lines: &[&str] = match extension {
        "hdb" | "hsb" | "hdu" | "hsu" | "fp" | "sfp" => &["MD5:35:A", "MD5:*:B:73:255", "MD5MD5:35:C"],
        "mdb" | "msb" | "mdu" | "msu" => &["35:MD5:A", "*:MD5:B:73", "512:MD5MD5:C"],
        "imp" => &["MD5:35:A", "MD5:*:B"],
        "db" => &["A=68656c6c6f", "B=6865??6c6c*71(71|72)7171"],
        "ndb" | "ndu" | "sdb" => &[
            "A:0:*:68656c6c6f",
            "B:1:EP+4,9:6865{1-3}6c6c(6c|6d)!(61|62)[1-2]61:90:255",
            "C:0:EOF-20,9:(B)6865*6c6c{4-}(L)6f6f??a?",
            "D:6:S2+4:68656c6c",
            "E:0:$3$:68656c",
        ],
        "ldb" | "ldu" => &[
            "A;Engine:51-255,Target:0;0;68656c6c6f",
            "B;Engine:51-255,FileSize:1-99,Container:CL_TYPE_ZIP,Target:0;((0|1)>1,2)&(2=0|3<2);6865::iwaf;7171;EOF-9:2e2e;0/h(?=e)l+o/gi",
            "C;Engine:51-255,Intermediates:CL_TYPE_ZIP>CL_TYPE_ANY,Target:1,EntryPoint:1-9;0&1;SE1:6865;0(>>5#hbe4#>0x10,<99)",
            "D;Engine:51-255,Target:0,HandlerType:CL_TYPE_HTML;0;68656c",
        ],
        "ign2" | "ign" => &["A", "B:MD5", "main.db:7:C"],
        "cdb" => &["A:CL_TYPE_ZIP:*:^a(b|c)+\\.exe$:1-9:*:0:1:*:*", "B:*:*:*:*:*:*:*:*:*:90:255"],
        "zmd" | "rmd" => &["A:0:a.exe:*:*:*:*:1:*", "B:1:*:1-9:2:*:8:*:*"],
        "ftm" => {
            &["0:0:4d5a:MS-EXE:CL_TYPE_ANY:CL_TYPE_MSEXE", "1:*:68656c6c6f:A:CL_TYPE_ANY:CL_TYPE_HTML:90"]
        }
        "cfg" => &["PE:0x1:90:255", "ELF:0x3:1:2"],
        "pwdb" => &[
            "A;Engine:81-255,Container:CL_TYPE_ZIP;0;secret",
            "B;Engine:81-255,Container:CL_TYPE_ANY;1;736563",
        ],
        "idb" => &[
            "A:G1:G2:20be51611b831609b350e173c8011045a01086f8090fb40610a60e11a30707820008850000850017680d14650102600116001100061108150900230c3450",
        ],
        "crb" => &["A;1;MD501234567;MD501234567;c3c3;010001;1;0;0;0;a comment"],
        "pdb" => &["H:example.org", "R:.+\\.example\\.org:90-"],
        "wdb" => &["M:example.org:example.com", "X:.+example:.+other:90-255"],
        "gdb" => &["S1:F:MD5MD5", "S:P:12345678"],
        "md5" | "sha1" | "sha256" | "hashes" => &["MD5  a name", "MD5MD5,b;c", "# a comment"],
        _ => &[],
    };
    lines.iter().map(|line| line.replace("MD5", MD5)).collect()
}

/// A catalog, which is binary, and what its signer is known by.
const CATALOG: (&[u8], &str) = (
    include_bytes!("../../detect/tests/publishers/files.cat"),
    include_str!("../../detect/tests/publishers/entries.crb"),
);

/// Files of languages that are not read line by line.
fn files(extension: &str) -> &'static [&'static str] {
    match extension {
        "yar" | "yara" => &[
            "import \"pe\"\nprivate rule a : tag { meta: b = \"c\" strings: $a = \"hello\" nocase wide $b = { 68 [1-3] (6c | 6d) ?f } condition: any of them }\nrule b { strings: $a = /h(e|l)+o/i condition: #a > 1 and $a in (1..filesize) or pe.is_pe and a }\n",
            "rule c { condition: for any i in (1..3) : ( uint8(i) == 0x68 ) }\n",
        ],
        "toml" => &[
            "[[signature]]\nname = \"A.B.C-1\"\ncategory = \"malware\"\nstrength = \"strong\"\nreference = \"https://example.org\"\ndescription = \"D.\"\npatterns = [{ text = [\"hel\", \"blee\"], gap = [0, 9], nocase = true }, { hex = \"7171*7171\" }]\nexpression = \"0&1\"\n",
        ],
        "ioc" => &[
            "<?xml version=\"1.0\"?>\n<ioc id=\"a\"><short_description>A</short_description><definition><Indicator><IndicatorItem condition=\"is\"><Context search=\"FileItem/Md5sum\"/><Content type=\"md5\">dcd5fd3e4cfca675ac2784e563ede167</Content></IndicatorItem></Indicator></definition></ioc>\n",
        ],
        "cbc" => &[
            "ClamBCagaa|acmfef```c``a```|aenfofnfef``afaap`clamcoincidencejb:4096\nHit;Engine:51-255,Target:0;0;68656c6c6f\nTeddadahebedaacb`bbadb`b\nEbkfaaaebgd|amcgefdgfgifbgegcgnfafmfef``\nGde``hac`@`bedBhdBifBdg@`bad@Aa`\nA`b`bLaab`b`F``\nBb`b`abbaeAb`AcdTcab`b`E\n",
        ],
        _ => &[],
    }
}

/// So many cases, or as many times more as `CANDOR_CASES` says.
fn cases(number: u32) -> ProptestConfig {
    let times = std::env::var("CANDOR_CASES").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    let number = number.saturating_mul(times);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(number) }
}

/// All extensions of all languages.
fn extensions() -> Vec<&'static str> {
    LANGUAGES.iter().flat_map(|language| language.extensions()).copied().collect()
}

/// One change of a text.
#[derive(Clone, Debug)]
enum Change {
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    /// A piece again and again.
    Repeat(Index, Index, usize),
    /// The end is cut.
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    // What means something in one language or another.
    let sign = prop::sample::select(b"()[]{}|!*?:;,=<>&#$/\\-+.'\"^0129afABEFLSZ \t\x00\x7f\xff".to_vec());
    prop_oneof![
        4 => (place(), sign.clone()).prop_map(|(place, byte)| Change::Replace(place, byte)),
        1 => (place(), any::<u8>()).prop_map(|(place, byte)| Change::Replace(place, byte)),
        3 => (place(), prop::collection::vec(sign, 1..6)).prop_map(|(place, bytes)| Change::Insert(place, bytes)),
        2 => (place(), place()).prop_map(|(from, to)| Change::Remove(from, to)),
        1 => (place(), place(), 2_usize..3000).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        1 => place().prop_map(Change::Cut),
    ]
}

fn changed(text: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for change in changes {
        let at = |place: &Index| place.index(bytes.len() + 1);
        match change {
            Change::Replace(place, byte) => {
                if let Some(old) = bytes.get_mut(place.index(text.len() + 1)) {
                    *old = *byte;
                }
            }
            Change::Insert(place, more) => {
                let at = at(place);
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Remove(from, to) => {
                let (from, to) = (at(from), at(to));
                bytes.drain(from.min(to)..from.max(to).min(from.min(to) + 12));
            }
            Change::Repeat(from, to, times) => {
                let (from, to) = (at(from), at(to));
                let piece = bytes[from.min(to)..from.max(to)].to_vec();
                let times = (*times).min((64 << 10) / piece.len().max(1));
                bytes.splice(from.min(to)..from.min(to), piece.repeat(times));
            }
            Change::Cut(place) => bytes.truncate(place.index(bytes.len() + 1)),
        }
    }
    bytes
}

/// The problems of a text by line, and how many signatures there are; what they make of some content is thrown away.
fn read(extension: &str, text: &[u8]) -> (Vec<(u64, String)>, u64) {
    let mut sources =
        Sources::new(Settings { unwanted: Unwanted::All, programs: Programs::All, ..Settings::default() });
    let text = String::from_utf8_lossy(text);
    sources.add_text(&format!("hostile.{extension}"), &text);
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push((problem.line, problem.to_string()))).unwrap();
    assert!(
        built.image.len() <= MOST.0 * text.len() + MOST.1,
        "{} bytes of {}",
        built.image.len(),
        text.len()
    );
    let database = Arc::new(Database::from_vec(built.image).unwrap());
    database.verify().unwrap();
    let report =
        Engine::new(vec![database], Limits::default()).scan("a", Content::from_vec(CONTENT.to_vec()));
    assert!(report.findings.len() <= text.len() + 1);
    (problems, built.counts.total())
}

#[test]
fn every_language_has_lines_and_they_are_read() {
    for extension in extensions().into_iter().filter(|extension| *extension != "cat") {
        let (lines, files) = (lines(extension), files(extension));
        assert!(!lines.is_empty() || !files.is_empty(), "{extension} has no row here");
        for text in lines.iter().map(String::as_str).chain(files.iter().copied()) {
            let (problems, _) = read(extension, text.as_bytes());
            let malformed = problems.iter().any(|(_, problem)| problem.contains("malformed"));
            assert!(!malformed, "{extension}: {problems:?}");
        }
    }
}

/// What is said of a catalog, and how many digests and publishers there are.
fn read_catalog(catalog: &[u8]) -> (Vec<String>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("hostile.cat");
    std::fs::write(&place, catalog).unwrap();
    let mut sources = Sources::default();
    let root = CATALOG.1.lines().find(|line| line.starts_with("root;")).unwrap();
    sources.add_text("hostile.crb", &format!("{root}\n"));
    sources.add_path(&place).unwrap();
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
    Database::from_vec(built.image).unwrap().verify().unwrap();
    problems.retain(|problem| problem.starts_with("hostile.cat"));
    (problems, built.counts.total())
}

#[test]
fn catalogs_are_read() {
    let publishers = read_catalog(b"").1;
    let (problems, count) = read_catalog(CATALOG.0);
    assert!(problems.is_empty() && count > publishers, "{problems:?}");
    // One that is too long costs no other file, either.
    let (problems, count) = read_catalog(&vec![0; (64 << 20) + 1]);
    assert!(problems[0].contains("longer than") && count == publishers, "{problems:?}");
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn a_changed_catalog_costs_itself_only(
        places in prop::collection::vec((any::<Index>(), any::<u8>()), 0..5),
        length in any::<Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut catalog = CATALOG.0.to_vec();
        for (place, byte) in places {
            let place = place.index(catalog.len());
            catalog[place] = byte;
        }
        if is_cut {
            catalog.truncate(length.index(catalog.len()));
        }
        let (problems, count) = read_catalog(&catalog);
        prop_assert!(count >= read_catalog(b"").1);
        prop_assert!(!problems.is_empty() || count == read_catalog(CATALOG.0).1, "{:?}", problems);
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_changed_line_costs_itself_only(
        which in any::<Index>(),
        (one, other, third) in (any::<Index>(), any::<Index>(), any::<Index>()),
        changes in prop::collection::vec(change(), 1..5),
    ) {
        let extensions: Vec<&str> = extensions().into_iter().filter(|name| !lines(name).is_empty()).collect();
        let extension = extensions[which.index(extensions.len())];
        let lines = lines(extension);
        let [one, other, third] = [one, other, third].map(|place| lines[place.index(lines.len())].as_str());
        let mut between = changed(other, &changes);
        between.retain(|byte| *byte != b'\n');
        let (problems, count) = read(extension, format!("{one}\n{third}\n").as_bytes());
        let (all, more) =
            read(extension, &[one.as_bytes(), b"\n", &between, b"\n", third.as_bytes(), b"\n"].concat());
        // The others say what they said without it, and are there.
        let kept: Vec<String> = problems.into_iter().map(|(line, problem)| problem.replacen(&format!(":{line}:"), "", 1)).collect();
        let said: Vec<String> = all
            .into_iter()
            .filter(|(line, _)| *line != 2)
            .map(|(line, problem)| problem.replacen(&format!(":{line}:"), "", 1))
            .collect();
        prop_assert_eq!(said, kept);
        prop_assert!(more >= count, "{} signatures instead of {}", more, count);
    }

    #[test]
    fn changed_files_are_read_or_refused(
        which in any::<Index>(),
        file in any::<Index>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let extensions: Vec<&str> = extensions().into_iter().filter(|name| !files(name).is_empty()).collect();
        let extension = extensions[which.index(extensions.len())];
        let files = files(extension);
        read(extension, &changed(files[file.index(files.len())], &changes));
    }

    #[test]
    fn anything_is_read_or_refused(
        which in any::<Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let extensions = extensions();
        read(extensions[which.index(extensions.len())], &bytes);
    }
}
