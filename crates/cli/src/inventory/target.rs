//! What an inventory looks at: this host, another root, files.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candor_object::FactKind;

use crate::walk::Walk;

/// Folders of a running system in which there are no files.
const PSEUDO: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];

/// What to look at, as it was typed.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "What to look at")]
#[group(skip)]
pub(crate) struct Options {
    /// Files and folders of any kind.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// This host: all its files, what runs, and where that is connected to.
    #[arg(long)]
    host: bool,
    /// The root of another system: a mounted disk, a container's file system (repeatable).
    #[arg(long, value_name = "FOLDER")]
    root: Vec<PathBuf>,
    /// A container image: an archive of docker save or an OCI layout (repeatable).
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// A bill of materials: CycloneDX or SPDX (repeatable).
    #[arg(long, value_name = "FILE")]
    sbom: Vec<PathBuf>,
    /// An inventory that another program exported: osquery, GLPI, Lansweeper (repeatable).
    #[arg(long, value_name = "FILE")]
    inventory: Vec<PathBuf>,
    /// A log of a proxy or of name resolution (repeatable).
    #[arg(long, value_name = "FILE")]
    log: Vec<PathBuf>,
}

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// This host.
    Host,
    /// The root of another system.
    Root(PathBuf),
    /// A file or folder as it lies here, and what it is said to be.
    Path(PathBuf, Option<Expected>),
}

/// What a file is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Image,
    Sbom,
    Export,
    Log,
}

impl Expected {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Image, Self::Sbom, Self::Log, Self::Export];

    /// Whether such a fact shows that it is.
    pub(crate) fn is_shown_by(self, kind: FactKind) -> bool {
        match self {
            Self::Image => matches!(kind, FactKind::Image | FactKind::Layer),
            Self::Sbom => kind == FactKind::Component,
            Self::Export => !matches!(
                kind,
                FactKind::File | FactKind::Finding | FactKind::Component | FactKind::Image | FactKind::Layer
            ),
            Self::Log => kind == FactKind::Address,
        }
    }

    /// The option that promises it.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::Image => "--image",
            Self::Sbom => "--sbom",
            Self::Export => "--inventory",
            Self::Log => "--log",
        }
    }

    /// What it is called, with the forms that are read.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Image => "container image (an archive of docker save, or an OCI layout as an archive)",
            Self::Sbom => "bill of materials (CycloneDX as JSON or XML, SPDX as JSON or tag-value)",
            Self::Export => {
                "export of an inventory (osquery as JSON or CSV, GLPI, Lansweeper, Intune or SCCM as CSV)"
            }
            Self::Log => "log of a proxy or of name resolution",
        }
    }
}

impl Options {
    /// All that is to be looked at.
    ///
    /// # Errors
    /// When there is nothing, or something is not there.
    pub(crate) fn targets(&self) -> anyhow::Result<Vec<Target>> {
        let named = [
            (&self.paths, None),
            (&self.image, Some(Expected::Image)),
            (&self.sbom, Some(Expected::Sbom)),
            (&self.inventory, Some(Expected::Export)),
            (&self.log, Some(Expected::Log)),
        ];
        let mut targets = Vec::new();
        for root in &self.root {
            if !there(root)?.is_dir() {
                bail!("{}: --root names the folder of a root file system", root.display());
            }
            targets.push(Target::Root(root.clone()));
        }
        for (paths, expected) in named {
            for path in paths {
                there(path)?;
                targets.push(Target::Path(path.clone(), expected));
            }
        }
        if self.host {
            targets.push(Target::Host);
        }
        if targets.is_empty() {
            bail!("nothing to look at: name a PATH, --host, --root, --image, --sbom, --inventory or --log");
        }
        Ok(targets)
    }
}

fn there(path: &Path) -> anyhow::Result<std::fs::Metadata> {
    std::fs::metadata(path).with_context(|| path.display().to_string())
}

impl Target {
    /// Where the walk begins.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Host => Path::new("/"),
            Self::Root(path) | Self::Path(path, _) => path,
        }
    }

    /// The name of the system, if it is a whole one.
    pub(crate) fn system(&self) -> Option<String> {
        match self {
            Self::Host => Some("this host".to_owned()),
            Self::Root(path) => Some(path.display().to_string()),
            Self::Path(..) => None,
        }
    }

    /// What it is said to be.
    pub(crate) fn expected(&self) -> Option<Expected> {
        match self {
            Self::Path(_, expected) => *expected,
            Self::Host | Self::Root(_) => None,
        }
    }

    /// How it is walked.
    pub(crate) fn walk(&self) -> anyhow::Result<Walk> {
        match self {
            Self::Host => Walk::without(&PSEUDO.map(PathBuf::from)),
            Self::Root(root) => Walk::without(&PSEUDO.map(|folder| root.join(&folder[1..]))),
            Self::Path(..) => Walk::without(&[]),
        }
    }

    /// What a path is called in what is told and to readers: below another root, what it is called there.
    pub(crate) fn place(&self, path: &Path) -> String {
        match self {
            Self::Root(root) => match path.strip_prefix(root) {
                Ok(rest) => Path::new("/").join(rest).display().to_string(),
                Err(_) => path.display().to_string(),
            },
            _ => path.display().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_another_root_paths_are_those_of_that_system() {
        let root = Target::Root("/mnt/disk".into());
        assert_eq!(root.place(Path::new("/mnt/disk/etc/passwd")), "/etc/passwd");
        assert_eq!(Target::Host.place(Path::new("/etc/passwd")), "/etc/passwd");
    }
}
