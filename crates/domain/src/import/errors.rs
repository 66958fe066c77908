//! The rows of an import that are wrong or in conflict, as a CSV file that can be corrected and sent again.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::path::Path;

use super::folder::ImportFolder;
use super::plan::StoredImport;
use super::read::{self, FileSource};
use crate::error::{Error, Result};
use crate::export::Delimiter;
use crate::export::text::{guard, unguard};
use crate::job::Progress;
use crate::restore::staging::{Staging, failed};
use crate::statement::{Statement, StatementValue};

/// What is being done, for errors.
const DOING: &str = "writing the errors of an import";

/// The heading of the column with the reasons. An import ignores it.
const REASON: &str = "Reason";

/// Writes the wrong rows with the columns of the file and a further one, into a file that is then at its beginning. Memory does not
/// grow with the rows.
///
/// # Errors
/// [`Error::ImportGone`] if the file is no longer there; [`Error::InsufficientStorage`].
pub(crate) async fn write_errors(
    folder: &ImportFolder,
    stored: &StoredImport,
    scratch: &Path,
    file: File,
    progress: &Progress,
) -> Result<File> {
    let (path, saved) = (folder.file(), folder.staging());
    if !path.is_file() || !saved.is_file() {
        return Err(Error::ImportGone);
    }
    let source = FileSource {
        path: &path,
        table: stored.plan.table,
        zone: stored.time_zone.parse().map_err(Error::internal(DOING))?,
        options: &stored.request.reading,
    };
    let mut staging = Staging::beside(scratch, &saved).await?;
    let mut handle = staging.lock().await?;
    let sql = "SELECT row, group_concat(CASE WHEN heading IS NULL THEN reason ELSE heading || ': ' || reason END, ' ') \
               FROM (SELECT * FROM e ORDER BY row, rowid) GROUP BY row ORDER BY row";
    let reasons = std::cell::RefCell::new(WrongRows {
        statement: Statement::prepare(&mut handle, sql).map_err(failed)?,
        current: None,
        has_ended: false,
    });
    let mut csv = CsvFile(BufWriter::new(file));
    csv.bom()?;
    csv.row(stored.headings.iter().map(String::as_str).chain([REASON]))?;
    let mut failure = None;
    let mut is_wanted = |row| match reasons.borrow_mut().is_wrong(row) {
        Ok(is_wrong) => is_wrong,
        Err(error) => {
            failure = Some(error);
            false
        }
    };
    let mut receive = |_: u64, cells: &[&str]| {
        progress.advance(0)?;
        let reasons = reasons.borrow();
        csv.row(cells.iter().copied().chain([reasons.reason()]))
    };
    read::read_raw(&source, &mut is_wanted, &mut receive)?;
    match failure {
        Some(error) => Err(error),
        None => csv.finish(),
    }
}

/// The wrong rows, in the order of the file, with their reasons.
struct WrongRows<'h> {
    statement: Statement<'h>,
    current: Option<(u64, String)>,
    has_ended: bool,
}

impl WrongRows<'_> {
    /// Whether a row is wrong. Rows are asked for in the order of the file.
    fn is_wrong(&mut self, row: u64) -> Result<bool> {
        while !self.has_ended && self.current.as_ref().is_none_or(|(current, _)| *current < row) {
            self.current = match self.statement.step().map_err(failed)? {
                None => None,
                Some(found) => match (found.value(0), found.value(1)) {
                    (StatementValue::Integer(row), StatementValue::Text(reason)) => {
                        Some((row.unsigned_abs(), String::from_utf8_lossy(reason).into_owned()))
                    }
                    _ => return Err(Error::internal(DOING)("an error was read back with other types")),
                },
            };
            self.has_ended = self.current.is_none();
        }
        Ok(self.current.as_ref().is_some_and(|(current, _)| *current == row))
    }

    fn reason(&self) -> &str {
        self.current.as_ref().map_or("", |(_, reason)| reason)
    }
}

/// A CSV file as in RFC 4180, like a download.
struct CsvFile(BufWriter<File>);

impl CsvFile {
    fn bom(&mut self) -> Result<()> {
        self.write("\u{feff}".as_bytes())
    }

    /// Writes a row. Texts that a spreadsheet would run as a formula are made harmless, unless they are already.
    fn row<'a>(&mut self, cells: impl Iterator<Item = &'a str>) -> Result<()> {
        for (position, cell) in cells.enumerate() {
            if position > 0 {
                self.write(b",")?;
            }
            let bare = unguard(cell, Delimiter::Comma);
            let text = guard(&bare, Delimiter::Comma);
            match text.contains([',', ';', '\t', '"', '\r', '\n']) {
                true => {
                    let quoted = format!("\"{}\"", text.replace('"', "\"\""));
                    self.write(quoted.as_bytes())?;
                }
                false => self.write(text.as_bytes())?,
            }
        }
        self.write(b"\r\n")
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).map_err(Error::io(DOING))
    }

    /// The whole file, at its beginning.
    fn finish(self) -> Result<File> {
        let file = self.0.into_inner().map_err(io::IntoInnerError::into_error);
        let rewound = file.and_then(|mut file| file.rewind().map(|()| file));
        rewound.map_err(Error::io(DOING))
    }
}
