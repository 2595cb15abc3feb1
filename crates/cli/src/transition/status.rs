//! `candor transition status`: how far a plan is.

use std::io::{self, Write};
use std::path::PathBuf;

use candor_transition::status::{Standing, Status, status};

use super::{now, read_inventories, read_plan};
use crate::escape::Escaped;
use crate::exit_status::Outcome;

/// Which plan, and what is known.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit status: 0 nothing is late, 1 something is late, not done as said, or a waiver is over, 2 nothing could be read.")]
pub(super) struct Options {
    /// The plan.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// What `candor check --format json` printed since; the newest that looked at a host counts (repeatable).
    #[arg(long, value_name = "FILE")]
    inventory: Vec<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Tasks of one standing that are named.
const NAMED: usize = 50;

pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let (plan, _) = read_plan(&options.plan)?;
    let inventories: Vec<_> =
        read_inventories(&options.inventory)?.into_iter().map(|(_, _, inventory)| inventory).collect();
    let status = status(&plan, &inventories, now());
    let mut out = io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &status)?;
        writeln!(out)?;
    } else {
        write(&mut out, &status)?;
    }
    Ok(if status.alarms() { Outcome::found() } else { Outcome::default() })
}

fn write(out: &mut dyn Write, status: &Status) -> io::Result<()> {
    for stage in &status.stages {
        let late = if stage.late > 0 { format!(", {} late", stage.late) } else { String::new() };
        let owner =
            if stage.owner.is_empty() { String::new() } else { format!(" ({})", Escaped(&stage.owner)) };
        writeln!(
            out,
            "{:<14}{:>4} of {:<4} until {}{owner}{late}",
            Escaped(&stage.id).to_string(),
            stage.over,
            stage.tasks,
            Escaped(&stage.to)
        )?;
    }
    let done = status.hosts.iter().filter(|host| host.over == host.tasks).count();
    writeln!(out, "\n{done} of {} hosts are done", status.hosts.len())?;
    for host in status.hosts.iter().filter(|host| host.over < host.tasks).take(NAMED) {
        let seen = host.seen.as_deref().unwrap_or("never");
        let late = if host.late > 0 { format!(", {} late", host.late) } else { String::new() };
        writeln!(
            out,
            "  {}: {} of {}{late}, last looked at {}",
            Escaped(&host.name),
            host.over,
            host.tasks,
            Escaped(seen)
        )?;
    }
    for standing in [Standing::Contradicted, Standing::Late, Standing::Blocked] {
        let tasks: Vec<_> = status.tasks.iter().filter(|task| task.standing == standing).collect();
        if tasks.is_empty() {
            continue;
        }
        writeln!(out, "\n{}: {}", standing.name(), tasks.len())?;
        for task in tasks.iter().take(NAMED) {
            let host = task.host.as_ref().map_or_else(String::new, |host| format!("{}: ", Escaped(host)));
            writeln!(out, "  {}: {host}{} ({})", Escaped(&task.id), Escaped(&task.what), Escaped(&task.why))?;
        }
        if tasks.len() > NAMED {
            writeln!(out, "  and {} more", tasks.len() - NAMED)?;
        }
    }
    for waiver in &status.waivers {
        let (of, reason, by) = (Escaped(&waiver.of), Escaped(&waiver.reason), Escaped(&waiver.by));
        writeln!(
            out,
            "\nwaiver of {of} {}: until {}, by {by}: {reason}",
            waiver.standing,
            Escaped(&waiver.until)
        )?;
    }
    for remark in &status.remarks {
        writeln!(out, "\nremark: {}", Escaped(remark))?;
    }
    Ok(())
}
