//! From an item and a situation to rulings.

use candor_products::{Catalogue, Checked, Grade, Item, Product, State};

use crate::moment::Moment;
use crate::rule::{Advice, Exemption, Forbid, Rule, Rules, Status, Within};
use crate::ruling::{Change, Due, Kind, Ruling, Severity};
use crate::situation::Situation;
use crate::subject::{self, Standing};

/// What all rules say of an item. Each rule that is about its maker or about it says something, for each activity if
/// that makes a difference; where none is, there is one ruling *clean*. Rules may disagree: all are returned, the
/// gravest first.
pub fn judge(rules: &Rules, catalogue: &Catalogue, item: &Item, situation: &Situation) -> Vec<Ruling> {
    let Some(product) = catalogue.product(&item.product) else {
        return vec![clean(situation, item.grade, "the catalogue does not have this product".to_owned())];
    };
    if item.grade == Grade::D || item.state == State::Mentioned {
        let why = format!("{} is only mentioned, which is no sign that it is here", product.name);
        return vec![clean(situation, item.grade, why)];
    }
    let about = rules.rules.iter().filter(|rule| rule.status != Status::Repealed && !rule.object.parties);
    let mut rulings: Vec<Ruling> = about
        .flat_map(|rule| {
            let at = Moment { at: situation.at.to_zoned(rule.zone.clone()) };
            let standing = subject::of_product(rule, catalogue, product, &at);
            standing
                .map(|standing| Case { rule, product, item, situation, at }.rulings(&standing))
                .unwrap_or_default()
        })
        .collect();
    if rulings.is_empty() {
        rulings.push(clean(situation, item.grade, format!("no rule is about {}", product.name)));
    }
    // What a product does to security is said once, beside the gravest ruling.
    rulings.sort_by_key(|ruling| ruling.kind);
    if let (Some(first), Some(alert)) = (rulings.first_mut(), &product.alert) {
        first.alert = Some(alert.clone());
        first.severity = Severity::High;
    }
    rulings
}

/// A role as it stands in a sentence.
pub(crate) fn with_article(role: &str) -> String {
    let article = if role.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {role}")
}

pub(crate) fn clean(situation: &Situation, grade: Grade, why: String) -> Ruling {
    Ruling {
        rule: String::new(),
        title: String::new(),
        kind: Kind::Clean,
        activity: None,
        severity: Severity::None,
        why,
        binds: Vec::new(),
        clause: None,
        text: None,
        at: Moment::of(situation.at),
        since: None,
        next: None,
        grade,
        duties: Vec::new(),
        consequence: None,
        alert: None,
        unverified: Vec::new(),
        sources: Vec::new(),
    }
}

/// One rule and one item.
struct Case<'c> {
    rule: &'c Rule,
    product: &'c Product,
    item: &'c Item,
    situation: &'c Situation,
    at: Moment,
}

impl Case<'_> {
    fn rulings(&self, standing: &Standing) -> Vec<Ruling> {
        let (how, mut doubts) = match standing {
            Standing::Flagged { how } => {
                return vec![self.ruling(Kind::Advisory, Severity::Medium, format!("red flag: {how}"))];
            }
            Standing::Subject { how, doubt } => (how, doubt.iter().cloned().collect::<Vec<_>>()),
        };
        match place(self.rule, self.situation) {
            Some(true) => {}
            Some(false) => return vec![self.not_covered(elsewhere(self.rule))],
            None => doubts
                .push("it was not said where and by whom; the rule holds in some places only".to_owned()),
        }
        if let Err(why) = self.object() {
            return vec![self.not_covered(why)];
        }
        doubts.extend(self.depth_doubt());
        let mut rulings: Vec<Ruling> = Vec::new();
        for activity in self.situation.done() {
            let ruling = self.activity(&activity, how, &doubts);
            // What does not depend on the activity is said once.
            let same = |other: &Ruling| other.kind == ruling.kind && other.why == ruling.why;
            if !rulings.iter().any(same) {
                rulings.push(ruling);
            }
        }
        if self.item.state == State::Remnant { self.remnant(how, rulings) } else { rulings }
    }

    /// What is left of a product matters to those to whom the product would.
    fn remnant(&self, how: &str, if_installed: Vec<Ruling>) -> Vec<Ruling> {
        if if_installed.iter().all(|ruling| ruling.kind >= Kind::Advisory) {
            return if_installed;
        }
        let why = format!("{} was removed and left something; {how}", self.product.name);
        let severity = if self.item.grade <= Grade::B { Severity::Medium } else { Severity::Low };
        vec![self.ruling(Kind::Remnant, severity, why)]
    }

    /// Whether it is a product that the rule is about, and deep enough; else why not.
    fn object(&self) -> Result<(), String> {
        let object = &self.rule.object;
        let name = &self.product.name;
        let named = object.products.contains(&self.product.id) || self.product.succeeds.is_some();
        let of_class = self.product.classes.iter().any(|class| object.classes.contains(class));
        if !(object.all || of_class || (named && !object.products.is_empty())) {
            let classes = object.classes.join(", ");
            return Err(format!(
                "{name} is {}, and the rule is about {classes}",
                self.product.classes.join(", ")
            ));
        }
        let has = |depth: &str| object.depth.iter().any(|word| word == depth);
        match &self.item.integrated_in {
            Some(host) if !has("integrated") && !has("substantial-component") => Err(format!(
                "it is inside {}, and the rule excludes what is inside products of others",
                host.name
            )),
            None if !has("direct") => {
                Err("the rule is only about what is inside products of others".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn depth_doubt(&self) -> Option<String> {
        let has = |depth: &str| self.rule.object.depth.iter().any(|word| word == depth);
        let decided =
            has("integrated") || self.situation.purposes.iter().any(|word| word == "substantial-component");
        let inside = self.item.integrated_in.is_some() && !decided;
        inside.then(|| "whether it is a substantial or essential component must be decided".to_owned())
    }

    fn activity(&self, activity: &str, how: &str, doubts: &[String]) -> Ruling {
        let forbids =
            self.rule.forbids.iter().filter(|forbid| forbid.activities.iter().any(|word| word == activity));
        let applying: Vec<&Forbid> = forbids.clone().filter(|forbid| self.binds(forbid)).collect();
        let advice = self.advice(activity);
        // What the rule does not concern needs no exemption.
        if (!applying.is_empty() || advice.is_some())
            && let Some(exemption) = self.exemption(activity)
        {
            return self.exempt(exemption);
        }
        let ruled = applying.iter().map(|forbid| self.forbidden(forbid, activity, how, doubts));
        if let Some(ruling) = ruled.min_by_key(|ruling| ruling.kind)
            && (ruling.kind < Kind::Replace || advice.is_none())
        {
            return ruling;
        }
        if let Some(advice) = advice {
            return self.advised(advice, activity, doubts);
        }
        let role = with_article(&self.situation.role);
        let mut bound: Vec<&str> =
            self.rule.forbids.iter().flat_map(|forbid| &forbid.bound).map(String::as_str).collect();
        bound.sort_unstable();
        bound.dedup();
        let why = match forbids.count() {
            0 if !bound.contains(&self.situation.role.as_str()) => {
                format!("it does not bind {role}; it binds: {}", bound.join(", "))
            }
            0 => format!("it does not forbid to {activity}"),
            _ => format!("it forbids that to others ({}) and not to {role}", bound.join(", ")),
        };
        self.not_covered(why)
    }

    /// Whether a prohibition concerns who asks: it binds them, or the maker who is the other side of what they do.
    fn binds(&self, forbid: &Forbid) -> bool {
        forbid.bound.iter().any(|party| party == "subject" || self.situation.is(party))
    }

    fn forbidden(&self, forbid: &Forbid, activity: &str, how: &str, doubts: &[String]) -> Ruling {
        let mut doubts = doubts.to_vec();
        for (wanted, given, what) in [
            (wide(&forbid.devices, &self.rule.object.devices), self.device(), "device"),
            (wide(&forbid.systems, &self.rule.object.systems), self.situation.system.clone(), "system"),
        ] {
            match given {
                _ if wanted.is_empty() => {}
                Some(given) if wanted.contains(&given) => {}
                Some(given) => {
                    return self.not_covered(format!(
                        "it is about {what}s of class {}, and this is {given}",
                        wanted.join(", ")
                    ));
                }
                None => doubts.push(format!(
                    "it is about {what}s of class {} only; say which it is",
                    wanted.join(", ")
                )),
            }
        }
        let contract = self.situation.contract.zip(forbid.contracts_before.as_ref());
        if let Some((made, before)) = contract
            && made < before.instant()
        {
            return self.not_covered(format!("the contract is from before {before}"));
        }
        let mut ruling = self.timed(forbid, activity, how, &mut doubts);
        if ruling.kind == Kind::Prohibited {
            // Traffic shows that something inside calls its maker, and not what whoever asks does with it.
            if self.item.state == State::Contacted && !SHOWN_BY_TRAFFIC.contains(&activity) {
                doubts.push("only its servers were contacted: find the program that did it".to_owned());
            }
            if forbid.checked == Checked::Memory {
                doubts.push("this part of the rule was not looked up".to_owned());
            }
            // Nothing is prohibited on a name alone, whatever a rule says.
            if self.item.grade > self.rule.floors.prohibited.min(Grade::B) {
                doubts.push(format!("the evidence is of grade {} only", self.item.grade));
            }
            if !doubts.is_empty() {
                ruling.kind = Kind::Review;
                ruling.why = format!("{}, but {}", ruling.why, doubts.join("; "));
            }
        }
        ruling.clause.clone_from(&forbid.clause);
        ruling.binds.clone_from(&forbid.bound);
        add_duties(self.rule, self.situation, &self.at, &mut ruling);
        ruling
    }

    /// What a prohibition says at the instant.
    fn timed(&self, forbid: &Forbid, activity: &str, how: &str, doubts: &mut Vec<String>) -> Ruling {
        let now = self.at.instant();
        let said = forbid.says.clone().unwrap_or_else(|| format!("to {}", activity.replace('-', " ")));
        let whom = if forbid.bound.iter().any(|party| self.situation.is(party)) {
            format!("forbidden to {}", with_article(&self.situation.role))
        } else {
            "forbidden to the maker".to_owned()
        };
        if now < forbid.from.instant() {
            let announced = self.rule.announced.as_ref().is_some_and(|announced| announced.instant() <= now);
            let mut ruling = if announced {
                let why = format!("allowed until {}; from then on {whom}: {said}", forbid.from);
                self.ruling(Kind::Advisory, Severity::Medium, why)
            } else {
                self.not_covered(format!("nothing of this was in force before {}", forbid.from))
            };
            ruling.activity = Some(activity.to_owned());
            return ruling;
        }
        if let Some(until) = forbid.until.as_ref().filter(|until| until.instant() <= now) {
            return self.not_covered(format!("it was in force until {until}"));
        }
        let suspended =
            forbid.suspended.iter().find(|(from, until)| from.instant() <= now && now < until.instant());
        if let Some((from, until)) = suspended {
            return self.ruling(
                Kind::Advisory,
                Severity::Low,
                format!("suspended from {from} until {until}"),
            );
        }
        if let Some(until) = forbid.ambiguous_until.as_ref().filter(|until| now < until.instant()) {
            let from = &forbid.from;
            doubts.push(format!(
                "its beginning is disputed between {from} and {until}: treat it as prohibited"
            ));
        }
        let mut why = format!("{whom}: {said}; {how}");
        if let Some(published) = forbid.published.as_ref().filter(|published| now < published.instant()) {
            why.push_str(&format!("; it reaches back, and was published on {published}"));
        }
        let mut ruling = self.ruling(Kind::Prohibited, Severity::High, why);
        ruling.activity = Some(activity.to_owned());
        ruling.since = Some(forbid.from.clone());
        ruling
    }

    /// The device: what was said, or the only one that the product is made for.
    fn device(&self) -> Option<String> {
        let only = || self.product.devices.first().filter(|_| self.product.devices.len() == 1).cloned();
        self.situation.device.clone().or_else(only)
    }

    fn exemption(&self, activity: &str) -> Option<&Exemption> {
        let now = self.at.instant();
        self.rule.exemptions.iter().find(|exemption| {
            let class = exemption.classes.is_empty()
                || self.product.classes.iter().any(|class| exemption.classes.contains(class));
            let product = exemption.products.is_empty() || exemption.products.contains(&self.product.id);
            let done =
                exemption.activities.is_empty() || exemption.activities.iter().any(|word| word == activity);
            let bound =
                exemption.bound.is_empty() || exemption.bound.iter().any(|party| self.situation.is(party));
            let open = exemption.from.as_ref().is_none_or(|from| from.instant() <= now)
                && exemption.until.as_ref().is_none_or(|until| now < until.instant());
            let decided = exemption.unless.iter().any(|word| self.situation.purposes.contains(word));
            // A qualifier alone excepts only who says it; for a class it decides between exempt and review.
            let named = !exemption.classes.is_empty() || !exemption.products.is_empty();
            class && product && done && bound && open && !decided && (named || self.qualified(exemption))
        })
    }

    fn qualified(&self, exemption: &Exemption) -> bool {
        exemption.only_if.is_empty()
            || exemption.only_if.iter().any(|word| self.situation.purposes.contains(word))
    }

    fn exempt(&self, exemption: &Exemption) -> Ruling {
        let mut ruling = if exemption.review {
            self.ruling(Kind::Review, Severity::Medium, exemption.says.clone())
        } else if self.qualified(exemption) {
            self.ruling(Kind::Exempt, Severity::None, exemption.says.clone())
        } else {
            let only = exemption.only_if.join(" or ");
            let why = format!("{} Whether it is {only} must be decided.", exemption.says);
            self.ruling(Kind::Review, Severity::Medium, why)
        };
        ruling.clause.clone_from(&exemption.clause);
        ruling
    }

    fn advice(&self, activity: &str) -> Option<&Advice> {
        let now = self.at.instant();
        self.rule.advice.iter().rev().find(|advice| {
            (advice.activities.is_empty() || advice.activities.iter().any(|word| word == activity))
                && (advice.bound.is_empty() || advice.bound.iter().any(|party| self.situation.is(party)))
                && advice.from.as_ref().is_none_or(|from| from.instant() <= now)
                && advice.until.as_ref().is_none_or(|until| now < until.instant())
        })
    }

    fn advised(&self, advice: &Advice, activity: &str, doubts: &[String]) -> Ruling {
        let mut ruling = self.ruling(advice.kind, advice.severity, advice.says.clone());
        let weak = self.item.grade > Grade::B && advice.kind == Kind::Replace;
        if weak || (!doubts.is_empty() && advice.kind == Kind::Replace) {
            ruling.kind = Kind::Review;
            let grade = weak.then(|| format!("the evidence is of grade {} only", self.item.grade));
            let doubts: Vec<String> = doubts.iter().cloned().chain(grade).collect();
            ruling.why = format!("{} But {}.", advice.says, doubts.join("; "));
        }
        ruling.activity = Some(activity.to_owned());
        ruling.since.clone_from(&advice.from);
        ruling
    }

    fn not_covered(&self, why: String) -> Ruling {
        self.ruling(Kind::NotCovered, Severity::None, why)
    }

    fn ruling(&self, kind: Kind, severity: Severity, why: String) -> Ruling {
        bare(self.rule, &self.at, self.item.grade, kind, severity, why)
    }
}

/// What the traffic of a program shows.
const SHOWN_BY_TRAFFIC: [&str; 3] = ["update", "operate-cloud", "integrate"];

/// Of two lists the first that says something.
fn wide<'l>(narrow: &'l [String], wide: &'l [String]) -> &'l [String] {
    if narrow.is_empty() { wide } else { narrow }
}

/// Whether the rule holds where it is done, if that is known.
pub(crate) fn place(rule: &Rule, situation: &Situation) -> Option<bool> {
    let place = &rule.place;
    if place.countries.is_empty() && place.persons.is_empty() {
        return Some(true);
    }
    if situation.person.as_ref().is_some_and(|person| place.persons.contains(person)) {
        return Some(true);
    }
    let country = situation.place.as_ref()?;
    if place.countries.contains(country) {
        return Some(true);
    }
    // Elsewhere it still follows persons, if it does and who it is was not said.
    if place.persons.is_empty() || situation.person.is_some() { Some(false) } else { None }
}

pub(crate) fn elsewhere(rule: &Rule) -> String {
    let mut whom = rule.place.countries.join(", ");
    if !rule.place.persons.is_empty() {
        whom.push_str(&format!(
            ", and for persons of {} anywhere",
            rule.place.persons.join(", ").to_uppercase()
        ));
    }
    format!("it holds in {whom}")
}

/// A ruling with all that comes from the rule and the instant alone.
pub(crate) fn bare(
    rule: &Rule,
    at: &Moment,
    grade: Grade,
    kind: Kind,
    severity: Severity,
    why: String,
) -> Ruling {
    Ruling {
        rule: rule.id.clone(),
        title: rule.title.clone(),
        kind,
        activity: None,
        severity,
        why,
        binds: Vec::new(),
        clause: None,
        text: rule.text(&at.day()).cloned(),
        at: at.clone(),
        since: None,
        next: next(rule, at),
        grade,
        duties: Vec::new(),
        consequence: None,
        alert: None,
        unverified: rule.unverified.clone(),
        sources: rule.sources.clone(),
    }
}

/// The instants at which something of a rule changes, and what.
pub(crate) fn changes(rule: &Rule) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |at: Option<&Moment>, what: String| {
        changes.extend(at.map(|at| Change { at: at.clone(), what }));
    };
    for forbid in &rule.forbids {
        let what = format!("{}, for {}", forbid.activities.join(", "), forbid.bound.join(", "));
        add(Some(&forbid.from), format!("forbidden: {what}"));
        add(forbid.ambiguous_until.as_ref(), format!("forbidden beyond dispute: {what}"));
        add(forbid.until.as_ref(), format!("no longer forbidden: {what}"));
        add(forbid.published.as_ref(), format!("published: {what}"));
        for (from, until) in &forbid.suspended {
            add(Some(from), format!("suspended: {what}"));
            add(Some(until), format!("in force again: {what}"));
        }
    }
    for advice in &rule.advice {
        add(advice.from.as_ref(), advice.says.clone());
    }
    for exemption in &rule.exemptions {
        add(exemption.from.as_ref(), format!("excepted: {}", exemption.says));
        add(exemption.until.as_ref(), format!("no longer excepted: {}", exemption.says));
    }
    for duty in &rule.duties {
        add(duty.from.as_ref(), format!("to be done: {}", duty.what));
    }
    for closure in &rule.subject.closures {
        add(closure.from.as_ref(), format!("the rule extends to {}", closure.kind));
        for (from, until) in &closure.suspended {
            add(Some(from), format!("the extension to {} is suspended", closure.kind));
            add(Some(until), format!("the suspension of the extension to {} ends", closure.kind));
        }
    }
    changes.sort_by_key(|change| change.at.instant());
    changes
}

fn next(rule: &Rule, at: &Moment) -> Option<Change> {
    changes(rule).into_iter().find(|change| at.instant() < change.at.instant())
}

/// Adds what who asks has to do, and what they are threatened with. Neither comes of what binds somebody else.
pub(crate) fn add_duties(rule: &Rule, situation: &Situation, at: &Moment, ruling: &mut Ruling) {
    let concerns = ruling.binds.iter().any(|party| situation.is(party));
    if !concerns || !matches!(ruling.kind, Kind::Prohibited | Kind::Review) {
        return;
    }
    let now = at.instant();
    let open = |from: &Option<Moment>, until: &Option<Moment>| {
        from.as_ref().is_none_or(|from| from.instant() <= now)
            && until.as_ref().is_none_or(|until| now < until.instant())
    };
    let found = Moment { at: situation.discovered.unwrap_or(situation.at).to_zoned(rule.zone.clone()) };
    for duty in &rule.duties {
        if duty.bound.iter().any(|party| situation.is(party)) && open(&duty.from, &duty.until) {
            let begin = duty.counts_from.as_ref().unwrap_or(&found);
            ruling.duties.extend(deadline(begin, duty.within).map(|deadline| Due {
                what: duty.what.clone(),
                to: duty.to.clone(),
                clause: duty.clause.clone(),
                within: duty.within.to_string(),
                deadline,
                repeats: duty.repeats,
            }));
        }
    }
    if ruling.kind == Kind::Prohibited && situation.role != "user" {
        let threat = rule.consequences.iter().find(|consequence| consequence.bound.contains(&situation.role));
        ruling.consequence = threat.map(|threat| match threat.checked {
            Checked::Memory => format!("{} (amounts not verified)", threat.says),
            _ => threat.says.clone(),
        });
    }
}

/// The end of a period; of days, the end of the last one.
fn deadline(begin: &Moment, within: Within) -> Option<Moment> {
    use jiff::ToSpan;
    use jiff::civil::Weekday;
    let zone = begin.at.time_zone().clone();
    let mut date = begin.at.date();
    match within {
        Within::Hours(hours) => {
            return begin.at.checked_add(i64::from(hours).hours()).ok().map(|at| Moment { at });
        }
        Within::Days(days) => date = date.checked_add(i64::from(days).days()).ok()?,
        Within::Months(months) => date = date.checked_add(i64::from(months).months()).ok()?,
        Within::BusinessDays(days) => {
            for _ in 0..days {
                date = date.tomorrow().ok()?;
                while matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
                    date = date.tomorrow().ok()?;
                }
            }
        }
    }
    let at = date.at(23, 59, 59, 0).to_zoned(zone).ok()?;
    Some(Moment { at })
}
