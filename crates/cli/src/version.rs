//! What this program is: `candor --version`.

use std::io::{self, Write};

use crate::databases;
use crate::numbers::counted;

/// The version number.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit that it was built from, where that was known.
pub(crate) const COMMIT: Option<&str> = option_env!("CANDOR_COMMIT");

/// Prints version, commit, target, compiler and embedded database.
pub(crate) fn print() -> anyhow::Result<()> {
    let embedded = databases::embedded()?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "candor {VERSION}")?;
    writeln!(stdout, "commit    {}", COMMIT.unwrap_or("unknown"))?;
    writeln!(stdout, "target    {}", env!("CANDOR_TARGET"))?;
    writeln!(stdout, "compiler  {}", env!("CANDOR_RUSTC"))?;
    let signatures = counted(embedded.counts()?.total(), "signature", "signatures");
    writeln!(stdout, "database  {}", hex::encode(embedded.identity()))?;
    writeln!(stdout, "          embedded, {signatures}")?;
    stdout.flush()?;
    Ok(())
}
