//! The real program on loopback: every answer that the specification demands, and the limits of HTTP.

mod ground;

use std::net::TcpStream;
use std::thread;
use std::time::UNIX_EPOCH;

use candor_tlog::{Checkpoint, Evidence, KeyKind, MAX_SUBMISSION, Note, SigningKey, cosigned};
use ground::{Answer, Ground, Log, ORIGIN, Running, page_of, program, time_of};

fn post(running: &Running, body: &[u8]) -> Answer {
    running.client().post("/add-checkpoint", body).unwrap()
}

#[test]
fn the_table_of_answers() {
    let ground = Ground::new();
    let running = ground.start();
    let log = Log::new(40);
    let now = || UNIX_EPOCH.elapsed().unwrap().as_secs();

    // 404 and 403 come before anything about sizes.
    let mut unknown = log.request(0, 5);
    unknown.note = log.note_of("example.org/other", 5);
    assert_eq!(running.add(&unknown).status, 404);
    let mut foreign = log.request(0, 5);
    let other = SigningKey::new(ORIGIN, KeyKind::Note, &[9; 32]).unwrap();
    foreign.note = Checkpoint::read(&foreign.note).unwrap().to_note().unwrap();
    foreign.note.sign(&other);
    assert_eq!(running.add(&foreign).status, 403);
    let mut forged = log.request(0, 5).to_bytes();
    let place = forged.windows(3).position(|window| window == b"\n5\n").unwrap() + 1;
    forged[place] = b'6';
    assert_eq!(post(&running, &forged).status, 403);

    // Nothing was cosigned yet, so the old size is 0.
    let conflict = running.add(&log.request(3, 5));
    assert_eq!((conflict.status, conflict.body.as_str()), (409, "0\n"));
    assert!(conflict.has("content-type", "text/x.tlog.size"));
    let mut superfluous = log.request(0, 5);
    superfluous.proof.push([7; 32]);
    assert_eq!(running.add(&superfluous).status, 422);
    assert_eq!(running.get(&page_of(ORIGIN)).status, 404);

    let begun = now();
    let first = running.add(&log.request(0, 5));
    let time = time_of(&first, &log.note(5), &ground.key);
    assert!((begun..=now()).contains(&time));
    assert_eq!(first.body.lines().count(), 1);

    for (old, size) in [(0, 5), (0, 9), (4, 9), (6, 9), (3, 4)] {
        let conflict = running.add(&log.request(old, size));
        assert_eq!((conflict.status, conflict.body.as_str()), (409, "5\n"), "{old} to {size}");
        assert!(conflict.has("content-type", "text/x.tlog.size"));
    }
    assert_eq!(running.add(&log.request(6, 5)).status, 400, "the old size is larger");
    for bad in ["", "old 5\n", "new 5\n\n", "old 05\n\n", "old 5\nAAAA\n\n"] {
        let request = [bad.as_bytes(), &log.note(9).to_bytes()].concat();
        assert_eq!(post(&running, &request).status, 400, "{bad:?}");
    }
    let mut many = log.request(5, 9);
    many.proof = vec![[7; 32]; 64];
    assert_eq!(running.add(&many).status, 400);
    for place in 0..log.request(5, 9).proof.len() {
        let mut wrong = log.request(5, 9);
        wrong.proof[place][3] ^= 1;
        assert_eq!(running.add(&wrong).status, 422);
    }
    let mut short = log.request(5, 9);
    short.proof.pop();
    assert_eq!(running.add(&short).status, 422);
    let mut superfluous = log.request(5, 5);
    superfluous.proof.push([7; 32]);
    assert_eq!(running.add(&superfluous).status, 422);

    // The same size again is a new statement about the time.
    assert!(time_of(&running.add(&log.request(5, 5)), &log.note(5), &ground.key) >= time);
    for (old, size) in [(5, 6), (6, 8), (8, 32), (32, 33), (33, 40)] {
        time_of(&running.add(&log.request(old, size)), &log.note(size), &ground.key);
    }
    let fork = running.add(&Log::with_history(1, 40).request(40, 40));
    assert_eq!(fork.status, 409);
    assert!(!fork.has("content-type", "text/x.tlog.size"), "sending it again would not help");

    let latest = running.get(&page_of(ORIGIN));
    let note = Note::read(latest.body.as_bytes()).unwrap();
    note.signed_by(log.key.public()).unwrap();
    cosigned(&note, &ground.key).unwrap();
    assert_eq!(Checkpoint::read(&note).unwrap(), Checkpoint::read(&log.note(40)).unwrap());
    let (status, _) = running.stop();
    assert_eq!(status, Some(0));
}

#[test]
fn an_empty_log_can_be_cosigned_and_grow() {
    let ground = Ground::new();
    let running = ground.start();
    let log = Log::new(3);
    time_of(&running.add(&log.request(0, 0)), &log.note(0), &ground.key);
    time_of(&running.add(&log.request(0, 0)), &log.note(0), &ground.key);
    let mut lie = log.request(0, 0);
    lie.note = Checkpoint { origin: ORIGIN.to_owned(), size: 0, root: [7; 32] }.to_note().unwrap();
    lie.note.sign(&log.key);
    assert_eq!(running.add(&lie).status, 409);
    time_of(&running.add(&log.request(0, 3)), &log.note(3), &ground.key);
}

#[test]
fn lines_of_others_are_ignored_and_not_kept() {
    let ground = Ground::new();
    let running = ground.start();
    let log = Log::new(5);
    let mut request = log.request(0, 5);
    for seed in 10..60 {
        let name = format!("witness.example.org/{seed}");
        let key = SigningKey::new(&name, KeyKind::Cosignature, &[seed; 32]).unwrap();
        request.note.put(candor_tlog::cosign(&request.note, &key, 1).unwrap());
    }
    time_of(&running.add(&request), &log.note(5), &ground.key);
    let kept = Note::read(running.get(&page_of(ORIGIN)).body.as_bytes()).unwrap();
    assert_eq!(kept.signatures().len(), 2);
}

#[test]
fn a_split_view_is_refused_and_the_proof_kept() {
    let ground = Ground::new();
    let running = ground.start();
    let (log, fork) = (Log::new(40), Log::with_history(1, 40));
    let keys = [log.key.public().clone()];
    time_of(&running.add(&log.request(0, 11)), &log.note(11), &ground.key);

    // Another tree of the size that was cosigned, whatever old size it comes with: proof on its own.
    assert_eq!(running.add(&fork.request(11, 11)).status, 409);
    assert_eq!(running.add(&fork.request(0, 11)).body, "11\n");
    let kept = ground.evidence();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let evidence = Evidence::read(&std::fs::read(&kept[0]).unwrap()).unwrap();
    let (first, second) = evidence.verify(&keys).unwrap();
    assert!(first.size == 11 && second.size == 11 && first.root != second.root);

    // A larger tree with its own true proof: proof again, by the hashes.
    assert_eq!(running.add(&fork.request(11, 30)).status, 422);
    let kept = ground.evidence();
    assert_eq!(kept.len(), 2, "{kept:?}");
    for path in &kept {
        Evidence::read(&std::fs::read(path).unwrap()).unwrap().verify(&keys).unwrap();
        let checked =
            program().arg("evidence").arg(path).arg("--log").arg(keys[0].to_string()).output().unwrap();
        assert!(
            checked.status.success() && String::from_utf8_lossy(&checked.stdout).contains("two histories")
        );
        let stranger = SigningKey::new(ORIGIN, KeyKind::Note, &[9; 32]).unwrap().public().to_string();
        let other = program().arg("evidence").arg(path).args(["--log", &stranger]).output().unwrap();
        assert!(!other.status.success());
    }

    // An honest checkpoint with garbage convicts nobody; it is a question, and asked once.
    for byte in 0..20 {
        let mut garbage = log.request(11, 30);
        garbage.proof[0] = [byte; 32];
        assert_eq!(running.add(&garbage).status, 422);
    }
    let names: Vec<String> =
        ground.evidence().iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("question-")).count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|name| name.starts_with("fork-")).count(), 2);

    // The honest history goes on.
    time_of(&running.add(&log.request(11, 30)), &log.note(30), &ground.key);
    let metrics = running.get("/metrics").body;
    assert!(metrics.contains("candor_witness_evidence_total{kind=\"fork\"} 3\n"), "{metrics}");
    assert!(metrics.contains(&format!("candor_witness_log_size{{origin=\"{ORIGIN}\"}} 30\n")));
    let (_, said) = running.stop();
    assert_eq!(said.matches("SPLIT VIEW").count(), 2, "{said}");
}

#[test]
fn racing_clients_never_get_two_histories() {
    let ground = Ground::new();
    let running = ground.start();
    let histories = [Log::with_history(1, 60), Log::with_history(2, 60)];
    let base = Log::new(3);
    time_of(&running.add(&base.request(0, 3)), &base.note(3), &ground.key);
    // Each thread pushes its history, whatever the witness says its size is.
    let race = |log: &Log| -> Vec<Checkpoint> {
        let mut client = running.client();
        let (mut old, mut won) = (3, Vec::new());
        for size in 4..60 {
            let request = log.request(old, size);
            let answer = client.post("/add-checkpoint", &request.to_bytes()).unwrap();
            match answer.status {
                200 => {
                    time_of(&answer, &request.note, &ground.key);
                    won.push(request.checkpoint);
                    old = size;
                }
                409 => old = answer.body.trim_end().parse::<usize>().map_or(old, |size| size.min(58)),
                422 | 400 => {}
                other => panic!("{other}"),
            }
        }
        won
    };
    let won: Vec<Vec<Checkpoint>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || race(&histories_of(number)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let winner = won.iter().flatten().next().expect("somebody was cosigned");
    let of = |log: &Log, checkpoint: &Checkpoint| {
        *checkpoint == Checkpoint::read(&log.note(checkpoint.size as usize)).unwrap()
    };
    let history = histories.iter().find(|log| of(log, winner)).unwrap();
    for checkpoint in won.iter().flatten() {
        assert!(of(history, checkpoint), "two histories");
    }
}

fn histories_of(number: u8) -> Log {
    Log::with_history(1 + number % 2, 60)
}

#[test]
fn a_thousand_requests_on_few_connections() {
    let ground = Ground::new();
    let running = ground.start();
    let log = Log::new(300);
    let mut client = running.client();
    let mut old = 0;
    for number in 0..1000 {
        let size = (number / 4 + 1).min(300);
        let request = log.request(old, size);
        let answer = client.post("/add-checkpoint", &request.to_bytes()).unwrap();
        time_of(&answer, &request.note, &ground.key);
        old = size;
    }
    let shown = program().arg("show").arg(ground.path("state/state")).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("log example.org/log\n  size 250\n"), "{shown}");
    assert!(running.get("/metrics").body.contains("{page=\"add-checkpoint\",status=\"200\"} 1000\n"));
}

#[test]
fn pages_methods_and_the_prefix() {
    let ground = Ground::new();
    assert_eq!(ground.start().client().post("/other", b"").unwrap().status, 404);
    ground.configure("submission_prefix = \"/w/1\"", &[ORIGIN]);
    let running = ground.start();
    let mut client = running.client();
    let log = Log::new(5);
    let request = log.request(0, 5).to_bytes();
    assert_eq!(client.post("/add-checkpoint", &request).unwrap().status, 404);
    assert_eq!(client.post("/w/1/add-checkpoint", &request).unwrap().status, 200);
    let only = client.get("/w/1/add-checkpoint").unwrap();
    assert!(only.status == 405 && only.has("allow", "POST"));
    let page = page_of(ORIGIN);
    assert_eq!(client.get(&format!("/w/1{page}")).unwrap().status, 200);
    assert_eq!(client.get(&page).unwrap().status, 404);
    assert_eq!(client.get(&format!("/w/1{}", page_of("other"))).unwrap().status, 404);
    for bad in ["/w/1/checkpoint/", "/w/1/checkpoint/../../key", &format!("/w/1{}", page.to_uppercase())] {
        let status = client.get(bad).unwrap().status;
        assert!(status == 400 || status == 404, "{bad}: {status}");
    }
    let wrong = client.post("/health", b"").unwrap();
    assert!(wrong.status == 405 && wrong.has("allow", "GET"));
    assert_eq!(client.get("/health").unwrap().body, "ready\n");
    assert!(client.get("/metrics").unwrap().has("content-type", "text/plain; version=0.0.4; charset=utf-8"));
}

#[test]
fn endless_broken_and_slow_requests_cost_nothing() {
    let ground = Ground::new();
    ground.configure("connections = 4\npatience = 2", &[ORIGIN]);
    let running = ground.start();
    let log = Log::new(5);

    // A length that is too large is refused before the body comes.
    let mut client = running.client();
    let head = |length: usize| {
        format!("POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: {length}\r\n\r\n")
    };
    client.send(head(MAX_SUBMISSION + 1).as_bytes()).unwrap();
    let refused = client.answer().unwrap();
    assert!(refused.status == 413 && refused.has("connection", "close"), "{refused:?}");
    drop(client);

    // A body in chunks that never ends is cut off.
    let mut client = running.client();
    client.send(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let mut sent = 0;
    while sent < 64 << 20 && client.send(chunk.as_bytes()).is_ok() {
        sent += 0x1000;
    }
    assert!(sent < 64 << 20, "it read {sent} bytes");
    drop(client);

    // Heads that are too long, or nonsense.
    let mut client = running.client();
    let _ = client.send(format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)).as_bytes());
    assert!(client.answer().is_none_or(|answer| answer.status == 431));
    let mut client = running.client();
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").unwrap();
    assert!(client.answer().is_none_or(|answer| answer.status == 400));
    drop(client);

    // A body that breaks off is nothing.
    let mut client = running.client();
    let request = log.request(0, 5).to_bytes();
    client.send(&[head(request.len()).as_bytes(), &request[..request.len() - 1]].concat()).unwrap();
    client.end_sending();
    assert!(client.answer().is_none_or(|answer| answer.status == 400));
    drop(client);

    // All places are taken by clients who send nothing more: they are cut off, and others get their turn.
    let mut idle: Vec<_> = (0..4).map(|_| running.client()).collect();
    for (number, client) in idle.iter_mut().enumerate() {
        match number {
            0 => {}
            1 => client.send(b"POST /add-checkpoint HTTP/1.1\r\nHo").unwrap(),
            2 => client.send(&[head(request.len()).as_bytes(), b"old "].concat()).unwrap(),
            _ => assert_eq!(client.get("/health").unwrap().status, 200),
        }
    }
    let slow = idle[2].answer();
    time_of(&running.add(&log.request(0, 5)), &log.note(5), &ground.key);
    assert!(slow.is_some_and(|answer| answer.status == 408));
    assert!(idle[0].answer().is_none_or(|answer| answer.status == 408));
}

#[test]
fn who_is_there_gets_the_answer_when_it_ends() {
    let ground = Ground::new();
    let running = ground.start();
    let log = Log::new(5);
    let request = log.request(0, 5).to_bytes();
    let mut client = running.client();
    let length = request.len();
    let head = format!(
        "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    client.send(head.as_bytes()).unwrap();
    assert_eq!(client.answer().unwrap().status, 100, "the request has begun");
    let address = running.address;
    let stopping = thread::spawn(move || running.stop());
    // When nobody is let in any more, it was told to end.
    while TcpStream::connect(address).is_ok() {
        thread::yield_now();
    }
    client.send(&request).unwrap();
    time_of(&client.answer().unwrap(), &log.note(5), &ground.key);
    assert_eq!(stopping.join().unwrap().0, Some(0));
}
