//! What belongs to the rows of a sheet: the tables that a clear of the sheet would empty in part, with the number of
//! rows. It is counted with one query, so all numbers are of one moment.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbErr, Statement};

use super::{Effect, MappedCatalog, MappedReference, MappedSheet, ResolvedCondition, Scalar};
use crate::Engine;
use crate::sql::{literal, quote, source};

/// The rows of a sheet and everything that belongs to them.
#[derive(Debug)]
pub struct Closure<'a> {
    mapped: &'a MappedCatalog<'a>,
    sheet: &'a MappedSheet,
    /// The table of the sheet, then the others, each after the tables that it belongs to.
    pub tables: Vec<usize>,
    /// References that lead back to a table that comes later, or to the same table. They are not followed, so a table
    /// that has one may have more rows in the closure.
    pub circular: Vec<&'a MappedReference>,
    /// References from outside to the tables of the closure.
    pub from_outside: Vec<&'a MappedReference>,
}

impl<'a> Closure<'a> {
    /// The closure of a sheet.
    pub fn of(mapped: &'a MappedCatalog<'a>, sheet: &'a MappedSheet) -> Self {
        let belonging: Vec<_> = mapped
            .references
            .iter()
            .filter(|reference| reference.effect == Effect::Belongs)
            .collect();
        let reached = reached_from(sheet.table, &belonging);
        let tables = in_order(sheet.table, &reached, &belonging);
        let place = |table: usize| tables.iter().position(|placed| *placed == table);
        let (inside, outside): (Vec<_>, Vec<_>) = mapped
            .references
            .iter()
            .filter(|reference| place(reference.target).is_some())
            .partition(|reference| place(reference.table).is_some());
        let circular = inside.into_iter().filter(|reference| {
            reference.effect == Effect::Belongs && place(reference.target) >= place(reference.table)
        });
        Self {
            mapped,
            sheet,
            circular: circular.collect(),
            from_outside: outside,
            tables,
        }
    }

    /// The number of rows of each of the [tables](Self::tables).
    ///
    /// # Errors
    /// An error of the database.
    pub async fn count(&self, connection: &impl ConnectionTrait) -> Result<Vec<i64>, DbErr> {
        let statement = Statement::from_string(connection.get_database_backend(), self.sql());
        let rows = connection.query_all_raw(statement).await?;
        let mut counts = vec![0; self.tables.len()];
        for row in rows {
            let step = usize::try_from(row.try_get::<i64>("", "step")?).unwrap_or_default();
            if let Some(count) = counts.get_mut(step) {
                *count = row.try_get("", "n")?;
            }
        }
        Ok(counts)
    }

    /// One common table expression for each table, with the columns to which later ones refer.
    fn sql(&self) -> String {
        let expressions: Vec<_> = (0..self.tables.len()).map(|step| self.expression(step)).collect();
        let counts: Vec<_> = (0..self.tables.len())
            .map(|step| match self.mapped.catalog.engine {
                // MySQL's and SQLite's numbers have 64 bits already.
                Engine::Postgres => format!("SELECT {step}::int8 AS step, count(*) AS n FROM c{step}"),
                Engine::Sqlite | Engine::Mysql => format!("SELECT {step} AS step, count(*) AS n FROM c{step}"),
            })
            .collect();
        format!("WITH {} {}", expressions.join(", "), counts.join(" UNION ALL "))
    }

    fn expression(&self, step: usize) -> String {
        let engine = self.mapped.catalog.engine;
        let table = self.tables[step];
        let referred = self.followed().filter(|known| known.target == table);
        let columns: BTreeSet<_> = referred.flat_map(|known| &known.target_columns).collect();
        let selected: Vec<_> = columns
            .iter()
            .map(|column| format!("r.{} AS k{column}", self.column(table, **column)))
            .collect();
        let selected = match selected.is_empty() {
            true => "1 AS present".to_owned(),
            false => selected.join(", "),
        };
        let rows = match step {
            0 => conditions_sql(self.mapped, "r", self.sheet.table, &self.sheet.conditions, 0),
            _ => {
                let references = self.followed().filter(|known| known.table == table);
                references
                    .map(|known| self.belongs(known))
                    .collect::<Vec<_>>()
                    .join(" OR ")
            }
        };
        format!(
            "c{step} AS (SELECT {selected} FROM {} r WHERE {rows})",
            source(engine, self.mapped.table(table))
        )
    }

    /// The references inside the closure that lead to an earlier table.
    fn followed(&self) -> impl Iterator<Item = &'a MappedReference> {
        let place = |table: usize| self.tables.iter().position(|placed| *placed == table);
        let mapped = self.mapped;
        mapped.references.iter().filter(move |known| {
            known.effect == Effect::Belongs
                && place(known.table).is_some()
                && place(known.target).is_some()
                && place(known.target) < place(known.table)
        })
    }

    fn belongs(&self, reference: &MappedReference) -> String {
        let step = self
            .tables
            .iter()
            .position(|placed| *placed == reference.target)
            .unwrap_or_default();
        let equal: Vec<_> = reference
            .columns
            .iter()
            .zip(&reference.target_columns)
            .map(|(column, key)| format!("s.k{key} = r.{}", self.column(reference.table, *column)))
            .collect();
        format!("EXISTS (SELECT 1 FROM c{step} s WHERE {})", equal.join(" AND "))
    }

    fn column(&self, table: usize, column: usize) -> String {
        quote(
            self.mapped.catalog.engine,
            &self.mapped.table(table).columns[column].name,
        )
    }
}

/// The table and all whose rows belong to it, directly or not.
fn reached_from(root: usize, belonging: &[&MappedReference]) -> Vec<usize> {
    let mut reached = vec![root];
    let mut next = 0;
    while let Some(target) = reached.get(next).copied() {
        for reference in belonging.iter().filter(|reference| reference.target == target) {
            if !reached.contains(&reference.table) {
                reached.push(reference.table);
            }
        }
        next += 1;
    }
    reached
}

/// The root first, then each table as soon as all the tables that it belongs to have been placed. In a circle the first
/// one in the order of the catalogue is placed nevertheless.
fn in_order(root: usize, reached: &[usize], belonging: &[&MappedReference]) -> Vec<usize> {
    let mut placed = vec![root];
    let mut waiting: Vec<_> = reached.iter().copied().filter(|table| *table != root).collect();
    waiting.sort_unstable();
    while !waiting.is_empty() {
        let is_ready = |table: &usize| {
            let mut own = belonging.iter().filter(|reference| reference.table == *table);
            own.all(|reference| reference.target == *table || !waiting.contains(&reference.target))
        };
        let next = waiting.iter().position(is_ready).or_else(|| {
            let belongs = |table: &usize| {
                let mut own = belonging.iter().filter(|reference| reference.table == *table);
                own.any(|reference| placed.contains(&reference.target))
            };
            waiting.iter().position(belongs)
        });
        placed.push(waiting.remove(next.unwrap_or_default()));
    }
    placed
}

/// Conditions on the row `row` of a table.
fn conditions_sql(
    mapped: &MappedCatalog<'_>,
    row: &str,
    table: usize,
    conditions: &[ResolvedCondition],
    depth: usize,
) -> String {
    let engine = mapped.catalog.engine;
    let column_of = |table: usize, column: usize| quote(engine, &mapped.table(table).columns[column].name);
    let written: Vec<_> = conditions
        .iter()
        .map(|condition| match condition {
            ResolvedCondition::AnyOf { column, values } => {
                let values: Vec<_> = values.iter().map(|value| scalar(engine, value)).collect();
                format!("{row}.{} IN ({})", column_of(table, *column), values.join(", "))
            }
            ResolvedCondition::Of {
                column,
                target,
                target_column,
                conditions,
            } => {
                let inner = format!("o{depth}");
                format!(
                    "EXISTS (SELECT 1 FROM {} {inner} WHERE {inner}.{} = {row}.{} AND {})",
                    source(engine, mapped.table(*target)),
                    column_of(*target, *target_column),
                    column_of(table, *column),
                    conditions_sql(mapped, &inner, *target, conditions, depth + 1)
                )
            }
        })
        .collect();
    match written.is_empty() {
        true => "1 = 1".to_owned(),
        false => written.join(" AND "),
    }
}

/// PostgreSQL gives a literal in quotes the type of the column that it is compared with.
fn scalar(engine: Engine, value: &Scalar) -> String {
    match (engine, value) {
        (Engine::Postgres, Scalar::Boolean(value)) => format!("'{value}'"),
        (Engine::Postgres, Scalar::Integer(value)) => format!("'{value}'"),
        (_, Scalar::Boolean(value)) => i32::from(*value).to_string(),
        (_, Scalar::Integer(value)) => value.to_string(),
        (_, Scalar::Text(text)) => literal(engine, text),
    }
}
