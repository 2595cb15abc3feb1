//! The proof as text for people.

use std::io::{self, Write};

use candor_object::Escaped;

use super::{Alone, Inspected, Proof, Row};
use crate::prove::calls::Reachable;
use crate::prove::process::Space;
use crate::prove::trial::Refusal;

/// Writes the proof to standard output.
pub(super) fn write(proof: &Proof) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Worker   {}", Escaped(&proof.worker.display().to_string()))?;
    match (proof.user, &proof.only) {
        (_, Some(only)) => writeln!(out, "Confined with {} only, as asked for", Escaped(only))?,
        (Some((user, group)), None) => {
            writeln!(out, "Started by root, becomes user {user} and group {group}")?
        }
        (None, None) => writeln!(out, "Started by an ordinary user, and stays that user")?,
    }
    if proof.missing.is_empty() {
        writeln!(out, "Missing  nothing; this system has every mechanism")?;
    }
    for sentence in &proof.missing {
        writeln!(out, "Missing  {}", Escaped(sentence))?;
    }
    attempts(&mut out, proof)?;
    if let Some(inspected) = &proof.inspected {
        inspection(&mut out, inspected)?;
    }
    writeln!(out)?;
    if proof.holes.is_empty() {
        writeln!(out, "Result   nothing got through")?;
    } else {
        let advice = match proof.only {
            Some(_) => "where only some mechanisms are on, as asked for",
            None => "do not use workers on this system, and report it",
        };
        for hole in &proof.holes {
            writeln!(out, "THROUGH  {}", Escaped(hole))?;
        }
        let count = proof.holes.len();
        writeln!(out, "Result   {count} got through; {advice}")?;
    }
    out.flush()
}

fn attempts(out: &mut impl Write, proof: &Proof) -> io::Result<()> {
    writeln!(out, "\nAttempts to break out, each by a worker of its own:")?;
    let mut group = "";
    for row in &proof.rows {
        if row.attempt.group != group {
            group = &row.attempt.group;
            writeln!(out, "  {}", Escaped(group))?;
        }
        attempt(out, row)?;
    }
    let refused = proof.rows.iter().filter(|row| matches!(row.refusal, Refusal::Refused(_))).count();
    writeln!(out, "  {refused} of {} refused", proof.rows.len())?;
    if proof.only.is_some() {
        return Ok(());
    }
    let filters: Vec<&Refusal> = proof.rows.iter().filter_map(|row| row.filter.as_ref()).collect();
    let held = filters.iter().filter(|refusal| matches!(refusal, Refusal::Refused(_))).count();
    writeln!(out, "  {held} of {} refused by the filter of system calls alone", filters.len())?;
    let alone: Vec<&Alone> =
        proof.rows.iter().flat_map(|row| row.alone.iter().map(|(_, alone)| alone)).collect();
    let held = alone.iter().filter(|alone| matches!(alone, Alone::There(Refusal::Refused(_)))).count();
    writeln!(out, "  {held} of {} refused by another mechanism alone, without the filter", alone.len())?;
    let controls: Vec<&Refusal> = proof.rows.iter().filter_map(|row| row.control.as_ref()).collect();
    let real = controls.iter().filter(|refusal| matches!(refusal, Refusal::Through(_))).count();
    writeln!(
        out,
        "  {real} of {} get through where nothing is confined, so they are real attempts",
        controls.len()
    )
}

fn attempt(out: &mut impl Write, row: &Row) -> io::Result<()> {
    let (mark, how) = match &row.refusal {
        Refusal::Refused(how) => ("   ", how),
        Refusal::Through(how) => ("!!!", how),
    };
    let (call, what) = (&row.attempt.call, &row.attempt.what);
    let call = Escaped(call).to_string();
    writeln!(out, "{mark} {call:<22} {}: {}", Escaped(what), Escaped(how))?;
    let mut others = Vec::new();
    for (mechanism, alone) in &row.alone {
        others.push(match alone {
            Alone::There(Refusal::Refused(how)) => format!("{mechanism} alone: {how}"),
            Alone::There(Refusal::Through(how)) => format!("{mechanism} alone: NOT REFUSED, {how}"),
            Alone::Lacking => format!("{mechanism} alone: not on this system"),
        });
    }
    match &row.control {
        Some(Refusal::Through(_)) => others.push("unconfined: gets through".to_owned()),
        Some(Refusal::Refused(how)) => others.push(format!("unconfined: {how}, so it shows little here")),
        None => {}
    }
    if others.is_empty() {
        return Ok(());
    }
    writeln!(out, "{:<27} {}", "", Escaped(&others.join("; ")))
}

fn inspection(out: &mut impl Write, inspected: &Inspected) -> io::Result<()> {
    let Inspected { pid, facts, reachable } = inspected;
    writeln!(out, "\nA running worker, process {pid}, as the kernel sees it:")?;
    for (name, value) in &facts.status {
        writeln!(out, "    {name:<18} {}", Escaped(value))?;
    }
    match &facts.descriptors {
        Some(descriptors) => {
            for (number, what) in descriptors {
                writeln!(out, "    descriptor {number:<7} {}", Escaped(what))?;
            }
        }
        None => writeln!(out, "    descriptors, namespaces and root folder are shown to root only")?,
    }
    for (kind, space) in facts.namespaces.iter().flatten() {
        let text = match space {
            Space::Own => "its own",
            Space::Shared if *kind == "user" && facts.line("Uid") != "0" => "that of the system",
            Space::Shared => "SHARED with this process",
        };
        writeln!(out, "    namespace {kind:<8} {text}")?;
    }
    if let Some(names) = &facts.root {
        let text = if names.is_empty() { "empty".to_owned() } else { format!("{} names", names.len()) };
        writeln!(out, "    root folder        {text}")?;
    }
    if let Some(interfaces) = &facts.interfaces {
        writeln!(out, "    network interfaces {}", Escaped(&interfaces.join(", ")))?;
    }
    for limit in &facts.limits {
        writeln!(out, "    limit              {}", Escaped(limit))?;
    }
    writeln!(out, "\nIts filter of system calls, read back from the kernel and followed on every path:")?;
    match reachable {
        Ok(reachable) => filter(out, reachable),
        Err(why) => writeln!(out, "    not shown: {}", Escaped(why)),
    }
}

fn filter(out: &mut impl Write, reachable: &Reachable) -> io::Result<()> {
    for left in &reachable.left {
        let conditions = left.conditions.join("; or ");
        writeln!(out, "    {:<18} {conditions} ({})", left.name, left.purpose)?;
    }
    for failing in &reachable.failing {
        writeln!(out, "    {failing}: fails, is never made")?;
    }
    let Reachable { left, failing, killing, foreign, .. } = reachable;
    writeln!(
        out,
        "    {} calls left, {} fail, {killing} numbers kill; {foreign} numbers of other architectures: all kill",
        left.len(),
        failing.len()
    )
}
