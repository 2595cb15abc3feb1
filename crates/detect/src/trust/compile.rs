//! Compiles publishers into records.

use candor_object::Category;
use zerocopy::little_endian as le;

use super::section::{FOR_CERTIFICATES, FOR_CODE, FOR_TIME, HAS_SERIAL, SignerRecord, TRUSTED};
use crate::hash::category_byte;
use crate::image::{Kind, Writer};
use crate::strings::Strings;

/// Longest modulus in bytes; longer ones are never used.
pub const MAX_MODULUS: usize = 1024;

/// A publisher that is trusted or blocked, known by a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerSignature {
    /// The name of the entry: that of the finding, if it is blocked.
    pub name: String,
    /// The file that it comes from.
    pub source: String,
    /// What is said of it, for people.
    pub text: String,
    /// What kind of finding it makes; if this is `Trusted` it is trusted, else programs with its certificate are found.
    pub category: Category,
    /// SHA-1 of the certificate's subject, without tag and length of the DER.
    pub subject: [u8; 20],
    /// SHA-1 of its serial number, likewise; nothing for any.
    pub serial: Option<[u8; 20]>,
    /// The modulus of its RSA key, the most significant byte first, at most [`MAX_MODULUS`] bytes.
    pub modulus: Vec<u8>,
    /// Whether it is trusted for programs.
    pub code: bool,
    /// Whether it is trusted for times.
    pub time: bool,
    /// Whether it is trusted for certificates.
    pub certificates: bool,
}

/// Collects publishers.
#[derive(Default)]
pub(crate) struct Compiler {
    records: Vec<SignerRecord>,
    moduli: Vec<u8>,
    /// One byte, if certificates are told of.
    telling: Vec<u8>,
}

impl Compiler {
    /// Adds a publisher. One without a key, or with one that is too long, can never match and is left out.
    pub(crate) fn add(&mut self, signature: &SignerSignature, strings: &mut Strings) {
        let modulus = super::certificate::without_zeros(&signature.modulus);
        let (Ok(start), Ok(length)) = (u32::try_from(self.moduli.len()), u16::try_from(modulus.len())) else {
            return;
        };
        if modulus.is_empty() || modulus.len() > MAX_MODULUS {
            return;
        }
        let flags = [
            (signature.code, FOR_CODE),
            (signature.time, FOR_TIME),
            (signature.certificates, FOR_CERTIFICATES),
            (signature.category == Category::Trusted, TRUSTED),
            (signature.serial.is_some(), HAS_SERIAL),
        ];
        self.records.push(SignerRecord {
            name: strings.add(&signature.name),
            text: strings.add(&signature.text),
            source: strings.source(&signature.source),
            category: category_byte(signature.category),
            flags: flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, flag)| all | flag),
            subject: signature.subject,
            serial: signature.serial.unwrap_or_default(),
            modulus: le::U32::new(start),
            modulus_length: le::U16::new(length),
        });
        self.moduli.extend_from_slice(modulus);
    }

    /// Has certificates told of.
    pub(crate) fn tell(&mut self) {
        self.telling = vec![1];
    }

    /// Writes the sections.
    pub(crate) fn finish(self, writer: &mut Writer) {
        writer.section(Kind::Signers, 0, &self.records);
        writer.section(Kind::SignerKeys, 0, &self.moduli);
        writer.section(Kind::CertificateTelling, 0, &self.telling);
    }
}
