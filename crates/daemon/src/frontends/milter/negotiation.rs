//! What a mail server offers and what we want of it.
//!
//! Source: "The Sendmail Milter Protocol, Version 2", section "Protocol negotiation"; the flags of version 6
//! are those of `xxfi_negotiate` in the manual of libmilter.

use super::packet;

/// The version that we speak. What a server of version 2 does not know, it does not offer.
const VERSION: u32 = 6;

/// Actions that are possible at the end of a message.
mod action {
    pub(super) const ADD_HEADERS: u32 = 0x01;
    pub(super) const CHANGE_HEADERS: u32 = 0x10;
    pub(super) const QUARANTINE: u32 = 0x20;
}

/// What is left out, what is not replied to, and what else is agreed on.
mod step {
    pub(super) const NO_HELO: u32 = 0x02;
    pub(super) const NO_REPLY_TO_HEADER: u32 = 0x80;
    pub(super) const NO_UNKNOWN: u32 = 0x100;
    pub(super) const NO_DATA: u32 = 0x200;
    pub(super) const SKIP: u32 = 0x400;
    pub(super) const NO_REPLY_TO_CONNECT: u32 = 0x1000;
    pub(super) const NO_REPLY_TO_MAIL: u32 = 0x4000;
    pub(super) const NO_REPLY_TO_RECIPIENT: u32 = 0x8000;
    pub(super) const NO_REPLY_TO_END_OF_HEADER: u32 = 0x4_0000;
    pub(super) const LEADING_SPACE: u32 = 0x10_0000;
}

/// All that we understand of what may be agreed on. Larger body chunks are not among it: they would cost
/// memory for each connection and save little.
const WANTED: u32 = step::NO_HELO
    | step::NO_REPLY_TO_HEADER
    | step::NO_UNKNOWN
    | step::NO_DATA
    | step::SKIP
    | step::NO_REPLY_TO_CONNECT
    | step::NO_REPLY_TO_MAIL
    | step::NO_REPLY_TO_RECIPIENT
    | step::NO_REPLY_TO_END_OF_HEADER
    | step::LEADING_SPACE;

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreement {
    version: u32,
    actions: u32,
    steps: u32,
}

/// Why nothing could be agreed on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// The packet is too short.
    #[error("a negotiation of {0} bytes; expected 12 or more")]
    Short(usize),
    /// Nobody has spoken version 1 for twenty years.
    #[error("milter protocol version {0}; expected 2 or later")]
    Version(u32),
    /// The mail server cannot do what the settings ask for.
    #[error("the mail server does not allow {0}")]
    Refused(&'static str),
}

/// Agrees with what the server offers. `may_quarantine` is whether messages may have to be held.
pub(super) fn agree(offer: &[u8], may_quarantine: bool) -> Result<Agreement, Error> {
    let number = |at: usize| Some(u32::from_be_bytes(offer.get(at..)?.first_chunk().copied()?));
    let (Some(version), Some(actions), Some(steps)) = (number(0), number(4), number(8)) else {
        return Err(Error::Short(offer.len()));
    };
    if version < 2 {
        return Err(Error::Version(version));
    }
    let mut wanted = action::ADD_HEADERS | action::CHANGE_HEADERS;
    if may_quarantine {
        wanted |= action::QUARANTINE;
    }
    // Without these we could not keep what the settings promise, so the server had better defer all mail.
    let missing = wanted & !actions;
    if missing & action::QUARANTINE != 0 {
        return Err(Error::Refused("to hold messages, which the setting \"quarantine\" needs"));
    }
    if missing != 0 {
        return Err(Error::Refused("to change header fields"));
    }
    Ok(Agreement { version: version.min(VERSION), actions: wanted, steps: steps & WANTED })
}

impl Agreement {
    /// Appends our part of the negotiation.
    pub(super) fn write(self, to: &mut Vec<u8>) {
        let numbers = [self.version, self.actions, self.steps].map(u32::to_be_bytes);
        packet::write(to, b'O', &[&numbers[0], &numbers[1], &numbers[2]]);
    }

    /// Whether the server waits for a reply to the command with this letter. Letters that are never replied
    /// to are not asked for.
    pub(super) fn is_replied(self, code: u8) -> bool {
        let silent = match code {
            b'C' => step::NO_REPLY_TO_CONNECT,
            b'M' => step::NO_REPLY_TO_MAIL,
            b'R' => step::NO_REPLY_TO_RECIPIENT,
            b'L' => step::NO_REPLY_TO_HEADER,
            b'N' => step::NO_REPLY_TO_END_OF_HEADER,
            _ => return true,
        };
        self.steps & silent == 0
    }

    /// Whether the server understands that it need not send the rest of a body.
    pub(super) fn knows_skip(self) -> bool {
        self.steps & step::SKIP != 0
    }

    /// Whether the values of header fields come, and go, with the white space behind the colon.
    pub(super) fn has_leading_space(self) -> bool {
        self.steps & step::LEADING_SPACE != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(version: u32, actions: u32, steps: u32) -> Vec<u8> {
        [version, actions, steps].map(u32::to_be_bytes).concat()
    }

    #[test]
    fn only_what_is_offered_is_taken() {
        let postfix = agree(&offer(6, 0x1ff, 0x1f_ffff), false).unwrap();
        assert!(postfix.knows_skip() && postfix.has_leading_space());
        assert!(!postfix.is_replied(b'L') && !postfix.is_replied(b'M') && postfix.is_replied(b'B'));
        let mut bytes = Vec::new();
        postfix.write(&mut bytes);
        assert_eq!(bytes, b"\0\0\0\x0dO\0\0\0\x06\0\0\0\x11\0\x14\xd7\x82");
        let old = agree(&offer(2, 0x3f, 0x7f), true).unwrap();
        assert_eq!(old, Agreement { version: 2, actions: 0x31, steps: 0x02 });
        assert!(!old.knows_skip() && old.is_replied(b'L'));
        let future = agree(&offer(u32::MAX, u32::MAX, u32::MAX), true).unwrap();
        assert_eq!((future.version, future.steps), (6, WANTED));
    }

    #[test]
    fn hostile_and_insufficient_offers_are_refused() {
        assert_eq!(agree(b"", false), Err(Error::Short(0)));
        assert_eq!(agree(&[0; 11], false), Err(Error::Short(11)));
        assert_eq!(agree(&offer(1, 0x3f, 0), false), Err(Error::Version(1)));
        assert!(matches!(agree(&offer(6, 0x02, 0), false), Err(Error::Refused(_))));
        assert!(agree(&offer(6, 0x11, 0), false).is_ok());
        assert!(matches!(agree(&offer(6, 0x11, 0), true), Err(Error::Refused(_))));
    }
}
