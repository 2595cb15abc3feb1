//! Rulings for programs: one document, as `docs/check.md` describes it.

use std::io::{self, Write};

use candor_compliance::{Due, Ruling, Stage};
use serde_json::{Value, json};

use super::{Checked, told};
use crate::inventory::{gap_records, item_record};
use crate::output::json::pretty;

/// Writes all rulings.
pub(super) fn write(to: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    let collected = checked.collected;
    let items = checked.judged.iter().map(|judged| {
        let mut record = item_record(checked.catalogue, judged.item);
        record["ruling"] = judged.gravest().name().into();
        record["rulings"] = judged.told(checked.all).map(ruling).collect::<Vec<Value>>().into();
        if !judged.stages.is_empty() {
            record["timeline"] =
                judged.stages.iter().map(|at| stage(at, checked.all)).collect::<Vec<Value>>().into();
        }
        record
    });
    let situation = checked.situation;
    let document = json!({
        "check": 1,
        "asked": {
            "as": situation.role,
            "person": situation.person,
            "place": situation.place,
            "device": situation.device,
            "system": situation.system,
            "activities": situation.done(),
            "purposes": situation.purposes,
            "at": situation.at.to_string(),
        },
        "rules": checked.rules,
        "files": collected.files,
        "objects": collected.objects,
        "items": items.collect::<Vec<Value>>(),
        "gaps": gap_records(&collected.gaps),
        "all_gaps": collected.all_gaps,
        "errors": collected.errors,
    });
    to.write_all(&pretty(&document)?)
}

fn stage(stage: &Stage, all: bool) -> Value {
    json!({
        "from": stage.from.instant().to_string(),
        "rulings": told(&stage.rulings, all).map(ruling).collect::<Vec<Value>>(),
    })
}

fn ruling(ruling: &Ruling) -> Value {
    json!({
        "rule": ruling.rule,
        "title": ruling.title,
        "ruling": ruling.kind.name(),
        "activity": ruling.activity,
        "severity": ruling.severity.name(),
        "why": ruling.why,
        "binds": ruling.binds,
        "citation": ruling.citation(),
        "clause": ruling.clause,
        "text": ruling.text.as_ref().map(|text| json!({
            "cite": text.cite,
            "document": text.doc,
            "url": text.url,
            "valid_from": text.valid_from,
            "valid_until": text.valid_until,
        })),
        "at": ruling.at.to_string(),
        "since": ruling.since.as_ref().map(|since| since.instant().to_string()),
        "next": ruling.next.as_ref().map(|next| json!({"at": next.at.instant().to_string(), "what": next.what})),
        "grade": ruling.grade.name(),
        "duties": ruling.duties.iter().map(due).collect::<Vec<Value>>(),
        "consequence": ruling.consequence,
        "alert": ruling.alert,
        "unverified": ruling.unverified,
    })
}

fn due(due: &Due) -> Value {
    json!({
        "what": due.what,
        "to": due.to,
        "clause": due.clause,
        "within": due.within,
        "deadline": due.deadline.instant().to_string(),
        "repeats": due.repeats,
    })
}
