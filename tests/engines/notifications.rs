//! Messages of notifications at a clock that the test sets: none is lost, and each is sent once.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campus_backup_domain::Error;
use campus_backup_domain::job::{Idempotency, JobState, Lock};
use campus_backup_domain::notify::{
    self, BackupFailed, BackupStale, BackupStarted, BackupSucceeded, BackupWellAgain, Event, LocalTargets,
    NotificationPatch, NotifySettings, SECRET_REPLAY, SecretState, SecretsKey,
};
use campus_backup_domain::schedule::{RunnerSettings, SchedulePatch};
use chrono::TimeDelta;
use sea_orm::TransactionTrait as _;
use secrecy::ExposeSecret as _;
use serde_json::json;

use harness::copy::{Copy, HeartbeatMode};
use harness::notify_rig::{
    NotifyCopy, email, enqueue, mail_settings, notify_settings, numbered, outbox, ping, test_message, webhook,
};
use harness::schedule_rig::{ScheduleCopy, StubAnswer, StubExecutor, TestClock, schedule, stubbed_with};
use harness::smtp::{MailRules, MailServer};
use harness::{
    Engine, Receiver, ReceiverAnswer, School, WAIT_LIMIT, on_every_engine, refusing_address, small_school, until,
};

const MINUTE: TimeDelta = TimeDelta::minutes(1);

async fn school(engine: Engine) -> (School, TestClock) {
    (small_school(engine).await, TestClock::at("2026-11-29T15:00:00Z"))
}

fn started() -> Event {
    Event::BackupStarted(BackupStarted {
        label: Some("nightly".to_owned()),
        job_id: "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70".to_owned(),
    })
}

fn succeeded() -> Event {
    Event::BackupSucceeded(BackupSucceeded {
        label: Some("nightly".to_owned()),
        archive_id: "2026-11-29T15-00-00Z-5f1c2a9b".to_owned(),
        job_id: None,
        schedule_id: Some(1),
        verified: false,
    })
}

fn failed() -> Event {
    Event::BackupFailed(BackupFailed {
        label: Some("nightly".to_owned()),
        job_id: None,
        schedule_id: Some(1),
        attempts: 5,
        archive_id: None,
        code: "insufficient_storage".to_owned(),
        detail: "The disk is full.".to_owned(),
    })
}

fn stale() -> Event {
    Event::BackupStale(BackupStale {
        last_backup_at: None,
        reasons: vec!["There is no backup.".to_owned()],
    })
}

fn well_again() -> Event {
    Event::BackupWellAgain(BackupWellAgain {
        last_backup_at: None,
        failing_since: None,
    })
}

fn states(outbox: &[(String, String)]) -> Vec<&str> {
    outbox.iter().map(|(_, state)| state.as_str()).collect()
}

#[on_every_engine]
async fn event_has_messages_if_its_transaction_commits(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    copy.create(webhook("all", &receiver)).await;
    let disabled = notify::NewNotification {
        enabled: false,
        ..webhook("disabled", &receiver)
    };
    copy.create(disabled).await;
    let restores = notify::NewNotification {
        events: Some(vec![notify::EventKind::RestoreDone]),
        ..webhook("restores", &receiver)
    };
    copy.create(restores).await;
    let transaction = school.scratch.connection().begin().await.unwrap();
    notify::enqueue(&transaction, clock.now(), &numbered(0)).await.unwrap();
    transaction.rollback().await.unwrap();
    enqueue(&school.scratch, &clock, &test_message()).await;
    assert_eq!(outbox(&school.scratch).await, []);
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    let messages = outbox(&school.scratch).await;
    assert_eq!(messages, [("administrator_added".to_owned(), "waiting".to_owned())]);
    copy.deliver().await.unwrap();
    assert_eq!(receiver.events(), ["administrator_added"]);
}

#[on_every_engine]
async fn nothing_is_lost_while_the_mail_server_is_down(engine: Engine) {
    let (school, clock) = school(engine).await;
    let (address, socket) = refusing_address();
    let copy = NotifyCopy::on(&school.scratch, &clock, mail_settings(address.port())).await;
    let id = copy.create(email("office", &["office@school.example"])).await;
    for number in 0..3 {
        enqueue(&school.scratch, &clock, &numbered(number)).await;
    }
    copy.deliver().await.unwrap();
    let shown = copy.notifications.get(&copy.admin, id).await.unwrap();
    assert_eq!((shown.waiting, shown.failing_since), (3, Some(clock.now())));
    let error = shown.last_error.unwrap();
    assert!(error.starts_with("The mail server could not be used"), "{error}");

    let server = MailServer::on(socket.listen(16).unwrap(), MailRules::OPEN);
    clock.advance(MINUTE * 2);
    copy.deliver().await.unwrap();
    let mails = server.mails();
    let subjects: Vec<_> = mails.iter().map(|mail| mail.header("Subject")).collect();
    assert_eq!(
        subjects,
        [0, 1, 2].map(|number| format!("[campus-backup] New administrator: admin {number}"))
    );
    let mail = &mails[0];
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("backup@school.example", &["office@school.example".to_owned()][..])
    );
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert!(
        mail.data.contains("29 November 2026, 20:30 (Asia/Kolkata)"),
        "{}",
        mail.data
    );
    assert!(mail.data.contains("Content-Type: text/html"), "{}", mail.data);
    let ids: BTreeSet<_> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 3);
    let shown = copy.notifications.get(&copy.admin, id).await.unwrap();
    assert_eq!((shown.waiting, shown.failing_since, shown.last_error), (0, None, None));
    assert_eq!(shown.last_sent_at, Some(clock.now()));
    copy.deliver().await.unwrap();
    assert_eq!(server.mails().len(), 3);
}

#[on_every_engine]
async fn message_of_a_killed_copy_is_sent_again_with_the_same_id(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    receiver.answer(ReceiverAnswer::Never);
    let killed = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    killed.create(webhook("all", &receiver)).await;
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    killed.begin();
    until("the message was received", WAIT_LIMIT, async || {
        receiver.requests().len() == 1
    })
    .await;
    drop(killed);
    receiver.answer(ReceiverAnswer::Status(200, "ok"));
    let other = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    other.deliver().await.unwrap();
    assert_eq!(receiver.requests().len(), 1, "it is still claimed");
    clock.advance(MINUTE * 4);
    other.deliver().await.unwrap();
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(states(&outbox(&school.scratch).await), ["sent"]);
}

#[on_every_engine]
async fn several_copies_send_each_message_once(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receivers = [Receiver::start().await, Receiver::start().await];
    let mut copies = Vec::new();
    for _ in 0..3 {
        copies.push(NotifyCopy::on(&school.scratch, &clock, notify_settings()).await);
    }
    for (number, receiver) in receivers.iter().enumerate() {
        copies[0].create(webhook(&number.to_string(), receiver)).await;
    }
    for number in 0..15 {
        enqueue(&school.scratch, &clock, &numbered(number)).await;
    }
    until("all messages were sent", WAIT_LIMIT, async || {
        for copy in &copies {
            copy.begin();
        }
        states(&outbox(&school.scratch).await)
            .iter()
            .all(|state| *state == "sent")
    })
    .await;
    for receiver in &receivers {
        let ids: Vec<_> = receiver
            .requests()
            .iter()
            .map(|request| request.header("webhook-id").to_owned())
            .collect();
        assert_eq!(ids.len(), 15);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 15);
    }
}

#[on_every_engine]
async fn webhook_is_signed_over_its_id_time_and_body(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    let created = copy
        .notifications
        .create(&copy.admin, webhook("all", &receiver), None)
        .await;
    let secret = created.unwrap().secret.unwrap();
    enqueue(&school.scratch, &clock, &failed()).await;
    clock.advance(MINUTE);
    copy.deliver().await.unwrap();
    let request = &receiver.requests()[0];
    assert_eq!(
        (
            request.method.as_str(),
            request.path.as_str(),
            request.header("content-type")
        ),
        ("POST", "/hook", "application/json")
    );
    let (id, timestamp) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    assert_eq!(timestamp, clock.now().timestamp().to_string());
    // Another implementation of HMAC than that of the service.
    let key = STANDARD
        .decode(secret.expose_secret().strip_prefix("whsec_").unwrap())
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signature = request.header("webhook-signature").strip_prefix("v1,").unwrap();
    let signed = format!("{id}.{timestamp}.{}", request.body);
    hmac::verify(&key, signed.as_bytes(), &STANDARD.decode(signature).unwrap()).unwrap();
    assert_eq!(
        request.json(),
        json!({
            "type": "backup_failed", "timestamp": "2026-11-29T15:00:00Z",
            "data": {
                "label": "nightly", "job_id": null, "schedule_id": 1, "attempts": 5, "archive_id": null,
                "code": "insufficient_storage", "detail": "The disk is full.",
            },
        })
    );
}

#[on_every_engine]
async fn attempts_end_after_about_two_days(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    receiver.answer(ReceiverAnswer::Status(500, "the disk\r\nis full"));
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    let id = copy.create(webhook("all", &receiver)).await;
    let begin = clock.now();
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    let mut last = begin;
    while clock.now() < begin + TimeDelta::days(4) {
        let before = receiver.requests().len();
        copy.deliver().await.unwrap();
        if receiver.requests().len() > before {
            last = clock.now();
        }
        clock.advance(MINUTE * 30);
    }
    let requests = receiver.requests();
    assert_eq!(requests.len(), 12);
    let hours = (last - begin).num_hours();
    assert!((40..=56).contains(&hours), "{hours}");
    let ids: BTreeSet<_> = requests
        .iter()
        .map(|request| request.header("webhook-id").to_owned())
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(states(&outbox(&school.scratch).await), ["failed"]);
    let shown = copy.notifications.get(&copy.admin, id).await.unwrap();
    assert_eq!((shown.waiting, shown.failing_since), (0, Some(begin)));
    assert_eq!(
        shown.last_error.unwrap(),
        "The server answered with 500: the disk  is full"
    );
    clock.advance(TimeDelta::days(40));
    let another = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    another.deliver().await.unwrap();
    assert_eq!(outbox(&school.scratch).await, [], "it is forgotten");
}

/// The end of an alarm does not arrive before its beginning, and keeps no other message from its turn.
#[on_every_engine]
async fn message_does_not_overtake_an_earlier_one_of_its_subject(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    copy.create(webhook("all", &receiver)).await;
    receiver.answer(ReceiverAnswer::Status(503, ""));
    enqueue(&school.scratch, &clock, &stale()).await;
    copy.deliver().await.unwrap();
    // A new message is a reason to try the earlier one at once, and waits with it if that fails.
    clock.advance(TimeDelta::seconds(10));
    enqueue(&school.scratch, &clock, &well_again()).await;
    for _ in 0..3 {
        copy.deliver().await.unwrap();
    }
    assert_eq!(receiver.events(), ["backup_stale"; 2]);
    receiver.answer(ReceiverAnswer::Status(204, ""));
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    copy.deliver().await.unwrap();
    assert_eq!(
        receiver.events()[2..],
        ["administrator_added"],
        "another subject is not held up"
    );
    clock.advance(MINUTE * 5);
    copy.deliver().await.unwrap();
    assert_eq!(receiver.events()[3..], ["backup_stale", "backup_well_again"]);
    assert_eq!(states(&outbox(&school.scratch).await), ["sent"; 3]);

    // If the server works again by then, both arrive at once, in their order.
    receiver.answer(ReceiverAnswer::Status(503, ""));
    enqueue(&school.scratch, &clock, &failed()).await;
    copy.deliver().await.unwrap();
    receiver.answer(ReceiverAnswer::Status(204, ""));
    clock.advance(TimeDelta::seconds(10));
    enqueue(&school.scratch, &clock, &succeeded()).await;
    copy.deliver().await.unwrap();
    assert_eq!(
        receiver.events()[5..],
        ["backup_failed", "backup_failed", "backup_succeeded"]
    );
}

/// Attempts that later messages cause do not shorten the two days of an earlier one.
#[on_every_engine]
async fn message_is_not_given_up_early_because_others_follow(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    receiver.answer(ReceiverAnswer::Status(503, ""));
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    copy.create(webhook("all", &receiver)).await;
    for _ in 0..40 {
        enqueue(&school.scratch, &clock, &stale()).await;
        copy.deliver().await.unwrap();
        clock.advance(TimeDelta::hours(1));
    }
    assert_eq!(states(&outbox(&school.scratch).await), ["waiting"; 40]);
    receiver.answer(ReceiverAnswer::Status(204, ""));
    enqueue(&school.scratch, &clock, &well_again()).await;
    copy.deliver().await.unwrap();
    assert_eq!(states(&outbox(&school.scratch).await), ["sent"; 41]);
    let events = receiver.events();
    assert_eq!(events.last().map(String::as_str), Some("backup_well_again"));
}

/// A repeated request gets the secret only for the time in which a client looks for a lost answer, and no secret that was entered
/// since.
#[on_every_engine]
async fn repeated_creation_discloses_the_secret_only_for_minutes(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    let create = async |name: &str| {
        let key = Idempotency::new(name, "createNotification", &json!(name)).unwrap();
        let created = copy
            .notifications
            .create(&copy.admin, webhook(name, &receiver), Some(key))
            .await;
        let created = created.unwrap();
        (
            created.id,
            created.secret.map(|secret| secret.expose_secret().to_owned()),
        )
    };
    let (id, secret) = create("chat").await;
    assert!(secret.is_some());
    clock.advance(SECRET_REPLAY);
    assert_eq!(create("chat").await, (id, secret));
    clock.advance(TimeDelta::microseconds(1));
    assert_eq!(create("chat").await, (id, None));
    clock.advance(-TimeDelta::days(1));
    assert_eq!(create("chat").await, (id, None), "the clock was set back");

    let (id, secret) = create("other").await;
    assert!(secret.is_some());
    clock.advance(TimeDelta::seconds(1));
    let patch = NotificationPatch {
        secret: Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()),
        ..NotificationPatch::default()
    };
    copy.notifications.update(&copy.admin, id, patch).await.unwrap();
    assert_eq!(create("other").await, (id, None), "it was edited");
}

#[on_every_engine]
async fn clock_that_is_set_back_delays_no_message(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    receiver.answer(ReceiverAnswer::Status(503, ""));
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    copy.create(webhook("all", &receiver)).await;
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    copy.deliver().await.unwrap();
    receiver.answer(ReceiverAnswer::Status(204, ""));
    clock.advance(-TimeDelta::days(1));
    copy.deliver().await.unwrap();
    assert_eq!(states(&outbox(&school.scratch).await), ["sent"]);
}

#[on_every_engine]
async fn server_that_hangs_delays_no_other(engine: Engine) {
    let (school, clock) = school(engine).await;
    let (hanging, receiver) = (Receiver::start().await, Receiver::start().await);
    hanging.answer(ReceiverAnswer::Never);
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    copy.create(webhook("hanging", &hanging)).await;
    copy.create(webhook("other", &receiver)).await;
    for number in 0..3 {
        enqueue(&school.scratch, &clock, &numbered(number)).await;
    }
    copy.begin();
    until("both servers got messages", WAIT_LIMIT, async || {
        receiver.requests().len() == 3 && !hanging.requests().is_empty()
    })
    .await;
    assert_eq!(hanging.requests().len(), 1, "one attempt at a time");
}

#[on_every_engine]
async fn ping_has_only_the_newest_state(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    copy.create(ping("watch", &receiver)).await;
    for event in [started(), succeeded(), started(), failed()] {
        enqueue(&school.scratch, &clock, &event).await;
        copy.deliver().await.unwrap();
    }
    let [start, success, fail] = [
        "/ping/0193d2f0/start?x=1",
        "/ping/0193d2f0?x=1",
        "/ping/0193d2f0/fail?x=1",
    ];
    assert_eq!(receiver.paths(), [start, success, start, fail]);
    assert!(receiver.requests().iter().all(|request| request.method == "GET"));

    // What comes late would be wrong.
    receiver.answer(ReceiverAnswer::Status(503, ""));
    enqueue(&school.scratch, &clock, &started()).await;
    copy.deliver().await.unwrap();
    receiver.answer(ReceiverAnswer::Status(204, ""));
    clock.advance(MINUTE * 2);
    copy.deliver().await.unwrap();
    assert_eq!(receiver.paths().len(), 5, "a start has one attempt");
    enqueue(&school.scratch, &clock, &started()).await;
    clock.advance(MINUTE * 11);
    copy.deliver().await.unwrap();
    enqueue(&school.scratch, &clock, &failed()).await;
    enqueue(&school.scratch, &clock, &succeeded()).await;
    copy.deliver().await.unwrap();
    assert_eq!(receiver.paths()[5..], [success]);

    // The start of the next backup does not replace an end that could not be sent.
    receiver.answer(ReceiverAnswer::Status(503, ""));
    enqueue(&school.scratch, &clock, &failed()).await;
    copy.deliver().await.unwrap();
    receiver.answer(ReceiverAnswer::Status(204, ""));
    enqueue(&school.scratch, &clock, &started()).await;
    clock.advance(MINUTE * 2);
    copy.deliver().await.unwrap();
    assert_eq!(receiver.paths()[6..], [fail, fail, start]);
}

#[on_every_engine]
async fn messages_of_a_disabled_or_deleted_notification_are_dropped(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    let id = copy.create(webhook("all", &receiver)).await;
    let switch = async |enabled| {
        let patch = NotificationPatch {
            enabled: Some(enabled),
            ..NotificationPatch::default()
        };
        copy.notifications.update(&copy.admin, id, patch).await.unwrap();
    };
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    switch(false).await;
    assert_eq!(outbox(&school.scratch).await, []);
    switch(true).await;
    enqueue(&school.scratch, &clock, &numbered(2)).await;
    copy.notifications.delete(&copy.admin, id).await.unwrap();
    assert_eq!(outbox(&school.scratch).await, []);
    copy.deliver().await.unwrap();
    assert_eq!(receiver.requests().len(), 0);
    let gone = copy.notifications.delete(&copy.admin, id).await;
    assert!(matches!(gone, Err(Error::UnknownNotification)), "{gone:?}");
}

#[on_every_engine]
async fn one_refused_address_keeps_no_other_from_its_mail(engine: Engine) {
    let (school, clock) = school(engine).await;
    let server = MailServer::start(MailRules::OPEN).await;
    let copy = NotifyCopy::on(&school.scratch, &clock, mail_settings(server.port())).await;
    let to = ["unknown@school.example", "office@school.example"];
    let id = copy.create(email("all", &to)).await;
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    for _ in 0..3 {
        copy.deliver().await.unwrap();
        clock.advance(MINUTE * 10);
    }
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "it is not repeated");
    assert_eq!(mails[0].to, ["office@school.example"]);
    let error = copy
        .notifications
        .get(&copy.admin, id)
        .await
        .unwrap()
        .last_error
        .unwrap();
    assert!(error.starts_with("unknown@school.example: "), "{error}");
    assert!(error.contains("no such user here"), "{error}");
    let patch = NotificationPatch {
        to: Some(vec!["office@school.example".to_owned()]),
        ..NotificationPatch::default()
    };
    copy.notifications.update(&copy.admin, id, patch).await.unwrap();
    clock.advance(MINUTE * 60);
    copy.deliver().await.unwrap();
    assert_eq!(server.mails().len(), 1);
    assert_eq!(states(&outbox(&school.scratch).await), ["sent"]);
}

#[on_every_engine]
async fn wrong_key_is_reported_and_loses_nothing(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    let right = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    let created = right
        .notifications
        .create(&right.admin, webhook("all", &receiver), None)
        .await;
    let created = created.unwrap();
    let secret = created.secret.unwrap();
    let stored = school.scratch.rows("select * from backup_notifications").await;
    assert!(!format!("{stored:?}").contains(secret.expose_secret().trim_start_matches("whsec_")));
    let wrong = NotifySettings {
        key: Some(SecretsKey::from_hex(&"0".repeat(64)).unwrap()),
        ..notify_settings()
    };
    let wrong = NotifyCopy::on(&school.scratch, &clock, wrong).await;
    for (copy, expected) in [(&right, SecretState::Readable), (&wrong, SecretState::Unreadable)] {
        assert_eq!(copy.notifications.statuses().await.unwrap()[0].secret, expected);
    }
    let tried = wrong.notifications.try_saved(&wrong.admin, created.id).await.unwrap();
    assert!(!tried.delivered);
    assert!(tried.detail.contains("--secrets-key-file"), "{}", tried.detail);
    // Another copy may have the right key.
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    wrong.deliver().await.unwrap();
    right.deliver().await.unwrap();
    assert_eq!(receiver.requests().len(), 1);
    enqueue(&school.scratch, &clock, &numbered(2)).await;
    clock.advance(MINUTE * 61);
    wrong.deliver().await.unwrap();
    let shown = wrong.notifications.get(&wrong.admin, created.id).await.unwrap();
    assert_eq!(
        (shown.last_error.as_deref(), shown.waiting),
        (Some(tried.detail.as_str()), 1)
    );
    assert!(shown.secret.is_none());
    clock.advance(MINUTE);
    right.deliver().await.unwrap();
    assert_eq!(receiver.requests().len(), 2);
}

/// A claim of a copy whose clock is ahead is not taken for one from before the clock was set back.
#[on_every_engine]
async fn mail_is_sent_once_by_copies_whose_clocks_differ(engine: Engine) {
    let (school, clock) = school(engine).await;
    let (silent, socket) = refusing_address();
    let _silent = socket.listen(16).unwrap();
    let ahead = NotifyCopy::on(&school.scratch, &clock, mail_settings(silent.port())).await;
    ahead.create(email("office", &["office@school.example"])).await;
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    ahead.begin();
    until("the message is claimed", WAIT_LIMIT, async || {
        let claimed = "select count(*) from backup_outbox where claimed_until is not null";
        school.scratch.number(claimed).await == 1
    })
    .await;
    let behind = TestClock::at("2026-11-29T15:00:00Z");
    behind.set(clock.now() - TimeDelta::seconds(1));
    let (address, socket) = refusing_address();
    let server = MailServer::on(socket.listen(16).unwrap(), MailRules::OPEN);
    let other = NotifyCopy::on(&school.scratch, &behind, mail_settings(address.port())).await;
    other.deliver().await.unwrap();
    assert_eq!(server.mails().len(), 0);
    drop(ahead);
    behind.advance(MINUTE * 11);
    other.deliver().await.unwrap();
    assert_eq!(server.mails().len(), 1);
}

/// An address is checked when it is saved, and again when it is used: it may have changed in between.
#[on_every_engine]
async fn address_that_became_local_gets_no_request(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    let saving = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    let by_name = notify::NewNotification {
        url: Some(receiver.url_of("localhost", "/hook")),
        ..webhook("name", &receiver)
    };
    saving.create(by_name).await;
    saving.create(webhook("address", &receiver)).await;
    saving.create(ping("ping", &receiver)).await;
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    enqueue(&school.scratch, &clock, &succeeded()).await;
    let refusing = NotifySettings {
        local_targets: LocalTargets::Refused,
        ..notify_settings()
    };
    let sending = NotifyCopy::on(&school.scratch, &clock, refusing).await;
    sending.deliver().await.unwrap();
    assert_eq!(receiver.requests().len(), 0);
    let listed = sending.notifications.list(&sending.admin, 10, 0).await.unwrap();
    assert_eq!(listed.items.len(), 3);
    for notification in listed.items {
        let error = notification.last_error.unwrap();
        assert!(error.contains("--allow-local-targets"), "{error}");
    }
}

#[on_every_engine]
async fn redirect_is_not_followed(engine: Engine) {
    let (school, clock) = school(engine).await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    receiver.answer(ReceiverAnswer::RedirectTo(elsewhere.url("/inside")));
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    let id = copy.create(webhook("all", &receiver)).await;
    enqueue(&school.scratch, &clock, &numbered(1)).await;
    copy.deliver().await.unwrap();
    assert_eq!((receiver.requests().len(), elsewhere.requests().len()), (1, 0));
    let error = copy
        .notifications
        .get(&copy.admin, id)
        .await
        .unwrap()
        .last_error
        .unwrap();
    assert!(error.contains("redirects are not followed"), "{error}");
}

/// Only the failure of the last attempt is an event.
#[on_every_engine]
async fn run_of_a_schedule_is_reported_when_it_ends(engine: Engine) {
    let (school, clock) = school(engine).await;
    let scratch = &school.scratch;
    let receiver = Receiver::start().await;
    let copy = NotifyCopy::on(scratch, &clock, notify_settings()).await;
    copy.create(webhook("all", &receiver)).await;
    copy.create(ping("watch", &receiver)).await;
    let scheduling = ScheduleCopy::on(scratch, &clock).await;
    let (schedules, admin) = (&scheduling.schedules, &scheduling.admin);
    let nightly = schedules
        .create(admin, schedule("nightly", "0 2 * * *"), None)
        .await
        .unwrap();
    let stub = Arc::<StubExecutor>::default();
    let settings = RunnerSettings {
        attempts: 2,
        ..RunnerSettings::default()
    };
    let automation = stubbed_with(scratch, &clock, &stub, settings).await;
    stub.answer(&[
        StubAnswer::Fails,
        StubAnswer::Succeeds,
        StubAnswer::Fails,
        StubAnswer::Fails,
    ]);
    for _ in 0..2 {
        clock.advance(TimeDelta::days(1));
        for _ in 0..3 {
            automation.tick().await.unwrap();
            automation.tick().await.unwrap();
            clock.advance(MINUTE);
        }
    }
    let messages = outbox(scratch).await;
    let messages: Vec<_> = messages.iter().map(|(event, _)| event.as_str()).collect();
    let expected = [
        // The ping also gets each beginning.
        "backup_started",
        "backup_started",
        "backup_succeeded",
        "backup_succeeded",
        "backup_started",
        "backup_started",
        "backup_failed",
        "backup_failed",
    ];
    assert_eq!(messages, expected);
    let payload = scratch
        .value("select payload from backup_outbox where event = 'backup_failed' order by id limit 1")
        .await;
    let payload: serde_json::Value = serde_json::from_str(&payload.unwrap()).unwrap();
    assert_eq!(
        (
            &payload["data"]["label"],
            &payload["data"]["attempts"],
            &payload["data"]["code"]
        ),
        (&json!("nightly"), &json!(2), &json!("failed"))
    );

    let disable = SchedulePatch {
        enabled: Some(false),
        ..SchedulePatch::default()
    };
    for _ in 0..2 {
        // The second time it is disabled already.
        schedules.update(admin, nightly.id, disable.clone()).await.unwrap();
    }
    schedules.delete(admin, nightly.id).await.unwrap();
    let other = schedules
        .create(admin, schedule("other", "0 2 * * *"), None)
        .await
        .unwrap();
    schedules.delete(admin, other.id).await.unwrap();
    let messages = scratch
        .rows("select payload from backup_outbox where event = 'schedule_disabled' order by id")
        .await;
    let messages: Vec<serde_json::Value> = messages
        .iter()
        .map(|row| serde_json::from_str(row[0].as_deref().unwrap()).unwrap())
        .collect();
    let shown: Vec<_> = messages
        .iter()
        .map(|event| (&event["data"]["name"], &event["data"]["action"]))
        .collect();
    assert_eq!(
        shown,
        [
            (&json!("nightly"), &json!("disabled")),
            (&json!("other"), &json!("deleted"))
        ]
    );
}

#[on_every_engine]
async fn backup_of_a_killed_process_is_reported_as_failed_once(engine: Engine) {
    let (school, clock) = school(engine).await;
    let receiver = Receiver::start().await;
    let copy = NotifyCopy::on(&school.scratch, &clock, notify_settings()).await;
    copy.create(webhook("all", &receiver)).await;
    let killed = Copy::on(&school.scratch, HeartbeatMode::CUT_OFF).await;
    let job = killed.idle(Lock::None).await.unwrap();
    drop(killed);
    let others = [
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
    ];
    until("the job was reaped", WAIT_LIMIT, async || {
        others[0].jobs.get(&job.id).await.unwrap().state == JobState::Interrupted
    })
    .await;
    let messages = outbox(&school.scratch).await;
    assert_eq!(messages, [("backup_failed".to_owned(), "waiting".to_owned())]);
    let cancelled = others[0].idle(Lock::None).await.unwrap();
    others[0].jobs.cancel(&others[0].admin, &cancelled.id).await.unwrap();
    assert_eq!(cancelled.ended().await.state, JobState::Cancelled);
    assert_eq!(
        outbox(&school.scratch).await.len(),
        1,
        "an administrator has cancelled it"
    );
}
