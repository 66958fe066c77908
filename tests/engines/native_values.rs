//! Native values: values that only their engine can hold. Both readers read them in the same way, a backup keeps them, and
//! they are restored into the same engine. Another engine refuses them and names the row.

use campus_backup_archive::Cell;
use campus_backup_domain::restore::{BlockerCode, RestoreMode};
use campus_backup_domain::snapshot::{ReadStrategy, Selection, Sink, Snapshot};
use campus_backup_domain::{Database, Error, Table};
use harness::restore_rig::{RestorePlace, everything, one};
use harness::{Engine, on_every_engine, reference_reader, small_school};

/// Table, column, the value as SQL, and its text in a backup.
type NativeValue = (Table, &'static str, &'static str, &'static str);

/// One native value of each kind.
fn native_values(engine: Engine) -> Vec<NativeValue> {
    use Table::{Attendance, Courses, Payments, Students};
    match engine {
        Engine::Sqlite => vec![
            (Students, "date_of_birth", "'31-12-2024'", "31-12-2024"),
            (Students, "date_of_birth", "'20140-01-01'", "20140-01-01"),
            (Students, "date_of_birth", "''", "''"),
            (Students, "date_of_birth", "'7'", "'7'"),
            (Students, "date_of_birth", "x'00ff'", "X'00FF'"),
            (Students, "created_at", "'yesterday'", "yesterday"),
            (
                Students,
                "created_at",
                "'2024-01-01 00:00:00.0000001'",
                "2024-01-01 00:00:00.0000001",
            ),
            (Students, "full_name", "cast(x'ff41' as text)", "CAST(X'FF41' AS TEXT)"),
            (Students, "address", "x'41'", "X'41'"),
            (Courses, "seats", "'a \"few\"'", "a \\\"few\\\""),
            (Courses, "seats", "0.5", "0.5"),
            (Courses, "seats", "9e999", "9e999"),
            (Attendance, "date", "'0000-00-00'", "0000-00-00"),
        ],
        Engine::Postgres => vec![
            (Students, "date_of_birth", "'20140-01-01'", "20140-01-01"),
            (Students, "date_of_birth", "'0044-03-15 BC'", "0044-03-15 BC"),
            (Students, "date_of_birth", "'5874897-12-31'", "5874897-12-31"),
            (Students, "date_of_birth", "'infinity'", "infinity"),
            (Students, "created_at", "'-infinity'", "-infinity"),
            (
                Students,
                "created_at",
                "'20140-01-01 01:02:03.5+00'",
                "20140-01-01 01:02:03.5+00",
            ),
            (
                Students,
                "created_at",
                "'0001-12-31 23:59:59+00 BC'",
                "0001-12-31 23:59:59+00 BC",
            ),
            (Payments, "amount_paid", "'NaN'", "NaN"),
            (Attendance, "date", "'-infinity'", "-infinity"),
        ],
        Engine::Mysql => vec![
            (Students, "date_of_birth", "'0000-00-00'", "0000-00-00"),
            (Students, "date_of_birth", "'2004-00-00'", "2004-00-00"),
            (Students, "date_of_birth", "'0000-05-03'", "0000-05-03"),
            (Students, "created_at", "'0000-00-00'", "0000-00-00 00:00:00.000000"),
            (
                Students,
                "created_at",
                "'2004-00-00 01:02:03.000004'",
                "2004-00-00 01:02:03.000004",
            ),
            (Table::Users, "is_active", "2", "2"),
            (Attendance, "date", "'0000-00-00'", "0000-00-00"),
        ],
    }
}

/// The update of one row, which every table of the small school has.
fn update(table: Table, column: &str, value: &str) -> String {
    format!("update {table} set {column} = {value} where id = (select max(m.id) from (select id from {table}) as m)")
}

#[derive(Default)]
struct JsonSink(Vec<u8>);

impl Sink for JsonSink {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        for cell in cells {
            cell.write_json(&mut self.0);
        }
        Ok(())
    }

    async fn flush_if_full(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// The rows of a table, as the reader of the engine and the reference reader read them.
pub(crate) async fn read(database: &Database, table: Table) -> String {
    let mut snapshot = Snapshot::take(database, ReadStrategy::Native, &[table]).await.unwrap();
    let (mut lines, mut expected) = (JsonSink::default(), JsonSink::default());
    snapshot.read(table, Selection::Columns, &mut lines).await.unwrap();
    snapshot.end().await.unwrap();
    reference_reader::read(database, table, Selection::Columns, &mut expected).await;
    let [lines, expected] = [lines, expected].map(|lines| String::from_utf8(lines.0).unwrap());
    assert_eq!(lines, expected, "{table}");
    lines
}

#[on_every_engine]
async fn native_value_is_restored_into_its_engine(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let ordinary = place.archive().await;
    for (table, column, value, native) in native_values(engine) {
        school.scratch.execute(&update(table, column, value)).await;
        let rows = read(&place.database, table).await;
        assert!(
            rows.contains(&format!("{{\"native\":\"{native}\"}}")),
            "{value}: {rows}"
        );
        let archive = place.archive().await;
        let digests = archive.summary().sha256;
        for request in [
            everything(RestoreMode::Replace),
            everything(RestoreMode::Merge),
            one(table, RestoreMode::Replace),
        ] {
            place
                .restore(&ordinary, &everything(RestoreMode::Replace))
                .await
                .unwrap();
            assert_ne!(place.digests().await, digests, "{value}");
            let plan = place.plan(&archive, &request).await.unwrap();
            assert_eq!(plan.blockers, [], "{value}");
            place.restore(&archive, &request).await.unwrap();
            assert_eq!(place.digests().await, digests, "{value}");
        }
        place
            .restore(&ordinary, &everything(RestoreMode::Replace))
            .await
            .unwrap();
    }
}

#[on_every_engine]
async fn native_value_of_another_engine_is_a_blocker_that_names_the_row(engine: Engine) {
    // Any other engine works, and SQLite is always available.
    if engine == Engine::Sqlite {
        return;
    }
    let school = small_school(engine).await;
    let value = if engine == Engine::Mysql {
        "'0000-00-00'"
    } else {
        "'infinity'"
    };
    school
        .scratch
        .execute(&format!("update attendance set date = {value} where id = 5"))
        .await;
    school
        .scratch
        .execute(&format!("update students set date_of_birth = {value}"))
        .await;
    let archive = RestorePlace::on(&school.scratch).await.archive().await;

    let target = small_school(Engine::Sqlite).await;
    let place = RestorePlace::on(&target.scratch).await;
    let before = target.scratch.everything().await;
    for request in [everything(RestoreMode::Replace), everything(RestoreMode::Merge)] {
        let plan = place.plan(&archive, &request).await.unwrap();
        let blockers: Vec<_> = plan
            .blockers
            .iter()
            .map(|blocker| (blocker.code, blocker.table))
            .collect();
        assert_eq!(
            blockers,
            [
                (BlockerCode::NativeValues, Table::Students),
                (BlockerCode::NativeValues, Table::Attendance)
            ]
        );
        assert!(
            plan.blockers[1].text.contains("date of row 5"),
            "{}",
            plan.blockers[1].text
        );
        assert!(
            plan.blockers[0].text.contains("date_of_birth of row "),
            "{}",
            plan.blockers[0].text
        );
        let refused = place.restore(&archive, &request).await;
        assert!(matches!(refused, Err(Error::Inadmissible { .. })), "{refused:?}");
        assert_eq!(target.scratch.everything().await, before);
    }
}
