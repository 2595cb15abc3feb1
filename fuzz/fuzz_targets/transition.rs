//! The input is what others wrote: settings of another product, an inventory, a plan, an evidence pack, data of
//! removals. Nothing panics, and what comes of it can be read.
#![no_main]

use candor_transition::import::kesl::{Source, import};
use candor_transition::import::{Dangerous, freshclam};
use candor_transition::inventory::Inventory;
use candor_transition::plan::{Choices, Input, Plan, draft, merge};
use candor_transition::status::status;
use candor_transition::{Timestamp, day_of, pack, removal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let now: Timestamp = "2024-06-21T00:00:00Z".parse().unwrap();
    match choice % 6 {
        0 => {
            let imported = import(&[Source { name: "T.ini", text: &text }], Dangerous::Taken);
            for (name, text) in imported.files() {
                assert!(!name.contains('/') && !name.contains(".."));
                assert!(!name.ends_with(".toml") || text.parse::<toml::Table>().is_ok(), "{text}");
            }
        }
        1 => drop(freshclam::import("freshclam.conf", &text)),
        2 => {
            let Ok(inventory) = Inventory::read(bytes) else { return };
            let choices = Choices { now, start: day_of(now), days: None, owners: Default::default() };
            let given = Input { name: "i".into(), sha256: String::new(), at: None };
            let plan = draft(&[(given, inventory.clone())], &choices);
            let text = plan.to_toml().unwrap();
            assert_eq!(Plan::read(&text).unwrap(), plan);
            let again = merge(&text, &plan, &[&inventory], now).unwrap();
            assert_eq!(again.text, text);
            status(&plan, &[inventory], now);
        }
        3 => {
            let Ok(plan) = Plan::read(&text) else { return };
            status(&plan, &[], now);
            let choices = Choices { now, start: day_of(now), days: None, owners: Default::default() };
            // What people wrote may be impossible to put together, but never to read.
            let _ = merge(&text, &draft(&[], &choices), &[], now);
        }
        4 => assert!(!pack::verify(bytes, None, Some(&[])).holds()),
        _ => drop(removal::read(&text)),
    }
});
