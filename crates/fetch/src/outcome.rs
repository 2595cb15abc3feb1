//! The last line of standard output, which programs read.

use std::io::{self, Write};

use serde::Serialize;

use crate::Error;

/// What came of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Where from, as the arguments say.
    pub mirror: String,
    /// The number of the release, as the mirror says; nobody has verified it.
    pub sequence: Option<u64>,
    /// Bytes that were fetched.
    pub bytes: u64,
    /// Files that were fetched.
    pub files: u64,
    /// What prevented the rest.
    pub error: Option<Failure>,
}

/// What prevented the rest.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// One of the words of [`Kind`](crate::Kind).
    pub kind: &'static str,
    /// For people.
    pub text: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind().name(), text: error.to_string() }
    }
}

impl Outcome {
    /// Writes the line. Characters that are not ASCII are escaped: the text may be a server's.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn write(&self) -> io::Result<()> {
        let mut line = String::new();
        for letter in serde_json::to_string(self)?.chars() {
            if letter.is_ascii() && letter != '\x7f' {
                line.push(letter);
            } else {
                let mut units = [0; 2];
                line.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
        writeln!(io::stdout().lock(), "{line}")
    }
}
