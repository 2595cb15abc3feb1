//! Regular expressions are compiled in workers, which may ask the system for next to nothing.

mod program;

use std::fs;

use program::Ground;

#[test]
fn a_jailed_worker_can_compile_them() {
    let ground = Ground::new();
    ground.file("a.txt", b"xx hello xx");
    let lines = "Linear;Engine:81-255,Target:0;0&1;68656c6c6f;0/h.llo/\n\
                 Backtracking;Engine:81-255,Target:0;0&1;68656c6c6f;0/h(?=ello)/\n";
    fs::write(ground.path("a.ldb"), lines).unwrap();
    let seen = ground.run(&["scan", "files", "--signatures", "a.ldb"]).expect(1);
    assert!(seen.stdout.contains("Linear") && seen.stdout.contains("Backtracking"), "{seen:#?}");
}
