//! The standard security handler: ISO 32000-2, 7.6.4, which has all revisions (2 to 6), with a password that is known.

use md5::{Digest, Md5};
use sha2::{Sha256, Sha384, Sha512};

use super::cipher::{Aes, Block, Rc4};
use super::value::{Dictionary, Value};

const PADDING: [u8; 32] = [
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08, 0x2e,
    0x2e, 0x00, 0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
];

/// How something is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Plain,
    Rc4,
    Aes128,
    Aes256,
}

/// What the encryption dictionary says.
#[derive(Debug)]
pub(super) struct Handler {
    revision: i64,
    length: usize,
    owner: Vec<u8>,
    user: Vec<u8>,
    owner_key: Vec<u8>,
    user_key: Vec<u8>,
    permissions: u32,
    id: Vec<u8>,
    encrypts_metadata: bool,
    streams: Method,
    texts: Method,
    embedded: Method,
    filters: Vec<(Vec<u8>, Method)>,
}

/// A handler that a password opened.
#[derive(Debug)]
pub(super) struct Security {
    key: Vec<u8>,
    pub(super) streams: Method,
    pub(super) texts: Method,
    pub(super) embedded: Method,
    pub(super) encrypts_metadata: bool,
    filters: Vec<(Vec<u8>, Method)>,
}

impl Handler {
    /// Reads the dictionary; nothing if it is of another handler or unknown.
    pub(super) fn new(dictionary: &Dictionary<'_>, id: &[u8]) -> Option<Self> {
        if dictionary.get(b"Filter").and_then(Value::name).is_some_and(|name| name != b"Standard") {
            return None;
        }
        let version = dictionary.integer(b"V").unwrap_or(0);
        let revision = dictionary.integer(b"R").unwrap_or(2);
        let bits = dictionary.integer(b"Length").unwrap_or(if version == 4 { 128 } else { 40 });
        // Some writers give bytes.
        let bytes = if bits > 32 { bits.checked_div(8)? } else { bits };
        let length = match version {
            1 => 5,
            5 => 32,
            _ => usize::try_from(bytes).ok()?.clamp(5, 16),
        };
        let mut filters = vec![(b"Identity".to_vec(), Method::Plain)];
        if let Some(Value::Dictionary(entries)) = dictionary.get(b"CF") {
            filters.extend(entries.0.iter().take(64).filter_map(|(name, value)| {
                let Value::Dictionary(filter) = value else { return None };
                Some((name.to_vec(), method(filter.get(b"CFM").and_then(Value::name))?))
            }));
        }
        let named = |key: &[u8]| {
            let name = dictionary.get(key)?.name()?;
            filters.iter().rev().find(|(known, _)| known == name).map(|(_, method)| *method)
        };
        let (streams, texts) = match version {
            0..=3 => (Method::Rc4, Method::Rc4),
            4 | 5 => (named(b"StmF").unwrap_or(Method::Plain), named(b"StrF").unwrap_or(Method::Plain)),
            _ => return None,
        };
        let embedded = named(b"EFF").unwrap_or(streams);
        let text = |key: &[u8]| dictionary.text(key).unwrap_or_default().to_vec();
        let permissions = dictionary.integer(b"P").unwrap_or(0);
        Some(Self {
            revision,
            length,
            owner: text(b"O"),
            user: text(b"U"),
            owner_key: text(b"OE"),
            user_key: text(b"UE"),
            permissions: u32::try_from(permissions & 0xffff_ffff).unwrap_or(0),
            id: id.to_vec(),
            encrypts_metadata: dictionary.get(b"EncryptMetadata") != Some(&Value::Boolean(false)),
            streams,
            texts,
            embedded,
            filters,
        })
    }

    /// The security, if this is the password of the user or of the owner.
    pub(super) fn open(&self, password: &[u8]) -> Option<Security> {
        let key = if self.revision >= 5 {
            self.modern_key(password)?
        } else {
            let as_user = |password: &[u8]| {
                // Some files have another length in their dictionary than they were written with.
                [self.length, 16, 5].into_iter().find_map(|length| self.user_key(password, length))
            };
            as_user(password).or_else(|| as_user(&self.user_password(password)))?
        };
        Some(Security {
            key,
            streams: self.streams,
            texts: self.texts,
            embedded: self.embedded,
            encrypts_metadata: self.encrypts_metadata,
            filters: self.filters.clone(),
        })
    }

    /// Algorithm 2, and algorithms 4 and 5 to see whether it is right.
    fn user_key(&self, password: &[u8], length: usize) -> Option<Vec<u8>> {
        let mut hash = Md5::new();
        hash.update(padded(password));
        hash.update(self.owner.get(..32)?);
        hash.update(self.permissions.to_le_bytes());
        hash.update(&self.id);
        if self.revision >= 4 && !self.encrypts_metadata {
            hash.update([0xff; 4]);
        }
        let mut key = hash.finalize().to_vec();
        if self.revision >= 3 {
            for _ in 0..50 {
                key = Md5::digest(key.get(..length)?).to_vec();
            }
        }
        key.truncate(length);
        if self.revision < 3 {
            let mut expected = PADDING;
            Rc4::new(&key).apply(&mut expected);
            return (self.user.get(..32)? == expected).then_some(key);
        }
        let mut hash = Md5::new();
        hash.update(PADDING);
        hash.update(&self.id);
        let mut expected = hash.finalize().to_vec();
        for round in 0..20_u8 {
            Rc4::new(&altered(&key, round)).apply(&mut expected);
        }
        (self.user.get(..16)? == expected).then_some(key)
    }

    /// The password of the user, which the password of the owner opens: algorithm 7.
    fn user_password(&self, password: &[u8]) -> Vec<u8> {
        let mut key = Md5::digest(padded(password)).to_vec();
        let length = if self.revision >= 3 { self.length } else { 5 };
        if self.revision >= 3 {
            for _ in 0..50 {
                key = Md5::digest(key.get(..length).unwrap_or(&key)).to_vec();
            }
        }
        key.truncate(length);
        let mut user = self.owner.get(..32).unwrap_or_default().to_vec();
        if self.revision < 3 {
            Rc4::new(&key).apply(&mut user);
        } else {
            for round in (0..20_u8).rev() {
                Rc4::new(&altered(&key, round)).apply(&mut user);
            }
        }
        user
    }

    /// Algorithm 2.A.
    fn modern_key(&self, password: &[u8]) -> Option<Vec<u8>> {
        let password = password.get(..127).unwrap_or(password);
        let user = self.user.get(..48)?;
        for (entry, encrypted, with) in
            [(&self.user, &self.user_key, &[][..]), (&self.owner, &self.owner_key, user)]
        {
            let (Some(hash), Some(validation), Some(salt)) =
                (entry.get(..32), entry.get(32..40), entry.get(40..48))
            else {
                continue;
            };
            if self.hash(password, validation, with) == hash {
                let mut key = encrypted.get(..32)?.to_vec();
                Aes::new(&self.hash(password, salt, with))?.decrypt_all(&mut key, [0; 16]);
                return Some(key);
            }
        }
        None
    }

    /// Algorithm 2.B; the revision before it had SHA-256 alone.
    fn hash(&self, password: &[u8], salt: &[u8], user: &[u8]) -> Vec<u8> {
        let mut key = Sha256::digest([password, salt, user].concat()).to_vec();
        if self.revision == 5 {
            return key;
        }
        let mut round: u32 = 0;
        loop {
            let mut bytes = [password, &key, user].concat().repeat(64);
            let start: Block = crate::fields::array(&key, 16).unwrap_or_default();
            let Some(cipher) = key.get(..16).and_then(Aes::new) else { return key };
            cipher.encrypt_all(&mut bytes, start);
            // The first 16 bytes as a number modulo 3: 256 is 1 modulo 3.
            let sum: u32 = bytes.iter().take(16).map(|byte| u32::from(*byte)).sum();
            key = match sum % 3 {
                0 => Sha256::digest(&bytes).to_vec(),
                1 => Sha384::digest(&bytes).to_vec(),
                _ => Sha512::digest(&bytes).to_vec(),
            };
            let last = u32::from(bytes.last().copied().unwrap_or(0));
            round = round.saturating_add(1);
            // It ends with a chance of a sixth each round at first, and no later than after 287.
            if round >= 64 && last <= round.saturating_sub(32) {
                key.truncate(32);
                return key;
            }
        }
    }
}

impl Security {
    /// The method of a crypt filter.
    pub(super) fn named(&self, name: &[u8]) -> Option<Method> {
        self.filters.iter().rev().find(|(known, _)| known == name).map(|(_, method)| *method)
    }

    /// The key of an object: algorithm 1.
    pub(super) fn key(&self, number: u32, generation: u32, method: Method) -> Vec<u8> {
        if method == Method::Aes256 {
            return self.key.clone();
        }
        let mut hash = Md5::new();
        hash.update(&self.key);
        hash.update(number.to_le_bytes().get(..3).unwrap_or_default());
        hash.update(generation.to_le_bytes().get(..2).unwrap_or_default());
        if method == Method::Aes128 {
            hash.update(b"sAlT");
        }
        let mut key = hash.finalize().to_vec();
        key.truncate(self.key.len().saturating_add(5).min(16));
        key
    }
}

fn method(name: Option<&[u8]>) -> Option<Method> {
    match name {
        None | Some(b"None") => Some(Method::Plain),
        Some(b"V2") => Some(Method::Rc4),
        Some(b"AESV2") => Some(Method::Aes128),
        Some(b"AESV3") => Some(Method::Aes256),
        Some(_) => None,
    }
}

/// The password with the padding behind it.
fn padded(password: &[u8]) -> Vec<u8> {
    password.iter().chain(&PADDING).copied().take(32).collect()
}

fn altered(key: &[u8], round: u8) -> Vec<u8> {
    key.iter().map(|byte| byte ^ round).collect()
}
