//! `/backup/schedules`: backups at certain times.

use serde_json::{Value, json};

use harness::archives_rig::ArchivesPlace;
use harness::client::fields;
use harness::service::Setup;
use harness::{Answer, Client, Engine, Scratch, Service, WAIT_LIMIT, on_every_engine, small_school, until};
use reqwest::Method;

const SCHEDULES: &str = "/backup/schedules";

fn of(schedule: &Value, rest: &str) -> String {
    format!("{SCHEDULES}/{}{rest}", schedule["id"])
}

async fn create(admin: &Client, body: &Value) -> Value {
    let created = admin.post(SCHEDULES, body).await.expect(201);
    let location = created.header("location").to_owned();
    let created = created.json();
    assert_eq!(location, of(&created, ""));
    created
}

#[on_every_engine(nightly)]
async fn impossible_schedules_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let schedule = create(admin, &json!({"name": "nightly", "preset": "daily"})).await;
    let path = of(&schedule, "");
    for (body, named) in [
        (json!({"preset": "daily"}), "name"),
        (json!({"name": "x"}), "cron"),
        (json!({"name": "x", "cron": "0 2 * * *", "preset": "daily"}), "preset"),
        (json!({"name": "x", "preset": "yearly"}), "preset"),
        (json!({"name": "x", "cron": "0 0 2 * * *"}), "cron"),
        (json!({"name": "x", "cron": "0 2 30 2 *"}), "cron"),
        (
            json!({"name": "x", "preset": "daily", "timezone": "Berlin"}),
            "timezone",
        ),
        (json!({"name": "", "preset": "daily"}), "name"),
        (json!({"name": "x", "preset": "daily", "label": ""}), "label"),
        (json!({"name": "x", "preset": "daily", "verify": "rehearsal"}), "verify"),
        (json!({"name": "x", "preset": "daily", "enabled": "yes"}), "enabled"),
        (json!({"name": "x", "preset": "daily", "next_runs": []}), "next_runs"),
    ] {
        let refused = admin.post(SCHEDULES, &body).await.problem(422, "invalid_field");
        assert_eq!(fields(&refused), [named], "{body}");
        // A field that is missing in a patch stays as it is.
        if body["name"].is_string() && (body["cron"].is_string() || body["preset"].is_string()) {
            let refused = admin.patch(&path, &body).await.problem(422, "invalid_field");
            assert_eq!(fields(&refused), [named], "{body}");
        }
    }
    admin
        .post(SCHEDULES, &json!({"name": "nightly", "preset": "weekly"}))
        .await
        .problem(409, "schedule_name_taken");
    let other = create(admin, &json!({"name": "weekly", "preset": "weekly"})).await;
    admin
        .patch(&of(&other, ""), &json!({"name": "nightly"}))
        .await
        .problem(409, "schedule_name_taken");
    for id in ["0", "4711", "x", "99999999999999999999"] {
        let path = format!("{SCHEDULES}/{id}");
        admin.get(&path).await.problem(404, "unknown_schedule");
        admin.patch(&path, &json!({})).await.problem(404, "unknown_schedule");
        admin.delete(&path).await.problem(404, "unknown_schedule");
        let run = Answer::of(admin.request(Method::POST, &format!("{path}/run"))).await;
        run.problem(404, "unknown_schedule");
    }
    let listed = admin.get(SCHEDULES).await.expect(200).json();
    assert_eq!(listed["total"], 2);
    assert_eq!(admin.get(&path).await.expect(200).json(), schedule);
}

#[on_every_engine]
async fn schedule_is_created_edited_listed_run_and_deleted(engine: Engine) {
    let school = small_school(engine).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_TIMEZONE", "Asia/Kolkata")
        .start()
        .await;
    let admin = service.admin().await;
    let body = json!({"name": "Every night", "preset": "daily"});
    let keyed = async |key: &str, body: &Value| {
        let request = admin.request(Method::POST, SCHEDULES).header("Idempotency-Key", key);
        Answer::of(request.json(body)).await
    };
    let created = keyed("k", &body).await.expect(201).json();
    assert_eq!(keyed("k", &body).await.expect(201).json(), created);
    keyed("k", &json!({"name": "Other", "preset": "daily"}))
        .await
        .problem(422, "idempotency_key_reused");
    let expected = json!({
        "id": created["id"], "name": "Every night", "cron": "0 2 * * *", "preset": "daily", "timezone": "Asia/Kolkata",
        "label": null, "verify": "none", "enabled": true, "created_at": created["created_at"],
        "updated_at": created["created_at"], "created_by": "admin", "next_runs": created["next_runs"], "last_run": null,
    });
    assert_eq!(created, expected);
    let next = created["next_runs"].as_array().unwrap();
    assert_eq!(next.len(), 5);
    // 02:00 in Kolkata.
    assert!(
        next.iter().all(|next| next.as_str().unwrap().ends_with("T20:30:00Z")),
        "{created}"
    );

    let edited = json!({
        "cron": "30 3 * * 1-5", "timezone": "UTC", "label": "weekday", "verify": "digest", "enabled": false,
    });
    let edited = admin.patch(&of(&created, ""), &edited).await.expect(200).json();
    assert_eq!((&edited["preset"], &edited["next_runs"]), (&json!(null), &json!([])));
    let edited = json!({"enabled": true, "label": null});
    let edited = admin.patch(&of(&created, ""), &edited).await.expect(200).json();
    assert_eq!((&edited["label"], &edited["verify"]), (&json!(null), &json!("digest")));
    assert!(
        edited["next_runs"][4].as_str().unwrap().ends_with("T03:30:00Z"),
        "{edited}"
    );
    let listed = admin.get(&format!("{SCHEDULES}?limit=1")).await.expect(200).json();
    assert_eq!(listed, json!({"items": [edited], "total": 1, "limit": 1, "offset": 0}));

    let run = |key: &'static str| {
        let request = admin.request(Method::POST, &of(&created, "/run"));
        Answer::of(request.header("Idempotency-Key", key))
    };
    let first = run("r").await;
    let job = first.header("location").to_owned();
    let done = admin.done(first).await;
    assert_eq!(run("r").await.expect(202).header("location"), job);
    let archives = admin.archives().await;
    assert_eq!(archives.len(), 1);
    let archive = &archives[0];
    assert_eq!(
        (&archive["id"], &archive["label"], &archive["created_by"]),
        (&done["archive_id"], &json!("Every night"), &json!("admin"))
    );
    assert_eq!(admin.get(&of(&created, "")).await.expect(200).json(), edited);

    admin.delete(&of(&created, "")).await.expect(204);
    admin.get(&of(&created, "")).await.problem(404, "unknown_schedule");
    assert_eq!(admin.archives().await.len(), 1);
    // The key is free again.
    keyed("k", &body).await.expect(201);
}

/// As if its time had come.
pub(crate) async fn make_due(scratch: &Scratch) {
    let past = match scratch.engine() {
        Engine::Sqlite => "strftime('%Y-%m-%dT%H:%M:00+00:00', 'now', '-1 minutes')",
        Engine::Postgres => "date_trunc('minute', now()) - interval '1 minute'",
        Engine::Mysql => "date_format(utc_timestamp() - interval 1 minute, '%Y-%m-%d %H:%i:00')",
    };
    scratch
        .execute(&format!("update backup_schedules set next_run_at = {past}"))
        .await;
}

#[on_every_engine]
async fn service_makes_due_runs_by_itself(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    assert!(
        service.logs().contains("campus-backup schedule create"),
        "{}",
        service.logs()
    );
    let body = json!({"name": "often", "cron": "* * * * *", "verify": "test_restore", "label": "by itself"});
    let schedule = create(&admin, &body).await;
    make_due(&school.scratch).await;
    let mut last = Value::Null;
    until("the run has succeeded", WAIT_LIMIT * 2, async || {
        last = admin.get(&of(&schedule, "")).await.expect(200).json()["last_run"].clone();
        last["state"] == "succeeded"
    })
    .await;
    assert_eq!(
        (&last["failed_attempts"], &last["error"]),
        (&json!(0), &json!(null)),
        "{last}"
    );
    let archive = last["archive_id"].as_str().unwrap();
    let archive = admin
        .get(&format!("/backup/archives/{archive}"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&archive["label"], &archive["created_by"]),
        (&json!("by itself"), &json!("system"))
    );
    assert_eq!(archive["verifications"][0]["level"], "test_restore", "{archive}");
    for (job, kind) in [("job_id", "archive"), ("verify_job_id", "verify")] {
        let job = last[job].as_str().unwrap();
        let job = admin.get(&format!("/backup/jobs/{job}")).await.expect(200).json();
        assert_eq!((&job["kind"], &job["username"]), (&json!(kind), &json!("system")));
    }
    admin.delete(&of(&schedule, "")).await.expect(204);
    let ended = service.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// The other copy leaves the runs to this one.
#[tokio::test(flavor = "multi_thread")]
async fn copy_with_schedules_off_says_so() {
    let school = small_school(Engine::Sqlite).await;
    let off = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_SCHEDULES", "off")
        .start()
        .await;
    assert!(off.logs().contains("--schedules off"), "{}", off.logs());
    assert!(!off.logs().contains("campus-backup schedule create"), "{}", off.logs());
    // They are managed there all the same.
    let admin = off.admin().await;
    let schedule = create(&admin, &json!({"name": "nightly", "preset": "monthly"})).await;
    assert_eq!(schedule["next_runs"].as_array().unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_has_a_daily_schedule() {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let setup = Setup::on(&scratch)
        .set("CAMPUS_BACKUP_TIMEZONE", "Europe/Berlin")
        .argument("--demo");
    for _ in 0..2 {
        let service = setup.start().await;
        let listed = service.admin().await.get(SCHEDULES).await.expect(200).json();
        assert_eq!(listed["total"], 1, "{listed}");
        let schedule = &listed["items"][0];
        assert_eq!(
            (&schedule["preset"], &schedule["timezone"], &schedule["created_by"]),
            (&json!("daily"), &json!("Europe/Berlin"), &json!("system"))
        );
        service.stop().await;
    }
}
