//! Events as CSV and as JSON Lines, oldest first.

use super::list::AuditPages;
use super::{Audit, AuditFilter, AuditRecord};
use crate::account::Admin;
use crate::blocking;
use crate::error::{Error, Result};
use crate::export::{self, Body, ChunkSender, Coder, CsvOptions, Transfer, write_safe_text, write_text};

/// The form of exported events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFormat {
    /// RFC 4180, for spreadsheets.
    Csv(CsvOptions),
    /// One JSON object in a line, for programs and for the verification of the hashes.
    JsonLines,
}

/// The headings of CSV.
pub const CSV_COLUMNS: [&str; 15] = [
    "id", "at", "event", "result", "username", "user_id", "method", "token_id", "client", "subject", "table", "status",
    "reason", "details", "hash",
];

/// The byte order mark, without which Excel misreads UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

impl AuditFormat {
    /// Appends what comes before the first event.
    pub fn begin(self, out: &mut Vec<u8>) {
        let Self::Csv(options) = self else { return };
        if options.bom {
            out.extend_from_slice(BOM);
        }
        for (position, column) in CSV_COLUMNS.iter().enumerate() {
            if position > 0 {
                out.push(options.style.delimiter.byte());
            }
            write_text(column, out);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Appends one event.
    ///
    /// # Errors
    /// [`Error::Internal`] if an event has no JSON form, or a text with a NUL character.
    pub fn write(self, event: &AuditRecord, out: &mut Vec<u8>) -> Result<()> {
        let doing = "writing events of the audit";
        match self {
            Self::JsonLines => {
                serde_json::to_writer(&mut *out, event).map_err(Error::internal(doing))?;
                out.push(b'\n');
                Ok(())
            }
            Self::Csv(options) => write_line(event, options, out).map_err(Error::internal(doing)),
        }
    }
}

fn write_line(event: &AuditRecord, options: CsvOptions, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    let fields = [
        number(Some(event.id)),
        Some(event.at.clone()),
        Some(event.event.clone()),
        Some(event.result.clone()),
        event.username.clone(),
        number(event.user_id),
        event.method.clone(),
        number(event.token_id),
        event.client.clone(),
        event.subject.clone(),
        event.table.clone(),
        number(event.status.map(i64::from)),
        event.reason.clone(),
        event.details.as_ref().map(ToString::to_string),
        Some(event.hash.clone()),
    ];
    for (position, field) in fields.iter().enumerate() {
        if position > 0 {
            out.push(options.style.delimiter.byte());
        }
        if let Some(field) = field {
            write_safe_text(field, options, out)?;
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

impl Audit {
    /// Starts to write the events of a filter, oldest first. The memory does not grow with their number. The body ends cleanly
    /// only if everything was written, as with every download (see [`export::download`]).
    ///
    /// # Errors
    /// As [`Audit::list`], or as an error of the body.
    pub async fn export(
        &self,
        admin: &Admin,
        filter: AuditFilter,
        format: AuditFormat,
        settings: &export::ExportSettings,
        transfer: Transfer,
        abandoned: impl Future<Output = ()>,
    ) -> Result<Body> {
        let pages = self.pages(admin, filter).await?;
        let coder = Coder::new(transfer.coding)?;
        let (sender, receiver) = export::chunk_channel(settings.chunk_size, settings.stall_timeout, coder);
        blocking::spawn(move || produce(pages, format, sender));
        receiver.into_body(&settings.spool, transfer.length, abandoned).await
    }
}

async fn produce(mut pages: AuditPages, format: AuditFormat, mut sender: ChunkSender) {
    format.begin(sender.buffer());
    let written: Result<()> = async {
        while let Some(events) = pages.next().await? {
            for event in &events {
                format.write(event, sender.buffer())?;
            }
            sender.flush_if_full().await?;
        }
        Ok(())
    }
    .await;
    match written {
        Ok(()) => sender.end().await,
        Err(error) => sender.fail(error).await,
    }
}
