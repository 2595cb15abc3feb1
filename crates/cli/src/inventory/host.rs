//! What runs on this host: processes and their connections, as `/proc` tells them.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use candor_object::{Attribute, Fact, FactKind, ObjectId};
use candor_products::Located;

/// Most processes and connections that are told.
const MOST: usize = 200_000;
/// Bytes of a file of `/proc` that are read.
const MOST_TEXT: usize = 16 << 20;

/// The processes, and those of their connections that lead somewhere else.
pub(crate) fn running(proc: &Path) -> Vec<Located> {
    let mut facts = Vec::new();
    let mut owners = HashMap::new();
    for entry in fs::read_dir(proc).into_iter().flatten().flatten().take(MOST) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let folder = entry.path();
        let program = fs::read_link(folder.join("exe")).map(|path| path.display().to_string());
        let short = text(&folder.join("comm")).trim().to_owned();
        for link in fs::read_dir(folder.join("fd")).into_iter().flatten().flatten().take(MOST) {
            let target = fs::read_link(link.path()).unwrap_or_default();
            let target = target.to_string_lossy();
            if let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
                owners.insert(inode.to_owned(), short.clone());
            }
        }
        // The kernel's own threads have no program.
        let Ok(program) = program else { continue };
        let program = program.trim_end_matches(" (deleted)").to_owned();
        let attributes = vec![
            (Attribute::Name, short),
            (Attribute::Path, program),
            (Attribute::Id, name.clone()),
            (Attribute::State, "running".to_owned()),
        ];
        facts.push(Located {
            host: String::new(),
            place: format!("process {name}"),
            fact: fact(FactKind::Process, attributes),
        });
    }
    for table in ["net/tcp", "net/tcp6", "net/udp", "net/udp6"] {
        for line in text(&proc.join(table)).lines().skip(1).take(MOST) {
            facts.extend(connection(line, &owners));
        }
    }
    facts
}

/// A line of `/proc/net/tcp`: the remote address is the third field, the socket's number the tenth.
fn connection(line: &str, owners: &HashMap<String, String>) -> Option<Located> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, port) = fields.get(2)?.split_once(':')?;
    let (address, port) = (address_of(address)?, u16::from_str_radix(port, 16).ok()?);
    if address.is_unspecified() || address.is_loopback() {
        return None;
    }
    let owner = owners.get(*fields.get(9)?).cloned().unwrap_or_default();
    let attributes = vec![
        (Attribute::Host, address.to_string()),
        (Attribute::Name, owner),
        (Attribute::Description, format!("port {port}")),
    ];
    Some(Located {
        host: String::new(),
        place: format!("connection to {address}"),
        fact: fact(FactKind::Socket, attributes),
    })
}

/// An address as `/proc` writes it: words of 32 bits, each in the order of this machine.
fn address_of(text: &str) -> Option<IpAddr> {
    let mut bytes = Vec::new();
    hex::decode(text).ok()?.chunks_exact(4).for_each(|word| {
        let word: [u8; 4] = word.try_into().unwrap_or_default();
        bytes.extend(u32::from_be_bytes(word).to_ne_bytes());
    });
    match bytes.as_slice() {
        &[a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).into()),
        sixteen => Some(Ipv6Addr::from(<[u8; 16]>::try_from(sixteen).ok()?).to_canonical()),
    }
}

fn fact(kind: FactKind, attributes: Vec<(Attribute, String)>) -> Fact {
    Fact { object: ObjectId::ROOT, kind, attributes }
}

fn text(path: &Path) -> String {
    use std::io::Read;
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        // What was read before an error is true.
        let _ = file.take(MOST_TEXT as u64).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_those_that_lead_away() {
        let owners = HashMap::from([("77".to_owned(), "klnagent".to_owned())]);
        let line = |remote: &str| format!("0: 0100007F:0016 {remote} 01 0:0 0:0 0 0 0 77 1");
        let Located { place, fact, .. } = connection(&line("0101A8C0:01BB"), &owners).unwrap();
        assert_eq!(place, "connection to 192.168.1.1");
        assert_eq!(fact.get(Attribute::Name), Some("klnagent"));
        assert_eq!(fact.get(Attribute::Description), Some("port 443"));
        assert!(connection(&line("00000000:0000"), &owners).is_none());
        assert!(connection(&line("0100007F:0050"), &owners).is_none());
        assert!(connection("nonsense", &owners).is_none());
    }

    #[test]
    fn this_process_runs() {
        let own = std::process::id().to_string();
        let facts = running(Path::new("/proc"));
        let mut programs = facts.iter().filter(|located| located.fact.kind == FactKind::Process);
        let found = programs.find(|located| located.fact.get(Attribute::Id) == Some(&own));
        assert!(found.is_some_and(|located| located.fact.get(Attribute::Path).is_some()));
    }
}
