//! Everything in an archive before its rows.

use chrono::{DateTime, Utc};

use crate::FORMAT;
use crate::limits::Limits;
use crate::schema::{Column, Schema, TableSchema};
use crate::value::{Cell, write_json_text};
use crate::version::Version;
use crate::writer::Header;

/// The header of an archive of any version, as a reader returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveHeader {
    /// The version of the format.
    pub version: Version,
    /// The moment of the data.
    pub created_at: DateTime<Utc>,
    /// The version of the program that wrote it.
    pub app_version: String,
    /// The engine of the rows.
    pub engine: String,
    /// SHA-256 of the description of the database, in lower-case hexadecimal. Empty in version 1, which has none.
    pub catalog: String,
    /// The tables and their columns.
    pub schema: Schema,
}

/// A description of tables that can't be in an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} can't be in an archive: {problem}", table.as_deref().map_or_else(|| "the header".to_owned(), |table| format!("the table {table}")))]
pub struct HeaderError {
    /// The table, if the fault is one of a table.
    pub table: Option<String>,
    /// What is wrong.
    pub problem: &'static str,
}

impl ArchiveHeader {
    /// Ensures that a reader accepts this header.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn check(&self) -> Result<(), HeaderError> {
        let limits = Limits::of(self.version);
        let fault = |table: Option<&TableSchema>, problem| {
            Err(HeaderError {
                table: table.map(|table| table.name.clone()),
                problem,
            })
        };
        if self.app_version.len().max(self.engine.len()) > limits.header_text_bytes {
            return fault(None, "a text of the header is too long");
        }
        if self.app_version.contains('\0') || self.engine.contains('\0') {
            return fault(None, "a NUL in a text");
        }
        if !is_catalog(&self.catalog, self.version) {
            return fault(None, NO_CATALOG);
        }
        if self.schema.tables.len() > limits.tables {
            return fault(None, "too many tables");
        }
        if let Some(problem) = self.schema.repeated_table() {
            return fault(Some(problem), "a table occurs twice");
        }
        let mut bytes = 0;
        for table in &self.schema.tables {
            if table.columns.len() > limits.columns {
                return fault(Some(table), "too many columns");
            }
            let problem = table.name_problem(self.version);
            if let Some(problem) = problem.or_else(|| table.structure_problem(self.version)) {
                return fault(Some(table), problem);
            }
            let mut line = Vec::new();
            table.write(self.version, &mut line);
            bytes += line.len() as u64;
            if bytes > limits.schema_bytes {
                return fault(Some(table), "the description of the tables is too long");
            }
        }
        Ok(())
    }

    /// Appends everything before the line that begins the tables.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let text = |key: &str, value: &str, out: &mut Vec<u8>| {
            write_json_text(key, out);
            out.push(b':');
            write_json_text(value, out);
            out.push(b',');
        };
        out.push(b'{');
        text("format", FORMAT, out);
        out.extend_from_slice(format!("\"version\":{},\"created_at\":", self.version).as_bytes());
        Cell::Timestamp(self.created_at).write_json(out);
        out.push(b',');
        text("app_version", &self.app_version, out);
        text("engine", &self.engine, out);
        if self.version >= Version::Two {
            text("catalog", &self.catalog, out);
        }
        out.extend_from_slice(b"\n\"schema\":{");
        for (position, table) in self.schema.tables.iter().enumerate() {
            out.extend_from_slice(if position == 0 { b"\n" } else { b",\n" });
            table.write(self.version, out);
        }
        out.extend_from_slice(b"},\n");
    }
}

/// Of version 1.
impl From<&Header<'_>> for ArchiveHeader {
    fn from(header: &Header<'_>) -> Self {
        let tables = header.tables.iter().map(|(name, columns)| {
            let columns = columns.iter().map(|column| Column {
                name: column.name.to_owned(),
                kind: column.kind,
                nullable: column.nullable,
                native: String::new(),
                has_total: false,
            });
            TableSchema::with_id((*name).to_owned(), columns.collect())
        });
        Self {
            version: Version::One,
            created_at: header.created_at,
            app_version: header.app_version.to_owned(),
            engine: header.engine.to_owned(),
            catalog: String::new(),
            schema: Schema {
                tables: tables.collect(),
            },
        }
    }
}

pub(crate) const NO_CATALOG: &str = "the digest of the catalogue is not a SHA-256 in lower-case hexadecimal";

pub(crate) fn is_catalog(text: &str, version: Version) -> bool {
    match version {
        Version::One => text.is_empty(),
        Version::Two => text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
    }
}
