//! The first changes and errors of a plan, for people.

use campus_backup_archive::{Cell, Kind};
use sea_orm::sqlx::sqlite::LockedSqliteHandle;

use super::plan::{FieldChange, GeneratedIds, MAX_NAMED, RowChange, RowChangeKind, RowError};
use super::request::ImportMode;
use crate::catalog::{Column, Table, cells};
use crate::change::RowStream as _;
use crate::error::Result;
use crate::restore::outcome::RowAction;
use crate::restore::staging::{RowSource, StagedRows, Staging};

/// How many characters of a value are shown.
const MAX_SHOWN: usize = 200;

/// The first changes.
pub(super) async fn changes(
    staging: &mut Staging,
    table: Table,
    mode: ImportMode,
    generated: Option<&GeneratedIds>,
) -> Result<Vec<RowChange>> {
    let mut found: Vec<(Option<i64>, i64, RowChangeKind)> = Vec::new();
    let of_file = format!(
        "SELECT m.row, m.id, x.action = {} FROM m CROSS JOIN x_{table} x ON x.id = m.id \
         WHERE x.action IN ({}) AND m.row NOT IN (SELECT row FROM w) ORDER BY m.row LIMIT {MAX_NAMED}",
        RowAction::Insert,
        RowAction::write()
    );
    staging
        .each(&of_file, |(row, id, is_new): (i64, i64, bool)| {
            let kind = if is_new {
                RowChangeKind::New
            } else {
                RowChangeKind::Changed
            };
            found.push((Some(row), id, kind));
        })
        .await?;
    if mode == ImportMode::Replace && found.len() < MAX_NAMED {
        let removed = format!(
            "SELECT id FROM x_{table} WHERE action = {} ORDER BY id LIMIT {}",
            RowAction::Delete,
            MAX_NAMED - found.len()
        );
        let removed = staging.numbers(&removed).await?;
        found.extend(removed.into_iter().map(|id| (None, id, RowChangeKind::Removed)));
    }
    let mut handle = staging.lock().await?;
    let mut changes = Vec::new();
    for (row, id, kind) in found {
        let old = match kind {
            RowChangeKind::New => None,
            RowChangeKind::Changed | RowChangeKind::Removed => values(&mut handle, RowSource::Live, table, id)?,
        };
        let new = match kind {
            RowChangeKind::Removed => None,
            RowChangeKind::New | RowChangeKind::Changed => values(&mut handle, RowSource::Archive, table, id)?,
        };
        let is_generated = generated.is_some_and(|ids| kind == RowChangeKind::New && id > ids.after);
        changes.push(RowChange {
            kind,
            row: row.map(i64::unsigned_abs),
            id: (!is_generated).then_some(id),
            fields: fields(table, old.unwrap_or_default(), new.unwrap_or_default()),
        });
    }
    Ok(changes)
}

/// The fields that differ. A side without a row has no values.
fn fields(table: Table, old: Vec<Option<String>>, new: Vec<Option<String>>) -> Vec<FieldChange> {
    let columns = table.columns().iter().enumerate().skip(1);
    let differing = columns.filter_map(|(position, column)| {
        let value = |side: &[Option<String>]| side.get(position).cloned().flatten();
        let (old, new) = (value(&old), value(&new));
        (old != new).then(|| FieldChange {
            column: column.name.to_owned(),
            old: old.as_deref().map(shortened),
            new: new.as_deref().map(shortened),
        })
    });
    differing.collect()
}

/// The values of one row.
fn values(
    handle: &mut LockedSqliteHandle<'_>,
    source: RowSource,
    table: Table,
    id: i64,
) -> Result<Option<Vec<Option<String>>>> {
    let sql = format!("SELECT * FROM {} WHERE id = {id}", source.table(table));
    let mut rows = StagedRows::prepare(handle, table, &sql)?;
    let mut row = cells();
    let has_row = rows.next(&mut row)?;
    let columns = table.columns().iter();
    Ok(has_row.then(|| columns.zip(&row).map(|(column, cell)| text(column, cell)).collect()))
}

/// A value as text, in the form that it has in an archive.
fn text(column: &Column, cell: &Cell<'_>) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Text(text) | Cell::Native(text) => Some((*text).to_owned()),
        cell => {
            let mut json = Vec::new();
            cell.write_json(&mut json);
            let json = String::from_utf8(json).unwrap_or_default();
            Some(match column.kind {
                Kind::Decimal | Kind::Date | Kind::Timestamp => json.trim_matches('"').to_owned(),
                _ => json,
            })
        }
    }
}

/// The first characters of a text.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The first errors, in the order of the rows of the file.
pub(super) async fn errors(staging: &mut Staging, most: usize) -> Result<Vec<RowError>> {
    let mut errors = Vec::new();
    let sql = format!("SELECT row, heading, value, reason FROM e ORDER BY row, rowid LIMIT {most}");
    staging
        .each(
            &sql,
            |(row, column, value, reason): (i64, Option<String>, Option<String>, String)| {
                errors.push(RowError {
                    row: row.unsigned_abs(),
                    column,
                    value: value.as_deref().map(shortened),
                    reason,
                });
            },
        )
        .await?;
    Ok(errors)
}
