//! Imports on every engine: an untouched export changes nothing, and an import is applied and undone completely or not at all.

use std::collections::BTreeMap;

use bytes::Bytes;
use campus_backup_archive::{self as archive, Keys, Recipients};
use campus_backup_domain::catalog::TableScope;
use campus_backup_domain::export::Format;
use campus_backup_domain::import::read::ReadOptions;
use campus_backup_domain::import::{IMPORTABLE, ImportCounts, ImportMode, ImportPlan, ImportRequest};
use campus_backup_domain::job::{ImportReport, Job, JobKind, JobState};
use campus_backup_domain::operations::{IMPORT, NewImport, Operations};
use campus_backup_domain::store::StoreSettings;
use campus_backup_domain::{Error, Table};
use chrono::{SubsecRound as _, Utc};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use harness::restore_rig::RestorePlace;
use harness::schedule_rig::{ScheduleCopy, TestClock};
use harness::school::literal;
use harness::{Engine, School, Scratch, on_every_engine, small_school};

const STUDENTS: &str = "Full Name,Registration Number\r\nBea Brown,R-7\r\n";

/// A school with a copy of the service.
struct Rig {
    school: School,
    copy: ScheduleCopy,
}

impl Rig {
    async fn on(engine: Engine) -> Self {
        Self::of(small_school(engine).await, Recipients::none()).await
    }

    /// A copy that encrypts to these public keys and has no secret key.
    async fn of(school: School, recipients: Recipients) -> Self {
        let clock = TestClock::at("2026-11-29T15:00:00Z");
        clock.set(Utc::now().trunc_subsecs(6));
        let store = StoreSettings::folder(school.scratch.folder().join("archives"));
        let copy = ScheduleCopy::with_keys(&school.scratch, &clock, store, recipients, Keys::none()).await;
        Self { school, copy }
    }

    /// The same users, and no other rows.
    async fn without_rows(engine: Engine) -> Self {
        let rig = Self::on(engine).await;
        for table in IMPORTABLE.into_iter().rev() {
            rig.scratch().execute(&format!("delete from {table}")).await;
        }
        rig
    }

    fn scratch(&self) -> &Scratch {
        &self.school.scratch
    }

    async fn plan(&self, table: Table, mode: ImportMode, file: impl Into<Bytes>) -> ImportPlan {
        let new = NewImport {
            request: ImportRequest {
                table,
                mode,
                skip_wrong: false,
                create_missing: [].into(),
                reading: ReadOptions::default(),
            },
            file_name: Some("head@school.example.csv".to_owned()),
            length: None,
            time_zone: chrono_tz::UTC,
        };
        let bytes = futures_util::stream::iter([Ok(file.into())]);
        let planned = self.copy.operations.plan_import(&self.copy.admin, new, bytes).await;
        planned.unwrap()
    }

    /// Starts to apply a plan, and returns the job that has ended.
    async fn apply(&self, plan: &ImportPlan) -> Result<Job, Error> {
        let (operations, admin) = (&self.copy.operations, &self.copy.admin);
        let submitted = operations.apply_import(admin, &plan.id, &plan.hash, Some(IMPORT), None);
        submitted.await?.ended().await
    }

    async fn import(&self, table: Table, mode: ImportMode, file: impl Into<Bytes>) -> Job {
        let plan = self.plan(table, mode, file).await;
        assert!(plan.can_apply, "{plan:?}");
        let job = self.apply(&plan).await.unwrap();
        assert_eq!(job.state, JobState::Succeeded, "{job:?}");
        job
    }

    /// Starts to undo an import, and returns the job that has ended.
    async fn undo(&self, operations: &Operations, id: &str) -> Result<Job, Error> {
        operations.undo(&self.copy.admin, id, None).await?.ended().await
    }

    async fn export(&self, table: Table, format: Format) -> Vec<u8> {
        let place = RestorePlace::on(self.scratch()).await;
        place.export(TableScope::from_name(table.name()).unwrap(), format).await
    }

    /// The digests of the tables that can be imported.
    async fn digests(&self) -> BTreeMap<String, String> {
        let mut digests = RestorePlace::on(self.scratch()).await.digests().await;
        digests.remove("users");
        digests
    }

    /// The events of this name: result, user, subject, table and details.
    async fn events(&self, event: &str) -> Vec<(String, String, String, String, Value)> {
        let sql = format!(
            "select result, username, subject, table_name, details from backup_audit_events where event = '{event}' order by id"
        );
        let rows = self.scratch().rows(&sql).await.into_iter();
        rows.map(|row| {
            let [result, user, subject, table, details] = row.try_into().unwrap();
            let details = serde_json::from_str(&details.unwrap()).unwrap();
            (
                result.unwrap(),
                user.unwrap(),
                subject.unwrap(),
                table.unwrap_or_default(),
                details,
            )
        })
        .collect()
    }
}

/// Random values as SQL, the same in each run.
struct Sampler {
    engine: Engine,
    runner: TestRunner,
}

impl Sampler {
    fn value<S: Strategy>(&mut self, strategy: S) -> S::Value {
        strategy.new_tree(&mut self.runner).unwrap().current()
    }

    /// Characters that files treat in special ways, and scripts of several directions. No carriage return: a workbook has none.
    fn bare_text(&mut self) -> String {
        let text = "['\"=+@,;\\-\\n＝0-9 .()a-zéשа😀]{1,16}";
        self.value(text.prop_filter("a text is not blank", |text: &String| !text.trim().is_empty()))
    }

    fn text(&mut self) -> String {
        let text = self.bare_text();
        literal(self.engine, &text)
    }

    /// No value half of the time. An empty text and no value are the same in a workbook.
    fn optional(&mut self, some: impl FnOnce(&mut Self) -> String) -> String {
        match self.value(any::<bool>()) {
            true => some(self),
            false => "null".to_owned(),
        }
    }

    /// A name that no other number has.
    fn name(&mut self, number: usize) -> String {
        let text = self.bare_text();
        literal(self.engine, &format!("={number} {text}."))
    }

    fn phone(&mut self) -> String {
        let phone = self.value("\\+91 [0-9]{5} [0-9]{5}|0[0-9]{9}|-5");
        literal(self.engine, &phone)
    }

    fn registration_number(&mut self, number: usize) -> String {
        let prefix = self.value(proptest::sample::select(&["", "R-", "@", "=", "+", "'"][..]));
        literal(self.engine, &format!("{prefix}{number:06}"))
    }

    fn bare_date(&mut self) -> String {
        let (year, month, day) = self.value((1900..2040, 1..=12, 1..=28));
        format!("{year:04}-{month:02}-{day:02}")
    }

    fn date(&mut self) -> String {
        format!("'{}'", self.bare_date())
    }

    /// A time of whole seconds, which a file for people can have.
    fn time(&mut self) -> String {
        let (date, (hour, minute, second)) = (self.bare_date(), self.value((0..24, 0..60, 0..60)));
        let zone = if self.engine == Engine::Postgres { "+00" } else { "" };
        format!("'{date} {hour:02}:{minute:02}:{second:02}{zone}'")
    }

    fn money(&mut self) -> String {
        let (amount, cents) = self.value((-9_999i64..9_999_999_999, 0..100));
        format!("{amount}.{cents:02}")
    }

    fn word(&mut self, words: &'static [&'static str]) -> String {
        format!("'{}'", self.value(proptest::sample::select(words)))
    }
}

/// Fills an empty school with random rows. The ids have gaps.
async fn fill_randomly(rig: &Rig) {
    const STUDENTS: usize = 40;
    const COURSES: usize = 5;
    let mut sampler = Sampler {
        engine: rig.scratch().engine(),
        runner: TestRunner::deterministic(),
    };
    let s = &mut sampler;
    let mut tables: BTreeMap<Table, Vec<String>> = BTreeMap::new();
    for id in 1..=COURSES {
        let row = [
            id.to_string(),
            s.name(id),
            s.optional(Sampler::text),
            s.optional(Sampler::text),
            s.optional(Sampler::phone),
            s.value(0..10_000u32).to_string(),
            s.value(0..10_000i64).to_string(),
            s.time(),
        ];
        tables.entry(Table::Courses).or_default().push(row.join(", "));
        let row = [id.to_string(), s.name(id), s.optional(Sampler::text), s.time()];
        tables.entry(Table::PaymentCategories).or_default().push(row.join(", "));
    }
    for number in 1..=STUDENTS {
        let id = (3 * number).to_string();
        let row = [
            id.clone(),
            s.text(),
            s.registration_number(number),
            s.optional(Sampler::text),
            s.optional(Sampler::phone),
            s.optional(Sampler::text),
            s.optional(Sampler::date),
            s.time(),
        ];
        tables.entry(Table::Students).or_default().push(row.join(", "));
        let course = s.value(1..=COURSES).to_string();
        let row = [id.clone(), id.clone(), course.clone(), s.time()];
        tables.entry(Table::Enrollments).or_default().push(row.join(", "));
        let row = [
            id.clone(),
            id.clone(),
            s.value(1..=COURSES).to_string(),
            s.money(),
            s.time(),
            s.word(&["paid", "pending", "partial_paid"]),
            s.optional(Sampler::text),
        ];
        tables.entry(Table::Payments).or_default().push(row.join(", "));
        let row = [
            id.clone(),
            id,
            course,
            s.date(),
            s.word(&["present", "absent", "leave"]),
        ];
        tables.entry(Table::Attendance).or_default().push(row.join(", "));
    }
    for table in IMPORTABLE {
        let columns: Vec<_> = table.columns().iter().map(|column| column.name).collect();
        let rows: Vec<_> = tables[&table].iter().map(|row| format!("({row})")).collect();
        let (columns, rows) = (columns.join(", "), rows.join(", "));
        let sql = format!("insert into {table} ({columns}) values {rows}");
        rig.scratch().execute(&sql).await;
    }
}

#[on_every_engine]
async fn random_school_is_unchanged_by_its_exports_and_fills_an_empty_one(engine: Engine) {
    let rig = Rig::without_rows(engine).await;
    fill_randomly(&rig).await;
    let digests = rig.digests().await;
    for format in [Format::Csv, Format::Xlsx, Format::Json] {
        let empty = Rig::without_rows(engine).await;
        for table in IMPORTABLE {
            let file = rig.export(table, format).await;
            let rows = u64::try_from(rig.scratch().count(table.name()).await).unwrap();
            let unchanged = rig.plan(table, ImportMode::Replace, file.clone()).await;
            let expected = ImportCounts {
                read: rows,
                unchanged: rows,
                ..ImportCounts::default()
            };
            assert_eq!(unchanged.rows, expected, "{table} {format:?}: {unchanged:?}");
            assert_eq!(unchanged.changes, []);
            let imported = empty.import(table, ImportMode::Insert, file).await;
            let report: ImportReport = imported.report().unwrap();
            assert_eq!(report.tables[&table].inserted, rows, "{table} {format:?}");
        }
        assert_eq!(empty.digests().await, digests, "{format:?}");
    }
    assert_eq!(rig.digests().await, digests, "a plan changes nothing");
}

#[on_every_engine]
async fn replace_gives_the_table_the_rows_of_the_file_and_its_undo_the_former_ones(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (scratch, before) = (rig.scratch(), rig.digests().await);
    let file = "Student ID,Course ID,Date,Status\r\n\
                1,1,29-02-2024,present\r\n2,1,31-12-1969,leave\r\n3,2,01-03-2024,P\r\n";
    let plan = rig.plan(Table::Attendance, ImportMode::Replace, file).await;
    let expected = ImportCounts {
        read: 3,
        new: 1,
        changed: 1,
        unchanged: 1,
        removed: 1,
        ..ImportCounts::default()
    };
    assert_eq!(plan.rows, expected, "{plan:?}");
    assert!(!plan.undo_needs_identity);
    let job = rig.apply(&plan).await.unwrap();
    assert_eq!((job.kind, job.state), (JobKind::Import, JobState::Succeeded), "{job:?}");
    let rows = "select student_id, course_id, status from attendance order by student_id";
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        scratch.rows(rows).await,
        [
            [text("1"), text("1"), text("present")],
            [text("2"), text("1"), text("leave")],
            [text("3"), text("2"), text("present")],
        ]
    );
    let again = rig.plan(Table::Attendance, ImportMode::Replace, file).await;
    assert_eq!((again.rows.read, again.rows.unchanged, again.rows.removed), (3, 3, 0));
    let undone = rig.undo(&rig.copy.operations, &job.id).await.unwrap();
    assert_eq!(undone.state, JobState::Succeeded, "{undone:?}");
    assert_eq!(rig.digests().await, before);
    let twice = rig.undo(&rig.copy.operations, &job.id).await;
    assert!(matches!(twice, Err(Error::AlreadyUndone)), "{twice:?}");
}

#[on_every_engine]
async fn refused_rows_change_nothing_and_leave_no_job(engine: Engine) {
    let rig = Rig::on(engine).await;
    let before = rig.scratch().everything().await;
    for (table, file, (conflicting, wrong), column) in [
        (
            Table::Students,
            "ID,Full Name,Registration Number\r\n2,Bob,000123\r\n",
            (1, 0),
            "Registration Number",
        ),
        (
            Table::Students,
            "Full Name,Registration Number\r\nNew,N-1\r\nNew again,N-1\r\n",
            (0, 2),
            "Registration Number",
        ),
        (
            Table::Attendance,
            "Student ID,Course ID,Date,Status\r\n4711,1,01-03-2024,present\r\n",
            (0, 1),
            "Student ID",
        ),
        (
            Table::Attendance,
            "Registration Number,Course ID,Date,Status\r\nR-0,1,01-03-2024,present\r\n",
            (0, 1),
            "Registration Number",
        ),
        (
            Table::Courses,
            "Course Name,Fee,Seats\r\nPhysics,12345678901.00,1\r\n",
            (0, 1),
            "Fee",
        ),
    ] {
        let plan = rig.plan(table, ImportMode::Upsert, file).await;
        assert_eq!(
            (plan.rows.conflicting, plan.rows.wrong),
            (conflicting, wrong),
            "{plan:?}"
        );
        assert_eq!(plan.errors[0].column.as_deref(), Some(column), "{plan:?}");
        assert!(!plan.can_apply);
        let refused = rig.apply(&plan).await;
        assert!(matches!(refused, Err(Error::ImportRefused { .. })), "{refused:?}");
    }
    assert_eq!(rig.scratch().everything().await, before);
    assert_eq!(rig.scratch().count("backup_jobs").await, 0);
}

#[on_every_engine]
async fn plan_is_not_applied_after_its_tables_have_changed(engine: Engine) {
    let rig = Rig::on(engine).await;
    let file = "Student ID,Course ID,Date,Status\r\n3,2,01-03-2024,P\r\n";
    let changes = [
        "update attendance set status = 'leave' where id = 1",
        "delete from attendance where id = 5",
        "insert into attendance (id, student_id, course_id, date, status) values (9, 4, 2, '2024-01-01', 'leave')",
        "update students set phone = '1' where id = 2",
        "update courses set seats = 77 where id = 2",
    ];
    for change in changes {
        let plan = rig.plan(Table::Attendance, ImportMode::Upsert, file).await;
        rig.scratch().execute(change).await;
        let before = rig.digests().await;
        let job = rig.apply(&plan).await.unwrap();
        assert_eq!(job.state, JobState::Failed, "{change}: {job:?}");
        assert_eq!(job.fault.unwrap().code, "planoutdated", "{change}");
        assert_eq!(rig.digests().await, before, "{change}");
    }
    assert_eq!(rig.scratch().count("backup_changes").await, 0);
    let failed = rig.events("import").await;
    assert_eq!(failed.len(), changes.len(), "{failed:?}");
    assert!(failed.iter().all(|(result, ..)| result == "failed"), "{failed:?}");
    // Tables that it does not concern may change.
    let plan = rig.plan(Table::Attendance, ImportMode::Upsert, file).await;
    rig.scratch().execute("delete from payments where id = 1").await;
    let job = rig.apply(&plan).await.unwrap();
    assert_eq!(job.state, JobState::Succeeded, "{job:?}");
}

#[on_every_engine]
async fn import_and_its_undo_leave_their_job_change_and_event(engine: Engine) {
    let rig = Rig::on(engine).await;
    let before = rig.digests().await;
    let job = rig.import(Table::Students, ImportMode::Upsert, STUDENTS).await;
    let report: ImportReport = job.report().unwrap();
    let imported = rig.events("import").await;
    let [(result, user, subject, table, details)] = &imported[..] else {
        panic!("{imported:?}")
    };
    assert_eq!(
        [result, user, subject, table],
        ["succeeded", "admin", &job.id, "students"]
    );
    assert_eq!(
        (&details["import_id"], &details["mode"], &details["skipped_wrong"]),
        (&json!(report.import_id), &json!("upsert"), &json!(0))
    );
    assert_eq!(details["tables"], json!(report.tables), "{details}");
    assert_eq!(details["safety_archive_id"], json!(report.safety_archive_id));
    assert_eq!(details["file_sha256"], job.parameters["file_sha256"]);
    assert!(!details.to_string().contains("@school.example"), "{details}");

    let change =
        "select kind, safety_archive_id from backup_changes where undo_until > changed_at and undone_at is null";
    assert_eq!(
        rig.scratch().rows(change).await,
        [[Some("import".to_owned()), report.safety_archive_id.clone()]]
    );
    rig.undo(&rig.copy.operations, &job.id).await.unwrap();
    assert_eq!(rig.digests().await, before);
    assert_eq!(rig.scratch().rows(change).await.len(), 0);
    let undone = rig.events("undo").await;
    let [(result, user, subject, _, details)] = &undone[..] else {
        panic!("{undone:?}")
    };
    assert_eq!([result, user, subject], ["succeeded", "admin", &job.id]);
    assert_eq!(details["archive_id"], json!(report.safety_archive_id), "{details}");
    assert_eq!(details["tables"]["students"]["removed"], 1, "{details}");
}

#[on_every_engine]
async fn undo_of_an_import_needs_the_identity_and_its_plan_says_so(engine: Engine) {
    let identity = Keys::generate();
    let rig = Rig::of(small_school(engine).await, identity.recipients()).await;
    let before = rig.digests().await;
    let plan = rig.plan(Table::Students, ImportMode::Replace, STUDENTS).await;
    assert!(plan.undo_needs_identity);
    let job = rig.apply(&plan).await.unwrap();
    assert_eq!(job.state, JobState::Succeeded, "{job:?}");
    let operations = &rig.copy.operations;
    for without in [operations.clone(), operations.with_identity(&Keys::generate())] {
        let refused = rig.undo(&without, &job.id).await;
        let is_about_keys = matches!(
            refused,
            Err(Error::Archive(
                archive::Error::KeyRequired { .. } | archive::Error::WrongKey
            ))
        );
        assert!(is_about_keys, "{refused:?}");
    }
    let undone = rig.undo(&operations.with_identity(&identity), &job.id).await.unwrap();
    assert_eq!(undone.state, JobState::Succeeded, "{undone:?}");
    assert_eq!(rig.digests().await, before);
}
