//! Bytes of a client, for fuzz targets.

use tokio::io::{join, sink};
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::session::{Scans, run};
use crate::service::{Examined, Refusal};
use crate::spool::{Memory, Spool, Spooled};

/// Most bytes of a message.
const LIMIT: u64 = 1 << 16;

/// A service that is about to end.
struct Stopping;

impl Scans for Stopping {
    async fn scan(&self, content: Spooled, _: &str) -> Result<Examined, Refusal> {
        content.into_file()?;
        Err(Refusal::Stopping)
    }

    fn spool(&self, _: u64) -> Spool {
        Spool::new(&std::env::temp_dir(), LIMIT, &Memory::default())
    }
}

/// Holds a whole conversation.
///
/// # Panics
/// When there is no runtime to be had.
pub(crate) fn conversation(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let (settings, stop) = (Settings::default(), CancellationToken::new());
    let conversation = run(join(bytes, sink()), &Stopping, &settings, &stop);
    let _ = runtime.expect("a runtime").block_on(conversation);
}
