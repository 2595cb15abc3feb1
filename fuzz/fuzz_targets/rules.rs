//! Content against a fixed set of YARA rules that reach all modules and all kinds of strings: what the modules
//! parse is the attacker's.
#![no_main]

use std::sync::{Arc, OnceLock};

use candor_engine::{Content, Database, Engine, Limits};
use candor_signatures::Sources;
use libfuzzer_sys::fuzz_target;

const RULES: &str = r#"
import "pe" import "elf" import "macho" import "dotnet" import "dex" import "hash" import "math" import "string"
rule text { strings: $a = "hello" nocase wide ascii $b = "secret" xor $c = "program" base64 condition: any of them }
rule hex { strings: $a = { 4d 5a [0-40] ( 50 45 | 4? 46 ) [2-] 00 ~00 } condition: $a }
rule regex { strings: $a = /a.{1,9}(b|cd+)*e/ $b = /[0-9]{4,}x?/i condition: #a > 1 or @b[1] > 3 or !b[1] == 7 }
rule portable { condition: pe.is_pe and (pe.number_of_sections > 0 or pe.imphash() == "x" or pe.exports("a")
    or pe.rich_signature.toolid(1) > 0 or for any s in pe.signatures : (s.serial == "1") or pe.entry_point == 1
    or for any s in pe.sections : (s.name contains "t") or pe.version_info["x"] == "y" or pe.calculate_checksum() == 0) }
rule elf { condition: elf.type == 2 or elf.telfhash() == "x" or for any s in elf.dynsym : (s.name == "x") }
rule macho { condition: macho.cputype == 7 or for any s in macho.segments : (s.nsects > 1) }
rule dotnet { condition: dotnet.is_dotnet and (dotnet.guids[0] == "x" or for any s in dotnet.streams : (s.size > 1)) }
rule dex { condition: dex.header.magic == "dex\n035" or dex.has_class(/a/) }
rule numbers { condition: math.entropy(0, filesize) > 7.0 and hash.md5(0, filesize) != "x" and uint32(uint32(0)) == 7 }
"#;

fn database() -> Arc<Database> {
    static DATABASE: OnceLock<Arc<Database>> = OnceLock::new();
    let build = || {
        let mut sources = Sources::default();
        sources.add_text("fuzz.yar", RULES);
        let built = sources.build(|problem| panic!("{problem}")).unwrap();
        Arc::new(Database::from_vec(built.image).unwrap())
    };
    Arc::clone(DATABASE.get_or_init(build))
}

fuzz_target!(|input: &[u8]| {
    let limits = Limits { time: std::time::Duration::from_secs(10), ..Limits::default() };
    let _ = Engine::new(vec![database()], limits).scan("fuzz", Content::from_vec(input.to_vec()));
});
