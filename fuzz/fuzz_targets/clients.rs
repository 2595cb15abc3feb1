//! What clients of the service send, in the protocols of others, and ClamAV's configuration file.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| candor_daemon::hostile::read(bytes));
