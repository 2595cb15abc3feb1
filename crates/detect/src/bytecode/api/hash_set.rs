//! Sets of 32-bit numbers.

use std::collections::HashSet;

use super::{Arguments, Context, FAILED, Failure};

/// The sets of a program by number; none where one was given up.
pub(super) type Sets = Vec<Option<HashSet<u32>>>;

/// What a set and an entry of one are worth in bytes of memory.
const SET: u64 = 64;
const ENTRY: u64 = 16;

fn set<'c>(context: &'c mut Context<'_, '_>, arguments: &Arguments) -> Option<&'c mut HashSet<u32>> {
    context.tables.sets.get_mut(arguments.size(0)?)?.as_mut()
}

pub(super) fn new(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    context.memory.charge(SET)?;
    context.tables.sets.push(Some(HashSet::new()));
    Ok((context.tables.sets.len() as u64).saturating_sub(1))
}

pub(super) fn add(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    context.memory.charge(ENTRY)?;
    match set(context, arguments).map(|set| set.insert(arguments.unsigned(1))) {
        Some(true) => Ok(0),
        other => {
            context.memory.refund(ENTRY);
            Ok(if other.is_some() { 0 } else { FAILED })
        }
    }
}

pub(super) fn remove(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(removed) = set(context, arguments).map(|set| set.remove(&arguments.unsigned(1))) else {
        return Ok(FAILED);
    };
    if removed {
        context.memory.refund(ENTRY);
    }
    Ok(0)
}

pub(super) fn contains(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let found = set(context, arguments).map(|set| set.contains(&arguments.unsigned(1)));
    Ok(found.map_or(FAILED, u64::from))
}

pub(super) fn done(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let slot = arguments.size(0).and_then(|number| context.tables.sets.get_mut(number));
    let Some(set) = slot.and_then(Option::take) else { return Ok(FAILED) };
    context.memory.refund((set.len() as u64).saturating_mul(ENTRY));
    // The number of the last one is used again.
    context.tables.sets.pop_if(|last| last.is_none());
    Ok(0)
}

/// 1 if the set is empty.
pub(super) fn empty(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(set(context, arguments).map_or(FAILED, |set| u64::from(set.is_empty())))
}
