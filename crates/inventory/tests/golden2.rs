//! Samples in `golden2`, each with the facts that it holds in a file `.facts` beside it. Adding a test is dropping a
//! file; with `CANDOR_BLESS=1` the facts are written anew. Those that no editor writes are made by `samples_are_made`.

mod making;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use candor_formats::identify;
use candor_inventory::{Facts, HEAD, Subject, read};
use candor_object::{Content, FileType, Object, ObjectId};
use proptest::prelude::*;

use making::compound::installer;
use making::hive::Key;
use making::program::program;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden2")
}

/// All facts of content of this name, and what went wrong, a line for each.
fn facts_of(name: &str, bytes: &[u8]) -> String {
    let content = Content::from_vec(bytes.to_vec());
    let format = identify(&content).unwrap();
    let file_type = format.map_or(FileType::DATA, |format| format.file_type());
    let layout = format.and_then(|format| format.layout(&content).unwrap());
    let signed = format.and_then(|format| format.signed(&content).unwrap());
    let mut object = Object::root(content, file_type);
    name.clone_into(&mut object.name);
    let containers = if name.starts_with("layer/") { vec![FileType::new("tar")] } else { Vec::new() };
    let subject = Subject {
        object: &object,
        head: &bytes[..bytes.len().min(HEAD)],
        containers: &containers,
        layout: layout.as_ref(),
        signed: signed.as_ref(),
        verified: &[],
        deadline: Instant::now() + Duration::from_secs(60),
    };
    let (mut all, mut text) = (Vec::new(), 0);
    let mut wrong = Vec::new();
    let mut facts = Facts::new(ObjectId::ROOT, &mut all, &mut text);
    read(&subject, &mut facts, |reader, error| wrong.push(format!("! {reader}: {error}\n")));
    let line = |fact: &candor_object::Fact| {
        let values =
            fact.attributes.iter().map(|(attribute, value)| format!(" {}={value:?}", attribute.name()));
        format!("{}{}\n", fact.kind.name(), values.collect::<String>())
    };
    all.iter().map(line).chain(wrong).collect()
}

/// The samples by their names, which are their paths in the folder.
fn samples() -> BTreeMap<String, Vec<u8>> {
    let mut samples = BTreeMap::new();
    let mut open = vec![folder()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_none_or(|end| end != "facts") {
                let name = path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
                samples.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    samples
}

#[test]
fn every_sample_holds_its_facts() {
    let bless = std::env::var_os("CANDOR_BLESS").is_some();
    let samples = samples();
    assert!(samples.len() > 20);
    for (name, bytes) in samples {
        let found = facts_of(&name, &bytes);
        let beside = folder().join(format!("{name}.facts"));
        if bless {
            fs::write(&beside, &found).unwrap();
        }
        let known = fs::read_to_string(&beside).unwrap_or_default();
        assert_eq!(found, known, "{name}; if it is right so: CANDOR_BLESS=1 cargo test -p candor-inventory");
    }
}

/// Every sample cut short and with bytes changed: nothing panics, and nothing takes for ever.
#[test]
fn damaged_samples_are_read() {
    for (name, bytes) in samples() {
        let step = (bytes.len() / 61).max(1);
        for at in (0..bytes.len()).step_by(step) {
            facts_of(&name, &bytes[..at]);
            for value in [0, 0xff, 0x80, bytes[at].wrapping_add(1)] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                facts_of(&name, &damaged);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_behind_any_beginning_are_read(
        which in 0_usize..1000,
        keep in 0_usize..256,
        bytes in prop::collection::vec(any::<u8>(), 0..2048),
    ) {
        let samples = samples();
        let (name, sample) = samples.iter().nth(which % samples.len()).unwrap();
        let start = &sample[..keep.min(sample.len())];
        facts_of(name, &[start, &bytes].concat());
    }

    #[test]
    fn samples_with_many_changes_are_read(
        which in 0_usize..1000,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
    ) {
        let samples = samples();
        let (name, sample) = samples.iter().nth(which % samples.len()).unwrap();
        let mut bytes = sample.clone();
        for (at, value) in changes.into_iter().filter(|_| !sample.is_empty()) {
            *at.get_mut(&mut bytes) = value;
        }
        facts_of(name, &bytes);
    }
}

/// Writes the samples that are made. The signed program is one of them that was signed once more by hand, with a test
/// authority: `osslsigncode sign -certs chain.pem -key key.pem -in program.exe -out signed.exe`.
#[test]
#[ignore = "it writes into the source tree"]
fn samples_are_made() {
    for (name, bytes) in made() {
        let path = folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn made_samples_are_what_is_made() {
    let samples = samples();
    for (name, bytes) in made() {
        assert!(samples.get(name) == Some(&bytes), "{name} is another than the one that is made");
    }
}

fn made() -> Vec<(&'static str, Vec<u8>)> {
    // One that was copied while it was written to, and one of which a key is no key.
    let mut unfinished = system().hive();
    unfinished[4] = 2;
    let mut damaged = software().hive();
    let old = damaged.windows(3).position(|bytes| bytes == b"Old").unwrap() - 76;
    assert_eq!(damaged[old..old + 2], *b"nk");
    damaged[old] = b'x';
    vec![
        ("windows/unfinished/SYSTEM", unfinished),
        ("windows/damaged/SOFTWARE", damaged),
        ("windows/SOFTWARE", software().hive()),
        ("windows/SYSTEM", system().hive()),
        ("windows/NTUSER.DAT", user().hive()),
        ("windows/remnant/SOFTWARE", remnant().hive()),
        (
            "windows/product.msi",
            installer(&[
                ("ProductName", "Example Endpoint Security"),
                ("Manufacturer", "Example Lab"),
                ("ProductCode", "{C9EF800D-54AA-4F60-AB96-5A3966550F53}"),
                ("UpgradeCode", "{00000000-0000-0000-0000-000000000001}"),
                ("ProductVersion", "12.1.0"),
                ("INSTALLLEVEL", "3"),
            ]),
        ),
        (
            "windows/program.exe",
            program(&[
                ("CompanyName", "Example Lab"),
                ("FileDescription", "Example service"),
                ("FileVersion", "21.3.10.391"),
                ("OriginalFilename", "avp.exe"),
                ("ProductName", "Example Anti-Virus"),
                ("ProductVersion", "21.3"),
            ]),
        ),
    ]
}

fn uninstall(name: &str, version: &str, publisher: &str) -> Key {
    Key::new(name)
        .text("DisplayName", &format!("{publisher} product"))
        .text("DisplayVersion", version)
        .text("Publisher", publisher)
        .text("UninstallString", &format!("MsiExec.exe /X{name}"))
}

fn software() -> Key {
    const UNINSTALL: &str = r"Microsoft\Windows\CurrentVersion\Uninstall";
    let environment = Key::new("environment")
        .text("ProductName", "Example Endpoint Security")
        .text("ProductVersion", "12.1.0.506")
        .text("Bases", r"C:\ProgramData\Example\Bases")
        .bytes("Large", 3, vec![7; 40_000]);
    let pem = include_str!("../src/x509/sample.pem");
    let letters: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let certificate = decoded(&letters);
    let mut blob = [3_u32, 1, 4, 0x1234_5678].iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    blob.extend([32_u32, 1, certificate.len() as u32].iter().flat_map(|word| word.to_le_bytes()));
    blob.extend(certificate);
    let chrome = r"Policies\Google\Chrome\ExtensionInstallForcelist";
    let (parent, name) = chrome.rsplit_once('\\').unwrap();
    Key::new("CMI-CreateHive{1}")
        .with(UNINSTALL, uninstall("{C9EF800D-54AA-4F60-AB96-5A3966550F53}", "12.1.0", "Example Lab"))
        .with(UNINSTALL, uninstall("Naïve ключ", "1", "Кто-то"))
        .with(UNINSTALL, Key::new("Empty"))
        .with(&format!(r"WOW6432Node\{UNINSTALL}"), uninstall("Old", "0.9", "Other Ltd"))
        .with(
            r"Microsoft\Windows\CurrentVersion\Installer\UserData\S-1-5-18\Products\D008FE9CAA4506F4BA69A59366553F05",
            Key::new("InstallProperties").text("DisplayName", "Example by MSI").text("Publisher", "Example Lab"),
        )
        .with(r"Microsoft\Windows\CurrentVersion", Key::new("Run").text("Tray", r#""C:\x\avpui.exe" -tray"#))
        .with(
            r"Microsoft\Security Center\Provider\Av",
            Key::new("{4F76F112-43EB-40E8-11D8-F7BD1853EA23}")
                .text("DISPLAYNAME", "Example Endpoint Security")
                .text("PRODUCTEXE", r"C:\x\wmi64.exe")
                .number("STATE", 266_240),
        )
        .with("Microsoft", Key::new("Windows Defender").number("DisableAntiVirus", 1))
        .with(
            r"Microsoft\SystemCertificates\ROOT\Certificates",
            Key::new("0123456789ABCDEF0123456789ABCDEF01234567").bytes("Blob", 3, blob),
        )
        .with(r"WOW6432Node\ExampleLab\protected\KES", environment)
        .with(r"ExampleLab\Components", Key::new("34").text("Version", "3.4").text("Secret", "no"))
        .with(parent, Key::new(name).text("1", "ahkjpbeeocnddjkakilopmfdlnjdpcdm;https://example.com/crx"))
        .with(r"Google\Chrome\NativeMessagingHosts", Key::new("com.example.host").text("", r"C:\x\host.json"))
}

/// What stays behind: keys without an environment.
fn remnant() -> Key {
    Key::new("ROOT")
        .with("Microsoft", Key::new("Windows"))
        .with(r"WOW6432Node\ExampleLab", Key::new("protected"))
}

fn system() -> Key {
    let klif = Key::new("klif")
        .number("Type", 2)
        .number("Start", 1)
        .text("ImagePath", r"System32\DRIVERS\klif.sys")
        .text("Group", "FSFilter Anti-Virus")
        .with("Instances", Key::new("klif Instance").text("Altitude", "389500"));
    let avp = Key::new("AVP21.3")
        .number("Type", 16)
        .number("Start", 2)
        .text("DisplayName", "Example Endpoint Security Service")
        .bytes(
            "ImagePath",
            2,
            "\"C:\\x\\avp.exe\" -r".encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect(),
        );
    Key::new("ROOT")
        .with("", Key::new("Select").number("Current", 1))
        .with(r"ControlSet001\Services", klif)
        .with(r"ControlSet001\Services", avp)
        .with(r"ControlSet001\Services", Key::new("NoType"))
        .with(r"ControlSet002\Services", Key::new("Older").number("Type", 16))
}

fn user() -> Key {
    Key::new("ROOT")
        .with("", Key::new("Environment"))
        .with(r"Software\Microsoft\Windows\CurrentVersion", Key::new("Run").text("x", "y.exe"))
        .with(r"Software\Microsoft\Windows\CurrentVersion\Uninstall", uninstall("Mine", "2", "Me"))
        .with(r"Software", Key::new("ExampleLab"))
}

fn decoded(letters: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let values: Vec<u32> = letters
        .bytes()
        .filter_map(|letter| alphabet.iter().position(|known| *known == letter))
        .map(|value| value as u32)
        .collect();
    let groups = values.chunks(4).flat_map(|group| {
        let bits = group.iter().fold(0, |bits, value| bits << 6 | value) << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    });
    groups.collect()
}
