//! Requests as good clients make them.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use crate::address::Address;
use crate::content::{Expected, Samples};
use crate::figures::Figures;

/// Longest answer that is read.
const LONGEST: u64 = 16 << 10;

/// Whether each request has content of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uniqueness {
    /// The samples are sent as they are.
    None,
    /// Each, where the sample has a place for a number.
    Each,
}

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) address: Address,
    pub(crate) samples: Samples,
    pub(crate) uniqueness: Uniqueness,
    pub(crate) until: Instant,
    /// How many may still be made.
    pub(crate) requests: AtomicU64,
    pub(crate) figures: Figures,
}

impl Load {
    /// Whether another request is to be made.
    fn another(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        Instant::now() < self.until
            && self.requests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// A request with what it should lead to.
    pub(crate) fn request(&self, random: &mut Random, into: &mut Vec<u8>) -> Expected {
        let number = random.next();
        let unique = (self.uniqueness == Uniqueness::Each).then_some(number);
        match self.samples.choose(number >> 32) {
            Some(sample) => {
                sample.request(unique, into);
                sample.expected
            }
            None => Expected::Ok,
        }
    }

    /// One stream after the other, each with its own connection.
    pub(crate) async fn streams(&self, seed: usize) {
        let mut random = Random::new(seed);
        while self.another() {
            let mut request = Vec::new();
            let expected = self.request(&mut random, &mut request);
            let begun = Instant::now();
            let mut stream = match self.address.connect().await {
                Ok(stream) => stream,
                Err(error) => {
                    self.figures.refused(&format!("connect: {error}"));
                    sleep(Duration::from_millis(10)).await;
                    continue;
                }
            };
            // Who was refused early may get an answer although not everything could be sent.
            let written = stream.write_all(&request).await;
            match answer(&mut stream).await {
                Ok(answer) => self.figures.answered(expected, &answer, begun.elapsed()),
                Err(error) => self.figures.lost(&format!("no answer: {error}; writing: {written:?}")),
            }
        }
    }

    /// Sessions whose requests do not wait for the answers to those before.
    pub(crate) async fn sessions(&self, seed: usize, pipelined: usize) {
        let mut random = Random::new(seed);
        while self.another() {
            let mut requests = b"zIDSESSION\0".to_vec();
            let mut expected = vec![self.request(&mut random, &mut requests)];
            while expected.len() < pipelined && self.another() {
                expected.push(self.request(&mut random, &mut requests));
            }
            requests.extend(b"zEND\0");
            let begun = Instant::now();
            let stream = match self.address.connect().await {
                Ok(stream) => stream,
                Err(error) => {
                    self.figures.refused(&format!("connect: {error}"));
                    sleep(Duration::from_millis(10)).await;
                    continue;
                }
            };
            let (mut read, mut write) = tokio::io::split(stream);
            let writing = tokio::spawn(async move {
                let _ = write.write_all(&requests).await;
                write
            });
            let mut left: Vec<Option<Expected>> = expected.into_iter().map(Some).collect();
            for _ in 0..left.len() {
                let Ok(numbered) = answer(&mut read).await else { break };
                let Some((number, answer)) = numbered.split_once(": ") else {
                    self.figures.wrong(&format!("without a number: {numbered}"));
                    break;
                };
                let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                match place.and_then(|place| left.get_mut(place)?.take()) {
                    Some(expected) => self.figures.answered(expected, answer, begun.elapsed()),
                    None => self.figures.wrong(&format!("number {number} was not asked")),
                }
            }
            for _ in left.into_iter().flatten() {
                self.figures.lost("a session ended without an answer");
            }
            writing.abort();
        }
    }
}

/// Reads an answer up to its delimiter or the end.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut answer = Vec::new();
    let mut piece = [0; 1];
    // Answers are short, and in a session others follow at once.
    let mut stream = stream.take(LONGEST);
    while stream.read(&mut piece).await? > 0 {
        match piece {
            [0] => return Ok(String::from_utf8_lossy(&answer).into_owned()),
            [byte] => answer.push(byte),
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// Numbers that look random (xorshift64*).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Numbers of their own for each seed.
    pub(crate) fn new(seed: usize) -> Self {
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let seed = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self((seed ^ time.as_nanos() as u64) | 1)
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
