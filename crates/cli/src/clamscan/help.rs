//! The help and the version.

use super::options::{Argument, Effect, Known, OPTIONS};
use super::summary::VERSION;

/// The line of `--version`.
pub(super) fn version() -> String {
    format!("ClamAV {VERSION}")
}

/// The text of `--help`.
pub(super) fn text() -> String {
    let mut text = format!(
        "\n                       Candor in the place of clamscan {VERSION}\n\n    \
         clamscan [options] [file/directory/-]\n\n    \
         Options are those of clamscan; docs/clamscan.md says what each does here.\n\n"
    );
    for effective in [true, false] {
        if !effective {
            text.push_str("\n    Taken and without effect:\n");
        }
        for option in OPTIONS.iter().filter(|option| (option.effect == Effect::Works) == effective) {
            text.push_str(&line(option));
        }
    }
    text.push_str("\nExit status: 0 nothing found, 1 something found, 2 an error.\n");
    text
}

fn line(option: &Known) -> String {
    let argument = match option.argument {
        Argument::Switch => "[=yes/no]".to_owned(),
        Argument::Text => "=TEXT".to_owned(),
        Argument::Number => "=#n".to_owned(),
        Argument::Size => "=#n[K/M/G]".to_owned(),
        Argument::Word(words) => format!("={}", words.join("/")),
        Argument::Ignored => String::new(),
    };
    let long = format!("--{}{argument}", option.name);
    match option.letter {
        Some(letter) => format!("    {long:<44} -{}\n", char::from(letter)),
        None => format!("    {long}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_shown() {
        let text = text();
        assert!(OPTIONS.iter().all(|option| text.contains(&format!("    --{}", option.name))));
    }
}
