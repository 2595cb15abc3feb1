//! Makes containers for tests, signed with a key that nobody trusts.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use md5::Md5;
use num_bigint::BigUint;
use sha2::{Digest, Sha256};

use super::Keys;
use super::legacy::letters;
use super::rsa::{PublicKey, mgf1};

// Whoever reads this can sign with these keys, and nothing trusts them.
const EXPONENT: u64 = 65_537;
const HEADER_MODULUS: &str = "\
15673149437849294878869767785041996907588248366289444437589479121061521750667880123848926716363485003234487480\
73716318181265562449914816193144387923737092711085932406805951518163774788167744873652811335512706025161138754\
26752636977515988570683681437376336309460643603178471851721951600041826536559227017819879";
const HEADER_PRIVATE: &str = "\
14156701620808502977700761002233029417605229874587941970605105605236093222950941175387354714159220871438557164\
80334943178024569858021536832161606230580297012251491603063043831197034780203530332547080550398960550577079892\
01096302543763724769182930906182421282665468225516978401083528429122134163527377534771393";
const LISTING_MODULUS: &str = "\
25518008982002965680615772247836476224851770353202677897845693035381296060039919540193873061749559918963318523\
08337712168127668465194747108515800168755334927202296530407480683210170318093532983602395282431393547118504478\
68939986170404553446630438185683270559916853269405702577351560681958598729323307954890490144245761604170067007\
60850368596854136656191955230526932117828839576612943638938320444444347020709774281320810337382950251517705174\
10780831841741636578157963120675183230840524144237991432179114552232732483718958300533242957725626661184417066\
6277680839009238177484561962497811296769403385366281815988026006061";
const LISTING_PRIVATE: &str = "\
59378616197803565410285873137236410337517661456328614056509577611054025194258018064292928298774858288324245460\
88797184882424728640953948670959298193923868599391949904437810766277842646280174252702523468739605351718448098\
02300195171989782880069912008738556241318951486707808460047194775450299925565779073207489767283390764531349305\
64174686625552830993861783745938496961325887590678714124358755013938148298382829440637836236032520873391924362\
41001461793016655925838590695567477549998006729275225679304173471800688935050826574578422356531270902238764274\
441638340121025062079555517898200199453224700472162342454703057";

/// The keys that [`Making`] signs with.
pub(crate) fn keys() -> Keys {
    let key = |modulus| PublicKey::from_decimal(modulus, EXPONENT).unwrap();
    Keys::new(key(HEADER_MODULUS), key(LISTING_MODULUS)).with_differences(key(LISTING_MODULUS))
}

/// A file of differences, signed.
pub(crate) fn differences(version: u32, script: &[u8]) -> Vec<u8> {
    differences_of_length(version, script, script.len())
}

/// The same, with any length of the script in its header.
pub(crate) fn differences_of_length(version: u32, script: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = format!("ClamAV-Diff:{version}:{length}:").into_bytes();
    bytes.extend(gzip(script));
    let signature = letters(&pss(&Sha256::digest(&bytes).into()));
    bytes.push(b':');
    bytes.extend(signature.as_bytes());
    bytes
}

/// A tar archive of these members.
pub(crate) fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, bytes) in members {
        let mut block = [0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        block[148..156].fill(b' ');
        block[156] = b'0';
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        block[154] = 0;
        tar.extend_from_slice(&block);
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// The bytes in gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A container that is being made.
#[derive(Clone)]
pub(crate) struct Making {
    pub(crate) version: u32,
    pub(crate) members: Vec<(String, Vec<u8>)>,
    pub(crate) sign_header: bool,
    pub(crate) sign_listing: bool,
    pub(crate) list: bool,
    pub(crate) packed: bool,
}

impl Making {
    pub(crate) fn new(members: &[(&str, &str)]) -> Self {
        let members =
            members.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        Self { version: 7, members, sign_header: true, sign_listing: true, list: true, packed: true }
    }

    /// A container without signatures.
    pub(crate) fn unsigned(self) -> Self {
        Self { sign_header: false, sign_listing: false, ..self }
    }

    fn header(&self, md5: &str, signature: &str) -> String {
        let (version, count) = (self.version, self.members.len());
        format!("ClamAV-VDB:22 Nov 2026 12-57 +0000:{version}:{count}:90:{md5}:{signature}:tester:1795352272")
    }

    fn listing(&self) -> String {
        let mut text = format!("{}\n", self.header("X", "X"));
        for (name, bytes) in &self.members {
            text.push_str(&format!("{name}:{}:{}\n", bytes.len(), hex::encode(Sha256::digest(bytes))));
        }
        if self.sign_listing {
            let signature = letters(&pss(&Sha256::digest(text.as_bytes()).into()));
            text.push_str(&format!("DSIG:{signature}\n"));
        }
        text
    }

    /// The part of a script that makes the list of members of `old` that of this container.
    pub(crate) fn listing_script(&self, old: &Self) -> String {
        let (from, to) = (old.listing(), self.listing());
        let mut script = "OPEN test.info\n".to_owned();
        for (number, (from, to)) in (1..).zip(from.lines().zip(to.lines())) {
            if from != to {
                script.push_str(&format!("XCHG {number} {} {to}\n", from.split(' ').next().unwrap()));
            }
        }
        script + "CLOSE\n"
    }

    /// The container's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.around(&self.archive())
    }

    /// The archive alone, not packed.
    pub(crate) fn archive(&self) -> Vec<u8> {
        let listing = self.listing();
        let mut members: Vec<(&str, &[u8])> = vec![("COPYING", b"no licence is needed")];
        if self.list {
            members.push(("test.info", listing.as_bytes()));
        }
        members.extend(self.members.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
        tar(&members)
    }

    /// The container of this archive.
    pub(crate) fn around(&self, archive: &[u8]) -> Vec<u8> {
        let body = if self.packed { gzip(archive) } else { archive.to_vec() };
        let md5 = Md5::digest(&body);
        let signature = if self.sign_header {
            let private = |text: &str| text.parse::<BigUint>().unwrap();
            letters(&BigUint::from_bytes_be(&md5).modpow(&private(HEADER_PRIVATE), &private(HEADER_MODULUS)))
        } else {
            "X".to_owned()
        };
        let mut bytes = format!("{:<512}", self.header(&hex::encode(md5), &signature)).into_bytes();
        bytes.extend(body);
        bytes
    }
}

/// A signature with PSS over content with this digest.
fn pss(digest: &[u8; 32]) -> BigUint {
    let salt = [0x5a; 32];
    let hash: [u8; 32] =
        Sha256::new().chain_update([0; 8]).chain_update(digest).chain_update(salt).finalize().into();
    let length = 256;
    let mut block = vec![0; length - 33 - 33];
    block.push(1);
    block.extend(salt);
    let mut message: Vec<u8> =
        block.iter().zip(mgf1(&hash, block.len())).map(|(byte, mask)| byte ^ mask).collect();
    message[0] &= 0x7f;
    message.extend(hash);
    message.push(0xbc);
    let number = |text: &str| text.parse::<BigUint>().unwrap();
    BigUint::from_bytes_be(&message).modpow(&number(LISTING_PRIVATE), &number(LISTING_MODULUS))
}
