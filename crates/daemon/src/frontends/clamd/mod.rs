//! The protocol of clamd, ClamAV's daemon, as its clients speak it to version 1.4.6.
//!
//! Sources: the manual page clamd(8), and what clamd 1.4.6 was seen to answer.
//!
//! What was not examined is told so: where the scan itself failed always as `Not fully examined: REASON. ERROR`;
//! content that cannot be opened, such as encrypted archives, by the setting `gaps` as ERROR or as `OK` with a
//! line in the log, and by the setting `found` as FOUND with ClamAV's names.

#[cfg(any(fuzzing, test))]
pub(crate) mod hostile;
mod settings;
mod command;
mod incoming;
mod outgoing;
mod connection;
mod session;
mod stream;
mod descriptor;
mod paths;
mod walk;
mod permission;
mod answer;
mod statistics;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::listener::{Listener, Peer};
use crate::service::Service;
use crate::spool::Spooled;
use answer::Answer;

pub(crate) use settings::{Clients, Exclusion, Follow, FoundGap, Settings};

/// How long requests under way may take after the service was told to stop.
const GRACE: Duration = Duration::from_secs(30);

/// Most threads that go through folders, of the 512 that the runtime has for all that waits.
const MOST_WALKS: usize = 64;

/// Serves clients until `stop`; requests under way are answered.
pub(crate) async fn serve(
    service: Service,
    listener: Listener,
    settings: Arc<Settings>,
    stop: CancellationToken,
) {
    let walks = Arc::new(Semaphore::new(settings.connections.clamp(1, MOST_WALKS)));
    let front = Front { service, settings, stop: stop.clone(), connections: Arc::default(), walks };
    let front = Arc::new(front);
    let converse = |connection| connection::converse(Arc::clone(&front), connection);
    let mut connections = listener.serve_each(&stop, converse).await;
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, ended).await.is_err() {
        warn!("requests under way are broken off");
    }
}

/// What all connections of a listener share.
#[derive(Debug)]
struct Front {
    service: Service,
    settings: Arc<Settings>,
    stop: CancellationToken,
    /// Each connection holds one more.
    connections: Arc<()>,
    /// Threads that may go through folders.
    walks: Arc<Semaphore>,
}

impl Front {
    /// Connections now.
    fn live(&self) -> usize {
        Arc::strong_count(&self.connections).saturating_sub(1)
    }

    /// Scans content that the client knows by `subject`.
    async fn examine(&self, peer: Peer, content: Spooled, subject: &[u8]) -> Answer {
        let service = self.service.asked_by(peer).about(&String::from_utf8_lossy(subject));
        Answer::of(service.scan(content).await, &self.settings)
    }
}
