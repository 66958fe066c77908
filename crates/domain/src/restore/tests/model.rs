//! A model of the rules, in memory and as simple as possible.

use std::collections::{BTreeMap, BTreeSet};

use campus_backup_archive::Cell;

use super::super::{Restore, RestoreMode, Scope};
use crate::catalog::Table;
use crate::sample::{SampleRow, SampleRows, id, integer};

/// Why the model does not restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoRow,
    Blocked,
}

/// The expected outcome of a restore, or its refusal.
pub(super) fn restored(
    live: &SampleRows,
    archive: &SampleRows,
    request: &Restore,
    acting: Option<i64>,
) -> Result<SampleRows, Refusal> {
    let mut archive = archive.clone();
    let mut kept = BTreeSet::new();
    let student = match &request.scope {
        Scope::Entity { id, .. } => Some(*id),
        _ => None,
    };
    if let Some(student) = student {
        archive.row(Table::Students, student).ok_or(Refusal::NoRow)?;
        only_of(&mut archive, live, student);
    }
    if is_target(request, Table::Users) {
        kept = settle(live, &mut archive, request, acting);
    }
    let mut outcome = live.clone();
    let mut written: BTreeMap<Table, BTreeSet<i64>> = BTreeMap::new();
    let mut blocked = false;
    for table in Table::ALL.into_iter().filter(|table| is_target(request, *table)) {
        let in_scope = |row: &SampleRow| match (student, table) {
            (None, Table::Users) => !kept.contains(&id(row)),
            (None, _) => true,
            (Some(student), Table::Students) => id(row) == student,
            (Some(_), Table::Courses | Table::PaymentCategories) => false,
            (Some(student), _) => integer(&row[1]) == student,
        };
        if request.mode == RestoreMode::Replace {
            for row in live.of(table).filter(|row| in_scope(row)) {
                if archive.row(table, id(row)).is_none() {
                    outcome.take(table, id(row));
                }
            }
        }
        for row in archive.of(table) {
            match live.row(table, id(row)) {
                Some(there) if !in_scope(there) => blocked = true,
                Some(there) if there == row || request.mode == RestoreMode::InsertMissing => {}
                _ => {
                    outcome.put(table, row.clone());
                    written.entry(table).or_default().insert(id(row));
                }
            }
        }
    }
    // Rows that refer to removed rows are removed, too, in tables that are not restored; in other tables they are orphans.
    for table in Table::ALL {
        for row in outcome.clone().of(table) {
            let orphan = table.references().iter().any(|reference| {
                let key = integer(&row[reference.position]);
                outcome.row(reference.table, key).is_none()
            });
            if orphan && is_target(request, table) {
                blocked = true;
            } else if orphan {
                outcome.take(table, id(row));
            }
        }
    }
    for table in Table::ALL {
        let mut seen: BTreeMap<String, i64> = BTreeMap::new();
        for row in outcome.of(table) {
            let key = key(table, row);
            if !key.is_empty() && seen.insert(key, id(row)).is_some() {
                blocked = true;
            }
        }
    }
    if blocked { Err(Refusal::Blocked) } else { Ok(outcome) }
}

pub(super) fn is_target(request: &Restore, table: Table) -> bool {
    match &request.scope {
        Scope::All => true,
        Scope::Tables(tables) => tables.contains(&table),
        Scope::Entity { .. } => table != Table::Users,
    }
}

pub(super) fn key(table: Table, row: &SampleRow) -> String {
    let columns = table.columns().iter().zip(row);
    let columns = columns.filter(|(column, _)| table.unique_key().contains(&column.name));
    columns.map(|(_, cell)| format!("{cell:?} ")).collect()
}

/// Keeps only one student's rows of an archive, and the missing courses and categories that they refer to.
fn only_of(archive: &mut SampleRows, live: &SampleRows, student: i64) {
    let whole = archive.clone();
    *archive = SampleRows::default();
    for table in [Table::Enrollments, Table::Payments, Table::Attendance] {
        for row in whole.of(table).filter(|row| integer(&row[1]) == student) {
            archive.put(table, row.clone());
            let target = table.references()[1].table;
            let referred = integer(&row[2]);
            if live.row(target, referred).is_none()
                && let Some(row) = whole.row(target, referred)
            {
                archive.put(target, row.clone());
            }
        }
    }
    archive.put(Table::Students, whole.row(Table::Students, student).unwrap().clone());
}

fn settle(live: &SampleRows, archive: &mut SampleRows, request: &Restore, acting: Option<i64>) -> BTreeSet<i64> {
    let mode = request.mode;
    let name = |row: &SampleRow| row[1];
    let archived: Vec<SampleRow> = archive.of(Table::Users).cloned().collect();
    let mut kept: BTreeSet<i64> = live
        .of(Table::Users)
        .filter(|row| {
            let is_admin = |row: &SampleRow| row[4] == Cell::Text("admin");
            let other = archived.iter().find(|other| name(other) == name(row));
            let is_left = match other {
                None => is_admin(row),
                // All users of these schools are active.
                Some(other) => {
                    is_admin(row)
                        && !is_admin(other)
                        && !request.disable_administrators
                        && mode != RestoreMode::InsertMissing
                }
            };
            Some(id(row)) == acting || is_left
        })
        .map(id)
        .collect();
    loop {
        let more: BTreeSet<i64> = archived
            .iter()
            .filter(|row| kept.contains(&id(row)))
            .flat_map(|row| live.of(Table::Users).filter(|there| name(there) == name(row)))
            .map(id)
            .collect();
        if mode == RestoreMode::Replace || more.is_subset(&kept) {
            break;
        }
        kept.extend(more);
    }
    let names: Vec<_> = kept
        .iter()
        .map(|id| name(live.row(Table::Users, *id).unwrap()))
        .collect();
    for row in archived.iter().filter(|row| names.contains(&name(row))) {
        archive.take(Table::Users, id(row));
    }
    let ids = live.of(Table::Users).chain(archive.of(Table::Users)).map(id);
    let mut next = ids.max().unwrap_or_default();
    for old in kept.iter() {
        if let Some(mut row) = archive.take(Table::Users, *old) {
            next += 1;
            row[0] = Cell::Integer(next);
            archive.put(Table::Users, row);
        }
    }
    kept
}
