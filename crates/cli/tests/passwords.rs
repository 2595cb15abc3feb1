//! Passwords of a file and of a mail's text open what is encrypted.

mod program;

use std::fs;

use program::Ground;

/// A zip with AES-256 and the password `infected`.
const AES: &[u8] = include_bytes!("../../formats/tests/golden/zip/password-aes256.zip");

#[test]
fn the_passwords_of_a_file_are_tried_and_not_told() {
    let ground = Ground::new();
    ground.file("a.zip", AES);
    ground.scan(&["--verbose", "--alone"]).expect(3);
    fs::write(ground.path("list.txt"), "wrong\r\n\r\ninfected\n").unwrap();
    let seen = ground.scan(&["--verbose", "--password-file", "list.txt"]).expect(0);
    assert!(seen.stdout.contains("line 3 of the password file"), "{seen:#?}");
    assert!(!seen.stdout.contains("infected\""), "{seen:#?}");
    fs::write(ground.path("list.txt"), "wrong\n").unwrap();
    ground.scan(&["--password-file", "list.txt"]).expect(3);
}

#[test]
fn a_list_that_cannot_be_used_is_told_with_its_line() {
    let ground = Ground::new();
    ground.file("a.zip", AES);
    fs::write(ground.path("list.txt"), format!("one\n{}\n", "x".repeat(129))).unwrap();
    let seen = ground.scan(&["--password-file", "list.txt"]).expect(2);
    assert!(seen.stderr.contains("list.txt:2: a password is longer than 128 bytes"), "{seen:#?}");
    let seen = ground.scan(&["--password-file", "nothing.txt"]).expect(2);
    assert!(seen.stderr.contains("nothing.txt"), "{seen:#?}");
}

#[test]
fn the_text_of_a_mail_tells_the_password() {
    let ground = Ground::new();
    let mail = |text: &str| {
        let zip: String = AES
            .iter()
            .map(|byte| format!("={byte:02X}"))
            .collect::<Vec<_>>()
            .chunks(20)
            .map(|line| line.concat() + "=\r\n")
            .collect();
        format!(
            "From: a@example.org\r\nTo: b@example.org\r\nSubject: Invoice\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: application/zip; name=a.zip\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{zip}\r\n--x\r\nContent-Type: text/plain\r\n\r\n\
             {text}\r\n--x--\r\n"
        )
    };
    ground.file("a.eml", mail("Dear all, the password is infected").as_bytes());
    let seen = ground.scan(&["--verbose", "--alone"]).expect(0);
    assert!(seen.stdout.contains("the text of the mail"), "{seen:#?}");
    ground.file("a.eml", mail("Dear all, here it is").as_bytes());
    ground.scan(&["--alone"]).expect(3);
}
