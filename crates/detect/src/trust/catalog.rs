//! Catalogs of Microsoft (`cat`): signed lists of digests of files.
//!
//! A catalog is signed data over a list of certificate trust ("CTL"): [MS-CAESO], section 3.2.4, has the list; each
//! member has an attribute with the digest of a file, as a program's own signature would have it.

use std::sync::Arc;

use super::elements::{Element, OBJECT, OCTET_STRING, SEQUENCE, SET};
use super::search::root_of;
use super::section::Signer;
use super::signed_data::{SignedData, indirect_digest, indirect_type, is_indirect};
use crate::Database;
use crate::hash::{Digest, Subject};

const TRUST_LIST: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x0a\x01";
/// What a digest of a program is of: `SPC_PE_IMAGE_DATA`.
const PROGRAM: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0f";
/// What a digest of a whole file is of: `SPC_CAB_DATA`.
const WHOLE: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x19";

/// Why a catalog is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// It is no catalog, or it is cut.
    #[error("this is no signed catalog")]
    Malformed,
    /// Nobody whom a root stands for has signed it, it was changed, or the signer's certificate has expired.
    #[error("no trusted signer stands for the catalog")]
    Untrusted,
    /// A database of roots is damaged.
    #[error("the roots could not be read")]
    Roots,
}

/// A catalog whose signer is trusted.
#[derive(Debug)]
pub struct Catalog<'a> {
    members: Element<'a>,
    signer: String,
}

impl<'a> Catalog<'a> {
    /// Reads a catalog and verifies its signature with the roots of databases.
    ///
    /// # Errors
    /// A [`CatalogError`].
    pub fn verify(bytes: &'a [u8], databases: &[Arc<Database>]) -> Result<Self, CatalogError> {
        let data = SignedData::read(bytes).ok_or(CatalogError::Malformed)?;
        if data.content_type != TRUST_LIST {
            return Err(CatalogError::Malformed);
        }
        let members = members(&data.content).ok_or(CatalogError::Malformed)?;
        let mut roots = Vec::new();
        for database in databases {
            let of = |trusted| -> Result<Vec<_>, crate::Error> { Signer::all(database, trusted)?.collect() };
            let blocked = of(false).map_err(|_| CatalogError::Roots)?;
            if data.certificates.iter().any(|one| blocked.iter().any(|signer| signer.is(one))) {
                return Err(CatalogError::Untrusted);
            }
            roots.extend(of(true).map_err(|_| CatalogError::Roots)?);
        }
        let root = root_of(&data, &roots).ok_or(CatalogError::Untrusted)?;
        Ok(Self { members, signer: root.name().to_owned() })
    }

    /// The name of the root that stands for its signer.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// The digests in it, of programs without their own signatures and of whole files.
    pub fn digests(&self) -> Digests<'a> {
        Digests(self.members.elements().collect::<Vec<_>>().into_iter())
    }
}

/// The digests of a catalog, and what each is of.
#[derive(Debug)]
pub struct Digests<'a>(std::vec::IntoIter<Element<'a>>);

impl Iterator for Digests<'_> {
    type Item = (Subject, Digest);

    fn next(&mut self) -> Option<(Subject, Digest)> {
        self.0.find_map(|member| digest(&member))
    }
}

/// The members of a list.
fn members<'a>(list: &Element<'a>) -> Option<Element<'a>> {
    let mut fields = list.elements();
    fields.expect(SEQUENCE)?;
    fields.optional(OCTET_STRING);
    // A number and one or two times, of which some may be missing.
    let rest = fields.find(|field| field.tag == SEQUENCE)?;
    rest.elements().expect(OBJECT)?;
    fields.expect(SEQUENCE)
}

/// The digest of a member.
fn digest(member: &Element<'_>) -> Option<(Subject, Digest)> {
    let attributes = member.elements().find(|field| field.tag == SET)?;
    attributes.elements().find_map(|attribute| {
        let mut fields = attribute.elements();
        if !is_indirect(fields.expect(OBJECT)?.content) {
            return None;
        }
        let data = fields.expect(SET)?.elements().next()?;
        let subject = match indirect_type(&data)? {
            PROGRAM => Subject::Signed,
            WHOLE => Subject::Object,
            _ => return None,
        };
        Some((subject, Digest::from_bytes(&indirect_digest(&data)?.bytes)?))
    })
}
