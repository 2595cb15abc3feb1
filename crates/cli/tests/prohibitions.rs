//! What `candor check` says of files that we made: package lists, registry hives, signed programs, an SBOM, a log. The
//! folder `prohibited` has them, and `prohibited/make/run.sh` makes the binary ones anew.

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use program::{Ground, Seen};
use serde_json::Value;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prohibited").join(name)
}

/// Runs the check; `{}` in an argument is the folder of the samples.
fn check(arguments: &str) -> (Seen, Value) {
    let samples = sample("").display().to_string();
    let arguments = arguments.replace("{}/", &samples);
    let all: Vec<&str> =
        ["check", "--format", "json"].into_iter().chain(arguments.split_whitespace()).collect();
    let seen = Ground::new().run(&all);
    let document = serde_json::from_str(&seen.stdout).unwrap_or_else(|error| panic!("{error}: {seen:?}"));
    (seen, document)
}

/// Rulings as `product rule RULING(activity)`, without those of rules that are about others.
fn rulings(document: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for item in document["items"].as_array().unwrap() {
        for ruling in item["rulings"].as_array().unwrap() {
            let text = |key: &str| ruling[key].as_str().unwrap_or_default();
            let activity = match text("ruling") {
                "prohibited" => format!("({})", text("activity")),
                _ => String::new(),
            };
            let product = item["product"].as_str().unwrap();
            all.push(format!("{product} {} {}{activity}", text("rule"), text("ruling")));
        }
    }
    all.sort();
    all.dedup();
    all
}

fn has(document: &Value, wanted: &str) -> bool {
    rulings(document).iter().any(|ruling| ruling == wanted)
}

/// Nothing in the document is graver than this.
fn at_most(document: &Value, kinds: &[&str]) {
    for item in document["items"].as_array().unwrap() {
        let ruling = item["ruling"].as_str().unwrap();
        assert!(kinds.contains(&ruling), "{item:#}");
    }
}

#[test]
fn a_linux_host_may_keep_it_and_is_told_what_that_means() {
    let (before, document) = check("--root {}/linux-kesl --as user --person us --place US --date 2024-08-15");
    before.expect(1);
    assert_eq!(
        rulings(&document),
        [
            "kaspersky-endpoint-security-linux us-icts-2021-002 replace",
            "kaspersky-network-agent us-icts-2021-002 replace",
        ],
        "{document:#}"
    );
    let ruling = &document["items"][0]["rulings"][0];
    assert_eq!(ruling["next"]["at"], "2024-09-29T04:00:00Z");
    assert!(ruling["citation"].as_str().unwrap().starts_with("89 FR 52434"));
    assert_eq!(ruling["consequence"], Value::Null, "a user is threatened with nothing");
    let (_, after) = check("--root {}/linux-kesl --as user --person us --place US --date 2024-10-01");
    assert_eq!(after["items"][0]["rulings"][0]["severity"], "high");
    assert_eq!(after["items"][0]["ruling"], "replace");
    let (_, contractor) =
        check("--root {}/linux-kesl --as contractor --person us --place US --date 2019-01-10");
    let wanted = "kaspersky-endpoint-security-linux us-far-52-204-23 prohibited(use-in-performance)";
    assert!(has(&contractor, wanted), "{:?}", rulings(&contractor));
    let all = contractor["items"][0]["rulings"].as_array().unwrap();
    let far = all.iter().find(|ruling| ruling["rule"] == "us-far-52-204-23").unwrap();
    assert!(!far["duties"].as_array().unwrap().is_empty(), "{far:#}");
}

#[test]
fn registry_hives_tell_installations_from_remnants_and_from_others() {
    let (_, kes) = check("--root {}/windows-kes --as user --person us --place US --date 2024-08-15");
    assert!(has(&kes, "kaspersky-endpoint-security-windows us-icts-2021-002 replace"), "{:?}", rulings(&kes));
    let (seen, remnant) = check("--root {}/windows-remnant --as user --person us --place US");
    seen.expect(3);
    at_most(&remnant, &["remnant"]);
    assert!(!remnant["items"].as_array().unwrap().is_empty());
    let (seen, kingsoft) = check("--root {}/windows-kingsoft --as user --person us --place US");
    seen.expect(0);
    assert_eq!(kingsoft["items"].as_array().unwrap().len(), 0);
}

#[test]
fn what_was_removed_leaves_a_certificate_that_is_told_apart() {
    let (_, document) = check("--root {}/linux-remnant --as user --person us --place US");
    at_most(&document, &["remnant"]);
    let items = document["items"].as_array().unwrap();
    let certificate = items.iter().find(|item| item["product"].as_str().unwrap().contains("root"));
    let certificate = certificate.unwrap_or_else(|| panic!("{document:#}"));
    assert!(certificate["rulings"][0]["alert"].is_string(), "{certificate:#}");
    assert_eq!(certificate["rulings"][0]["severity"], "high");
}

#[test]
fn the_engine_is_found_under_any_brand() {
    let (seen, oem) = check("--root {}/zonealarm --as integrator --person us --date 2024-10-05");
    seen.expect(1);
    assert!(has(&oem, "kaspersky-engine us-icts-2021-002 prohibited(integrate)"), "{:?}", rulings(&oem));
    assert!(oem["items"][0]["inside"].as_str().unwrap().contains("Check Point"));
    let (_, unknown) = check("--root {}/scan-engine --as integrator --person us --date 2024-10-05");
    assert!(
        has(&unknown, "kaspersky-engine us-icts-2021-002 prohibited(integrate)"),
        "{:?}",
        rulings(&unknown)
    );
    let (_, log) = check("--log {}/proxy.log --as integrator --person us --date 2024-10-05");
    assert!(has(&log, "kaspersky-engine us-icts-2021-002 prohibited(integrate)"), "{:?}", rulings(&log));
    assert!(has(&log, "kaspersky-threat-intelligence us-icts-2021-002 exempt"), "{:?}", rulings(&log));
}

#[test]
fn a_connector_to_the_exempt_service_is_exempt_where_the_text_has_an_exemption() {
    let (_, user) = check("{}/opencti --as user --person us --place US --date 2025-05-01");
    assert!(has(&user, "kaspersky-threat-intelligence us-icts-2021-002 exempt"), "{:?}", rulings(&user));
    at_most(&user, &["exempt"]);
    let (_, contractor) = check("{}/opencti --as contractor --person us --place US --date 2025-05-01");
    assert!(has(&contractor, "kaspersky-threat-intelligence us-icts-2021-002 exempt"));
    let all = rulings(&contractor);
    assert!(has(&contractor, "kaspersky-threat-intelligence us-far-52-204-23 review"), "{all:?}");
}

#[test]
fn systems_are_kept_apart() {
    let (_, two) = check("--root {}/linux-kesl --root {}/linux-remnant --as user --person us --place US");
    let on = |document: &Value| -> Vec<String> {
        let items = document["items"].as_array().unwrap();
        let mut hosts: Vec<String> =
            items.iter().filter_map(|item| item["host"].as_str().map(str::to_owned)).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    };
    let hosts = on(&two);
    assert_eq!(hosts.len(), 2, "{two:#}");
    assert!(hosts[0].ends_with("linux-kesl") && hosts[1].ends_with("linux-remnant"), "{hosts:?}");
    let (_, one) = check("--root {}/linux-kesl --as user --person us --place US");
    assert_eq!(on(&one), Vec::<String>::new());

    let ground = Ground::new();
    let rows = "hostname,name,version,publisher\n\
                pc-1,Kaspersky Endpoint Security for Windows,12.3,AO Kaspersky Lab\n\
                pc-2,Kaspersky Password Manager,10,AO Kaspersky Lab\n";
    let fleet = ground.file("fleet.csv", rows.as_bytes());
    let (_, document) = check(&format!("--inventory {} --as user --person us --place US", fleet.display()));
    assert_eq!(on(&document), ["pc-1", "pc-2"], "{document:#}");
}

#[test]
fn a_folder_of_rules_without_a_rule_is_refused() {
    let ground = Ground::new();
    let seen = ground.run(&["rules", "check", "files"]).expect(2);
    assert!(seen.stderr.contains("no .toml file"), "{seen:?}");
}

#[test]
fn bills_of_materials_are_read_to_the_bottom() {
    let (_, document) = check("--sbom {}/acme.cdx.json --as integrator --person us --date 2025-03-01");
    let all = rulings(&document);
    assert!(all.iter().any(|ruling| ruling.ends_with("us-icts-2021-002 prohibited(integrate)")), "{all:?}");
    assert_eq!(document["items"][0]["inside"], "content-inspector");
    let (seen, _) = check("--sbom {}/proxy.log");
    assert!(seen.expect(2).stderr.contains("no bill of materials"));
}

#[test]
fn signers_are_evidence_and_others_are_not() {
    let (_, document) = check("{}/signed --as integrator --person us --date 2025-03-01");
    let items = document["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{document:#}");
    assert!(items[0]["places"][0].as_str().unwrap().ends_with("engine.dll"));
}

#[test]
fn mentions_and_namesakes_are_nothing() {
    for folder in ["share", "linux-other"] {
        let (_, document) = check(&format!("{{}}/{folder} --as user --person us --place US"));
        assert_eq!(document["items"].as_array().unwrap().len(), 0, "{folder}: {document:#}");
    }
    let (_, library) = check("{}/kaspresso --as contractor --person us --place US --date 2025-01-01");
    at_most(&library, &["review"]);
    let (_, user) = check("{}/kaspresso --as user --person us --place US --date 2025-01-01");
    at_most(&user, &["not-covered"]);
}

#[test]
fn extensions_and_applications_are_known_by_their_identifiers() {
    let (_, browser) = check("{}/browser --as user --person us --place US");
    assert!(browser["items"][0]["name"].as_str().unwrap().starts_with("Kaspersky Protection"), "{browser:#}");
    let (_, phone) =
        check("--inventory {}/mobile/apps.txt --as agency --place CA --device mobile --date 2024-01-01");
    assert!(has(&phone, "wechat ca-treasury-board-2023 prohibited(use)"), "{:?}", rulings(&phone));
    let (_, laptop) =
        check("--inventory {}/mobile/apps.txt --as agency --place CA --device laptop --date 2024-01-01");
    at_most(&laptop, &["not-covered", "clean", "advisory", "review"]);
}

#[test]
fn another_ban_is_data_only() {
    let (seen, acronis) = check(
        "--root {}/windows-acronis --as contractor --person us --place US --system intelligence --date 2025-07-11",
    );
    seen.expect(1);
    let all = rulings(&acronis);
    assert!(all.iter().any(|ruling| ruling.contains("us-fascsa-acronis prohibited(")), "{all:?}");
    let (_, day_before) = check(
        "--root {}/windows-acronis --as contractor --person us --place US --system intelligence --date 2025-07-10",
    );
    at_most(&day_before, &["not-covered", "advisory"]);
}

#[test]
fn germans_are_not_bound_by_the_american_rule() {
    let (_, document) = check("--root {}/linux-kesl --as user --person none --place DE --date 2025-01-01");
    let all = rulings(&document);
    assert!(all.iter().any(|ruling| ruling.ends_with("de-bsi-2022 advisory")), "{all:?}");
    assert!(!all.iter().any(|ruling| ruling.contains("us-icts-2021-002")), "{all:?}");
    let (_, berlin) = check("--root {}/linux-kesl --as user --person us --place DE --date 2025-01-01");
    assert!(rulings(&berlin).iter().any(|ruling| ruling.ends_with("us-icts-2021-002 replace")));
}

#[test]
fn a_timeline_shows_what_changes_and_when() {
    let ground = Ground::new();
    let root = sample("linux-kesl").display().to_string();
    let seen = ground.run(&[
        "check",
        "--root",
        &root,
        "--as",
        "user",
        "--person",
        "us",
        "--place",
        "US",
        "--timeline",
    ]);
    for instant in ["from 2024-06-20", "from 2024-09-29 00:00 EDT"] {
        assert!(seen.stdout.contains(instant), "{seen:?}");
    }
}

#[test]
fn slips_of_the_pen_are_refused() {
    let ground = Ground::new();
    let root = sample("linux-kesl").display().to_string();
    for (arguments, said) in [
        (vec!["--as", "resellr"], "no rule knows that word"),
        (vec!["--activity", "sell"], "no rule knows that word"),
        (vec!["--place", "Germany"], "two letters"),
        (vec!["--date", "yesterday"], "is no instant"),
        (vec!["--rule", "us-nothing"], "there is no such rule"),
    ] {
        let all: Vec<&str> = ["check", "--root", &root].into_iter().chain(arguments).collect();
        let seen = ground.run(&all).expect(2);
        assert!(seen.stderr.contains(said), "{seen:?}");
    }
    assert!(ground.run(&["check"]).expect(2).stderr.contains("nothing to look at"));
}

#[test]
fn the_page_is_whole_and_harmless() {
    let ground = Ground::new();
    let root = ground.path("<script>alert(1)</script>");
    fs::create_dir_all(root.join("var/lib/dpkg")).unwrap();
    fs::copy(sample("linux-kesl/var/lib/dpkg/status"), root.join("var/lib/dpkg/status")).unwrap();
    let path = root.display().to_string();
    let seen = ground.run(&[
        "check",
        &path,
        "--person",
        "us",
        "--place",
        "US",
        "--format",
        "html",
        "-o",
        "page.html",
    ]);
    seen.expect(1);
    let page = fs::read_to_string(ground.path("page.html")).unwrap();
    assert!(page.contains("default-src 'none'") && page.ends_with("</html>\n"));
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    assert!(page.contains("to be replaced") && page.contains("89 FR 52434"));
}

/// What was said not to be examined, in one line each.
fn gaps(document: &Value) -> Vec<String> {
    document["gaps"].as_array().unwrap().iter().map(Value::to_string).collect()
}

#[test]
fn a_system_whose_lists_cannot_be_read_is_not_clean() {
    let ground = Ground::new();
    let root = ground.path("root");
    let look = |said: &str| {
        let seen =
            ground.run(&["check", "--root", &root.display().to_string(), "--format", "json"]).expect(3);
        let document: Value = serde_json::from_str(&seen.stdout).unwrap();
        let gaps = gaps(&document);
        assert!(gaps.iter().any(|gap| gap.contains(said)), "{said}: {gaps:?}");
    };
    fs::create_dir(&root).unwrap();
    look("there is no list of packages");
    let folder = root.join("var/lib/dpkg");
    fs::create_dir_all(&folder).unwrap();
    for (content, said) in [("", "lists no package"), ("\0\0\0\0", "a field that ends in line 1")] {
        fs::write(folder.join("status"), content).unwrap();
        look(said);
    }
    fs::remove_file(folder.join("status")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.join("status")).status();
    if made.is_ok_and(|status| status.success()) {
        look("lists of packages are files");
    }
    fs::create_dir_all(root.join("var/lib/rpm")).unwrap();
    fs::write(root.join("var/lib/rpm/rpmdb.sqlite"), "no database").unwrap();
    look("it is no database of rpm");
}

#[test]
fn an_image_without_one_of_its_layers_is_not_clean() {
    let ground = Ground::new();
    let folder = ground.path("image");
    fs::create_dir(&folder).unwrap();
    let manifest = r#"[{"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["a/layer.tar", "b/layer.tar"]}]"#;
    fs::write(folder.join("manifest.json"), manifest).unwrap();
    fs::create_dir(folder.join("a")).unwrap();
    fs::write(folder.join("a/layer.tar"), [0; 1024]).unwrap();
    let tar = ground.path("image.tar");
    let made = std::process::Command::new("tar")
        .arg("-cf")
        .arg(&tar)
        .arg("-C")
        .arg(&folder)
        .args(["manifest.json", "a"])
        .status();
    assert!(made.unwrap().success());
    let seen = ground.run(&["check", "--image", &tar.display().to_string(), "--format", "json"]).expect(3);
    let document: Value = serde_json::from_str(&seen.stdout).unwrap();
    assert!(gaps(&document).iter().any(|gap| gap.contains("layer b/layer.tar is named")), "{document}");
    assert!(!gaps(&document).iter().any(|gap| gap.contains("layer a/layer.tar")), "{document}");
}

#[test]
fn what_is_something_else_than_was_said_is_refused_with_the_option_for_it() {
    let ground = Ground::new();
    let sbom = ground.path("app.cdx.json");
    let text = r#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"type": "library", "name": "x", "version": "1"}]}"#;
    fs::write(&sbom, text).unwrap();
    let seen = ground.run(&["check", "--inventory", &sbom.display().to_string()]).expect(2);
    assert!(seen.stderr.contains("use --sbom"), "{seen:?}");
    let csv = ground.path("programs.csv");
    fs::write(&csv, "computer,software,publisher,version\nPC1,A,B,1\nPC2,\"C,D,1\nPC3,E,F,1\n").unwrap();
    let seen = ground.run(&["check", "--sbom", &csv.display().to_string()]).expect(2);
    assert!(seen.stderr.contains("use --inventory"), "{seen:?}");
    let seen = ground.run(&["check", "--inventory", &csv.display().to_string()]).expect(3);
    assert!(seen.stdout.contains("the quote that opens in line 3"), "{seen:?}");
}
