//! Denies the rights that the kernel's Landlock knows: files, TCP ports, signals, abstract sockets.

use std::os::fd::BorrowedFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::fs::{FileType, fstat};
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
    let Some(lacking) = restrict(everything)? else {
        missing.add(
            "the kernel has no Landlock; files cannot be opened all the same: the filter kills who tries, and in a \
             root folder of its own there are none",
        );
        return Ok(());
    };
    let uncovered: Vec<_> = lacking
        .into_iter()
        .filter(|(_, instead)| (there, *instead) != (Instead::Namespaces, Instead::Namespaces))
        .map(|(adds, _)| adds)
        .collect();
    if !uncovered.is_empty() {
        missing.add(format!(
            "the kernel's Landlock does not know {}; the filter of system calls kills who tries",
            uncovered.join(", ")
        ));
    }
    Ok(())
}

/// Denies everything but what is allowed.
pub(super) fn deny_all_but(allowed: &Allowed<'_>, missing: &mut Missing) -> Result<(), NotConfined> {
    let Some(lacking) = restrict(|version| allowed.rules(version))? else {
        missing.add("the kernel has no Landlock; only the rights of its user keep it from files of others");
        return Ok(());
    };
    if !lacking.is_empty() {
        let lacking: Vec<_> = lacking.into_iter().map(|(adds, _)| adds).collect();
        missing.add(format!("the kernel's Landlock does not know {}", lacking.join(", ")));
    }
    Ok(())
}

/// Files, folders and ports that are left.
#[derive(Debug, Default)]
pub(super) struct Allowed<'a> {
    /// Folders in which files and folders may be made, read, changed and removed.
    pub(super) writable: &'a [BorrowedFd<'a>],
    /// Files and folders that may be read, and sockets in the folders that may be connected to.
    pub(super) readable: &'a [BorrowedFd<'a>],
    /// TCP ports that may be connected to.
    pub(super) ports: &'a [u16],
}

impl Allowed<'_> {
    fn rules(&self, version: ABI) -> Result<RulesetCreated, RulesetError> {
        let known = AccessFs::from_all(version);
        let mut rules = everything(version)?;
        let write = AccessFs::ReadFile
            | AccessFs::ReadDir
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            | AccessFs::RemoveFile
            | AccessFs::RemoveDir;
        for folder in self.writable {
            rules = rules.add_rule(PathBeneath::new(folder, write & known))?;
        }
        for place in self.readable {
            let is_folder =
                fstat(place).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
            let read = if is_folder {
                AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::ResolveUnix
            } else {
                AccessFs::ReadFile.into()
            };
            rules = rules.add_rule(PathBeneath::new(place, read & known))?;
        }
        // Older kernels do not know ports and deny none.
        if !AccessNet::from_all(version).is_empty() {
            for port in self.ports {
                rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
            }
        }
        Ok(rules)
    }
}

/// What a kernel lacks, with what makes up for it in a worker.
type Lacking = Vec<(&'static str, Instead)>;

/// Enforces the rules of the newest version that the kernel has as a whole. Nothing comes back if it has none.
fn restrict(
    rules: impl Fn(ABI) -> Result<RulesetCreated, RulesetError>,
) -> Result<Option<Lacking>, NotConfined> {
    // Landlock takes this from nobody who could still gain privileges.
    set_no_new_privs(true).map_err(|error| NotConfined::System("having no new privileges", error))?;
    let mut lacking = Vec::new();
    for (version, adds, instead) in VERSIONS {
        // Hard requirements: a version that the kernel has only in part is not taken.
        let rules = match rules(version) {
            Ok(rules) => rules,
            // The version is there, and something else is wrong.
            Err(error @ (RulesetError::CreateRuleset(_) | RulesetError::AddRules(_))) => {
                return Err(NotConfined::Landlock(error.to_string()));
            }
            Err(_) => {
                if !adds.is_empty() {
                    lacking.push((adds, instead));
                }
                continue;
            }
        };
        let status = rules.restrict_self().map_err(|error| NotConfined::Landlock(error.to_string()))?;
        if status.ruleset != RulesetStatus::FullyEnforced || !status.no_new_privs {
            return Err(NotConfined::Landlock("its rules are enforced in part only".to_owned()));
        }
        return Ok(Some(lacking));
    }
    Ok(None)
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
