//! Restoring the rows of an archive into the live data.
//!
//! These are the rules. [`plan()`] shows their result in advance and [`apply()`] carries them out:
//!
//! - **Replace** gives the chosen tables exactly the rows of the archive. Other rows are removed, together with rows of
//!   other tables that refer to them, as in a clear. Differing rows are overwritten.
//! - **Merge** overwrites differing rows, inserts missing rows, and removes nothing.
//! - **Insert missing** inserts missing rows and changes no other row.
//! - A row is identified by its id. An archived row whose reference would be missing afterwards is an *orphan*. An archived
//!   row with a unique value (a registration number, a name, a place in a course) that another row of the outcome has is a
//!   *conflict*. Nothing is restored while there is either. Rows may exchange unique values, because only the outcome counts.
//! - **Entity** is one student with enrollments, payments and attendance. The modes apply to these rows only: an archived row
//!   whose id now belongs to another student is a conflict. Missing courses and payment categories that these rows
//!   refer to are inserted, too; existing ones stay unchanged.
//! - **Users**: the row of the acting administrator stays byte for byte, and no restore removes an administrator whom the
//!   archive does not have. Administrators whom the archive would disable stay active, unless the request says otherwise;
//!   `users` has the rest of the rule. An administrator without a row (the command line, an external identity provider) has
//!   none to keep; the other rules hold.
//! - Generated ids continue after the greatest that there ever was.
//!
//! The steps of a restore, in [`operations`](crate::operations):
//!
//! 1. The archive is read to its end and checked ([`open::check`](crate::open::check)).
//! 2. [`Change::begin`](crate::change::Change::begin) locks [`Restore::tables`] against other writers.
//! 3. A safety backup of the live data is created. Its summary gives the live digests for [`hash`], which must be the plan's.
//! 4. [`apply()`], and the commit.
//!
//! In reading order: `request` is the request and the [`RestoreContext`]; `staging` is the temporary database with live and
//! archived rows; `users` decides about accounts and `outcome` about every row; `administrators` names the administrators
//! whose accounts change; [`plan`](plan()) writes the sentences; `apply` changes the rows, and `written` reads them back.

mod administrators;
mod apply;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod request;
pub(crate) mod staging;
mod users;
pub(crate) mod written;

#[cfg(test)]
mod tests;

pub use administrators::{
    AccountChange, AccountChanges, Administrators, MAX_LISTED, changes_administrators, without_administrators,
};
pub(crate) use apply::apply_staged;
pub use apply::{Restored, RestoredTable, apply};
pub use outcome::TableOutcome;
pub use plan::{Blocker, BlockerCode, Money, Plan, Warning, WarningCode, plan};
pub use request::{Provenance, Restore, RestoreContext, RestoreMode, Scope, hash};
