//! `candor transition remove`: how what was found on this host is removed, and what it leaves.
//!
//! Nothing is run but with the long option, after candord has shown that it protects this host, and after somebody
//! typed the host's name. Before each step it is written down what was there.

use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, bail, ensure};
use candor_object::{Attribute, FactKind};
use candor_transition::removal::{self, Job, Package, Remnant, Removal, jobs, name_fits, with_notes};
use serde_json::json;

use super::{host_name, now, protection, read, read_inventories, write_new};
use crate::escape::Escaped;
use crate::exit_status::Outcome;
use crate::inventory::{Target, gather};
use crate::prohibitions;

/// Where the packages of a system are written down.
const PACKAGES: [&str; 3] = ["var/lib/dpkg/status", "var/lib/rpm", "usr/lib/sysimage/rpm"];
/// Where programs of the system are.
const PROGRAMS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// Bytes of what a command prints that are kept.
const MOST_PRINTED: usize = 1 << 20;

/// What to remove, and how sure that is.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// Say what would be run, and run nothing.
    #[arg(long, conflicts_with = "change")]
    dry_run: bool,
    /// Run it: after candord has detected a test file on this host, and after you typed the name of the host.
    #[arg(long = "yes-i-want-this-host-changed")]
    change: bool,
    /// Also what `candor check --format json` found on this host (repeatable).
    #[arg(long, value_name = "FILE")]
    from_check: Vec<PathBuf>,
    /// More data of how products are removed: see docs/transition.md (repeatable).
    #[arg(long, value_name = "FILE")]
    removals: Vec<PathBuf>,
    /// The root of the system that is looked at; another one than / is only looked at.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The socket of candord in clamd's protocol.
    #[arg(long, value_name = "SOCKET", default_value = "/run/candor/clamd.sock")]
    socket: PathBuf,
    /// Where it is written down what was there; a folder of its own for each run is made in it.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/candor/transition")]
    notes: PathBuf,
    /// Take the commands from this folder, below which they have their own paths. For trials.
    #[arg(long, value_name = "DIR")]
    command_root: Option<PathBuf>,
    /// As JSON.
    #[arg(long, requires = "dry_run")]
    json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  candor transition remove --dry-run
  candor transition remove --dry-run --root /mnt/disk --from-check disk.json

By default nothing is run. Exit status: 0 nothing is found, or nothing is left, 1 something is there, 2 nothing
was done or a step failed, 3 parts could not be looked at.";

/// What is on the host.
struct Seen {
    jobs: Vec<Job>,
    packages: Vec<Package>,
    left: Vec<(PathBuf, String)>,
    /// Whether something could not be looked at.
    incomplete: bool,
}

pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    ensure!(
        options.dry_run || options.change,
        "nothing is run by default: --dry-run says what would be, and --yes-i-want-this-host-changed does it"
    );
    let removals = removals(options)?;
    let seen = look(options, &removals)?;
    if options.dry_run {
        return told(options, &seen);
    }
    let trial = options.command_root.is_some();
    ensure!(
        trial || options.root == Path::new("/"),
        "another system than this one is only looked at: --dry-run"
    );
    change(options, &removals, seen)
}

fn removals(options: &Options) -> anyhow::Result<Vec<Removal>> {
    let mut removals = removal::shipped().map_err(|error| anyhow!(error))?;
    for path in &options.removals {
        let text = String::from_utf8(read(path, removal::MOST_BYTES)?).context("it is no UTF-8")?;
        removals.extend(removal::read(&text).map_err(|error| anyhow!("{}: {error}", path.display()))?);
    }
    Ok(removals)
}

/// Looks at packages and paths.
fn look(options: &Options, removals: &[Removal]) -> anyhow::Result<Seen> {
    let root = &options.root;
    let places = PACKAGES.iter().map(|place| root.join(place)).filter(|place| place.exists());
    let targets: Vec<Target> = places.map(|place| Target::Path(place, None)).collect();
    let mut packages = Vec::new();
    let mut left: Vec<(PathBuf, String)> = Vec::new();
    let mut incomplete = false;
    if !targets.is_empty() {
        let catalogue = prohibitions::usable(&[])?.catalogue;
        let collected = gather(&targets, &catalogue)?;
        incomplete = collected.all_gaps > 0 || !collected.errors.is_empty();
        let facts = collected.facts.iter().map(|located| &located.fact);
        let facts: Vec<_> = facts.filter(|fact| fact.kind == FactKind::Package).collect();
        // What is configured and not installed is no program any more.
        let of_state = |state| facts.iter().filter(move |fact| fact.get(Attribute::State) == Some(state));
        let known =
            |name: &&str| removals.iter().any(|removal| removal.packages.iter().any(|one| one == name));
        let configured = of_state("config-files").filter_map(|fact| fact.get(Attribute::Name));
        left.extend(configured.filter(known).map(|name| {
            let what = format!("the settings of package {name}, which is removed: dpkg --purge {name}");
            (root.join(PACKAGES[0]), what)
        }));
        packages.extend(of_state("installed").filter_map(|fact| {
            Some(Package {
                manager: fact.get(Attribute::Manager)?.to_owned(),
                name: fact.get(Attribute::Name)?.to_owned(),
                version: fact.get(Attribute::Version).unwrap_or_default().to_owned(),
            })
        }));
    }
    packages.sort();
    packages.dedup();
    let mut products = Vec::new();
    for (_, _, inventory) in read_inventories(&options.from_check)? {
        let installed = inventory.items.into_iter().filter(|item| item.state == "installed");
        products.extend(installed.map(|item| item.product));
    }
    left.extend(
        removals.iter().flat_map(|removal| &removal.remnants).flat_map(|remnant| there(root, remnant)),
    );
    left.sort();
    left.dedup();
    Ok(Seen { jobs: jobs(removals, &packages, &products), packages, left, incomplete })
}

/// The paths that a remnant stands for and that are there; nothing is followed.
fn there(root: &Path, remnant: &Remnant) -> Vec<(PathBuf, String)> {
    let Some((folder, pattern)) = remnant.path.rsplit_once('/') else { return Vec::new() };
    let folder = root.join(folder.trim_start_matches('/'));
    let names = fs::read_dir(&folder).into_iter().flatten().flatten();
    let fits = names.filter(|entry| name_fits(pattern, &entry.file_name().to_string_lossy()));
    fits.map(|entry| (entry.path(), remnant.what.clone())).collect()
}

fn outcome(seen: &Seen) -> Outcome {
    let mut outcome = Outcome::default();
    if !seen.jobs.is_empty() || !seen.left.is_empty() {
        outcome = Outcome::found();
    }
    if seen.incomplete {
        outcome.stopped_early();
    }
    outcome
}

/// Says what would be done, and what lies there.
fn told(options: &Options, seen: &Seen) -> anyhow::Result<Outcome> {
    let mut out = io::stdout().lock();
    let protected = protection::prove(&options.socket);
    if options.json {
        let left: Vec<_> = seen
            .left
            .iter()
            .map(|(path, what)| json!({"path": path.to_string_lossy(), "what": what}))
            .collect();
        let document = json!({
            "host": host_name(), "jobs": seen.jobs, "left": left, "incomplete": seen.incomplete,
            "protected": protected.is_ok(), "why_not": protected.err().map(|error| format!("{error:#}")),
        });
        writeln!(out, "{document:#}")?;
        return Ok(outcome(seen));
    }
    for job in &seen.jobs {
        tell_job(&mut out, job)?;
    }
    if seen.jobs.is_empty() {
        writeln!(out, "nothing that this program knows how to remove is installed")?;
    }
    for (path, what) in &seen.left {
        writeln!(out, "there: {} ({})", Escaped(&path.display().to_string()), Escaped(what))?;
    }
    match protected {
        Ok(version) => writeln!(out, "candord protects this host: {}", Escaped(&version))?,
        Err(error) => writeln!(out, "nothing would be removed now: {}", Escaped(&format!("{error:#}")))?,
    }
    Ok(outcome(seen))
}

fn tell_job(out: &mut dyn Write, job: &Job) -> io::Result<()> {
    let removal = &job.removal;
    writeln!(out, "{} ({})", Escaped(&removal.name), removal.platform)?;
    for package in &job.found {
        writeln!(
            out,
            "  found: {} {} ({})",
            Escaped(&package.name),
            Escaped(&package.version),
            package.manager
        )?;
    }
    for warning in &removal.warnings {
        writeln!(out, "  know: {warning}")?;
    }
    for keep in &removal.keep {
        writeln!(out, "  keep first: {} ({})", line(&keep.run), keep.why)?;
    }
    for step in &job.steps {
        writeln!(out, "  run: {}", line(&step.run))?;
    }
    if !job.can_run {
        writeln!(out, "  this program does not run that: do it yourself")?;
    }
    writeln!(out, "  way back: {}", removal.rollback)?;
    writeln!(out, "  source: {} ({:?})\n", removal.source, removal.checked)
}

/// A command as somebody would type it.
fn line(run: &[String]) -> String {
    let plain = |word: &&String| {
        word.chars().all(|letter| letter.is_ascii_alphanumeric() || "/-_.={}:".contains(letter))
    };
    let words = run
        .iter()
        .map(|word| if plain(&word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) });
    Escaped(&words.collect::<Vec<_>>().join(" ")).to_string()
}

/// Removes, step by step.
fn change(options: &Options, removals: &[Removal], seen: Seen) -> anyhow::Result<Outcome> {
    let jobs: Vec<&Job> = seen.jobs.iter().filter(|job| job.can_run).collect();
    if jobs.is_empty() {
        writeln!(io::stdout(), "there is nothing here that this program can remove; nothing was run")?;
        return Ok(outcome(&seen));
    }
    protection::prove(&options.socket).context("nothing was run: nobody would protect this host")?;
    let host = host_name();
    for job in &jobs {
        tell_job(&mut io::stdout().lock(), job)?;
    }
    asked(&host)?;
    let notes = notes(options, &host, &seen)?;
    for job in jobs {
        // Each product is a while after the last, and protection may have ended in between.
        protection::prove(&options.socket).context("stopped: nobody would protect this host any more")?;
        remove(options, job, &notes)?;
    }
    let after = look(options, removals)?;
    let mut out = io::stdout().lock();
    for job in &after.jobs {
        writeln!(out, "still there: {}", Escaped(&job.removal.name))?;
    }
    for (path, what) in &after.left {
        writeln!(out, "left: {} ({})", Escaped(&path.display().to_string()), Escaped(what))?;
    }
    if after.jobs.is_empty() && after.left.is_empty() {
        writeln!(
            out,
            "nothing of it is left that this program knows of; `candor check --host` looks at everything"
        )?;
    }
    writeln!(out, "what was there before: {}", notes.display())?;
    Ok(outcome(&after))
}

/// Asks for the name of the host: nobody types that by mistake on the wrong one.
fn asked(host: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "Type the name of this host ({}) to have this done: ", Escaped(host))?;
    out.flush()?;
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    ensure!(typed.trim() == host, "that is not the name of this host; nothing was run");
    Ok(())
}

/// The folder of this run, with what was there before.
fn notes(options: &Options, host: &str, seen: &Seen) -> anyhow::Result<PathBuf> {
    let fit = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    let host_part: String = host.chars().map(fit).collect();
    let time: String = now().to_string().chars().take(19).map(fit).collect();
    let folder = options.notes.join(format!("{host_part}-{time}"));
    fs::create_dir_all(&options.notes).with_context(|| options.notes.display().to_string())?;
    fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
    // Settings that are kept may have secrets in them.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    let left: Vec<_> =
        seen.left.iter().map(|(path, what)| json!({"path": path.to_string_lossy(), "what": what})).collect();
    let before = json!({
        "host": host, "at": now().to_string(), "packages": seen.packages, "jobs": seen.jobs, "there": left,
    });
    write_new(&folder.join("before.json"), format!("{before:#}\n").as_bytes(), 0o600)?;
    Ok(folder)
}

fn remove(options: &Options, job: &Job, notes: &Path) -> anyhow::Result<()> {
    let place = notes.to_str().context("the folder of notes has a name that is no UTF-8")?;
    for (number, keep) in job.removal.keep.iter().enumerate() {
        let what = format!("{}-keep-{}", job.removal.product, number + 1);
        run_one(options, &with_notes(&keep.run, place), &notes.join(what), &job.removal.rollback)
            .with_context(|| format!("nothing was removed: {} could not be kept", keep.why))?;
    }
    for (number, step) in job.steps.iter().enumerate() {
        let what = format!("{}-step-{}", job.removal.product, number + 1);
        run_one(options, &with_notes(&step.run, place), &notes.join(what), &job.removal.rollback)?;
    }
    Ok(())
}

/// Runs a command, and writes down what it is before and what it said after.
fn run_one(options: &Options, run: &[String], note: &Path, rollback: &str) -> anyhow::Result<()> {
    let program = program(options, run)?;
    let intent = format!("run: {}\nway back: {rollback}\n", line(run));
    write_new(&note.with_extension("txt"), intent.as_bytes(), 0o600)?;
    writeln!(io::stdout(), "running: {}", line(run))?;
    let output = Command::new(&program)
        .args(&run[1..])
        .env_clear()
        .env("PATH", PROGRAMS.join(":"))
        .env("LANG", "C")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .with_context(|| program.display().to_string())?;
    let mut printed = [output.stdout, output.stderr].concat();
    printed.truncate(MOST_PRINTED);
    write_new(&note.with_extension("out"), &printed, 0o600)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&printed);
        let last = said.lines().last().unwrap_or_default();
        bail!("{} failed ({}): {last}; stopped here. Way back: {rollback}", line(run), output.status);
    }
    Ok(())
}

/// The program of a command: an absolute path, or one of the system's folders, never the folder we are in.
fn program(options: &Options, run: &[String]) -> anyhow::Result<PathBuf> {
    let word = run.first().context("a command without a word")?;
    let below = |path: &str| match &options.command_root {
        Some(root) => root.join(path.trim_start_matches('/')),
        None => PathBuf::from(path),
    };
    let candidates: Vec<PathBuf> = if word.starts_with('/') {
        vec![below(word)]
    } else {
        PROGRAMS.iter().map(|folder| below(&format!("{folder}/{word}"))).collect()
    };
    candidates
        .iter()
        .find(|path| path.is_file())
        .cloned()
        .ok_or_else(|| anyhow!("there is no program {word}"))
}
