//! Who sends a message to whom, and whether it is examined at all.

use std::net::IpAddr;

use super::Settings;
use super::text::printable;

/// Recipients that are kept for the log.
const NOTED: usize = 5;

/// Why a message is not examined, as the settings want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exemption {
    /// Its sender has logged in.
    Authenticated,
    /// Its client is in one of the networks.
    Network,
    /// Its envelope sender is on the list.
    Sender,
    /// All its recipients are on the list.
    Recipients,
}

impl Exemption {
    /// The word for the header field.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated-sender",
            Self::Network => "network",
            Self::Sender => "sender",
            Self::Recipients => "recipients",
        }
    }
}

/// The envelope of a message.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    /// The sender, made harmless.
    pub(super) sender: String,
    /// The first recipients, made harmless.
    pub(super) recipients: Vec<String>,
    /// The number of all.
    pub(super) recipient_count: usize,
    is_authenticated: bool,
    is_sender_listed: bool,
    unlisted_recipients: usize,
}

impl Envelope {
    /// A message from `sender`, who has logged in as `login` if it is not empty.
    pub(super) fn new(sender: &[u8], login: &[u8], settings: &Settings) -> Self {
        let sender = address(sender);
        Self {
            is_authenticated: !login.is_empty(),
            is_sender_listed: is_listed(&sender, &settings.skip_senders),
            sender: printable(&sender, 256),
            ..Self::default()
        }
    }

    /// One more recipient.
    pub(super) fn add_recipient(&mut self, recipient: &[u8], settings: &Settings) {
        let recipient = address(recipient);
        self.recipient_count = self.recipient_count.saturating_add(1);
        if !is_listed(&recipient, &settings.skip_recipients) {
            self.unlisted_recipients = self.unlisted_recipients.saturating_add(1);
        }
        if self.recipients.len() < NOTED {
            self.recipients.push(printable(&recipient, 256));
        }
    }

    /// Why the message is not examined, if so. `client` is the address of the SMTP client.
    pub(super) fn exemption(&self, client: Option<IpAddr>, settings: &Settings) -> Option<Exemption> {
        let is_near = |address| settings.skip_networks.iter().any(|network| network.contains(address));
        if settings.skip_authenticated && self.is_authenticated {
            return Some(Exemption::Authenticated);
        }
        if client.is_some_and(is_near) {
            return Some(Exemption::Network);
        }
        if self.is_sender_listed {
            return Some(Exemption::Sender);
        }
        // No recipient at all is nobody who wanted it unexamined.
        (self.recipient_count > 0 && self.unlisted_recipients == 0).then_some(Exemption::Recipients)
    }
}

/// The address without its angle brackets.
fn address(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let bare = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    bare.unwrap_or(&text).to_owned()
}

fn is_listed(address: &str, list: &[String]) -> bool {
    let domain = address.rfind('@').and_then(|at| address.get(at..));
    list.iter().any(|entry| match entry.strip_prefix('@') {
        Some(_) => domain.is_some_and(|domain| domain.eq_ignore_ascii_case(entry)),
        None => !entry.is_empty() && address.eq_ignore_ascii_case(entry),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            skip_authenticated: true,
            skip_networks: vec!["10.0.0.0/8".parse().unwrap()],
            skip_senders: vec!["Boss@example.org".to_owned()],
            skip_recipients: vec!["@abuse.example.org".to_owned(), "lab@example.org".to_owned()],
            ..Settings::default()
        }
    }

    fn exemption(sender: &str, login: &str, recipients: &[&str], client: &str) -> Option<Exemption> {
        let settings = settings();
        let mut envelope = Envelope::new(sender.as_bytes(), login.as_bytes(), &settings);
        recipients.iter().for_each(|recipient| envelope.add_recipient(recipient.as_bytes(), &settings));
        envelope.exemption(client.parse().ok(), &settings)
    }

    #[test]
    fn lists_exempt_who_is_on_them() {
        let out = "192.0.2.1";
        assert_eq!(exemption("<a@b>", "", &["<c@d>"], out), None);
        assert_eq!(exemption("<a@b>", "joe", &["<c@d>"], out), Some(Exemption::Authenticated));
        assert_eq!(exemption("<a@b>", "", &["<c@d>"], "10.1.1.1"), Some(Exemption::Network));
        assert_eq!(exemption("<boss@EXAMPLE.org>", "", &["<c@d>"], out), Some(Exemption::Sender));
        assert_eq!(exemption("<x-boss@example.org>", "", &["<c@d>"], out), None);
        let listed = ["<LAB@example.org>", "<any@Abuse.example.org>"];
        assert_eq!(exemption("<>", "", &listed, ""), Some(Exemption::Recipients));
        assert_eq!(exemption("<>", "", &["<lab@example.org>", "<c@d>"], ""), None);
        assert_eq!(exemption("<>", "", &["<\"@abuse.example.org\"@evil>"], ""), None);
        assert_eq!(exemption("<>", "", &[], ""), None);
    }

    #[test]
    fn nothing_is_exempt_by_default() {
        let mut envelope = Envelope::new(b"", b"joe", &Settings::default());
        (0..10_000).for_each(|_| envelope.add_recipient(b"<\r\n>", &Settings::default()));
        assert_eq!(envelope.exemption("127.0.0.1".parse().ok(), &Settings::default()), None);
        assert_eq!((envelope.recipients.len(), envelope.recipient_count), (NOTED, 10_000));
        assert_eq!(envelope.recipients[0], "??");
    }
}
