//! The proof as one JSON document.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Alone, Inspected, Proof, Row};
use crate::prove::process::Space;
use crate::prove::trial::Refusal;

/// Writes the proof to standard output.
pub(super) fn write(proof: &Proof) -> io::Result<()> {
    let document = json!({
        "schema": 1,
        "worker": proof.worker.display().to_string(),
        "user": proof.user.map(|(user, group)| json!({ "user": user, "group": group })),
        "only": proof.only,
        "missing": proof.missing,
        "attempts": proof.rows.iter().map(row).collect::<Vec<_>>(),
        "process": proof.inspected.as_ref().map(inspected),
        "through": proof.holes,
    });
    let mut out = io::stdout().lock();
    out.write_all(&crate::output::json::pretty(&document)?)?;
    out.flush()
}

fn row(row: &Row) -> Value {
    let alone: serde_json::Map<String, Value> = row
        .alone
        .iter()
        .map(|(mechanism, alone)| {
            let value = match alone {
                Alone::There(what) => refusal(what),
                Alone::Lacking => Value::Null,
            };
            (mechanism.clone(), value)
        })
        .collect();
    json!({
        "group": row.attempt.group,
        "call": row.attempt.call,
        "what": row.attempt.what,
        "confined": refusal(&row.refusal),
        "filter_alone": row.filter.as_ref().map(refusal),
        "alone": alone,
        "unconfined": row.control.as_ref().map(refusal),
    })
}

fn refusal(refusal: &Refusal) -> Value {
    match refusal {
        Refusal::Refused(how) => json!({ "refused": true, "how": how }),
        Refusal::Through(how) => json!({ "refused": false, "how": how }),
    }
}

fn inspected(inspected: &Inspected) -> Value {
    let Inspected { pid, facts, reachable } = inspected;
    let status: serde_json::Map<String, Value> =
        facts.status.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let descriptors = facts.descriptors.as_ref().map(|all| {
        let rows = all.iter().map(|(number, what)| json!({ "number": number, "what": what }));
        rows.collect::<Vec<_>>()
    });
    let namespaces = facts.namespaces.as_ref().map(|all| {
        let rows = all.iter().map(|(kind, space)| ((*kind).to_owned(), json!(*space == Space::Own)));
        rows.collect::<serde_json::Map<_, _>>()
    });
    let filter = match reachable {
        Ok(reachable) => json!({
            "shown": true,
            "left": reachable.left.iter().map(|left| json!({
                "call": left.name,
                "purpose": left.purpose,
                "conditions": left.conditions,
            })).collect::<Vec<_>>(),
            "failing": reachable.failing,
            "killing": reachable.killing,
            "foreign": reachable.foreign,
        }),
        Err(why) => json!({ "shown": false, "why": why }),
    };
    json!({
        "pid": pid,
        "status": status,
        "descriptors": descriptors,
        "own_namespaces": namespaces,
        "root_folder": facts.root,
        "network_interfaces": facts.interfaces,
        "limits": facts.limits,
        "filter": filter,
    })
}
