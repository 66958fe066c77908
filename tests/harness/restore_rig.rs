//! Restores into a database with an administrator, by direct calls of the domain.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use campus_backup_archive::{Cell, Header, Keys, Limits, Reader, Summary, Writer};
use campus_backup_domain::account::{self, Accounts, Admin};
use campus_backup_domain::catalog::{NameColumns, TableScope};
use campus_backup_domain::change::Change;
use campus_backup_domain::export::{self, CsvOptions, Format, Transfer};
use campus_backup_domain::job::Progress;
use campus_backup_domain::open::ArchiveSource;
use campus_backup_domain::restore::{self, Plan, Provenance, Restore, RestoreContext, RestoreMode, Restored, Scope};
use campus_backup_domain::{Database, Result, Table};
use futures_util::StreamExt as _;

use crate::Scratch;
use crate::service::JWT_SECRET;

/// An archive in memory.
#[derive(Clone)]
pub struct Archive(Arc<Vec<u8>>);

impl ArchiveSource for Archive {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(std::io::Cursor::new(self.0.as_ref().clone())))
    }
}

impl Archive {
    pub fn bytes(&self) -> Vec<u8> {
        self.0.as_ref().clone()
    }

    pub fn summary(&self) -> Summary {
        let reader = Reader::open(self.open().unwrap(), &Keys::none(), Limits::default());
        reader.unwrap().finish().unwrap()
    }

    /// The same archive with some rows changed, or removed where `change` returns false.
    pub fn rewritten(&self, change: impl Fn(&str, &mut Vec<Cell<'_>>) -> bool) -> Self {
        let mut reader = Reader::open(self.open().unwrap(), &Keys::none(), Limits::default()).unwrap();
        let said = reader.header().clone();
        let schema = said.schema.tables.iter().map(|table| {
            let columns = table.columns.iter().map(|column| campus_backup_archive::ColumnSchema {
                name: &column.name,
                kind: column.kind,
                nullable: column.nullable,
            });
            (table.name.as_str(), columns.collect())
        });
        let header = Header {
            created_at: said.created_at,
            app_version: &said.app_version,
            engine: &said.engine,
            tables: schema.collect(),
        };
        let mut bytes = Vec::new();
        let mut writer = Writer::begin(&header, &mut bytes);
        while let Some(table) = reader.next_table().unwrap() {
            writer.begin_table(&mut bytes);
            while let Some(row) = reader.next_row().unwrap() {
                let mut cells = row.cells().to_vec();
                if change(&table.name, &mut cells) {
                    writer.row(&cells, &mut bytes);
                }
            }
            writer.end_table(&mut bytes);
        }
        writer.finish(&mut bytes);
        Self(Arc::new(bytes))
    }
}

/// A database, connected as the service connects to it.
pub struct RestorePlace<'a> {
    pub scratch: &'a Scratch,
    pub database: Database,
    pub admin: Admin,
}

impl<'a> RestorePlace<'a> {
    /// Connects, with the user `admin`, who must exist, as the administrator.
    pub async fn on(scratch: &'a Scratch) -> Self {
        let database = scratch.database().await;
        let settings = account::AccountSettings::new(JWT_SECRET.as_bytes().to_vec().into(), "the tests".to_owned());
        let accounts = Accounts::new(database.clone(), settings).unwrap();
        let issued = accounts.issue_token("admin", Duration::from_secs(600)).await.unwrap();
        let admin = accounts
            .authenticate(&issued.access_token)
            .await
            .unwrap()
            .admin()
            .unwrap();
        Self {
            scratch,
            database,
            admin,
        }
    }

    pub async fn archive(&self) -> Archive {
        Archive(Arc::new(self.export(TableScope::All, Format::Json).await))
    }

    /// A download.
    pub async fn export(&self, scope: TableScope, format: Format) -> Vec<u8> {
        let settings = export::ExportSettings {
            time_zone: chrono_tz::UTC,
            chunk_size: 65_536,
            stall_timeout: Duration::from_secs(10),
            app_version: "1.2.3",
            spool: export::SpoolSpace::new(std::env::temp_dir(), 64 << 20),
        };
        let request = export::ExportRequest {
            scope,
            format,
            csv: CsvOptions::default(),
            names: NameColumns::Omitted,
            transfer: Transfer::default(),
        };
        let download = export::download(&self.admin, &self.database, &settings, request, std::future::pending());
        let mut body = download.await.unwrap().body;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.unwrap());
        }
        bytes
    }

    pub async fn digests(&self) -> BTreeMap<String, String> {
        self.archive().await.summary().sha256
    }

    pub async fn plan(&self, archive: &Archive, request: &Restore) -> Result<Plan> {
        let (keys, progress) = (Keys::none(), Progress::default());
        restore::plan(&self.context(archive, request, &keys, &progress)).await
    }

    fn context<'c>(
        &'c self,
        archive: &'c Archive,
        request: &'c Restore,
        keys: &'c Keys,
        progress: &'c Progress,
    ) -> RestoreContext<'c> {
        RestoreContext {
            admin: &self.admin,
            database: &self.database,
            source: archive,
            keys,
            request,
            provenance: Provenance::Unknown,
            scratch: self.scratch.folder(),
            progress,
        }
    }

    pub async fn begin(&self, request: &Restore) -> Result<Change> {
        Change::begin(&self.database, request.tables(), "restoring").await
    }

    pub async fn apply(&self, change: &mut Change, archive: &Archive, request: &Restore) -> Result<Restored> {
        let (keys, progress) = (Keys::none(), Progress::default());
        let context = self.context(archive, request, &keys, &progress);
        restore::apply(&context, change, &archive.summary()).await
    }

    /// All steps of a restore except the safety backup.
    pub async fn restore(&self, archive: &Archive, request: &Restore) -> Result<Restored> {
        let mut change = self.begin(request).await?;
        let restored = self.apply(&mut change, archive, request).await?;
        change.commit().await?;
        Ok(restored)
    }
}

pub fn everything(mode: RestoreMode) -> Restore {
    Restore {
        scope: Scope::All,
        mode,
        disable_administrators: false,
    }
}

pub fn one(table: Table, mode: RestoreMode) -> Restore {
    Restore {
        scope: Scope::Tables([table].into()),
        mode,
        disable_administrators: false,
    }
}

pub fn student(id: i64, mode: RestoreMode) -> Restore {
    Restore {
        scope: Scope::Entity {
            table: Table::Students,
            id,
        },
        mode,
        disable_administrators: false,
    }
}
