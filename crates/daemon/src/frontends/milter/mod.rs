//! The milter protocol: Postfix and sendmail hand mail over before they take responsibility for it.
//!
//! The mail is put together again as it was transferred and examined as a whole. What was seen decides the
//! reply at the end of the message; a malicious message never enters the queue and so never needs a bounce.
//! A gap is told in the header field `X-Candor-Status: not-fully-examined` with one `X-Candor-Gap` for each,
//! or the message is held, deferred or rejected, as the settings say: nothing passes as examined that was not.
//!
//! Sources: Vierling's "The Sendmail Milter Protocol, Version 2" (2004), the notes on version 6 that the
//! go-milter project adds to it, the manual of libmilter (`smfi_setreply`, `smfi_progress`, `xxfi_negotiate`),
//! and Postfix's `MILTER_README`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::configuration::quantities::{Bytes, Time};
use crate::listener::{Address, Connection, Listener};
use crate::service::Service;

#[cfg(any(fuzzing, test))]
pub(crate) mod hostile;
mod packet;
mod negotiation;
mod command;

mod network;
mod envelope;
mod message;

mod text;
mod reply;
mod answer;

mod session;

use answer::Action;
use network::Network;
use text::Template;

/// The table `[milter]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where mail servers connect; whoever connects is believed, so only they should be able to.
    pub(crate) listen: Vec<Address>,
    /// Connections at once. A mail server keeps one open for each of its SMTP sessions, however idle, so this
    /// should be more than the sessions that it allows (Postfix: `default_process_limit`, 100).
    pub(crate) connections: usize,
    /// Permissions of a Unix socket.
    pub(crate) socket_mode: u32,
    /// Time for which a connection may say nothing; the default is libmilter's.
    pub(crate) idle_timeout: Time,
    /// Time for one message's scan with its wait in the queue; then it counts as failed. RFC 5321 section
    /// 4.5.3.2.6 lets senders give up after ten minutes.
    pub(crate) scan_timeout: Time,
    /// As much of a message is examined.
    pub(crate) message_limit: Bytes,
    /// What becomes of a message in which something was detected.
    pub(crate) on_detection: Action,
    /// What becomes of a message that could not be examined because something failed here.
    pub(crate) on_failure: Action,
    /// What becomes of a message in which something could not be examined.
    pub(crate) on_gap: Action,
    /// The same, where it is encrypted.
    pub(crate) on_encrypted: Action,
    /// The same, where the message is longer than `message_limit`; what lies before is examined.
    pub(crate) on_too_long: Action,
    /// What the sender is told of a detection.
    pub(crate) reply: Template,
    /// Whether the header fields of clamav-milter are written, too.
    pub(crate) clamav_headers: bool,
    /// Whether mail of senders that have logged in is not examined.
    pub(crate) skip_authenticated: bool,
    /// Networks whose mail is not examined.
    pub(crate) skip_networks: Vec<Network>,
    /// Envelope senders whose mail is not examined, as `user@domain` or `@domain`. Anybody can claim to be one.
    pub(crate) skip_senders: Vec<String>,
    /// Envelope recipients; mail that goes only to these is not examined.
    pub(crate) skip_recipients: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            connections: 250,
            socket_mode: 0o660,
            idle_timeout: Time::seconds(7210),
            scan_timeout: Time::seconds(480),
            message_limit: Bytes(100 << 20),
            on_detection: Action::Reject,
            on_failure: Action::Defer,
            on_gap: Action::Tag,
            on_encrypted: Action::Tag,
            on_too_long: Action::Tag,
            reply: Template::default(),
            clamav_headers: false,
            skip_authenticated: false,
            skip_networks: Vec::new(),
            skip_senders: Vec::new(),
            skip_recipients: Vec::new(),
        }
    }
}

impl Settings {
    /// Whether any message may have to be held.
    fn may_quarantine(&self) -> bool {
        let actions = [self.on_detection, self.on_failure, self.on_gap, self.on_encrypted, self.on_too_long];
        actions.contains(&Action::Quarantine)
    }
}

/// Serves mail servers until `stop`. Then idle connections are closed at once, and messages under way are
/// answered; the service bounds the time for that.
pub(crate) async fn serve(
    service: Service,
    listener: Listener,
    settings: Arc<Settings>,
    stop: CancellationToken,
) {
    let session = |connection| session(service.clone(), connection, Arc::clone(&settings), stop.clone());
    let mut sessions = listener.serve_each(&stop, session).await;
    while sessions.join_next().await.is_some() {}
}

async fn session(service: Service, connection: Connection, settings: Arc<Settings>, stop: CancellationToken) {
    let Connection { stream, peer, room } = connection;
    match session::run(stream, &service.asked_by(peer), &settings, &stop).await {
        Ok(()) => {}
        Err(error) if error.is_departure() => debug!(%peer, %error, "session ended"),
        Err(error) => warn!(%peer, %error, "session given up"),
    }
    drop(room);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_wrong_ones_refused() {
        let settings: Settings = toml::from_str(
            "listen = [\"unix:/run/candor/milter.sock\"]\nsocket_mode = 0o666\non_detection = \"quarantine\"\n\
             on_failure = \"accept\"\nreply = \"no: {names}\\nask postmaster\"\nskip_networks = [\"10.0.0.0/8\", \"::1\"]",
        )
        .unwrap();
        assert_eq!((settings.on_failure, settings.may_quarantine()), (Action::Tag, true));
        assert_eq!((settings.on_gap, settings.socket_mode), (Action::Tag, 0o666));
        assert!(!Settings::default().may_quarantine());
        for wrong in [
            "on_gap = \"ignore\"",
            "reply = \"100 %\"",
            "reply = \"{nmaes}\"",
            "skip_networks = [\"10.0.0.0/33\"]",
            "onfailure = \"defer\"",
        ] {
            assert!(toml::from_str::<Settings>(wrong).is_err(), "{wrong}");
        }
    }
}
