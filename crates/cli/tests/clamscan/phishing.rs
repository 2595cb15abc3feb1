//! Mails with links, lists about links, and what is found: ours is what the table says, and where `clamscan` 1.4.6 is
//! installed, so is its.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::program::Ground;
use super::{Seen, clamscan_is_there};

const TABLE: &str = include_str!("phishing.tsv");

/// A row of the table.
struct Probe<'t> {
    page: String,
    clamscan: &'t str,
    ours: &'t str,
}

/// The probes by what they are scanned with: names of lists, options.
type Probes<'t> = BTreeMap<(&'t str, &'t str), Vec<Probe<'t>>>;

/// Lines of lists with their extension, by name.
type Lists<'t> = BTreeMap<&'t str, Vec<(&'t str, &'t str)>>;

fn table() -> (Lists<'static>, Probes<'static>) {
    let (mut lists, mut probes) = (Lists::new(), Probes::new());
    for row in TABLE.lines().filter(|row| !row.starts_with('#')) {
        match *row.split('\t').collect::<Vec<_>>().as_slice() {
            ["list", name, extension, line] => lists.entry(name).or_default().push((extension, line)),
            ["page", names, options, page, clamscan, ours] => {
                let page = page.replace("\\n", "\n").replace("\\\\", "\\");
                let ours = if ours.is_empty() { clamscan } else { ours };
                probes.entry((names, options)).or_default().push(Probe { page, clamscan, ours });
            }
            _ => panic!("{row}"),
        }
    }
    (lists, probes)
}

fn mail(page: &str) -> String {
    format!("From: a@b.c\nTo: d@e.f\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n{page}\n")
}

/// What was found in each mail, by its number.
fn found(output: &str, count: usize) -> Vec<String> {
    let found = |number: usize| {
        let line = output.lines().find_map(|line| line.strip_prefix(&format!("mails/{number}.eml: ")));
        let line = line.unwrap_or_else(|| panic!("nothing is said of mail {number}: {output}"));
        line.strip_suffix(" FOUND").unwrap_or(line).trim_start_matches("Heuristics.").to_owned()
    };
    (0..count).map(found).collect()
}

#[test]
fn links_are_judged_as_the_table_says() {
    let (lists, probes) = table();
    let mut differences = Vec::new();
    let mut count = 0;
    for ((names, options), probes) in &probes {
        let ground = Ground::new();
        for folder in ["db", "mails"] {
            fs::create_dir(ground.path(folder)).unwrap();
        }
        for (number, name) in names.split(' ').enumerate() {
            let lines = &lists[name];
            let text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
            fs::write(ground.path(format!("db/{number}.{}", lines[0].0)), text).unwrap();
        }
        for (number, probe) in probes.iter().enumerate() {
            fs::write(ground.path(format!("mails/{number}.eml")), mail(&probe.page)).unwrap();
        }
        let mut arguments = vec!["--no-summary", "-r", "-d", "db", "mails"];
        arguments.extend((!options.is_empty()).then_some(*options));
        let ours = ground.run(&[&["clamscan"], arguments.as_slice()].concat()).stdout;
        let theirs = clamscan_is_there().then(|| {
            let mut clamscan = Command::new("clamscan");
            Seen::new(clamscan.args(&arguments).current_dir(ground.path("")).output().unwrap()).stdout
        });
        for (number, name) in found(&ours, probes.len()).into_iter().enumerate() {
            let Probe { page, ours, .. } = &probes[number];
            if name != *ours {
                differences.push(format!("{names} {options} {page}: {name}, not {ours}"));
            }
        }
        for (number, name) in theirs.iter().flat_map(|theirs| found(theirs, probes.len())).enumerate() {
            let Probe { page, clamscan, .. } = &probes[number];
            if name != *clamscan {
                differences.push(format!("{names} {options} {page}: clamscan says {name}, not {clamscan}"));
            }
        }
        count += probes.len();
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(count >= 150, "there are {count} probes only");
}

#[test]
fn only_pages_out_of_mails_are_judged() {
    let ground = Ground::new();
    let page = "<html><a href='http://evil.org'>www.paypal.com</a></html>";
    fs::create_dir(ground.path("db")).unwrap();
    fs::write(ground.path("db/t.pdb"), "H:paypal.com\nnonsense\n").unwrap();
    ground.file("page.html", page.as_bytes());
    ground.file("mail.eml", mail(page).as_bytes());
    let long = format!("<html>{}{page}", "x ".repeat(200_000));
    ground.file("long.eml", mail(&long).as_bytes());
    let parts = format!("--b\nContent-Type: text/plain\n\nx\n--b\nContent-Type: text/html\n\n{page}\n--b--");
    let parts = mail(&parts).replace("text/html\n\n--b", "multipart/mixed; boundary=b\n\n--b");
    ground.file("parts.eml", parts.as_bytes());
    let seen = ground.run(&["scan", "files", "--signatures", "db/t.pdb"]).expect(1);
    let all = "Heuristics.Phishing.Email.SpoofedDomain";
    assert_eq!(seen.stdout.matches(all).count(), 3, "{seen:#?}");
    assert!(!seen.stdout.contains("page.html"), "{seen:#?}");
    assert!(seen.stderr.contains("1 signature skipped"), "{seen:#?}");
    let explained = ground.run(&["explain", "files/mail.eml", "--signatures", "db/t.pdb"]).stdout;
    let explained = explained.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["shows www.paypal.com leads to http://evil.org", "H:paypal.com", "t.pdb"] {
        assert!(explained.contains(words), "{explained}");
    }
    let policy = ground.path("policy.toml");
    fs::write(&policy, "report_links = false\n").unwrap();
    let policy = policy.to_str().unwrap();
    ground.run(&["scan", "files", "--signatures", "db/t.pdb", "--policy", policy]).expect(0);
}
