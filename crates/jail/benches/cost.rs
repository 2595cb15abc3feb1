//! What the jail costs: the same files, engine and database with and without it, in one run.
//!
//! `cargo bench -p candor-jail` after `cargo build --release`. Prints processor time of all processes together,
//! in ratios and in microseconds for each file: the medians of several turns, each of which measures both.

use std::fs::{self, File};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use candor_engine::{Database, Engine, Limits, read_file};
use candor_jail::{GRACE, Job, MOST_AT_ONCE, Opened, Pool, Program, Settings, Source, sealed};
use candor_object::Report;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

const TURNS: usize = 9;

/// What is scanned: how many files of which size.
const SETS: [(&str, usize, usize); 4] =
    [("64 B", 60_000, 64), ("8 KiB", 20_000, 8 << 10), ("1 MiB", 400, 1 << 20), ("32 MiB", 12, 32 << 20)];

fn main() {
    let out = &mut io::stdout();
    writeln!(out, "processor time with the jail and without it, one worker").unwrap();
    for (name, count, size) in SETS {
        let folder = tempfile::tempdir().unwrap();
        let paths = files(folder.path(), count, size);
        let turn = |_| [cost(|| without(&paths)), cost(|| with(&paths))].map(|all| all / count as f64 * 1e6);
        let turns: Vec<_> = (0..TURNS).map(turn).collect();
        let median = |value: fn(&[f64; 2]) -> f64| {
            let mut values: Vec<_> = turns.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values[TURNS / 2]
        };
        writeln!(
            out,
            "{count:6} files of {name:7} {:8.2} us without, {:8.2} us with: {:+.2} us a file, {:+.1} %",
            median(|turn| turn[0]),
            median(|turn| turn[1]),
            median(|turn| turn[1] - turn[0]),
            (median(|turn| turn[1] / turn[0]) - 1.0) * 100.0,
        )
        .unwrap();
    }
}

fn files(folder: &Path, count: usize, size: usize) -> Arc<[PathBuf]> {
    let text = b"The quick brown fox jumps over the lazy dog; 0123456789.\n".repeat(size / 50 + 1);
    let write = |number: usize| {
        let path = folder.join(number.to_string());
        let mut content = text[..size].to_vec();
        content[..8].copy_from_slice(format!("{number:08}").as_bytes());
        fs::write(&path, content).unwrap();
        path
    };
    (0..count).map(write).collect()
}

fn without(paths: &[PathBuf]) {
    let database = Database::from_vec(candor_rules::database()).unwrap();
    let engine = Engine::new(vec![Arc::new(database)], Limits::default());
    for path in paths {
        let file = File::open(path).unwrap();
        let size = file.metadata().unwrap().len();
        assert_eq!(engine.scan("", read_file(file, size, Vec::new()).unwrap()).gaps, []);
    }
}

fn with(paths: &Arc<[PathBuf]>) {
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("candor-worker");
    let pool = Pool::start(Settings {
        source: Source::Program(Program {
            path: program,
            databases: vec![sealed(candor_rules::database().as_slice()).unwrap()],
            user: None,
            passwords: candor_jail::Passwords::default(),
        }),
        limits: Limits::default(),
        workers: NonZeroUsize::MIN,
        at_once: MOST_AT_ONCE,
        queue: 1024,
        grace: GRACE,
    })
    .unwrap();
    let done = Arc::new(AtomicU64::new(0));
    for number in 0..paths.len() {
        let (paths, done) = (Arc::clone(paths), Arc::clone(&done));
        pool.submit(Box::new(Scan { paths, number, done }));
    }
    drop(pool);
    assert_eq!(done.load(Ordering::Relaxed), paths.len() as u64);
}

struct Scan {
    paths: Arc<[PathBuf]>,
    number: usize,
    done: Arc<AtomicU64>,
}

impl Job for Scan {
    fn open(&mut self) -> Option<Opened> {
        let file = File::open(&self.paths[self.number]).unwrap();
        let size = file.metadata().unwrap().len();
        Some(Opened::new(Arc::new(file), size))
    }

    fn done(self: Box<Self>, report: Report) {
        assert_eq!(report.gaps, []);
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Processor time of this process and of those that it waited for, in seconds.
fn cost(work: impl FnOnce()) -> f64 {
    let before = processor_time();
    work();
    processor_time() - before
}

fn processor_time() -> f64 {
    let spent = |who| {
        let usage = getrusage(who).unwrap();
        [usage.user_time(), usage.system_time()].map(|time| time.num_microseconds() as f64 / 1e6)
    };
    [spent(UsageWho::RUSAGE_SELF), spent(UsageWho::RUSAGE_CHILDREN)].concat().iter().sum()
}
