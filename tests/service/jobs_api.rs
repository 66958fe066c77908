//! `/backup/jobs` over HTTP. Another copy of the service, inside the test, runs the jobs.

use std::time::Duration;

use campus_backup_domain::job::{Context, Lock, Phase};
use reqwest::Method;
use serde_json::{Value, json};

use harness::copy::{Copy, HeartbeatMode, backup, idle, submission};
use harness::service::Setup;
use harness::{ADMIN_PASSWORD, Answer, Client, Engine, Service, WAIT_LIMIT, on_every_engine, small_school, varying};

const NOWHERE: &str = "/backup/jobs/01890000-0000-7000-8000-000000000000";
const LAST_EVENT: &str = "9007199254740991";

/// One server-sent event.
#[derive(Debug)]
struct Event {
    id: u64,
    name: String,
    data: Value,
}

async fn events(client: &Client, id: &str, last: Option<&str>) -> Answer {
    let mut request = client.request(Method::GET, &format!("/backup/jobs/{id}/events"));
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    // Browsers send this header. Events are never compressed.
    Answer::of(request.header("Accept-Encoding", "gzip, br")).await
}

fn parsed(answer: &Answer) -> Vec<Event> {
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!(answer.header("content-encoding"), "");
    let text = answer.text();
    let blocks = text
        .split("\n\n")
        .filter(|block| !block.is_empty() && !block.starts_with(':'));
    blocks
        .map(|block| {
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
                line.unwrap_or_else(|| panic!("no {name} in {block}")).to_owned()
            };
            Event {
                id: field("id").parse().unwrap(),
                name: field("event"),
                data: serde_json::from_str(&field("data")).unwrap(),
            }
        })
        .collect()
}

#[on_every_engine(nightly)]
async fn unknown_and_invalid_requests_are_refused(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    for id in [NOWHERE, "/backup/jobs/1", "/backup/jobs/%00", "/backup/jobs/..%2f"] {
        admin.get(id).await.problem(404, "unknown_job");
        admin.get(&format!("{id}/events")).await.problem(404, "unknown_job");
        admin
            .post(&format!("{id}/cancel"), &json!({}))
            .await
            .problem(404, "unknown_job");
    }
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "offset=-1",
        "offset=9223372036854775808",
        "state=done",
        "kind=download",
        "page=1",
        "limit=1&limit=2",
        "limit=",
        "offset",
        "idempotency_key=",
        "idempotency_key=a%20b",
        "idempotency_key=%00",
        "idempotency_key=%C3%A4",
        &format!("idempotency_key={}", "x".repeat(256)),
    ] {
        admin
            .get(&format!("/backup/jobs?{query}"))
            .await
            .problem(422, "invalid_field");
    }
    let empty = admin.get("/backup/jobs").await.expect(200).json();
    assert_eq!(empty, json!({"items": [], "total": 0, "limit": 20, "offset": 0}));
}

#[on_every_engine]
async fn jobs_are_listed_shown_and_cancelled(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let copy = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    let done = copy
        .submit(submission(Lock::None), async |_| Ok(backup(7)))
        .await
        .unwrap()
        .ended()
        .await;
    let running = copy.idle(Lock::WriterLease).await.unwrap();

    let listed = admin.get("/backup/jobs").await.expect(200).json();
    let ids: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        (ids, &listed["total"]),
        (vec![&*running.id, &*done.id], &json!(2)),
        "newest first"
    );
    for (query, id) in [
        ("limit=1", &running.id),
        ("offset=1", &done.id),
        ("kind=archive", &done.id),
        ("state=running&kind=clear", &running.id),
        ("state=succeeded", &done.id),
    ] {
        let listed = admin.get(&format!("/backup/jobs?{query}")).await.expect(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{query}");
        assert_eq!(listed["items"][0]["id"], json!(id), "{query}");
    }
    let shown = admin.get(&format!("/backup/jobs/{}", done.id)).await.expect(200);
    assert_eq!(shown.header("retry-after"), "");
    insta::assert_json_snapshot!("job", shown.json(), {
        ".id" => varying("[id]"),
        ".created_at" => varying("[time]"),
        ".started_at" => varying("[time]"),
        ".heartbeat_at" => varying("[time]"),
        ".ended_at" => varying("[time]"),
    });
    admin
        .post(&format!("/backup/jobs/{}/cancel", done.id), &json!({}))
        .await
        .problem(409, "not_cancellable");

    let path = format!("/backup/jobs/{}", running.id);
    assert_eq!(admin.get(&path).await.expect(200).header("retry-after"), "1");
    let asked = admin.post(&format!("{path}/cancel"), &json!({})).await.expect(202);
    assert_eq!((asked.header("location"), asked.header("retry-after")), (&*path, "1"));
    assert_eq!(asked.json()["state"], "cancelling");
    assert_eq!(
        running.ended().await.state,
        campus_backup_domain::job::JobState::Cancelled
    );
    assert_eq!(admin.get(&path).await.expect(200).json()["state"], "cancelled");
}

/// A client whose response was lost can look up its request, but no request of another user.
#[on_every_engine]
async fn job_is_found_by_the_idempotency_key_of_its_owner(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let other = "insert into users (username, password_hash, role, is_active) \
                 select 'other', password_hash, role, is_active from users where username = 'admin'";
    school.scratch.execute(other).await;
    let other = service.login("other", ADMIN_PASSWORD).await;
    let by_key = async |client: &Client, query: &str| {
        let listed = client.get(&format!("/backup/jobs?idempotency_key={query}")).await;
        let listed = listed.expect(200).json();
        let ids = listed["items"].as_array().unwrap().iter().map(|job| job["id"].clone());
        let ids: Vec<_> = ids.collect();
        assert_eq!(listed["total"], ids.len());
        ids
    };
    let clear = async |client: &Client, table: &str, key: &str| {
        let request = client
            .request(Method::POST, "/backup/clear")
            .header("Idempotency-Key", key);
        Answer::of(request.json(&json!({"table": table, "expected_rows": 3}))).await
    };
    assert_eq!(by_key(&admin, "lost").await, [] as [Value; 0], "it never arrived");
    let cleared = clear(&admin, "payments", "lost").await.expect(200).json();
    assert_eq!(by_key(&admin, "lost").await, std::slice::from_ref(&cleared["id"]));
    for query in ["los", "LOST", "lost%25", "lost&kind=undo", "lost&state=failed"] {
        assert_eq!(by_key(&admin, query).await, [] as [Value; 0], "{query}");
    }
    assert_eq!(by_key(&other, "lost").await, [] as [Value; 0], "a key is its owner's");
    let others = clear(&other, "attendance", "lost").await.expect(200).json();
    assert_eq!(by_key(&other, "lost").await, std::slice::from_ref(&others["id"]));
    assert_eq!(by_key(&admin, "lost").await, std::slice::from_ref(&cleared["id"]));
    // A request that was refused before it became a job has left no record.
    clear(&admin, "payments", "refused")
        .await
        .problem(412, "row_count_changed");
    assert_eq!(by_key(&admin, "refused").await, [] as [Value; 0]);
}

#[on_every_engine(nightly)]
async fn events_report_each_change_once(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let copy = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    let job = copy.submit(submission(Lock::None), async |context: Context| {
        let progress = context.progress();
        progress.enter(Phase::BackingUp, Some(100))?;
        for _ in 0..100 {
            progress.advance(1)?;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        Ok(backup(100))
    });
    let job = job.await.unwrap();
    events(&admin, &job.id, Some("yesterday"))
        .await
        .problem(422, "invalid_field");

    let told = parsed(&events(&admin, &job.id, None).await.expect(200));
    assert!(told.len() >= 2, "{told:?}");
    assert!(told.is_sorted_by(|a, b| a.id < b.id), "{told:?}");
    let (last, before) = told.split_last().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.data["state"]),
        ("ended", &json!("succeeded"))
    );
    assert_eq!(
        (last.id.to_string().as_str(), &last.data["result"]),
        (LAST_EVENT, &json!(backup(100)))
    );
    assert!(
        before
            .iter()
            .all(|event| event.name == "progress" && event.data["id"] == json!(job.id)),
        "{told:?}"
    );
    assert_eq!(before[0].data["state"], "running");

    // A reconnecting client gets the missed event, which is the end, and then 204, so that it does not reconnect.
    let missed = parsed(
        &events(&admin, &job.id, Some(&before[0].id.to_string()))
            .await
            .expect(200),
    );
    assert_eq!(missed.iter().map(|event| event.id).collect::<Vec<_>>(), [last.id]);
    let over = events(&admin, &job.id, Some(LAST_EVENT)).await;
    assert_eq!((over.status.as_u16(), over.text()), (204, String::new()));

    // A reconnecting client gets only states that are newer than its last one.
    let idling = copy.submit(submission(Lock::None), idle).await.unwrap();
    let far = (Duration::from_secs(60 * 60).as_millis()).to_string();
    let watching = tokio::spawn({
        let (admin, id) = (admin.clone(), idling.id.clone());
        async move { events(&admin, &id, Some(&far)).await }
    });
    copy.jobs.cancel(&copy.admin, &idling.id).await.unwrap();
    let told = parsed(&watching.await.unwrap().expect(200));
    assert_eq!(
        told.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(),
        ["ended"]
    );
    assert_eq!(told[0].data["state"], "cancelled");
}

/// A service that starts after kill -9 reports at once how its jobs ended.
#[on_every_engine]
async fn jobs_are_interrupted_at_once_after_a_crash(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let runner = std::fs::read_to_string(service.folder().join("data/runner")).unwrap();
    let copy = Copy::on(&school.scratch, HeartbeatMode::SILENT).await;
    let job = copy.idle(Lock::WriterLease).await.unwrap();
    // Sets the records as if the service had run the job.
    school
        .scratch
        .execute(&format!("update backup_jobs set runner = '{}'", runner.trim()))
        .await;
    assert_eq!(
        service
            .admin()
            .await
            .get(&format!("/backup/jobs/{}", job.id))
            .await
            .expect(200)
            .json()["state"],
        "running"
    );
    // Dropping the service kills it.
    drop(service);
    let service = setup.start().await;
    let shown = service
        .admin()
        .await
        .get(&format!("/backup/jobs/{}", job.id))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&shown["state"], &shown["error"]["code"]),
        (&json!("interrupted"), &json!("interrupted"))
    );
}

/// An open event stream does not delay the end of the service.
#[on_every_engine(nightly)]
async fn watchers_do_not_delay_the_shutdown(engine: Engine) {
    let school = small_school(engine).await;
    // Longer than `stop` waits.
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_SHUTDOWN_TIMEOUT", 600)
        .start()
        .await;
    let admin = service.admin().await;
    let copy = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    let job = copy.idle(Lock::None).await.unwrap();
    let request = admin.request(Method::GET, &format!("/backup/jobs/{}/events", job.id));
    let mut watching = request.send().await.unwrap();
    watching.chunk().await.unwrap().expect("the first event");
    assert_eq!(service.stop().await.code, Some(0));
}

/// Only administrators may read job events, so the stream ends with the account's rights.
#[tokio::test(flavor = "multi_thread")]
async fn events_end_with_the_token_and_with_the_account() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let copy = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    let job = copy.idle(Lock::None).await.unwrap();
    let path = format!("/backup/jobs/{}/events", job.id);
    let watch = async |client: &Client| {
        let mut watching = client.request(Method::GET, &path).send().await.unwrap();
        watching.chunk().await.unwrap().expect("the first event");
        watching
    };
    let assert_ends = async |what: &str, watching: reqwest::Response| {
        let rest = tokio::time::timeout(WAIT_LIMIT, watching.text()).await;
        let rest = rest.unwrap_or_else(|_| panic!("{what}: the stream continues"));
        assert!(!rest.unwrap().contains("event: ended"), "{what}: the job continues");
    };

    let (signed_out, other) = (service.admin().await, service.admin().await);
    let (watching, mut others) = (watch(&signed_out).await, watch(&other).await);
    signed_out.delete("/auth/session").await.expect(204);
    assert_ends("signed out", watching).await;

    let short = setup.again().set("CAMPUS_BACKUP_TOKEN_LIFETIME", 1).start().await;
    let expiring = short.admin().await;
    assert_ends("the token has expired", watch(&expiring).await).await;

    // The other stream has received its events so far, and ends with the account's rights.
    others.chunk().await.unwrap().expect("another event");
    let scratch = &school.scratch;
    scratch.execute("update users set role = 'teacher' where id = 1").await;
    assert_ends("demoted", others).await;
}
