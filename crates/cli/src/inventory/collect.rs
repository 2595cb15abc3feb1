//! Lets workers look at files, and gathers the facts that come back.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use candor_layers::{hidden, missing, steps};
use candor_object::{Attribute, Category, Fact, FactKind, Gap, Limits, ObjectId, Reason, Relation, Report};
use candor_products::Located;
use crossbeam_channel::{Sender, bounded};

use super::target::{Expected, Target};
use crate::databases::Origin;
use crate::databases::{Used, embedded};
use crate::examine::{Candidate, Place, unreadable};
use crate::output::Detail;
use crate::output::progress::Progress;
use crate::scanners::{self, Scanners, processors};
use crate::walk::{Next, Step};

/// Reports that wait to be taken.
const WAITING: usize = 64;
/// Most gaps that are kept; all are counted.
const MOST_GAPS: usize = 10_000;

/// Where systems list what is installed. Windows and macOS have registries and receipts.
const LISTS: [&str; 14] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "var/lib/pacman/local",
    "Windows/System32/config/SOFTWARE",
    "var/db/receipts",
    "data/system/packages.xml",
];

/// What was gathered.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// What is said about what is installed, and where.
    pub(crate) facts: Vec<Located>,
    /// What was not examined: where, why, and more.
    pub(crate) gaps: Vec<(String, Reason, String)>,
    /// How many gaps there are.
    pub(crate) all_gaps: usize,
    /// Files that were examined.
    pub(crate) files: u64,
    /// Objects in them.
    pub(crate) objects: u64,
    /// What could not be looked at, for people.
    pub(crate) errors: Vec<String>,
}

/// What one file yields.
struct News {
    place: String,
    report: Report,
}

enum Message {
    Examined(Box<News>),
    Unusable(String),
}

/// Looks at all targets; `wanted` says which paths of files are facts for themselves.
pub(crate) fn collect(
    targets: &[Target],
    limits: Limits,
    wanted: impl Fn(&str) -> bool,
) -> anyhow::Result<Collected> {
    let used = Used::new(Origin::Memory, embedded()?, "embedded".to_owned())?;
    let Scanners { pool, verification, .. } =
        scanners::own(vec![used], limits, candor_jail::Passwords::default(), processors())?;
    let mut collected = Collected::default();
    // Systems are kept apart where there are several.
    let systems = targets.iter().filter(|target| !matches!(target, Target::Path(..))).count();
    for target in targets {
        let host = target.system().filter(|_| systems > 1).unwrap_or_default();
        let walk = target.walk()?;
        let paths = [target.path().to_owned()];
        let progress = Progress::start(&walk, &paths, Detail::Normal);
        let (tell, hear) = bounded(WAITING);
        let before = collected.facts.len();
        thread::scope(|scope| {
            let (pool, walk, paths) = (&pool, &walk, &paths);
            let walking = move || {
                walk.run(paths, |step| match step {
                    Step::File(path, links, _) => {
                        let place = target.place(&path);
                        let tell = teller(place.clone(), &tell);
                        pool.submit(Candidate::inventory(Place::File(path, links), place, tell));
                        Next::Walk
                    }
                    Step::Unreadable(path, error) => {
                        let place = target.place(&path);
                        send(&tell, Message::Examined(Box::new(News { place, report: unreadable(&error) })))
                    }
                    Step::Unusable(message) => send(&tell, Message::Unusable(message)),
                    Step::StandardInput => {
                        send(&tell, Message::Unusable("standard input has no inventory".to_owned()))
                    }
                    Step::Special | Step::Link | Step::Excluded => Next::Walk,
                });
            };
            scope.spawn(walking);
            for message in hear {
                match message {
                    Message::Examined(news) => {
                        progress.advance(news.report.objects.first().map_or(0, |root| root.size));
                        collected.add(*news, &host, &wanted);
                    }
                    Message::Unusable(message) => collected.errors.push(message),
                }
            }
        });
        progress.finish();
        collected.expect(target, before);
        collected.expect_packages(target);
    }
    collected.errors.extend(verification.finish());
    Ok(collected)
}

fn send(tell: &Sender<Message>, message: Message) -> Next {
    if tell.send(message).is_ok() { Next::Walk } else { Next::Stop }
}

fn teller(place: String, tell: &Sender<Message>) -> impl crate::examine::Tell + use<> {
    let tell = tell.clone();
    move |_: &Path, report: Report, _: Option<Arc<File>>| {
        // Who asked hears until the last one.
        let _ = tell.send(Message::Examined(Box::new(News { place: place.clone(), report })));
    }
}

/// Drops facts of container images that later layers remove or replace: they are in the image, and not in what runs.
/// Layers that an image names and that are not there are gaps.
fn merge_layers(place: &str, report: &mut Report) {
    if !report.facts.iter().any(|fact| fact.kind == FactKind::Layer) {
        return;
    }
    let located: Vec<(Vec<candor_layers::Step>, &Fact)> =
        report.facts.iter().map(|fact| (steps(report, place, fact.object), fact)).collect();
    let hidden = hidden(&located);
    let members = (0..).map(ObjectId).zip(&report.objects);
    // Of an image with a million files only those are looked at that may be layers.
    let named = missing(&located, &BTreeSet::new());
    let may_be = |name: &str| named.iter().any(|layer| name.ends_with(layer.as_str()));
    let members = members.filter(|(_, seen)| seen.relation == Relation::Member && may_be(&seen.name));
    let missing = missing(&located, &members.map(|(id, _)| steps(report, place, id)).collect());
    report.gaps.extend(missing.into_iter().map(|layer| Gap {
        object: ObjectId::ROOT,
        reason: Reason::Truncated,
        detail: format!("layer {layer} is named by an image and is not there"),
    }));
    let mut number = 0;
    report.facts.retain(|_| {
        number += 1;
        !hidden.contains(&(number - 1))
    });
}

impl Collected {
    /// Tells if a file is not what it is said to be: silence about it would be taken for a clean bill.
    fn expect(&mut self, target: &Target, before: usize) {
        let Some(expected) = target.expected() else { return };
        let shows =
            |what: Expected| self.facts[before..].iter().any(|located| what.is_shown_by(located.fact.kind));
        if !shows(expected) {
            let path = target.path().display();
            let other = Expected::ALL.into_iter().find(|other| shows(*other));
            let hint = other.map(|other| format!("; it is a {}: use {}", other.described(), other.option()));
            let hint = hint.unwrap_or_default();
            self.errors.push(format!("{path}: it is no {} that can be read{hint}", expected.described()));
        }
    }

    /// Tells if a system has no list of packages, or one that nothing could be read of: what it has installed is not known
    /// then.
    fn expect_packages(&mut self, target: &Target) {
        if target.system().is_none() {
            return;
        }
        let root = target.path();
        let mut lists = LISTS
            .iter()
            .map(|list| (*list, root.join(list)))
            .filter(|(_, path)| path.symlink_metadata().is_ok())
            .peekable();
        let mut gaps = Vec::new();
        if lists.peek().is_none() {
            gaps.push((root.display().to_string(), "there is no list of packages of any system".to_owned()));
        }
        for (list, path) in lists {
            // Links lead to another path, which is looked at itself.
            let is_special = path.metadata().is_ok_and(|about| !about.is_file() && !about.is_dir());
            if is_special {
                gaps.push((format!("/{list}"), "it is no file, and lists of packages are files".to_owned()));
            }
        }
        for (place, detail) in gaps {
            self.all_gaps += 1;
            self.gaps.push((place, Reason::Unreadable, detail));
        }
    }

    fn add(&mut self, News { place, mut report }: News, host: &str, wanted: &impl Fn(&str) -> bool) {
        merge_layers(&place, &mut report);
        self.files += 1;
        self.objects += report.objects.len() as u64;
        let at = |id: ObjectId| report.path_from(&place, id);
        for (number, seen) in (0..).zip(&report.objects) {
            let id = ObjectId(number);
            let path = if number == 0 { place.as_str() } else { seen.name.as_str() };
            let is_file = matches!(seen.relation, Relation::Root | Relation::Member);
            if is_file && wanted(path) {
                let attributes = vec![(Attribute::Path, path.to_owned())];
                let fact = Fact { object: id, kind: FactKind::File, attributes };
                self.facts.push(Located { host: host.to_owned(), place: at(id), fact });
            }
        }
        for finding in report.findings.iter().filter(|finding| finding.category == Category::Prohibited) {
            let path =
                report.object(finding.object).map(|seen| seen.name.clone()).filter(|name| !name.is_empty());
            let mut attributes = vec![
                (Attribute::Id, finding.name.clone()),
                (Attribute::Path, path.unwrap_or_else(|| place.clone())),
                (Attribute::Description, finding.text.chars().take(200).collect()),
            ];
            if let Some(digest) = report.object(finding.object).and_then(|seen| seen.sha256) {
                attributes.push((Attribute::Digest, format!("sha256:{}", hex::encode(digest))));
            }
            let fact = Fact { object: finding.object, kind: FactKind::Finding, attributes };
            self.facts.push(Located { host: host.to_owned(), place: at(finding.object), fact });
        }
        for gap in &report.gaps {
            self.all_gaps += 1;
            if self.gaps.len() < MOST_GAPS {
                self.gaps.push((at(gap.object), gap.reason, gap.detail.clone()));
            }
        }
        let located = |fact: &Fact| {
            let (host, fact) = (host.to_owned(), fact.clone());
            Located { host, place: at(fact.object), fact }
        };
        self.facts.extend(report.facts.iter().map(located));
    }
}
