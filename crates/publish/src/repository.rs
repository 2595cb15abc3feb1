//! A publisher's working folder.
//!
//! ```text
//! publisher.toml       the configuration
//! roots/1.root.json    the chain of roots
//! releases/next/       the release that is being made: targets.json, statement, changes.txt
//! releases/42/         a release whose signatures are complete: targets.json and statement never change again
//! segments/DIGEST      plain segments
//! targets/             what clients download
//! log/                 the log
//! online.json          the last versions of snapshot and timestamp
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use candor_update::statement::{Sha, Statement};

use crate::files;
use crate::keys::read_note_key;
use crate::log::Log;
use crate::metadata::Document;
use crate::root::{Plan, lacks};
use crate::settings::{self, Settings};

/// The name of the release that is being made.
pub const NEXT: &str = "next";
/// The TUF targets of a release.
pub const TARGETS: &str = "targets.json";
/// Its statement.
pub const STATEMENT: &str = "statement";

/// A working folder in which nobody else is at work.
#[derive(Debug)]
pub struct Repository {
    folder: PathBuf,
    /// Its configuration.
    pub settings: Settings,
    _lock: File,
}

impl Repository {
    /// Makes a working folder with this configuration.
    ///
    /// # Errors
    /// When there is one already, or the configuration is wrong.
    pub fn init(folder: &Path, configuration: &str) -> anyhow::Result<Self> {
        Settings::of(configuration, folder).context(settings::NAME)?;
        files::make_folder(folder)?;
        files::write_new(&folder.join(settings::NAME), configuration.as_bytes(), false)?;
        Self::open(folder)
    }

    /// Opens a working folder.
    ///
    /// # Errors
    /// When it is none, or somebody else is at work in it.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let settings = Settings::read(folder)?;
        let lock = files::lock(folder)?;
        files::clear(folder, &[".build-", ".rehearsal-"])?;
        for name in ["roots", "releases", "segments", "targets/segments", "targets/deltas"] {
            files::make_folder(&folder.join(name))?;
        }
        Ok(Self { folder: folder.to_owned(), settings, _lock: lock })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The chain of roots, oldest first.
    ///
    /// # Errors
    /// When one is damaged.
    pub fn roots(&self) -> anyhow::Result<Vec<Document>> {
        let mut roots = Vec::new();
        loop {
            let path = self.root_path(roots.len() as u64 + 1);
            let Some(bytes) = files::read_if_there(&path)? else { return Ok(roots) };
            roots.push(Document::read(&bytes, "root").with_context(|| path.display().to_string())?);
        }
    }

    /// The root that holds now.
    ///
    /// # Errors
    /// When there is none yet.
    pub fn root(&self) -> anyhow::Result<Plan> {
        let roots = self.roots()?;
        let newest = roots.last().ok_or_else(|| {
            anyhow!("{}: there is no root yet; see candor-publish root publish", self.folder.display())
        })?;
        Plan::of(newest)
    }

    /// Puts a root behind the others.
    ///
    /// # Errors
    /// What it lacks.
    pub fn add_root(&self, root: &Document) -> anyhow::Result<u64> {
        let roots = self.roots()?;
        let mut keys = Plan::of(root)?.root.keys;
        if let Some(previous) = roots.last() {
            keys.extend(Plan::of(previous)?.root.keys);
        }
        let root = &root.cleaned(&keys)?;
        if roots.contains(root) {
            return root.version();
        }
        let lacking = lacks(root, roots.last())?;
        ensure!(lacking.is_empty(), "the root cannot be published: {}", lacking.join("; "));
        let version = root.version()?;
        files::replace(&self.root_path(version), &root.to_bytes()?)?;
        Ok(version)
    }

    /// Where a root lies.
    pub fn root_path(&self, version: u64) -> PathBuf {
        self.folder.join(format!("roots/{version}.root.json"))
    }

    /// The log.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn log(&self) -> anyhow::Result<Log> {
        Log::open(&self.folder.join("log"), &self.settings.origin)
    }

    /// The private key of the log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn log_key(&self) -> anyhow::Result<candor_tlog::SigningKey> {
        let key = read_note_key(&self.settings.log_key)?;
        let (name, origin) = (key.public().name(), &self.settings.origin);
        ensure!(
            name == origin,
            "the log's key is of {name}, and the origin is {origin}; they must be the same"
        );
        Ok(key)
    }

    /// The folder of a release, or of the next one.
    pub fn release(&self, name: impl ToString) -> PathBuf {
        self.folder.join("releases").join(name.to_string())
    }

    /// Releases whose signatures are complete, oldest first. Each follows the one before it.
    ///
    /// # Errors
    /// When one is damaged.
    pub fn releases(&self) -> anyhow::Result<Vec<Statement>> {
        let mut sequences: Vec<u64> = fs::read_dir(self.folder.join("releases"))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        sequences.sort_unstable();
        let mut releases: Vec<Statement> = Vec::new();
        for sequence in sequences {
            let path = self.release(sequence).join(STATEMENT);
            let statement = Statement::read(&files::read(&path)?);
            let statement = statement.with_context(|| path.display().to_string())?;
            if statement.previous != releases.last().map(Statement::digest) {
                bail!("{}: it does not follow the release before it", path.display());
            }
            releases.push(statement);
        }
        Ok(releases)
    }

    /// Where a plain segment lies.
    pub fn segment(&self, digest: &Sha) -> PathBuf {
        self.folder.join("segments").join(hex::encode(digest))
    }

    /// Where a file lies that TUF knows as a target of this name.
    pub fn target(&self, name: &str) -> PathBuf {
        self.folder.join("targets").join(name)
    }
}
