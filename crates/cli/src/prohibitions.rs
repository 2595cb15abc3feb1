//! Prohibitions and the catalogue of products: those that the program carries, and those of folders.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use candor_compliance::{Rule, Rules};
use candor_object::Escaped;
use candor_products::{Catalogue, Problem};

use crate::exit_status::Outcome;

/// Most files of folders.
const MOST_FILES: usize = 10_000;
/// Most bytes of a file; the readers refuse longer ones as well.
const MOST_BYTES: u64 = 4 << 20;

/// What is known of products and prohibitions.
pub(crate) struct Known {
    pub(crate) catalogue: Catalogue,
    pub(crate) rules: Rules,
    pub(crate) problems: Vec<Problem>,
}

/// Reads what the program carries, and what lies in files and folders. A file that is named as one that the program
/// carries takes its place.
///
/// # Errors
/// If a file cannot be read. What is wrong in one is among the problems.
pub(crate) fn known(places: &[PathBuf]) -> anyhow::Result<Known> {
    let embedded = |files: &[(&str, &str)]| -> BTreeMap<String, (String, String)> {
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), ((*name).to_owned(), (*text).to_owned())))
            .collect()
    };
    let mut products = embedded(Catalogue::embedded_files());
    let mut prohibitions = embedded(Rules::embedded_files());
    for path in files(places)? {
        let shown = path.display().to_string();
        let text = text(&path).with_context(|| shown.clone())?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (of_its_kind, of_the_other) = if Catalogue::is_catalogue(&text) {
            (&mut products, &prohibitions)
        } else {
            (&mut prohibitions, &products)
        };
        // Files of the same name in two folders are two files.
        let taken = of_its_kind.get(&name).is_some_and(|(place, _)| *place != name)
            || of_the_other.contains_key(&name);
        of_its_kind.insert(if taken { shown.clone() } else { name }, (shown, text));
    }
    // The program's own come first, so that of two with one name the user's file is the one that is told.
    let texts = |files: &BTreeMap<String, (String, String)>| {
        let (own, others): (Vec<_>, Vec<_>) = files.iter().partition(|(name, (place, _))| *name == place);
        own.into_iter().chain(others).map(|(_, file)| file.clone()).collect::<Vec<_>>()
    };
    let (products, prohibitions) = (texts(&products), texts(&prohibitions));
    let (catalogue, mut problems) =
        Catalogue::parse(products.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let (rules, more) =
        Rules::parse(prohibitions.iter().map(|(name, text)| (name.as_str(), text.as_str())), &catalogue);
    problems.extend(more);
    Ok(Known { catalogue, rules, problems })
}

fn text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(fs::read(path)?).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        anyhow!("line {line}: there are bytes that are no UTF-8")
    })
}

/// Reads as [`known`] does, and fails if anything is wrong: a rule that is left out would be silence.
pub(crate) fn usable(places: &[PathBuf]) -> anyhow::Result<Known> {
    /// Problems that are shown before the rest is counted.
    const SHOWN: usize = 20;
    let known = known(places)?;
    if known.problems.is_empty() {
        return Ok(known);
    }
    let mut lines: Vec<String> = known.problems.iter().take(SHOWN).map(ToString::to_string).collect();
    if known.problems.len() > SHOWN {
        lines.push(format!("and {} more", known.problems.len() - SHOWN));
    }
    bail!("the rules cannot be used; `candor rules check` says more:\n{}", lines.join("\n"));
}

/// The TOML files in places: files themselves, and of folders those in them, or in their `products` and
/// `prohibitions` if they have such.
fn files(places: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for place in places {
        let about = fs::metadata(place).with_context(|| place.display().to_string())?;
        if !about.is_dir() {
            files.push(place.clone());
            continue;
        }
        let parts = [place.join("products"), place.join("prohibitions")];
        let parts: Vec<PathBuf> = parts.into_iter().filter(|part| part.is_dir()).collect();
        let before = files.len();
        for folder in if parts.is_empty() { vec![place.clone()] } else { parts } {
            files.extend(in_folder(&folder)?);
        }
        // A folder that was emptied by mistake must not pass for one without a prohibition.
        if files.len() == before {
            bail!("{}: there is no .toml file in this folder", place.display());
        }
    }
    for file in &files {
        let about = fs::metadata(file).with_context(|| file.display().to_string())?;
        if !about.is_file() || about.len() > MOST_BYTES {
            bail!("{}: it is no file of at most {MOST_BYTES} bytes", file.display());
        }
    }
    Ok(files)
}

fn in_folder(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())?.take(MOST_FILES) {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Tells what is wrong with files.
pub(crate) fn check(files: &[PathBuf]) -> anyhow::Result<Outcome> {
    let Known { catalogue, rules, problems } = known(files)?;
    let mut out = io::stdout().lock();
    for problem in &problems {
        tell(&mut out, problem)?;
    }
    let (products, prohibitions) = (catalogue.products().len(), rules.rules.len());
    if problems.is_empty() {
        writeln!(out, "{prohibitions} prohibitions and {products} products, nothing is wrong")?;
        return Ok(Outcome::default());
    }
    writeln!(out, "{} wrong; a prohibition with a mistake is not used", problems.len())?;
    Ok(Outcome::found())
}

fn tell(out: &mut impl Write, problem: &Problem) -> io::Result<()> {
    writeln!(out, "{}:{}: {}", Escaped(&problem.file), problem.line, Escaped(&problem.reason))?;
    problem.hint.as_ref().map_or(Ok(()), |hint| writeln!(out, "  hint: {}", Escaped(hint)))
}

/// Reads as [`known`] does, and complains about problems.
fn known_and_told(places: &[PathBuf]) -> anyhow::Result<(Known, Outcome)> {
    let known = known(places)?;
    let mut outcome = Outcome::default();
    for problem in &known.problems {
        crate::complain(&problem.to_string());
        outcome.failed();
    }
    Ok((known, outcome))
}

/// Lists prohibitions: id, status, text, title.
pub(crate) fn list(places: &[PathBuf]) -> anyhow::Result<Outcome> {
    let (known, outcome) = known_and_told(places)?;
    let mut out = io::stdout().lock();
    for rule in &known.rules.rules {
        let cite = rule.texts.last().map_or("-", |text| text.cite.as_str());
        writeln!(
            out,
            "{}\t{}\t{}\t{}",
            Escaped(&rule.id),
            rule.status.name(),
            Escaped(cite),
            Escaped(&rule.title)
        )?;
    }
    Ok(outcome)
}

/// Explains one prohibition.
pub(crate) fn explain(id: &str, places: &[PathBuf]) -> anyhow::Result<Outcome> {
    let (known, outcome) = known_and_told(places)?;
    let Some(rule) = known.rules.rule(id) else {
        bail!("there is no prohibition {id:?}; `candor rules list --prohibitions` lists them");
    };
    write(&mut io::stdout().lock(), rule, &known.catalogue)?;
    Ok(outcome)
}

fn write(out: &mut impl Write, rule: &Rule, catalogue: &Catalogue) -> io::Result<()> {
    writeln!(out, "{}\n  {}\n", Escaped(&rule.title), Escaped(&rule.summary))?;
    writeln!(
        out,
        "id         {}\nstatus     {}; {} of {}",
        Escaped(&rule.id),
        rule.status.name(),
        rule.authority,
        Escaped(&rule.issuer)
    )?;
    for text in &rule.texts {
        let note = text.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        let line = format!("{}, from {}, {}{note}", text.cite, text.valid_from, text.checked.name());
        writeln!(out, "text       {}", Escaped(&line))?;
    }
    let names: Vec<&str> = rule
        .subject
        .entities
        .iter()
        .map(|id| catalogue.entity(id).map_or(id.as_str(), |entity| entity.name.as_str()))
        .collect();
    let closures = rule.subject.closures.iter().map(|closure| closure.kind.as_str());
    let whom: Vec<&str> = names.into_iter().chain(closures).collect();
    writeln!(out, "against    {}", Escaped(&whom.join(", ")))?;
    let object = &rule.object;
    let mut what =
        if object.parties { vec!["dealings with them".to_owned()] } else { object.classes.clone() };
    what.extend(object.all.then(|| "all their products".to_owned()));
    what.extend(object.products.iter().cloned());
    writeln!(out, "about      {}; {}", Escaped(&what.join(", ")), object.depth.join(", "))?;
    let places: Vec<&str> =
        rule.place.countries.iter().chain(&rule.place.persons).map(String::as_str).collect();
    writeln!(
        out,
        "where      {}",
        if places.is_empty() { "anywhere".to_owned() } else { Escaped(&places.join(", ")).to_string() }
    )?;
    for forbid in &rule.forbids {
        let until = forbid.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        let says = forbid.says.clone().unwrap_or_default();
        let line = format!(
            "{} from {}{until}, for {}: {says} ({})",
            forbid.activities.join(", "),
            forbid.from,
            forbid.bound.join(", "),
            forbid.checked.name()
        );
        writeln!(out, "forbids    {}", Escaped(&line))?;
    }
    for advice in &rule.advice {
        writeln!(out, "advises    {}", Escaped(&advice.says))?;
    }
    for exemption in &rule.exemptions {
        writeln!(
            out,
            "{}    {}",
            if exemption.review { "review " } else { "excepts" },
            Escaped(&exemption.says)
        )?;
    }
    for duty in &rule.duties {
        let line = format!("{}: {} within {}", duty.bound.join(", "), duty.what, duty.within);
        writeln!(out, "duty       {}", Escaped(&line))?;
    }
    for consequence in &rule.consequences {
        let line = format!(
            "{}: {} ({})",
            consequence.bound.join(", "),
            consequence.says,
            consequence.checked.name()
        );
        writeln!(out, "follows    {}", Escaped(&line))?;
    }
    for source in &rule.sources {
        writeln!(out, "source     {}, {}", Escaped(&source.source), source.checked.name())?;
    }
    for unverified in &rule.unverified {
        writeln!(out, "unverified {}", Escaped(unverified))?;
    }
    Ok(())
}
