//! `GET /backup/stats`: all counts are from one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::Value;

use harness::{Engine, Scratch, Service, TABLES, fill, on_every_engine, small_school};

/// Inserts pairs, each in one transaction, until it is stopped.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<u32>,
}

impl Writer {
    pub(crate) async fn start(scratch: &Scratch) -> Self {
        fill::insert_references_of_pairs(scratch).await;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let connection = scratch.another_connection().await;
        let task = tokio::spawn(async move {
            let mut number = 0;
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                let transaction = connection.begin().await.unwrap();
                for statement in fill::pair(number) {
                    transaction.execute_unprepared(&statement).await.unwrap();
                }
                transaction.commit().await.unwrap();
            }
            number
        });
        Self { stop, task }
    }

    /// Stops the writer and returns the number of pairs, which must not be zero.
    pub(crate) async fn stop(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        let written = self.task.await.unwrap();
        assert!(written > 10, "only {written} pairs were written meanwhile");
        written
    }
}

fn number(stats: &Value, name: &str) -> u64 {
    stats[name].as_u64().unwrap_or_else(|| panic!("{name}: {stats}"))
}

#[on_every_engine]
async fn counts_equal_those_of_the_database(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let before = Utc::now();
    let stats = service.admin().await.get("/backup/stats").await.expect(200).json();
    let mut expected = school.scratch.counts().await;
    let total: i64 = expected.values().map(|count| count.as_i64().unwrap()).sum();
    assert_eq!(total, 25);
    expected.insert("total".to_owned(), total.into());
    expected.insert("generated_at".to_owned(), stats["generated_at"].clone());
    assert_eq!(stats, Value::Object(expected));
    let generated_at = stats["generated_at"].as_str().unwrap();
    assert!(generated_at.ends_with('Z'), "UTC: {generated_at}");
    let generated_at: DateTime<Utc> = generated_at.parse().unwrap();
    assert!(generated_at >= before - chrono::Duration::seconds(1) && generated_at <= Utc::now());
}

#[on_every_engine]
async fn counts_of_an_empty_school_are_zero(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let service = Service::on(&scratch).await;
    let stats = service.admin().await.get("/backup/stats").await.expect(200).json();
    for table in TABLES {
        assert_eq!(number(&stats, table), u64::from(table == "users"), "{table}");
    }
    assert_eq!(number(&stats, "total"), 1);
}

#[on_every_engine]
async fn counts_are_one_consistent_snapshot(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let writer = Writer::start(&scratch).await;
    let mut seen = 0;
    // Repeats until the writer has been active between two answers often enough to reveal inconsistent counts.
    for _ in 0..500 {
        let stats = admin.get("/backup/stats").await.expect(200).json();
        let students = number(&stats, "students");
        assert_eq!(number(&stats, "enrollments"), students, "{stats}");
        assert_eq!(number(&stats, "payments"), students, "{stats}");
        assert_eq!(number(&stats, "total"), 3 * students + 3, "{stats}");
        seen += u32::from(students > 0);
        if seen == 60 {
            break;
        }
    }
    assert_eq!(seen, 60);
    writer.stop().await;
}
