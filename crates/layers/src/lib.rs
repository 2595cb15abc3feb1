//! Which facts of a container image are true once all of its layers lie over each other.
//!
//! An image is a pile of archives. A list of packages in a lower layer says what was installed once; where a higher layer
//! has the same file, or removes it, only the higher one counts. Readers see one object at a time and tell what it says;
//! what holds in the end is worked out here, outside the jail, from facts and places alone: see [`hidden`].
//!
//! Places are compared, and nothing is opened. So it is the same for an archive of `docker save`, for a layout of OCI in
//! an archive, and for one in a folder.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use candor_object::{Attribute, Fact, FactKind, ObjectId, Relation, Report};

/// Most images that are worked out at once; of more, all facts stay. Each image looks at all facts of its layers again.
const MOST_IMAGES: usize = 256;

/// One container or object on the way to a fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Its name in its container; of the first one the path of the file.
    pub name: String,
    /// Whether it is what came out of a compressed stream, of which the name means nothing.
    pub stream: bool,
}

/// The steps to an object, the outermost first; `root` is the path of the file that was scanned.
pub fn steps(report: &Report, root: &str, id: ObjectId) -> Vec<Step> {
    let mut steps: Vec<Step> = report
        .chain(id)
        .filter_map(|id| {
            let seen = report.object(id)?;
            let name = if id == ObjectId::ROOT && !root.is_empty() { root } else { &seen.name };
            Some(Step { name: normal(name), stream: seen.relation == Relation::Stream })
        })
        .collect();
    steps.reverse();
    steps
}

/// Places in `facts` of those that a later layer removes or replaces, in every image that has their layer. Facts of what
/// is in no layer, or in one that no image names, are never hidden.
pub fn hidden(facts: &[(Vec<Step>, &Fact)]) -> BTreeSet<usize> {
    let images = images(facts);
    if images.len() > MOST_IMAGES {
        return BTreeSet::new();
    }
    let located = located(facts, &images);
    let mut visible = BTreeSet::new();
    let mut in_layers = BTreeSet::new();
    for layers in images.values() {
        // A layer that is there twice counts where it lies highest.
        let orders: HashMap<&Place, usize> =
            layers.iter().enumerate().map(|(order, layer)| (layer, order)).collect();
        let pile = Pile::of(&orders, &located, facts);
        for (layer, order) in &orders {
            for (place, path) in located.get(*layer).into_iter().flatten() {
                in_layers.insert(*place);
                if !pile.hides(path, *order) {
                    visible.insert(*place);
                }
            }
        }
    }
    in_layers.difference(&visible).copied().collect()
}

/// Layers that an image names and that are not among `objects`, the steps to all that an archive holds: nobody looked into
/// them. Layers of layouts in a folder, which are files of their own, are left out.
pub fn missing(facts: &[(Vec<Step>, &Fact)], objects: &BTreeSet<Vec<Step>>) -> BTreeSet<String> {
    let layers = images(facts).into_values().flatten().filter(|layer| layer.len() > 1);
    let missing = layers.filter(|layer| !objects.contains(layer));
    missing.filter_map(|layer| layer.last().map(|step| step.name.clone())).collect()
}

/// The steps to a layer.
type Place = Vec<Step>;

/// The layers of each image, the lowest first. An image is told by who names its layers, and for which configuration.
fn images(facts: &[(Vec<Step>, &Fact)]) -> BTreeMap<(Place, String), Vec<Place>> {
    let mut numbered: BTreeMap<(Place, String), Vec<(usize, Place)>> = BTreeMap::new();
    for (steps, fact) in facts.iter().filter(|(_, fact)| fact.kind == FactKind::Layer) {
        let (Some((last, around)), Some(path)) = (steps.split_last(), fact.get(Attribute::Path)) else {
            continue;
        };
        let number = fact.get(Attribute::Id).and_then(|number| number.parse().ok()).unwrap_or(usize::MAX);
        let mut layer = around.to_vec();
        layer.push(Step { name: normal(&format!("{}{path}", base(&last.name))), stream: false });
        let image = (steps.clone(), fact.get(Attribute::Parent).unwrap_or_default().to_owned());
        numbered.entry(image).or_default().push((number, layer));
    }
    let sorted = |mut layers: Vec<(usize, Place)>| {
        layers.sort_by_key(|(number, _)| *number);
        layers.into_iter().map(|(_, layer)| layer).collect()
    };
    numbered.into_iter().map(|(image, layers)| (image, sorted(layers))).collect()
}

/// What stands before names of blobs, in the name of the document that names them.
fn base(document: &str) -> &str {
    let end = match document.rfind("blobs/") {
        Some(start) if start == 0 || document[..start].ends_with('/') => start,
        _ => document.rfind('/').map_or(0, |slash| slash + 1),
    };
    &document[..end]
}

/// The facts of each layer that an image names, with the paths that they have in it.
fn located<'f>(
    facts: &'f [(Vec<Step>, &Fact)],
    images: &BTreeMap<(Place, String), Vec<Place>>,
) -> HashMap<Place, Vec<(usize, &'f str)>> {
    let layers: BTreeSet<&Place> = images.values().flatten().collect();
    let mut located: HashMap<Place, Vec<(usize, &str)>> = HashMap::new();
    for (place, (steps, _)) in facts.iter().enumerate() {
        let Some(length) = (1..steps.len()).find(|length| layers.contains(&steps[..*length].to_vec())) else {
            continue;
        };
        // What a layer is compressed in has no name of its own.
        let inside = steps[length..].iter().find(|step| !step.stream);
        if let Some(step) = inside {
            located.entry(steps[..length].to_vec()).or_default().push((place, &step.name));
        }
    }
    located
}

/// How high in a pile of layers a path is there, and how high it is removed.
#[derive(Default)]
struct Pile<'f> {
    there: HashMap<&'f str, usize>,
    removed: HashMap<&'f str, usize>,
    /// Folders of which nothing from below stays.
    opaque: HashMap<&'f str, usize>,
}

impl<'f> Pile<'f> {
    fn of(
        orders: &HashMap<&Place, usize>,
        located: &HashMap<Place, Vec<(usize, &'f str)>>,
        facts: &'f [(Vec<Step>, &Fact)],
    ) -> Self {
        let mut pile = Self::default();
        for (layer, order) in orders {
            for (place, path) in located.get(*layer).into_iter().flatten() {
                let Some((_, fact)) = facts.get(*place) else { continue };
                let removed = trimmed(fact.get(Attribute::Path).unwrap_or_default());
                let (list, path) = match (fact.kind, fact.get(Attribute::State)) {
                    (FactKind::Removed, Some("opaque")) => (&mut pile.opaque, removed),
                    (FactKind::Removed, _) => (&mut pile.removed, removed),
                    _ => (&mut pile.there, *path),
                };
                let highest = list.entry(path).or_default();
                *highest = (*highest).max(*order);
            }
        }
        pile
    }

    /// Whether a later layer than this one has the path, or removes it or a folder around it.
    fn hides(&self, path: &str, order: usize) -> bool {
        let later =
            |list: &HashMap<&str, usize>, path: &str| list.get(path).is_some_and(|found| *found > order);
        let folders = || path.match_indices('/').map(|(slash, _)| &path[..slash]);
        later(&self.there, path)
            || later(&self.removed, path)
            || later(&self.opaque, "")
            || folders().any(|folder| later(&self.removed, folder) || later(&self.opaque, folder))
    }
}

fn normal(name: &str) -> String {
    trimmed(&name.replace('\\', "/")).to_owned()
}

fn trimmed(path: &str) -> &str {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    if path == "." { "" } else { path.trim_start_matches('/') }
}

#[cfg(test)]
mod tests;
