//! Archives of every engine are compared and test-restored by the domain.

use std::sync::Arc;

use campus_backup_archive::Keys;
use campus_backup_domain::diff::{self, Archive, Counts, DiffInput, TableComparison};
use campus_backup_domain::job::Progress;
use campus_backup_domain::open::ArchiveSource;
use campus_backup_domain::{Table, verify};

use harness::restore_rig::RestorePlace;
use harness::{Engine, School, Scratch, TABLES, on_every_engine, small_school};

async fn download(scratch: &Scratch) -> Arc<dyn ArchiveSource> {
    Arc::new(RestorePlace::on(scratch).await.archive().await)
}

fn archive(source: &Arc<dyn ArchiveSource>) -> DiffInput {
    DiffInput::Archive(Archive {
        source: Arc::clone(source),
        keys: Keys::none(),
        manifest: None,
    })
}

async fn live(scratch: &Scratch) -> DiffInput {
    DiffInput::Live(scratch.database().await)
}

#[on_every_engine]
async fn changes_since_an_archive_are_found(engine: Engine) {
    let school = small_school(engine).await;
    let taken = download(&school.scratch).await;
    let (stored, live) = (archive(&taken), live(&school.scratch).await);
    let progress = Progress::default();
    let diff = diff::counts(&stored, &live, &progress).await.unwrap();
    assert!(diff.is_empty(), "{diff:?}");
    let rows: usize = TABLES.iter().map(|table| School::count(table)).sum();
    assert_eq!(progress.state().rows_done, 2 * rows as u64);

    school.scratch.execute("delete from attendance").await;
    school
        .scratch
        .execute("update students set full_name = 'x' where id = 1")
        .await;
    school
        .scratch
        .execute("insert into payment_categories (id, name) values (900, 'x')")
        .await;
    let diff = diff::counts(&stored, &live, &Progress::default()).await.unwrap();
    let back = diff::counts(&live, &stored, &Progress::default()).await.unwrap();
    let count = |table: Table| School::count(table.name()) as u64;
    let compared = |added, removed, changed, unchanged| {
        TableComparison::Compared(Counts {
            added,
            removed,
            changed,
            unchanged,
        })
    };
    let (attendance, categories) = (count(Table::Attendance), count(Table::PaymentCategories));
    let students = count(Table::Students);
    for (table, expected, expected_back) in [
        (
            Table::Attendance,
            compared(0, attendance, 0, 0),
            compared(attendance, 0, 0, 0),
        ),
        (
            Table::PaymentCategories,
            compared(1, 0, 0, categories),
            compared(0, 1, 0, categories),
        ),
        (
            Table::Students,
            compared(0, 0, 1, students - 1),
            compared(0, 0, 1, students - 1),
        ),
    ] {
        assert_eq!(diff.tables[&table], expected, "{table}");
        assert_eq!(back.tables[&table], expected_back, "{table}");
    }
}

#[on_every_engine]
async fn same_school_has_no_differences_between_engines(engine: Engine) {
    let here = small_school(engine).await;
    let elsewhere = small_school(Engine::Sqlite).await;
    let taken = download(&here.scratch).await;
    let diff = diff::counts(&archive(&taken), &live(&elsewhere.scratch).await, &Progress::default()).await;
    let diff = diff.unwrap();
    assert!(diff.is_empty(), "{diff:?}");
    let other = download(&elsewhere.scratch).await;
    let diff = diff::counts(&archive(&taken), &archive(&other), &Progress::default())
        .await
        .unwrap();
    assert!(diff.is_empty(), "{diff:?}");
}

#[on_every_engine]
async fn archives_of_every_engine_pass_a_test_restore(engine: Engine) {
    let school = small_school(engine).await;
    let taken = download(&school.scratch).await;
    let folder = tempfile::tempdir().unwrap();
    let progress = Progress::default();
    let tested = verify::test_restore(&taken, &Keys::none(), None, folder.path(), &progress)
        .await
        .unwrap();
    assert_eq!(
        tested.checked.header.engine,
        match engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgresql",
            Engine::Mysql => "mysql",
        }
    );
    assert_eq!(tested.checked.summary.total, 25);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
