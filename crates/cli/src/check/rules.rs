//! The rules that are asked: those that the program carries, with files of the user.

use std::path::PathBuf;

use anyhow::bail;
use candor_compliance::Rules;
use candor_products::Catalogue;

use crate::inventory::{refuse, texts};

/// Which rules.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Rules")]
#[group(skip)]
pub(crate) struct Options {
    /// More rules, as TOML: a file, or a folder of them (repeatable).
    #[arg(long = "rules", value_name = "PATH")]
    more: Vec<PathBuf>,
    /// More products and marks, as TOML: a file, or a folder of them (repeatable).
    #[arg(long, value_name = "PATH")]
    pub(crate) products: Vec<PathBuf>,
    /// Only this rule (repeatable).
    #[arg(long = "rule", value_name = "ID")]
    only: Vec<String>,
}

impl Options {
    /// The rules.
    ///
    /// # Errors
    /// When a file has a problem, or a rule that is named is not there.
    pub(crate) fn rules(&self, catalogue: &Catalogue) -> anyhow::Result<Rules> {
        let own = texts(&self.more)?;
        let own = own.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let (mut rules, problems) =
            Rules::parse(Rules::embedded_files().iter().copied().chain(own), catalogue);
        refuse(&problems)?;
        for id in &self.only {
            if rules.rule(id).is_none() {
                let known: Vec<&str> = rules.rules.iter().map(|rule| rule.id.as_str()).collect();
                bail!("--rule {id}: there is no such rule; known are {}", known.join(", "));
            }
        }
        if !self.only.is_empty() {
            rules.rules.retain(|rule| self.only.contains(&rule.id));
        }
        Ok(rules)
    }
}
