//! Rulings as one page for a compliance officer: no scripts, nothing that is loaded from elsewhere.

use std::io::{self, Write};

use candor_compliance::{Kind, Ruling, Severity};

use super::{Checked, Judged, since, told};
use crate::numbers::{counted, grouped};
use crate::output::html::{STYLE, Text};

/// Places and pieces of evidence that are listed of an item.
const SHOWN: usize = 20;

/// Writes the page.
pub(super) fn write(to: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    writeln!(to, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>")?;
    writeln!(
        to,
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )?;
    writeln!(
        to,
        "<meta name=viewport content=\"width=device-width\"><title>Candor: rules and what is installed</title>"
    )?;
    writeln!(to, "<style>{STYLE}{MORE_STYLE}</style></head><body><main>")?;
    head(to, checked)?;
    question(to, checked)?;
    for judged in &checked.judged {
        item(to, checked, judged)?;
    }
    gaps(to, checked)?;
    meanings(to)?;
    writeln!(
        to,
        "<footer>Made by Candor {} on this machine; nothing was sent anywhere. ",
        crate::version::VERSION
    )?;
    writeln!(
        to,
        "This is no legal advice. Every ruling names the text that it rests on, and what is not verified."
    )?;
    writeln!(to, "</footer></main></body></html>")
}

const MORE_STYLE: &str = "
.ruling { margin: .6rem 0; padding: .6rem .9rem; border-left: 5px solid #b9c2cf; background: #f7f9fb; border-radius: 0 6px 6px 0; }
.ruling p { margin: .2rem 0; }
.ruling.prohibited { border-color: var(--alarm); background: #fcf3f2; }
.ruling.replace, .ruling.review, .ruling.remnant { border-color: var(--gap); background: #fdf8ef; }
.ruling.exempt, .ruling.clean { border-color: var(--calm); background: #f1f8f4; }
.ruling dl { display: grid; grid-template-columns: 9rem 1fr; gap: .15rem .8rem; margin: .4rem 0 0; font-size: .87rem; }
.ruling dd { font-size: .87rem; font-weight: 400; overflow-wrap: anywhere; }
.ruling.advisory { border-color: #2f5d9b; background: #f1f5fa; }
.verdict.replace, .verdict.review, .verdict.remnant { background: var(--gap); }
.verdict.advisory { background: #2f5d9b; }
.verdict.exempt, .verdict.clean { background: var(--calm); }
.facts { margin: .2rem 0 .8rem; }
.evidence { table-layout: fixed; }
.evidence td { overflow-wrap: anywhere; }
.evidence th:nth-child(1) { width: 3.5rem; }
.evidence th:nth-child(2) { width: 46%; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--faint); font-size: .87rem; }
";

fn head(to: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    let count = |kind: Kind| checked.judged.iter().filter(|judged| judged.gravest() == kind).count() as u64;
    let (prohibited, replace) = (count(Kind::Prohibited), count(Kind::Replace));
    let open = count(Kind::Review) + count(Kind::Remnant) + count(Kind::Advisory);
    let (class, headline) = match (prohibited, replace, open) {
        (0, 0, 0) if checked.collected.all_gaps > 0 => {
            ("gap", "No rule asks for anything, but not everything could be examined".to_owned())
        }
        (0, 0, 0) => ("calm", "No rule asks for anything".to_owned()),
        (0, 0, open) => ("gap", format!("{} to look at", counted(open, "product", "products"))),
        (0, replace, _) => ("gap", format!("{} to be replaced", counted(replace, "product", "products"))),
        (prohibited, _, _) => {
            ("alarm", format!("Something is prohibited about {}", counted(prohibited, "product", "products")))
        }
    };
    writeln!(
        to,
        "<header class={class}><p class=program>Candor check, rules as of {}</p>",
        Text(&date(checked))
    )?;
    writeln!(to, "<h1>{}</h1></header><dl class=tiles>", Text(&headline))?;
    for (kind, name) in [
        (Kind::Prohibited, "prohibited"),
        (Kind::Replace, "to be replaced"),
        (Kind::Review, "to be reviewed"),
        (Kind::Remnant, "remnants"),
        (Kind::Advisory, "advisories"),
        (Kind::Exempt, "exempt"),
    ] {
        writeln!(to, "<div><dt>{name}</dt><dd>{}</dd></div>", grouped(count(kind)))?;
    }
    writeln!(to, "<div><dt>not examined</dt><dd>{}</dd></div>", grouped(checked.collected.all_gaps as u64))?;
    writeln!(to, "<div><dt>files examined</dt><dd>{}</dd></div></dl>", grouped(checked.collected.files))
}

fn date(checked: &Checked<'_>) -> String {
    checked.situation.at.strftime("%Y-%m-%d").to_string()
}

fn question(to: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    writeln!(to, "<section><h2>What was asked</h2><table class=options><tbody>")?;
    for (name, value) in &checked.asked {
        writeln!(to, "<tr><th>{name}</th><td>{}</td></tr>", Text(value))?;
    }
    writeln!(
        to,
        "</tbody></table><p class=faint>A rule that asks about something which was not said answers with a review."
    )?;
    writeln!(to, "{} asked.</p></section>", counted(checked.rules as u64, "rule was", "rules were"))
}

fn item(to: &mut dyn Write, checked: &Checked<'_>, judged: &Judged<'_>) -> io::Result<()> {
    let item = judged.item;
    let product = checked.catalogue.product(&item.product);
    let name = product.map_or(item.product.as_str(), |product| product.name.as_str());
    let version = item.version.as_deref().unwrap_or_default();
    let gravest = judged.gravest();
    let version = if version.is_empty() { String::new() } else { format!(", version {version}") };
    writeln!(to, "<section><h2>{}{} ", Text(name), Text(&version))?;
    writeln!(to, "<span class=\"verdict {0}\">{1}</span></h2>", gravest.name(), words(gravest))?;
    let maker = product.and_then(|product| checked.catalogue.entity(&product.maker));
    let country = maker.and_then(|maker| maker.country.as_deref());
    let maker = maker.map_or("unknown", |maker| maker.name.as_str());
    let country = country.map(|country| format!(" ({country})")).unwrap_or_default();
    write!(to, "<p class=facts>Made by {}{}. Seen as {}. ", Text(maker), Text(&country), item.state.name())?;
    writeln!(to, "Evidence of grade {}: {}.", item.grade, grade(item.grade))?;
    if let Some(host) = &item.host {
        writeln!(to, " On <b>{}</b>.", Text(host))?;
    }
    if let Some(integration) = &item.integrated_in {
        writeln!(to, " Inside of <b>{}</b>.", Text(&integration.name))?;
    }
    writeln!(to, "</p>")?;
    if judged.stages.is_empty() {
        judged.told(checked.all).try_for_each(|one| ruling(to, one))?;
        if judged.told(checked.all).next().is_none() {
            writeln!(to, "<div class=\"ruling clean\"><p>No rule asks for anything.</p></div>")?;
        }
    }
    for stage in &judged.stages {
        writeln!(to, "<h3>{}</h3>", Text(&since(stage)))?;
        let mut rulings = told(&stage.rulings, checked.all).peekable();
        if rulings.peek().is_none() {
            writeln!(to, "<p class=faint>No rule asks for anything.</p>")?;
        }
        rulings.try_for_each(|one| ruling(to, one))?;
    }
    evidence(to, judged)?;
    writeln!(to, "</section>")
}

fn ruling(to: &mut dyn Write, ruling: &Ruling) -> io::Result<()> {
    writeln!(to, "<div class=\"ruling {}\"><p><b>{}</b> ", ruling.kind.name(), Text(&ruling.headline()))?;
    writeln!(to, "{}</p><p>{}</p><dl>", Text(&ruling.title), Text(&ruling.why))?;
    let mut row = |name: &str, text: &str| writeln!(to, "<dt>{name}</dt><dd>{}</dd>", Text(text));
    row("Text", &ruling.citation())?;
    if let Some(address) = ruling.text.as_ref().and_then(|text| text.url.as_deref()) {
        row("To be read at", address)?;
    }
    if !ruling.binds.is_empty() {
        row("Binds", &ruling.binds.join(", "))?;
    }
    if ruling.severity > Severity::None {
        row("Urgency", ruling.severity.name())?;
    }
    if let Some(since) = &ruling.since {
        row("Since", &since.to_string())?;
    }
    if let Some(next) = &ruling.next {
        row("Next change", &format!("{}: {}", next.at, next.what))?;
    }
    for due in &ruling.duties {
        let whom = due.to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
        let again = if due.repeats { "; comes again after each such period" } else { "" };
        row("To be done", &format!("{}{whom}, by {}{again}", due.what, due.until(&ruling.at)))?;
    }
    if let Some(consequence) = &ruling.consequence {
        row("Consequence", consequence)?;
    }
    if let Some(alert) = &ruling.alert {
        row("Besides", alert)?;
    }
    for unverified in &ruling.unverified {
        row("Not verified", unverified)?;
    }
    writeln!(to, "</dl></div>")
}

fn evidence(to: &mut dyn Write, judged: &Judged<'_>) -> io::Result<()> {
    let evidence = &judged.item.evidence;
    let facts = counted(judged.item.facts, "fact", "facts");
    writeln!(
        to,
        "<details open><summary>Evidence: {facts}</summary><table class=evidence><thead><tr><th>Grade</th><th>What</th>"
    )?;
    writeln!(to, "<th>Where</th><th>Known from</th></tr></thead><tbody>")?;
    for piece in evidence.iter().take(SHOWN) {
        writeln!(
            to,
            "<tr><td>{}</td><td>{}</td><td class=path>{}</td><td class=path>{}</td></tr>",
            piece.grade,
            Text(&piece.what),
            Text(&piece.place),
            Text(&piece.source.to_string())
        )?;
    }
    writeln!(to, "</tbody></table>")?;
    if evidence.len() > SHOWN {
        writeln!(to, "<p class=faint>and {} more</p>", evidence.len() - SHOWN)?;
    }
    writeln!(to, "</details>")
}

fn gaps(to: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    let collected = checked.collected;
    if collected.all_gaps == 0 && collected.errors.is_empty() {
        return Ok(());
    }
    writeln!(to, "<section><h2>What was not examined</h2><table><tbody>")?;
    for error in &collected.errors {
        writeln!(to, "<tr><td class=reason>error</td><td class=path colspan=2>{}</td></tr>", Text(error))?;
    }
    for (place, reason, detail) in collected.gaps.iter().take(SHOWN) {
        let reason = Text(reason.name());
        writeln!(
            to,
            "<tr><td class=reason>{reason}</td><td class=path>{}</td><td>{}</td></tr>",
            Text(place),
            Text(detail)
        )?;
    }
    writeln!(to, "</tbody></table>")?;
    if collected.all_gaps > SHOWN {
        let more = counted((collected.all_gaps - SHOWN) as u64, "more gap", "more gaps");
        writeln!(to, "<p class=faint>and {more}</p>")?;
    }
    writeln!(to, "</section>")
}

fn meanings(to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "<section><h2>What the words mean</h2><table class=options><tbody>")?;
    for (word, meaning) in [
        ("prohibited", "The rule forbids the activity in brackets to whom it binds."),
        (
            "to be replaced",
            "You may keep it: the rule gives you no penalty. But it gets no updates or loses support, so plan its replacement.",
        ),
        ("review", "A person must decide: something that the rule asks about is not known or not certain."),
        ("remnant", "The product was removed and left something behind."),
        ("advisory", "Somebody warns, or a prohibition comes."),
        ("exempt", "The rule would apply, and excepts this."),
        ("grade A", "Cryptographic, or content that only the vendor has."),
        ("grade B", "Two independent signals, or one very specific path or key."),
        ("grade C", "A name alone: never enough to call something prohibited."),
        ("grade D", "A mention."),
    ] {
        writeln!(to, "<tr><th>{word}</th><td>{meaning}</td></tr>")?;
    }
    writeln!(to, "</tbody></table></section>")
}

fn grade(grade: candor_products::Grade) -> &'static str {
    match grade {
        candor_products::Grade::A => "cryptographic, or content that only the vendor has",
        candor_products::Grade::B => "two independent signals, or one very specific one",
        candor_products::Grade::C => "a name alone",
        candor_products::Grade::D => "a mention",
    }
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Prohibited => "prohibited",
        Kind::Review => "review",
        Kind::Replace => "to be replaced",
        Kind::Remnant => "remnant",
        Kind::Advisory => "advisory",
        Kind::Exempt => "exempt",
        Kind::NotCovered => "not covered",
        Kind::Clean => "clean",
    }
}
