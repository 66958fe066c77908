//! The rows that differ as a file: a line for each column that differs.

use campus_backup_archive::digits::write_integer;
use serde_json::Value;

use super::merge::{Difference, Found, compare};
use super::{Change, Row, Side, Values};
use crate::account::Admin;
use crate::catalog::{Scope, Table};
use crate::error::{Error, Result};
use crate::export::{self, Body, ChunkSender, Coder, CsvOptions, Transfer, write_safe_text, write_text};
use crate::job::Progress;

/// What to write, and how.
#[derive(Clone, Copy, Debug)]
pub struct CsvRequest {
    /// Which tables. Of all of them those are left out that only one side has.
    pub scope: Scope,
    /// Rows that differ in this way; in any, if none is named.
    pub change: Option<Change>,
    /// How CSV is written.
    pub csv: CsvOptions,
    /// How the bytes are sent.
    pub transfer: Transfer,
}

/// The headings.
const HEADINGS: [&[u8]; 6] = [b"table", b"id", b"change", b"field", b"from", b"to"];

/// Begins to write the rows that differ as CSV, with the rules of all downloads (RFC 4180, NULL is an empty field, a text
/// that would run as a formula is made harmless). Values stand as archives write them, and those that nobody is shown are
/// left empty. Of an added or a removed row each column is a line, of a changed one each column that differs.
///
/// It answers and ends as every download (see [`export::download`]): the body ends cleanly only if everything was
/// written and both sides were whole. Dropping the body ends the reading, and so does `abandoned`.
///
/// # Errors
/// As [`counts`](super::counts), or as an error of the body; [`Error::TableNotFound`] if a side does not have the one table;
/// [`Error::SpoolFull`].
pub async fn csv(
    _: &Admin,
    from: &Side,
    to: &Side,
    settings: &export::ExportSettings,
    request: CsvRequest,
    abandoned: impl Future<Output = ()>,
) -> Result<Body> {
    let coder = Coder::new(request.transfer.coding)?;
    let (outlet, incoming) = export::chunk_channel(settings.chunk_size, settings.stall_timeout, coder);
    let (from, to) = (from.clone(), to.clone());
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(produce(from, to, request, outlet)));
    incoming
        .into_body(&settings.spool, request.transfer.length, abandoned)
        .await
}

async fn produce(from: Side, to: Side, request: CsvRequest, outlet: ChunkSender) {
    let mut lines = Lines { request, outlet };
    if request.csv.bom {
        lines.outlet.buffer().extend_from_slice("\u{feff}".as_bytes());
    }
    let delimiter = request.csv.style.delimiter.byte();
    let out = lines.outlet.buffer();
    out.extend_from_slice(&HEADINGS.join(&delimiter));
    out.extend_from_slice(b"\r\n");
    let compared = compare(&from, &to, request.scope, &Progress::default(), &mut lines).await;
    match compared {
        Ok(_) => lines.outlet.end().await,
        Err(error) => lines.outlet.fail(error).await,
    }
}

struct Lines {
    request: CsvRequest,
    outlet: ChunkSender,
}

impl Found for Lines {
    fn found(&mut self, difference: Difference<'_>) -> Result<()> {
        if self.request.change.is_some_and(|change| difference.change != change) {
            return Ok(());
        }
        let delimiter = self.request.csv.style.delimiter.byte();
        let table = difference.table;
        let row = Row::of(difference)?;
        for field in row.fields {
            let out = self.outlet.buffer();
            out.extend_from_slice(table.name().as_bytes());
            out.push(delimiter);
            write_integer(row.id, out);
            out.push(delimiter);
            out.extend_from_slice(row.change.name().as_bytes());
            out.push(delimiter);
            write_text(field.column, out);
            let (from, to) = match field.values {
                Values::Shown { from, to } => (from, to),
                Values::Hidden => (None, None),
            };
            for value in [from, to] {
                out.push(delimiter);
                write(value, self.request.csv, out)
                    .map_err(|problem| unexportable(table, row.id, field.column, problem))?;
            }
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        self.outlet.flush_if_full().await
    }
}

fn write(value: Option<Value>, options: CsvOptions, out: &mut Vec<u8>) -> Result<(), &'static str> {
    match value {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) => write_safe_text(&text, options, out),
        // A native value, shown as its engine has it.
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
