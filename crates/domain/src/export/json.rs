//! JSON is the archive format, whether of all tables or of one.

use campus_backup_archive::{Cell, Header, Writer};

use super::{Encoder, demand_archivable};
use crate::catalog::Table;
use crate::error::Result;
use crate::snapshot::Selection;

pub(super) struct Json {
    writer: Writer,
    table: Table,
}

impl Json {
    pub(super) fn begin(header: &Header<'_>, out: &mut Vec<u8>) -> Self {
        Self {
            writer: Writer::begin(header, out),
            table: Table::Users,
        }
    }
}

impl Encoder for Json {
    fn selection(&self) -> Selection {
        Selection::Columns
    }

    fn begin_table(&mut self, table: Table, _: u64, out: &mut Vec<u8>) -> Result<()> {
        self.table = table;
        self.writer.begin_table(out);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) -> Result<()> {
        let before = out.len();
        self.writer.row(cells, out);
        demand_archivable(self.table, cells, out.len() - before)
    }

    fn end_table(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.writer.end_table(out);
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        self.writer.finish(out);
        Ok(())
    }
}
