//! `candor db check`: which lines of signature files cannot be used, and why.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;

use anyhow::Context;
use candor_detect::Counts;
use candor_signatures::{Complaint, Problem, Sources};
use crossbeam_channel::bounded;
use serde::Serialize;

use crate::databases::name_unread;
use crate::escape::Escaped;
use crate::exit_status::Outcome;
use crate::numbers::counted;
use crate::output::json;
use crate::sources;

/// Problems that wait to be written.
const WAITING: usize = 256;

/// What to check.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// Signature files, or folders of them.
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    reading: sources::Options,
    /// Stop at the first problem of any kind, with exit status 1.
    #[arg(long)]
    strict: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// One line for each problem, `file:line: kind: reason`.
    Human,
    /// One JSON document with `problems` and `summary`.
    Json,
}

const AFTER_HELP: &str = "\
Examples:
  candor db check mine.hdb
  candor db check --format json /var/lib/clamav

Kinds: malformed (breaks the rules of its language), unsupported (needs what
Candor cannot do yet), not for us (says so itself), ignored (an ignore list
names it).
Exit status: 0 nothing malformed, 1 something malformed, 2 error.";

#[derive(Serialize)]
struct Record<'a> {
    file: &'a str,
    line: u64,
    kind: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
struct Summary<'a> {
    signatures: Option<u64>,
    problems: &'a BTreeMap<&'static str, u64>,
    not_read: Vec<String>,
}

/// Checks signature files.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let reading = options.reading.clone().with_all_unwanted();
    let sources = reading.at(&options.sources)?;
    name_unread(&sources, "no signature language has their extension");
    let not_read: Vec<String> = sources.passed_over().iter().map(|path| path.display().to_string()).collect();
    // Compiling cannot be stopped, but the program can: the thread ends with it.
    let (tell, problems) = bounded(WAITING);
    let compiler = thread::Builder::new()
        .name("compile".to_owned())
        .spawn(move || {
            compile(&sources, |problem| {
                // Nobody listens any more where the first problem was enough.
                let _ = tell.send(problem);
            })
        })
        .context("the compiling thread could not be started")?;
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    let mut kinds = BTreeMap::new();
    if options.format == Format::Json {
        stdout.write_all(b"{\"problems\":[")?;
    }
    let mut first = true;
    for problem in &problems {
        *kinds.entry(problem.complaint.kind()).or_default() += 1;
        write_problem(&mut stdout, options.format, &problem, first)?;
        first = false;
        if options.strict {
            break;
        }
    }
    let stopped = options.strict && !kinds.is_empty();
    let signatures = if stopped {
        None
    } else {
        let result = compiler.join().map_err(|_| anyhow::anyhow!("the compiler failed; please report it"))?;
        Some(result?.total())
    };
    if options.format == Format::Json {
        stdout.write_all(b"],\n\"summary\":")?;
        let summary = Summary { signatures, problems: &kinds, not_read };
        json::write(&mut stdout, &summary)?;
        stdout.write_all(b"}\n")?;
    }
    stdout.flush()?;
    summarise(signatures, &kinds);
    if stopped || kinds.contains_key("malformed") { Ok(Outcome::found()) } else { Ok(Outcome::default()) }
}

fn compile(sources: &Sources, report: impl FnMut(Problem)) -> anyhow::Result<Counts> {
    Ok(sources.compile(report)?.counts())
}

fn reason(complaint: &Complaint) -> &str {
    match complaint {
        Complaint::Malformed(reason) | Complaint::Unsupported(reason) | Complaint::NotForUs(reason) => reason,
        Complaint::Unsigned => "programs are taken out of signed containers only; --allow-unsigned takes it",
        Complaint::Ignored => "an ignore list names it",
    }
}

fn write_problem(writer: &mut dyn Write, format: Format, problem: &Problem, first: bool) -> io::Result<()> {
    let (kind, reason) = (problem.complaint.kind(), reason(&problem.complaint));
    let (file, line) = (problem.file.as_str(), problem.line);
    match format {
        // Line 0 is the file as a whole.
        Format::Human if line == 0 => writeln!(writer, "{}: {kind}: {}", Escaped(file), Escaped(reason)),
        Format::Human => writeln!(writer, "{}:{line}: {kind}: {}", Escaped(file), Escaped(reason)),
        Format::Json => {
            writer.write_all(if first { b"\n" } else { b",\n" })?;
            json::write(writer, &Record { file, line, kind, reason })
        }
    }
}

fn summarise(signatures: Option<u64>, kinds: &BTreeMap<&'static str, u64>) {
    let used = match signatures {
        Some(signatures) => format!("{} can be used", counted(signatures, "signature", "signatures")),
        None => "stopped at the first problem".to_owned(),
    };
    let mut parts = vec![used];
    parts.extend(kinds.iter().map(|(kind, count)| format!("{count} {kind}")));
    // Standard output has the list; where standard error is gone, so is the reader of this line.
    let _ = writeln!(io::stderr().lock(), "{}", parts.join(", "));
}
