//! Clients that misbehave.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout_at};

use crate::content::Judged;
use crate::requests::{Load, Random, answer};

/// Zeros that are sent at once, and the length of a chunk.
const CHUNK: usize = 1 << 20;

/// Begins a stream and sends a byte each second, so that no chunk ever has all its bytes.
pub(crate) async fn slow(load: &Load) {
    while Instant::now() < load.until {
        let Ok(mut stream) = load.address.connect().await else {
            load.figures.refused("connect");
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let mut sent = 0_u64;
        // A chunk of 16 MiB is announced, of which the first byte of the length comes first.
        let bytes = b"zINSTREAM\0\x01\0\0\0".iter().copied().chain(std::iter::repeat(b'x'));
        let mut ended = None;
        for byte in bytes {
            if Instant::now() >= load.until {
                return;
            }
            if stream.write_all(&[byte]).await.is_err() {
                ended = Some("closed");
                break;
            }
            sent += 1;
            load.figures.bytes.fetch_add(1, Ordering::Relaxed);
            // The command comes quickly: otherwise only the time for commands would be tested.
            let pause = if sent < 10 { Duration::ZERO } else { Duration::from_secs(1) };
            if let Ok(answer) = timeout_at(Instant::now() + pause, answer(&mut stream)).await {
                match answer {
                    Ok(text) if text.ends_with("OK") || text.ends_with("FOUND") => load.figures.wrong(&text),
                    Ok(text) => load.figures.handled(&text),
                    Err(_) => {}
                }
                ended = Some("closed");
                break;
            }
        }
        if let Some(how) = ended {
            load.figures.handled(how);
        }
    }
}

/// Shuts its side down after the whole request, in the middle of it, or leaves without reading.
pub(crate) async fn half_closed(load: &Load, seed: usize) {
    let mut random = Random::new(seed);
    while Instant::now() < load.until {
        let mut request = Vec::new();
        let expected = load.request(&mut random, &mut request);
        let Ok(mut stream) = load.address.connect().await else {
            load.figures.refused("connect");
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let begun = Instant::now();
        match random.next() >> 62 {
            0 => {
                // The answer must come although nothing more can.
                let _ = stream.write_all(&request).await;
                let _ = stream.shutdown().await;
                match answer(&mut stream).await {
                    Ok(answer) => load.figures.answered(expected, &answer, begun.elapsed()),
                    Err(error) => load.figures.lost(&format!("half-closed: {error}")),
                }
            }
            1 => {
                // Half a stream has no verdict.
                let half = request.get(..request.len() / 2).unwrap_or_default();
                let _ = stream.write_all(half).await;
                let _ = stream.shutdown().await;
                match answer(&mut stream).await {
                    Ok(text) if expected.judge(&text) != Judged::Error => load.figures.wrong(&text),
                    Ok(text) => load.figures.handled(&text),
                    Err(_) => load.figures.handled("half a stream: closed"),
                }
            }
            2 => {
                let _ = stream.write_all(&request).await;
                drop(stream);
                load.figures.handled("left without reading");
            }
            _ => {
                // Silence, and then it is gone.
                sleep(Duration::from_millis(random.next() % 1000)).await;
                drop(stream);
                load.figures.handled("left without asking");
            }
        }
    }
}

/// Sends zeros until it is refused, at most `most` bytes.
pub(crate) async fn endless(load: &Load, most: u64) {
    let mut chunk = (CHUNK as u32).to_be_bytes().to_vec();
    chunk.resize(CHUNK + 4, 0);
    while Instant::now() < load.until {
        let Ok(mut stream) = load.address.connect().await else {
            load.figures.refused("connect");
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        if stream.write_all(b"zINSTREAM\0").await.is_err() {
            load.figures.lost("endless: refused before the first byte");
            continue;
        }
        let mut sent = 0_u64;
        let mut refused = false;
        while sent < most {
            if stream.write_all(&chunk).await.is_err() {
                refused = true;
                break;
            }
            sent += CHUNK as u64;
            load.figures.bytes.fetch_add(CHUNK as u64, Ordering::Relaxed);
        }
        if !refused {
            load.figures.wrong("endless: all bytes were taken");
        }
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text).await;
        let text = String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned();
        if text.ends_with("OK") || text.ends_with("FOUND") {
            load.figures.wrong(&text);
        } else {
            load.figures.handled(if text.is_empty() { "closed" } else { &text });
        }
    }
}
