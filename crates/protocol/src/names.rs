//! Names that live as long as the process: those of file types and detectors, which are few.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::Broken;

/// Most different names, and the longest. A worker that was taken over cannot fill memory with them.
const MOST: usize = 1024;
const LONGEST: usize = 48;

static KNOWN: RwLock<Option<HashSet<&'static str>>> = RwLock::new(None);

/// The name itself, kept for ever.
pub(crate) fn lasting(name: &str) -> Result<&'static str, Broken> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.as_ref().and_then(|known| known.get(name)) {
        return Ok(known);
    }
    drop(known);
    if name.len() > LONGEST || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Broken("a name of a type or detector is none"));
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if known.len() >= MOST {
        return Err(Broken("there are too many names of types and detectors"));
    }
    if let Some(known) = known.get(name) {
        return Ok(known);
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    known.insert(kept);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once() {
        let first = lasting("zip").unwrap();
        assert_eq!(first, "zip");
        assert!(std::ptr::eq(first, lasting(&String::from("zip")).unwrap()));
        assert!(lasting("a b").is_err());
        assert!(lasting(&"x".repeat(49)).is_err());
    }
}
