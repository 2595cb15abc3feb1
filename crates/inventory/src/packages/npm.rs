//! npm and pnpm: `package.json` ([format](https://docs.npmjs.com/cli/configuring-npm/package-json)),
//! `package-lock.json` of all versions, `pnpm-lock.yaml` and `bun.lock`.

use candor_object::Attribute;

use super::{DECLARED, INSTALLED, tell};
use crate::document::{Events, Json, Node, Yaml, matches, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Npm;

impl Reader for Npm {
    fn name(&self) -> &'static str {
        "npm"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        match subject.file_name() {
            "package.json" => subject.says("\"name\"") || subject.says("ependencies\""),
            "package-lock.json"
            | ".package-lock.json"
            | "npm-shrinkwrap.json"
            | "pnpm-lock.yaml"
            | "bun.lock" => true,
            _ => false,
        }
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        match subject.file_name() {
            "package.json" => manifest(subject, facts),
            "pnpm-lock.yaml" => keyed(&mut Yaml::new(subject)?, facts),
            "bun.lock" => keyed(&mut Json::new(subject)?, facts),
            _ => lock(subject, facts),
        }
    }
}

fn manifest(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let installed = subject.path().contains("node_modules/");
    records(
        &mut Json::new(subject)?,
        |path| path.is_empty().then_some(()),
        |record| {
            let node = record.node;
            let vendor = node.first(&["author/name", "author", "publisher", "maintainers/item/name"]);
            let more = [
                (Attribute::Vendor, vendor),
                (Attribute::Licence, node.first(&["license", "license/type", "licenses/item/type"])),
                (Attribute::Url, node.first(&["homepage", "repository/url", "repository"])),
                (Attribute::Description, node.get("description")),
            ];
            let state = if installed { INSTALLED } else { DECLARED };
            tell(facts, ("npm", state), (node.get("name"), node.get("version")), &more)?;
            if installed {
                return Ok(());
            }
            for list in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] {
                for needed in node.all(&format!("{list}/*")) {
                    let more = [(Attribute::Parent, node.get("name"))];
                    tell(facts, ("npm", DECLARED), (&needed.name, &needed.text), &more)?;
                }
            }
            Ok(())
        },
    )
}

#[derive(Clone, Copy)]
enum Kind {
    /// By its path, since version 2.
    Package,
    /// By its name, nested in what needs it, up to version 2.
    Dependency,
}

fn lock(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    // A lock file that npm keeps within a folder tells what is in it.
    let state = if subject.is_named(".package-lock.json") { INSTALLED } else { DECLARED };
    let kind = |path: &[String]| {
        if path.len() == 2 && path[0] == "packages" {
            return Some(Kind::Package);
        }
        let nested = path.len() % 2 == 0 && path.iter().step_by(2).all(|name| name == "dependencies");
        (nested && !path.is_empty()).then_some(Kind::Dependency)
    };
    let mut by_path = false;
    records(&mut Json::new(subject)?, kind, |record| {
        let node = record.node;
        let name = match record.kind {
            Kind::Package => {
                by_path = true;
                let named = node.get("name");
                if named.is_empty() { node.name.rsplit("node_modules/").next().unwrap_or("") } else { named }
            }
            // Version 2 says everything in both ways.
            Kind::Dependency if by_path => return Ok(()),
            Kind::Dependency => &node.name,
        };
        if node.get("link") == "true" {
            return Ok(());
        }
        let parent: Vec<&str> = record.around.iter().map(|node| node.name.as_str()).collect();
        let parent = parent.join(" > ");
        let more = [
            (Attribute::Url, node.get("resolved")),
            (Attribute::Licence, node.get("license")),
            (Attribute::Parent, parent.as_str()),
        ];
        tell(facts, ("npm", state), (name, node.get("version")), &more)
    })
}

/// Lock files whose packages have name and version in their keys.
fn keyed(events: &mut dyn Events, facts: &mut Facts<'_>) -> Result<(), Error> {
    let kind = |path: &[String]| matches(path, "packages/*").then_some(());
    records(events, kind, |record| {
        let Node { name, children, .. } = record.node;
        // Bun's values are lists that begin with name and version.
        let list = children.first().filter(|first| first.name == "item").map(|first| first.text.as_str());
        let (name, version) = parts(list.unwrap_or(name));
        tell(facts, ("npm", DECLARED), (name, version), &[])
    })
}

/// `/@scope/name/1.0.0_peer@2`, `/@scope/name@1.0.0(peer@2)` or `name@1.0.0`.
fn parts(key: &str) -> (&str, &str) {
    let key = key.strip_prefix('/').unwrap_or(key).split('(').next().unwrap_or("");
    let from = usize::from(key.starts_with('@'));
    let name_end = key[from..].find('@').map(|at| at + from);
    let slash = key.rfind('/').filter(|at| key[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    match (slash, name_end) {
        (Some(at), _) => (&key[..at], key[at + 1..].split('_').next().unwrap_or("")),
        (None, Some(at)) => (&key[..at], &key[at + 1..]),
        (None, None) => (key, ""),
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    fn told(name: &str, content: &str) -> Vec<String> {
        let facts = facts_of(&Npm, name, content.as_bytes());
        let text = |fact: &candor_object::Fact| {
            let get = |attribute| fact.get(attribute).unwrap_or("").to_owned();
            format!("{}@{} {}", get(Attribute::Name), get(Attribute::Version), get(Attribute::State))
        };
        facts.iter().map(text).collect()
    }

    #[test]
    fn manifests() {
        let json = r#"{"name": "a", "version": "1", "author": {"name": "B"}, "dependencies": {"c": "^2"}}"#;
        assert_eq!(told("x/package.json", json), ["a@1 declared", "c@^2 declared"]);
        assert_eq!(told("x/node_modules/a/package.json", json), ["a@1 installed"]);
    }

    #[test]
    fn lock_files_of_all_versions() {
        let first = r#"{"lockfileVersion": 1, "dependencies": {"a": {"version": "1", "dependencies": {"b": {"version": "2"}}}}}"#;
        assert_eq!(told("package-lock.json", first), ["b@2 declared", "a@1 declared"]);
        let third = r#"{"lockfileVersion": 2, "packages": {"": {"name": "root"}, "node_modules/@s/a": {"version": "1"},
            "node_modules/l": {"link": true}}, "dependencies": {"@s/a": {"version": "1"}}}"#;
        assert_eq!(told("node_modules/.package-lock.json", third), ["root@ installed", "@s/a@1 installed"]);
        let pnpm = "lockfileVersion: '9.0'\npackages:\n\n  '@s/a@1.0.0(b@2.0.0)':\n    resolution: {integrity: x}\n\n  /c/3.0.0_d@1:\n    dev: true\n";
        assert_eq!(told("pnpm-lock.yaml", pnpm), ["@s/a@1.0.0 declared", "c@3.0.0 declared"]);
        let bun = "{\"packages\": {\"a\": [\"a@1.0.0\", \"\", {},],}}";
        assert_eq!(told("bun.lock", bun), ["a@1.0.0 declared"]);
    }
}
