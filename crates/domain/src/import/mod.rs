//! Importing the rows of a file into the live data, with a plan before anything changes.
//!
//! An import is a restore of rows that come from a file of a person. These are the rules that a restore does not have:
//!
//! - **Rows are found** by their id, if the file has a column for it and the row a value there. Other rows are found by the
//!   unique key of their table: the registration number of a student, the name of a course or a payment category, student and
//!   course of an enrollment, student, course and date of an attendance record. A payment without an id is found by its transaction
//!   id, if only one payment has it.
//! - **Absent columns** leave existing rows unchanged. A new row gets none, or the time of the plan for a time that must be there.
//! - **References** are ids, or the unique texts of the rows that are referred to. An unknown text is an error of its row.
//! - **Values that a file can't express** do not change: a time is compared at the precision of the file, and an empty cell is equal
//!   to an empty text and to none.
//! - **Errors** are errors of rows. Two rows of the file that are the same row of the table are both wrong. A row whose unique value
//!   another row of the table has is in conflict. If there is one error, nothing is imported, unless the request leaves out such
//!   rows.
//! - **Modes**: [`ImportMode`]. The modes of a restore do the same with the rows of an archive.
//! - **New ids** follow the greatest that the table ever had. If more ids have been generated since the plan, they are shifted.
//! - **Users** are never imported.
//!
//! The plan keeps its staging database, in a [`folder`] of the data folder. If the live rows are still those of the plan, which
//! its hash proves, the application only has to write the rows there. It then reads back and checks like a restore.
//!
//! In reading order: `request` is the request and the hash; [`read`] reads files; `folder` has the files of an import; `rows` writes
//! the rows of a file into the staging database, and `resolve` finds out what happens to each; `make` makes the [`plan`](ImportPlan),
//! and `samples` its lists; `apply` applies it; `errors` writes the wrong rows into a file; `template` has files to begin with.

mod apply;
mod errors;
pub(crate) mod folder;
mod make;
mod plan;
pub mod read;
mod request;
mod resolve;
mod rows;
mod samples;
mod template;

pub(crate) use apply::apply;
pub(crate) use errors::write_errors;
pub(crate) use folder::{ImportFolder, UnfinishedImport, sweep};
pub(crate) use make::NewPlan;
pub(crate) use plan::StoredImport;
pub use plan::{
    FieldChange, IgnoredColumn, ImportCounts, ImportMoney, ImportPlan, ImportTable, ImportedFile, MatchedColumn,
    RowChange, RowChangeKind, RowError,
};
pub(crate) use request::hash;
pub use request::{IMPORTABLE, ImportMode, ImportRequest};
pub use template::{TemplateFormat, template};

use crate::error::Error;
use read::ReadError;

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Service(error) => error,
            ReadError::File(fault) => Self::ImportUnreadable {
                detail: fault.detail,
                row: fault.row,
                column: fault.column,
            },
        }
    }
}
