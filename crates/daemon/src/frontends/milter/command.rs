//! What a mail server tells and asks.
//!
//! Source: "The Sendmail Milter Protocol, Version 2", section "Command codes"; `K`, `T` and `U` are of later
//! versions.

use std::net::IpAddr;

use super::packet::Packet;

/// A command, with what we want to know of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'p> {
    /// What the server offers.
    Negotiate(&'p [u8]),
    /// Macros for the command with this letter.
    Macros(u8, Vec<(&'p [u8], &'p [u8])>),
    /// An SMTP client has come; its address, if it has one.
    Connect(Option<IpAddr>),
    /// Nothing that concerns us, though it may want a reply.
    Other,
    /// A message from this sender begins.
    Mail(&'p [u8]),
    /// It goes to this recipient, among others.
    Recipient(&'p [u8]),
    /// A header field: name, and value with LF between its lines.
    Header(&'p [u8], &'p [u8]),
    /// No header field follows.
    EndOfHeader,
    /// A chunk of the body.
    Body(&'p [u8]),
    /// The message is complete with this last chunk.
    EndOfMessage(&'p [u8]),
    /// The message is no longer wanted.
    Abort,
    /// Another SMTP client will come on this connection.
    NextConnection,
    /// No more will come.
    Quit,
}

/// A packet that does not keep to the protocol.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// Its letter is unknown.
    #[error("an unknown command with the letter {:?}", char::from(*.0))]
    Unknown(u8),
    /// What belongs to its letter is missing.
    #[error("a command {:?} without what belongs to it", char::from(*.0))]
    Malformed(u8),
}

/// Pairs of macros that are looked at. Servers send about ten.
const MAX_MACROS: usize = 100;

/// Reads what a packet says.
pub(super) fn parse(packet: &Packet) -> Result<Command<'_>, Error> {
    let payload = packet.payload.as_slice();
    let malformed = || Error::Malformed(packet.code);
    Ok(match packet.code {
        b'O' => Command::Negotiate(payload),
        b'D' => {
            let (stage, rest) = payload.split_first().ok_or_else(malformed)?;
            Command::Macros(*stage, macros(rest))
        }
        b'C' => Command::Connect(address(payload).ok_or_else(malformed)?),
        b'H' | b'T' | b'U' => Command::Other,
        b'M' => Command::Mail(string(payload).ok_or_else(malformed)?.0),
        b'R' => Command::Recipient(string(payload).ok_or_else(malformed)?.0),
        b'L' => {
            let (name, value) = string(payload).ok_or_else(malformed)?;
            // A NUL inside is kept, so that nothing behind it is hidden from the scan.
            Command::Header(name, value.strip_suffix(b"\0").unwrap_or(value))
        }
        b'N' => Command::EndOfHeader,
        b'B' => Command::Body(payload),
        b'E' => Command::EndOfMessage(payload),
        b'A' => Command::Abort,
        b'K' => Command::NextConnection,
        b'Q' => Command::Quit,
        unknown => return Err(Error::Unknown(unknown)),
    })
}

/// The bytes before a NUL and those behind it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn macros(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut pairs = Vec::new();
    while pairs.len() < MAX_MACROS
        && let Some((name, rest)) = string(bytes)
        && let Some((value, rest)) = string(rest)
    {
        // `{i}` and `i` are the same macro.
        let bare = name.strip_prefix(b"{").and_then(|name| name.strip_suffix(b"}"));
        pairs.push((bare.unwrap_or(name), value));
        bytes = rest;
    }
    pairs
}

/// The address in a `C` packet; nothing if the packet is broken, `Some(None)` if the client has none.
fn address(payload: &[u8]) -> Option<Option<IpAddr>> {
    let (_, rest) = string(payload)?;
    let (family, rest) = rest.split_first()?;
    if !matches!(family, b'4' | b'6') {
        return Some(None);
    }
    let text = std::str::from_utf8(string(rest.get(2..)?)?.0).ok()?;
    let bare = text.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:")).and_then(|_| text.get(5..));
    Some(bare.unwrap_or(text).parse().ok().map(|address: IpAddr| address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(code: u8, payload: &[u8]) -> Packet {
        Packet { code, payload: payload.to_vec() }
    }

    #[test]
    fn commands_are_read() {
        let connect = |payload: &[u8]| match parse(&packet(b'C', payload)) {
            Ok(Command::Connect(address)) => address.map(|address| address.to_string()),
            other => panic!("{other:?}"),
        };
        assert_eq!(connect(b"host\x004\x01\x02192.0.2.1\0").unwrap(), "192.0.2.1");
        assert_eq!(connect(b"host\x006\0\0IPv6:2001:db8::1\0").unwrap(), "2001:db8::1");
        assert_eq!(connect(b"host\x006\0\0::ffff:192.0.2.1\0").unwrap(), "192.0.2.1");
        assert_eq!(connect(b"host\x004\0\0no address\0"), None);
        assert_eq!(connect(b"localhost\0U"), None);
        assert_eq!(connect(b"localhost\0L\0\0/path\0"), None);

        let macros = packet(b'D', b"M{auth_authen}\0joe\0i\x004F1\0odd\0");
        let expected: Vec<(&[u8], &[u8])> = vec![(b"auth_authen", b"joe"), (b"i", b"4F1")];
        assert_eq!(parse(&macros), Ok(Command::Macros(b'M', expected)));
        assert_eq!(parse(&packet(b'M', b"<a@b>\0SIZE=3\0")), Ok(Command::Mail(b"<a@b>")));
        assert_eq!(parse(&packet(b'L', b"A\0 b\0c\0")), Ok(Command::Header(b"A", b" b\0c")));
        assert_eq!(parse(&packet(b'L', b"A\0\0")), Ok(Command::Header(b"A", b"")));
    }

    #[test]
    fn broken_commands_are_refused() {
        let broken: [(u8, &[u8]); 8] = [
            (b'D', b""),
            (b'C', b""),
            (b'C', b"host"),
            (b'C', b"host\x004\0"),
            (b'C', b"host\x004\0\0no end"),
            (b'M', b"<a@b>"),
            (b'L', b"no value"),
            (b'R', b""),
        ];
        for (code, payload) in broken {
            assert_eq!(parse(&packet(code, payload)), Err(Error::Malformed(code)));
        }
        assert_eq!(parse(&packet(b'?', b"")), Err(Error::Unknown(b'?')));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_packet_is_read_or_refused(code: u8, payload: Vec<u8>) {
            let _ = parse(&packet(code, &payload));
        }
    }
}
