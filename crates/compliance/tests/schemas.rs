//! The JSON schemas and the readers agree: every shipped file passes both, every broken one is refused by both.

use std::path::Path;

use candor_compliance::Rules;
use candor_products::Catalogue;
use serde_json::Value;

fn schema(name: &str) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn json(text: &str) -> Value {
    plain(toml::Value::Table(text.parse().unwrap()))
}

fn plain(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(moment) => Value::String(moment.to_string()),
        toml::Value::Array(values) => values.into_iter().map(plain).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, inner)| (key, plain(inner))).collect(),
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
    }
}

/// Changes that break a file: what is replaced, and by what.
const BROKEN_RULE: &[(&str, &str)] = &[
    ("id = ", "ident = "),
    ("status = \"in-force\"", "status = \"maybe\""),
    ("authority = \"clause\"", "authority = \"rumour\""),
    ("[[source]]", "[[origin]]"),
    ("[[text]]", "[[version]]"),
    ("checked = \"primary\"", "checked = \"surely\""),
    ("from = \"2023-06-02\"", "from = \"soon\""),
    ("[[forbid]]", "[[forbids]]"),
    ("valid_from = 2023-06-02", "valid_from = \"2 June\""),
    ("depth = [\"direct\"]", "depth = [\"deep\"]"),
    ("bound = \"contractor\"\n", ""),
    ("kind = \"subsidiaries\"", "kind = \"friends\""),
];
const BROKEN_PRODUCTS: &[(&str, &str)] = &[
    ("grade = \"B\"", "grade = \"E\""),
    ("fact = \"program\"", "fact = \"rumour\""),
    ("confidence = \"high\"", "confidence = \"total\""),
    ("country = \"KY\"", "country = \"Cayman\""),
    ("maker = \"tiktok\"", "creator = \"tiktok\""),
    ("kind = \"subsidiary\"", "kind = \"friend\""),
    ("\"id|name\"", "\"id|nom\""),
    ("seen = 2026-11-22", "seen = \"lately\""),
    ("source = \"application identifiers in stores\"\n", ""),
];

#[test]
fn every_shipped_file_passes() {
    let (rules, products) = (schema("prohibitions.schema.json"), schema("products.schema.json"));
    for (name, text) in Rules::embedded_files() {
        let errors: Vec<String> = rules
            .iter_errors(&json(text))
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    for (name, text) in Catalogue::embedded_files() {
        let errors: Vec<String> = products
            .iter_errors(&json(text))
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

fn file(files: &'static [(&str, &str)], name: &str) -> &'static str {
    files.iter().find(|(file, _)| *file == name).unwrap().1
}

#[test]
fn what_is_broken_is_refused_by_both() {
    let catalogue = Catalogue::embedded();
    let (rules, products) = (schema("prohibitions.schema.json"), schema("products.schema.json"));
    let rule = file(Rules::embedded_files(), "us-far-52-204-27-tiktok.toml");
    for (what, by) in BROKEN_RULE {
        assert!(rule.contains(what), "{what}");
        let broken = rule.replace(what, by);
        let (read, problems) = Rules::parse([("a.toml", broken.as_str())], &catalogue);
        assert!(!problems.is_empty() && read.rules.is_empty(), "{what} -> {by} is read");
        assert!(
            problems.iter().all(|problem| problem.file == "a.toml" && problem.line > 0
                || problem.reason.contains("missing")
                || problem.line == 0),
            "{problems:?}"
        );
        assert!(!rules.is_valid(&json(&broken)), "{what} -> {by} passes the schema");
    }
    let maker = file(Catalogue::embedded_files(), "bytedance.toml");
    for (what, by) in BROKEN_PRODUCTS {
        assert!(maker.contains(what), "{what}");
        let broken = maker.replace(what, by);
        let (_, problems) = Catalogue::parse([("a.toml", broken.as_str())]);
        assert!(!problems.is_empty(), "{what} -> {by} is read");
        assert!(!products.is_valid(&json(&broken)), "{what} -> {by} passes the schema");
    }
}
