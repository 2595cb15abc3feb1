//! Denies every right that the kernel's Landlock knows: files, TCP ports, signals, abstract sockets.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreated,
    RulesetError, RulesetStatus, Scope,
};
use rustix::thread::set_no_new_privs;

use super::{Error, Missing};

/// What each version added, newest first, and what is in its place where it is missing.
const VERSIONS: [(ABI, &str); 9] = [
    (ABI::V9, "Unix sockets in folders"),
    (ABI::V8, ""),
    (ABI::V7, ""),
    (ABI::V6, "abstract Unix sockets and signals to others"),
    (ABI::V5, "requests to devices that are open"),
    (ABI::V4, "TCP ports"),
    (ABI::V3, "cutting files short"),
    (ABI::V2, "moving files between folders"),
    (ABI::V1, "files"),
];

/// Denies everything and allows nothing.
pub(super) fn deny(missing: &mut Missing) -> Result<(), Error> {
    // Landlock takes this from nobody who could still gain privileges.
    set_no_new_privs(true).map_err(|error| Error::System("having no new privileges", error))?;
    let mut lacking = Vec::new();
    for (version, adds) in VERSIONS {
        // Hard requirements: a version that the kernel has only in part is not taken.
        let rules = match everything(version) {
            Ok(rules) => rules,
            // The version is there, and something else is wrong.
            Err(error @ RulesetError::CreateRuleset(_)) => return Err(Error::Landlock(error.to_string())),
            Err(_) => {
                if !adds.is_empty() {
                    lacking.push(adds);
                }
                continue;
            }
        };
        let status = rules.restrict_self().map_err(|error| Error::Landlock(error.to_string()))?;
        if status.ruleset != RulesetStatus::FullyEnforced || !status.no_new_privs {
            return Err(Error::Landlock("its rules are enforced in part only".to_owned()));
        }
        if !lacking.is_empty() {
            missing.add(format!(
                "the kernel's Landlock does not know {}; the filter kills who tries, and in a network and a root \
                 folder of its own there is nothing to reach",
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
