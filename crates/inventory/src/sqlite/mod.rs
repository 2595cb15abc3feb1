//! SQLite databases, read only and as they lie ([format](https://www.sqlite.org/fileformat2.html)): the rows of a
//! table, in the order of their numbers. No indexes, no journals; tables without row numbers are not read.

mod record;

use std::collections::HashSet;

use candor_object::Content;

use crate::Error;

pub(crate) use record::Value;

/// Longest row that is read, in bytes.
const LONGEST: u64 = 32 << 20;
/// Most tables that are listed.
const TABLES: usize = 4096;

/// A database.
#[derive(Debug)]
pub(crate) struct Database<'c> {
    content: &'c Content,
    page_size: u64,
    /// Bytes of a page that hold data.
    usable: u64,
    encoding: record::Encoding,
}

/// A table of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// The names of its columns, in the order of the values.
    pub(crate) columns: Vec<String>,
    root: u32,
}

impl Table {
    /// The place of a column among the values.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }
}

/// A row of a table. The value of a column that is the row's number is null.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: i64,
    pub(crate) values: Vec<Value>,
}

/// Whether content begins as a database.
pub(crate) fn is_database(head: &[u8]) -> bool {
    head.starts_with(b"SQLite format 3\0")
}

impl<'c> Database<'c> {
    /// # Errors
    /// [`Error::Damaged`] when it is none.
    pub(crate) fn open(content: &'c Content) -> Result<Self, Error> {
        let head = content.window(0, 100)?;
        if head.len() < 100 || !is_database(&head) {
            return Err(Error::Damaged("it does not begin as an SQLite database".to_owned()));
        }
        let page_size = match u64::from(u16::from_be_bytes([head[16], head[17]])) {
            1 => 65536,
            size if size.is_power_of_two() && size >= 512 => size,
            size => return Err(Error::Damaged(format!("pages of {size} bytes"))),
        };
        let usable = page_size - u64::from(head[20]);
        if usable < 480 {
            return Err(Error::Damaged(format!("pages with {usable} bytes of data")));
        }
        let encoding = match head[59] {
            2 => record::Encoding::Little,
            3 => record::Encoding::Big,
            _ => record::Encoding::Utf8,
        };
        Ok(Self { content, page_size, usable, encoding })
    }

    /// The table of that name.
    ///
    /// # Errors
    /// Those of the content. Damage is one only if the table was not found.
    pub(crate) fn table(&self, name: &str) -> Result<Option<Table>, Error> {
        let mut found = None;
        let result = self.schema(|table| {
            if table.name.eq_ignore_ascii_case(name) {
                found = Some(table);
            }
        });
        if found.is_none() { result.map(|()| None) } else { Ok(found) }
    }

    fn schema(&self, mut each: impl FnMut(Table)) -> Result<(), Error> {
        let schema = Table { name: "sqlite_schema".to_owned(), columns: Vec::new(), root: 1 };
        let mut count = 0;
        self.rows(&schema, |row| {
            count += 1;
            if count > TABLES {
                return Err(Error::Unsupported("more tables than are read".to_owned()));
            }
            // Kind, name, table, page, statement.
            let [kind, name, _, page, statement, ..] = row.values.as_slice() else { return Ok(()) };
            if kind.text() == "table"
                && let Some(root) = page.integer().and_then(|page| u32::try_from(page).ok())
            {
                let (name, columns) = (name.text().to_owned(), columns(statement.text()));
                each(Table { name, columns, root });
            }
            Ok(())
        })
    }

    /// Calls `each` with every row. It should look at the clock, as a row may be made of many pages.
    ///
    /// # Errors
    /// What `each` says at once; the first damage after all pages that can be found were read.
    pub(crate) fn rows(
        &self,
        table: &Table,
        mut each: impl FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut damage = None;
        let mut seen = HashSet::new();
        let mut next = vec![table.root];
        while let Some(number) = next.pop() {
            // Pages that lead in a circle, or to others' pages, lead nowhere twice.
            if !seen.insert(number) {
                damage.get_or_insert_with(|| format!("page {number}: is there twice"));
                continue;
            }
            match self.page(number, &mut next, &mut each) {
                Err(Error::Damaged(what)) => {
                    damage.get_or_insert_with(|| format!("page {number}: {what}"));
                }
                result => result?,
            }
        }
        damage.map_or(Ok(()), |what| Err(Error::Damaged(what)))
    }

    fn page(
        &self,
        number: u32,
        next: &mut Vec<u32>,
        each: &mut impl FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let page = self.read(number)?;
        let start = if number == 1 { 100 } else { 0 };
        let kind = page.get(start).copied().unwrap_or(0);
        let header = if kind == 5 { 12 } else { 8 };
        let count = u16_at(&page, start + 3).unwrap_or(0);
        let cells =
            (0..usize::from(count)).map(|cell| u16_at(&page, start + header + cell * 2).map(usize::from));
        let mut damage = None;
        match kind {
            5 => {
                let child = |at: Option<usize>| at.and_then(|at| u32_at(&page, at));
                next.extend(u32_at(&page, start + 8));
                let mut children: Vec<u32> = cells.filter_map(child).collect();
                children.reverse();
                next.extend(children);
                return Ok(());
            }
            13 => {
                for cell in cells {
                    let cell = cell.and_then(|at| page.get(at..)).unwrap_or_default();
                    match self.row(cell) {
                        Ok(row) => each(row)?,
                        Err(Error::Damaged(what)) => {
                            damage.get_or_insert(what);
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            kind => return Err(Error::Damaged(format!("of kind {kind}, and no page of a table"))),
        }
        damage.map_or(Ok(()), |what| Err(Error::Damaged(what)))
    }

    fn read(&self, number: u32) -> Result<std::borrow::Cow<'c, [u8]>, Error> {
        let Some(before) = number.checked_sub(1) else {
            return Err(Error::Damaged("there is no page 0".to_owned()));
        };
        let offset = u64::from(before) * self.page_size;
        if offset >= self.content.size() {
            return Err(Error::Damaged("lies behind the end".to_owned()));
        }
        Ok(self.content.window(offset, self.page_size as usize)?)
    }

    fn row(&self, cell: &[u8]) -> Result<Row, Error> {
        let broken = || Error::Damaged("a row is cut off".to_owned());
        let mut rest = cell;
        let size = record::varint(&mut rest).ok_or_else(broken)?;
        let number = record::varint(&mut rest).ok_or_else(broken)? as i64;
        if size > LONGEST {
            return Err(Error::Damaged(format!("a row of {size} bytes, which is too long")));
        }
        let local = self.local(size);
        let mut payload = rest.get(..local as usize).ok_or_else(broken)?.to_vec();
        if local < size {
            let mut page = u32_at(rest, local as usize).ok_or_else(broken)?;
            while (payload.len() as u64) < size {
                let bytes = self.read(page)?;
                let piece = bytes.get(4..).unwrap_or_default();
                let want = (size as usize - payload.len()).min(self.usable as usize - 4).min(piece.len());
                if want == 0 {
                    return Err(broken());
                }
                payload.extend_from_slice(&piece[..want]);
                page = u32_at(&bytes, 0).ok_or_else(broken)?;
            }
        }
        Ok(Row { number, values: record::values(&payload, self.encoding).ok_or_else(broken)? })
    }

    /// How many bytes of a row of this size lie in the page of the table itself.
    fn local(&self, size: u64) -> u64 {
        let most = self.usable - 35;
        if size <= most {
            return size;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + (size - least) % (self.usable - 4);
        if fitting <= most { fitting } else { least }
    }
}

/// The names of columns in a `CREATE TABLE` statement.
fn columns(statement: &str) -> Vec<String> {
    let Some(start) = statement.find('(') else { return Vec::new() };
    let (mut columns, mut depth, mut from) = (Vec::new(), 0_u32, start + 1);
    for (at, byte) in statement.bytes().enumerate().skip(start) {
        match byte {
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if (byte == b',' && depth == 1) || (byte == b')' && depth == 0) {
            let definition = statement[from..at].trim_start();
            let end = |c: char| c.is_whitespace() || c == ',' || c == '(';
            let name = match definition.chars().next() {
                Some(quote @ ('"' | '`' | '\'')) => definition[1..].split(quote).next().unwrap_or(""),
                Some('[') => definition[1..].split(']').next().unwrap_or(""),
                _ => definition.split(end).next().unwrap_or(""),
            };
            let constraint = ["PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "CONSTRAINT"];
            if !constraint.iter().any(|word| name.eq_ignore_ascii_case(word)) {
                columns.push(name.to_owned());
            }
            from = at + 1;
        }
        if depth == 0 || columns.len() >= TABLES {
            break;
        }
    }
    columns
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `sqlite3` with pages of 512 bytes: 200 rows, one of which has a text of 5,000 bytes.
    const SAMPLE: &[u8] = include_bytes!("../../tests/samples/rows.sqlite");

    fn rows(bytes: &[u8]) -> (Vec<Row>, Result<(), Error>) {
        let content = Content::from_vec(bytes.to_vec());
        let database = Database::open(&content).unwrap();
        let table = database.table("Things").unwrap().unwrap();
        assert_eq!(table.columns, ["id", "name of", "data", "real"]);
        let mut rows = Vec::new();
        let result = database.rows(&table, |row| {
            rows.push(row);
            Ok(())
        });
        (rows, result)
    }

    #[test]
    fn rows_come_in_order_with_their_values() {
        let (rows, result) = rows(SAMPLE);
        result.unwrap();
        assert_eq!(rows.len(), 200);
        assert!(rows.windows(2).all(|pair| pair[0].number < pair[1].number));
        assert_eq!(rows[0].values[1], Value::Text("name 1".to_owned()));
        assert_eq!(rows[0].values[2], Value::Blob(vec![1, 2]));
        assert_eq!(rows[0].values[3], Value::Real(1.5));
        assert_eq!(rows[99].values[1].text().len(), 5000);
        assert_eq!(rows[199].values[0], Value::Null);
    }

    #[test]
    fn damage_costs_only_the_pages_it_is_in() {
        let content = Content::from_vec(SAMPLE.to_vec());
        let root = Database::open(&content).unwrap().table("things").unwrap().unwrap().root as usize;
        let mut broken = SAMPLE.to_vec();
        let child = u32_at(&broken, (root - 1) * 512 + 8).unwrap() as usize;
        broken[(child - 1) * 512] = 0;
        let (some, result) = rows(&broken);
        assert!(some.len() > 100 && some.len() < 200, "{}", some.len());
        assert!(matches!(result, Err(Error::Damaged(_))));
        // A child that is its own parent.
        let mut circle = SAMPLE.to_vec();
        circle[(root - 1) * 512 + 8..(root - 1) * 512 + 12].copy_from_slice(&(root as u32).to_be_bytes());
        let (some, result) = rows(&circle);
        assert!(some.len() > 100);
        assert!(result.unwrap_err().to_string().contains("twice"));
    }
}
