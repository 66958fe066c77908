//! Writes one archive, row by row, in constant memory.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::rows::RowsDigest;
use crate::summary::{Summary, hexadecimal};
use crate::totals::Total;
use crate::value::{Cell, Kind, write_json_text};
use crate::{FORMAT, VERSION};

/// The header of an archive.
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

/// One column in an archive's `schema`.
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
/// The calls come in this order: [`Writer::begin`]; for each table of the header [`Writer::begin_table`],
/// [`Writer::row`] for each row and [`Writer::end_table`]; then [`Writer::finish`]. Without that call the document has
/// no `summary` and is not an archive.
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
    name: String,
    /// The bytes before each value: `{"id":`, `,"full_name":` and so on.
    prefixes: Vec<Vec<u8>>,
    decimals: Vec<DecimalColumn>,
}

#[derive(Debug)]
struct DecimalColumn {
    position: usize,
    name: String,
    total: Total,
}

impl Writer {
    /// Writes everything before the first table.
    pub fn begin(header: &Header<'_>, out: &mut Vec<u8>) -> Self {
        let text = |key: &str, value: &str, out: &mut Vec<u8>| {
            write_json_text(key, out);
            out.push(b':');
            write_json_text(value, out);
            out.push(b',');
        };
        let start = out.len();
        out.push(b'{');
        text("format", FORMAT, out);
        out.extend_from_slice(format!("\"version\":{VERSION},\"created_at\":").as_bytes());
        Cell::Timestamp(header.created_at).write_json(out);
        out.push(b',');
        text("app_version", header.app_version, out);
        text("engine", header.engine, out);
        out.extend_from_slice(b"\n\"schema\":{");
        for (position, (table, columns)) in header.tables.iter().enumerate() {
            out.extend_from_slice(if position == 0 { b"\n" } else { b",\n" });
            write_json_text(table, out);
            out.push(b':');
            // A list of names, words and truth values always has a JSON form.
            out.extend_from_slice(&serde_json::to_vec(columns).unwrap_or_default());
        }
        out.extend_from_slice(b"},\n");
        let mut digest = Sha256::new();
        digest.update(&out[start..]);
        out.extend_from_slice(b"\"tables\":{");
        Self {
            tables: header
                .tables
                .iter()
                .map(|(name, columns)| WriterTable::new(name, columns))
                .collect(),
            next: 0,
            rows: 0,
            digest: RowsDigest::default(),
            header: digest,
            summary: Summary::default(),
        }
    }

    /// Begins the next table of the header.
    pub fn begin_table(&mut self, out: &mut Vec<u8>) {
        let Some(table) = self.tables.get(self.next) else {
            return;
        };
        out.extend_from_slice(if self.next == 0 { b"\n" } else { b",\n" });
        write_json_text(&table.name, out);
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
        for (prefix, cell) in table.prefixes.iter().zip(cells) {
            out.extend_from_slice(prefix);
            cell.write_json(out);
        }
        out.push(b'}');
        for column in &mut table.decimals {
            if let Some(Cell::Decimal(value)) = cells.get(column.position) {
                column.total.add(value);
            }
        }
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
        self.summary.rows.insert(table.name.clone(), self.rows);
        self.summary.total += self.rows;
        self.summary.sha256.insert(table.name.clone(), digest);
        for column in &table.decimals {
            if let Some(total) = column.total.canonical() {
                self.summary
                    .totals
                    .insert(format!("{}.{}", table.name, column.name), total);
            }
        }
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

impl WriterTable {
    fn new(name: &str, columns: &[ColumnSchema<'_>]) -> Self {
        let prefixes = columns
            .iter()
            .enumerate()
            .map(|(position, column)| {
                let mut prefix = vec![if position == 0 { b'{' } else { b',' }];
                write_json_text(column.name, &mut prefix);
                prefix.push(b':');
                prefix
            })
            .collect();
        let decimals = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.kind == Kind::Decimal)
            .map(|(position, column)| DecimalColumn {
                position,
                name: column.name.to_owned(),
                total: Total::new(),
            })
            .collect();
        Self {
            name: name.to_owned(),
            prefixes,
            decimals,
        }
    }
}
