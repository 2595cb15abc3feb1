//! `candor vet` as a program: what it says and what it ends with.

mod program;

use std::fs;

use program::Ground;

#[test]
fn databases_pass_are_held_and_fail() {
    let program = Ground::new();
    let folder = program.path("");
    fs::create_dir(folder.join("good")).unwrap();
    fs::write(folder.join("good/tool"), "candor-test: my own tool").unwrap();
    let database = |name: &str, line: &str| {
        let source = format!("{name}.ndb");
        fs::write(folder.join(&source), line).unwrap();
        program.run(&["db", "build", "--output", &format!("{name}.cdb"), &source]).expect(0);
        format!("{name}.cdb")
    };
    let bad = database("bad", "Test.Poisoned-1:0:*:63616e646f722d746573743a\n");
    let fine = database("fine", "Test.Fine-1:0:*:00ff00ff00ff00ff11223344\n");
    let few = ["--no-eicar", "--root", "files", "--place", "7", "--known-good", "good"];
    let vet = |more: &[&str]| {
        let arguments: Vec<&str> = ["vet"].iter().chain(&few).chain(more).copied().collect();
        program.run(&arguments)
    };
    let held = vet(&[&bad]).expect(1);
    assert!(
        held.stdout.starts_with("held") && held.stdout.contains("good/tool: Test.Poisoned-1"),
        "{held:?}"
    );
    let passed = vet(&[&fine]).expect(0);
    assert!(passed.stdout.starts_with("passed\n") && passed.stdout.contains("--place 7"), "{passed:?}");
    let known = vet(&["--current", &bad, &bad]).expect(0);
    assert!(known.stdout.contains("known before"), "{known:?}");
    let failed = program.run(&["vet", "--root", "files", &fine]).expect(2);
    assert!(failed.stderr.contains("EICAR"), "{failed:?}");
    vet(&["nowhere.cdb"]).expect(2);
    let mut damaged = fs::read(folder.join(&fine)).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(folder.join("damaged.cdb"), damaged).unwrap();
    assert!(vet(&["damaged.cdb"]).expect(2).stderr.contains("damaged"));
}
