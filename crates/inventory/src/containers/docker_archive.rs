//! `manifest.json` of what `docker save` writes: names of images, and their layers in order.

use candor_object::{Attribute, FactKind};
use serde_json::Value;

use crate::fields::holds;
use crate::json::{self, list, text};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct DockerArchive;

impl Reader for DockerArchive {
    fn name(&self) -> &'static str {
        "manifest of docker save"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        json::is_array(subject.head)
            && subject.is_named("manifest.json")
            && holds(subject.head, b"\"Config\"")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let manifest = json::read(subject)?;
        for image in manifest.as_array().map(Vec::as_slice).unwrap_or_default() {
            subject.time_left()?;
            let config = text(image, "Config");
            let digest = digest_of(config);
            let mut values = vec![
                (Attribute::Source, "docker-archive"),
                (Attribute::Digest, digest.as_str()),
                (Attribute::Path, config),
            ];
            let tags = list(image, "RepoTags").iter().filter_map(Value::as_str);
            values.extend(tags.take(16).map(|tag| (Attribute::Name, tag)));
            facts.add(FactKind::Image, &values)?;
            for (number, layer) in list(image, "Layers").iter().filter_map(Value::as_str).enumerate() {
                super::oci::layer("docker-archive", config, number, layer, &digest_of(layer), facts)?;
            }
        }
        Ok(())
    }
}

/// The digest that a name of a file is made of: `blobs/sha256/12ab…`, `12ab….json`.
fn digest_of(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or_default();
    let file = file.strip_suffix(".json").unwrap_or(file);
    let is_digest = file.len() == 64 && file.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { format!("sha256:{file}") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn images_and_layers_in_order() {
        let digest = "a".repeat(64);
        let text = format!(
            r#"[{{"Config":"{digest}.json","RepoTags":["x/kesl:12","y:1"],"Layers":["b/layer.tar","blobs/sha256/{digest}"]}}]"#
        );
        let facts = facts_of(&DockerArchive, "manifest.json", text.as_bytes());
        assert_eq!(facts.len(), 3);
        assert_eq!(facts[0].all(Attribute::Name).collect::<Vec<_>>(), ["x/kesl:12", "y:1"]);
        assert_eq!(facts[1].get(Attribute::Path), Some("b/layer.tar"));
        assert_eq!(facts[2].get(Attribute::Id), Some("2"));
        assert_eq!(facts[2].get(Attribute::Digest), Some(format!("sha256:{digest}").as_str()));
    }
}
