//! `/backup/notifications`: webhooks and pings about what happened.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use harness::archives_rig::ArchivesPlace;
use harness::client::fields;
use harness::service::Setup;
use harness::{
    Answer, Client, Engine, Receiver, ReceiverAnswer, WAIT_LIMIT, on_every_engine, small_school, tls, until,
};

pub(crate) const NOTIFICATIONS: &str = "/backup/notifications";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn of(notification: &Value, rest: &str) -> String {
    format!("{NOTIFICATIONS}/{}{rest}", notification["id"])
}

pub(crate) async fn create(admin: &Client, body: &Value) -> Value {
    let created = admin.post(NOTIFICATIONS, body).await.expect(201);
    let location = created.header("location").to_owned();
    let created = created.json();
    assert_eq!(location, of(&created, ""));
    created
}

#[on_every_engine(nightly)]
async fn impossible_notifications_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    // A private address, which nothing is sent to.
    let url = "https://10.255.255.1/hook";
    let existing = create(
        admin,
        &json!({"name": "chat", "kind": "webhook", "url": url, "enabled": false}),
    )
    .await;
    let webhook = |field: &str, value: Value| {
        let mut body = json!({"name": "x", "kind": "webhook", "url": url});
        body[field] = value;
        body
    };
    for (body, named) in [
        (json!({"kind": "webhook", "url": url}), "name"),
        (json!({"name": "x", "url": url}), "kind"),
        (json!({"name": "x", "kind": "webhook"}), "url"),
        (json!({"name": "x", "kind": "ping"}), "url"),
        (json!({"name": "x", "kind": "email"}), "to"),
        (
            json!({"name": "x", "kind": "email", "to": ["office@school.example"]}),
            "kind",
        ),
        (webhook("kind", json!("sms")), "kind"),
        (webhook("name", json!("")), "name"),
        (webhook("to", json!(["office@school.example"])), "to"),
        (webhook("attach_archive", json!(true)), "attach_archive"),
        (webhook("events", json!([])), "events"),
        (webhook("events", json!(["test"])), "events"),
        (webhook("secret", json!("secret")), "secret"),
        (webhook("waiting", json!(1)), "waiting"),
        (webhook("url", json!("ftp://school.example/")), "url"),
        (webhook("url", json!("https://ada:secret@school.example/")), "url"),
        (webhook("url", json!("http://127.0.0.1:9/")), "url"),
        (webhook("url", json!("http://localhost/")), "url"),
        (webhook("url", json!("http://2130706433/")), "url"),
        (webhook("url", json!("http://[::1]/")), "url"),
        (webhook("url", json!("http://[::ffff:127.0.0.1]/")), "url"),
        (webhook("url", json!("http://169.254.169.254/latest/meta-data/")), "url"),
        (webhook("url", json!("http://[fe80::1]/")), "url"),
        (webhook("url", json!("http://0.0.0.0/")), "url"),
        (
            json!({"name": "x", "kind": "ping", "url": url, "events": ["backup_failed"]}),
            "events",
        ),
        (
            json!({"name": "x", "kind": "ping", "url": url, "secret": SECRET}),
            "secret",
        ),
    ] {
        let test = format!("{NOTIFICATIONS}/test");
        for path in [NOTIFICATIONS, &test] {
            let refused = admin.post(path, &body).await.problem(422, "invalid_field");
            assert_eq!(fields(&refused), [named], "{body}");
        }
    }
    let refused = admin
        .post(
            NOTIFICATIONS,
            &json!({"name": "x", "kind": "email", "to": ["office@school.example"]}),
        )
        .await
        .problem(422, "invalid_field");
    assert!(
        refused["detail"].as_str().unwrap().contains("CAMPUS_BACKUP_SMTP_URL"),
        "{refused}"
    );
    admin
        .post(NOTIFICATIONS, &webhook("name", json!("chat")))
        .await
        .problem(409, "notification_name_taken");
    for body in [
        json!({"url": "http://127.0.0.1/"}),
        json!({"to": ["office@school.example"]}),
        json!({"events": []}),
        json!({"kind": "ping"}),
        json!({"secret": "x"}),
    ] {
        admin
            .patch(&of(&existing, ""), &body)
            .await
            .problem(422, "invalid_field");
    }
    for id in ["0", "4711", "x", "99999999999999999999"] {
        let path = format!("{NOTIFICATIONS}/{id}");
        admin.get(&path).await.problem(404, "unknown_notification");
        admin
            .patch(&path, &json!({}))
            .await
            .problem(404, "unknown_notification");
        admin.delete(&path).await.problem(404, "unknown_notification");
        let test = Answer::of(admin.request(Method::POST, &format!("{path}/test"))).await;
        test.problem(404, "unknown_notification");
    }
    let mut expected = existing.clone();
    expected["secret"] = Value::Null;
    let listed = admin.get(NOTIFICATIONS).await.expect(200).json();
    assert_eq!(
        listed,
        json!({"items": [expected], "total": 1, "limit": 20, "offset": 0})
    );
}

#[on_every_engine]
async fn webhook_is_tried_created_edited_and_deleted(engine: Engine) {
    let school = small_school(engine).await;
    let receiver = Receiver::start().await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "true")
        .start()
        .await;
    let admin = service.admin().await;
    let body = json!({"name": "chat", "kind": "webhook", "url": receiver.url("/hook")});
    let test = format!("{NOTIFICATIONS}/test");
    receiver.answer(ReceiverAnswer::Status(404, "no such hook"));
    assert_eq!(
        admin.post(&test, &body).await.expect(200).json(),
        json!({"delivered": false, "detail": "The server answered with 404: no such hook"})
    );
    receiver.answer(ReceiverAnswer::Status(204, ""));
    assert_eq!(
        admin.post(&test, &body).await.expect(200).json(),
        json!({"delivered": true, "detail": "The server has accepted the request."})
    );
    assert_eq!(
        admin.get(NOTIFICATIONS).await.expect(200).json()["total"],
        0,
        "nothing is saved"
    );

    let keyed = async |key: &str, body: &Value| {
        let request = admin
            .request(Method::POST, NOTIFICATIONS)
            .header("Idempotency-Key", key);
        Answer::of(request.json(body)).await
    };
    let created = keyed("k", &body).await.expect(201).json();
    assert_eq!(keyed("k", &body).await.expect(201).json(), created);
    keyed(
        "k",
        &json!({"name": "other", "kind": "webhook", "url": receiver.url("/")}),
    )
    .await
    .problem(422, "idempotency_key_reused");
    let secret = created["secret"].as_str().unwrap().to_owned();
    let events = created["events"].as_array().unwrap();
    assert_eq!(events.len(), 11);
    assert!(!events.contains(&json!("backup_succeeded")));
    let mut shown = created.clone();
    shown["secret"] = Value::Null;
    assert_eq!(admin.get(&of(&created, "")).await.expect(200).json(), shown);

    let tried = Answer::of(admin.request(Method::POST, &of(&created, "/test"))).await;
    assert_eq!(tried.expect(200).json()["delivered"], true);
    let request = receiver.requests().pop().unwrap();
    assert_eq!(
        (&request.json()["type"], &request.json()["data"]),
        (&json!("test"), &json!({"name": "chat", "username": "admin"}))
    );
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!(
        "{}.{}.{}",
        request.header("webhook-id"),
        request.header("webhook-timestamp"),
        request.body
    );
    let signature = request.header("webhook-signature").strip_prefix("v1,").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    hmac::verify(&key, signed.as_bytes(), &STANDARD.decode(signature).unwrap()).unwrap();

    let edited = json!({"name": "office", "events": ["clear_done"], "secret": SECRET, "enabled": false});
    let edited = admin.patch(&of(&created, ""), &edited).await.expect(200).json();
    assert_eq!(
        (
            &edited["name"],
            &edited["events"],
            &edited["secret"],
            &edited["enabled"]
        ),
        (&json!("office"), &json!(["clear_done"]), &Value::Null, &json!(false))
    );
    let stored = school.scratch.rows("select * from backup_notifications").await;
    for secret in [&secret, SECRET] {
        let digits = secret.trim_start_matches("whsec_");
        assert!(!format!("{stored:?}").contains(digits), "{stored:?}");
        assert!(!service.logs().contains(digits));
    }
    admin.delete(&of(&created, "")).await.expect(204);
    admin.get(&of(&created, "")).await.problem(404, "unknown_notification");
    let created = keyed("k", &body).await.expect(201).json();
    assert_ne!(created["secret"], json!(secret));
}

/// The running service sends events within seconds, over TLS.
#[on_every_engine]
async fn events_are_sent_to_webhooks_and_pings(engine: Engine) {
    let school = small_school(engine).await;
    let (receiver, watch) = (Receiver::with_tls().await, Receiver::with_tls().await);
    let setup = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "true")
        .set("SSL_CERT_FILE", tls::authority().display());
    let service = setup.start().await;
    let admin = service.admin().await;
    let all = [
        "backup_succeeded",
        "backup_failed",
        "restore_done",
        "clear_done",
        "schedule_disabled",
        "administrator_added",
    ];
    create(
        &admin,
        &json!({"name": "chat", "kind": "webhook", "url": receiver.url_of("localhost", "/hook"), "events": all}),
    )
    .await;
    create(
        &admin,
        &json!({"name": "watch", "kind": "ping", "url": watch.url("/ping/")}),
    )
    .await;

    let archive = admin.create_backup().await;
    let cleared = admin.clear(&json!({"table": "payments"})).await.expect(200).json();
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    admin.post(&undo, &json!({})).await.expect(200);
    let restored = admin.restore(&archive, &json!({"mode": "replace"})).await;
    admin.done(restored).await;
    let schedule = json!({"name": "nightly", "preset": "daily"});
    let schedule = admin.post("/backup/schedules", &schedule).await.expect(201).json();
    let schedule = format!("/backup/schedules/{}", schedule["id"]);
    admin.patch(&schedule, &json!({"enabled": false})).await.expect(200);
    let made = setup.again().arguments(&["admin", "create", "eve"]).run().await;
    assert_eq!(made.code, Some(0), "{made:?}");

    let mut expected = vec![
        "backup_succeeded",
        "clear_done",
        "clear_done",
        "restore_done",
        "schedule_disabled",
        "administrator_added",
    ];
    until("all events were sent", WAIT_LIMIT, async || {
        receiver.requests().len() >= expected.len() && watch.paths().contains(&"/ping/".to_owned())
    })
    .await;
    let mut events = receiver.events();
    events.sort();
    expected.sort_unstable();
    assert_eq!(events, expected);
    let of_kind = |kind: &str| -> Vec<Value> {
        let events = receiver.requests().into_iter().map(|request| request.json());
        events
            .filter(|event| event["type"] == kind)
            .map(|event| event["data"].clone())
            .collect()
    };
    assert_eq!(of_kind("backup_succeeded")[0]["archive_id"], json!(archive));
    let clears = of_kind("clear_done");
    assert_eq!(
        (&clears[0]["action"], &clears[0]["tables"], &clears[0]["username"]),
        (&json!("clear"), &json!(["payments"]), &json!("admin"))
    );
    assert_eq!(
        (&clears[1]["action"], &clears[1]["rows"]),
        (&json!("undo"), &clears[0]["rows"])
    );
    assert_eq!(of_kind("administrator_added"), [json!({"username": "eve"})]);
    // Nothing of a student is among it.
    for request in receiver.requests() {
        assert!(!request.body.contains("000123"), "{}", request.body);
    }
}

/// A stop in the middle of a request waits for its answer. So the next start sends only what was not sent.
#[on_every_engine]
async fn graceful_stop_waits_for_the_message_that_is_being_sent(engine: Engine) {
    let school = small_school(engine).await;
    let receiver = Receiver::start().await;
    receiver.answer(ReceiverAnswer::WhenReleased);
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "true");
    let mut service = setup.start().await;
    let admin = service.admin().await;
    let body = json!({
        "name": "chat", "kind": "webhook", "url": receiver.url("/hook"), "events": ["schedule_disabled"],
    });
    create(&admin, &body).await;
    for name in ["first", "second"] {
        let schedule = json!({"name": name, "preset": "daily"});
        let schedule = admin.post("/backup/schedules", &schedule).await.expect(201).json();
        admin
            .delete(&format!("/backup/schedules/{}", schedule["id"]))
            .await
            .expect(204);
    }
    until("the first message is being sent", WAIT_LIMIT, async || {
        receiver.requests().len() == 1
    })
    .await;
    service.terminate();
    until("the service stops", WAIT_LIMIT, async || {
        service.logs().contains("stopping")
    })
    .await;
    receiver.release();
    assert_eq!(service.ended().await.code(), Some(0), "{}", service.logs());
    let states = school.scratch.rows("select state from backup_outbox order by id").await;
    let states: Vec<_> = states.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(states, ["sent", "waiting"]);
    assert_eq!(receiver.requests().len(), 1);

    let _next = setup.start().await;
    until("the second message is sent", WAIT_LIMIT, async || {
        receiver.requests().len() == 2
    })
    .await;
    let names: Vec<_> = receiver
        .requests()
        .iter()
        .map(|request| request.json()["data"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["first", "second"]);
}

/// A server with a certificate of an unknown authority gets no request.
#[tokio::test(flavor = "multi_thread")]
async fn certificate_of_an_unknown_authority_is_refused() {
    let school = small_school(Engine::Sqlite).await;
    let receiver = Receiver::with_tls().await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "true")
        .start()
        .await;
    let admin = service.admin().await;
    let body = json!({"name": "chat", "kind": "webhook", "url": receiver.url("/hook")});
    let tried = admin
        .post(&format!("{NOTIFICATIONS}/test"), &body)
        .await
        .expect(200)
        .json();
    assert_eq!(tried["delivered"], false);
    assert!(tried["detail"].as_str().unwrap().contains("certificate"), "{tried}");
    assert_eq!(receiver.requests().len(), 0);
}
