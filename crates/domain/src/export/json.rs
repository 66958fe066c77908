//! JSON is the archive format, whether of all tables or of one.

use campus_backup_archive::{Cell, ColumnSchema, Header, Writer};

use super::Encoder;
use crate::catalog::Table;
use crate::error::Result;
use crate::snapshot::{Selection, Snapshot};

pub(super) struct Json(Writer);

impl Json {
    pub(super) fn begin(snapshot: &Snapshot, app_version: &str, tables: &[Table], out: &mut Vec<u8>) -> Self {
        let schema = |table: &Table| {
            table
                .columns()
                .iter()
                .map(|column| ColumnSchema {
                    name: column.name,
                    kind: column.kind,
                    nullable: column.nullable,
                })
                .collect()
        };
        let header = Header {
            created_at: snapshot.taken_at(),
            app_version,
            engine: snapshot.engine().name(),
            tables: tables.iter().map(|table| (table.name(), schema(table))).collect(),
        };
        Self(Writer::begin(&header, out))
    }
}

impl Encoder for Json {
    fn selection(&self) -> Selection {
        Selection::Columns
    }

    fn begin_table(&mut self, _: Table, _: u64, out: &mut Vec<u8>) -> Result<()> {
        self.0.begin_table(out);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) -> Result<()> {
        self.0.row(cells, out);
        Ok(())
    }

    fn end_table(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.0.end_table(out);
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        self.0.finish(out);
        Ok(())
    }
}
