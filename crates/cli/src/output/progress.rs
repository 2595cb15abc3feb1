//! How far the scan is, on a terminal and nowhere else.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Detail;
use crate::walk::{Next, Step, Walk};

/// A bar on standard error.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Starts the bar, and a walk that only counts, so that there is something to compare with.
    pub(crate) fn start(walk: &Walk, paths: &[PathBuf], detail: Detail) -> Self {
        if detail == Detail::Quiet || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        bar.set_style(style("{spinner} {bytes} scanned, {bytes_per_sec}, {elapsed}"));
        bar.enable_steady_tick(Duration::from_millis(200));
        let (walk, paths, counted) = (walk.clone(), paths.to_vec(), bar.clone());
        // Without the count there is no ETA, and that is all.
        let _ = thread::Builder::new().name("count".to_owned()).spawn(move || count(&walk, &paths, &counted));
        Self(bar)
    }

    /// Adds an examined file.
    pub(crate) fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Takes the bar away while something else is written.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

fn count(walk: &Walk, paths: &[PathBuf], bar: &ProgressBar) {
    let mut total = 0_u64;
    let mut streams = false;
    walk.run(paths, |step| {
        match step {
            Step::File(_, _, size) => total = total.saturating_add(size),
            Step::StandardInput => streams = true,
            _ => {}
        }
        if bar.is_finished() { Next::Stop } else { Next::Walk }
    });
    // What comes through a pipe has no size that could be known before.
    if !streams && !bar.is_finished() {
        bar.set_length(total);
        bar.set_style(style("[{bar:24}] {percent}% of {total_bytes}, {bytes_per_sec}, {eta} left"));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
