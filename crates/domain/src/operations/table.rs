//! One table of an archive as a download.

use std::io::{self, Write};

use tokio::runtime::Handle;

use super::Operations;
use crate::account::Admin;
use crate::blocking;
use crate::catalog::{NameColumns, Table, TableScope};
use crate::error::Result;
use crate::export::{self, ArchivedFormat, ChunkSender, Coder, CsvOptions, Download, Format, Transfer};
use crate::open::{self, Extraction};

/// A table, and how to download it.
#[derive(Clone, Copy, Debug)]
pub struct TableRequest {
    /// The table.
    pub table: Table,
    /// The format.
    pub format: ArchivedFormat,
    /// How CSV is written.
    pub csv: CsvOptions,
    /// Whether CSV has names beside ids.
    pub names: NameColumns,
    /// How the bytes are sent.
    pub transfer: Transfer,
}

impl TableRequest {
    /// The format of its file.
    fn format(&self) -> Format {
        match self.format {
            ArchivedFormat::Csv => Format::Csv,
            ArchivedFormat::Json => Format::Json,
        }
    }

    /// See [`ExportRequest::ensure_scope`](export::ExportRequest::ensure_scope).
    ///
    /// # Errors
    /// [`Error::ScopeMissing`](crate::Error::ScopeMissing)
    pub fn ensure_scope(&self, admin: &Admin) -> Result<()> {
        export::ensure_scope(admin, TableScope::One(self.table), self.format())
    }
}

impl Operations {
    /// Starts the download of one table, byte for byte as the live download at the time of the backup. As every download it
    /// ends cleanly only if the archive is complete. Dropping the body stops the reading, and so does `abandoned`.
    ///
    /// # Errors
    /// [`Error::ScopeMissing`](crate::Error::ScopeMissing), see [`TableRequest::ensure_scope`]; those of
    /// [`Store::manifest`](crate::store::Store::manifest), [`Error::SpoolFull`](crate::Error::SpoolFull), and
    /// errors of the archive before the answer begins. Later errors are errors of the body.
    pub async fn table(
        &self,
        admin: &Admin,
        id: &str,
        request: TableRequest,
        settings: &export::ExportSettings,
        abandoned: impl Future<Output = ()>,
    ) -> Result<Download> {
        let format = request.format();
        request.ensure_scope(admin)?;
        let manifest = self.0.store.manifest(id).await?;
        let coder = Coder::new(request.transfer.coding)?;
        let (mut sender, receiver) = export::chunk_channel(settings.chunk_size, settings.stall_timeout, coder);
        let extraction = Extraction {
            table: request.table,
            format: request.format,
            csv: request.csv,
            names: request.names,
            time_zone: settings.time_zone,
        };
        let (source, keys) = (self.source(&manifest), self.0.settings.keys.clone());
        blocking::spawn(move || async move {
            let mut out = SenderWriter(&mut sender);
            let extracted = source
                .open()
                .and_then(|source| open::extract(source, &keys, extraction, &mut out));
            match extracted {
                Ok(_) => sender.end().await,
                Err(error) => sender.fail(error).await,
            }
        });
        Ok(Download {
            file_name: export::file_name(
                TableScope::One(request.table),
                format,
                manifest.created_at,
                settings.time_zone,
            ),
            media_type: format.media_type(),
            coding: request.transfer.coding,
            total_rows: manifest.rows.get(request.table.name()).copied().unwrap_or_default(),
            body: receiver
                .into_body(&settings.spool, request.transfer.length, abandoned)
                .await?,
        })
    }
}

/// Writes into the queue of a download, on a thread that may block.
struct SenderWriter<'a>(&'a mut ChunkSender);

impl Write for SenderWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.buffer().extend_from_slice(bytes);
        let flushed = blocking::wait(&Handle::current(), self.0.flush_if_full());
        flushed.map(|()| bytes.len()).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
