//! What the user says about signature files: whose containers are trusted, and which unwanted programs are asked for.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candor_signatures::container::{Keys, Refusal, Roots};
use candor_signatures::{Error, Programs, Settings, Sources, Unsigned, Unwanted};

/// How signature files are read.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Signature files")]
#[group(skip)]
pub(crate) struct Options {
    /// Use containers (CVD, CLD, CUD) and programs (cbc) that nobody who is trusted has signed.
    #[arg(long)]
    allow_unsigned: bool,
    /// Trust signatures beside containers (.sign) that lead to a certificate in this folder (.pem, .crt).
    #[arg(long, value_name = "FOLDER")]
    certificates: Option<PathBuf>,
    /// Use ClamAV's signatures of unwanted programs (hdu hsu mdu msu ndu ldu), too.
    #[arg(long)]
    pua: bool,
    /// Use only those of this category, such as Tool (repeatable).
    #[arg(long, value_name = "CATEGORY", requires = "pua", conflicts_with = "exclude_pua")]
    include_pua: Vec<String>,
    /// Use all but those of this category (repeatable).
    #[arg(long, value_name = "CATEGORY", requires = "pua")]
    exclude_pua: Vec<String>,
}

impl Options {
    /// The same, and signatures of all unwanted programs: whoever checks files wants to hear of every line.
    pub(crate) fn with_all_unwanted(self) -> Self {
        Self { pua: true, ..self }
    }

    /// No sources yet, to be read as the options say.
    pub(crate) fn sources(&self) -> anyhow::Result<Sources> {
        let roots = match &self.certificates {
            Some(folder) => Roots::from_folder(folder)
                .with_context(|| format!("the certificates in {}", folder.display()))?,
            None => Roots::default(),
        };
        let unwanted = if !self.pua {
            Unwanted::LeftOut
        } else if !self.include_pua.is_empty() {
            Unwanted::Only(self.include_pua.clone())
        } else if !self.exclude_pua.is_empty() {
            Unwanted::Except(self.exclude_pua.clone())
        } else {
            Unwanted::All
        };
        let unsigned = if self.allow_unsigned { Unsigned::Taken } else { Unsigned::Refused };
        let programs = if self.allow_unsigned { Programs::All } else { Programs::Signed };
        let keys = Keys::clamav().with_roots(roots);
        Ok(Sources::new(Settings { keys, unsigned, unwanted, programs, clamav_rules: false }))
    }

    /// The sources at these paths, all of which the user has named.
    pub(crate) fn at<'a>(&self, paths: impl IntoIterator<Item = &'a PathBuf>) -> anyhow::Result<Sources> {
        let mut sources = self.sources()?;
        for path in paths {
            add(&mut sources, path)?;
        }
        Ok(sources)
    }
}

fn add(sources: &mut Sources, path: &Path) -> anyhow::Result<()> {
    match sources.add_path(path).and_then(|()| sources.accept_no_refusal()) {
        Err(error @ Error::Refused { refusal: Refusal::Unsigned(_), .. }) => {
            bail!("{error}; --allow-unsigned uses it all the same")
        }
        result => Ok(result?),
    }
}
