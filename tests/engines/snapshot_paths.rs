//! Each reader of an engine reads what the reference reader reads, and both read what was written: for random rows of
//! the schema, byte by byte.

use campus_backup_archive::Cell;
use campus_backup_domain::catalog::NameColumns;
use campus_backup_domain::snapshot::{ParallelSink, ReadStrategy, RowEncoder, Selection, Sink, Snapshot};
use campus_backup_domain::{Database, Table};
use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;
use sea_orm::{ConnectionTrait, Statement, Value};

use harness::{Engine, Scratch, on_every_engine, reference_reader};

/// More than the sinks' batches, so that their seams are crossed.
const STUDENTS: usize = 600;

type Row = Vec<Cell<'static>>;

fn text(longest: usize) -> impl Strategy<Value = Cell<'static>> {
    // Any character except NUL, with many of the characters that CSV, JSON and SQL treat specially.
    let character =
        prop_oneof![8 => any::<char>(), 1 => prop::sample::select(vec!['"', '\'', '\\', ',', '\n', '\r', '\t'])];
    prop::collection::vec(
        character.prop_filter("the schema refuses NUL", |c| *c != '\0'),
        0..longest,
    )
    .prop_map(|characters| kept(characters.into_iter().collect()))
}

/// Cells borrow their texts. The texts of this test live until its process ends.
fn kept(text: String) -> Cell<'static> {
    Cell::Text(text.leak())
}

fn or_null(value: impl Strategy<Value = Cell<'static>>) -> impl Strategy<Value = Cell<'static>> {
    prop_oneof![1 => Just(Cell::Null), 3 => value]
}

fn date() -> impl Strategy<Value = Cell<'static>> {
    (1000..=9999, 1u32..=12, 1u32..=28)
        .prop_map(|(year, month, day)| Cell::Date(NaiveDate::from_ymd_opt(year, month, day).unwrap()))
}

fn timestamp() -> impl Strategy<Value = Cell<'static>> {
    const YEAR_1000: i64 = -30_610_224_000_000_000;
    const YEAR_9999: i64 = 253_370_764_800_000_000;
    let microseconds = prop_oneof![
        YEAR_1000..YEAR_9999,
        (YEAR_1000 / 1_000_000..YEAR_9999 / 1_000_000).prop_map(|seconds| seconds * 1_000_000),
    ];
    microseconds.prop_map(|microseconds| Cell::Timestamp(DateTime::<Utc>::from_timestamp_micros(microseconds).unwrap()))
}

fn money() -> impl Strategy<Value = Cell<'static>> {
    const MOST: i64 = 999_999_999_999;
    prop_oneof![-MOST..=MOST, -1000i64..=1000, Just(MOST), Just(-MOST)]
        .prop_map(|cents| Cell::Decimal(Decimal::new(cents, 2)))
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Cell<'static>> {
    prop::sample::select(words).prop_map(Cell::Text)
}

fn number(range: std::ops::Range<i64>) -> impl Strategy<Value = Cell<'static>> {
    range.prop_map(Cell::Integer)
}

fn unique(number: usize) -> Cell<'static> {
    kept(format!("n {number}"))
}

fn generate(runner: &mut TestRunner, strategies: Vec<BoxedStrategy<Cell<'static>>>) -> Row {
    strategies.new_tree(runner).unwrap().current()
}

/// Rows for every table but users, in the order of the schema's columns.
fn school(runner: &mut TestRunner) -> Vec<(Table, Vec<Row>)> {
    let mut rows = |table: Table, count: usize, row: &dyn Fn(usize) -> Vec<BoxedStrategy<Cell<'static>>>| {
        let rows = (1..=count).map(|id| {
            let mut cells = vec![Cell::Integer(i64::try_from(id * 3).unwrap())];
            cells.extend(generate(runner, row(id)));
            cells
        });
        (table, rows.collect::<Vec<_>>())
    };
    let short = || or_null(text(40)).boxed();
    let a_student = || number(1..i64::try_from(STUDENTS).unwrap()).prop_map(triple).boxed();
    vec![
        rows(Table::Students, STUDENTS, &|id| {
            let long = or_null(text(900)).boxed();
            vec![
                text(255).boxed(),
                Just(unique(id)).boxed(),
                short(),
                short(),
                long,
                or_null(date()).boxed(),
                timestamp().boxed(),
            ]
        }),
        rows(Table::Courses, 9, &|id| {
            vec![
                Just(unique(id)).boxed(),
                short(),
                short(),
                short(),
                money().boxed(),
                number(i64::MIN..i64::MAX).boxed(),
                timestamp().boxed(),
            ]
        }),
        rows(Table::PaymentCategories, 5, &|id| {
            vec![Just(unique(id)).boxed(), short(), timestamp().boxed()]
        }),
        rows(Table::Enrollments, 9, &|id| {
            let course = Just(Cell::Integer(i64::try_from(id * 3).unwrap())).boxed();
            vec![a_student(), course, timestamp().boxed()]
        }),
        rows(Table::Payments, 700, &|_| {
            let category = number(1..6).prop_map(triple).boxed();
            vec![
                a_student(),
                category,
                money().boxed(),
                timestamp().boxed(),
                word(&["paid", "pending", "partial_paid"]).boxed(),
                short(),
            ]
        }),
        rows(Table::Attendance, 300, &|id| {
            let student = Just(Cell::Integer(i64::try_from(id * 3).unwrap())).boxed();
            let course = number(1..10).prop_map(triple).boxed();
            vec![
                student,
                course,
                date().boxed(),
                word(&["present", "absent", "leave"]).boxed(),
            ]
        }),
    ]
}

fn triple(cell: Cell<'static>) -> Cell<'static> {
    match cell {
        Cell::Integer(number) => Cell::Integer(number * 3),
        other => other,
    }
}

/// Inserts the rows, many by one statement: each statement costs a round trip.
async fn insert(scratch: &Scratch, table: Table, rows: &[Row]) {
    for rows in rows.chunks(50) {
        let mut values = Vec::<Value>::new();
        let rows: Vec<String> = rows.iter().map(|row| literals(scratch, row, &mut values)).collect();
        let sql = format!("insert into {table} values {}", rows.join(", "));
        let statement = Statement::from_sql_and_values(scratch.connection().get_database_backend(), &sql, values);
        let inserted = scratch.connection().execute_raw(statement).await;
        inserted.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }
}

/// A row in brackets. Its texts are added to the bound values.
fn literals(scratch: &Scratch, row: &Row, values: &mut Vec<Value>) -> String {
    let mut literal = |cell: &Cell<'_>| match cell {
        Cell::Text(text) => {
            values.push(text.to_string().into());
            match scratch.engine() {
                Engine::Postgres => format!("${}", values.len()),
                _ => "?".to_owned(),
            }
        }
        Cell::Null => "null".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Decimal(amount) => amount.to_string(),
        Cell::Date(date) => format!("'{date}'"),
        Cell::Timestamp(time) => match scratch.engine() {
            Engine::Mysql => format!("'{}'", time.format("%F %T%.6f")),
            _ => format!("'{}'", time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)),
        },
        Cell::Boolean(truth) => truth.to_string(),
        _ => panic!("the rows are ordinary: {cell:?}"),
    };
    let literals: Vec<String> = row.iter().map(&mut literal).collect();
    format!("({})", literals.join(", "))
}

/// Every row as its canonical JSON.
#[derive(Default)]
struct LineSink(Vec<String>);

impl Sink for LineSink {
    fn row(&mut self, cells: &[Cell<'_>]) -> campus_backup_domain::Result<()> {
        self.0.push(line(cells));
        Ok(())
    }

    async fn flush_if_full(&mut self) -> campus_backup_domain::Result<()> {
        Ok(())
    }
}

impl ParallelSink for LineSink {
    fn encoder(&self) -> Option<RowEncoder> {
        Some(Box::new(|cells, out| {
            out.extend_from_slice(line(cells).as_bytes());
            out.push(b'\n');
            Ok(())
        }))
    }

    fn append_encoded(&mut self, rows: u64, bytes: &[u8]) {
        let lines = str::from_utf8(bytes).unwrap().split_terminator('\n');
        self.0.extend(lines.map(str::to_owned));
        assert!(rows <= self.0.len() as u64);
    }
}

fn line(cells: &[Cell<'_>]) -> String {
    let mut out = Vec::new();
    for cell in cells {
        cell.write_json(&mut out);
        out.push(b' ');
    }
    String::from_utf8(out).unwrap()
}

async fn read(database: &Database, strategy: ReadStrategy, table: Table, selection: Selection) -> Vec<String> {
    let mut snapshot = Snapshot::take(database, strategy, &[table]).await.unwrap();
    let mut lines = LineSink::default();
    snapshot.read_parallel(table, selection, &mut lines).await.unwrap();
    assert_eq!(snapshot.rows_of(table), lines.0.len() as u64);
    snapshot.end().await.unwrap();
    lines.0
}

async fn read_reference(database: &Database, table: Table, selection: Selection) -> Vec<String> {
    let mut lines = LineSink::default();
    reference_reader::read(database, table, selection, &mut lines).await;
    lines.0
}

#[on_every_engine]
async fn all_read_strategies_return_the_written_rows(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    let mut runner = TestRunner::deterministic();
    let school = school(&mut runner);
    scratch
        .execute(
            "insert into users (id, username, password_hash, role, is_active, created_at) values \
        (7, 'x', '!', 'teacher', false, '2024-01-01 00:00:00')",
        )
        .await;
    for (table, rows) in &school {
        insert(&scratch, *table, rows).await;
    }
    let database = scratch.database().await;
    for (table, rows) in &school {
        let written: Vec<String> = rows.iter().map(|row| line(row)).collect();
        assert_eq!(
            read(&database, ReadStrategy::Native, *table, Selection::Columns).await,
            written,
            "{table}"
        );
    }
    for table in Table::ALL {
        let sheets = [NameColumns::Omitted, NameColumns::Included].map(Selection::ExportColumns);
        for selection in [Selection::Columns].into_iter().chain(sheets) {
            let fast = read(&database, ReadStrategy::Native, table, selection).await;
            assert_eq!(
                fast,
                read_reference(&database, table, selection).await,
                "{table} {selection:?}"
            );
            assert!(!fast.is_empty());
            for rows_per_range in [1, 7, 100] {
                let parallel = read(&database, ReadStrategy::Parallel(rows_per_range), table, selection).await;
                assert_eq!(parallel, fast, "{table} {selection:?} in ranges of {rows_per_range}");
            }
        }
    }
}
