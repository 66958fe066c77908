//! The connection to the database server breaks at a commit: the audit says what has happened, once.

use reqwest::Method;
use serde_json::{Value, json};

use harness::relay::{Lost, Relay};
use harness::service::Setup;
use harness::{Answer, Client, Engine, School, Service, WAIT_LIMIT, on_every_engine, small_school, until};

struct Place {
    school: School,
    relay: Relay,
    service: Service,
    admin: Client,
}

impl Place {
    /// A service whose connections can be broken; none on SQLite, which has no server.
    async fn on(engine: Engine) -> Option<Self> {
        if engine == Engine::Sqlite {
            return None;
        }
        let school = small_school(engine).await;
        let relay = Relay::before(&school.scratch).await;
        let setup = Setup::on(&school.scratch).set("DATABASE_URL", relay.url());
        let service = setup.start().await;
        let admin = service.admin().await;
        Some(Self {
            school,
            relay,
            service,
            admin,
        })
    }

    /// The events with this name, oldest first.
    async fn events(&self, event: &str) -> Vec<Value> {
        let page = self.admin.get(&format!("/backup/audit?event={event}")).await;
        let mut events = page.expect(200).json()["items"].as_array().unwrap().clone();
        events.reverse();
        events
    }

    async fn create_account(&self, username: &str) -> Answer {
        self.admin
            .post("/accounts", &json!({"username": username, "role": "teacher"}))
            .await
    }

    async fn accounts_named(&self, username: &str) -> i64 {
        let sql = format!("select count(*) from users where username = '{username}'");
        self.school.scratch.number(&sql).await
    }

    async fn assert_chain(&self) {
        let report = self.admin.get("/backup/audit/verify").await.expect(200).json();
        assert_eq!(report["ok"], true, "{report}");
    }
}

#[on_every_engine]
async fn change_whose_reply_is_lost_has_one_event(engine: Engine) {
    let Some(place) = Place::on(engine).await else { return };
    place.relay.lose(Lost::Reply, "account_creation");
    let answer = place.create_account("another").await;
    assert!(place.relay.has_lost());
    assert!(answer.status.is_server_error(), "{answer:?}");
    assert_eq!(place.accounts_named("another").await, 1);
    let events = place.events("account_creation").await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["result"], "succeeded");
    place.assert_chain().await;
}

/// From the side of the service it may have been committed.
#[on_every_engine]
async fn change_whose_commit_is_lost_has_one_event_with_an_unknown_result(engine: Engine) {
    let Some(place) = Place::on(engine).await else { return };
    place.relay.lose(Lost::Commit, "account_creation");
    let answer = place.create_account("another").await;
    assert!(place.relay.has_lost());
    assert!(answer.status.is_server_error(), "{answer:?}");
    assert_eq!(place.accounts_named("another").await, 0);
    let events = place.events("account_creation").await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["result"], "unknown");
    place.assert_chain().await;
}

/// The job is looked up again, so its state and its event are what has happened.
#[on_every_engine]
async fn clear_at_whose_commit_the_connection_breaks_is_reported_as_it_was(engine: Engine) {
    let Some(place) = Place::on(engine).await else { return };
    for (lost, table, result) in [
        (Lost::Reply, "payments", "succeeded"),
        (Lost::Commit, "attendance", "failed"),
    ] {
        let before = place.school.scratch.count(table).await;
        assert_ne!(before, 0);
        place.relay.lose(lost, "\"removed\"");
        let request = place.admin.request(Method::POST, "/backup/clear");
        let answer = Answer::of(request.json(&json!({"table": table, "confirm": table}))).await;
        until("the job has ended", WAIT_LIMIT, async || {
            let active = "select count(*) from backup_jobs where state in ('queued', 'running', 'cancelling')";
            place.school.scratch.number(active).await == 0
        })
        .await;
        assert!(place.relay.has_lost(), "{answer:?}");
        let jobs = place.admin.get("/backup/jobs?kind=clear").await.expect(200).json();
        let after = place.school.scratch.count(table).await;
        let is_cleared = jobs["items"][0]["state"] == "succeeded";
        assert_eq!(after, if is_cleared { 0 } else { before }, "{answer:?} {jobs:#}");
        let events = place.events("clear").await;
        let of_table: Vec<_> = events.iter().filter(|event| event["table"] == table).collect();
        assert_eq!(of_table.len(), 1, "{of_table:#?} {answer:?}");
        assert_eq!(
            of_table[0]["result"],
            result,
            "{answer:?} {jobs:#}\n{}",
            place.service.logs()
        );
        place.assert_chain().await;
    }
}
