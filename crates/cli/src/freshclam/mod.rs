//! `candor freshclam`: the place of ClamAV's freshclam, with its options, configuration, lines and exit status.
//!
//! `docs/freshclam.md` names every difference. What it does is `crate::clamav_update`.

mod options;
mod telling;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use candor_signatures::container::{Keys, Roots};

use self::options::{Argument, Given, OPTIONS, parse, switch};
use self::telling::{Teller, now};
use crate::clamav_update::{self, DNS_NAME, Failure, OFFICIAL, Options, Outcome, Updated, notify};

/// The version that we are in the place of.
const VERSION: &str = concat!("1.4.6-candor-", env!("CARGO_PKG_VERSION"));
const CONFIGURATION: &str = "/etc/clamav/freshclam.conf";
const FOLDER: &str = "/var/lib/clamav";
const CERTIFICATES: &str = "/etc/clamav/certs";
/// How often a day a daemon looks for news.
const CHECKS: u32 = 12;
/// Most checks a day.
const MOST_CHECKS: u32 = 50;
/// What a way out of refusals is.
const WAY_OUT: &str = "The publisher's servers limit and refuse clients that they do not know. Ways out:\n \
    1. Set up a mirror of your own with cvdupdate (https://pypi.org/project/cvdupdate/) and name it as PrivateMirror.\n \
    2. Let ClamAV's freshclam keep the folder: candor uses what lies there.\n \
    3. Check for updates no more than once an hour.";

/// The exit status for wrong arguments, and those of freshclam 1.4.6 as they were seen.
const USAGE: u8 = 2;
const CORRUPT: u8 = 7;
const CONFIGURATION_WRONG: u8 = 9;
const FOLDER_WRONG: u8 = 10;
const NOT_FETCHED: u8 = 11;

/// Does what the arguments say.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let refuse = |lines: Vec<String>| {
        for line in lines {
            let _ = io::stderr().write_all(&[&candor_object::harmless(line.as_bytes())[..], b"\n"].concat());
        }
        ExitCode::from(USAGE)
    };
    let mut given = match parse(arguments) {
        Ok(given) => given,
        Err(lines) => return refuse(lines),
    };
    if given.has("version") || given.has("help") {
        let text = if given.has("version") { format!("ClamAV {VERSION}\n") } else { help() };
        // Where it cannot be printed nobody is there to read it.
        let _ = io::stdout().write_all(text.as_bytes());
        return ExitCode::SUCCESS;
    }
    let configuration = given.argument("config-file").map(PathBuf::from);
    let named = configuration.is_some();
    let configuration = configuration.unwrap_or_else(|| PathBuf::from(CONFIGURATION));
    // Without ClamAV there is no configuration, and none is needed.
    if (named || configuration.exists())
        && let Err(lines) = given.read(&configuration)
    {
        return refuse(lines);
    }
    let log = given.value("UpdateLogFile").map(PathBuf::from);
    let mut teller = match Teller::open(log.as_deref(), given.is_on("LogTime", false)) {
        Ok(teller) => teller,
        Err(error) => {
            let path = log.unwrap_or_default().display().to_string();
            return refuse(vec![
                format!("ERROR: Failed to open log file {path}: {error}"),
                format!("ERROR: Problem with internal logger (UpdateLogFile = {path})."),
                "ERROR: initialize: libfreshclam init failed.".to_owned(),
                "ERROR: Initialization error!".to_owned(),
            ]);
        }
    };
    teller.quiet = given.has("quiet");
    teller.no_warnings = given.has("no-warnings");
    teller.verbose = given.is_on("LogVerbose", false);
    teller.one_stream = given.has("stdout");
    if given.has("list-mirrors") {
        teller.warn("Deprecated option --list-mirrors. Individual mirrors are no longer tracked.");
        return ExitCode::SUCCESS;
    }
    for name in &given.pointless {
        teller.detail(&format!("{name} is without effect here"));
    }
    match settings(&given, &mut teller) {
        Ok(options) if given.has("daemon") => {
            ExitCode::from(daemon(&given, &options, arguments, &mut teller))
        }
        Ok(options) => ExitCode::from(once(&given, &options, &mut teller)),
        Err(status) => ExitCode::from(status),
    }
}

/// What arguments and configuration come to.
fn settings(given: &Given, teller: &mut Teller) -> Result<Options, u8> {
    let mut options = Options::new(PathBuf::from(given.value("DatabaseDirectory").unwrap_or(FOLDER)));
    if !options.folder.is_absolute() {
        teller.fail(&format!("Can't change dir to {}: it is no absolute path", options.folder.display()));
        return Err(FOLDER_WRONG);
    }
    let excluded = given.values("ExcludeDatabase");
    options.databases.extend(given.values("ExtraDatabase"));
    options.databases.retain(|name| !excluded.contains(name));
    if !given.is_on("Bytecode", true) {
        options.databases.retain(|name| name != OFFICIAL[2]);
    }
    let wanted = given.arguments("update-db");
    let known = |name: &&String| *name == "custom" || options.databases.contains(name);
    if let Some(name) = wanted.iter().find(|name| !known(name)) {
        teller.fail(&format!("Requested database is not available: {name}."));
        teller.fail("Failed to select specific databases from available official databases.");
        return Err(CONFIGURATION_WRONG);
    }
    options.custom = given.values("DatabaseCustomURL");
    if !wanted.is_empty() {
        options.databases.retain(|name| wanted.contains(name));
        options.custom.retain(|_| wanted.iter().any(|name| name == "custom"));
    }
    options.mirrors = given.values("DatabaseMirror").iter().map(|mirror| url(mirror)).collect();
    options.private_mirrors = given.values("PrivateMirror").iter().map(|mirror| url(mirror)).collect();
    // Who writes http:// into it wants that: what is fetched is signed.
    let plain = |mirror: &String| mirror.starts_with("http://");
    options.insecure_http =
        options.mirrors.iter().chain(&options.private_mirrors).chain(&options.custom).any(plain);
    let name = given.value("DNSDatabaseInfo").unwrap_or(DNS_NAME);
    let no_dns = given.has("no-dns") || !options.private_mirrors.is_empty() || switch(name) == Some(false);
    options.dns = (!no_dns).then(|| name.to_owned());
    options.differences = given.is_on("ScriptedUpdates", true);
    options.tried = given.is_on("TestDatabases", true);
    options.attempts = given.number("MaxAttempts").unwrap_or(3);
    options.patience = given.number("ReceiveTimeout").filter(|seconds| *seconds > 0).unwrap_or(60).into();
    if let Some(server) = given.value("HTTPProxyServer") {
        let server = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
        options.proxy = Some(match given.number("HTTPProxyPort") {
            Some(port) => format!("{server}:{port}"),
            None => server,
        });
    }
    let certificates = given.value("CVDCertsDirectory");
    let folder = Path::new(certificates.unwrap_or(CERTIFICATES));
    if certificates.is_some() || folder.is_dir() {
        match Roots::from_folder(folder) {
            Ok(roots) => options.keys = Keys::clamav().with_roots(roots),
            Err(error) => teller.warn(&format!("no certificates in {}: {error}", folder.display())),
        }
    }
    Ok(options)
}

/// A mirror as a URL: freshclam takes names of hosts, too.
fn url(mirror: &str) -> String {
    if mirror.contains("://") { mirror.to_owned() } else { format!("https://{mirror}") }
}

/// One update; its exit status.
fn once(given: &Given, options: &Options, teller: &mut Teller) -> u8 {
    teller.tell(&format!("ClamAV update process started at {}", now()));
    if options.dns.is_none() && options.private_mirrors.is_empty() {
        teller.warn("DNS Update Info disabled. Falling back to HTTP mode.");
    }
    let (status, outcome) = match clamav_update::update(options) {
        Ok(outcome) => (tell(&outcome, teller), outcome),
        Err(error) => {
            teller.fail(&format!("{error:#}"));
            (FOLDER_WRONG, Outcome::default())
        }
    };
    if outcome.has_news() {
        reload(given, teller);
        let command = given.value("OnUpdateExecute");
        if let Some(status) = command.and_then(|command| execute(command, "", teller)) {
            return status;
        }
    }
    if status != 0 {
        teller.fail("Update failed.");
        if let Some(command) = given.value("OnErrorExecute") {
            return execute(command, "", teller).unwrap_or(status);
        }
    }
    if let (Some(newest), Some(command)) = (&outcome.software, given.value("OnOutdatedExecute"))
        && is_newer(newest, VERSION)
    {
        return execute(command, newest, teller).unwrap_or(status);
    }
    status
}

/// Tells what came of an update; its exit status.
fn tell(outcome: &Outcome, teller: &mut Teller) -> u8 {
    for note in &outcome.notes {
        teller.warn(note);
    }
    for updated in &outcome.databases {
        tell_one(updated, teller);
    }
    match outcome.failure() {
        None => 0,
        // freshclam calls a time in which a server is left alone no failure either.
        Some(failure) if failure.is_limit() => {
            for line in WAY_OUT.lines() {
                teller.warn(line);
            }
            if matches!(failure, Failure::NotFetched(kind, _) if kind == "paused") { 0 } else { NOT_FETCHED }
        }
        Some(Failure::NotFetched(..)) => {
            teller.fail("Database update process failed: HTTP GET failed");
            NOT_FETCHED
        }
        Some(Failure::Refused(_)) => {
            teller.fail("Database update process failed: Invalid or corrupted CVD/CLD database");
            CORRUPT
        }
        Some(Failure::Local(_)) => FOLDER_WRONG,
    }
}

fn tell_one(updated: &Updated, teller: &mut Teller) {
    let name = &updated.name;
    let news = matches!(&updated.result, Ok(standing) if standing.is_new);
    match (updated.before, updated.newest) {
        (Some(before), Some(newest)) if newest > before => teller.tell(&format!(
            "{name} database available for update (local version: {before}, remote version: {newest})"
        )),
        (None, Some(newest)) if news => {
            teller.tell(&format!("{name} database available for download (remote version: {newest})"));
        }
        _ => {}
    }
    for note in &updated.notes {
        teller.warn(note);
    }
    match &updated.result {
        Err(failure) => {
            teller.fail(failure.text());
            teller.fail(&format!("Update failed for database: {name}"));
        }
        Ok(standing) => {
            let file = &standing.file;
            let about = standing.about.as_ref().map(|about| {
                format!(
                    " (version: {}, sigs: {}, f-level: {}, builder: {})",
                    about.version, about.signatures, about.level, about.builder
                )
            });
            let about = about.unwrap_or_default();
            teller.tell(&if standing.is_new {
                format!("{file} updated{about}")
            } else {
                format!("{file} database is up-to-date{about}")
            });
        }
    }
}

/// Tells clamd of new signatures, if the configuration wants that. That it cannot be told is no failure of the update.
fn reload(given: &Given, teller: &mut Teller) {
    let Some(named) = given.value("NotifyClamd").filter(|named| switch(named) != Some(false)) else { return };
    let path = if switch(named) == Some(true) { notify::CONFIGURATION } else { named };
    match notify::reload(Path::new(path)) {
        Ok(()) => teller.tell("Clamd successfully notified about the update."),
        Err(error) => teller.warn(&format!("Clamd was NOT notified: {error:#}")),
    }
}

/// Runs a command of the configuration, with the number of a version in the place of `%v`; `EXIT_n` is no command but an
/// exit status.
fn execute(command: &str, version: &str, teller: &mut Teller) -> Option<u8> {
    if let Some(status) = command.strip_prefix("EXIT_").and_then(|status| status.parse().ok()) {
        return Some(status);
    }
    // Whoever answers for the DNS must not write commands.
    let plain: String =
        version.chars().filter(|letter| letter.is_ascii_alphanumeric() || ".-".contains(*letter)).collect();
    let run =
        Command::new("/bin/sh").arg("-c").arg(command.replace("%v", &plain)).stdin(Stdio::null()).status();
    if let Err(error) = run {
        teller.fail(&format!("the command cannot be run: {error}"));
    }
    None
}

/// Looks for news again and again.
fn daemon(given: &Given, options: &Options, arguments: &[OsString], teller: &mut Teller) -> u8 {
    let checks = given.number("Checks").unwrap_or(CHECKS);
    if !(1..=MOST_CHECKS).contains(&checks) {
        teller.fail("Number of checks must be a positive integer, at most 50.");
        return USAGE;
    }
    if !given.is_on("Foreground", false) {
        return background(arguments, teller);
    }
    if let Some(path) = given.value("PidFile")
        && let Err(error) = std::fs::write(path, format!("{}\n", std::process::id()))
    {
        teller.fail(&format!("Can't save PID to file {path}: {error}"));
    }
    teller.tell(&format!(
        "freshclam daemon {VERSION} (OS: linux-gnu, ARCH: {0}, CPU: {0})",
        std::env::consts::ARCH
    ));
    loop {
        once(given, options, teller);
        teller.detail("--------------------------------------");
        std::thread::sleep(Duration::from_secs(86_400 / u64::from(checks)));
    }
}

/// Starts the same in the background, where no terminal ends it.
fn background(arguments: &[OsString], teller: &mut Teller) -> u8 {
    use std::os::unix::process::CommandExt;
    let started = std::env::current_exe().and_then(|program| {
        Command::new(program)
            .arg("freshclam")
            .args(arguments)
            .arg("--foreground")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
    });
    match started {
        Ok(_) => 0,
        Err(error) => {
            teller.fail(&format!("the daemon cannot be started: {error}"));
            USAGE
        }
    }
}

/// Whether one number of a version comes after another.
fn is_newer(one: &str, other: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        let digits = text.split('-').next().unwrap_or_default();
        digits.split('.').map_while(|part| part.parse().ok()).collect()
    };
    numbers(one) > numbers(other)
}

fn help() -> String {
    let mut text = format!(
        "\n                       Candor in the place of freshclam {VERSION}\n\n    freshclam [options]\n\n    Options are \
         those of freshclam; docs/freshclam.md says what each does here.\n\n"
    );
    for option in &OPTIONS {
        let argument = match option.argument {
            Argument::None => "",
            Argument::Needed => "=VALUE",
            Argument::Possible => "[=VALUE]",
        };
        text.push_str(&format!("    --{}{argument}\n", option.name));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_numbers_are_told_from_others() {
        assert!(is_newer("1.5.1", "1.4.6-candor-0.1.0") && is_newer("1.4.10", "1.4.6"));
        assert!(
            !is_newer("1.4.6", "1.4.6-candor-0.1.0") && !is_newer("", "1.4.6") && !is_newer("x", "1.4.6")
        );
    }

    #[test]
    fn commands_get_no_more_than_a_number() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("told");
        let mut teller = Teller::open(None, false).unwrap();
        let command = format!("echo %v > {}", path.display());
        assert_eq!(execute(&command, "1.5;touch${IFS}x`id`", &mut teller), None);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "1.5touchIFSxid\n");
        assert_eq!(execute("EXIT_7", "", &mut teller), Some(7));
    }
}
