//! Embeds the rules of the folder `rules/prohibitions`.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder =
        PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../rules/prohibitions").canonicalize()?;
    let mut cargo = io::stdout().lock();
    writeln!(cargo, "cargo:rerun-if-changed=build.rs\ncargo:rerun-if-changed={}", folder.display())?;
    let mut files =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut list = String::from("&[\n");
    for path in &files {
        writeln!(cargo, "cargo:rerun-if-changed={}", path.display())?;
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file's name is no text")?;
        writeln!(list, "    ({name:?}, include_str!({:?})),", path.display().to_string())?;
    }
    list.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("files.rs"), list)?;
    Ok(())
}
