//! Python: metadata of installed distributions
//! ([specification](https://packaging.python.org/en/latest/specifications/core-metadata/)), requirements, and the lock
//! files of Poetry, Pipenv, uv and PDM.

use candor_object::Attribute;

use super::{DECLARED, INSTALLED, tell};
use crate::document::{Json, Toml, matches, records};
use crate::text::{lines, numbered_lines};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Pip;

impl Reader for Pip {
    fn name(&self) -> &'static str {
        "pip"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        form(subject).is_some()
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        match form(subject) {
            Some(Form::Metadata) => metadata(subject, facts),
            Some(Form::Requirements) => requirements(subject, facts),
            Some(Form::Toml) => {
                let kind = |path: &[String]| (matches(path, "package|packages")).then_some(());
                records(&mut Toml::new(subject)?, kind, |record| {
                    let package = (record.node.get("name"), record.node.get("version"));
                    tell(
                        facts,
                        ("pip", DECLARED),
                        package,
                        &[(Attribute::Url, record.node.get("source/registry"))],
                    )
                })
            }
            Some(Form::Pipfile) => {
                let kind = |path: &[String]| (matches(path, "default|develop/*")).then_some(());
                records(&mut Json::new(subject)?, kind, |record| {
                    let version = record.node.get("version").trim_start_matches("==");
                    tell(facts, ("pip", DECLARED), (&record.node.name, version), &[])
                })
            }
            None => Ok(()),
        }
    }
}

enum Form {
    Metadata,
    Requirements,
    Toml,
    Pipfile,
}

fn form(subject: &Subject<'_>) -> Option<Form> {
    if subject.head.starts_with(b"Metadata-Version:") {
        return Some(Form::Metadata);
    }
    match subject.file_name() {
        "poetry.lock" | "uv.lock" | "pdm.lock" | "pylock.toml" => Some(Form::Toml),
        "Pipfile.lock" => Some(Form::Pipfile),
        name => (name.starts_with("requirements") && name.ends_with(".txt")).then_some(Form::Requirements),
    }
}

fn metadata(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let mut values: Vec<(Attribute, String)> = Vec::new();
    let (mut name, mut version, mut ended) = (String::new(), String::new(), false);
    lines(subject, |line| {
        // The description follows an empty line, and may be as long as it likes.
        ended |= line.is_empty();
        let Some((field, value)) = line.split_once(':').filter(|_| !ended && !line.starts_with([' ', '\t']))
        else {
            return Ok(());
        };
        let attribute = match field {
            "Name" if name.is_empty() => return Ok(value.clone_into(&mut name)),
            "Version" if version.is_empty() => return Ok(value.clone_into(&mut version)),
            "Author" | "Author-email" | "Maintainer" => Attribute::Vendor,
            "Home-page" => Attribute::Url,
            "License" | "License-Expression" => Attribute::Licence,
            "Summary" => Attribute::Description,
            _ => return Ok(()),
        };
        let value = value.trim();
        if !value.is_empty() && value != "UNKNOWN" && values.iter().all(|(there, _)| *there != attribute) {
            values.push((attribute, value.to_owned()));
        }
        Ok(())
    })?;
    let path = subject.path();
    let state = if path.contains(".dist-info/") || path.contains(".egg-info") { INSTALLED } else { DECLARED };
    let more: Vec<_> = values.iter().map(|(attribute, value)| (*attribute, value.as_str())).collect();
    tell(facts, ("pip", state), (&name, &version), &more)
}

fn requirements(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    numbered_lines(subject, |number, line| {
        let line = line.split('#').next().unwrap_or("").trim();
        let end = line.find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        let rest = rest.trim_start();
        // Options, paths and addresses are no names.
        if name.is_empty() || line.starts_with(['-', '.', '/']) || rest.starts_with([':', '/', '\\']) {
            return Ok(());
        }
        let rest =
            rest.strip_prefix('[').and_then(|extras| extras.split_once(']')).map_or(rest, |(_, rest)| rest);
        let condition = rest.split([';', '\\']).next().unwrap_or("").split(" --").next().unwrap_or("").trim();
        let version =
            condition.strip_prefix("===").or_else(|| condition.strip_prefix("==")).unwrap_or(condition);
        tell(facts, ("pip", DECLARED), (name, version), &[(Attribute::Line, &number.to_string())])
    })
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn installed_distributions() {
        let text = "Metadata-Version: 2.1\nName: Demo\nVersion: 1.0\nAuthor-email: A <a@b>\nSummary: s\n\nName: other\n";
        let facts = facts_of(&Pip, "lib/Demo-1.0.dist-info/METADATA", text.as_bytes());
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].get(Attribute::Name), Some("Demo"));
        assert_eq!(facts[0].get(Attribute::Purl), Some("pkg:pypi/demo@1.0"));
        assert_eq!(facts[0].get(Attribute::State), Some("installed"));
        assert_eq!(facts_of(&Pip, "PKG-INFO", text.as_bytes())[0].get(Attribute::State), Some("declared"));
    }

    #[test]
    fn requirements_and_lock_files() {
        let text = "# c\n-r other.txt\na==1.0 ; python_version > '3' \\\n    --hash=sha256:1\nb[x]>=2,<3\nhttps://x/y.whl\n./local\n";
        let facts = facts_of(&Pip, "requirements-dev.txt", text.as_bytes());
        let told: Vec<_> =
            facts.iter().map(|fact| (fact.get(Attribute::Name), fact.get(Attribute::Version))).collect();
        assert_eq!(told, [(Some("a"), Some("1.0")), (Some("b"), Some(">=2,<3"))]);
        assert_eq!(facts[0].get(Attribute::Line), Some("3"));
        let lock = br#"{"_meta": {}, "default": {"a": {"version": "==1.0"}}, "develop": {"b": {}}}"#;
        assert_eq!(facts_of(&Pip, "Pipfile.lock", lock).len(), 2);
        let lock = b"[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"https://pypi.org/simple\" }\n";
        assert_eq!(facts_of(&Pip, "uv.lock", lock)[0].get(Attribute::Url), Some("https://pypi.org/simple"));
    }
}
