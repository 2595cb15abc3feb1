//! The globals that the host fills in.

use crate::bytecode::draft::Kind;
use crate::bytecode::interpreter::{Failure, Host};

/// Globals by number: match counts, the kind, names that ClamAV does not fill in either, facts of a PE file,
/// the object's size, match offsets.
pub(crate) fn globals(kind: Kind, host: &dyn Host) -> Result<Vec<Vec<u8>>, Failure> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let matches = host.matches();
    let size = u32::try_from(host.content().size()).unwrap_or(u32::MAX);
    Ok(vec![
        words(&matches.counts),
        kind.number().to_le_bytes().get(..2).unwrap_or_default().to_vec(),
        vec![0; 8],
        super::pe::facts(host)?,
        words(&[size]),
        words(&matches.offsets),
    ])
}
