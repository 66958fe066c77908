//! Writes one archive, row by row, in constant memory.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::header::{ArchiveHeader, HeaderError};
use crate::rows::RowsDigest;
use crate::schema::TableSchema;
use crate::summary::{Summary, hexadecimal};
use crate::totals::TableTotals;
use crate::value::{Cell, Kind, write_json_text};

/// The header of an archive of version 1. [`ArchiveHeader`] describes those of every version.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// The moment of the data.
    pub created_at: DateTime<Utc>,
    /// The version of the program that wrote it.
    pub app_version: &'a str,
    /// The engine of the rows.
    pub engine: &'a str,
    /// The tables and their columns, in the order of the document.
    pub tables: Vec<(&'a str, Vec<ColumnSchema<'a>>)>,
}

/// One column in the `schema` of an archive of version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSchema<'a> {
    /// The column's name, a key of each row.
    pub name: &'a str,
    /// The kind of its values.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Whether it may be `null`.
    pub nullable: bool,
}

/// Writes one archive into a buffer, which the caller empties at any time.
///
/// The calls come in this order: [`Writer::begin`] or [`Writer::with_header`]; for each table of the header
/// [`Writer::begin_table`], [`Writer::row`] for each row and [`Writer::end_table`]; then [`Writer::finish`]. Without that
/// call the document has no `summary` and is not an archive.
///
/// The rows come in the order of their ids, or in that of [`order`](crate::order) in version 2. The writer does not check
/// that: a reader does.
#[derive(Debug)]
pub struct Writer {
    tables: Vec<WriterTable>,
    next: usize,
    rows: u64,
    /// The digest of the rows of the current table.
    digest: RowsDigest,
    /// The digest of every byte before the tables.
    header: Sha256,
    summary: Summary,
}

#[derive(Debug)]
struct WriterTable {
    schema: TableSchema,
    layout: RowLayout,
    totals: TableTotals,
}

/// The bytes of each row around its values.
#[derive(Debug)]
pub(crate) struct RowLayout {
    /// The bytes before each value: `{"id":`, `,"full_name":` and so on.
    pub(crate) prefixes: Vec<Vec<u8>>,
    /// The bytes behind the last value.
    pub(crate) end: &'static [u8],
}

impl RowLayout {
    pub(crate) fn new(table: &TableSchema) -> Self {
        let prefix = |(position, name): (usize, &str)| {
            let mut prefix = vec![if position == 0 { b'{' } else { b',' }];
            write_json_text(name, &mut prefix);
            prefix.push(b':');
            prefix
        };
        let names = table.columns.iter().map(|column| column.name.as_str());
        Self {
            prefixes: names.enumerate().map(prefix).collect(),
            end: if table.columns.is_empty() { b"{}" } else { b"}" },
        }
    }
}

impl Writer {
    /// Writes everything before the first table, in version 1.
    pub fn begin(header: &Header<'_>, out: &mut Vec<u8>) -> Self {
        Self::new(header.into(), out)
    }

    /// Writes everything before the first table, in the version of the header.
    ///
    /// # Errors
    ///
    /// If no reader would accept the header. Nothing was written then.
    pub fn with_header(header: ArchiveHeader, out: &mut Vec<u8>) -> Result<Self, HeaderError> {
        header.check()?;
        Ok(Self::new(header, out))
    }

    fn new(header: ArchiveHeader, out: &mut Vec<u8>) -> Self {
        let start = out.len();
        header.write(out);
        let mut digest = Sha256::new();
        digest.update(&out[start..]);
        out.extend_from_slice(b"\"tables\":{");
        let version = header.version;
        let tables = header.schema.tables.into_iter().map(|schema| WriterTable {
            layout: RowLayout::new(&schema),
            totals: TableTotals::new(version, &schema),
            schema,
        });
        Self {
            tables: tables.collect(),
            next: 0,
            rows: 0,
            digest: RowsDigest::default(),
            header: digest,
            summary: Summary::of(version),
        }
    }

    /// Begins the next table of the header.
    pub fn begin_table(&mut self, out: &mut Vec<u8>) {
        let Some(table) = self.tables.get(self.next) else {
            return;
        };
        out.extend_from_slice(if self.next == 0 { b"\n" } else { b",\n" });
        write_json_text(&table.schema.name, out);
        out.extend_from_slice(b":[");
        self.rows = 0;
    }

    /// Writes a row of the current table. The cells have the order of the header's columns.
    pub fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        let Some(table) = self.tables.get_mut(self.next) else {
            return;
        };
        out.extend_from_slice(if self.rows == 0 { b"\n" } else { b",\n" });
        let start = out.len();
        for (prefix, cell) in table.layout.prefixes.iter().zip(cells) {
            out.extend_from_slice(prefix);
            cell.write_json(out);
        }
        out.extend_from_slice(table.layout.end);
        table.totals.add(cells);
        self.digest.row(&out[start..]);
        self.rows += 1;
    }

    /// Ends the current table.
    pub fn end_table(&mut self, out: &mut Vec<u8>) {
        let Some(table) = self.tables.get(self.next) else {
            return;
        };
        out.extend_from_slice(if self.rows == 0 { b"]" } else { b"\n]" });
        let digest = hexadecimal(self.digest.take());
        self.summary.add(&table.schema, self.rows, digest, &table.totals);
        self.next += 1;
    }

    /// Writes the summary and the end, and returns the summary.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Summary {
        out.extend_from_slice(b"},\n\"summary\":");
        out.extend_from_slice(&self.summary.seal(self.header));
        out.extend_from_slice(b"}\n");
        self.summary
    }
}
