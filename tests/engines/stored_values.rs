//! Every value that an engine stores is read in the same way by both readers, kept in a backup, and restored into the same
//! engine. The values are random literals of each engine.

use campus_backup_domain::Table;
use campus_backup_domain::restore::RestoreMode;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sea_orm::ConnectionTrait;

use crate::native_values::read;
use harness::restore_rig::{RestorePlace, everything};
use harness::{Engine, on_every_engine, small_school};

/// How many rows are tested. Each has one random value.
const ROWS: usize = 400;

const TABLES: [Table; 2] = [Table::Students, Table::Courses];

/// An SQL literal.
type Literal = BoxedStrategy<String>;

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>().prop_filter("ends a text", |c| *c != '\0'), 0..30)
        .prop_map(|characters| characters.into_iter().collect())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''").replace('\\', "/"))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -1000i64..1000, Just(i64::MIN), Just(i64::MAX)]
}

/// A value of any storage class of SQLite, for any column.
fn of_sqlite() -> Literal {
    let bytes = || prop::collection::vec(any::<u8>(), 0..20);
    let date = (-99_999i32..99_999, 0u32..100, 0u32..100)
        .prop_map(|(year, month, day)| format!("'{year:04}-{month:02}-{day:02}'"));
    let timestamp = (
        0u32..10_000,
        0u32..14,
        0u32..33,
        0u32..26,
        0u32..62,
        0u64..10_000_000_000,
    )
        .prop_map(|(year, month, day, hour, minute, fraction)| {
            format!("'{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{minute:02}.{fraction}'")
        });
    prop_oneof![
        number().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("has a literal", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        Just("9e999".to_owned()),
        Just("-9e999".to_owned()),
        text().prop_map(|text| quoted(&text)),
        bytes().prop_map(|bytes| format!("x'{}'", hexadecimal(&bytes))),
        bytes().prop_map(|bytes| format!("cast(x'{}' as text)", hexadecimal(&bytes))),
        date,
        timestamp,
        number().prop_map(|number| format!("'{number}'")),
    ]
    .boxed()
}

/// Every date of PostgreSQL: from 4714 BC to 5874897.
fn date_of_postgres() -> impl Strategy<Value = String> {
    let day = prop_oneof![
        (1i32..5_874_898, 1u32..13, 1u32..29),
        (1i32..11_000, 1u32..13, 1u32..29)
    ];
    prop_oneof![
        8 => day.prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}")),
        3 => (1i32..4714, 1u32..13, 1u32..29).prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02} BC")),
        1 => prop::sample::select(vec!["infinity".to_owned(), "-infinity".to_owned()]),
    ]
}

/// Every timestamp of PostgreSQL: from 4714 BC to 294276.
fn timestamp_of_postgres() -> impl Strategy<Value = String> {
    let years = prop_oneof![1i32..294_277, 1i32..11_000];
    let moment = (years, 1u32..13, 1u32..29, 0u32..24, 0u32..60, 0u32..1_000_000);
    prop_oneof![
        8 => (moment, any::<bool>()).prop_map(|((year, month, day, hour, minute, fraction), before_christ)| {
            let era = if before_christ && year < 4713 { " BC" } else { "" };
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{minute:02}.{fraction:06}+00{era}")
        }),
        1 => prop::sample::select(vec!["infinity".to_owned(), "-infinity".to_owned()]),
    ]
}

/// Every date of MariaDB, also invalid ones.
fn date_of_mysql() -> impl Strategy<Value = String> {
    (0u32..10_000, 0u32..13, 0u32..32).prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"))
}

fn timestamp_of_mysql() -> impl Strategy<Value = String> {
    (date_of_mysql(), 0u32..24, 0u32..60, 0u32..1_000_000)
        .prop_map(|(date, hour, minute, fraction)| format!("{date} {hour:02}:{minute:02}:{minute:02}.{fraction:06}"))
}

/// The columns with their possible values.
fn columns(engine: Engine) -> Vec<(Table, &'static str, Literal)> {
    use Table::{Courses, Students};
    let decimal = || {
        let cents = -999_999_999_999i64..=999_999_999_999;
        cents.prop_map(|cents| format!("{}e-2", cents)).boxed()
    };
    let texts = || text().prop_map(|text| quoted(&text)).boxed();
    let numbers = || number().prop_map(|number| number.to_string()).boxed();
    let (date, timestamp, text, decimal, number) = match engine {
        Engine::Sqlite => (of_sqlite(), of_sqlite(), of_sqlite(), of_sqlite(), of_sqlite()),
        Engine::Postgres => (
            date_of_postgres().prop_map(|text| quoted(&text)).boxed(),
            timestamp_of_postgres().prop_map(|text| quoted(&text)).boxed(),
            texts(),
            prop_oneof![9 => decimal(), 1 => Just("'NaN'".to_owned())].boxed(),
            numbers(),
        ),
        Engine::Mysql => (
            date_of_mysql().prop_map(|text| quoted(&text)).boxed(),
            timestamp_of_mysql().prop_map(|text| quoted(&text)).boxed(),
            texts(),
            decimal(),
            numbers(),
        ),
    };
    vec![
        (Students, "date_of_birth", date),
        (Students, "created_at", timestamp),
        (Students, "full_name", text.clone()),
        (Students, "address", text),
        (Courses, "fee", decimal),
        (Courses, "seats", number),
    ]
}

/// Inserts a row with this value in this column, and returns whether the engine stores it.
async fn insert(place: &RestorePlace<'_>, id: usize, table: Table, column: &str, value: &str) -> bool {
    let ordinary = match table {
        Table::Students => vec![
            ("full_name", "'A'".to_owned()),
            ("registration_number", format!("'N {id}'")),
            ("created_at", "'2026-01-01 00:00:00'".to_owned()),
        ],
        _ => vec![
            ("name", format!("'C {id}'")),
            ("fee", "1".to_owned()),
            ("seats", "1".to_owned()),
            ("created_at", "'2026-01-01 00:00:00'".to_owned()),
        ],
    };
    let mut cells = ordinary;
    cells.retain(|(name, _)| *name != column);
    cells.push((column, value.to_owned()));
    let names: Vec<_> = cells.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> = cells.iter().map(|(_, value)| value.as_str()).collect();
    let modes = match place.scratch.engine() {
        Engine::Mysql => "set statement sql_mode = 'ALLOW_INVALID_DATES' for ",
        Engine::Sqlite | Engine::Postgres => "",
    };
    let sql = format!(
        "{modes}insert into {table} (id, {}) values ({id}, {})",
        names.join(", "),
        values.join(", ")
    );
    place.scratch.connection().execute_unprepared(&sql).await.is_ok()
}

#[on_every_engine]
async fn every_stored_value_is_restored(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let ordinary = place.archive().await;
    // The seed is the same in each run.
    let mut runner = TestRunner::deterministic();
    let columns = columns(engine);
    let mut stored = 0;
    for id in 1000..1000 + ROWS {
        let (table, column, values) = &columns[id % columns.len()];
        let value = values.new_tree(&mut runner).unwrap().current();
        stored += usize::from(insert(&place, id, *table, column, &value).await);
    }
    assert!(
        stored > ROWS * 3 / 4,
        "the engine refuses too much: {stored} of {ROWS} are stored"
    );

    let mut rows = Vec::new();
    for table in TABLES {
        rows.push(read(&place.database, table).await);
    }
    assert!(rows[0].contains("{\"native\":"), "no value was one of the engine alone");
    let archive = place.archive().await;
    let digests = archive.summary().sha256;
    for mode in [RestoreMode::Replace, RestoreMode::Merge] {
        place
            .restore(&ordinary, &everything(RestoreMode::Replace))
            .await
            .unwrap();
        let plan = place.plan(&archive, &everything(mode)).await.unwrap();
        assert_eq!(plan.blockers, []);
        place.restore(&archive, &everything(mode)).await.unwrap();
        assert_eq!(place.digests().await, digests);
        for (table, expected) in TABLES.into_iter().zip(&rows) {
            assert_eq!(read(&place.database, table).await, *expected);
        }
    }
}
