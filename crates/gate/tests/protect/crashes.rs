//! Whatever dies, no door opens and nobody waits for long.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::ground::{Ground, children, eicar, is_refused, until};

fn kill(process: u32) {
    // It may have ended by itself.
    let _ = kill_process(Pid::from_raw(process.cast_signed()).unwrap(), Signal::KILL);
}

#[test]
fn gates_and_workers_that_are_killed_open_no_door() {
    let Some(ground) = Ground::new("") else { return };
    let bad = ground.write("bad", &eicar());
    let (stop, opens, worst) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for number in 0..3_u32 {
            let (ground, bad, stop, opens, worst) = (&ground, &bad, &stop, &opens, &worst);
            scope.spawn(move || {
                for round in 0_u32.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let begun = Instant::now();
                    let good = ground.write(&format!("good-{number}-{}", round % 20), &round.to_le_bytes());
                    assert!(!is_refused(&good), "{}", ground.log());
                    assert!(is_refused(bad), "{}", ground.log());
                    opens.fetch_add(2, Ordering::Relaxed);
                    worst.fetch_max(u64::try_from(begun.elapsed().as_millis()).unwrap(), Ordering::Relaxed);
                }
            });
        }
        for round in 0..20 {
            thread::sleep(Duration::from_millis(100));
            let gate = ground.status().processes.1;
            let workers = children(gate);
            kill(*workers.get(round % 4).unwrap_or(&gate));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(ground.status().restarts > 0 && opens.load(Ordering::Relaxed) > 20);
    assert!(
        worst.load(Ordering::Relaxed) < 20_000,
        "somebody waited for {} ms",
        worst.load(Ordering::Relaxed)
    );
}

#[test]
fn a_keeper_that_is_killed_is_replaced() {
    let Some(ground) = Ground::new("") else { return };
    let bad = ground.write("bad", &eicar());
    let before = ground.status().processes.1;
    for keeper in children(ground.supervisor()) {
        kill(keeper);
    }
    until("another gate begins", || ground.status().processes.1 != before);
    assert!(is_refused(&bad));
}

/// The gate goes on for a moment, so that a supervisor that is started again finds no gap.
#[test]
fn a_supervisor_that_is_killed_leaves_nobody_waiting() {
    let Some(ground) = Ground::new("") else { return };
    let bad = ground.write("bad", &eicar());
    let good = ground.write("good", b"nothing to see");
    assert!(is_refused(&bad));
    kill(ground.supervisor());
    assert!(is_refused(&bad), "the gate goes on");
    let begun = Instant::now();
    until("the gate ends as well", || {
        assert!(!is_refused(&good));
        fs::write(ground.path("other"), begun.elapsed().as_nanos().to_le_bytes()).unwrap();
        !is_refused(&bad)
    });
    assert!(begun.elapsed() < Duration::from_secs(30));
}
