//! Rows in memory, and archives of them.

use std::collections::BTreeMap;

use campus_backup_archive::{Cell, Writer};
use chrono::{DateTime, NaiveDate};
use rust_decimal::Decimal;

use super::Memory;
use crate::catalog::Table;
use crate::export::header;

pub(crate) type SampleRow = Vec<Cell<'static>>;

/// Rows by table and id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SampleRows(BTreeMap<Table, BTreeMap<i64, SampleRow>>);

impl SampleRows {
    pub(crate) fn of(&self, table: Table) -> impl Iterator<Item = &SampleRow> {
        self.0.get(&table).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn row(&self, table: Table, id: i64) -> Option<&SampleRow> {
        self.0.get(&table)?.get(&id)
    }

    pub(crate) fn put(&mut self, table: Table, row: SampleRow) {
        self.0.entry(table).or_default().insert(id(&row), row);
    }

    pub(crate) fn take(&mut self, table: Table, id: i64) -> Option<SampleRow> {
        self.0.get_mut(&table)?.remove(&id)
    }

    pub(crate) fn with(mut self, table: Table, row: SampleRow) -> Self {
        self.put(table, row);
        self
    }

    pub(crate) fn without(mut self, table: Table, id: i64) -> Self {
        self.take(table, id).unwrap();
        self
    }

    /// Puts a value into a row that is there.
    pub(crate) fn set(&mut self, table: Table, id: i64, column: usize, value: Cell<'static>) {
        self.0.get_mut(&table).unwrap().get_mut(&id).unwrap()[column] = value;
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.values().map(|rows| rows.len() as u64).sum()
    }

    /// Every row as JSON, to compare and to show.
    pub(crate) fn lines(&self) -> Vec<String> {
        let rows = Table::ALL
            .into_iter()
            .flat_map(|table| self.of(table).map(move |row| (table, row)));
        rows.map(|(table, row)| line(table, row)).collect()
    }

    /// The bytes of an archive of these tables.
    pub(crate) fn archive(&self, tables: &[Table]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let header = header("2026-11-25T01:02:03Z".parse().unwrap(), "1.2.3", "sqlite", tables);
        let mut writer = Writer::begin(&header, &mut bytes);
        for table in tables {
            writer.begin_table(&mut bytes);
            for row in self.of(*table) {
                writer.row(row, &mut bytes);
            }
            writer.end_table(&mut bytes);
        }
        writer.finish(&mut bytes);
        bytes
    }

    /// An archive of these tables, in memory.
    pub(crate) fn source(&self, tables: &[Table]) -> Memory {
        Memory::new(self.archive(tables))
    }
}

pub(super) fn line(table: Table, cells: &[Cell<'_>]) -> String {
    let mut line = format!("{table} ").into_bytes();
    for cell in cells {
        cell.write_json(&mut line);
        line.push(b' ');
    }
    String::from_utf8(line).unwrap()
}

pub(crate) fn id(row: &SampleRow) -> i64 {
    integer(&row[0])
}

pub(crate) fn integer(cell: &Cell<'_>) -> i64 {
    match cell {
        Cell::Integer(value) => *value,
        other => panic!("{other:?}"),
    }
}

fn then() -> Cell<'static> {
    Cell::Timestamp(DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap())
}

pub(crate) fn user(id: i64, name: &'static str, role: &'static str, hash: &'static str) -> SampleRow {
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

pub(crate) fn student(id: i64, number: &'static str, name: &'static str) -> SampleRow {
    let mut row = vec![Cell::Integer(id), Cell::Text(name), Cell::Text(number)];
    row.extend([Cell::Null, Cell::Text(""), Cell::Null, date(3), then()]);
    row
}

pub(crate) fn course(id: i64, name: &'static str, fee: i64) -> SampleRow {
    let mut row = vec![Cell::Integer(id), Cell::Text(name), Cell::Null, Cell::Null, Cell::Null];
    row.extend([Cell::Decimal(Decimal::new(fee, 2)), Cell::Integer(30), then()]);
    row
}

pub(crate) fn category(id: i64, name: &'static str) -> SampleRow {
    vec![Cell::Integer(id), Cell::Text(name), Cell::Null, then()]
}

pub(crate) fn enrollment(id: i64, student: i64, course: i64) -> SampleRow {
    vec![Cell::Integer(id), Cell::Integer(student), Cell::Integer(course), then()]
}

pub(crate) fn payment(id: i64, student: i64, category: i64, cents: i64) -> SampleRow {
    let mut row = vec![Cell::Integer(id), Cell::Integer(student), Cell::Integer(category)];
    row.extend([
        Cell::Decimal(Decimal::new(cents, 2)),
        then(),
        Cell::Text("paid"),
        Cell::Null,
    ]);
    row
}

pub(crate) fn attendance(id: i64, student: i64, course: i64, day: i32, status: &'static str) -> SampleRow {
    let mut row = vec![Cell::Integer(id), Cell::Integer(student), Cell::Integer(course)];
    row.extend([date(day), Cell::Text(status)]);
    row
}

fn date(day: i32) -> Cell<'static> {
    Cell::Date(NaiveDate::from_num_days_from_ce_opt(739_000 + day).unwrap())
}

/// Two students with something of everything.
pub(crate) fn small() -> SampleRows {
    SampleRows::default()
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

/// A few rows of awkward values.
pub(crate) fn rows() -> SampleRows {
    let mut rows = SampleRows::default();
    let mut add = |table: Table, row: SampleRow| {
        assert_eq!(row.len(), table.columns().len(), "{table}");
        rows.put(table, row);
    };
    use Cell::{Boolean, Integer, Null, Text};
    let date = Cell::Date("2024-02-29".parse().unwrap());
    let time = Cell::Timestamp("2024-02-29T01:02:03.000004Z".parse().unwrap());
    let money = Cell::Decimal("12.50".parse().unwrap());
    add(
        Table::Users,
        vec![
            Integer(1),
            Text("admin"),
            Null,
            Text("the hash"),
            Text("admin"),
            Boolean(true),
            time,
        ],
    );
    for (id, number) in [(1, "000123"), (5, "=A1"), (70, "")] {
        add(
            Table::Students,
            vec![
                Integer(id),
                Text("Ann, \"A\""),
                Text(number),
                Null,
                Text("+91 98"),
                Text("a\r\nb"),
                date,
                time,
            ],
        );
    }
    add(
        Table::Courses,
        vec![
            Integer(2),
            Text("Mathematics"),
            Null,
            Null,
            Null,
            money,
            Integer(30),
            time,
        ],
    );
    add(Table::PaymentCategories, vec![Integer(3), Text("Fees"), Null, time]);
    add(Table::Enrollments, vec![Integer(1), Integer(5), Integer(2), time]);
    for id in [10, 11] {
        add(
            Table::Payments,
            vec![Integer(id), Integer(70), Integer(3), money, time, Text("paid"), Null],
        );
    }
    add(
        Table::Attendance,
        vec![Integer(1), Integer(1), Integer(2), date, Text("present")],
    );
    rows
}
