//! A mirror of the proof's own, on this machine, which writes down every byte that it is asked.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Most bytes of a request.
const MOST: usize = 64 << 10;
/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mirror that holds back its first answer until it is told to go on.
#[derive(Debug)]
pub(super) struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    files: BTreeMap<String, String>,
    state: Mutex<State>,
    changed: Condvar,
    over: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// Whether somebody has asked.
    asked: bool,
    /// Whether answers are given.
    open: bool,
    /// One for each connection; it gives what came over it.
    connections: Vec<JoinHandle<Vec<u8>>>,
}

impl Recorder {
    /// Listens on a port of this machine.
    pub(super) fn new() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let shared = Arc::new(Shared {
            files: mirror(),
            state: Mutex::default(),
            changed: Condvar::new(),
            over: AtomicBool::new(false),
        });
        let address = listener.local_addr()?;
        let for_thread = Arc::clone(&shared);
        let listening = thread::spawn(move || for_thread.listen(&listener));
        Ok(Self { address, shared, listening: Some(listening) })
    }

    /// Where it is.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether somebody has asked for something and waits for the answer.
    pub(super) fn is_asked(&self) -> bool {
        self.shared.state().asked
    }

    /// Answers, from now on.
    pub(super) fn open(&self) {
        self.shared.state().open = true;
        self.shared.changed.notify_all();
    }

    /// What came over each connection until now, in the order in which they were made. The other ends must be
    /// closed. Answers are held back again.
    pub(super) fn take(&self) -> Vec<Vec<u8>> {
        let connections = std::mem::take(&mut *self.shared.state()).connections;
        // A thread that panicked has told of it on standard error; what it heard is missing and differs.
        connections.into_iter().map(|connection| connection.join().unwrap_or_default()).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // This wakes who waits for a connection.
        drop(TcpStream::connect(self.address));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        for connection in listener.incoming() {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let Ok(connection) = connection else { continue };
            let shared = Arc::clone(self);
            let thread = thread::spawn(move || {
                let mut heard = Vec::new();
                // The connection ends when the other end is closed, or when it is not understood.
                let _ = shared.answer(connection, &mut heard);
                heard
            });
            self.state().connections.push(thread);
        }
    }

    fn answer(&self, mut connection: TcpStream, heard: &mut Vec<u8>) -> io::Result<()> {
        connection.set_read_timeout(Some(PATIENCE))?;
        let mut done = 0;
        loop {
            let mut piece = [0; 4096];
            let read = connection.read(&mut piece)?;
            heard.extend(&piece[..read]);
            if read == 0 || heard.len() - done > MOST {
                return Ok(());
            }
            while let Some(length) = heard[done..].windows(4).position(|end| end == b"\r\n\r\n") {
                let request = String::from_utf8_lossy(&heard[done..done + length]).into_owned();
                done += length + 4;
                self.wait();
                let path = request.split(' ').nth(1).unwrap_or_default();
                let (status, body) = match self.files.get(path) {
                    Some(body) => ("200 OK", body.as_str()),
                    None => ("404 Not Found", ""),
                };
                write!(connection, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
            }
        }
    }

    /// Waits until answers are given.
    fn wait(&self) {
        let started = Instant::now();
        let mut state = self.state();
        state.asked = true;
        while !state.open && started.elapsed() < PATIENCE {
            state = self
                .changed
                .wait_timeout(state, PATIENCE)
                .map_or_else(|error| error.into_inner().0, |(state, _)| state);
        }
    }
}

/// The files of a mirror, of which one is led to the next; nobody verifies them here.
fn mirror() -> BTreeMap<String, String> {
    let digest = "ab".repeat(32);
    let segment = format!("targets/segments/{digest}.zst");
    let target = format!(r#"{{"signed":{{"targets":{{"segments/{digest}.zst":{{"length":7}}}}}}}}"#);
    let files: [(&str, &str); 12] = [
        ("metadata/1.root.json", "{}"),
        ("metadata/timestamp.json", r#"{"signed":{"meta":{"snapshot.json":{"version":1}}}}"#),
        ("metadata/1.snapshot.json", r#"{"signed":{"meta":{"targets.json":{"version":1}}}}"#),
        ("metadata/1.targets.json", &target),
        ("checkpoint", "proof.example/log\n1\nAAAA\n"),
        ("tile/0/000.p/1", "garbage"),
        ("tile/entries/000.p/1", "garbage"),
        ("releases/latest", "1\n"),
        ("releases/1/statement", &format!("candor.release/v1\nsegment base 7 {digest} image 4 7 {digest}\n")),
        ("releases/1/proof.tlog-proof", "garbage"),
        ("director", "garbage"),
        (&segment, "garbage"),
    ];
    files.into_iter().map(|(path, body)| (format!("/{path}"), body.to_owned())).collect()
}
