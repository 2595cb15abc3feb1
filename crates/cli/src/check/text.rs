//! Rulings for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use candor_compliance::{Kind, Ruling};

use super::{Checked, since, told};
use crate::escape::Escaped;
use crate::inventory::identified;
use crate::numbers::counted;

/// Writes all rulings.
pub(super) fn write(to: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    for judged in &checked.judged {
        identified(to, checked.catalogue, judged.item)?;
        if judged.stages.is_empty() {
            judged.told(checked.all).try_for_each(|ruling| one(to, ruling))?;
            if judged.told(checked.all).next().is_none() {
                let ruling = judged.gravest().name().to_uppercase();
                writeln!(to, "  {ruling}: no rule asks for anything (--all shows what each says)")?;
            }
        }
        for stage in &judged.stages {
            writeln!(to, "  {}", since(stage))?;
            for ruling in told(&stage.rulings, checked.all) {
                writeln!(to, "    {} {}: {}", ruling.headline(), ruling.rule, Escaped(&ruling.why))?;
            }
        }
        writeln!(to)?;
    }
    unverified(to, checked)?;
    gaps(to, checked)?;
    let mut kinds: BTreeMap<Kind, u64> = BTreeMap::new();
    checked.judged.iter().for_each(|judged| *kinds.entry(judged.gravest()).or_default() += 1);
    let counts: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {}", kind.name())).collect();
    let items = counted(checked.judged.len() as u64, "item", "items");
    let rules = counted(checked.rules as u64, "rule", "rules");
    let counts =
        if counts.is_empty() { "nothing that a rule is about".to_owned() } else { counts.join(", ") };
    let files = counted(checked.collected.files, "file", "files");
    let gaps = match checked.collected.all_gaps as u64 {
        0 => String::new(),
        gaps => format!(", {}", counted(gaps, "gap", "gaps")),
    };
    writeln!(to, "{files}, {items}, {rules}: {counts}{gaps}")?;
    let asked: Vec<String> =
        checked.asked.iter().map(|(name, value)| format!("{name} {}", Escaped(value))).collect();
    writeln!(to, "asked: {}; this is no legal advice", asked.join(", "))
}

fn one(to: &mut dyn Write, ruling: &Ruling) -> io::Result<()> {
    writeln!(to, "  {} {}: {}", ruling.headline(), ruling.rule, Escaped(&ruling.why))?;
    let mut line = |name: &str, text: &str| writeln!(to, "      {name:<11}{}", Escaped(text));
    if !ruling.title.is_empty() {
        line("rule", &format!("{} [{}]", ruling.title, ruling.citation()))?;
    }
    if !ruling.binds.is_empty() {
        line("binds", &ruling.binds.join(", "))?;
    }
    if let Some(since) = &ruling.since {
        line("since", &since.to_string())?;
    }
    if let Some(next) = &ruling.next {
        line("next", &format!("{}: {}", next.at, next.what))?;
    }
    for due in &ruling.duties {
        let whom = due.to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
        let again = if due.repeats { ", and again after each such period" } else { "" };
        line("duty", &format!("{}{whom} by {}{again}", due.what, due.until(&ruling.at)))?;
    }
    if let Some(consequence) = &ruling.consequence {
        line("threatens", consequence)?;
    }
    if let Some(alert) = &ruling.alert {
        line("besides", alert)?;
    }
    Ok(())
}

/// What of the rules that were told is not verified, once for each rule.
fn unverified(to: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    let rulings = checked.judged.iter().flat_map(|judged| {
        let stages = judged.stages.iter().flat_map(|stage| told(&stage.rulings, checked.all));
        judged.told(checked.all).chain(stages)
    });
    let of_rules: BTreeMap<&str, &[String]> =
        rulings.map(|ruling| (ruling.rule.as_str(), ruling.unverified.as_slice())).collect();
    for (rule, sentences) in &of_rules {
        for sentence in *sentences {
            writeln!(to, "unverified in {rule}: {}", Escaped(sentence))?;
        }
    }
    if of_rules.values().any(|sentences| !sentences.is_empty()) {
        writeln!(to)?;
    }
    Ok(())
}

fn gaps(to: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    /// Gaps that are named.
    const NAMED: usize = 10;
    let collected = checked.collected;
    for (place, reason, detail) in collected.gaps.iter().take(NAMED) {
        writeln!(to, "not examined: {}: {} ({})", Escaped(place), Escaped(detail), reason.name())?;
    }
    if collected.all_gaps > NAMED {
        let more = counted((collected.all_gaps - NAMED) as u64, "more gap", "more gaps");
        writeln!(to, "not examined: {more}; --format json has them")?;
    }
    Ok(())
}
