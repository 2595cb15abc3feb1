//! Denies every right that the kernel's Landlock knows: files, TCP ports, signals, abstract sockets.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreated,
    RulesetError, RulesetStatus, Scope,
};
use rustix::thread::set_no_new_privs;

use super::{Missing, NotConfined};

/// What each version added, newest first, and whether a network and a root folder of its own make up for it.
const VERSIONS: [(ABI, &str, Instead); 9] = [
    (ABI::V9, "Unix sockets in folders", Instead::Namespaces),
    (ABI::V8, "", Instead::Namespaces),
    (ABI::V7, "", Instead::Namespaces),
    (ABI::V6, "signals to others and abstract Unix sockets", Instead::Filter),
    (ABI::V5, "requests to devices that are open", Instead::Filter),
    (ABI::V4, "TCP ports", Instead::Namespaces),
    (ABI::V3, "cutting files short", Instead::Filter),
    (ABI::V2, "moving files between folders", Instead::Namespaces),
    (ABI::V1, "files", Instead::Filter),
];

/// What prevents the harm where a version is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instead {
    /// There is nothing to reach: enough where there are namespaces. The filter is there as well.
    Namespaces,
    /// The filter only.
    Filter,
}

/// Denies everything and allows nothing. `there` is what else there is.
pub(super) fn deny(there: Instead, missing: &mut Missing) -> Result<(), NotConfined> {
    // Landlock takes this from nobody who could still gain privileges.
    set_no_new_privs(true).map_err(|error| NotConfined::System("having no new privileges", error))?;
    let mut lacking = Vec::new();
    for (version, adds, instead) in VERSIONS {
        // Hard requirements: a version that the kernel has only in part is not taken.
        let rules = match everything(version) {
            Ok(rules) => rules,
            // The version is there, and something else is wrong.
            Err(error @ RulesetError::CreateRuleset(_)) => {
                return Err(NotConfined::Landlock(error.to_string()));
            }
            Err(_) => {
                let covered = (there, instead) == (Instead::Namespaces, Instead::Namespaces);
                if !adds.is_empty() && !covered {
                    lacking.push(adds);
                }
                continue;
            }
        };
        let status = rules.restrict_self().map_err(|error| NotConfined::Landlock(error.to_string()))?;
        if status.ruleset != RulesetStatus::FullyEnforced || !status.no_new_privs {
            return Err(NotConfined::Landlock("its rules are enforced in part only".to_owned()));
        }
        if !lacking.is_empty() {
            missing.add(format!(
                "the kernel's Landlock does not know {}; the filter of system calls kills who tries",
                lacking.join(", ")
            ));
        }
        return Ok(());
    }
    missing.add(
        "the kernel has no Landlock; files cannot be opened all the same: the filter kills who tries, and in a \
         root folder of its own there are none",
    );
    Ok(())
}

fn everything(version: ABI) -> Result<RulesetCreated, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(version))?;
    let ports = AccessNet::from_all(version);
    if !ports.is_empty() {
        rules = rules.handle_access(ports)?;
    }
    let scopes = Scope::from_all(version);
    if !scopes.is_empty() {
        rules = rules.scope(scopes)?;
    }
    rules.create()
}
