//! Merging two inputs by the ids of their rows.

use std::collections::BTreeMap;

use campus_backup_archive::Manifest;
use chrono::{DateTime, Utc};

use super::cursor::{ArchiveCursor, Cursor};
use super::live::{self, Producer};
use super::{Archive, Counts, DOING, Diff, DiffInput, DifferenceKind, TableComparison};
use crate::catalog::{Table, TableScope};
use crate::error::{Error, Result};
use crate::job::{Phase, Progress, ProgressBatch};
use crate::snapshot::{ReadStrategy, Snapshot};

/// How many rows are merged between two flushes of the sink.
const FLUSH_EVERY: u64 = 64;

/// A row that differs, with the canonical JSON of each input.
#[derive(Clone, Copy)]
pub(super) struct Difference<'a> {
    pub(super) table: Table,
    pub(super) id: i64,
    pub(super) change: DifferenceKind,
    pub(super) from: Option<&'a [u8]>,
    pub(super) to: Option<&'a [u8]>,
}

/// Receives the rows that differ.
pub(super) trait DifferenceSink: Send {
    /// Receives one row.
    fn row(&mut self, _: Difference<'_>) -> Result<()> {
        Ok(())
    }

    /// Called every few rows, whether they differ or not. It sends collected output, and waits while the receiver is slow.
    fn flush(&mut self) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// Compares the tables of the scope that both inputs have.
pub(super) async fn compare(
    from: &DiffInput,
    to: &DiffInput,
    scope: TableScope,
    progress: &Progress,
    sink: &mut impl DifferenceSink,
) -> Result<Diff> {
    progress.enter(Phase::Comparing, None)?;
    if let (Some(from), Some(to)) = (from.manifest(), to.manifest())
        && scope
            .tables()
            .iter()
            .map(|table| table.name())
            .all(|name| from.sha256.get(name) == to.sha256.get(name))
    {
        let tables = in_scope(scope, |table| Some(TableComparison::Compared(equal(table, from, to)?)));
        ensure_table(&tables, scope)?;
        return Ok(Diff {
            from: from.created_at,
            to: to.created_at,
            tables,
        });
    }
    let (from_archive, to_archive) = (from.open(progress)?, to.open(progress)?);
    let has = |side: &Option<ArchiveCursor<'_>>, table| side.as_ref().is_none_or(|side| side.tables().contains(&table));
    let mut tables = in_scope(scope, |table| {
        match (has(&from_archive, table), has(&to_archive, table)) {
            (true, true) => {
                let known = from.manifest().zip(to.manifest());
                let counts = known.and_then(|(from, to)| equal(table, from, to));
                Some(TableComparison::Compared(counts.unwrap_or_default()))
            }
            (true, false) => Some(TableComparison::OnlyFrom),
            (false, true) => Some(TableComparison::OnlyTo),
            (false, false) => None,
        }
    });
    ensure_table(&tables, scope)?;
    let differing = |(table, outcome): (&Table, &TableComparison)| (*outcome == NOT_COMPARED).then_some(*table);
    let differing: Vec<Table> = tables.iter().filter_map(differing).collect();
    let mut from = OpenInput::of(from, from_archive, &differing, progress).await?;
    let mut to = OpenInput::of(to, to_archive, &differing, progress).await?;
    progress.enter(Phase::Comparing, from.rows.zip(to.rows).map(|(from, to)| from + to))?;
    let moments = (from.moment, to.moment);
    let producers = (from.producer.take(), to.producer.take());
    let merging = async {
        for table in differing {
            from.cursor.begin_table(table)?;
            to.cursor.begin_table(table)?;
            let counts = merge(table, &mut from.cursor, &mut to.cursor, sink).await?;
            tables.insert(table, TableComparison::Compared(counts));
        }
        from.cursor.finish()?;
        to.cursor.finish()
    };
    tokio::try_join!(merging, run_producer(producers.0), run_producer(producers.1))?;
    let (from, to) = moments;
    Ok(Diff { from, to, tables })
}

/// The result of a table that is not compared yet.
const NOT_COMPARED: TableComparison = TableComparison::Compared(Counts {
    added: 0,
    removed: 0,
    changed: 0,
    unchanged: 0,
});

fn in_scope(scope: TableScope, outcome: impl Fn(Table) -> Option<TableComparison>) -> BTreeMap<Table, TableComparison> {
    let tables = scope.tables().iter();
    tables.filter_map(|table| Some((*table, outcome(*table)?))).collect()
}

/// Ensures that a single requested table is in both inputs.
fn ensure_table(tables: &BTreeMap<Table, TableComparison>, scope: TableScope) -> Result<()> {
    match scope {
        TableScope::One(table) if !matches!(tables.get(&table), Some(TableComparison::Compared(_))) => {
            Err(Error::TableNotFound(table))
        }
        _ => Ok(()),
    }
}

/// The counts of a table with the same digest in both manifests.
fn equal(table: Table, from: &Manifest, to: &Manifest) -> Option<Counts> {
    let digest = from.sha256.get(table.name())?;
    (to.sha256.get(table.name())? == digest).then_some(())?;
    Some(Counts {
        unchanged: *from.rows.get(table.name())?,
        ..Counts::default()
    })
}

impl DiffInput {
    fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Archive(Archive { manifest, .. }) => manifest.as_deref(),
            Self::Live(_) => None,
        }
    }

    /// Opens the cursor of an archive.
    fn open<'p>(&'p self, progress: &'p Progress) -> Result<Option<ArchiveCursor<'p>>> {
        match self {
            Self::Archive(archive) => ArchiveCursor::open(archive, ProgressBatch::new(progress)).map(Some),
            Self::Live(_) => Ok(None),
        }
    }
}

/// An input with its open cursor.
struct OpenInput<'p> {
    cursor: Cursor<'p>,
    producer: Option<Producer>,
    moment: DateTime<Utc>,
    /// How many rows it has, if that is known.
    rows: Option<u64>,
}

impl<'p> OpenInput<'p> {
    async fn of(
        side: &DiffInput,
        archive: Option<ArchiveCursor<'p>>,
        tables: &[Table],
        progress: &'p Progress,
    ) -> Result<Self> {
        match (side, archive) {
            (_, Some(archive)) => Ok(Self {
                moment: archive.moment(),
                rows: archive.rows(),
                cursor: Cursor::Archive(archive),
                producer: None,
            }),
            (DiffInput::Live(database), None) => {
                let snapshot = Snapshot::take(database, ReadStrategy::default(), tables).await?;
                let moment = snapshot.taken_at();
                let rows = tables.iter().map(|table| snapshot.rows_of(*table)).sum();
                let (side, producer) = live::open(snapshot, tables.to_vec(), ProgressBatch::new(progress));
                Ok(Self {
                    cursor: Cursor::Live(side),
                    producer: Some(producer),
                    moment,
                    rows: Some(rows),
                })
            }
            (DiffInput::Archive(_), None) => Err(Error::internal(DOING)("an archive was not opened")),
        }
    }
}

async fn run_producer(producer: Option<Producer>) -> Result<()> {
    match producer {
        Some(producer) => live::produce(producer).await,
        None => Ok(()),
    }
}

async fn merge(
    table: Table,
    from: &mut Cursor<'_>,
    to: &mut Cursor<'_>,
    sink: &mut impl DifferenceSink,
) -> Result<Counts> {
    let mut counts = Counts::default();
    from.advance().await?;
    to.advance().await?;
    for position in 1u64.. {
        let (left, right) = (from.head(), to.head());
        let id = match (left, right) {
            (None, None) => break,
            (Some((id, _)), None) | (None, Some((id, _))) => id,
            (Some((left, _)), Some((right, _))) => left.min(right),
        };
        let of_id = |(found, json)| (found == id).then_some(json);
        let (left, right) = (left.and_then(of_id), right.and_then(of_id));
        let (count, change) = match (left, right) {
            (Some(left), Some(right)) if left == right => (&mut counts.unchanged, None),
            (Some(_), Some(_)) => (&mut counts.changed, Some(DifferenceKind::Changed)),
            (Some(_), None) => (&mut counts.removed, Some(DifferenceKind::Removed)),
            (None, _) => (&mut counts.added, Some(DifferenceKind::Added)),
        };
        *count += 1;
        if let Some(change) = change {
            sink.row(Difference {
                table,
                id,
                change,
                from: left,
                to: right,
            })?;
        }
        let (has_left, has_right) = (left.is_some(), right.is_some());
        if has_left {
            from.advance().await?;
        }
        if has_right {
            to.advance().await?;
        }
        if position.is_multiple_of(FLUSH_EVERY) {
            sink.flush().await?;
        }
    }
    Ok(counts)
}
