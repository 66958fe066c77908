//! A database in a temporary folder.

use std::time::Duration;

use campus_backup_archive::Cell;
use sea_orm::ConnectionTrait as _;

use super::rows::{SampleRow, SampleRows, line};
use super::{settings, whole};
use crate::account::Admin;
use crate::catalog::{MAX_COLUMNS, NameColumns, Table, TableScope};
use crate::change::{self, Change, LoadMode};
use crate::database::{self, Database};
use crate::demo::{self, DemoAdmin};
use crate::error::Result;
use crate::export::{self, CsvOptions, Format, Transfer};
use crate::snapshot::{ReadStrategy, Selection, Sink, Snapshot};

/// An SQLite database in a folder that lives as long as this value.
pub(crate) struct School {
    pub(crate) database: Database,
    pub(crate) folder: tempfile::TempDir,
}

impl School {
    /// A school without a row.
    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = database::DatabaseSettings {
            url: format!("sqlite://{}", folder.path().join("school.db").display()),
            connections: 4,
            readers: 2,
            lock_timeout: Duration::from_secs(5),
        };
        let database = Database::connect(&settings).await.unwrap();
        database.migrate().await.unwrap();
        Self { database, folder }
    }

    /// The demo school of scale 1.
    pub(crate) async fn demo() -> Self {
        let school = Self::empty().await;
        let admin = DemoAdmin::New {
            username: "admin".to_owned(),
            password_hash: "!".to_owned(),
        };
        demo::fill(&school.database, 1, admin).await.unwrap();
        school
    }

    pub(crate) async fn with(rows: &SampleRows) -> Self {
        let school = Self::empty().await;
        school.fill(rows).await;
        school
    }

    /// Puts these rows in the place of all that are there.
    pub(crate) async fn fill(&self, rows: &SampleRows) {
        let mut change = Change::begin(&self.database, Table::ALL.to_vec(), "filling")
            .await
            .unwrap();
        change.empty(&Table::ALL).await.unwrap();
        for table in Table::ALL {
            let rows: Vec<_> = rows.of(table).collect();
            change
                .load(table, &mut Given(rows.into_iter()), LoadMode::InPlace)
                .await
                .unwrap();
        }
        change.commit().await.unwrap();
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.database.connection().execute_unprepared(sql).await.unwrap();
    }

    /// Every row as [`SampleRows::lines`] has it.
    pub(crate) async fn lines(&self) -> Vec<String> {
        let mut snapshot = Snapshot::take(&self.database, ReadStrategy::Native, &Table::ALL)
            .await
            .unwrap();
        let mut lines = Vec::new();
        for table in Table::ALL {
            snapshot
                .read(table, Selection::Columns, &mut LineSink(table, &mut lines))
                .await
                .unwrap();
        }
        snapshot.end().await.unwrap();
        lines
    }

    pub(crate) async fn download(&self, scope: TableScope, format: Format) -> Vec<u8> {
        let request = export::ExportRequest {
            scope,
            format,
            csv: CsvOptions::default(),
            names: NameColumns::Omitted,
            transfer: Transfer::default(),
        };
        let (admin, never) = (Admin::for_tests(), std::future::pending());
        let download = export::download(&admin, &self.database, &settings(), request, never).await;
        whole(download.unwrap().body).await.unwrap()
    }
}

/// Gives rows of the test.
struct Given<'a>(std::vec::IntoIter<&'a SampleRow>);

impl change::RowStream for Given<'_> {
    fn next<'c>(&'c mut self, cells: &mut [Cell<'c>; MAX_COLUMNS]) -> Result<bool> {
        let Some(row) = self.0.next() else { return Ok(false) };
        cells[..row.len()].copy_from_slice(row);
        Ok(true)
    }
}

struct LineSink<'a>(Table, &'a mut Vec<String>);

impl Sink for LineSink<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.1.push(line(self.0, cells));
        Ok(())
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        Ok(())
    }
}
