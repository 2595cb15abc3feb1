//! .NET: `packages.lock.json`, `packages.config`, `project.assets.json`, the `*.deps.json` beside programs, `*.nuspec`
//! ([reference](https://learn.microsoft.com/en-us/nuget/reference/nuspec)), and references of project files.

use candor_object::Attribute;

use super::{DECLARED, INSTALLED, tell};
use crate::document::{Json, Xml, matches, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Nuget;

#[derive(Clone, Copy)]
enum Form {
    /// `dependencies`, by framework and name.
    Lock,
    /// `libraries`, by name and version.
    Libraries,
    Nuspec,
    /// Elements that name a package in their attributes.
    References,
}

impl Reader for Nuget {
    fn name(&self) -> &'static str {
        "nuget"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        form(subject).is_some()
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        match form(subject) {
            Some(Form::Lock) => {
                let kind = |path: &[String]| matches(path, "dependencies/*/*").then_some(());
                records(&mut Json::new(subject)?, kind, |record| {
                    let version = record.node.first(&["resolved", "requested"]);
                    tell(facts, ("nuget", DECLARED), (&record.node.name, version), &[])
                })
            }
            Some(Form::Libraries) => {
                let state = if subject.file_name().ends_with(".deps.json") { INSTALLED } else { DECLARED };
                let kind = |path: &[String]| matches(path, "libraries/*").then_some(());
                records(&mut Json::new(subject)?, kind, |record| {
                    let (name, version) = record.node.name.split_once('/').unwrap_or((&record.node.name, ""));
                    tell(facts, ("nuget", state), (name, version), &[])
                })
            }
            Some(Form::Nuspec) => nuspec(subject, facts),
            Some(Form::References) => {
                let names = ["package", "PackageReference", "PackageVersion"];
                let kind =
                    |path: &[String]| path.last().filter(|name| names.contains(&name.as_str())).map(|_| ());
                records(&mut Xml::new(subject)?, kind, |record| {
                    let node = record.node;
                    let name = node.first(&["Include", "Update", "id"]);
                    let version = node.first(&["Version", "version", "VersionOverride"]);
                    tell(facts, ("nuget", DECLARED), (name, version), &[])
                })
            }
            None => Ok(()),
        }
    }
}

fn form(subject: &Subject<'_>) -> Option<Form> {
    match subject.file_name() {
        "packages.lock.json" => Some(Form::Lock),
        "project.assets.json" => Some(Form::Libraries),
        "packages.config" | "Directory.Packages.props" => Some(Form::References),
        name if name.ends_with(".deps.json") && subject.says("runtimeTarget") => Some(Form::Libraries),
        name if name.ends_with(".nuspec") => Some(Form::Nuspec),
        name if name.ends_with(".csproj") || name.ends_with(".vbproj") || name.ends_with(".fsproj") => {
            Some(Form::References)
        }
        _ => None,
    }
}

fn nuspec(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    // Beside the content of a package, or as the one project's own description.
    let path = subject.path();
    let unpacked = path.contains("packages/") || path.contains("chocolatey/lib/");
    let state = if unpacked { INSTALLED } else { DECLARED };
    let kind = |path: &[String]| matches(path, "metadata").then_some(());
    records(&mut Xml::new(subject)?, kind, |record| {
        let node = record.node;
        let more = [
            (Attribute::Vendor, node.first(&["authors", "owners"])),
            (Attribute::Url, node.get("projectUrl")),
            (Attribute::Licence, node.first(&["license", "licenseUrl"])),
            (Attribute::Description, node.first(&["title", "summary", "description"])),
        ];
        tell(facts, ("nuget", state), (node.get("id"), node.get("version")), &more)
    })
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn all_forms() {
        for (name, content) in [
            (
                "packages.lock.json",
                r#"{"version": 1, "dependencies": {"net8.0": {"A.B": {"type": "Direct", "resolved": "1.2"}}}}"#,
            ),
            ("bin/app.deps.json", r#"{"runtimeTarget": {}, "libraries": {"A.B/1.2": {"type": "package"}}}"#),
            ("packages.config", r#"<packages><package id="A.B" version="1.2" /></packages>"#),
            (
                "a.csproj",
                r#"<Project><ItemGroup><PackageReference Include="A.B" Version="1.2"/></ItemGroup></Project>"#,
            ),
            (
                "a.nuspec",
                "<package xmlns='x'><metadata><id>A.B</id><version>1.2</version><authors>X</authors></metadata></package>",
            ),
        ] {
            let facts = facts_of(&Nuget, name, content.as_bytes());
            assert_eq!(facts.len(), 1, "{name}");
            assert_eq!(facts[0].get(Attribute::Purl), Some("pkg:nuget/A.B@1.2"), "{name}");
        }
    }
}
