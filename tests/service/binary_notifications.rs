//! `campus-backup notification`: notifications without the service.

use serde_json::{Value, json};

use harness::service::{Finished, Setup};
use harness::smtp::{MailRules, MailServer};
use harness::{Engine, Receiver, School, on_every_engine, small_school, write_private};

struct Line {
    _school: School,
    server: MailServer,
    receiver: Receiver,
    setup: Setup,
}

impl Line {
    async fn of_the_small_school(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let server = MailServer::start(MailRules::OPEN).await;
        let setup = Setup::on(&school.scratch)
            .set(
                "CAMPUS_BACKUP_SMTP_URL",
                format!("smtp://127.0.0.1:{}?tls=none", server.port()),
            )
            .set("CAMPUS_BACKUP_SMTP_FROM", "backup@school.example")
            .set("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "true")
            .installed()
            .await;
        Self {
            _school: school,
            server,
            receiver: Receiver::start().await,
            setup,
        }
    }

    async fn run(&self, arguments: &[&str]) -> Finished {
        let setup = self.setup.again().argument("notification");
        setup.arguments(arguments).run().await
    }

    /// Of a command that must succeed, and has nothing to say beside its output.
    async fn done(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments).await;
        assert_eq!(
            (done.code, done.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}: {done:?}"
        );
        done.stdout
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--json"]].concat();
        serde_json::from_str(&self.done(&arguments).await).unwrap()
    }
}

#[on_every_engine]
async fn notification_is_created_shown_tried_edited_and_deleted(engine: Engine) {
    let line = Line::of_the_small_school(engine).await;
    assert_eq!(line.json(&["list"]).await, json!({"items": []}));
    let office = line
        .json(&[
            "create",
            "office",
            "--email",
            "a@school.example",
            "--email",
            "b@school.example",
        ])
        .await;
    assert_eq!(
        (&office["kind"], &office["to"], &office["created_by"]),
        (
            &json!("email"),
            &json!(["a@school.example", "b@school.example"]),
            &json!("admin")
        )
    );
    assert_eq!(line.json(&["show", "office"]).await, office);
    assert_eq!(line.json(&["list"]).await, json!({"items": [office]}));
    assert!(line.done(&["test", "office"]).await.contains("has accepted the mail"));
    assert_eq!(line.server.mails().len(), 2);

    let url = line.receiver.url("/hook");
    let created = line
        .done(&["create", "chat", "--webhook", &url, "--event", "backup_failed"])
        .await;
    assert!(
        created.contains(&format!("chat  webhook {url}  nothing sent yet")),
        "{created}"
    );
    assert_eq!(created.matches("whsec_").count(), 1, "{created}");
    let shown = line.done(&["show", "chat"]).await;
    assert!(
        shown.contains("events: backup_failed") && !shown.contains("whsec_"),
        "{shown}"
    );
    let file = line.setup.folder().join("secret.txt");
    write_private(&file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    let edited = line
        .json(&[
            "edit",
            "chat",
            "--name",
            "hook",
            "--secret-file",
            file.to_str().unwrap(),
            "--disable",
        ])
        .await;
    assert_eq!(
        (&edited["name"], &edited["enabled"], &edited["secret"]),
        (&json!("hook"), &json!(false), &Value::Null)
    );
    assert_eq!(line.json(&["test", "hook"]).await["delivered"], true);
    assert_eq!(line.receiver.paths(), ["/hook"]);
    let ping = line.done(&["create", "watch", "--ping", &url, "--quiet"]).await;
    assert_eq!(ping, "");
    let deleted = line.json(&["delete", "hook", "--yes"]).await;
    assert_eq!(deleted, json!({"id": edited["id"], "deleted": true}));
    assert_eq!(line.json(&["list"]).await["items"].as_array().unwrap().len(), 2);
}

#[on_every_engine(nightly)]
async fn faults_have_exit_codes_and_change_nothing(engine: Engine) {
    let line = Line::of_the_small_school(engine).await;
    let url = line.receiver.url("/hook");
    line.done(&["create", "chat", "--webhook", &url]).await;
    let before = line.json(&["list"]).await;
    for (arguments, code) in [
        (&["create", "x"][..], 2),
        (&["create", "x", "--email", "nobody"], 2),
        (&["create", "x", "--email", "a@school.example", "--webhook", &url], 2),
        (&["create", "x", "--webhook", &url, "--ping", &url], 2),
        (&["create", "x", "--webhook", "ftp://school.example/"], 2),
        (&["create", "x", "--webhook", &url, "--event", "fire"], 2),
        (&["create", "chat", "--webhook", &url], 7),
        (&["create", "x", "--webhook", &url, "--as", "teacher"], 1),
        (&["edit", "chat", "--enable", "--disable"], 2),
        (&["edit", "other", "--disable"], 7),
        (&["show", "other"], 7),
        (&["test", "other"], 7),
        (&["delete", "chat"], 2),
    ] {
        let refused = line.run(arguments).await;
        refused.assert_plain_fault(code);
        assert_eq!(refused.stdout, "", "{arguments:?}");
    }
    assert_eq!(line.json(&["list"]).await, before);
    line.receiver.answer(harness::ReceiverAnswer::Status(500, "broken"));
    let refused = line.run(&["test", "chat"]).await;
    refused.assert_plain_fault(1);
    assert!(
        refused.stderr.contains("The server answered with 500: broken"),
        "{refused:?}"
    );
}
