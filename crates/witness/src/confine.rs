//! Takes from the witness what it does not need: files outside of its folders, other programs, outgoing connections.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope,
};
use rustix::thread::set_no_new_privs;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};

/// The newest version of Landlock that is asked for; an older kernel gives what it has.
const VERSION: ABI = ABI::V6;

/// Confines the calling thread and all that it starts; call it before there are others, with sockets open and keys read.
/// Left are files in `folders`, and connections that clients make. Gives what this kernel lacks, in words.
///
/// # Errors
/// When something is refused that every system has.
pub fn confine(folders: &[&Path]) -> anyhow::Result<Option<&'static str>> {
    set_no_new_privs(true)?;
    let files = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::RemoveFile;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(VERSION))?
        .handle_access(AccessNet::from_all(VERSION))?
        .scope(Scope::from_all(VERSION))?
        .create()?;
    for folder in folders {
        let opened = PathFd::new(folder).with_context(|| folder.display().to_string())?;
        rules = rules.add_rule(PathBeneath::new(opened, files))?;
    }
    let status = rules.restrict_self()?;
    no_programs().context("the filter of system calls")?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => None,
        RulesetStatus::PartiallyEnforced => Some("the kernel's Landlock is older than version 6"),
        RulesetStatus::NotEnforced => {
            Some("the kernel has no Landlock: every file of this user can be opened")
        }
    })
}

/// Landlock does not see programs that are in memory only.
fn no_programs() -> anyhow::Result<()> {
    let rules = BTreeMap::from([(libc::SYS_execve, Vec::new()), (libc::SYS_execveat, Vec::new())]);
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.cast_unsigned()),
        architecture,
    )?;
    apply_filter(&BpfProgram::try_from(filter)?)?;
    Ok(())
}
