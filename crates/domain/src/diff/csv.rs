//! Differing rows as a CSV file: one line for each differing column.

use campus_backup_archive::digits::write_integer;
use serde_json::Value;

use super::merge::{Difference, DifferenceSink, compare};
use super::{DiffInput, DifferenceKind, DifferingRow};
use crate::account::Admin;
use crate::blocking;
use crate::catalog::{Table, TableScope};
use crate::error::{Error, Result};
use crate::export::{self, Body, ChunkSender, Coder, CsvOptions, Transfer, write_safe_text, write_text};
use crate::job::Progress;

/// The differences to write, and how.
#[derive(Clone, Copy, Debug)]
pub struct CsvRequest {
    /// The tables. In the scope of all tables, those that only one input has are left out.
    pub scope: TableScope,
    /// Only rows with this change; all if none is set.
    pub change: Option<DifferenceKind>,
    /// How CSV is written.
    pub csv: CsvOptions,
    /// How the bytes are sent.
    pub transfer: Transfer,
}

/// The headings.
const HEADINGS: [&[u8]; 6] = [b"table", b"id", b"change", b"field", b"from", b"to"];

/// Starts to write the differing rows as CSV, with the rules of all downloads (RFC 4180, NULL is an empty field, a text
/// that could run as a formula is made harmless). Values are written as in archives; hidden values are empty. An added or
/// removed row has a line for each column, a changed row one for each differing column.
///
/// It ends as every download (see [`export::download`]): the body ends cleanly only if everything was written and both
/// inputs were complete. Dropping the body stops the reading, and so does `abandoned`.
///
/// # Errors
/// As [`counts`](super::counts), or as an error of the body; [`Error::TableNotFound`] if an input does not have the requested table;
/// [`Error::SpoolFull`].
pub async fn csv(
    _: &Admin,
    from: &DiffInput,
    to: &DiffInput,
    settings: &export::ExportSettings,
    request: CsvRequest,
    abandoned: impl Future<Output = ()>,
) -> Result<Body> {
    let coder = Coder::new(request.transfer.coding)?;
    let (sender, receiver) = export::chunk_channel(settings.chunk_size, settings.stall_timeout, coder);
    let (from, to) = (from.clone(), to.clone());
    blocking::spawn(move || produce(from, to, request, sender));
    receiver
        .into_body(&settings.spool, request.transfer.length, abandoned)
        .await
}

async fn produce(from: DiffInput, to: DiffInput, request: CsvRequest, sender: ChunkSender) {
    let mut lines = CsvLines { request, sender };
    if request.csv.bom {
        lines.sender.buffer().extend_from_slice("\u{feff}".as_bytes());
    }
    let delimiter = request.csv.style.delimiter.byte();
    let out = lines.sender.buffer();
    out.extend_from_slice(&HEADINGS.join(&delimiter));
    out.extend_from_slice(b"\r\n");
    let compared = compare(&from, &to, request.scope, &Progress::default(), &mut lines).await;
    match compared {
        Ok(_) => lines.sender.end().await,
        Err(error) => lines.sender.fail(error).await,
    }
}

struct CsvLines {
    request: CsvRequest,
    sender: ChunkSender,
}

impl DifferenceSink for CsvLines {
    fn row(&mut self, difference: Difference<'_>) -> Result<()> {
        if self.request.change.is_some_and(|change| difference.change != change) {
            return Ok(());
        }
        let delimiter = self.request.csv.style.delimiter.byte();
        let table = difference.table;
        let row = DifferingRow::of(difference)?;
        for field in row.fields {
            let out = self.sender.buffer();
            out.extend_from_slice(table.name().as_bytes());
            out.push(delimiter);
            write_integer(row.id, out);
            out.push(delimiter);
            out.extend_from_slice(row.change.name().as_bytes());
            out.push(delimiter);
            write_text(field.column, out);
            for value in [field.from, field.to] {
                out.push(delimiter);
                write(value, self.request.csv, out)
                    .map_err(|problem| unexportable(table, row.id, field.column, problem))?;
            }
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        self.sender.flush_if_full().await
    }
}

fn write(value: Option<Value>, options: CsvOptions, out: &mut Vec<u8>) -> Result<(), &'static str> {
    match value {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) => write_safe_text(&text, options, out),
        // A native value, written as its engine writes it.
        Some(Value::Object(native)) => match native.get("native").and_then(Value::as_str) {
            Some(text) => write_safe_text(text, options, out),
            None => Ok(()),
        },
        Some(other) => {
            out.extend_from_slice(other.to_string().as_bytes());
            Ok(())
        }
    }
}

fn unexportable(table: Table, row: i64, column: &'static str, problem: &str) -> Error {
    Error::Unexportable {
        table,
        row,
        column,
        problem: problem.to_owned(),
    }
}
