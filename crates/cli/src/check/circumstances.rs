//! Who asks, where, for what and when, as it was typed.

use anyhow::{anyhow, bail};
use candor_compliance::{Rules, Situation, WORDS, Word, parse_moment};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const NOON: SignedDuration = SignedDuration::from_hours(12);

/// What rules ask about.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Who asks, and for what")]
#[group(skip)]
pub(crate) struct Options {
    /// As whom: user, reseller, integrator, contractor, agency, exporter, subsidy-recipient, applicant,
    /// critical-operator.
    #[arg(long = "as", value_name = "ROLE", default_value = "user")]
    role: String,
    /// What person in law: us, or none.
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// The country where it is, by two letters.
    #[arg(long, value_name = "CC")]
    place: Option<String>,
    /// The class of device: mobile, laptop, desktop, server, network.
    #[arg(long, value_name = "CLASS")]
    device: Option<String>,
    /// The class of system: federal, intelligence, sci, national-security, classified.
    #[arg(long, value_name = "CLASS")]
    system: Option<String>,
    /// What is done or planned: use, new-agreement, update, resell, integrate, procure and so on (repeatable)
    /// [default: what the role usually does].
    #[arg(long, value_name = "ACTIVITY")]
    activity: Vec<String>,
    /// What qualifies it: purely-informational, previously-authorised, waiver and so on (repeatable).
    #[arg(long, value_name = "WORD")]
    purpose: Vec<String>,
    /// The instant: a day, which is its noon UTC, or 2024-07-20T00:00-04:00 [default: now].
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    /// When the contract was made that it is done under.
    #[arg(long, value_name = "DATE")]
    contract: Option<String>,
    /// When it was found, from which periods for reports run [default: the instant].
    #[arg(long, value_name = "DATE")]
    discovered: Option<String>,
}

impl Options {
    /// The situation.
    ///
    /// # Errors
    /// When a word is none that rules know, or a date is none.
    pub(super) fn situation(&self, rules: &Rules) -> anyhow::Result<Situation> {
        self.check_words(rules)?;
        let at = self.date.as_deref().map(|text| instant("--date", text)).transpose()?;
        let mut situation = Situation::new(&self.role, at.unwrap_or_else(Timestamp::now));
        situation.place = self.place.as_deref().map(country).transpose()?;
        situation.person = self.person.as_deref().map(str::to_lowercase);
        situation.device.clone_from(&self.device);
        situation.system.clone_from(&self.system);
        situation.activities.clone_from(&self.activity);
        situation.purposes.clone_from(&self.purpose);
        situation.contract = self.contract.as_deref().map(|text| instant("--contract", text)).transpose()?;
        situation.discovered =
            self.discovered.as_deref().map(|text| instant("--discovered", text)).transpose()?;
        Ok(situation)
    }

    /// Refuses words that no rule knows: a slip of the pen would get the answer to another question.
    fn check_words(&self, rules: &Rules) -> anyhow::Result<()> {
        let asked = [
            ("--as", Word::Role, std::slice::from_ref(&self.role)),
            ("--device", Word::Device, self.device.as_slice()),
            ("--system", Word::System, self.system.as_slice()),
            ("--activity", Word::Activity, self.activity.as_slice()),
            ("--purpose", Word::Purpose, self.purpose.as_slice()),
        ];
        for (option, kind, words) in asked {
            let known = WORDS.iter().find(|(word, _)| *word == kind).map_or(&[][..], |(_, words)| *words);
            for word in words {
                if !known.contains(&word.as_str()) && !rules.words.contains(&(kind, word.clone())) {
                    bail!("{option} {word}: no rule knows that word; known are {}", known.join(", "));
                }
            }
        }
        Ok(())
    }

    /// What was asked, for people.
    pub(super) fn described(&self, situation: &Situation) -> Vec<(&'static str, String)> {
        let not_said = || "not said".to_owned();
        let mut asked = vec![
            ("as", situation.role.clone()),
            ("person", situation.person.clone().unwrap_or_else(not_said)),
            ("country", situation.place.clone().unwrap_or_else(not_said)),
            ("activity", situation.done().join(", ")),
            ("date", situation.at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ];
        let more = [("device", &situation.device), ("system", &situation.system)];
        asked.extend(more.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        if !situation.purposes.is_empty() {
            asked.push(("purpose", situation.purposes.join(", ")));
        }
        asked
    }
}

fn instant(option: &str, text: &str) -> anyhow::Result<Timestamp> {
    let moment = parse_moment(text, &TimeZone::UTC).map_err(|reason| anyhow!("{option}: {reason}"))?;
    // A day alone is meant where the rule counts days. At noon of universal time it is the same day nearly everywhere.
    let is_day = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let noon = if is_day { NOON } else { SignedDuration::ZERO };
    Ok(moment.instant().saturating_add(noon)?)
}

fn country(text: &str) -> anyhow::Result<String> {
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        Ok(text.to_uppercase())
    } else {
        bail!("--place {text}: a country has two letters, such as US or DE")
    }
}
