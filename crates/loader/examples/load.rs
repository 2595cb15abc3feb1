//! Compiles a segment as clients do, and says what that cost: `load SEGMENT OUTPUT`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::time::Instant;

use candor_loader::{Limits, Loader, loader_program};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [segment, output] = <[String; 2]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "load SEGMENT OUTPUT")?;
    let segment = File::open(segment)?;
    let output = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(output)?;
    let begun = Instant::now();
    let loaded = Loader::new(loader_program()?).compile(&segment, &output, &Limits::default())?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{} signatures, {} left out", loaded.signatures, loaded.left_out)?;
    writeln!(stdout, "{} bytes in {:.1} s", loaded.image_size, begun.elapsed().as_secs_f64())?;
    Ok(())
}
