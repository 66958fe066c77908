//! `campus-backup retention` and `accept`, without the service.

use serde_json::{Value, json};

use harness::service::{Finished, Setup};
use harness::{Engine, School, on_every_engine, small_school};

struct RetentionLine {
    school: School,
    setup: Setup,
}

impl RetentionLine {
    async fn of_the_small_school(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let setup = Setup::on(&school.scratch).installed().await;
        Self { school, setup }
    }

    async fn run(&self, arguments: &[&str]) -> Finished {
        self.setup.again().arguments(arguments).run().await
    }

    /// Of a command that must succeed.
    async fn done(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments).await;
        assert_eq!(done.code, Some(0), "{arguments:?}: {done:?}");
        done.stdout
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--json"]].concat();
        serde_json::from_str(&self.done(&arguments).await).unwrap()
    }

    async fn backup(&self) -> String {
        self.json(&["backup"]).await["id"].as_str().unwrap().to_owned()
    }
}

#[on_every_engine]
async fn policy_is_set_previewed_applied_and_removed(engine: Engine) {
    let line = RetentionLine::of_the_small_school(engine).await;
    for (arguments, code) in [
        (&["retention", "preview"][..], 7),
        (&["retention", "apply", "--yes"], 7),
        (&["retention", "apply"], 2),
        (&["retention", "set"], 2),
        (&["retention", "set", "--daily", "-1"], 2),
        (&["retention", "set", "--daily", "7", "--max-bytes", "much"], 2),
        (&["accept", "nothing"], 7),
    ] {
        line.run(arguments).await.assert_plain_fault(code);
    }
    let shown = line.done(&["retention", "show"]).await;
    assert!(shown.contains("There is no retention policy"), "{shown}");
    let old = line.backup().await;
    let newest = line.backup().await;
    let tried = line.done(&["retention", "preview", "--keep-last", "1"]).await;
    assert!(
        tried.contains(&format!("keep    {newest}  last, minimum, newest")),
        "{tried}"
    );
    assert!(tried.contains(&format!("delete  {old}  no_rule")), "{tried}");
    let set = line
        .json(&[
            "retention",
            "set",
            "--keep-last",
            "1",
            "--max-bytes",
            "8GiB",
            "--safety-days",
            "7",
        ])
        .await;
    assert_eq!(
        (
            &set["policy"]["keep_last"],
            &set["policy"]["max_bytes"],
            &set["policy"]["safety_days"]
        ),
        (&json!(1), &json!(8_u64 << 30), &json!(7))
    );
    let shown = line.done(&["retention", "show"]).await;
    assert!(
        shown.contains("keep last 1; at least 1, at most 8.00 GiB; safety backups 7 days"),
        "{shown}"
    );
    assert_eq!(
        line.json(&["retention", "preview"]).await["delete"][0]["id"],
        json!(old)
    );
    let done = line.json(&["retention", "apply", "--yes"]).await;
    assert_eq!(done["deleted"], json!([old]));
    line.run(&["show", &old]).await.assert_plain_fault(7);
    let shown = line.done(&["retention", "show"]).await;
    assert!(shown.contains("by admin: succeeded"), "{shown}");
    assert_eq!(line.json(&["retention", "off"]).await, json!({"deleted": true}));
    assert_eq!(line.json(&["retention", "show"]).await["policy"], Value::Null);
}

#[on_every_engine]
async fn suspicious_archive_is_accepted(engine: Engine) {
    let line = RetentionLine::of_the_small_school(engine).await;
    for id in 1001..=1040 {
        let insert = format!("insert into students (id, full_name, registration_number) values ({id}, 'x', 'n{id}')");
        line.school.scratch.execute(&insert).await;
    }
    line.backup().await;
    line.school
        .scratch
        .execute("delete from students where id > 1000")
        .await;
    let fallen = line.backup().await;
    let held = line.done(&["retention", "preview", "--keep-last", "1"]).await;
    assert!(held.contains("held: The backup of "), "{held}");
    let accepted = line.json(&["accept", &fallen]).await;
    assert_eq!(accepted["suspicion"]["accepted_by"], "admin");
    assert!(line.done(&["accept", &fallen]).await.starts_with(&fallen));
    let free = line.done(&["retention", "preview", "--keep-last", "1"]).await;
    assert!(!free.contains("held"), "{free}");
}
