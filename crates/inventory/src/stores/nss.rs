//! Certificates that Firefox, Chrome on Linux and their relatives trust beside those of the system: `cert9.db`, an SQLite
//! database whose columns are attributes of PKCS #11 by number
//! (<https://wiki.mozilla.org/NSS_Shared_DB>). The older `cert8.db` is told and not read.

use candor_object::Attribute;

use crate::damage::Damage;
use crate::sqlite::{Database, Row, Value, is_database};
use crate::x509::Certificate;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Nss;

/// `CKA_CLASS`, `CKA_LABEL` and `CKA_VALUE`.
const CLASS: &str = "a0";
const LABEL: &str = "a3";
const VALUE: &str = "a11";
/// `CKO_CERTIFICATE`, as it lies there.
const CERTIFICATE: [u8; 4] = [0, 0, 0, 1];

impl Reader for Nss {
    fn name(&self) -> &'static str {
        "certificates of NSS"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        is_database(subject.head) && subject.is_named("cert9.db") || subject.is_named("cert8.db")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        if !is_database(subject.head) {
            return Err(Error::Unsupported("the database has the form of Berkeley DB".to_owned()));
        }
        let database = Database::open(subject.content())?;
        let Some(table) = database.table("nssPublic")? else { return Ok(()) };
        let columns = (table.column(CLASS), table.column(LABEL), table.column(VALUE));
        let (Some(class), Some(label), Some(value)) = columns else {
            return Err(Error::Damaged("the database of certificates lacks columns".to_owned()));
        };
        let mut damage = Damage::default();
        let mut each = |row: Row| {
            subject.time_left()?;
            let bytes = |column: usize| row.values.get(column).map(Value::bytes).unwrap_or_default();
            if bytes(class) != CERTIFICATE {
                return Ok(());
            }
            let Some(certificate) = Certificate::read(bytes(value)) else {
                damage.note_row("a certificate", row.number);
                return Ok(());
            };
            let label = String::from_utf8_lossy(bytes(label));
            certificate
                .tell(&[(Attribute::Store, "nss"), (Attribute::Id, label.trim_end_matches('\0'))], facts)
        };
        database.rows(&table, &mut each)?;
        damage.told()
    }
}
