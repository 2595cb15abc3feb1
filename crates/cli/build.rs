//! Notes what the program is built from.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    let mut cargo = io::stdout().lock();
    writeln!(cargo, "cargo:rerun-if-changed=build.rs")?;
    let target = env::var("TARGET")?;
    writeln!(cargo, "cargo:rustc-env=CANDOR_TARGET={target}")?;
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let rustc = first_line(Command::new(rustc).arg("-V")).unwrap_or_else(|| "unknown".into());
    writeln!(cargo, "cargo:rustc-env=CANDOR_RUSTC={rustc}")?;
    if let Some(commit) = first_line(Command::new("git").args(["rev-parse", "--short=12", "HEAD"])) {
        writeln!(cargo, "cargo:rustc-env=CANDOR_COMMIT={commit}")?;
        // The log of HEAD changes with each commit, HEAD itself only with the branch.
        for file in ["HEAD", "logs/HEAD"] {
            let path = first_line(Command::new("git").args(["rev-parse", "--git-path", file]));
            if let Some(path) = path.filter(|path| Path::new(path).exists()) {
                writeln!(cargo, "cargo:rerun-if-changed={path}")?;
            }
        }
    }
    Ok(())
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}
