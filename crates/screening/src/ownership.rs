//! Companies that are on no list and belong to one that is: the 50 % rule, as data with dates, and who owns whom.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead};

use serde::Deserialize;

use crate::entry::{Entry, Flag, Match, Ruling};
use crate::lists::{Problem, Row, Rows};
use crate::name::fold;

/// The longest chain of owners that is followed.
const LONGEST_CHAIN: usize = 16;
/// The most holdings that are read.
const MOST_HOLDINGS: usize = 1_000_000;

/// What a rule of ownership says from one day on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The first day, as ISO date.
    pub from: String,
    /// What holds then.
    pub state: State,
    /// Why, for people.
    pub why: String,
    /// What it rests on.
    pub source: String,
}

/// What holds in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There is no rule: ownership is a red flag.
    NotInForce,
    /// Who is owned counts as listed.
    InForce,
    /// There is a rule, which does not hold: ownership is a red flag.
    Suspended,
    /// Nobody knows: to be confirmed.
    Review,
}

/// A rule of ownership.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// What listed parties have to own, in percent.
    pub percent: f64,
    /// The list that it is about; entries belong to it if the name of their list contains this.
    pub list: String,
    /// What holds when, the earliest first.
    #[serde(rename = "period")]
    pub periods: Vec<Period>,
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// When it is no rule: the message says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rule: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if rule.periods.is_empty() || !rule.periods.is_sorted_by(|one, next| one.from < next.from) {
            return Err("periods are missing or not in their order".to_owned());
        }
        if let Some(period) = rule.periods.iter().find(|period| !is_date(&period.from)) {
            return Err(format!("{} is no date", period.from));
        }
        Ok(rule)
    }

    /// The affiliates rule of the Bureau of Industry and Security, as far as this release knows it.
    ///
    /// # Errors
    /// Never, as a test makes sure.
    pub fn affiliates() -> Result<Self, String> {
        Self::parse(include_str!("../../../rules/screening/affiliates.toml"))
    }

    /// What holds on a day.
    pub fn on(&self, date: &str) -> Option<&Period> {
        self.periods.iter().rfind(|period| period.from.as_str() <= date)
    }
}

/// Whether a text is a date such as `2026-11-22`.
pub fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits =
        |at: std::ops::Range<usize>| bytes.get(at).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let within = |at: std::ops::Range<usize>, most: u32| {
        text.get(at).and_then(|part| part.parse().ok()).is_some_and(|number| (1..=most).contains(&number))
    };
    bytes.len() == 10
        && digits(0..4)
        && bytes[4] == b'-'
        && within(5..7, 12)
        && bytes[7] == b'-'
        && within(8..10, 31)
}

/// Somebody owns a part of somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Holding {
    /// Who owns.
    pub owner: String,
    /// Who is owned.
    pub owned: String,
    /// How much, in percent.
    pub percent: f64,
    /// From which day on; empty if that is not known.
    pub since: String,
    /// Until which day; empty if it still is so.
    pub until: String,
    /// How that is known.
    pub source: String,
}

/// Who owns whom.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    holdings: Vec<Holding>,
    of: HashMap<String, Vec<usize>>,
}

impl Owners {
    /// Reads `owner,owned,percent,since,until,source`. Broken records become problems.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn read(file: &str, reader: &mut dyn BufRead) -> io::Result<(Self, Vec<Problem>)> {
        let mut owners = Self::default();
        let mut problems = Vec::new();
        let mut rows = Rows::new(reader);
        let mut header: Option<Row> = None;
        while let Some(row) = rows.next_row()? {
            let read = row.and_then(|row| match &header {
                None => {
                    header = Some(row);
                    Ok(None)
                }
                Some(header) => holding(header, &row).map(Some).map_err(|reason| (row.line, reason)),
            });
            match read {
                Ok(Some(holding)) if owners.holdings.len() < MOST_HOLDINGS => owners.add(holding),
                Ok(_) => {}
                Err((line, reason)) if problems.len() < crate::lists::MOST_PROBLEMS => {
                    problems.push(Problem { file: file.to_owned(), line, reason });
                }
                Err(_) => {}
            }
        }
        if owners.holdings.len() >= MOST_HOLDINGS {
            problems.push(Problem {
                file: file.to_owned(),
                line: 0,
                reason: format!("more than {MOST_HOLDINGS} holdings"),
            });
        }
        Ok((owners, problems))
    }

    /// Adds a holding.
    pub fn add(&mut self, holding: Holding) {
        self.of.entry(fold(&holding.owned)).or_default().push(self.holdings.len());
        self.holdings.push(holding);
    }

    fn held(&self, name: &str, date: &str) -> impl Iterator<Item = &Holding> {
        let all =
            self.of.get(name).map_or(&[][..], Vec::as_slice).iter().filter_map(|at| self.holdings.get(*at));
        all.filter(move |holding| {
            holding.since.as_str() <= date && (holding.until.is_empty() || date <= holding.until.as_str())
        })
    }

    /// How much of a party those own who satisfy `listed`, in percent, and how that comes about. A party that is
    /// owned to the rule's percentage counts as one of them for what it owns itself.
    fn owned_by(
        &self,
        name: &str,
        date: &str,
        percent: f64,
        listed: &dyn Fn(&str) -> bool,
    ) -> (f64, Vec<String>) {
        self.sum(&fold(name), date, percent, listed, &mut HashMap::new(), &mut HashSet::new())
    }

    fn sum(
        &self,
        name: &str,
        date: &str,
        percent: f64,
        listed: &dyn Fn(&str) -> bool,
        known: &mut HashMap<String, (f64, Vec<String>)>,
        above: &mut HashSet<String>,
    ) -> (f64, Vec<String>) {
        if let Some(known) = known.get(name) {
            return known.clone();
        }
        // Owners that own each other are looked at once.
        if above.len() >= LONGEST_CHAIN || !above.insert(name.to_owned()) {
            return (0.0, Vec::new());
        }
        let mut total = 0.0;
        let mut chain = Vec::new();
        for holding in self.held(name, date) {
            let told = format!(
                "{} owns {} % of {} ({})",
                holding.owner, holding.percent, holding.owned, holding.source
            );
            if listed(&holding.owner) {
                total += holding.percent;
                chain.push(told);
                continue;
            }
            let (share, mut through) = self.sum(&fold(&holding.owner), date, percent, listed, known, above);
            if share >= percent {
                total += holding.percent;
                chain.push(told);
                chain.append(&mut through);
            }
        }
        above.remove(name);
        chain.truncate(LONGEST_CHAIN);
        known.insert(name.to_owned(), (total, chain.clone()));
        (total, chain)
    }
}

fn holding(header: &Row, row: &Row) -> Result<Holding, String> {
    let get = |name: &str| {
        let at = header.fields.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
        at.and_then(|at| row.fields.get(at)).map_or("", |field| field.trim()).to_owned()
    };
    let percent = get("percent");
    let number: f64 = percent
        .trim_end_matches(['%', ' '])
        .parse()
        .map_err(|_| format!("\"{percent}\" is no percentage"))?;
    if !(0.0..=100.0).contains(&number) {
        return Err(format!("{number} is no percentage from 0 to 100"));
    }
    let holding = Holding {
        owner: get("owner"),
        owned: get("owned"),
        percent: number,
        since: get("since"),
        until: get("until"),
        source: get("source"),
    };
    if holding.owner.is_empty() || holding.owned.is_empty() {
        return Err("owner or owned is missing".to_owned());
    }
    if let Some(date) =
        [&holding.since, &holding.until].into_iter().find(|date| !date.is_empty() && !is_date(date))
    {
        return Err(format!("\"{date}\" is no date such as 2025-01-31"));
    }
    Ok(holding)
}

/// Whether a party counts as listed on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// By its own name, or by ownership where that counts.
    Listed(String),
    /// Not listed, but somebody should find out more before doing business.
    RedFlag(String),
    /// What holds on that day is not known.
    Review(String),
    /// Nothing is known against it.
    NotListed,
}

/// Judges parties by what was found and by who owns them.
pub struct Standings<'a> {
    entries: &'a [Entry],
    owners: &'a Owners,
    rule: &'a Rule,
    /// The names of those that the rule is about.
    listed: HashSet<String>,
}

impl<'a> Standings<'a> {
    /// Prepares the judgement on the entries of lists.
    pub fn new(entries: &'a [Entry], owners: &'a Owners, rule: &'a Rule) -> Self {
        let listed = entries.iter().filter(|entry| entry.list.contains(&rule.list));
        let listed = listed.flat_map(|entry| &entry.names).map(|name| fold(name)).collect();
        Self { entries, owners, rule, listed }
    }

    /// What a party is on a day, if `matches` were found for its name.
    ///
    /// A match that looks like an affiliate of the listed party, and not like that party itself, is a red flag; proof
    /// of ownership makes more of it where the rule is in force.
    pub fn of(&self, name: &str, matches: &[Match], date: &str) -> Standing {
        let itself = matches.iter().find(|found| found.ruling == Ruling::Match && !is_affiliate(found));
        if let Some(entry) = itself.and_then(|found| self.entries.get(found.entry)) {
            let name = entry.names.first().map_or("", String::as_str);
            return Standing::Listed(format!("{name} is on the list {}", entry.list));
        }
        let Some(period) = self.rule.on(date) else { return Standing::NotListed };
        let (share, chain) =
            self.owners.owned_by(name, date, self.rule.percent, &|owner| self.listed.contains(&fold(owner)));
        let affiliate = matches.iter().filter(|found| found.ruling != Ruling::NoMatch && is_affiliate(found));
        let affiliate = affiliate
            .filter_map(|found| self.entries.get(found.entry))
            .find(|entry| entry.list.contains(&self.rule.list));
        let about = match affiliate.and_then(|entry| entry.names.first()) {
            _ if !chain.is_empty() => format!("listed parties own {share} %: {}", chain.join("; ")),
            Some(listed) => format!("it may belong to {listed}, which is listed; who owns it is not known"),
            None => return Standing::NotListed,
        };
        let told = format!("{about}. {}: {} [{}]", self.rule.title, period.why, period.source);
        match period.state {
            State::InForce if share >= self.rule.percent => Standing::Listed(told),
            State::Review => Standing::Review(told),
            State::InForce | State::NotInForce | State::Suspended => Standing::RedFlag(told),
        }
    }
}

/// Whether a match looks like another company of the listed one's group.
fn is_affiliate(found: &Match) -> bool {
    found.flags.iter().any(|flag| matches!(flag, Flag::UnlistedAffiliate | Flag::LegalFormDiffers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Kind;

    fn entries() -> Vec<Entry> {
        vec![Entry {
            id: "1".into(),
            list: "Entity List".into(),
            kind: Kind::Organisation,
            names: vec!["Kaspersky Labs Limited".into()],
            countries: vec!["GB".into()],
            addresses: vec![],
            born: vec![],
            programs: vec![],
            source: "89 FR 52362".into(),
            remarks: String::new(),
        }]
    }

    fn affiliate() -> Match {
        Match {
            entry: 0,
            name: 0,
            score: 0.8,
            parts: vec![],
            ruling: Ruling::Possible,
            flags: vec![Flag::LegalFormDiffers, Flag::UnlistedAffiliate],
        }
    }

    fn owners(percent: f64) -> Owners {
        let text = format!(
            "owner,owned,percent,since,until,source\nKaspersky Labs Limited,Kaspersky Labs GmbH,{percent},,,register\n"
        );
        Owners::read("owners.csv", &mut text.as_bytes()).unwrap().0
    }

    fn case(owners: &Owners, date: &str) -> Standing {
        Standings::new(&entries(), owners, &Rule::affiliates().unwrap()).of(
            "Kaspersky Labs GmbH",
            &[affiliate()],
            date,
        )
    }

    #[test]
    fn case_20_an_affiliate_that_is_not_listed() {
        let owned = owners(100.0);
        assert!(matches!(case(&owned, "2025-06-01"), Standing::RedFlag(_)));
        assert!(matches!(case(&owned, "2025-09-28"), Standing::RedFlag(_)));
        assert!(matches!(case(&owned, "2025-09-29"), Standing::Listed(_)));
        assert!(matches!(case(&owned, "2025-10-15"), Standing::Listed(_)));
        assert!(matches!(case(&owned, "2025-11-10"), Standing::RedFlag(_)));
        assert!(matches!(case(&owned, "2026-03-01"), Standing::RedFlag(why) if why.contains("suspended")));
        assert!(matches!(case(&owned, "2026-11-09"), Standing::RedFlag(_)));
        assert!(
            matches!(case(&owned, "2026-11-22"), Standing::Review(why) if why.contains("to be confirmed"))
        );
    }

    #[test]
    fn who_is_not_known_to_be_owned_is_not_listed() {
        assert!(
            matches!(case(&Owners::default(), "2025-10-15"), Standing::RedFlag(why) if why.contains("not known"))
        );
        assert!(matches!(case(&owners(49.9), "2025-10-15"), Standing::RedFlag(_)));
        assert!(matches!(case(&owners(50.0), "2025-10-15"), Standing::Listed(_)));
    }

    #[test]
    fn shares_add_up_along_chains_and_circles_end() {
        let text = "owner,owned,percent,since,until,source\n\
            Kaspersky Labs Limited,Holding A,60,,,x\nHolding A,Shop,30,,,x\nKaspersky Labs Limited,Shop,20,,2025-10-20,x\n\
            Shop,Holding A,10,,,x\nHolding A,Holding A,100,,,x\nbroken,,x\n";
        let (owners, problems) = Owners::read("owners.csv", &mut text.as_bytes()).unwrap();
        assert_eq!((problems.len(), problems[0].line), (1, 7));
        let (entries, rule) = (entries(), Rule::affiliates().unwrap());
        let standings = Standings::new(&entries, &owners, &rule);
        let on = |date| standings.of("shop", &[], date);
        assert!(matches!(on("2025-10-15"), Standing::Listed(_)));
        assert!(matches!(on("2025-10-25"), Standing::RedFlag(_)));
        assert_eq!(standings.of("Other", &[], "2025-10-15"), Standing::NotListed);
    }

    #[test]
    fn dates_are_checked() {
        assert!(is_date("2026-11-22"));
        assert!(
            !["2026-13-01", "2026-1-1", "26-11-2222", "2026-11-00", "é026-11-2"].into_iter().any(is_date)
        );
    }
}
