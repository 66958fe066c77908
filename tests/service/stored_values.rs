//! Values that are no date, no number, or too long, over HTTP. A value that a backup can hold is restored. A value
//! that it can't hold is reported before anything is deleted.

use harness::archives_rig::{ArchivesPlace, of};
use harness::{Engine, on_every_engine};
use serde_json::json;

/// A date of birth as the engine's own text, and as SQL.
fn native(engine: Engine) -> (&'static str, &'static str) {
    match engine {
        Engine::Sqlite => ("31-12-2024", "'31-12-2024'"),
        Engine::Postgres => ("20140-01-01", "'20140-01-01'"),
        Engine::Mysql => ("0000-00-00", "'0000-00-00'"),
    }
}

#[on_every_engine]
async fn native_value_is_downloaded_cleared_and_restored(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (text, sql) = native(engine);
    let odd = format!("update students set date_of_birth = {sql} where id = 1");
    place.school.scratch.execute(&odd).await;
    let (admin, before) = (&place.admin, place.admin.digests().await);

    let csv = admin.csv("/backup/download/students").await;
    assert!(csv.contains(text), "{csv}");
    admin.get("/backup/download/students?format=xlsx").await.expect(200);
    let document = admin.get("/backup/download/all").await.expect(200).json();
    let students = document["tables"]["students"].to_string();
    assert!(students.contains(&json!({"native": text}).to_string()), "{students}");

    let id = admin.create_backup().await;
    for level in ["digest", "test_restore"] {
        let verified = admin.post(&of(&id, "/verify"), &json!({"level": level})).await;
        let result = admin.done(verified).await;
        assert_eq!(result["verification"]["result"], "ok", "{level}: {result}");
    }
    let cleared = admin.clear(&json!({"table": "students"})).await.expect(200).json();
    assert_eq!(place.school.scratch.count("students").await, 0);
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    admin.post(&undo, &json!({})).await.expect(200);
    assert_eq!(admin.digests().await, before);

    admin.clear(&json!({"table": "students"})).await.expect(200);
    let request = json!({"mode": "replace"});
    let plan = admin.post(&of(&id, "/restore-plan"), &request).await.expect(200).json();
    assert_eq!(plan["blockers"], json!([]));
    let request = json!({"mode": "replace", "plan_hash": plan["hash"], "confirm": "restore"});
    admin.done(admin.post(&of(&id, "/restore"), &request).await).await;
    assert_eq!(admin.digests().await, before);
}

#[on_every_engine]
async fn rows_beyond_the_limits_are_named_before_anything_is_deleted(engine: Engine) {
    // The test servers accept no statement that is long enough. The reader's limit does not depend on the engine.
    if engine == Engine::Mysql {
        return;
    }
    let place = ArchivesPlace::on(engine).await;
    let text = match engine {
        Engine::Sqlite => "replace(hex(zeroblob(9000000)), '0', 'x')",
        Engine::Postgres | Engine::Mysql => "repeat('x', 18000000)",
    };
    let scratch = &place.school.scratch;
    for change in ["students set address", "courses set description"] {
        scratch.execute(&format!("update {change} = {text} where id = 1")).await;
    }
    let counts = scratch.counts().await;
    let admin = &place.admin;
    let refused = admin.clear(&json!({"table": "all", "confirm": "all"})).await.json();
    let job = admin.job(admin.post("/backup/archives", &json!({})).await).await;
    for (code, detail) in [
        (&refused["code"], &refused["detail"]),
        (&job["error"]["code"], &job["error"]["detail"]),
    ] {
        assert_eq!(code, "unexportable", "{refused} {job}");
        let detail = detail.as_str().unwrap();
        for row in ["students", "courses", "2 of the stored rows"] {
            assert!(detail.contains(row), "{detail}");
        }
    }
    assert_eq!(scratch.counts().await, counts);
    // Shorter texts are accepted.
    for change in ["students set address", "courses set description"] {
        scratch
            .execute(&format!("update {change} = 'short' where id = 1"))
            .await;
    }
    admin
        .clear(&json!({"table": "all", "confirm": "all"}))
        .await
        .expect(200);
}
