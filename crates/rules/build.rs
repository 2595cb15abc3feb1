//! Compiles the folder of our own rules.

#[path = "src/mask.rs"]
mod mask;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, fs};

use candor_signatures::Sources;
use mask::MASK;

fn main() -> Result<(), Box<dyn Error>> {
    let mut cargo = io::stdout().lock();
    writeln!(cargo, "cargo:rerun-if-changed=build.rs")?;
    embed_rules(&mut cargo)
}

/// Writes `default.cdb.masked`; without rules it is a database without signatures.
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
    let masked: Vec<u8> = built.image.iter().map(|byte| byte ^ MASK).collect();
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("default.cdb.masked"), masked)?;
    Ok(())
}
