//! Restoring: what is in an archive comes back into the live data.
//!
//! The rule, which [`plan()`] foretells and [`apply()`] does:
//!
//! - **Replace** makes the chosen tables exactly what the archive has. Rows that it does not have are removed, and rows of
//!   other tables that hang on these go along, as in a clear. Rows that differ become what the archive has.
//! - **Merge** lets the archive win and removes nothing: rows that are missing come back, rows that differ become what they
//!   were.
//! - **Missing only** brings back rows that are missing and touches no other.
//! - A row is known by its id. A row of the archive whose reference would not be there afterwards is an *orphan*, and one
//!   that would have something (a registration number, a name, a place in a course) that another row of the outcome has and
//!   only one may have, is a *conflict*. Nothing is restored while there is either. Rows may exchange such values among
//!   themselves: what counts is the outcome.
//! - **Entity** is one student with enrollments, payments and attendance. The modes mean these rows and no others: a row of
//!   the archive whose id is now another student's is a conflict. Courses and payment categories that these rows refer
//!   to and that are missing come back, too; those that are there stay as they are.
//! - **Users**: the administrator who acts keeps their row byte for byte, and no restore removes an administrator whom the
//!   archive does not have. Whom the archive would disable stays active, unless the request asks for it; `users` has the rest
//!   of the rule. Who acts without a row of their own (the command line, an
//!   outside identity provider) has none to keep; the rest holds.
//! - Ids that are generated afterwards go on behind the greatest that there ever was.
//!
//! How it goes, for whoever puts it together: the archive is read to its end and checked ([`open::check`](crate::open::check));
//! [`Change::begin`](crate::change::Change::begin) locks [`Restore::tables`] against other writers; a safety archive is taken
//! of what is there, whose summary gives the live digests for [`hash`], which must be the plan's; then [`apply()`], and the
//! commit.
//!
//! In reading order: `request` is what is asked for; `stage` is the scratch database in which both sides lie; `users` decides about accounts, `outcome` about every row,
//! `administrators` names those whose accounts change; [`plan`](plan()) puts that into
//! words, `apply` does it, and `written` reads it back.

mod administrators;
mod apply;
mod outcome;
mod plan;
mod request;
pub(crate) mod stage;
mod users;
mod written;

#[cfg(test)]
mod tests;

pub use administrators::{
    AccountChange, AccountChanges, Administrators, MAX_LISTED, changes_administrators, without_administrators,
};
pub use apply::{Restored, RestoredTable, apply};
pub use outcome::TableOutcome;
pub use plan::{Blocker, BlockerCode, Money, Plan, Warning, WarningCode, plan};
pub use request::{Mode, Provenance, Restore, Scope, hash};
