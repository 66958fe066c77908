//! `GET /backup/download/all` and `?format=json`: the archive.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::stats::Writer;
use harness::school::TOTALS;
use harness::{Engine, School, Scratch, Service, TABLES, on_every_engine, small_school};

/// An archive that is read line by line, without a JSON parser for the whole document.
struct Archive {
    document: Value,
    /// The rows of each table as lines, without the commas between them.
    lines: BTreeMap<String, Vec<String>>,
    /// The tables in the order of the document.
    order: Vec<String>,
}

impl Archive {
    fn read(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).expect("valid JSON");
        let mut lines = BTreeMap::<String, Vec<String>>::new();
        let mut order = Vec::new();
        let tables = text.split_once("\"tables\":{").expect("tables").1;
        for line in tables.lines() {
            if let Some(name) = line.strip_prefix('"').and_then(|rest| rest.split_once("\":[")) {
                order.push(name.0.to_owned());
                lines.entry(name.0.to_owned()).or_default();
            } else if line.starts_with('{') {
                let row = line.strip_suffix(',').unwrap_or(line).to_owned();
                lines.get_mut(order.last().unwrap()).unwrap().push(row);
            }
        }
        Self { document, lines, order }
    }

    /// Checks counts, digests and totals against the rows.
    #[track_caller]
    fn assert_proves_itself(&self) {
        let summary = &self.document["summary"];
        let mut total = 0;
        for (table, lines) in &self.lines {
            assert_eq!(summary["rows"][table], lines.len(), "{table}");
            assert_eq!(
                self.document["tables"][table].as_array().unwrap().len(),
                lines.len(),
                "{table}"
            );
            let mut digest = Sha256::new();
            for line in lines {
                digest.update(line);
                digest.update("\n");
            }
            let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(summary["sha256"][table], digest, "{table}");
            total += lines.len();
        }
        assert_eq!(summary["total"], total);
        assert_eq!(summary["rows"].as_object().unwrap().len(), self.lines.len());
    }

    fn member(&self, name: &str) -> &Map<String, Value> {
        self.document[name].as_object().unwrap()
    }
}

#[on_every_engine]
async fn complete_backup_contains_every_row(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let text = admin.get("/backup/download/all").await.expect(200).text();
    assert_eq!(
        text,
        text.trim_start_matches('\u{feff}'),
        "JSON has no byte order mark (RFC 8259, section 8.1)"
    );
    let archive = Archive::read(&text);
    let document = &archive.document;
    assert_eq!(document["format"], "campus-backup");
    assert_eq!(document["version"], 1);
    assert_eq!(document["engine"], engine.name());
    assert_eq!(document["app_version"], env!("CARGO_PKG_VERSION"));
    let created_at: DateTime<Utc> = document["created_at"].as_str().unwrap().parse().unwrap();
    assert!((Utc::now() - created_at).num_seconds().abs() < 300);
    let members: BTreeSet<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "format",
        "version",
        "created_at",
        "app_version",
        "engine",
        "schema",
        "tables",
        "summary",
    ];
    assert_eq!(members, expected.into());
    assert!(text.trim_end().ends_with("}}"), "the summary stands last");
    assert!(text.rfind("\"summary\"") > text.rfind("\"attendance\":["));

    assert_eq!(archive.order, TABLES);
    for table in TABLES {
        assert_eq!(archive.lines[table], School::lines(table), "{table}");
        let columns = document["schema"][table].as_array().unwrap();
        let columns: BTreeSet<_> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
        let row: Value = serde_json::from_str(&archive.lines[table][0]).unwrap();
        assert_eq!(
            columns,
            row.as_object().unwrap().keys().map(String::as_str).collect(),
            "{table}"
        );
    }
    archive.assert_proves_itself();
    let totals: Map<_, _> = TOTALS
        .iter()
        .map(|(column, sum)| ((*column).to_owned(), json!(sum)))
        .collect();
    assert_eq!(document["summary"]["totals"], Value::Object(totals));
}

#[on_every_engine(nightly)]
async fn download_of_one_table_is_an_archive_of_it(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    for table in TABLES {
        let answer = admin
            .get(&format!("/backup/download/{table}?format=json"))
            .await
            .expect(200);
        let archive = Archive::read(&answer.text());
        assert_eq!(archive.order, [table]);
        assert_eq!(archive.lines[table], School::lines(table), "{table}");
        assert_eq!(archive.member("schema").len(), 1);
        archive.assert_proves_itself();
    }
}

#[on_every_engine(nightly)]
async fn empty_school_has_a_valid_archive(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let service = Service::on(&scratch).await;
    let archive = Archive::read(
        &service
            .admin()
            .await
            .get("/backup/download/all")
            .await
            .expect(200)
            .text(),
    );
    assert_eq!(archive.order, TABLES);
    archive.assert_proves_itself();
    assert_eq!(archive.document["summary"]["total"], 1);
    let totals = json!({"courses.fee": "0.00", "payments.amount_paid": "0.00"});
    assert_eq!(archive.document["summary"]["totals"], totals);
}

/// A writer inserts a student, an enrollment and a payment in each transaction: a backup has the same number of each.
#[on_every_engine]
async fn backup_is_one_consistent_snapshot(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let writer = Writer::start(&scratch).await;
    let mut last = 0;
    for _ in 0..25 {
        let answer = admin.get("/backup/download/all").await.expect(200);
        let archive = Archive::read(&answer.text());
        archive.assert_proves_itself();
        let rows = archive.member("summary")["rows"].clone();
        let students = rows["students"].as_u64().unwrap();
        assert_eq!(rows["enrollments"], students, "{rows}");
        assert_eq!(rows["payments"], students, "{rows}");
        assert_eq!(
            answer.header("x-total-rows"),
            archive.document["summary"]["total"].to_string()
        );
        let cents = students * 125;
        let sum = format!("{}.{:02}", cents / 100, cents % 100);
        assert_eq!(archive.document["summary"]["totals"]["payments.amount_paid"], sum);
        assert!(students >= last, "a later backup is of a later moment");
        last = students;
    }
    writer.stop().await;
}

/// Digests allow comparing databases of different engines.
#[tokio::test(flavor = "multi_thread")]
async fn digests_are_equal_on_all_engines() {
    let mut first = None;
    for engine in Engine::ALL.into_iter().filter(|engine| engine.is_available()) {
        let school = small_school(engine).await;
        let service = Service::on(&school.scratch).await;
        let mut archive = service
            .admin()
            .await
            .get("/backup/download/all")
            .await
            .expect(200)
            .json();
        // The digest of the document covers its header, which names the engine.
        let digest = archive["summary"].as_object_mut().unwrap().remove("digest");
        assert!(digest.is_some());
        let comparable = (
            archive["schema"].clone(),
            archive["summary"].clone(),
            archive["tables"].clone(),
        );
        let first = first.get_or_insert_with(|| comparable.clone());
        assert_eq!(*first, comparable, "{engine:?}");
    }
}
