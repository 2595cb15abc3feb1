//! Images as the Open Container Initiative lays them out: `index.json`, manifests and configurations, which are told
//! apart by what is in them, since all but the first are named by their digests
//! ([specification](https://github.com/opencontainers/image-spec)). Docker's own manifests look alike.

use candor_object::{Attribute, FactKind};
use serde_json::Value;

use crate::fields::holds;
use crate::json::{self, list, pairs, text};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Oci;

/// Annotations and labels that become attributes.
const LABELS: [(&str, Attribute); 15] = [
    ("org.opencontainers.image.ref.name", Attribute::Name),
    ("io.containerd.image.name", Attribute::Name),
    ("org.opencontainers.image.title", Attribute::Description),
    ("org.opencontainers.image.vendor", Attribute::Vendor),
    ("org.opencontainers.image.version", Attribute::Version),
    ("org.opencontainers.image.url", Attribute::Url),
    ("org.opencontainers.image.source", Attribute::Url),
    ("org.opencontainers.image.licenses", Attribute::Licence),
    ("org.opencontainers.image.authors", Attribute::Publisher),
    ("org.opencontainers.image.base.name", Attribute::Parent),
    ("org.opencontainers.image.created", Attribute::Time),
    ("org.label-schema.vendor", Attribute::Vendor),
    ("org.label-schema.name", Attribute::Description),
    ("org.label-schema.version", Attribute::Version),
    ("vendor", Attribute::Vendor),
];
/// Most other labels that are told.
const MOST_LABELS: usize = 8;

impl Reader for Oci {
    fn name(&self) -> &'static str {
        "container image"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        json::is_object(subject.head)
            && (holds(subject.head, b"\"schemaVersion\"")
                && (holds(subject.head, b"\"manifests\"") || holds(subject.head, b"\"layers\""))
                || holds(subject.head, b"\"architecture\"") && holds(subject.head, b"\"os\"") && {
                    // In a configuration with much in it, the layers come behind the head.
                    holds(subject.head, b"\"config\"") || holds(subject.head, b"\"rootfs\"")
                })
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let document = json::read(subject)?;
        for manifest in list(&document, "manifests") {
            subject.time_left()?;
            let platform = manifest.get("platform").unwrap_or(&Value::Null);
            let fixed = [
                (Attribute::Source, "oci-index"),
                (Attribute::Digest, text(manifest, "digest")),
                (Attribute::Architecture, text(platform, "architecture")),
            ];
            image(&fixed, pairs(manifest, "annotations"), facts)?;
        }
        if let Some(config) = document.get("config").filter(|_| document.get("layers").is_some()) {
            let path = subject.path();
            let fixed = [
                (Attribute::Source, "oci-manifest"),
                (Attribute::Digest, text(config, "digest")),
                (Attribute::Path, &path),
            ];
            image(&fixed, pairs(&document, "annotations"), facts)?;
            for (number, one) in list(&document, "layers").iter().enumerate() {
                let digest = text(one, "digest");
                let file = format!("blobs/{}", digest.replacen(':', "/", 1));
                layer("oci", text(config, "digest"), number, &file, digest, facts)?;
            }
        }
        if document.get("rootfs").is_some() {
            let fixed = [
                (Attribute::Source, "image-config"),
                (Attribute::Architecture, text(&document, "architecture")),
                (Attribute::Publisher, text(&document, "author")),
                (Attribute::Time, text(&document, "created")),
            ];
            let config = document.get("config").unwrap_or(&Value::Null);
            image(&fixed, pairs(config, "Labels"), facts)?;
        }
        Ok(())
    }
}

/// Tells of an image and its labels.
fn image<'v>(
    fixed: &[(Attribute, &str)],
    labels: impl Iterator<Item = (&'v String, &'v Value)>,
    facts: &mut Facts<'_>,
) -> Result<(), Error> {
    let mut values: Vec<(Attribute, String)> =
        fixed.iter().map(|(attribute, value)| (*attribute, (*value).to_owned())).collect();
    let mut others = Vec::new();
    for (label, value) in labels {
        let Some(value) = value.as_str() else { continue };
        match LABELS.iter().find(|(known, _)| known == label) {
            Some((_, attribute)) => values.push((*attribute, value.to_owned())),
            None => others.push((Attribute::Data, format!("{label}={value}"))),
        }
    }
    values.extend(others.into_iter().take(MOST_LABELS));
    let values: Vec<(Attribute, &str)> =
        values.iter().map(|(attribute, value)| (*attribute, value.as_str())).collect();
    facts.add(FactKind::Image, &values)
}

/// Tells of a layer; `image` tells those of one image from those of others, `number` counts from 0 on.
pub(super) fn layer(
    source: &str,
    image: &str,
    number: usize,
    path: &str,
    digest: &str,
    facts: &mut Facts<'_>,
) -> Result<(), Error> {
    let number = number.saturating_add(1).to_string();
    let values = [
        (Attribute::Source, source),
        (Attribute::Parent, image),
        (Attribute::Id, &number),
        (Attribute::Path, path),
        (Attribute::Digest, digest),
    ];
    facts.add(FactKind::Layer, &values)
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn an_index_names_images() {
        let text = br#"{"schemaVersion":2,"manifests":[{"digest":"sha256:ab","annotations":
            {"org.opencontainers.image.ref.name":"kesl:12","x":"y"},"platform":{"architecture":"amd64"}}]}"#;
        let facts = facts_of(&Oci, "index.json", text);
        assert_eq!(facts[0].get(Attribute::Name), Some("kesl:12"));
        assert_eq!(facts[0].get(Attribute::Data), Some("x=y"));
    }

    #[test]
    fn a_manifest_orders_layers() {
        let text = br#"{"schemaVersion":2,"config":{"digest":"sha256:cc"},"layers":[{"digest":"sha256:aa"},{"digest":"sha256:bb"}]}"#;
        let facts = facts_of(&Oci, "blobs/sha256/dd", text);
        assert_eq!(facts.len(), 3);
        assert_eq!(facts[1].get(Attribute::Path), Some("blobs/sha256/aa"));
        assert_eq!(facts[2].get(Attribute::Id), Some("2"));
    }

    #[test]
    fn a_configuration_has_labels() {
        let text = br#"{"architecture":"amd64","os":"linux","config":{"Labels":
            {"org.opencontainers.image.vendor":"Example","a":"b"}},"rootfs":{"type":"layers","diff_ids":[]}}"#;
        let facts = facts_of(&Oci, "blobs/sha256/cc", text);
        assert_eq!(facts[0].get(Attribute::Vendor), Some("Example"));
        assert_eq!(facts[0].get(Attribute::Architecture), Some("amd64"));
    }
}
