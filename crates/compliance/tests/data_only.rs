//! New bans are data: the code knows no maker, no product and no rule.

use std::fs;
use std::path::{Path, PathBuf};

use candor_compliance::{Kind, Rules, Situation, judge, parse_moment, timeline};
use candor_object::{Attribute, Fact, FactKind, ObjectId};
use candor_products::{Catalogue, Item, Located};
use jiff::tz::TimeZone;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn item(catalogue: &Catalogue, kind: FactKind, attributes: &[(Attribute, &str)]) -> Item {
    let attributes = attributes.iter().map(|(attribute, value)| (*attribute, (*value).to_owned())).collect();
    let fact = Fact { object: ObjectId::ROOT, kind, attributes };
    let mut items = catalogue.identify(&[Located { host: String::new(), place: "/x".to_owned(), fact }]);
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

fn asked(role: &str, at: &str) -> Situation {
    Situation::new(role, parse_moment(at, &TimeZone::UTC).unwrap().instant())
}

/// A catalogue and rules of nothing but these files.
fn only(products: &[PathBuf], rules: &[PathBuf]) -> (Catalogue, Rules) {
    let read = |files: &[PathBuf]| -> Vec<(String, String)> {
        files.iter().map(|file| (file.display().to_string(), fs::read_to_string(file).unwrap())).collect()
    };
    let (products, rules) = (read(products), read(rules));
    let (catalogue, wrong) =
        Catalogue::parse(products.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    assert_eq!(wrong, []);
    let (rules, wrong) =
        Rules::parse(rules.iter().map(|(name, text)| (name.as_str(), text.as_str())), &catalogue);
    assert_eq!(wrong, []);
    (catalogue, rules)
}

#[test]
fn three_bans_work_from_their_files_alone() {
    let products = |name: &str| root().join("rules/products").join(name);
    let rules = |name: &str| root().join("rules/prohibitions").join(name);
    let bans = [
        (
            "acronis.toml",
            "us-fascsa-acronis.toml",
            "contractor",
            "Acronis AG",
            "use-in-performance",
            "2025-07-11T12:00Z",
        ),
        (
            "bytedance.toml",
            "us-far-52-204-27-tiktok.toml",
            "contractor",
            "TikTok Pte. Ltd.",
            "hold",
            "2024-01-01T12:00Z",
        ),
        (
            "drones.toml",
            "us-fcc-covered-list-uas.toml",
            "reseller",
            "SZ DJI Technology Co., Ltd.",
            "resell",
            "2026-02-01T12:00Z",
        ),
    ];
    for (product, rule, role, publisher, activity, at) in bans {
        let (catalogue, rules) = only(&[products(product)], &[rules(rule)]);
        let attributes = [(Attribute::Publisher, publisher), (Attribute::Name, publisher)];
        let found = item(&catalogue, FactKind::Program, &attributes);
        let situation = Situation {
            place: Some("US".to_owned()),
            system: Some("sci".to_owned()),
            activities: vec![activity.to_owned()],
            ..asked(role, at)
        };
        let rulings = judge(&rules, &catalogue, &found, &situation);
        assert_eq!(rulings[0].headline(), format!("PROHIBITED({activity})"), "{}", rulings[0]);
    }
}

#[test]
fn the_ban_of_the_documentation_works() {
    let folder = root().join("crates/compliance/tests/user-rules");
    let files = [folder.join("examplesoft-products.toml"), folder.join("xx-remote-access-2026.toml")];
    let page = fs::read_to_string(root().join("docs/prohibitions.md")).unwrap();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        assert!(page.contains(text.trim()), "docs/prohibitions.md does not show {} as it is", file.display());
    }
    let (catalogue, rules) = only(&files[..1], &files[1..]);
    let package = [
        (Attribute::Manager, "dpkg"),
        (Attribute::Name, "examplesoft-remote"),
        (Attribute::Vendor, "Examplesoft GmbH <info@example.com>"),
        (Attribute::State, "installed"),
    ];
    let found = item(&catalogue, FactKind::Package, &package);
    let hospital = |at: &str| Situation { place: Some("FR".to_owned()), ..asked("hospital", at) };
    let gravest = |situation: &Situation| judge(&rules, &catalogue, &found, situation).remove(0);
    assert_eq!(gravest(&hospital("2026-06-30T12:00Z")).kind, Kind::Advisory);
    let ruling = gravest(&hospital("2026-07-01T12:00Z"));
    assert_eq!(ruling.headline(), "PROHIBITED(use)");
    assert_eq!(ruling.citation(), "Gazette 2026/17, section 2");
    // From a Wednesday on, three working days.
    assert_eq!(ruling.duties[0].deadline.day(), "2026-07-06");
    let waived = Situation { purposes: vec!["waiver".to_owned()], ..hospital("2026-07-01T12:00Z") };
    assert_eq!(gravest(&waived).kind, Kind::Exempt);
    let elsewhere = Situation { place: Some("BE".to_owned()), ..hospital("2026-07-01T12:00Z") };
    assert_eq!(gravest(&elsewhere).kind, Kind::NotCovered);
    assert_eq!(
        gravest(&Situation { place: Some("FR".to_owned()), ..asked("user", "2026-07-01T12:00Z") }).kind,
        Kind::NotCovered
    );
    let stages = timeline(&rules, &catalogue, &found, &hospital("1970-01-01T00:00Z"));
    let told: Vec<(String, Kind)> =
        stages.iter().map(|stage| (stage.from.day(), stage.rulings[0].kind)).collect();
    let expected =
        [("1970-01-01", Kind::NotCovered), ("2026-03-01", Kind::Advisory), ("2026-07-01", Kind::Prohibited)];
    assert_eq!(told, expected.map(|(day, kind)| (day.to_owned(), kind)));
}

#[test]
fn the_code_names_nobody() {
    for folder in ["crates/products/src", "crates/compliance/src"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            // Comments may name them as examples.
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in lines.map(str::to_lowercase) {
                for name in ["kaspersky", "acronis", "tiktok", "huawei", "dji", "us-icts", "u1313g"] {
                    assert!(!line.contains(name), "{}: {line}", path.display());
                }
            }
        }
    }
}
