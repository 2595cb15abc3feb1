//! Reads database files whole and compares them with their checksum, beside the scan that uses them.
//!
//! Opening a database reads its header and nothing else. Damage behind the header could silence signatures
//! without a trace, so nothing that was scanned counts as examined before the whole file was.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::Context;

use crate::databases::{Origin, Used};

/// A verification on its way.
pub(crate) struct Verification(JoinHandle<Vec<String>>);

impl Verification {
    /// Starts to verify those databases that were read from a file.
    pub(crate) fn start(databases: &[Used]) -> anyhow::Result<Self> {
        let of_file = |used: &Used| match &used.kind {
            Origin::File(_, database) => Some((Arc::clone(database), used.origin.clone())),
            Origin::Memory(_) | Origin::Service => None,
        };
        let files: Vec<_> = databases.iter().filter_map(of_file).collect();
        let verify = move || {
            let failed = |(database, origin): &(Arc<candor_detect::Database>, String)| {
                let error = database.undamaged().err()?;
                Some(format!("the database {origin}: {error}; what was scanned with it was not examined"))
            };
            files.iter().filter_map(failed).collect()
        };
        let thread = thread::Builder::new().name("verify".to_owned()).spawn(verify);
        Ok(Self(thread.context("the verifying thread could not be started")?))
    }

    /// Waits for the end; what is wrong, for people.
    pub(crate) fn finish(self) -> Vec<String> {
        self.0.join().unwrap_or_else(|_| vec!["the verification of the databases failed".to_owned()])
    }
}
