//! Mail that goes through Postfix.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::mail;
use crate::postfix::Postfix;
use crate::program::Program;
use crate::smtp::Client;

const TO: &[&str] = &["c@example.org"];

/// A service on a Unix socket that Postfix may use, and Postfix.
fn start(settings: &str) -> Option<(Program, Postfix)> {
    let listen = "[milter]\nlisten = [\"unix:{folder}/milter.sock\"]\nsocket_mode = 0o666\n";
    let program = Program::start(&format!("{listen}{settings}"));
    fs::set_permissions(program.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    let postfix = Postfix::start(&format!("unix:{}", program.unix("milter").display()))?;
    Some((program, postfix))
}

/// The header of a message that was delivered, with LF.
fn header(message: &str) -> String {
    message.split_once("\r\n\r\n").unwrap().0.replace("\r\n", "\n")
}

fn fields<'m>(header: &'m str, name: &str) -> Vec<&'m str> {
    let is_named = |line: &&str| line.to_lowercase().starts_with(&name.to_lowercase());
    header.lines().filter(is_named).collect()
}

#[test]
fn postfix_delivers_rejects_and_defers() {
    let Some((program, postfix)) = start("") else { return };
    let mut client = Client::connect(postfix.address);

    let reply = client.send(TO, &mail::with_attachment("a.bin", b"harmless"));
    assert!(reply.starts_with("250 2.0.0 Ok"), "{reply}");
    let message = postfix.next();
    let status = fields(&header(&message), "X-Candor-").join("\n");
    assert!(status.starts_with("X-Candor-Status: undetected; database="), "{message}");

    // Several messages on one connection, after a message that was refused too.
    let reply =
        client.send(&["c@example.org", "d@example.org"], &mail::with_attachment("a.com", &mail::eicar()));
    assert!(reply.starts_with("550 5.7.1 this message was not accepted: "), "{reply}");
    let inside = mail::nested("a.zip", &mail::zip("a.com", &mail::eicar()));
    let reply = client.send(TO, &inside);
    assert!(reply.starts_with("550 5.7.1 "), "{reply}");
    client.command("MAIL FROM:<a@example.org>");
    client.command("RSET");

    let encrypted = mail::with_attachment("a.zip", &mail::encrypted_zip("secret.txt"));
    assert!(client.send(TO, &encrypted).starts_with("250"));
    let told = header(&postfix.next());
    assert!(fields(&told, "X-Candor-Status: not-fully-examined").len() == 1, "{told}");
    assert!(fields(&told, "X-Candor-Gap: encrypted: ").len() == 1, "{told}");

    let forged = "x-candor-status: undetected\r\nX-Candor-Status : trusted\r\nX-Candor-Status\t:\r\n folded\r\n\
                  X-CANDOR-GAP:none\r\nX-Candor-Status:\r\n";
    assert!(client.send(TO, &format!("{forged}Subject: x\r\n{forged}\r\nhello\r\n")).starts_with("250"));
    let message = postfix.next();
    let told = header(&message);
    assert_eq!(fields(&told, "X-Candor-Status: undetected; database=").len(), 1, "{told}");
    assert_eq!(told.to_lowercase().matches("x-candor").count(), 1, "{told}");
    assert!(!told.contains("folded") && message.ends_with("\r\n\r\nhello\r\n"), "{message}");

    drop(client);
    program.stop();
    let reply = Client::connect(postfix.address).send(TO, &mail::with_attachment("a.bin", b"harmless"));
    assert!(reply.starts_with("451 4.7.1 "), "{reply}");
}

#[test]
fn postfix_hands_over_what_is_odd_and_what_is_large() {
    let Some((program, postfix)) = start("") else { return };
    let mut client = Client::connect(postfix.address);
    let detected = mail::base64(&mail::zip("a.com", &mail::eicar()));
    let part = "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n";
    for message in [
        format!("{part}\r\n{detected}"),
        format!("Subject: x\r\nX-Folded: a\r\n\tb\r\n c\r\n{part}\r\n{detected}"),
        format!("X-Odd\u{e9}: \u{e9}\r\n{part}\r\n{detected}"),
        format!("From a@b Thu Jul 31 13:49:50 2008\r\n{part}\r\n{detected}"),
        format!("X-Long: {}\r\n{part}\r\n{detected}", "z".repeat(50_000)),
        format!("{}{part}\r\n{detected}", "Received: from a by b\r\n".repeat(40)),
        // No header at all: Postfix ends it before the first line.
        format!("begin 644 a.com\r\n{}`\r\nend\r\n", uuencoded(&mail::eicar())),
    ] {
        let reply = client.send(TO, &message);
        assert!(reply.starts_with("550 5.7.1"), "{reply}{}", &message[..message.len().min(300)]);
    }
    assert!(client.send(TO, "no header\r\n.\r\n..\r\n").starts_with("250"));
    assert!(postfix.next().ends_with("no header\r\n.\r\n..\r\n"));
    assert!(client.send(TO, "\r\n").starts_with("250"));
    assert!(header(&postfix.next()).contains("X-Candor-Status: undetected"));

    let noise: Vec<u8> =
        (0..30_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let large = mail::with_attachment("a.bin", &noise);
    let reply = client.send(TO, &large);
    assert!(reply.starts_with("250"), "{reply}");
    let message = postfix.next();
    assert!(message.len() > large.len() && message.contains("X-Candor-Status: undetected"));
    let far_behind = mail::with_attachment("a.com", &mail::eicar());
    let far_behind = far_behind.replace("hello", &mail::base64(&noise));
    let reply = client.send(TO, &far_behind);
    assert!(reply.starts_with("550 5.7.1"), "{reply}");
    drop(client);
    program.stop();
}

#[test]
fn postfix_holds_exempts_and_quotes() {
    let settings = "on_detection = \"quarantine\"\non_encrypted = \"reject\"\nskip_recipients = [\"@lab.example.org\"]\n\
                    clamav_headers = true\n";
    let Some((program, postfix)) = start(settings) else { return };
    let mut client = Client::connect(postfix.address);
    let detected = mail::with_attachment("a.com", &mail::eicar());
    assert!(client.send(TO, &detected).starts_with("250"));
    let queue = String::from_utf8(postfix.run("/usr/sbin/postqueue", &["-p"]).stdout).unwrap();
    assert!(queue.contains("! ") && queue.contains("c@example.org"), "{queue}");
    assert!(postfix.log().contains("milter-hold"), "{}", postfix.log());

    let encrypted = mail::with_attachment("a.zip", &mail::encrypted_zip("secret.txt"));
    let reply = client.send(TO, &encrypted);
    assert!(reply.starts_with("550 5.7.1 parts of this message could not be examined: encrypted"), "{reply}");

    assert!(client.send(&["x@lab.example.org"], &detected).starts_with("250"));
    let told = header(&postfix.next());
    assert!(told.contains("X-Candor-Status: not-examined; reason=recipients"), "{told}");
    assert!(told.contains("X-Virus-Status: Not Scanned"), "{told}");
    drop(client);
    program.stop();

    let settings = "reply = \"not accepted: {names}\\nask postmaster about {queue}\"\non_too_long = \"defer\"\n\
                    message_limit = \"100K\"\n";
    let Some((program, postfix)) = start(settings) else { return };
    let mut client = Client::connect(postfix.address);
    let reply = client.send(TO, &detected);
    assert!(reply.starts_with("550-5.7.1 not accepted: "), "{reply}");
    assert!(reply.contains("\r\n550 5.7.1 ask postmaster about ") && !reply.contains("{queue}"), "{reply}");
    let long = format!("Subject: x\r\n\r\n{}", "long line of text\r\n".repeat(50_000));
    let reply = client.send(TO, &long);
    assert!(reply.starts_with("451 4.7.1 ") && reply.contains("too long"), "{reply}");
    assert!(client.send(TO, &long[..2000]).starts_with("250"));
    drop(client);
    program.stop();
}

fn uuencoded(content: &[u8]) -> String {
    let letter = |bits: u32| char::from(if bits & 63 == 0 { b'`' } else { 32 + (bits & 63) as u8 });
    let mut text = String::new();
    for line in content.chunks(45) {
        text.push(letter(line.len() as u32));
        for three in line.chunks(3) {
            let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - three.len()));
            (0..4).for_each(|place| text.push(letter(bits >> (18 - 6 * place))));
        }
        text.push_str("\r\n");
    }
    text
}
