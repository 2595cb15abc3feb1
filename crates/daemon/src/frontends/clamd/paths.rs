//! SCAN, CONTSCAN, MULTISCAN and ALLMATCHSCAN: files of this machine that a client names.
//!
//! Unlike clamd, a folder in which something could not be scanned is not called `OK` at the end.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Front;
use super::answer::{Answer, Names};
use super::command::Traversal;
use super::outgoing::Reply;
use super::permission::Asker;
use super::walk::{self, Step};
use crate::listener::Peer;
use candor_object::harmless;

/// Files that are open and wait for their turn.
const AHEAD: usize = 2;

/// Scans what the path stands for, and tells it until nobody listens.
pub(super) async fn scan(
    front: &Arc<Front>,
    peer: Peer,
    traversal: Traversal,
    path: PathBuf,
    reply: &Reply,
) -> io::Result<()> {
    let told = path.as_os_str().as_bytes();
    if traversal == Traversal::FirstAllNames && !front.settings.all_matches {
        let words = b": ALLMATCHSCAN command disabled by clamd configuration. ERROR";
        return reply.line(&[&harmless(told), &words[..]].concat()).await;
    }
    tokio::select! {
        done = async {
            let steps = walked(front, peer, path.clone()).await;
            answer(front, peer, traversal, told, steps, reply).await
        } => done,
        () = reply.unwanted() => Ok(()),
    }
}

async fn walked(front: &Arc<Front>, peer: Peer, path: PathBuf) -> mpsc::Receiver<Step> {
    let (sender, steps) = mpsc::channel(AHEAD);
    if front.settings.paths.include(peer) {
        // A file system may let a thread wait for ever, whatever its client does; so threads are counted.
        let room = Arc::clone(&front.walks).acquire_owned().await;
        let front = Arc::clone(front);
        tokio::task::spawn_blocking(move || {
            walk::walk(&path, &front.settings, &Asker::of(peer), &sender);
            drop(room);
        });
    } else {
        // There is room: nothing was sent before.
        let _ = sender.send(walk::denied(path)).await;
    }
    steps
}

async fn answer(
    front: &Arc<Front>,
    peer: Peer,
    traversal: Traversal,
    named: &[u8],
    mut steps: mpsc::Receiver<Step>,
    reply: &Reply,
) -> io::Result<()> {
    let (parallel, names) = match traversal {
        Traversal::First | Traversal::All => (1, Names::First),
        Traversal::FirstAllNames => (1, Names::All),
        Traversal::Parallel => (front.settings.parallel.max(1), Names::First),
    };
    let to_the_end = matches!(traversal, Traversal::All | Traversal::Parallel);
    let mut scans = JoinSet::new();
    let mut folder = false;
    let mut all_is_said = false;
    let mut more = true;
    while more || !scans.is_empty() {
        tokio::select! {
            biased;
            Some(scanned) = scans.join_next(), if !scans.is_empty() => {
                let Ok((path, answer)): Result<(PathBuf, Answer), _> = scanned else {
                    all_is_said = true;
                    reply.line(&[&harmless(named), &b": A scan failed. ERROR"[..]].concat()).await?;
                    continue;
                };
                if folder && answer == Answer::Undetected {
                    continue;
                }
                all_is_said = true;
                for line in answer.lines(path.as_os_str().as_bytes(), names) {
                    reply.line(&line).await?;
                }
                if matches!(answer, Answer::Found(_)) && !to_the_end {
                    return Ok(());
                }
            }
            step = steps.recv(), if more && scans.len() < parallel => match step {
                None => more = false,
                Some(Step::Folder) => folder = true,
                Some(Step::File(path, file)) => {
                    let front = Arc::clone(front);
                    scans.spawn(async move {
                        let answer = front.examine(peer, file.into(), path.as_os_str().as_bytes()).await;
                        (path, answer)
                    });
                }
                Some(Step::Left(path, words)) => {
                    let path = harmless(path.as_os_str().as_bytes());
                    reply.line(&[&path, &b": "[..], words.as_bytes()].concat()).await?;
                }
                Some(Step::Failed(path, because)) => {
                    all_is_said = true;
                    for line in Answer::Failed(because).lines(path.as_os_str().as_bytes(), names) {
                        reply.line(&line).await?;
                    }
                }
            },
        }
    }
    if folder && !all_is_said {
        reply.line(&[&harmless(named), &b": OK"[..]].concat()).await?;
    }
    Ok(())
}
