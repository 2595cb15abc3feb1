//! Sessions with a mail server that the tests play.

use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use candor_object::{FileType, Relation, Report, Seen};
use candor_policy::Policy;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

use super::super::answer::tests::with;
use super::*;
use crate::configuration::quantities::{Bytes, Time};

/// What the scan of a message does.
#[derive(Clone, Copy, Debug)]
enum Scan {
    Undetected,
    Refused,
    Takes(Duration),
}

#[derive(Clone)]
struct Scanner {
    scan: Scan,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Scans for Scanner {
    async fn scan(&self, content: Spooled, _: &str) -> Result<Examined, Refusal> {
        let file = content.into_file()?;
        let mut content = vec![0; usize::try_from(file.metadata()?.len()).unwrap()];
        file.read_exact_at(&mut content, 0)?;
        self.seen.lock().unwrap().push(String::from_utf8_lossy(&content).into_owned());
        match self.scan {
            Scan::Undetected => {}
            Scan::Refused => return Err(Refusal::Stopping),
            Scan::Takes(time) => sleep(time).await,
        }
        let root = Seen {
            parent: None,
            name: String::new(),
            relation: Relation::Root,
            file_type: FileType::DATA,
            size: 1,
            sha256: None,
        };
        let report = Report { objects: vec![root], ..Report::default() };
        Ok(with(report, &Policy::default()))
    }

    fn spool(&self, limit: u64) -> Spool {
        Spool::new(&std::env::temp_dir(), limit, &crate::spool::Memory::default())
    }
}

struct Server {
    stream: DuplexStream,
    session: JoinHandle<Result<(), Error>>,
    seen: Arc<Mutex<Vec<String>>>,
    stop: CancellationToken,
}

/// All that Postfix 3.7 offers.
const POSTFIX: u32 = 0x1f_ffff;

impl Server {
    fn start(scan: Scan, settings: Settings) -> Self {
        let (ours, stream) = tokio::io::duplex(1 << 16);
        let seen = Arc::default();
        let scanner = Scanner { scan, seen: Arc::clone(&seen) };
        let stop = CancellationToken::new();
        let token = stop.clone();
        let session = tokio::spawn(async move { run(ours, &scanner, &settings, &token).await });
        Self { stream, session, seen, stop }
    }

    async fn negotiated(scan: Scan, settings: Settings, steps: u32) -> Self {
        let mut server = Self::start(scan, settings);
        server.send(b'O', &[6, 0x1ff, steps].map(u32::to_be_bytes).concat()).await;
        let (code, payload) = server.reply().await;
        assert_eq!((code, payload.len()), (b'O', 12));
        server
    }

    async fn send(&mut self, code: u8, payload: &[u8]) {
        let mut bytes = Vec::new();
        packet::write(&mut bytes, code, &[payload]);
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn reply(&mut self) -> (u8, Vec<u8>) {
        let length = self.stream.read_u32().await.unwrap();
        let code = self.stream.read_u8().await.unwrap();
        let mut payload = vec![0; length as usize - 1];
        self.stream.read_exact(&mut payload).await.unwrap();
        (code, payload)
    }

    /// Sends a message as Postfix does and gives the replies to its end.
    async fn message(&mut self, fields: &[(&str, &str)], body: &str) -> Vec<(u8, String)> {
        self.send(b'D', b"Mi\x004F1\0").await;
        self.send(b'M', b"<a@b>\0").await;
        self.send(b'R', b"<c@d>\0").await;
        for (name, value) in fields {
            self.send(b'L', format!("{name}\0{value}\0").as_bytes()).await;
        }
        self.send(b'N', b"").await;
        self.send(b'B', body.as_bytes()).await;
        let (code, _) = self.reply().await;
        assert!(matches!(code, b'c' | b's'));
        self.send(b'E', b"").await;
        self.end().await
    }

    async fn end(&mut self) -> Vec<(u8, String)> {
        let mut replies = Vec::new();
        loop {
            let (code, payload) = self.reply().await;
            replies.push((code, String::from_utf8_lossy(&payload).into_owned()));
            if matches!(code, b'c' | b'a' | b'y' | b'd' | b't' | b'r') {
                return replies;
            }
        }
    }

    async fn ended(self) -> Result<(), Error> {
        drop(self.stream);
        self.session.await.unwrap()
    }
}

fn codes(replies: &[(u8, String)]) -> String {
    replies.iter().map(|(code, _)| char::from(*code)).collect()
}

const STATUS: &str = "X-Candor-Status\0 undetected; database=abababababababab\0";

#[tokio::test]
async fn several_messages_pass_on_one_connection() {
    let mut server = Server::negotiated(Scan::Undetected, Settings::default(), POSTFIX).await;
    server.send(b'C', b"host\x004\x01\x02192.0.2.1\0").await;
    let replies = server.message(&[("Subject", " one\n two")], "x\r\n").await;
    assert_eq!(replies, [(b'h', STATUS.to_owned()), (b'c', String::new())]);
    let replies = server.message(&[("From", " a")], "y").await;
    assert_eq!(codes(&replies), "hc");
    server.send(b'M', b"<a@b>\0").await;
    server.send(b'L', b"Never\0 seen\0").await;
    server.send(b'A', b"").await;
    server.send(b'K', b"").await;
    server.send(b'C', b"host\x00U").await;
    let forged = [("x-candor-status", " undetected"), ("To", " c"), ("X-Candor-Status", " trusted")];
    let replies = server.message(&forged, "z").await;
    assert_eq!(codes(&replies), "mmhc");
    assert_eq!((&replies[0].1[..4], &replies[1].1[..4]), ("\0\0\0\x02", "\0\0\0\x01"));
    server.send(b'Q', b"").await;
    let seen = server.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 3);
    assert!(seen[0].ends_with("\r\nSubject: one\r\n two\r\n\r\nx\r\n"), "{:?}", seen[0]);
    assert!(seen[1].ends_with("\r\nFrom: a\r\n\r\ny"), "{:?}", seen[1]);
    server.ended().await.unwrap();
}

#[tokio::test]
async fn an_old_server_gets_every_reply() {
    let mut server = Server::negotiated(Scan::Undetected, Settings::default(), 0x7f).await;
    let commands: [(u8, &[u8]); 8] = [
        (b'C', b"host\x004\x01\x02192.0.2.1\0"),
        (b'H', b"host\0"),
        (b'M', b"<a@b>\0"),
        (b'R', b"<c@d>\0"),
        (b'T', b""),
        (b'L', b"Subject\0x\0"),
        (b'N', b""),
        (b'B', b"body"),
    ];
    for (code, payload) in commands {
        server.send(code, payload).await;
        assert_eq!(server.reply().await, (b'c', Vec::new()));
    }
    server.send(b'E', b" end").await;
    let replies = server.end().await;
    assert_eq!(replies[0].1, STATUS.replace("\0 u", "\0u"));
    assert!(server.seen.lock().unwrap()[0].ends_with("Subject: x\r\n\r\nbody end"));
}

#[tokio::test]
async fn what_is_too_long_is_skipped_and_told() {
    let settings = Settings { message_limit: Bytes(1000), ..Settings::default() };
    let mut server = Server::negotiated(Scan::Undetected, settings, POSTFIX).await;
    server.send(b'M', b"<a@b>\0").await;
    server.send(b'B', &[b'x'; 2000]).await;
    assert_eq!(server.reply().await.0, b's');
    server.send(b'E', b"").await;
    let replies = server.end().await;
    assert_eq!(codes(&replies), "hhc");
    assert!(replies[0].1.contains("not-fully-examined") && replies[1].1.contains("first 1000 bytes"));
    assert_eq!(server.seen.lock().unwrap()[0].len() as u64, BESIDE + 1000);
}

#[tokio::test]
async fn exempt_mail_is_not_scanned_and_says_so() {
    let settings = Settings { skip_authenticated: true, ..Settings::default() };
    let mut server = Server::negotiated(Scan::Undetected, settings, POSTFIX).await;
    server.send(b'D', b"M{auth_authen}\0joe\0").await;
    server.send(b'M', b"<a@b>\0").await;
    server.send(b'L', b"X-Candor-Status\0 undetected\0").await;
    server.send(b'E', b"").await;
    let replies = server.end().await;
    assert_eq!(codes(&replies), "mhc");
    assert!(replies[1].1.contains("reason=authenticated-sender"));
    // A login is that of one message.
    server.send(b'M', b"<a@b>\0").await;
    server.send(b'E', b"").await;
    assert_eq!(server.end().await[0].1, STATUS);
    assert_eq!(server.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_scan_defers() {
    let mut server = Server::negotiated(Scan::Refused, Settings::default(), POSTFIX).await;
    let replies = server.message(&[], "x").await;
    assert_eq!(codes(&replies), "y");
    assert!(replies[0].1.starts_with("451 4.7.1 "));
}

#[tokio::test(start_paused = true)]
async fn a_slow_scan_keeps_the_server_waiting_and_ends() {
    let slow = Scan::Takes(Duration::from_secs(70));
    let mut server = Server::negotiated(slow, Settings::default(), POSTFIX).await;
    assert_eq!(codes(&server.message(&[], "x").await), "ppphc");
    let settings = Settings { scan_timeout: Time::seconds(50), ..Settings::default() };
    let mut server = Server::negotiated(Scan::Takes(Duration::from_secs(9999)), settings, POSTFIX).await;
    assert_eq!(codes(&server.message(&[], "x").await), "ppy");
}

#[tokio::test(start_paused = true)]
async fn silence_and_departure_end_the_session() {
    let server = Server::start(Scan::Undetected, Settings::default());
    let Server { stream, session, .. } = server;
    assert!(matches!(session.await.unwrap(), Err(Error::Packet(packet::Error::Stalled))));
    drop(stream);

    let mut server =
        Server::negotiated(Scan::Takes(Duration::from_secs(60)), Settings::default(), POSTFIX).await;
    server.send(b'M', b"<a@b>\0").await;
    server.send(b'E', b"").await;
    assert!(matches!(server.ended().await, Err(Error::Left)));

    // One who never reads the answers.
    let mut server = Server::negotiated(Scan::Undetected, Settings::default(), 0).await;
    let Server { stream, session, .. } = &mut server;
    let mut bytes = Vec::new();
    packet::write(&mut bytes, b'H', &[b"host\0"]);
    while !session.is_finished() {
        let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(&bytes)).await;
    }
    assert!(matches!(server.session.await.unwrap(), Err(Error::Packet(packet::Error::Stalled))));
}

#[tokio::test]
async fn stopping_waits_for_the_message_under_way() {
    let server = Server::negotiated(Scan::Undetected, Settings::default(), POSTFIX).await;
    server.stop.cancel();
    assert!(server.session.await.unwrap().is_ok());

    let mut server = Server::negotiated(Scan::Undetected, Settings::default(), POSTFIX).await;
    server.send(b'M', b"<a@b>\0").await;
    server.send(b'B', b"x").await;
    assert_eq!(server.reply().await.0, b'c');
    server.stop.cancel();
    server.send(b'E', b"").await;
    assert_eq!(codes(&server.end().await), "hc");
    assert!(server.session.await.unwrap().is_ok());
}

#[tokio::test]
async fn commands_out_of_place_end_the_session() {
    let offer = [6, 0x1ff, POSTFIX].map(u32::to_be_bytes).concat();
    let sequences: [&[(u8, &[u8])]; 10] = [
        &[(b'M', b"<a@b>\0")],
        &[(b'O', b"short")],
        &[(b'O', &offer), (b'O', &offer)],
        &[(b'O', &offer), (b'L', b"A\0b\0")],
        &[(b'O', &offer), (b'R', b"<a@b>\0")],
        &[(b'O', &offer), (b'B', b"x")],
        &[(b'O', &offer), (b'E', b"")],
        &[(b'O', &offer), (b'M', b"<a@b>\0"), (b'N', b""), (b'L', b"A\0b\0")],
        &[(b'O', &offer), (b'M', b"<a@b>\0"), (b'N', b""), (b'R', b"<c@d>\0")],
        &[(b'O', &offer), (b'?', b"")],
    ];
    for sequence in sequences {
        let mut server = Server::start(Scan::Undetected, Settings::default());
        for (code, payload) in sequence {
            server.send(*code, payload).await;
        }
        let Server { stream, session, .. } = server;
        assert!(session.await.unwrap().is_err(), "{sequence:?}");
        drop(stream);
    }
}

fn any_packet() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let code = prop_oneof![prop::sample::select(&b"CDHMRTULNBEAKQO"[..]), any::<u8>()];
    let payload = prop_oneof![
        Just(b"<a@b>\0".to_vec()),
        Just(b"X-Candor-Status\0 x\0".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40)
    ];
    (code, payload)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_packets_end_well(packets in prop::collection::vec(any_packet(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let server = Server::negotiated(Scan::Undetected, Settings::default(), POSTFIX).await;
            let Server { stream, session, .. } = server;
            let (mut replies, mut stream) = tokio::io::split(stream);
            let reading = tokio::spawn(async move { replies.read_to_end(&mut Vec::new()).await });
            for (code, payload) in packets {
                let mut bytes = Vec::new();
                packet::write(&mut bytes, code, &[&payload]);
                if stream.write_all(&bytes).await.is_err() {
                    break;
                }
            }
            let _ = stream.shutdown().await;
            let _ = session.await.unwrap();
            reading.await.unwrap().unwrap();
        });
    }
}
