//! Archives while other work runs: other writers, other copies of the service, and a service that is killed.

use std::process::Command;

use reqwest::Method;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::{Value, json};

use crate::locked_tables::LockedTable;
use harness::archives_rig::{ARCHIVES, of};
use harness::service::Setup;
use harness::{Answer, Client, Engine, Scratch, Service, WAIT_LIMIT, fill, on_every_engine, small_school, until};

async fn keyed(admin: &Client, path: &str, key: &str, body: &Value) -> Answer {
    let request = admin
        .request(Method::POST, path)
        .header("Idempotency-Key", format!("\"{key}\""));
    Answer::of(request.json(body)).await
}

/// A repeated request with the same key is executed once, also after a restart.
#[on_every_engine]
async fn keys_are_honoured_across_restarts(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let admin = service.admin().await;
    let taken = keyed(&admin, ARCHIVES, "take-1", &json!({"label": "a"}))
        .await
        .expect(202)
        .json();
    let result = admin
        .ended(&format!("/backup/jobs/{}", taken["id"].as_str().unwrap()))
        .await["result"]
        .clone();
    let clear = json!({"table": "payments"});
    let cleared = keyed(&admin, "/backup/clear", "clear-1", &clear)
        .await
        .expect(200)
        .json();
    service.stop().await;

    let service = setup.start().await;
    let admin = service.admin().await;
    let again = keyed(&admin, ARCHIVES, "take-1", &json!({"label": "a"}))
        .await
        .expect(202)
        .json();
    assert_eq!((&again["id"], &again["result"]), (&taken["id"], &result));
    keyed(&admin, ARCHIVES, "take-1", &json!({"label": "b"}))
        .await
        .problem(422, "idempotency_key_reused");
    assert_eq!(
        keyed(&admin, "/backup/clear", "clear-1", &clear)
            .await
            .expect(200)
            .json(),
        cleared
    );
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    let undone = keyed(&admin, &undo, "undo-1", &json!({})).await.expect(200).json();
    assert_eq!(
        keyed(&admin, &undo, "undo-1", &json!({})).await.expect(200).json(),
        undone
    );
    assert_eq!(admin.archives().await.len(), 2);
    assert_eq!(school.scratch.count("payments").await, 3);
}

/// The enrollment and the payment of a pair are written in one transaction: an archive has both or neither.
#[on_every_engine]
async fn archive_is_a_consistent_snapshot(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    let service = Setup::on(&scratch).start().await;
    let admin = service.admin().await;
    fill::insert_references_of_pairs(&scratch).await;
    let stop = tokio_util::sync::CancellationToken::new();
    // SQLite allows one writer at a time, so more writers would only wait for each other.
    let writers = if engine == Engine::Sqlite { 4 } else { 50 };
    let connection = scratch.another_connection().await;
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let (connection, stop) = (connection.clone(), stop.clone());
        tasks.push(tokio::spawn(async move {
            let mut number = writer * 1_000_000;
            while !stop.is_cancelled() {
                number += 1;
                let transaction = connection.begin().await.unwrap();
                for statement in fill::pair(number) {
                    transaction.execute_unprepared(&statement).await.unwrap();
                }
                transaction.commit().await.unwrap();
            }
        }));
    }
    until("pairs are written", WAIT_LIMIT, async || {
        scratch.count("payments").await > 100
    })
    .await;
    let mut last = 0;
    for _ in 0..5 {
        let id = admin.create_backup().await;
        let rows = admin.get(&of(&id, "")).await.expect(200).json()["rows"].clone();
        assert_eq!(
            (&rows["students"], &rows["enrollments"]),
            (&rows["payments"], &rows["payments"])
        );
        let now = rows["payments"].as_i64().unwrap();
        assert!(now > last, "nothing was written meanwhile");
        last = now;
        // Every reference in the archive has its row.
        admin
            .done(admin.post(&of(&id, "/verify"), &json!({"level": "test_restore"})).await)
            .await;
    }
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
}

/// While one copy restores, the other refuses changes and names that job. After the first copy was killed, the other
/// continues its work.
#[on_every_engine]
async fn only_one_copy_changes_the_data_at_a_time(engine: Engine) {
    if engine == Engine::Sqlite {
        return;
    }
    let school = small_school(engine).await;
    let store = tempfile::tempdir().unwrap();
    let copy = async || {
        let setup = Setup::on(&school.scratch)
            .set("CAMPUS_BACKUP_ARCHIVES", store.path().display())
            .set("CAMPUS_BACKUP_DATABASE_TIMEOUT", 60);
        let service = setup.start().await;
        let admin = service.admin().await;
        (service, admin)
    };
    let ((first, admin), (_second, other)) = (copy().await, copy().await);
    let id = admin.create_backup().await;
    let plan = admin.plan(&id, &json!({"mode": "replace"})).await;
    let body = json!({"mode": "replace", "plan_hash": plan["hash"], "confirm": "restore"});
    let before = admin.digests().await;
    let locked = LockedTable::against_writers(&school.scratch).await;
    let restoring = admin.post(&of(&id, "/restore"), &body).await.expect(202).json();
    for path in [of(&id, "/restore"), "/backup/clear".to_owned()] {
        let body = if path == "/backup/clear" {
            json!({"table": "payments"})
        } else {
            body.clone()
        };
        let refused = other.post(&path, &body).await.problem(409, "busy");
        assert_eq!(refused["job_id"], restoring["id"]);
    }
    // Readers need not wait.
    other
        .done(other.post(&of(&id, "/verify"), &json!({"level": "digest"})).await)
        .await;
    kill(&first);
    locked.lets_go().await;
    let mut cleared = Value::Null;
    until("the lease is free", WAIT_LIMIT, async || {
        let answer = other.clear(&json!({"table": "payments"})).await;
        let done = answer.status == 200;
        cleared = if done {
            answer.json()
        } else {
            answer.problem(409, "busy")
        };
        done
    })
    .await;
    let job = other
        .get(&format!("/backup/jobs/{}", restoring["id"].as_str().unwrap()))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&job["state"], &job["error"]["code"]),
        (&json!("interrupted"), &json!("interrupted")),
        "{job}"
    );
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    other.post(&undo, &json!({})).await.expect(200);
    assert_eq!(
        other.digests().await,
        before,
        "the restore that died has changed something"
    );
}

/// A cancelled backup leaves no files.
#[on_every_engine]
async fn cancelled_backup_leaves_nothing(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    fill::wide_students(&scratch, 50_000, 640).await;
    let service = Setup::on(&scratch).start().await;
    let admin = service.admin().await;
    let taking = admin.post(ARCHIVES, &json!({})).await.expect(202).json();
    let job = format!("/backup/jobs/{}", taking["id"].as_str().unwrap());
    admin.post(&format!("{job}/cancel"), &json!({})).await.expect(202);
    let ended = admin.ended(&job).await;
    assert_eq!(
        (&ended["state"], &ended["result"]),
        (&json!("cancelled"), &Value::Null),
        "{ended}"
    );
    assert_eq!(admin.archives().await, Vec::<Value>::new());
    let left = std::fs::read_dir(service.folder().join("data/archives")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().starts_with("20")),
        "{left:?}"
    );
}

fn kill(service: &Service) {
    let status = Command::new("kill")
        .args(["-KILL", &service.pid().to_string()])
        .status();
    assert!(status.unwrap().success());
}
