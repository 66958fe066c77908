//! `campus-backup schedule`: schedules without the service.

use serde_json::{Value, json};

use harness::service::{Finished, Setup};
use harness::{Engine, School, on_every_engine, small_school};

struct Line {
    _school: School,
    setup: Setup,
}

impl Line {
    async fn of_the_small_school(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let setup = Setup::on(&school.scratch)
            .set("CAMPUS_BACKUP_TIMEZONE", "Asia/Kolkata")
            .installed()
            .await;
        Self { _school: school, setup }
    }

    async fn run(&self, arguments: &[&str]) -> Finished {
        let setup = self.setup.again().argument("schedule");
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
async fn schedule_is_created_shown_edited_run_and_deleted(engine: Engine) {
    let line = Line::of_the_small_school(engine).await;
    assert_eq!(line.json(&["list"]).await, json!({"items": []}));
    let created = line
        .json(&["create", "every night", "--preset", "daily", "--verify", "digest"])
        .await;
    assert_eq!(
        (
            &created["cron"],
            &created["timezone"],
            &created["verify"],
            &created["created_by"]
        ),
        (
            &json!("0 2 * * *"),
            &json!("Asia/Kolkata"),
            &json!("digest"),
            &json!("admin")
        )
    );
    let id = created["id"].to_string();
    assert_eq!(line.json(&["show", "every night"]).await, created);
    assert_eq!(line.json(&["show", &id]).await, created);
    assert_eq!(line.json(&["list"]).await, json!({"items": [created]}));
    let listed = line.done(&["list"]).await;
    assert!(
        listed.contains("every night  daily in Asia/Kolkata  next 20"),
        "{listed}"
    );
    let shown = line.done(&["show", &id]).await;
    assert_eq!(shown.matches("T20:30:00Z").count(), 6, "{shown}");
    assert!(shown.contains("verification: digest"), "{shown}");

    let edited = line
        .json(&[
            "edit",
            &id,
            "--name",
            "weekdays",
            "--cron",
            "0 18 * * 1-5",
            "--timezone",
            "UTC",
            "--label",
            "evening",
        ])
        .await;
    assert_eq!(
        (&edited["name"], &edited["preset"], &edited["label"], &edited["verify"]),
        (&json!("weekdays"), &json!(null), &json!("evening"), &json!("digest"))
    );
    let disabled = line
        .done(&["edit", "weekdays", "--disable", "--no-label", "--verify", "none"])
        .await;
    assert!(
        disabled.contains("weekdays  0 18 * * 1-5 in UTC  disabled"),
        "{disabled}"
    );
    assert_eq!(line.json(&["edit", "weekdays", "--enable"]).await["label"], json!(null));

    let archive = line.json(&["run", "weekdays"]).await;
    assert_eq!(
        (&archive["label"], &archive["created_by"], &archive["total"]),
        (&json!("weekdays"), &json!("admin"), &json!(25))
    );
    assert_eq!(
        line.done(&["create", "off", "--cron", "0 1 * * *", "--disabled", "--quiet"])
            .await,
        ""
    );
    assert_eq!(line.json(&["show", "off"]).await["enabled"], false);

    let deleted = line.json(&["delete", "weekdays", "--yes"]).await;
    assert_eq!(deleted, json!({"id": created["id"], "deleted": true}));
    assert!(
        line.done(&["delete", "off", "--yes"])
            .await
            .contains("Its archives stay")
    );
    assert_eq!(line.done(&["list"]).await, "");
}

#[on_every_engine(nightly)]
async fn faults_have_exit_codes_and_change_nothing(engine: Engine) {
    let line = Line::of_the_small_school(engine).await;
    line.done(&["create", "nightly", "--preset", "daily"]).await;
    let before = line.json(&["list"]).await;
    for (arguments, code) in [
        (&["create", "x"][..], 2),
        (&["create", "x", "--preset", "yearly"], 2),
        (&["create", "x", "--preset", "daily", "--cron", "0 2 * * *"], 2),
        (&["create", "x", "--cron", "0 2 30 2 *"], 2),
        (&["create", "x", "--preset", "daily", "--timezone", "Berlin"], 2),
        (&["create", "x", "--preset", "daily", "--verify", "rehearsal"], 2),
        (&["create", "nightly", "--preset", "daily"], 7),
        (&["create", "x", "--preset", "daily", "--as", "nobody"], 2),
        (&["create", "x", "--preset", "daily", "--as", "teacher"], 1),
        (&["edit", "nightly", "--enable", "--disable"], 2),
        (&["edit", "nightly", "--name", ""], 2),
        (&["edit", "weekly", "--disable"], 7),
        (&["show", "weekly"], 7),
        (&["run", "4711"], 7),
        (&["delete", "nightly"], 2),
        (&["delete", "weekly", "--yes"], 7),
    ] {
        let refused = line.run(arguments).await;
        refused.assert_plain_fault(code);
        assert_eq!(refused.stdout, "", "{arguments:?}");
    }
    assert_eq!(line.json(&["list"]).await, before);
}
