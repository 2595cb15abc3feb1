//! `candor sigtool`, and the program under the name `sigtool`: ClamAV's tool for signatures, with its options, its
//! output and its exit status.
//!
//! Compared with `sigtool` 1.4.6. What needs a parser of content (`--mdb`, `--imp`, `--vba`, normalisation) is done by
//! a worker in its jail: this program links none.

mod command_line;
mod container;
mod decode;
mod digest;
mod list;
mod matching;
mod opening;
mod pattern;
mod printer;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use command_line::{Action, CommandLine};
use printer::Printer;

/// Why a command ends with status 1: the message that is printed for it, or nothing if it was printed already.
#[derive(Debug)]
enum Failure {
    /// Told on standard error.
    Told(String),
    /// Told on standard output, as ClamAV does with some.
    Shown(String),
    /// Already told.
    Silent,
    /// Output or input failed.
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

type Outcome = Result<(), Failure>;

/// Does what the arguments say, which come after the program's name.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let command = match CommandLine::parse(arguments) {
        Ok(command) => command,
        Err(message) => {
            printer::error(&format!("{message}\nERROR: Can't parse command line options"));
            return ExitCode::FAILURE;
        }
    };
    let mut printer = Printer::new(command.quiet);
    let result = act(&command, &mut printer).and_then(|()| Ok(printer.flush()?));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the first lines only has read enough.
        Err(Failure::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            let told = match failure {
                Failure::Told(message) => Some(message),
                Failure::Shown(message) => {
                    let _ = printer.line(&message);
                    None
                }
                Failure::Silent => None,
                Failure::Io(error) => Some(format!("ERROR: {error}")),
            };
            let _ = printer.flush();
            if let Some(message) = told {
                printer::error(&message);
            }
            ExitCode::FAILURE
        }
    }
}

fn act(command: &CommandLine, printer: &mut Printer) -> Outcome {
    match &command.action {
        Action::Help => Ok(printer.text(command_line::HELP)?),
        Action::Usage => {
            printer.text(command_line::HELP)?;
            Err(Failure::Silent)
        }
        Action::Version => Ok(printer.line(&format!("Candor {}", env!("CARGO_PKG_VERSION")))?),
        Action::HexDump => digest::hex_dump(printer),
        Action::Digest(algorithm) => digest::digests(*algorithm, &command.files, printer),
        Action::Info(path) => container::info(path, printer),
        Action::Unpack(path) => container::unpack(path),
        Action::UnpackCurrent(name) => container::unpack_current(name, &command.data_folder),
        Action::List(path) => list::list(path.as_deref().unwrap_or(&command.data_folder), printer),
        Action::Find(expression) => list::find(expression, &command.data_folder, printer),
        Action::Decode => decode::from_standard_input(printer),
        Action::Test(signatures) => match command.files.as_slice() {
            [file] => decode::test(signatures, file, printer),
            _ => Err(Failure::Told("ERROR: --test-sigs requires two arguments".to_owned())),
        },
        Action::Layout(of) => opening::layouts(*of, &command.files),
        Action::NormaliseHtml(path) => opening::html_normalise(path),
        Action::NormaliseText(path) => opening::ascii_normalise(path),
        Action::Macros(path) => opening::macros(path, printer),
        Action::Missing(option) => Err(Failure::Told(format!(
            "ERROR: --{option} is an option of ClamAV's sigtool that Candor does not have"
        ))),
    }
}
