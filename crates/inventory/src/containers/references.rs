//! Who asks for images: `FROM` of Dockerfiles, `image:` of compose files, of Kubernetes' manifests and of pipelines, and
//! `repository:` of Helm's values.
//!
//! YAML is read line by line, by indentation, which is what such files are written with.

use candor_object::{Attribute, FactKind};

use crate::fields::holds;
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Dockerfile;
pub(crate) struct Yaml;

/// Keys of Helm's values under `image`, in the order of a reference.
const PARTS: [&str; 4] = ["registry", "repository", "tag", "digest"];

impl Reader for Dockerfile {
    fn name(&self) -> &'static str {
        "Dockerfile"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let path = subject.path();
        let file = path.rsplit('/').next().unwrap_or_default();
        let begins = ["Dockerfile", "Containerfile", "dockerfile"].iter().any(|name| file.starts_with(name));
        (begins || file.to_ascii_lowercase().ends_with(".dockerfile")) && !subject.head.contains(&0)
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut stages: Vec<String> = vec!["scratch".to_owned()];
        let mut number = 0_usize;
        lines(subject, |line| {
            number = number.saturating_add(1);
            let mut words = line.split_whitespace();
            let command = words.next().unwrap_or_default().to_ascii_uppercase();
            let mut rest = words.filter(|word| !word.starts_with("--platform")).peekable();
            let reference = match command.as_str() {
                "FROM" => rest.next(),
                "COPY" | "ADD" => rest.find_map(|word| word.strip_prefix("--from=")),
                _ => None,
            };
            let Some(reference) = reference else { return Ok(()) };
            let is_stage = stages.iter().any(|stage| stage.eq_ignore_ascii_case(reference));
            // Numbers are stages as well.
            let is_stage = is_stage || reference.bytes().all(|byte| byte.is_ascii_digit());
            if command == "FROM"
                && rest.next().is_some_and(|word| word.eq_ignore_ascii_case("as"))
                && let Some(name) = rest.next()
                && stages.len() < 256
            {
                stages.push(name.to_owned());
            }
            if is_stage { Ok(()) } else { tell("dockerfile", reference, number, facts) }
        })
    }
}

impl Reader for Yaml {
    fn name(&self) -> &'static str {
        "references to images"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        source(subject).is_some()
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let source = source(subject).unwrap_or_default();
        let mut number = 0_usize;
        // Indentation and line of `image:` without a value, and the parts found under it.
        let mut open: Option<(usize, usize, [String; 4])> = None;
        lines(subject, |line| {
            number = number.saturating_add(1);
            let text = line.trim_start();
            if text.is_empty() || text.starts_with('#') {
                return Ok(());
            }
            let indent = line.len().saturating_sub(text.len());
            let item = text.trim_start_matches("- ");
            let Some((key, value)) = item.split_once(':') else { return Ok(()) };
            let key = key.trim().trim_matches(['"', '\'']);
            if let Some((around, at, parts)) = &mut open {
                if indent > *around {
                    if let Some(place) = PARTS.iter().position(|part| *part == key)
                        && let Some(part) = parts.get_mut(place)
                    {
                        *part = scalar(value).to_owned();
                    }
                    return Ok(());
                }
                let (reference, at) = (joined(parts), *at);
                open = None;
                tell(source, &reference, at, facts)?;
            }
            if key != "image" && !key.ends_with("Image") {
                return Ok(());
            }
            match scalar(value) {
                "" => {
                    open = Some((indent, number, Default::default()));
                    Ok(())
                }
                reference => tell(source, reference, number, facts),
            }
        })?;
        match open {
            Some((_, at, parts)) => tell(source, &joined(&parts), at, facts),
            None => Ok(()),
        }
    }
}

/// What kind of document it is, if it is one that names images.
fn source(subject: &Subject<'_>) -> Option<&'static str> {
    let path = subject.path();
    if !path.ends_with(".yml") && !path.ends_with(".yaml") {
        return None;
    }
    let file = path.rsplit('/').next().unwrap_or_default();
    let has = |part: &[u8]| holds(subject.head, part);
    if file.contains("compose") || has(b"\nservices:") || subject.head.starts_with(b"services:") {
        Some("compose")
    } else if has(b"apiVersion:") && has(b"kind:") {
        Some("kubernetes")
    } else if file.starts_with("values") {
        Some("helm")
    } else if path.contains(".github/workflows/") || file.contains("gitlab-ci") || file.contains("pipelines")
    {
        Some("pipeline")
    } else {
        None
    }
}

/// A value without quotes and without a remark behind it.
fn scalar(value: &str) -> &str {
    let value = value.trim();
    let value = value.split_once(" #").map_or(value, |(value, _)| value.trim());
    value.trim_matches(['"', '\''])
}

/// `registry/repository:tag@digest`.
fn joined(parts: &[String; 4]) -> String {
    let [registry, repository, tag, digest] = parts;
    if repository.is_empty() {
        return String::new();
    }
    let mut reference = String::new();
    for (before, part, behind) in
        [("", registry, "/"), ("", repository, ""), (":", tag, ""), ("@", digest, "")]
    {
        if !part.is_empty() {
            reference.extend([before, part, behind]);
        }
    }
    reference
}

/// Tells of a reference, if it looks like one: templates and pictures do not.
fn tell(source: &str, reference: &str, line: usize, facts: &mut Facts<'_>) -> Result<(), Error> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._/:@-${}+".contains(letter);
    let is_picture =
        [".png", ".jpg", ".svg", ".jpeg", ".gif", ".webp"].iter().any(|end| reference.ends_with(end));
    let begins = reference.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '$');
    if !begins || is_picture || reference.contains("{{") || !reference.chars().all(is_letter) {
        return Ok(());
    }
    let line = line.to_string();
    let values = [
        (Attribute::Source, source),
        (Attribute::State, "declared"),
        (Attribute::Name, reference),
        (Attribute::Line, &line),
    ];
    facts.add(FactKind::Image, &values)
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    fn names(reader: &dyn Reader, name: &str, text: &str) -> Vec<String> {
        let facts = facts_of(reader, name, text.as_bytes());
        facts.iter().filter_map(|fact| fact.get(Attribute::Name)).map(str::to_owned).collect()
    }

    #[test]
    fn stages_are_no_images() {
        let text = "FROM --platform=linux/amd64 golang:1.24 AS build\nRUN x\nFROM scratch\nCOPY --from=build /a /\n\
                    COPY --from=example.com/kesl:12 /b /\nCOPY --from=0 /c /\n";
        assert_eq!(names(&Dockerfile, "src/Dockerfile.prod", text), ["golang:1.24", "example.com/kesl:12"]);
    }

    #[test]
    fn documents_name_images() {
        let compose =
            "services:\n  av:\n    image: \"kaspersky_scanengine_httpd:2\" # x\n  b:\n    image: logo.png\n";
        assert_eq!(names(&Yaml, "docker-compose.yml", compose), ["kaspersky_scanengine_httpd:2"]);
        let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: a/b@sha256:12\n    name: x\n";
        assert_eq!(names(&Yaml, "k8s/pod.yaml", pod), ["a/b@sha256:12"]);
        let helm = "image:\n  registry: r.example\n  repository: av/kesl\n  pullPolicy: Always\n  tag: \"12\"\nother: 1\n";
        assert_eq!(names(&Yaml, "values.yaml", helm), ["r.example/av/kesl:12"]);
        assert!(names(&Yaml, "page.yml", "title: x\nimage: a/b\n").is_empty());
    }
}
