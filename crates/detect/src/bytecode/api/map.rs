//! Maps from bytes to bytes. Values lie in the program's memory, so that it may write to them.

use std::collections::HashMap;

use super::{Arguments, Context, FAILED, Failure};

/// The maps of a program by number; none where one was given up.
pub(super) type Maps = Vec<Option<Map>>;

/// What a map and a key of one are worth in bytes of memory, besides the key.
const MAP: u64 = 128;
const KEY: u64 = 64;

/// A map.
pub(super) struct Map {
    key_size: usize,
    /// 0 where each value has a size of its own.
    value_size: usize,
    values: HashMap<Vec<u8>, Value>,
    /// The key that was added last, and the value that was found last.
    added: Option<Vec<u8>>,
    found: Option<Value>,
}

/// Where a value lies; nothing was set where it is null.
#[derive(Clone, Copy, Default)]
struct Value {
    pointer: u64,
    size: usize,
}

fn map<'c>(context: &'c mut Context<'_, '_>, number: Option<usize>) -> Option<&'c mut Map> {
    context.tables.maps.get_mut(number?)?.as_mut()
}

/// The key that the arguments name, if the map has such keys.
fn key(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<Option<Vec<u8>>, Failure> {
    let size = arguments.size(1);
    if map(context, arguments.size(2)).map(|map| map.key_size) != size {
        return Ok(None);
    }
    let size = size.unwrap_or(0);
    context.spend(size as u64 / 16)?;
    Ok(Some(context.memory.bytes(arguments.pointer(0), size)?.to_vec()))
}

pub(super) fn new(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let (Some(key_size), Some(value_size)) = (arguments.size(0), arguments.size(1)) else {
        return Ok(FAILED);
    };
    if key_size == 0 {
        return Ok(FAILED);
    }
    context.memory.charge(MAP)?;
    let map = Map { key_size, value_size, values: HashMap::new(), added: None, found: None };
    context.tables.maps.push(Some(map));
    Ok((context.tables.maps.len() as u64).saturating_sub(1))
}

/// 1 if the key was not there, 0 if it was.
pub(super) fn add_key(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(key) = key(context, arguments)? else { return Ok(FAILED) };
    context.memory.charge(KEY.saturating_add(key.len() as u64))?;
    let Some(map) = map(context, arguments.size(2)) else { return Ok(FAILED) };
    map.added = Some(key.clone());
    let is_new = !map.values.contains_key(&key);
    let size = key.len() as u64;
    map.values.entry(key).or_default();
    if !is_new {
        context.memory.refund(KEY.saturating_add(size));
    }
    Ok(u64::from(is_new))
}

/// Sets the value of the key that was added last.
pub(super) fn set_value(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let (Some(size), number) = (arguments.size(1), arguments.size(2)) else { return Ok(FAILED) };
    let Some(map_of) = map(context, number) else { return Ok(FAILED) };
    if map_of.value_size != 0 && map_of.value_size != size {
        return Ok(FAILED);
    }
    let Some(key) = map_of.added.clone() else { return Ok(FAILED) };
    let old = map_of.values.get(&key).copied().unwrap_or_default();
    context.spend(size as u64 / 16)?;
    let bytes = context.memory.bytes(arguments.pointer(0), size)?.to_vec();
    context.memory.free(old.pointer);
    let pointer = context.memory.allocate(size)?;
    context.memory.bytes_mut(pointer, size)?.copy_from_slice(&bytes);
    if let Some(map) = map(context, number) {
        map.values.insert(key, Value { pointer, size });
    }
    Ok(0)
}

/// 1 if the key was there, 0 if not: the opposite of what the documentation says, as ClamAV does it.
pub(super) fn remove(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(key) = key(context, arguments)? else { return Ok(FAILED) };
    let Some(map) = map(context, arguments.size(2)) else { return Ok(FAILED) };
    let removed = map.values.remove(&key);
    if map.added.as_ref() == Some(&key) {
        map.added = None;
    }
    map.found = None;
    let Some(value) = removed else { return Ok(0) };
    context.memory.free(value.pointer);
    context.memory.refund(KEY.saturating_add(key.len() as u64));
    Ok(1)
}

/// 1 if the key is there; its value is remembered.
pub(super) fn find(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(key) = key(context, arguments)? else { return Ok(FAILED) };
    let Some(map) = map(context, arguments.size(2)) else { return Ok(FAILED) };
    map.found = map.values.get(&key).copied();
    Ok(u64::from(map.found.is_some()))
}

/// The size of the value that was found last.
pub(super) fn value_size(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let found = map(context, arguments.size(0)).and_then(|map| map.found);
    Ok(found.map_or(FAILED, |value| value.size as u64))
}

/// The value that was found last, if it is of this size.
pub(super) fn value(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let found = map(context, arguments.size(0)).and_then(|map| map.found);
    let found = found.filter(|value| arguments.size(1) == Some(value.size));
    Ok(found.map_or(0, |value| value.pointer))
}

pub(super) fn done(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let slot = arguments.size(0).and_then(|number| context.tables.maps.get_mut(number));
    let Some(map) = slot.and_then(Option::take) else { return Ok(FAILED) };
    for value in map.values.values() {
        context.memory.free(value.pointer);
    }
    let each = KEY.saturating_add(map.key_size as u64);
    context.memory.refund((map.values.len() as u64).saturating_mul(each));
    Ok(0)
}
