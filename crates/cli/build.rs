//! Compiles the signatures of `rules/` into the embedded database and notes what the program is built from.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use candor_signatures::Sources;

fn main() -> Result<(), Box<dyn Error>> {
    let mut cargo = io::stdout().lock();
    writeln!(cargo, "cargo:rerun-if-changed=build.rs")?;
    embed_rules(&mut cargo)?;
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

/// Writes `default.cdb`; without rules it is a database without signatures.
fn embed_rules(cargo: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let folder = root.join("rules");
    let mut sources = Sources::default();
    if folder.is_dir() {
        writeln!(cargo, "cargo:rerun-if-changed={}", folder.display())?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                files.push(path);
            }
        }
        files.sort();
        for file in files {
            writeln!(cargo, "cargo:rerun-if-changed={}", file.display())?;
            sources.add_path(&file)?;
        }
    } else {
        // The root changes when the folder appears.
        writeln!(cargo, "cargo:rerun-if-changed={}", root.display())?;
    }
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push(problem.to_string()))?;
    if !problems.is_empty() {
        return Err(format!("rules/ has problems:\n{}", problems.join("\n")).into());
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("default.cdb"), built.image)?;
    Ok(())
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}
