//! JSON is the archive format, whether of all tables or of one.

use campus_backup_archive::{Cell, Header, Writer};

use super::Encoder;
use crate::catalog::Table;
use crate::error::Result;
use crate::snapshot::Selection;

pub(super) struct Json(Writer);

impl Json {
    pub(super) fn begin(header: &Header<'_>, out: &mut Vec<u8>) -> Self {
        Self(Writer::begin(header, out))
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
