//! Small schools in memory, in a database and in an archive.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use campus_backup_archive::{Cell, Keys, Summary, Writer};
use chrono::{DateTime, NaiveDate};
use rust_decimal::Decimal;

use super::super::*;
use crate::account::Admin;
use crate::catalog::{MOST, Table};
use crate::change::{Change, Rows, Way};
use crate::database::{Database, Settings};
use crate::error::Result;
use crate::job::Progress;
use crate::open::{self, Source};
use crate::snapshot::{Path, Selection, Sink, Snapshot};

pub(super) type Row = Vec<Cell<'static>>;

/// Rows by table and id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct School(pub(super) BTreeMap<Table, BTreeMap<i64, Row>>);

impl School {
    pub(super) fn of(&self, table: Table) -> impl Iterator<Item = &Row> {
        self.0.get(&table).into_iter().flat_map(BTreeMap::values)
    }

    pub(super) fn row(&self, table: Table, id: i64) -> Option<&Row> {
        self.0.get(&table)?.get(&id)
    }

    pub(super) fn put(&mut self, table: Table, row: Row) {
        self.0.entry(table).or_default().insert(id(&row), row);
    }

    pub(super) fn take(&mut self, table: Table, id: i64) -> Option<Row> {
        self.0.get_mut(&table)?.remove(&id)
    }

    pub(super) fn with(mut self, table: Table, row: Row) -> Self {
        self.put(table, row);
        self
    }

    pub(super) fn without(mut self, table: Table, id: i64) -> Self {
        self.take(table, id).unwrap();
        self
    }

    /// Every row as JSON, to compare and to show.
    pub(super) fn lines(&self) -> Vec<String> {
        let rows = Table::ALL
            .into_iter()
            .flat_map(|table| self.of(table).map(move |row| (table, row)));
        rows.map(|(table, row)| line(table, row)).collect()
    }

    /// The bytes of an archive of these tables.
    pub(super) fn archive(&self, tables: &[Table]) -> Bytes {
        let mut bytes = Vec::new();
        let header = crate::export::header(DateTime::UNIX_EPOCH, "1.2.3", "sqlite", tables);
        let mut writer = Writer::begin(&header, &mut bytes);
        for table in tables {
            writer.begin_table(&mut bytes);
            for row in self.of(*table) {
                writer.row(row, &mut bytes);
            }
            writer.end_table(&mut bytes);
        }
        writer.finish(&mut bytes);
        Bytes(bytes)
    }
}

fn line(table: Table, cells: &[Cell<'_>]) -> String {
    let mut line = format!("{table} ").into_bytes();
    for cell in cells {
        cell.write_json(&mut line);
        line.push(b' ');
    }
    String::from_utf8(line).unwrap()
}

pub(super) fn id(row: &Row) -> i64 {
    integer(&row[0])
}

pub(super) fn integer(cell: &Cell<'_>) -> i64 {
    match cell {
        Cell::Integer(value) => *value,
        other => panic!("{other:?}"),
    }
}

fn then() -> Cell<'static> {
    Cell::Timestamp(DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap())
}

pub(super) fn user(id: i64, name: &'static str, role: &'static str, hash: &'static str) -> Row {
    let (name, role, hash) = (Cell::Text(name), Cell::Text(role), Cell::Text(hash));
    vec![
        Cell::Integer(id),
        name,
        Cell::Null,
        hash,
        role,
        Cell::Boolean(true),
        then(),
    ]
}

pub(super) fn student(id: i64, number: &'static str, name: &'static str) -> Row {
    let mut row = vec![Cell::Integer(id), Cell::Text(name), Cell::Text(number)];
    row.extend([Cell::Null, Cell::Text(""), Cell::Null, date(3), then()]);
    row
}

pub(super) fn course(id: i64, name: &'static str, fee: i64) -> Row {
    let mut row = vec![Cell::Integer(id), Cell::Text(name), Cell::Null, Cell::Null, Cell::Null];
    row.extend([Cell::Decimal(Decimal::new(fee, 2)), Cell::Integer(30), then()]);
    row
}

pub(super) fn category(id: i64, name: &'static str) -> Row {
    vec![Cell::Integer(id), Cell::Text(name), Cell::Null, then()]
}

pub(super) fn enrollment(id: i64, student: i64, course: i64) -> Row {
    vec![Cell::Integer(id), Cell::Integer(student), Cell::Integer(course), then()]
}

pub(super) fn payment(id: i64, student: i64, category: i64, cents: i64) -> Row {
    let mut row = vec![Cell::Integer(id), Cell::Integer(student), Cell::Integer(category)];
    row.extend([
        Cell::Decimal(Decimal::new(cents, 2)),
        then(),
        Cell::Text("paid"),
        Cell::Null,
    ]);
    row
}

pub(super) fn attendance(id: i64, student: i64, course: i64, day: i32, status: &'static str) -> Row {
    let mut row = vec![Cell::Integer(id), Cell::Integer(student), Cell::Integer(course)];
    row.extend([date(day), Cell::Text(status)]);
    row
}

fn date(day: i32) -> Cell<'static> {
    Cell::Date(NaiveDate::from_num_days_from_ce_opt(739_000 + day).unwrap())
}

/// Two students with something of everything.
pub(super) fn small() -> School {
    School::default()
        .with(Table::Users, user(1, "admin", "admin", "!1"))
        .with(Table::Users, user(2, "teacher", "teacher", "!2"))
        .with(Table::Students, student(1, "R1", "Ada"))
        .with(Table::Students, student(2, "R2", "Bo"))
        .with(Table::Courses, course(1, "Maths", 1_050))
        .with(Table::Courses, course(2, "Music", 0))
        .with(Table::PaymentCategories, category(1, "Tuition"))
        .with(Table::PaymentCategories, category(2, "Lab"))
        .with(Table::Enrollments, enrollment(1, 1, 1))
        .with(Table::Enrollments, enrollment(2, 2, 2))
        .with(Table::Payments, payment(1, 1, 1, 12_345))
        .with(Table::Payments, payment(2, 2, 2, -5))
        .with(Table::Attendance, attendance(1, 1, 1, 1, "present"))
        .with(Table::Attendance, attendance(2, 2, 2, 1, "leave"))
}

/// An archive in memory.
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    pub(super) fn summary(&self) -> Summary {
        let checked = open::check(self.0.as_slice(), &Keys::none(), &Progress::default());
        checked.unwrap().summary
    }
}

impl Source for Bytes {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(std::io::Cursor::new(self.0.clone())))
    }
}

/// Gives rows of the test.
struct Given<'a>(std::vec::IntoIter<&'a Row>);

impl Rows for Given<'_> {
    fn next<'c>(&'c mut self, cells: &mut [Cell<'c>; MOST]) -> Result<bool> {
        let Some(row) = self.0.next() else { return Ok(false) };
        cells[..row.len()].copy_from_slice(row);
        Ok(true)
    }
}

struct Lines<'a>(Table, &'a mut Vec<String>);

impl Sink for Lines<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.1.push(line(self.0, cells));
        Ok(())
    }

    async fn hand_on(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A live database.
pub(super) struct Live {
    pub(super) database: Database,
    pub(super) folder: tempfile::TempDir,
}

impl Live {
    pub(super) async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            url: format!("sqlite://{}", folder.path().join("school.db").display()),
            connections: 2,
            readers: 2,
            patience: Duration::from_secs(5),
        };
        let database = Database::connect(&settings).await.unwrap();
        database.migrate().await.unwrap();
        Self { database, folder }
    }

    pub(super) async fn with(school: &School) -> Self {
        let live = Self::empty().await;
        live.fill(school).await;
        live
    }

    /// Puts a school in the place of whatever is there.
    pub(super) async fn fill(&self, school: &School) {
        let mut change = Change::begin(&self.database, Table::ALL.to_vec(), "filling")
            .await
            .unwrap();
        change.empty(&Table::ALL).await.unwrap();
        for table in Table::ALL {
            let rows: Vec<_> = school.of(table).collect();
            change
                .load(table, &mut Given(rows.into_iter()), Way::InPlace)
                .await
                .unwrap();
        }
        change.commit().await.unwrap();
    }

    pub(super) async fn lines(&self) -> Vec<String> {
        let mut snapshot = Snapshot::take(&self.database, Path::Engine, &Table::ALL).await.unwrap();
        let mut lines = Vec::new();
        for table in Table::ALL {
            snapshot
                .read(table, Selection::Columns, &mut Lines(table, &mut lines))
                .await
                .unwrap();
        }
        snapshot.end().await.unwrap();
        lines
    }

    pub(super) async fn plan(&self, admin: &Admin, source: &dyn Source, request: &Restore) -> Result<Plan> {
        let (keys, progress) = (Keys::none(), Progress::default());
        plan(
            admin,
            &self.database,
            source,
            &keys,
            request,
            self.folder.path(),
            &progress,
        )
        .await
    }

    /// All steps of a restore but the safety archive.
    pub(super) async fn restore(&self, admin: &Admin, source: &dyn Source, request: &Restore) -> Result<Restored> {
        let (keys, progress) = (Keys::none(), Progress::default());
        // Without looking at references, which a check of the archive refuses before a restore can.
        let summary = open::reader(source.open()?, &keys)?.0.finish()?;
        let mut change = Change::begin(&self.database, request.tables(), "restoring").await?;
        let restored = apply(
            admin,
            &self.database,
            &mut change,
            source,
            &keys,
            &summary,
            request,
            self.folder.path(),
            &progress,
        );
        let restored = restored.await?;
        change.commit().await?;
        Ok(restored)
    }
}

pub(super) fn request(scope: Scope, mode: Mode) -> Restore {
    Restore { scope, mode }
}

pub(super) fn tables<const N: usize>(tables: [Table; N]) -> Scope {
    Scope::Tables(tables.into())
}

pub(super) fn of_student(id: i64) -> Scope {
    Scope::Entity {
        table: Table::Students,
        id,
    }
}
