//! What the program takes from itself is gone: tried in a thread, which is confined as the program is.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use candor_witness::confine;

#[test]
fn other_files_programs_and_connections_are_refused() {
    let ground = tempfile::tempdir().unwrap();
    let (folder, outside) = (ground.path().join("inside"), ground.path().join("outside"));
    fs::create_dir(&folder).unwrap();
    fs::write(&outside, "secret").unwrap();
    fs::write(folder.join("here"), "state").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        if let Some(missing) = confine(&[&folder]).unwrap() {
            eprintln!("skipped: {missing}");
            return;
        }
        assert_eq!(fs::read_to_string(folder.join("here")).unwrap(), "state");
        fs::write(folder.join("new"), "next").unwrap();
        fs::rename(folder.join("new"), folder.join("here")).unwrap();
        assert!(fs::read(&outside).is_err() && fs::write(&outside, "").is_err());
        assert!(fs::remove_file(&outside).is_err() && fs::rename(folder.join("here"), &outside).is_err());
        assert!(fs::create_dir(folder.join("folder")).is_err());
        assert!(std::os::unix::fs::symlink("/", folder.join("link")).is_err());
        assert!(Command::new("/bin/true").status().is_err());
        assert!(TcpStream::connect(address).is_err());
        assert!(TcpListener::bind("127.0.0.1:0").is_err());
    })
    .join()
    .unwrap();
    assert_eq!(fs::read_to_string(ground.path().join("outside")).unwrap(), "secret");
}
