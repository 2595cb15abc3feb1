//! Compiles new databases in a jail, and lets them look at clean files before they are put into use.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use candor_jail::{NOBODY, shareable, worker_program};
use candor_loader::{Limits, Loaded, Loader, loader_program};
use candor_object::Escaped;
use candor_packages::Packages;
use candor_policy::Policy;
use candor_signatures::segment::Segment;
use candor_update::install::{Compiled, Vetted, Workshop};
use candor_update::settings::Settings;
use candor_update::shelf;
use candor_vetting::{Sample, Verdict, vet, witnesses};
use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::databases::in_store;

/// Hits that are named in a reason; all of them are counted.
const NAMED: usize = 5;

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

    /// Compiles a segment; otherwise why not.
    pub(crate) fn load(&self, segment: &File, database: &File) -> Result<Loaded, String> {
        self.loader.compile(segment, database, &Limits::default()).map_err(|error| error.to_string())
    }

    fn gate(&self, databases: &[PathBuf]) -> anyhow::Result<candor_vetting::Settings> {
        let gate = &self.settings.gate;
        let open =
            |path: &Path| File::open(path).and_then(shareable).with_context(|| path.display().to_string());
        let mut found = Vec::new();
        for path in databases {
            let segment = path.with_extension("seg");
            found.extend(witnesses(&Segment::open(File::open(&segment)?)?)?);
        }
        let current = in_store(&self.settings.store);
        let disabled = shelf::disabled(&self.settings.store).context("the list of disabled rules")?;
        let mut place = [0; 8];
        File::open("/dev/urandom")?.read_exact(&mut place)?;
        Ok(candor_vetting::Settings {
            worker: worker_program()?,
            user: rustix::process::geteuid().is_root().then_some(NOBODY),
            databases: databases.iter().map(|path| open(path)).collect::<anyhow::Result<_>>()?,
            current: current.iter().map(|path| open(path)).collect::<anyhow::Result<_>>()?,
            limits: candor_object::Limits::default(),
            policy: Policy { disabled: disabled.names(), ..Policy::default() },
            workers: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            eicar: false,
            witnesses: found,
            packages: gate.packages.then(|| Packages::at(Path::new("/"))),
            root: PathBuf::from("/"),
            known_good: gate.known_good.clone(),
            sample: Sample { files: gate.sample, place: u64::from_le_bytes(place), ..Sample::default() },
            time: gate.time,
        })
    }
}

impl Workshop for Loading {
    fn compile(&mut self, archive: &File, database: &File) -> Result<Compiled, String> {
        let loaded = self.load(archive, database)?;
        Ok(Compiled { layout: loaded.layout, image: loaded.image_sha256 })
    }

    fn vet(&mut self, databases: &[PathBuf]) -> Result<(), Vetted> {
        let settings = self.gate(databases).map_err(|error| Vetted::Failed(format!("{error:#}")))?;
        let bar = match io::stderr().is_terminal() {
            true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5)),
            false => ProgressBar::hidden(),
        };
        let verdict = vet(&settings, &mut |progress| {
            bar.set_length(progress.chosen as u64);
            bar.set_position(progress.done as u64);
        });
        bar.finish_and_clear();
        match verdict {
            Verdict::Passed(_) => Ok(()),
            Verdict::Failed(reason) => Err(Vetted::Failed(reason)),
            Verdict::Held { hits, all, .. } => {
                let named = hits.iter().take(NAMED).map(|hit| {
                    let path = hit.path.display().to_string();
                    format!(
                        "{} finds {} of {}",
                        Escaped(&hit.signature),
                        Escaped(&path),
                        Escaped(&hit.package)
                    )
                });
                let named: Vec<String> = named.collect();
                Err(Vetted::Held(format!(
                    "it finds {all} files that are known to be good: {}",
                    named.join("; ")
                )))
            }
        }
    }
}
