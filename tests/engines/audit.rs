//! The chain of the audit. An event and its operation are one commit.

use campus_backup_domain::Error;
use campus_backup_domain::audit::{
    Audit, AuditActor, AuditEntry, AuditEvent, AuditFault, AuditFilter, AuditHead, AuditReport, AuditResult,
};
use campus_backup_domain::job::{JobState, Lock};
use chrono::TimeDelta;
use serde_json::json;

use harness::copy::{Copy, HeartbeatMode, backup, submission};
use harness::schedule_rig::{ScheduleCopy, TestClock, schedule};
use harness::{Engine, Scratch, WAIT_LIMIT, on_every_engine, small_school, until};

/// The columns of an event, in the order of the table.
const COLUMNS: &str = "id, at, event, result, username, user_id, method, token_id, client, subject, table_name, status, reason, \
                       details, hash";

/// Forgets the events of the rig itself, which creates a token.
async fn empty_audit(scratch: &Scratch) {
    let zeros = "0".repeat(64);
    scratch.execute("delete from backup_audit_events").await;
    scratch
        .execute(&format!(
            "update backup_audit_head set last_id = 0, last_hash = '{zeros}'"
        ))
        .await;
}

/// A chain of six events that a test can damage and repair.
struct Chain {
    audit: Audit,
    copy: Copy,
    scratch: Scratch,
}

impl Chain {
    async fn new(engine: Engine) -> Self {
        let scratch = small_school(engine).await.scratch;
        let copy = Copy::on(&scratch, HeartbeatMode::SILENT).await;
        let audit = Audit::new(scratch.database().await, None);
        empty_audit(&scratch).await;
        for number in 1..=6 {
            let actor = AuditActor::user(number, format!("user {number}"), None);
            let entry = AuditEntry::new(actor.with_client("203.0.113.7".parse().ok()), AuditEvent::Clear)
                .about(number)
                .of_table(Some("students"))
                .answered(200)
                .ended(AuditResult::Failed, Some("a reason"))
                .with("rows", number);
            audit.record(entry).await.unwrap();
        }
        for (copied, table) in [
            ("kept_events", "backup_audit_events"),
            ("kept_head", "backup_audit_head"),
        ] {
            scratch
                .execute(&format!("create table {copied} as select * from {table}"))
                .await;
        }
        Self { audit, copy, scratch }
    }

    async fn report(&self) -> AuditReport {
        self.audit.verify(&self.copy.admin, None).await.unwrap()
    }

    /// Damages the chain, verifies it, and repairs it.
    async fn fault_after(&self, statements: &[&str]) -> (Option<i64>, Option<AuditFault>) {
        for statement in statements {
            self.scratch.execute(statement).await;
        }
        let report = self.report().await;
        assert_eq!(report.ok, report.first_bad.is_none(), "{report:?}");
        for statement in [
            "delete from backup_audit_events",
            "delete from backup_audit_head",
            &format!("insert into backup_audit_events ({COLUMNS}) select {COLUMNS} from kept_events"),
            "insert into backup_audit_head (id, last_id, last_hash, anchor_id, anchor_hash) \
             select id, last_id, last_hash, anchor_id, anchor_hash from kept_head",
        ] {
            self.scratch.execute(statement).await;
        }
        let mended = self.report().await;
        assert!(mended.ok && mended.events == 6, "{mended:?}");
        (report.first_bad, report.fault)
    }
}

#[on_every_engine]
async fn change_of_any_column_is_found(engine: Engine) {
    let chain = Chain::new(engine).await;
    let at = match engine {
        Engine::Mysql => "2020-01-01 00:00:00",
        Engine::Sqlite | Engine::Postgres => "2020-01-01T00:00:00+00:00",
    };
    let changes = [
        format!("at = '{at}'"),
        "event = 'undo'".to_owned(),
        "result = 'succeeded'".to_owned(),
        "username = 'another'".to_owned(),
        "username = null".to_owned(),
        "user_id = 99".to_owned(),
        "method = 'session'".to_owned(),
        "token_id = 99".to_owned(),
        "client = '203.0.113.8'".to_owned(),
        "subject = '99'".to_owned(),
        "table_name = 'courses'".to_owned(),
        "status = 500".to_owned(),
        "reason = 'another'".to_owned(),
        "details = '{}'".to_owned(),
        format!("hash = '{}'", "0".repeat(64)),
    ];
    for change in changes {
        for id in [1, 3, 6] {
            let sql = format!("update backup_audit_events set {change} where id = {id}");
            let found = chain.fault_after(&[&sql]).await;
            assert_eq!(found, (Some(id), Some(AuditFault::Changed)), "{sql}");
        }
    }
}

#[on_every_engine]
async fn deleted_added_and_moved_events_are_found(engine: Engine) {
    let chain = Chain::new(engine).await;
    let missing = |id| (Some(id), Some(AuditFault::Missing));
    for id in [1, 3, 6] {
        let sql = format!("delete from backup_audit_events where id = {id}");
        assert_eq!(chain.fault_after(&[&sql]).await, missing(id), "{sql}");
    }
    let found = chain
        .fault_after(&["delete from backup_audit_events where id > 3"])
        .await;
    assert_eq!(found, missing(4));
    assert_eq!(
        chain.fault_after(&["delete from backup_audit_events"]).await,
        missing(1)
    );
    let others = COLUMNS.strip_prefix("id, ").unwrap();
    for id in [0, 7] {
        let sql =
            format!("insert into backup_audit_events ({COLUMNS}) select {id}, {others} from kept_events where id = 6");
        assert_eq!(chain.fault_after(&[&sql]).await, (Some(id), Some(AuditFault::Added)));
    }
    let swap = [
        "update backup_audit_events set id = 100 where id = 3",
        "update backup_audit_events set id = 3 where id = 4",
        "update backup_audit_events set id = 4 where id = 100",
    ];
    assert_eq!(chain.fault_after(&swap).await, (Some(3), Some(AuditFault::Changed)));
}

#[on_every_engine]
async fn changed_head_is_found(engine: Engine) {
    let chain = Chain::new(engine).await;
    let zeros = "0".repeat(64);
    let head = |id| (Some(id), Some(AuditFault::Head));
    let sql = format!("update backup_audit_head set last_hash = '{zeros}'");
    assert_eq!(chain.fault_after(&[&sql]).await, head(6));
    // The newest event is deleted, and the head says so. The hash of the head still is the one of the deleted event.
    let truncated = [
        "delete from backup_audit_events where id = 6",
        "update backup_audit_head set last_id = 5",
    ];
    assert_eq!(chain.fault_after(&truncated).await, head(5));
    let found = chain.fault_after(&["update backup_audit_head set last_id = 5"]).await;
    assert_eq!(found, (Some(6), Some(AuditFault::Added)));
    let found = chain.fault_after(&["update backup_audit_head set last_id = 9"]).await;
    assert_eq!(found, (Some(7), Some(AuditFault::Missing)));
    let found = chain.fault_after(&["update backup_audit_head set anchor_id = 2"]).await;
    assert_eq!(found, (Some(1), Some(AuditFault::Added)));
    // The oldest events are deleted as the retention does it, but without its event.
    let deleted = [
        "update backup_audit_head set anchor_id = 2, \
         anchor_hash = (select hash from backup_audit_events where id = 2)",
        "delete from backup_audit_events where id <= 2",
    ];
    assert_eq!(chain.fault_after(&deleted).await, (Some(1), Some(AuditFault::Missing)));
}

/// Without a noted event, the verification accepts a chain that was truncated with a matching head.
#[on_every_engine]
async fn noted_event_shows_a_chain_that_was_truncated_consistently(engine: Engine) {
    let chain = Chain::new(engine).await;
    let before = chain.report().await;
    let noted = AuditHead {
        id: before.last_id,
        hash: before.last_hash,
    };
    let verify = async |noted: &AuditHead| chain.audit.verify(&chain.copy.admin, Some(noted)).await.unwrap();
    assert!(verify(&noted).await.ok);
    for statement in [
        "delete from backup_audit_events where id = 6",
        "update backup_audit_head set last_id = 5, \
         last_hash = (select hash from backup_audit_events where id = 5)",
    ] {
        chain.scratch.execute(statement).await;
    }
    assert!(chain.report().await.ok);
    let found = verify(&noted).await;
    assert_eq!((found.first_bad, found.fault), (Some(6), Some(AuditFault::Noted)));
    let other = AuditHead {
        id: 2,
        hash: "0".repeat(64),
    };
    assert_eq!(verify(&other).await.first_bad, Some(2));
}

#[on_every_engine]
async fn events_of_several_copies_form_one_chain(engine: Engine) {
    const EACH: usize = 25;
    let school = small_school(engine).await;
    let copy = Copy::on(&school.scratch, HeartbeatMode::SILENT).await;
    empty_audit(&school.scratch).await;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let audit = Audit::new(school.scratch.database().await, None);
        tasks.push(tokio::spawn(async move {
            for _ in 0..EACH {
                let entry = AuditEntry::new(AuditActor::service(), AuditEvent::Backup);
                audit.record(entry).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let audit = Audit::new(school.scratch.database().await, None);
    // On SQLite, an event that did not get the write lock in time was deferred.
    audit.step().await.unwrap();
    let report = audit.verify(&copy.admin, None).await.unwrap();
    assert!(report.ok, "{report:?}");
    assert_eq!((report.events, report.last_id), (4 * EACH as u64, 4 * EACH as i64));
}

/// The results of the events of jobs, oldest first.
async fn results(scratch: &Scratch) -> Vec<String> {
    let sql = "select result from backup_audit_events where event <> 'token_issued' order by id";
    let rows = scratch.rows(sql).await;
    rows.into_iter().map(|mut row| row.swap_remove(0).unwrap()).collect()
}

#[on_every_engine]
async fn ended_job_has_exactly_one_event(engine: Engine) {
    let school = small_school(engine).await;
    let copy = Copy::on(&school.scratch, HeartbeatMode::SILENT).await;
    empty_audit(&school.scratch).await;
    let done = copy.submit(submission(Lock::None), async |_| Ok(backup(7))).await;
    assert_eq!(done.unwrap().ended().await.state, JobState::Succeeded);
    let failed = copy
        .submit(submission(Lock::WriterLease), async |_| Err(Error::UnknownJob))
        .await;
    let failed = failed.unwrap().ended().await;
    assert_eq!(failed.state, JobState::Failed);
    let cancelled = copy.idle(Lock::WriterLease).await.unwrap();
    copy.jobs.cancel(&copy.admin, &cancelled.id).await.unwrap();
    assert_eq!(cancelled.ended().await.state, JobState::Cancelled);
    assert_eq!(results(&school.scratch).await, ["succeeded", "failed", "cancelled"]);
    let sql = "select username, user_id, method, reason from backup_audit_events where id = 2";
    let event = school.scratch.rows(sql).await.swap_remove(0);
    let fault = failed.fault.map(|fault| fault.code);
    let expected = [
        Some(copy.admin.username().to_owned()),
        copy.admin.user_id().map(|id| id.to_string()),
        Some("session".to_owned()),
        fault,
    ];
    assert_eq!(event, expected);
}

#[on_every_engine]
async fn reaped_job_has_exactly_one_event(engine: Engine) {
    let school = small_school(engine).await;
    let cut_off = Copy::on(&school.scratch, HeartbeatMode::CUT_OFF).await;
    let abandoned = cut_off.idle(Lock::WriterLease).await.unwrap();
    let (one, two) = (
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
    );
    until("the job is reaped", WAIT_LIMIT, async || {
        one.jobs.get(&abandoned.id).await.unwrap().state == JobState::Interrupted
    })
    .await;
    assert_eq!(results(&school.scratch).await, ["interrupted"]);
    let audit = Audit::new(school.scratch.database().await, None);
    assert!(audit.verify(&two.admin, None).await.unwrap().ok);
}

/// A job whose transaction is rolled back leaves the event of its failure, and not the one of its success.
#[on_every_engine]
async fn event_is_rolled_back_with_its_transaction(engine: Engine) {
    let chain = Chain::new(engine).await;
    let before = chain.report().await;
    let head = "update backup_audit_head set last_id = last_id + 1";
    let transaction = chain.scratch.another_connection().await;
    let begin = match engine {
        Engine::Sqlite => "begin immediate",
        Engine::Postgres | Engine::Mysql => "begin",
    };
    for statement in [begin, head, "rollback"] {
        use sea_orm::ConnectionTrait as _;
        transaction.execute_unprepared(statement).await.unwrap();
    }
    let after = chain.report().await;
    assert_eq!((after.last_id, after.last_hash), (before.last_id, before.last_hash));
    let entry = AuditEntry::new(AuditActor::service(), AuditEvent::Backup);
    chain.audit.record(entry).await.unwrap();
    let report = chain.report().await;
    assert!(report.ok && report.last_id == before.last_id + 1, "{report:?}");
}

#[on_every_engine]
async fn retention_deletes_old_events_and_the_rest_is_verified(engine: Engine) {
    let chain = Chain::new(engine).await;
    let keep = Some(TimeDelta::days(1));
    let database = chain.scratch.database().await;
    let young = Audit::new(database.clone(), keep);
    young.delete_old().await.unwrap();
    assert_eq!(chain.report().await.events, 6, "none is old");
    // As if each event were a day older than the audit keeps it.
    let audit = Audit::new(database, Some(TimeDelta::days(-1)));
    audit.delete_old().await.unwrap();
    let report = chain.report().await;
    assert!(report.ok, "{report:?}");
    assert_eq!((report.deleted_until, report.events, report.last_id), (6, 1, 7));
    let filter = AuditFilter {
        event: Some(AuditEvent::AuditRetention),
        ..AuditFilter::default()
    };
    let listed = audit.list(&chain.copy.admin, &filter, 10, 0).await.unwrap();
    assert_eq!(listed.total, 1);
    let details = listed.items[0].details.clone().unwrap();
    assert_eq!(details, json!({"deleted": 6, "deleted_until": 6}));
    let all = audit
        .list(&chain.copy.admin, &AuditFilter::default(), 10, 0)
        .await
        .unwrap();
    assert_eq!(all.total, 1);
    // A deleted event can't be checked any more. The newest of them still can.
    let noted = |id| AuditHead {
        id,
        hash: "0".repeat(64),
    };
    let refused = audit.verify(&chain.copy.admin, Some(&noted(3))).await;
    assert!(
        matches!(refused, Err(Error::Invalid { field: "noted", .. })),
        "{refused:?}"
    );
    let found = audit.verify(&chain.copy.admin, Some(&noted(6))).await.unwrap();
    assert_eq!(found.fault, Some(AuditFault::Noted));
    chain
        .audit
        .record(AuditEntry::new(AuditActor::service(), AuditEvent::Backup))
        .await
        .unwrap();
    assert!(chain.report().await.ok);
}

#[on_every_engine]
async fn retention_keeps_the_evidence_of_a_gap(engine: Engine) {
    let chain = Chain::new(engine).await;
    chain
        .scratch
        .execute("delete from backup_audit_events where id = 2")
        .await;
    let audit = Audit::new(chain.scratch.database().await, Some(TimeDelta::days(-1)));
    audit.delete_old().await.unwrap();
    let report = chain.report().await;
    assert_eq!((report.first_bad, report.fault), (Some(2), Some(AuditFault::Missing)));
    assert_eq!(chain.scratch.count("backup_audit_events").await, 5);
}

/// A name that is taken: the schedule is not created, and the domain leaves no event of a creation.
#[on_every_engine]
async fn refused_change_leaves_no_event_of_a_change(engine: Engine) {
    let school = small_school(engine).await;
    let clock = TestClock::at("2026-11-30T12:00:00Z");
    let copy = ScheduleCopy::on(&school.scratch, &clock).await;
    let create = async || {
        let new = schedule("nightly", "0 3 * * *");
        copy.schedules.create(&copy.admin, new, None).await
    };
    create().await.unwrap();
    create().await.unwrap_err();
    let sql = "select count(*) from backup_audit_events where event = 'schedule_creation'";
    assert_eq!(school.scratch.number(sql).await, 1);
}
