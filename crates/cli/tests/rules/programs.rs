//! Witnesses of programs, code and notes.

use crate::witness::{Witness, elf, pe, plain, text, wide, witness};

pub(crate) fn witnesses() -> Vec<Witness> {
    vec![
        witness(
            "Candor.ELF.Bot.Mirai-1",
            "a.arm7",
            elf(&[plain("listening ¬tun0"), plain("TSource Engine ¬Query"), plain("/dev/misc/¬watchdog")]),
        ),
        witness("Candor.ELF.Bot.Gafgyt-1", "a.mips", elf(&[plain("LOLNO¬GTFO"), plain("GETLOCAL¬IP")])),
        witness(
            "Candor.Any.Miner.Xmrig-1",
            "xmrig",
            elf(&[plain("XM¬Rig 6"), plain("stratum+tcp://"), plain("donate-level"), plain("randomx")]),
        ),
        witness(
            "Candor.ELF.Rootkit.ProcessHider-1",
            "a.so",
            elf(&[plain("process_to_¬filter"), plain("readdir64"), plain("/proc/%s/stat")]),
        ),
        witness("Candor.ELF.ReverseShell.Metasploit-1", "a.bin", reverse_shell()),
        witness(
            "Candor.Win.Shellcode.Metasploit-1",
            "a.bin",
            hex::decode("fce88200000060", "89e531c0648b50308b520c8b52148b72280fb74a2631ff"),
        ),
        witness(
            "Candor.Win.Shellcode.Metasploit-2",
            "a.bin",
            hex::decode("fc4883e4f0e8c0000000", "415141505251564831d265488b5260"),
        ),
        witness(
            "Candor.PE.Backdoor.CobaltStrikeArtifact-1",
            "a.exe",
            pe(&[plain("%c%c%c%c%c%c%c%c%cMSSE¬-%d-server")]),
        ),
        witness(
            "Candor.PE.Backdoor.CobaltStrikeBeacon-1",
            "a.dll",
            pe(&[
                plain("IEX (New-Object Net.Webclient).DownloadString('http://127.0.0.1:¬%u/'); %s"),
                plain("powershell -nop -exec bypass ¬-EncodedCommand \"%s\""),
                plain("%02d/%02d/%02d %02d:%02d:%02d"),
            ]),
        ),
        witness(
            "Candor.PE.Backdoor.Meterpreter-1",
            "a.dll",
            pe(&[plain("metsrv¬.x64.dll metsrv¬.dll"), plain("Reflective¬Loader")]),
        ),
        witness(
            "Candor.PE.Tool.Mimikatz-1",
            "a.exe",
            pe(&[wide("mimikatz(¬commandline) # %s"), wide("\"A La Vie, ¬A L'Amour\""), wide("sekurlsa")]),
        ),
        witness(
            "Candor.PE.Backdoor.Njrat-1",
            "a.exe",
            pe(&[wide("netsh firewall ¬add allowedprogram \""), wide("cmd.exe /c ping 0 -n 2 ¬& del \"")]),
        ),
        witness(
            "Candor.PE.Backdoor.AsyncRat-1",
            "a.exe",
            pe(&[
                wide("/c schtasks /create /f /sc onlogon ¬/rl highest /tn \""),
                wide("timeout 3 > ¬NUL"),
                wide("SbieDll.dll"),
            ]),
        ),
        witness(
            "Candor.PE.Stealer.BrowserTelegram-1",
            "a.exe",
            pe(&[
                wide("\\Login Data"),
                wide("encrypted_key"),
                wide("wallet¬.dat"),
                wide("https://api.telegram.org¬/bot"),
            ]),
        ),
        witness(
            "Candor.PE.Ransom.ShadowCopies-1",
            "a.exe",
            pe(&[
                wide("vssadmin delete shadows¬ /all /quiet"),
                wide("bcdedit /set {default} recoveryenabled¬ no"),
                plain("http://example.onion/"),
                plain("decrypt"),
            ]),
        ),
        text(
            "Candor.Text.Ransom.Note-1",
            "README.txt",
            "Hello. Your files have been encrypted. The only way back is our tool, the decryp¬tor, which knows the key. Open \
             http://example.on¬ion with the browser and send 1 bitcoin within three days, or the price is doubled. \
             Do not rename¬ the documents.",
        ),
    ]
}

/// Metasploit's shell for Linux, without an address.
fn reverse_shell() -> Vec<u8> {
    let start = hex::decode("6a2958996a025f6a015e0f05489748b90200", "115cc0000201");
    let end = hex::decode("514889e66a105a6a2a580f056a035e48ffce", "6a21580f0575f66a3b5899");
    [start, end].concat()
}

mod hex {
    /// Bytes of hex digits in two pieces.
    pub(crate) fn decode(first: &str, second: &str) -> Vec<u8> {
        [first, second]
            .concat()
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}
