//! The options that limit what the scan of one file may spend.

use std::time::Duration;

use candor_object::Limits;

use crate::numbers::{parse_duration, parse_size};

/// Limits as they were typed; what is missing has the engine's default.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Limits, for each file named or found; reaching one is shown as not examined")]
#[group(skip)]
pub(crate) struct Options {
    /// Most objects taken out of one file [default: 100000].
    #[arg(long, value_name = "NUMBER")]
    max_objects: Option<u32>,
    /// Most containers around an object, at most 100 [default: 24].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(..=i64::from(Limits::MOST_DEPTH)))]
    max_depth: Option<u32>,
    /// Most bytes taken out of one file in all [default: 4G].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_unpacked_bytes: Option<u64>,
    /// Most bytes of one object that is taken out [default: 256M].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_object_bytes: Option<u64>,
    /// Most bytes of one file's objects that lie in memory at once, for each thread [default: 512M].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_held_bytes: Option<u64>,
    /// Most time; large files earn a second for each 16 MiB [default: 120s].
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    max_time: Option<Duration>,
    /// Most time for one program in bytecode on one object [default: 10s].
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    max_program_time: Option<Duration>,
}

impl Options {
    /// The limits to scan with.
    pub(crate) fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            objects: self.max_objects.unwrap_or(default.objects),
            depth: self.max_depth.unwrap_or(default.depth),
            unpacked_bytes: self.max_unpacked_bytes.unwrap_or(default.unpacked_bytes),
            object_bytes: self.max_object_bytes.unwrap_or(default.object_bytes),
            held_bytes: self.max_held_bytes.unwrap_or(default.held_bytes),
            time: self.max_time.unwrap_or(default.time),
            program_time: self.max_program_time.unwrap_or(default.program_time),
            ..default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_the_engines_defaults() {
        let default = Limits::default();
        let mut command = <Options as clap::Args>::augment_args(clap::Command::new("test"));
        let text = command.render_help().to_string();
        // Without the line breaks that depend on the terminal.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (option, value) in [
            ("--max-objects", default.objects.to_string()),
            ("--max-depth", default.depth.to_string()),
            ("--max-unpacked-bytes", format!("{}G", default.unpacked_bytes >> 30)),
            ("--max-object-bytes", format!("{}M", default.object_bytes >> 20)),
            ("--max-held-bytes", format!("{}M", default.held_bytes >> 20)),
            ("--max-time", format!("{}s", default.time.as_secs())),
            ("--max-program-time", format!("{}s", default.program_time.as_secs())),
        ] {
            let (_, after) = text.split_once(option).unwrap();
            let (_, shown) = after.split_once("[default: ").unwrap();
            assert_eq!(shown.split_once(']').unwrap().0, value, "{option}");
        }
    }
}
