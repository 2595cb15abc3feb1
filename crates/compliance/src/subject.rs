//! Whether a rule is about a maker or a party.

use std::collections::BTreeSet;

use candor_products::{Catalogue, Checked, Product, RelationKind};

use crate::moment::Moment;
use crate::rule::{Closure, Rule};

/// What a party is to a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The rule is about it; with what is doubtful about that.
    Subject { how: String, doubt: Option<String> },
    /// It is only near to somebody that the rule is about.
    Flagged { how: String },
}

impl Standing {
    fn certain(how: impl Into<String>) -> Self {
        Self::Subject { how: how.into(), doubt: None }
    }
}

/// What a product is to a rule, by its name or its maker.
pub(crate) fn of_product(
    rule: &Rule,
    catalogue: &Catalogue,
    product: &Product,
    at: &Moment,
) -> Option<Standing> {
    if let Some(named) = named(rule, catalogue, product) {
        return Some(Standing::certain(named));
    }
    if !rule.object.products.is_empty() && rule.subject.entities.is_empty() {
        return None;
    }
    // Of countries nothing is said by makers of other things.
    let of_class = rule.object.all || product.classes.iter().any(|class| rule.object.classes.contains(class));
    of_entity(rule, catalogue, &product.maker, at, of_class)
}

fn named(rule: &Rule, catalogue: &Catalogue, product: &Product) -> Option<String> {
    let mut current = product;
    // A chain of successors is short; a ring of them ends.
    for _ in 0..16 {
        if rule.object.products.contains(&current.id) {
            let name = &current.name;
            return Some(match current.id == product.id {
                true => format!("the rule names {name}"),
                false => format!("it is a successor of {name}, which the rule names"),
            });
        }
        current = catalogue.product(current.succeeds.as_deref()?)?;
    }
    None
}

/// What an entity is to a rule.
pub(crate) fn of_entity(
    rule: &Rule,
    catalogue: &Catalogue,
    id: &str,
    at: &Moment,
    by_country: bool,
) -> Option<Standing> {
    let entity = catalogue.entity(id)?;
    let subject = &rule.subject;
    if subject.entities.iter().any(|named| named == id) {
        return Some(Standing::certain(format!("the rule names {}", entity.name)));
    }
    if by_country && let Some(country) = &entity.country {
        let foreign = !subject.foreign_to.is_empty() && !subject.foreign_to.contains(country);
        if foreign || subject.countries.contains(country) {
            return Some(Standing::certain(format!("its maker, {}, is in {country}", entity.name)));
        }
    }
    let named: BTreeSet<String> = subject.entities.iter().cloned().collect();
    let mut flagged = None;
    for closure in &subject.closures {
        let related = catalogue.related(&named, &at.day(), |relation, kind| {
            extends(&closure.kind, kind) && relation.share.is_none_or(|share| share >= closure.share)
        });
        let Some(relation) = related.get(id) else { continue };
        let how = format!(
            "{} belongs to whom the rule names ({}: {})",
            entity.name, closure.kind, relation.provenance
        );
        match standing(closure, at) {
            Window::Open => {
                let unproven = relation.provenance.checked == Checked::Memory
                    || (closure.kind == "majority" && relation.share.is_none());
                let doubt = unproven.then(|| "how they own each other was not looked up".to_owned());
                return Some(Standing::Subject { how, doubt });
            }
            Window::Uncertain => {
                let doubt = Some(
                    "the suspension of this extension has run out, and whether it was extended is not known"
                        .to_owned(),
                );
                return Some(Standing::Subject { how, doubt });
            }
            Window::Suspended => {
                flagged = Some(Standing::Flagged { how: format!("{how}, and this extension is suspended") });
            }
            Window::Closed => {}
        }
    }
    flagged.or_else(|| {
        let wanted = |kind| subject.flags.iter().any(|flag| extends(flag, kind));
        let related = catalogue.related(&named, &at.day(), |_, kind| wanted(kind));
        let relation = related.get(id)?;
        let how = format!(
            "{} is not named, and is near to whom the rule names ({})",
            entity.name, relation.provenance
        );
        Some(Standing::Flagged { how })
    })
}

/// Whether a relation of a kind extends a subject by that word.
fn extends(word: &str, kind: RelationKind) -> bool {
    match word {
        "parents" => kind == RelationKind::Parent,
        "subsidiaries" | "majority" => kind == RelationKind::Subsidiary,
        "successors" => kind == RelationKind::Successor,
        "affiliates" => {
            matches!(kind, RelationKind::Affiliate | RelationKind::Parent | RelationKind::Subsidiary)
        }
        _ => false,
    }
}

enum Window {
    Open,
    Closed,
    Suspended,
    Uncertain,
}

fn standing(closure: &Closure, at: &Moment) -> Window {
    let now = at.instant();
    let before = closure.from.as_ref().is_some_and(|from| now < from.instant());
    if before || closure.until.as_ref().is_some_and(|until| until.instant() <= now) {
        return Window::Closed;
    }
    if closure.suspended.iter().any(|(from, until)| from.instant() <= now && now < until.instant()) {
        return Window::Suspended;
    }
    let over = closure.suspended.iter().any(|(_, until)| until.instant() <= now);
    if over && closure.uncertain_after { Window::Uncertain } else { Window::Open }
}
