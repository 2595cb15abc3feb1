//! Images of every layout, and what their layers hide.

use super::*;

fn step(name: &str) -> Step {
    Step { name: normal(name), stream: name == "<stream>" }
}

fn fact(kind: FactKind, values: &[(Attribute, &str)]) -> Fact {
    let attributes = values.iter().map(|(attribute, value)| (*attribute, (*value).to_owned())).collect();
    Fact { object: ObjectId::ROOT, kind, attributes }
}

#[derive(Default)]
struct Image {
    facts: Vec<(Vec<Step>, Fact)>,
}

impl Image {
    fn add(&mut self, place: &str, fact: Fact) -> usize {
        self.facts.push((place.split(" > ").map(step).collect(), fact));
        self.facts.len() - 1
    }

    fn layer(&mut self, place: &str, image: &str, number: usize, path: &str) {
        let number = number.to_string();
        let values = [(Attribute::Parent, image), (Attribute::Id, &number), (Attribute::Path, path)];
        self.add(place, fact(FactKind::Layer, &values));
    }

    fn package(&mut self, place: &str, name: &str) -> usize {
        self.add(place, fact(FactKind::Package, &[(Attribute::Name, name)]))
    }

    fn removed(&mut self, layer: &str, path: &str, state: &str) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let place = format!("{layer} > {folder}/.wh.{name}");
        self.add(&place, fact(FactKind::Removed, &[(Attribute::Path, path), (Attribute::State, state)]));
    }

    fn hidden(&self) -> BTreeSet<usize> {
        let facts: Vec<(Vec<Step>, &Fact)> =
            self.facts.iter().map(|(steps, fact)| (steps.clone(), fact)).collect();
        hidden(&facts)
    }
}

const STATUS: &str = "var/lib/dpkg/status";

#[test]
fn a_later_list_of_packages_replaces_an_earlier_one() {
    let mut image = Image::default();
    image.layer("i.tar > manifest.json", "c", 2, "b/layer.tar");
    image.layer("i.tar > manifest.json", "c", 1, "a/layer.tar");
    let old = image.package(&format!("i.tar > a/layer.tar > {STATUS}"), "kesl");
    let new = image.package(&format!("i.tar > b/layer.tar > ./{STATUS}"), "bash");
    let other = image.package("i.tar > a/layer.tar > lib/apk/db/installed", "zlib");
    assert_eq!(image.hidden(), BTreeSet::from([old]));
    assert!(new != other);
}

#[test]
fn layouts_of_oci_are_compressed_and_may_lie_in_a_folder() {
    for (around, inner) in [("i.tar > ", ""), ("", "/srv/images/x/")] {
        let mut image = Image::default();
        image.layer(&format!("{around}{inner}blobs/sha256/mm"), "c", 1, "blobs/sha256/aa");
        image.layer(&format!("{around}{inner}blobs/sha256/mm"), "c", 2, "blobs/sha256/bb");
        let old = image.package(&format!("{around}{inner}blobs/sha256/aa > <stream> > {STATUS}"), "kesl");
        image.removed(&format!("{around}{inner}blobs/sha256/bb > <stream>"), STATUS, "removed");
        assert_eq!(image.hidden(), BTreeSet::from([old]), "{inner}");
    }
}

#[test]
fn folders_are_removed_and_emptied_with_all_that_is_in_them() {
    let mut image = Image::default();
    for (number, layer) in ["a", "b", "c"].into_iter().enumerate() {
        image.layer("i > manifest.json", "", number, layer);
    }
    let deep = image.package("i > a > opt/x/y/z.json", "deep");
    let beside = image.package("i > a > opt/xx/z.json", "beside");
    let same = image.package("i > b > opt/x/y/z2.json", "same layer");
    let lower = image.package("i > a > srv/app/package.json", "lower");
    let kept = image.package("i > c > srv/app/other.json", "kept");
    image.removed("i > b", "opt/x", "removed");
    image.removed("i > c", "srv", "opaque");
    let hidden = image.hidden();
    assert!(hidden.contains(&deep) && hidden.contains(&lower));
    for stays in [beside, same, kept] {
        assert!(!hidden.contains(&stays), "{stays}");
    }
}

#[test]
fn what_one_image_removes_another_may_keep() {
    let mut image = Image::default();
    for (config, layers) in [("one", &["a", "b"][..]), ("two", &["a"])] {
        for (number, layer) in layers.iter().enumerate() {
            image.layer("i > manifest.json", config, number, layer);
        }
    }
    image.package(&format!("i > a > {STATUS}"), "kesl");
    image.removed("i > b", STATUS, "removed");
    assert!(image.hidden().is_empty());
}

#[test]
fn layers_that_are_not_there_are_named() {
    let mut image = Image::default();
    image.layer("i.tar > manifest.json", "c", 1, "a/layer.tar");
    image.layer("i.tar > manifest.json", "c", 2, "b/layer.tar");
    let facts: Vec<(Vec<Step>, &Fact)> =
        image.facts.iter().map(|(steps, fact)| (steps.clone(), fact)).collect();
    let objects = BTreeSet::from([vec![step("i.tar"), step("./a/layer.tar")]]);
    assert_eq!(missing(&facts, &objects), BTreeSet::from(["b/layer.tar".to_owned()]));
}

#[test]
fn what_is_in_no_layer_stays() {
    let mut image = Image::default();
    image.layer("i > manifest.json", "", 1, "a");
    image.package("i > elsewhere/status", "x");
    image.package("i > a", "the layer itself");
    image.removed("i > unknown", STATUS, "removed");
    image.package("", "nowhere");
    assert!(image.hidden().is_empty());
}

#[test]
fn steps_come_from_reports() {
    use candor_object::{FileType, Seen};
    let seen = |parent: Option<u32>, name: &str, relation| Seen {
        parent: parent.map(ObjectId),
        name: name.to_owned(),
        relation,
        file_type: FileType::DATA,
        size: 0,
        sha256: None,
    };
    let objects = vec![
        seen(None, "", Relation::Root),
        seen(Some(0), "./blobs/sha256/aa", Relation::Member),
        seen(Some(1), "layer.tar", Relation::Stream),
    ];
    let report = Report { objects, ..Report::default() };
    let steps = steps(&report, "i.tar", ObjectId(2));
    assert_eq!(
        steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(),
        ["i.tar", "blobs/sha256/aa", "layer.tar"]
    );
    assert!(steps[2].stream);
}
