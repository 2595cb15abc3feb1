//! How products are removed, as their makers document it: data with a source, matched with what was found.
//!
//! Nothing here runs anything.

use serde::{Deserialize, Serialize};

/// The data that comes with the program.
const SHIPPED: [(&str, &str); 1] =
    [("rules/removal/kaspersky.toml", include_str!("../../../../rules/removal/kaspersky.toml"))];
/// Longest file of such data, in bytes.
pub const MOST_BYTES: usize = 1 << 20;

/// How one product is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// The product of the catalogue.
    pub product: String,
    /// Its name.
    pub name: String,
    /// `linux`, `windows` or `macos`.
    pub platform: String,
    /// Names of its packages.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Where this is from.
    pub source: String,
    /// How far that was read.
    pub checked: Checked,
    /// How to go back.
    pub rollback: String,
    /// What to know before.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What is kept before anything is removed.
    #[serde(default)]
    pub keep: Vec<Keep>,
    /// The steps, in order.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// What may be left.
    #[serde(default, rename = "remnant")]
    pub remnants: Vec<Remnant>,
}

/// How far a source was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checked {
    /// The maker's own text.
    Primary,
    /// Others.
    Secondary,
    /// Nobody looked it up.
    Memory,
}

/// A command that keeps something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// Its words; `{notes}` is the folder of rollback notes.
    pub run: Vec<String>,
    /// What for.
    pub why: String,
}

/// A command that removes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its words.
    pub run: Vec<String>,
    /// The package that it removes; without that package it is not run.
    #[serde(default)]
    pub package: Option<String>,
    /// The package manager that must know that package.
    #[serde(default)]
    pub manager: Option<String>,
}

/// A path that may be left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remnant {
    /// The path, with `*` in its last name only.
    pub path: String,
    /// What it is.
    pub what: String,
}

/// A package that a package manager says is installed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Package {
    /// The package manager.
    pub manager: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What is to be done about one product on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    /// How.
    pub removal: Removal,
    /// The packages that were found.
    pub found: Vec<Package>,
    /// The steps for those.
    pub steps: Vec<Step>,
    /// Whether this program can run the steps: on Linux, for packages that were found.
    pub can_run: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    removal: Vec<Removal>,
}

/// What comes with the program.
///
/// # Errors
/// Never, as a test shows; the message names the file.
pub fn shipped() -> Result<Vec<Removal>, String> {
    let mut all = Vec::new();
    for (name, text) in SHIPPED {
        all.extend(read(text).map_err(|error| format!("{name}: {error}"))?);
    }
    Ok(all)
}

/// Reads a file of such data.
///
/// # Errors
/// What is wrong, with its line or product.
pub fn read(text: &str) -> Result<Vec<Removal>, String> {
    let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
    for removal in &document.removal {
        removal.check().map_err(|wrong| format!("{}: {wrong}", removal.product))?;
    }
    Ok(document.removal)
}

impl Removal {
    fn check(&self) -> Result<(), String> {
        if !["linux", "windows", "macos"].contains(&self.platform.as_str()) {
            return Err(format!("the platform {:?} is not known", self.platform));
        }
        if self.source.trim().is_empty() || self.rollback.trim().is_empty() {
            return Err("it needs a source and a way back".to_owned());
        }
        let commands = self.keep.iter().map(|keep| &keep.run).chain(self.steps.iter().map(|step| &step.run));
        for run in commands {
            let word = run.first().ok_or("a command without a word")?;
            let shells = ["sh", "bash", "dash", "zsh", "env", "eval"];
            let name = word.rsplit('/').next().unwrap_or_default();
            if word.is_empty() || shells.contains(&name) {
                return Err(format!("{word:?} is no program of its own"));
            }
            if word.contains('/') && (!word.starts_with('/') || word.split('/').any(|part| part == "..")) {
                return Err(format!("{word:?} is no absolute path"));
            }
        }
        for step in &self.steps {
            if self.platform == "linux"
                && step.package.as_ref().is_none_or(|package| !self.packages.contains(package))
            {
                return Err(format!("step {:?} names no package of the product", step.run));
            }
        }
        for remnant in &self.remnants {
            let (folder, _) = remnant.path.rsplit_once('/').ok_or("a remnant is an absolute path")?;
            let plain = remnant.path.starts_with('/') && !folder.is_empty() && !folder.contains('*');
            if !plain || remnant.path.split('/').any(|part| part == "..") {
                return Err(format!("{:?} is no path of a remnant", remnant.path));
            }
        }
        Ok(())
    }
}

/// What is to be done, for the packages that are installed and the products that others found.
pub fn jobs(removals: &[Removal], packages: &[Package], products: &[String]) -> Vec<Job> {
    let job = |removal: &Removal| {
        let found: Vec<Package> =
            packages.iter().filter(|package| removal.packages.contains(&package.name)).cloned().collect();
        let named = products.contains(&removal.product);
        if found.is_empty() && !named {
            return None;
        }
        let fits = |step: &&Step| match &step.package {
            None => true,
            Some(name) => found.iter().any(|package| {
                package.name == *name
                    && step.manager.as_ref().is_none_or(|manager| *manager == package.manager)
            }),
        };
        let steps: Vec<Step> = removal.steps.iter().filter(fits).cloned().collect();
        let can_run = removal.platform == "linux" && !steps.is_empty();
        Some(Job { removal: removal.clone(), found, steps, can_run })
    };
    removals.iter().filter_map(job).collect()
}

/// A command with the folder of notes in it.
pub fn with_notes(run: &[String], notes: &str) -> Vec<String> {
    run.iter().map(|word| word.replace("{notes}", notes)).collect()
}

/// Whether a name is one that a remnant's last name stands for.
pub fn name_fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for part in middle {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(manager: &str, name: &str) -> Package {
        Package { manager: manager.into(), name: name.into(), version: "12.0".into() }
    }

    #[test]
    fn what_comes_with_the_program_can_be_read() {
        let shipped = shipped().unwrap();
        assert!(shipped.len() >= 4);
        assert!(shipped.iter().all(|removal| !removal.steps.is_empty()));
    }

    #[test]
    fn only_what_was_found_is_removed_and_by_its_own_manager() {
        let shipped = shipped().unwrap();
        let of = |packages: &[Package], products: &[&str]| {
            let products: Vec<String> = products.iter().map(|product| (*product).to_owned()).collect();
            jobs(&shipped, packages, &products)
        };
        let found = of(&[package("dpkg", "kesl"), package("dpkg", "bash")], &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].steps.iter().map(|step| step.run.join(" ")).collect::<Vec<_>>(),
            ["dpkg -P kesl"]
        );
        let both =
            of(&[package("rpm", "kesl"), package("rpm", "kesl-gui"), package("rpm", "klnagent64")], &[]);
        let runs: Vec<String> =
            both.iter().flat_map(|job| &job.steps).map(|step| step.run.join(" ")).collect();
        assert_eq!(runs, ["rpm -e kesl-gui", "rpm -e kesl", "rpm -e klnagent64"]);
        assert!(of(&[package("dpkg", "bash")], &[]).is_empty());
        let windows = of(&[], &["kaspersky-endpoint-security-windows"]);
        assert!(!windows[0].can_run && !windows[0].steps.is_empty(), "it is told, and never run here");
    }

    #[test]
    fn data_that_could_do_harm_is_refused() {
        let with = |what: &str| {
            read(&format!(
                "[[removal]]\nproduct = \"p\"\nname = \"P\"\nplatform = \"linux\"\npackages = [\"p\"]\nsource = \"s\"\nchecked = \"memory\"\nrollback = \"r\"\n{what}"
            ))
        };
        assert!(with("[[removal.step]]\nrun = [\"dpkg\", \"-P\", \"p\"]\npackage = \"p\"\n").is_ok());
        for wrong in [
            "[[removal.step]]\nrun = []\npackage = \"p\"\n",
            "[[removal.step]]\nrun = [\"sh\", \"-c\", \"x\"]\npackage = \"p\"\n",
            "[[removal.step]]\nrun = [\"/opt/../bin/x\"]\npackage = \"p\"\n",
            "[[removal.step]]\nrun = [\"bin/x\"]\npackage = \"p\"\n",
            "[[removal.step]]\nrun = [\"dpkg\"]\n",
            "[[removal.step]]\nrun = [\"dpkg\"]\npackage = \"q\"\n",
            "[[removal.remnant]]\npath = \"/*/x\"\nwhat = \"\"\n",
            "[[removal.remnant]]\npath = \"/x\"\nwhat = \"\"\n",
            "[[removal.remnant]]\npath = \"/opt/../x\"\nwhat = \"\"\n",
            "more = 1\n",
        ] {
            assert!(with(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_fit_patterns() {
        assert!(
            name_fits("kesl*.service", "kesl-supervisor.service")
                && name_fits("*aspersky*", "my-kaspersky.crt")
        );
        assert!(name_fits("kesl", "kesl") && !name_fits("kesl", "kesl2") && !name_fits("a*b*c", "axc"));
        assert!(!name_fits("ab*ba", "aba"));
    }
}
