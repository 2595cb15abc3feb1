//! Which databases are used: the embedded one and ClamAV's, or those that the user names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{io, iter};

use anyhow::{Context, bail};
use candor_detect::Database;
use candor_signatures::{Complaint, Error, Sources};
use candor_update::shelf;

use crate::complain;
use crate::escape::Escaped;
use crate::numbers::counted;
use crate::sources;

/// Where ClamAV keeps its signatures on most systems.
const CLAMAV_FOLDER: &str = "/var/lib/clamav";
/// Where `candor update` puts verified databases.
const STORE: &str = "/var/lib/candor/databases";
/// Most names of files in one message.
const NAMES_SHOWN: usize = 10;

/// Databases as the user wants them.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Databases")]
#[group(skip)]
pub(crate) struct Options {
    /// Use this compiled database instead of the default ones (repeatable).
    #[arg(long, value_name = "FILE")]
    database: Vec<PathBuf>,
    /// Compile these signature files or folders and use them instead of the default databases (repeatable).
    #[arg(long, value_name = "PATH")]
    signatures: Vec<PathBuf>,
    /// Leave out ClamAV's signatures.
    #[arg(long)]
    no_clamav: bool,
    /// Where ClamAV's signatures are, if there are any.
    #[arg(long, value_name = "FOLDER", default_value = CLAMAV_FOLDER)]
    clamav_folder: PathBuf,
    /// Where `candor update` puts databases, if it was ever run.
    #[arg(long, value_name = "FOLDER", default_value = STORE)]
    store: PathBuf,
    #[command(flatten)]
    sources: sources::Options,
}

/// How a database came into being.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// It was read from this file, which may be damaged.
    File(PathBuf, Arc<Database>),
    /// It is part of the program, or was compiled a moment ago.
    Memory(Arc<Database>),
    /// The service has it.
    Service,
}

/// A database that is used.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    /// How it came into being.
    pub(crate) kind: Origin,
    /// Where it comes from, for people.
    pub(crate) origin: String,
    /// SHA-256 of its content.
    pub(crate) identity: [u8; 32],
    /// Its length in bytes.
    pub(crate) size: u64,
    /// The number of its signatures.
    pub(crate) signatures: u64,
    /// How many signatures of its sources could not be used.
    pub(crate) skipped: u64,
}

impl Used {
    /// A database that came into being in this way.
    pub(crate) fn new(
        kind: impl Fn(Arc<Database>) -> Origin,
        database: Database,
        origin: String,
    ) -> anyhow::Result<Self> {
        let counts = database.counts().with_context(|| format!("the database {origin}"))?;
        let (identity, size) = (database.identity(), database.size());
        let kind = kind(Arc::new(database));
        Ok(Self { kind, origin, identity, size, signatures: counts.total(), skipped: 0 })
    }

    /// The database as a worker gets it.
    pub(crate) fn file(&self) -> anyhow::Result<File> {
        let file = match &self.kind {
            Origin::File(path, _) => File::open(path).and_then(candor_jail::shareable),
            Origin::Memory(database) => candor_jail::sealed(database.as_bytes()),
            Origin::Service => bail!("the database {} is not here", self.origin),
        };
        let file = file.with_context(|| format!("the database {}", self.origin))?;
        // Somebody may have put another file into its place since it was opened.
        let same = Database::from_file(&file).is_ok_and(|same| same.identity() == self.identity);
        if same { Ok(file) } else { bail!("the database {} was replaced; start again", self.origin) }
    }
}

/// Whether to tell people which databases are used besides those they named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notes {
    /// Tell them.
    Shown,
    /// Only tell them what is wrong.
    Hidden,
}

impl Options {
    /// Whether the user wants other databases than the default ones.
    pub(crate) fn are_chosen(&self) -> bool {
        let other_folder = self.clamav_folder != Path::new(CLAMAV_FOLDER);
        let read_otherwise = self.sources != sources::Options::default();
        !self.database.is_empty()
            || !self.signatures.is_empty()
            || self.no_clamav
            || other_folder
            || self.store != Path::new(STORE)
            || read_otherwise
    }

    /// The names of rules that `candor rules disable` switched off. A list that cannot be read switches nothing off: too
    /// much is reported then, and not too little.
    pub(crate) fn disabled(&self) -> BTreeSet<String> {
        match shelf::disabled(&self.store) {
            Ok(disabled) => disabled.names(),
            Err(error) => {
                complain(&format!("the list of disabled rules is not used: {error}"));
                BTreeSet::new()
            }
        }
    }

    /// Opens or compiles the databases; notes go to standard error.
    pub(crate) fn open(&self, notes: Notes) -> anyhow::Result<Vec<Used>> {
        let mut used = Vec::new();
        for path in &self.database {
            let database =
                Database::open(path).with_context(|| format!("the database {}", path.display()))?;
            let kind = |database| Origin::File(path.clone(), database);
            used.push(Used::new(kind, database, path.display().to_string())?);
        }
        if !self.signatures.is_empty() {
            let sources = self.sources.at(&self.signatures)?;
            name_unread(&sources, "no signature language has their extension");
            used.push(compiled(&sources, &paths(&self.signatures))?);
        }
        if !used.is_empty() {
            refuse_empty(&used)?;
            return Ok(used);
        }
        used.push(Used::new(Origin::Memory, embedded()?, "embedded".to_owned())?);
        used.extend(self.updated());
        if !self.no_clamav && self.clamav_folder.is_dir() {
            used.extend(self.clamav(notes)?);
        }
        Ok(used)
    }

    /// The databases of the release and the feeds in use. One that cannot be opened is told, and stops no scan.
    fn updated(&self) -> Vec<Used> {
        let open = |path: PathBuf| {
            let name = path.display().to_string();
            let database = Database::open(&path).with_context(|| format!("the database {name}"))?;
            Used::new(|database| Origin::File(path.clone(), database), database, name)
        };
        let told =
            |error: anyhow::Error| complain(&format!("not used: {error:#}; `candor update` may mend it"));
        in_store(&self.store).into_iter().filter_map(|path| open(path).map_err(told).ok()).collect()
    }

    fn clamav(&self, notes: Notes) -> anyhow::Result<Option<Used>> {
        let folder = &self.clamav_folder;
        let mut sources = self.sources.sources()?;
        sources.clamav_rules(true);
        match sources.add_path(folder) {
            Ok(()) => name_unread(&sources, "not readable yet"),
            Err(Error::NothingThere { .. }) => {
                let names: Vec<PathBuf> = file_names(folder).unwrap_or_default();
                name_files(&names, "not readable yet");
                return Ok(None);
            }
            // Nobody asked for this folder, so it does not stop the scan.
            Err(error) => {
                complain(&format!("not used: {error}"));
                return Ok(None);
            }
        }
        for refused in sources.refused() {
            complain(&format!("not used: {refused}"));
        }
        let used = compiled(&sources, &folder.display().to_string())?;
        if notes == Notes::Shown {
            let signatures = counted(used.signatures, "signature", "signatures");
            complain(&format!("also using {signatures} of {}", used.origin));
        }
        Ok(Some(used))
    }
}

/// The databases in use in a store: those of its release, and those of its feeds.
pub(crate) fn in_store(store: &Path) -> Vec<PathBuf> {
    let feeds = shelf::names(store).unwrap_or_default();
    let feeds = feeds.iter().map(|name| shelf::current_of(store, name));
    // Each link is followed once: an update may turn it while the databases are opened.
    let folders =
        iter::once(store.join("current")).chain(feeds).filter_map(|link| fs::canonicalize(link).ok());
    let names = folders.flat_map(|folder| file_names(&folder).unwrap_or_default());
    names.filter(|path| path.extension().is_some_and(|extension| extension == "cdb")).collect()
}

/// The database that is part of the program.
pub(crate) fn embedded() -> anyhow::Result<Database> {
    Database::from_vec(candor_rules::database()).context("the embedded database")
}

/// Refuses databases without a signature: nothing could be found, and that is not what "nothing found" means.
fn refuse_empty(used: &[Used]) -> anyhow::Result<()> {
    if let Some(empty) = used.iter().find(|used| used.signatures == 0) {
        bail!(
            "{}: it has no signature that can be used; see `candor db check` (passwords, magic and switches alone find \
             nothing)",
            empty.origin
        );
    }
    Ok(())
}

fn compiled(sources: &Sources, origin: &str) -> anyhow::Result<Used> {
    let mut skipped = 0;
    let built = sources.build(|problem| {
        // A signature that is left out on purpose is nothing to worry about.
        if matches!(
            problem.complaint,
            Complaint::Malformed(_) | Complaint::Unsupported(_) | Complaint::Unsigned
        ) {
            skipped += 1;
        }
    })?;
    if skipped > 0 {
        let signatures = counted(skipped, "signature", "signatures");
        complain(&format!("{signatures} skipped; see `candor db check {origin}`"));
    }
    let used = Used::new(Origin::Memory, Database::from_vec(built.image)?, origin.to_owned())?;
    Ok(Used { skipped, ..used })
}

fn paths(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(" ")
}

fn file_names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.path());
    }
    names.sort();
    Ok(names)
}

/// Names the files of folders that belong to no language, so that nobody counts on them.
pub(crate) fn name_unread(sources: &Sources, why: &str) {
    name_files(sources.passed_over(), why);
    name_files(sources.superseded(), "there is a newer one");
}

fn name_files(files: &[PathBuf], why: &str) {
    if files.is_empty() {
        return;
    }
    let mut names: Vec<String> = files
        .iter()
        .take(NAMES_SHOWN)
        .filter_map(|path| path.file_name())
        .map(|name| Escaped(&name.to_string_lossy()).to_string())
        .collect();
    if files.len() > NAMES_SHOWN {
        names.push(format!("and {} more", files.len() - NAMES_SHOWN));
    }
    complain(&format!("not used ({why}): {}", names.join(", ")));
}
