//! Java: `pom.xml` ([reference](https://maven.apache.org/pom.html)), the `pom.properties` in archives, and
//! Gradle's `gradle.lockfile`.

use candor_object::Attribute;

use super::{DECLARED, INSTALLED, tell};
use crate::document::{Node, Xml, matches, records};
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Maven;

impl Reader for Maven {
    fn name(&self) -> &'static str {
        "maven"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        match subject.file_name() {
            "pom.properties" => subject.says("artifactId="),
            "gradle.lockfile" | "buildscript-gradle.lockfile" => true,
            name => (name == "pom.xml" || name.ends_with(".pom")) && subject.says("<project"),
        }
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        match subject.file_name() {
            "pom.properties" => properties(subject, facts),
            name if name.ends_with(".lockfile") => lines(subject, |line| {
                let Some((package, _)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
                    return Ok(());
                };
                let Some((name, version)) = package.rsplit_once(':') else { return Ok(()) };
                tell(facts, ("maven", DECLARED), (name, version), &[])
            }),
            _ => project(subject, facts),
        }
    }
}

fn properties(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let (mut group, mut artifact, mut version) = (String::new(), String::new(), String::new());
    lines(subject, |line| {
        match line.split_once('=') {
            Some(("groupId", value)) => value.clone_into(&mut group),
            Some(("artifactId", value)) => value.clone_into(&mut artifact),
            Some(("version", value)) => value.clone_into(&mut version),
            _ => {}
        }
        Ok(())
    })?;
    tell(facts, ("maven", INSTALLED), (&format!("{group}:{artifact}"), &version), &[])
}

#[derive(Clone, Copy)]
enum Kind {
    Project,
    Dependency,
}

fn project(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    // In an archive it describes the archive, elsewhere a project.
    let state = if subject.path().contains("META-INF/maven/") { INSTALLED } else { DECLARED };
    let kind = |path: &[String]| {
        let dependency = matches(path, "dependencies/dependency")
            || matches(path, "dependencyManagement/dependencies/dependency")
            || matches(path, "build/plugins/plugin");
        if path.is_empty() { Some(Kind::Project) } else { dependency.then_some(Kind::Dependency) }
    };
    records(&mut Xml::new(subject)?, kind, |record| {
        let node = record.node;
        let name = |group: &str| format!("{group}:{}", node.get("artifactId"));
        match record.kind {
            Kind::Project => {
                let name = name(node.first(&["groupId", "parent/groupId"]));
                let licence = node.joined("licenses/license/name");
                let more = [
                    (Attribute::Vendor, node.first(&["organization/name", "developers/developer/name"])),
                    (Attribute::Url, node.get("url")),
                    (Attribute::Licence, licence.as_str()),
                    (Attribute::Description, node.get("name")),
                ];
                tell(facts, ("maven", state), (&name, node.first(&["version", "parent/version"])), &more)
            }
            Kind::Dependency => {
                let parent = record.around.first().map_or("", |project: &&Node| project.get("artifactId"));
                let version = node.get("version");
                tell(
                    facts,
                    ("maven", DECLARED),
                    (&name(node.get("groupId")), version),
                    &[(Attribute::Parent, parent)],
                )
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn projects_their_dependencies_and_archives() {
        let pom = "<project xmlns='x'><groupId>g</groupId><artifactId>a</artifactId><version>1</version><dependencies><dependency>\
                   <groupId>com.kaspersky.android-components</groupId><artifactId>kaspresso</artifactId><version>1.6.0</version>\
                   </dependency></dependencies></project>";
        let facts = facts_of(&Maven, "pom.xml", pom.as_bytes());
        assert_eq!(
            facts[0].get(Attribute::Purl),
            Some("pkg:maven/com.kaspersky.android-components/kaspresso@1.6.0")
        );
        assert_eq!(facts[0].get(Attribute::Parent), Some("a"));
        assert_eq!(facts[1].get(Attribute::Name), Some("g:a"));
        assert_eq!(facts[1].get(Attribute::State), Some("declared"));
        let facts = facts_of(
            &Maven,
            "META-INF/maven/g/a/pom.properties",
            b"#x\nversion=1\ngroupId=g\nartifactId=a\n",
        );
        assert_eq!(facts[0].get(Attribute::State), Some("installed"));
        let facts = facts_of(&Maven, "gradle.lockfile", b"# c\ng:a:1.0=compileClasspath\nempty=\n");
        assert_eq!(facts.len(), 1);
    }
}
