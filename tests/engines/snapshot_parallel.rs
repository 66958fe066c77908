//! Two threads that read one SQLite table in parallel read what one thread would, from one snapshot, while others
//! write.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use campus_backup_archive::Cell;
use campus_backup_domain::snapshot::{ParallelSink, ReadStrategy, RowEncoder, Selection, Sink, Snapshot};
use campus_backup_domain::{Database, Error, Table};
use sea_orm::ConnectionTrait as _;

use harness::{Engine, Scratch};

const STUDENTS: i64 = 1000;
const ROWS_PER_RANGE: u64 = 16;

async fn school() -> (Scratch, Database) {
    let scratch = Scratch::migrated(Engine::Sqlite).await;
    let numbers = format!("with recursive n(id) as (values (1) union all select id + 1 from n where id < {STUDENTS})");
    let columns = "(id, full_name, registration_number, phone, created_at)";
    let rows = "select id, 'n', 'r' || id, '0', '2024-01-01 00:00:00' from n";
    scratch
        .execute(&format!("insert into students {columns} {numbers} {rows}"))
        .await;
    let database = scratch.database().await;
    (scratch, database)
}

/// The second and the fifth column of students, one line for each row.
#[derive(Default)]
struct PhoneSink {
    text: Vec<u8>,
    rows: u64,
    /// Whether the second thread has read any row.
    shared: bool,
    fails_after: Option<u64>,
}

fn line(cells: &[Cell<'_>], out: &mut Vec<u8>) {
    let (Cell::Integer(id), Cell::Text(phone) | Cell::Native(phone)) = (&cells[0], &cells[4]) else {
        panic!("{cells:?}");
    };
    out.extend_from_slice(format!("{id} {phone}\n").as_bytes());
}

impl Sink for PhoneSink {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        self.rows += 1;
        line(cells, &mut self.text);
        Ok(())
    }

    async fn flush_if_full(&mut self) -> Result<(), Error> {
        match self.fails_after {
            Some(rows) if self.rows >= rows => Err(Error::Gone),
            _ => Ok(()),
        }
    }
}

impl ParallelSink for PhoneSink {
    fn encoder(&self) -> Option<RowEncoder> {
        Some(Box::new(|cells, out| {
            line(cells, out);
            Ok(())
        }))
    }

    fn append_encoded(&mut self, rows: u64, bytes: &[u8]) {
        self.shared = true;
        self.rows += rows;
        self.text.extend_from_slice(bytes);
    }
}

fn expected(phone: &str) -> String {
    (1..=STUDENTS).map(|id| format!("{id} {phone}\n")).collect()
}

async fn take(database: &Database) -> Snapshot {
    Snapshot::take(database, ReadStrategy::Parallel(ROWS_PER_RANGE), &[Table::Students])
        .await
        .unwrap()
}

async fn read(snapshot: &mut Snapshot, lines: &mut PhoneSink) -> Result<(), Error> {
    snapshot.read_parallel(Table::Students, Selection::Columns, lines).await
}

/// Waits until the worker's permit is free; an abandoned worker releases it a little later.
async fn worker_is_free(database: &Database) {
    let began = Instant::now();
    loop {
        let mut snapshot = take(database).await;
        let mut lines = PhoneSink::default();
        read(&mut snapshot, &mut lines).await.unwrap();
        snapshot.end().await.unwrap();
        assert_eq!(lines.rows, STUDENTS.unsigned_abs());
        if lines.shared == (cores() >= 2) {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "the worker's permit was not released"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_read_uses_two_threads_where_there_are_two_cores() {
    let (_scratch, database) = school().await;
    // Twice: the second connection can be used again.
    for _ in 0..2 {
        let mut snapshot = take(&database).await;
        let mut lines = PhoneSink::default();
        read(&mut snapshot, &mut lines).await.unwrap();
        assert_eq!(String::from_utf8(lines.text).unwrap(), expected("0"));
        assert_eq!(lines.shared, cores() >= 2);
        // Both threads still have the snapshot.
        let mut again = PhoneSink::default();
        read(&mut snapshot, &mut again).await.unwrap();
        assert_eq!((again.rows, again.shared), (1000, cores() >= 2));
        snapshot.end().await.unwrap();
    }
    // Without a free core one thread reads alone, with the same result.
    let mut snapshots = [take(&database).await, take(&database).await];
    for (before, snapshot) in snapshots.iter_mut().enumerate() {
        let mut lines = PhoneSink::default();
        read(snapshot, &mut lines).await.unwrap();
        assert_eq!(String::from_utf8(lines.text).unwrap(), expected("0"));
        assert_eq!(lines.shared, cores() / 2 > before);
    }
}

/// Every commit changes all rows, so two different snapshots would give two values. The writer sometimes pauses, or on
/// a busy machine no worker could join between two commits.
#[tokio::test(flavor = "multi_thread")]
async fn parallel_read_sees_one_snapshot_while_others_write() {
    let (_scratch, database) = school().await;
    let over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (over, database) = (over.clone(), database.clone());
        async move {
            let mut commits = 0u64;
            while !over.load(Ordering::Relaxed) {
                commits += 1;
                let update = format!("update students set phone = '{commits}'");
                database.connection().execute_unprepared(&update).await.unwrap();
                tokio::time::sleep(Duration::from_millis(commits % 8)).await;
            }
        }
    });
    let began = Instant::now();
    let (mut taken, mut shared) = (0, 0);
    let mut seen = BTreeSet::new();
    while taken < 300 || seen.len() < 20 || (cores() >= 2 && shared < 20) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{shared} of {taken} were read by two, {} commits were seen",
            seen.len()
        );
        let mut snapshot = take(&database).await;
        let mut lines = PhoneSink::default();
        read(&mut snapshot, &mut lines).await.unwrap();
        snapshot.end().await.unwrap();
        let text = String::from_utf8(lines.text).unwrap();
        let phone = text.split_ascii_whitespace().nth(1).unwrap().to_owned();
        assert!(
            text == expected(&phone),
            "two snapshots in one read: {phone} and others"
        );
        taken += 1;
        shared += u32::from(lines.shared);
        seen.insert(phone);
    }
    over.store(true, Ordering::Relaxed);
    writing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_read_has_native_values_of_both_threads() {
    let (scratch, database) = school().await;
    // Ids in the ranges of the first thread and of the worker.
    for id in [1, 17, 500, 999, STUDENTS] {
        worker_is_free(&database).await;
        scratch
            .execute(&format!("update students set phone = x'41' where id = {id}"))
            .await;
        let mut snapshot = take(&database).await;
        let mut lines = PhoneSink::default();
        read(&mut snapshot, &mut lines).await.unwrap();
        snapshot.end().await.unwrap();
        let expected = expected("0").replace(&format!("\n{id} 0\n"), &format!("\n{id} X'41'\n"));
        let text = String::from_utf8(lines.text).unwrap();
        assert!(id == 1 || text == expected, "{id}");
        assert!(id != 1 || text.starts_with("1 X'41'\n2 0\n"));
        assert_eq!(lines.shared, cores() >= 2, "{id}");
        scratch.execute("update students set phone = '0'").await;
    }
    worker_is_free(&database).await;
}

/// A client may disconnect at any point: the worker's permit and connection are always released.
#[tokio::test(flavor = "multi_thread")]
async fn abandoned_parallel_read_releases_its_connection_and_permit() {
    let (_scratch, database) = school().await;
    // Once after each range of the worker except the last.
    for rows in (0..900).step_by(32) {
        worker_is_free(&database).await;
        let mut snapshot = take(&database).await;
        let mut lines = PhoneSink {
            fails_after: Some(rows),
            ..PhoneSink::default()
        };
        let left = read(&mut snapshot, &mut lines).await;
        assert!(matches!(left, Err(Error::Gone)), "{left:?}");
        assert_eq!(lines.shared, cores() >= 2);
    }
    worker_is_free(&database).await;
}
