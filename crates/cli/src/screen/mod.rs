//! `candor screen`: whether parties are on lists of parties, how like their names are, and who owns them.

mod audit;
mod bulk;
mod index;
mod output;
mod spreadsheet;
mod suppliers;

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::{Context, bail};
use candor_screening::entry::{Flag, Match, Profile, Query, Ruling};
use candor_screening::index::Index;
use candor_screening::lists::{self, Problem};
use candor_screening::name::Kind;
use candor_screening::ownership::{Owners, Rule, Standing, Standings, is_date};
use candor_screening::search::Search;
use jiff::Timestamp;

use crate::complain;
use crate::exit_status::Outcome;

/// Who is asked about, in which lists, and how to tell it.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Names of parties.
    #[arg(value_name = "NAME")]
    parties: Vec<String>,
    #[command(flatten)]
    lists: index::Lists,
    /// Names from a CSV file with the column name, and kind, country, born, address and id if there are any.
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// Suppliers, manufacturers and publishers from a bill of materials (CycloneDX or SPDX as JSON).
    #[arg(long, value_name = "FILE")]
    sbom_suppliers: Option<PathBuf>,
    /// The country of the named parties, as two letters.
    #[arg(long, value_name = "CC")]
    country: Option<String>,
    /// The named parties are persons.
    #[arg(long, conflicts_with = "organisation")]
    person: bool,
    /// The named parties are organisations.
    #[arg(long)]
    organisation: bool,
    /// When the named person was born: a year or a day.
    #[arg(long, value_name = "DATE")]
    born: Option<String>,
    /// The day for which it is asked, such as 2026-11-22 [default: today, UTC].
    #[arg(long, value_name = "ISO")]
    date: Option<String>,
    /// Who owns whom: CSV with owner,owned,percent,since,until,source.
    #[arg(long, value_name = "FILE")]
    owners: Option<PathBuf>,
    /// How like names have to be.
    #[arg(long, value_enum, default_value_t = Wanted::Balanced)]
    profile: Wanted,
    /// How to tell it.
    #[arg(long, value_enum, default_value_t = output::Format::Text)]
    format: output::Format,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Append a record of each answer to this file: when, what was asked, the lists' digests, what came of it.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Read lists once, into one file that is opened quickly.
    Index(index::Options),
}

/// How like names have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Wanted {
    /// Few false alarms.
    Strict,
    /// Both errors count alike.
    Balanced,
    /// Few misses.
    Wide,
}

impl Wanted {
    fn profile(self) -> Profile {
        match self {
            Self::Strict => Profile::Strict,
            Self::Balanced => Profile::Balanced,
            Self::Wide => Profile::Wide,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Balanced => "balanced",
            Self::Wide => "wide",
        }
    }
}

const AFTER_HELP: &str = "\
Examples:
  candor screen index --list consolidated.csv --list own.toml --out lists.idx
  candor screen \"Kasperskiy Lab AO\" --index lists.idx --organisation
  candor screen --names suppliers.csv --index lists.idx --format xlsx -o result.xlsx --audit audit.jsonl
  candor screen --sbom-suppliers app.cdx.json --list consolidated.json

Candor fetches no lists and sends no names anywhere; docs/screening.md says where lists are.
An answer is a likeness of names and no legal advice: a person decides.
Exit status: 0 no match, 1 a match, 2 usage or environment error,
3 a possible match, or a list or a name could not be read completely.";

/// A party that is asked about.
pub(crate) struct Question {
    pub(crate) query: Query,
    /// What the asker calls it; empty if nothing.
    pub(crate) id: String,
}

/// What came of a question.
pub(crate) struct Answer {
    pub(crate) question: Question,
    /// The best first; of those that are none, the nearest.
    pub(crate) matches: Vec<Match>,
    pub(crate) standing: Standing,
}

impl Answer {
    /// What all of it comes to.
    pub(crate) fn ruling(&self) -> Ruling {
        match self.standing {
            Standing::Listed(_) => Ruling::Match,
            Standing::RedFlag(_) | Standing::Review(_) => Ruling::Possible,
            Standing::NotListed if self.matches.iter().all(|found| found.ruling == Ruling::NoMatch) => {
                Ruling::NoMatch
            }
            // Listed would be said above: what is left looks like an affiliate or is not certain.
            Standing::NotListed => Ruling::Possible,
        }
    }
}

/// All that there is to tell.
pub(crate) struct Screened<'s> {
    pub(crate) index: &'s Index,
    pub(crate) answers: &'s [Answer],
    /// What could not be read of lists, names and owners.
    pub(crate) problems: &'s [Problem],
    pub(crate) date: &'s str,
    pub(crate) profile: Wanted,
    pub(crate) time: Timestamp,
}

/// The word for a ruling.
pub(crate) fn ruling_name(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Match => "match",
        Ruling::Possible => "possible",
        Ruling::NoMatch => "no-match",
    }
}

/// The word for a flag.
pub(crate) fn flag_name(flag: Flag) -> &'static str {
    match flag {
        Flag::Evasion => "evasion",
        Flag::LegalFormDiffers => "legal-form-differs",
        Flag::CountryDiffers => "country-differs",
        Flag::UnlistedAffiliate => "unlisted-affiliate",
        Flag::BirthDiffers => "birth-differs",
    }
}

/// The word for a standing, and why.
pub(crate) fn standing(standing: &Standing) -> (&'static str, &str) {
    match standing {
        Standing::Listed(why) => ("listed", why),
        Standing::RedFlag(why) => ("red-flag", why),
        Standing::Review(why) => ("review", why),
        Standing::NotListed => ("not-listed", ""),
    }
}

/// The word for a kind.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Person => "person",
        Kind::Organisation => "organisation",
        Kind::Unknown => "unknown",
    }
}

/// Screens whom the options name.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    if let Some(Command::Index(options)) = &options.command {
        return index::run(options);
    }
    if options.parties.is_empty() && options.names.is_none() && options.sbom_suppliers.is_none() {
        bail!("nobody to screen: give names, --names FILE.csv or --sbom-suppliers FILE");
    }
    let time = Timestamp::now();
    let date = options.date.clone().unwrap_or_else(|| time.strftime("%Y-%m-%d").to_string());
    if !is_date(&date) {
        bail!("--date: \"{date}\" is no date such as 2026-11-22");
    }
    if options.format == output::Format::Xlsx && options.output.is_none() {
        bail!("--format xlsx needs --output FILE");
    }
    let mut problems = Vec::new();
    let questions = questions(options, &mut problems)?;
    let owners = owners(options, &mut problems)?;
    let index = options.lists.gather()?;
    problems.extend(index.sources.iter().flat_map(|source| source.problems.iter().cloned()));
    let rule = Rule::affiliates().map_err(anyhow::Error::msg).context("the rule of affiliates")?;
    let search = Search::new(&index.entries);
    let standings = Standings::new(&index.entries, &owners, &rule);
    let found = bulk::find(&search, &questions, options.profile.profile());
    let answers = questions.into_iter().zip(found).map(|(question, matches)| {
        let standing = standings.of(&question.query.name, &matches, &date);
        Answer { question, matches, standing }
    });
    let answers: Vec<Answer> = answers.collect();
    let screened = Screened {
        index: &index,
        answers: &answers,
        problems: &problems,
        date: &date,
        profile: options.profile,
        time,
    };
    // The record comes first: an answer that somebody saw was recorded.
    if let Some(path) = &options.audit {
        audit::append(path, &screened).with_context(|| path.display().to_string())?;
    }
    output::write(options.output.as_deref(), options.format, &screened)
        .context("the answers could not be written")?;
    Ok(outcome(&screened))
}

fn outcome(screened: &Screened<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    for answer in screened.answers {
        match answer.ruling() {
            Ruling::Match => outcome.also(Outcome::found()),
            Ruling::Possible => outcome.stopped_early(),
            Ruling::NoMatch => {}
        }
    }
    for problem in screened.problems.iter().take(20) {
        complain(&format!("{}:{}: {}", problem.file, problem.line, problem.reason));
    }
    if screened.problems.len() > 20 {
        complain(&format!("{} more problems; --format json has them all", screened.problems.len() - 20));
    }
    if !screened.problems.is_empty() {
        outcome.stopped_early();
    }
    outcome
}

fn questions(options: &Options, problems: &mut Vec<Problem>) -> anyhow::Result<Vec<Question>> {
    let country = options.country.as_deref().map(country).transpose()?;
    let kind = match (options.person, options.organisation) {
        (true, _) => Kind::Person,
        (_, true) => Kind::Organisation,
        _ => Kind::Unknown,
    };
    let mut questions: Vec<Question> = Vec::new();
    for name in &options.parties {
        if !name.chars().any(char::is_alphanumeric) {
            bail!("\"{name}\" is no name");
        }
        let query = Query {
            name: name.clone(),
            kind,
            country: country.clone(),
            born: options.born.clone(),
            address: None,
        };
        questions.push(Question { query, id: String::new() });
    }
    if let Some(path) = &options.names {
        questions.append(&mut bulk::read(path, problems).with_context(|| path.display().to_string())?);
    }
    if let Some(path) = &options.sbom_suppliers {
        questions.append(&mut suppliers::read(path).with_context(|| path.display().to_string())?);
    }
    Ok(questions)
}

fn country(text: &str) -> anyhow::Result<String> {
    lists::country_code(text)
        .map(str::to_owned)
        .with_context(|| format!("--country: \"{text}\" is no country that is known"))
}

fn owners(options: &Options, problems: &mut Vec<Problem>) -> anyhow::Result<Owners> {
    let Some(path) = &options.owners else { return Ok(Owners::default()) };
    let name = path.display().to_string();
    let file = bulk::open(path).with_context(|| name.clone())?;
    let (owners, mut wrong) = Owners::read(&name, &mut BufReader::new(file)).with_context(|| name.clone())?;
    problems.append(&mut wrong);
    Ok(owners)
}

type Limited = std::io::Take<File>;
