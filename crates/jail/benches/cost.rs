//! What the jail costs: the same files, engine and database with and without it, in one run.
//!
//! `cargo bench -p candor-jail` after `cargo build --release`. Prints processor time of all processes together,
//! in ratios and in microseconds for each file, best of several turns.

use std::fs::{self, File};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use candor_engine::{Database, Engine, Limits, read_file};
use candor_jail::{GRACE, Job, Opened, Pool, Program, Settings, Source, sealed};
use candor_object::Report;

const TURNS: usize = 5;

/// What is scanned: how many files of which size.
const SETS: [(&str, usize, usize); 4] =
    [("64 B", 60_000, 64), ("8 KiB", 20_000, 8 << 10), ("1 MiB", 400, 1 << 20), ("32 MiB", 12, 32 << 20)];

fn main() {
    let out = &mut io::stdout();
    writeln!(out, "processor time with the jail and without it, one worker").unwrap();
    for (name, count, size) in SETS {
        let folder = tempfile::tempdir().unwrap();
        let paths = files(folder.path(), count, size);
        let mut best = [f64::MAX; 2];
        for _ in 0..TURNS {
            best[0] = best[0].min(cost(|| without(&paths)));
            best[1] = best[1].min(cost(|| with(&paths)));
        }
        let [without, with] = best;
        let each = (with - without) / count as f64 * 1e6;
        writeln!(
            out,
            "{count:6} files of {name:7} {:8.2} us without, {:8.2} us with: {:+.2} us a file, {:+.1} %",
            without / count as f64 * 1e6,
            with / count as f64 * 1e6,
            each,
            (with / without - 1.0) * 100.0,
        )
        .unwrap();
    }
}

fn files(folder: &Path, count: usize, size: usize) -> Vec<PathBuf> {
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
    let database = Database::from_static(candor_rules::DATABASE).unwrap();
    let engine = Engine::new(vec![Arc::new(database)], Limits::default());
    for path in paths {
        let file = File::open(path).unwrap();
        let size = file.metadata().unwrap().len();
        assert_eq!(engine.scan("", read_file(file, size).unwrap()).gaps, []);
    }
}

fn with(paths: &[PathBuf]) {
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("candor-worker");
    let pool = Pool::start(Settings {
        source: Source::Program(Program {
            path: program,
            databases: vec![sealed(candor_rules::DATABASE).unwrap()],
            user: None,
        }),
        limits: Limits::default(),
        workers: NonZeroUsize::MIN,
        queue: 1024,
        grace: GRACE,
    })
    .unwrap();
    let done = Arc::new(AtomicU64::new(0));
    for path in paths {
        pool.submit(Box::new(Scan { path: path.clone(), done: Arc::clone(&done) }));
    }
    drop(pool);
    assert_eq!(done.load(Ordering::Relaxed), paths.len() as u64);
}

struct Scan {
    path: PathBuf,
    done: Arc<AtomicU64>,
}

impl Job for Scan {
    fn open(&mut self) -> Option<Opened> {
        let file = File::open(&self.path).unwrap();
        let size = file.metadata().unwrap().len();
        Some(Opened { file: Arc::new(file), size })
    }

    fn done(self: Box<Self>, report: Report) {
        assert_eq!(report.gaps, []);
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Processor time of this process and of those that it waited for, in seconds.
fn cost(work: impl FnOnce()) -> f64 {
    let (before, started) = (processor_time(), Instant::now());
    work();
    let spent = processor_time() - before;
    // A kernel that counts in large steps says nothing of short work.
    assert!(spent > 0.05, "{:?} is too short to be measured", started.elapsed());
    spent
}

fn processor_time() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    // utime, stime, cutime, cstime; proc(5) counts them as fields 14 to 17, in hundredths of a second.
    fields.split_whitespace().skip(11).take(4).map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}
