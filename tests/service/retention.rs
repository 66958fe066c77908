//! `/backup/retention`: which archives stay.

use reqwest::Method;
use serde_json::{Value, json};

use harness::archives_rig::{ArchivesPlace, of};
use harness::client::fields;
use harness::{Answer, Client, Engine, on_every_engine};

const RETENTION: &str = "/backup/retention";
const PREVIEW: &str = "/backup/retention/preview";
const APPLY: &str = "/backup/retention/apply";

async fn set(admin: &Client, policy: &Value) -> Answer {
    Answer::of(admin.request(Method::PUT, RETENTION).json(policy)).await
}

async fn preview(admin: &Client, body: &Value) -> Value {
    admin.post(PREVIEW, body).await.expect(200).json()
}

/// The ids of a list of archives of a plan.
fn ids(archives: &Value) -> Vec<&str> {
    archives
        .as_array()
        .unwrap()
        .iter()
        .map(|archive| archive["id"].as_str().unwrap())
        .collect()
}

#[on_every_engine(nightly)]
async fn impossible_policies_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    for (policy, named) in [
        (json!({}), "keep_last"),
        (json!({"keep_last": 0, "min_keep": 5, "max_bytes": 1}), "keep_last"),
        (json!({"keep_last": -1}), "keep_last"),
        (json!({"daily": 10_001}), "daily"),
        (json!({"daily": "7"}), "daily"),
        (json!({"weekly": 1.5}), "weekly"),
        (json!({"daily": 7, "min_keep": 0}), "min_keep"),
        (json!({"daily": 7, "max_bytes": 0}), "max_bytes"),
        (json!({"daily": 7, "max_bytes": 9_007_199_254_740_992_u64}), "max_bytes"),
        (json!({"daily": 7, "safety_days": 3_651}), "safety_days"),
        (json!({"daily": 7, "keep": 1}), "keep"),
    ] {
        let refused = set(admin, &policy).await.problem(422, "invalid_field");
        assert_eq!(fields(&refused), [named], "{policy}");
        let refused = admin.post(PREVIEW, &json!({"policy": policy})).await;
        let refused = refused.problem(422, "invalid_field");
        assert!(fields(&refused)[0].ends_with(named), "{policy}: {refused}");
    }
    admin.post(PREVIEW, &json!({})).await.problem(409, "retention_off");
    admin
        .post(APPLY, &json!({"plan_hash": "x"}))
        .await
        .problem(409, "retention_off");
    let refused = admin.post(APPLY, &json!({})).await.problem(422, "invalid_field");
    assert_eq!(fields(&refused), ["plan_hash"]);
    let shown = admin.get(RETENTION).await.expect(200).json();
    let nothing = json!({
        "policy": null, "updated_at": null, "updated_by": null, "held": null, "last_application": null,
    });
    assert_eq!(shown, nothing);
}

#[on_every_engine]
async fn policy_is_set_previewed_applied_and_removed(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let old = admin.create_backup().await;
    let newest = admin.create_backup().await;
    let tried = preview(admin, &json!({"policy": {"daily": 3, "max_bytes": null}})).await;
    let set = set(admin, &json!({"keep_last": 1, "safety_days": 0}))
        .await
        .expect(200)
        .json();
    let policy = json!({
        "keep_last": 1, "hourly": 0, "daily": 0, "weekly": 0, "monthly": 0, "yearly": 0, "min_keep": 1, "max_bytes": null,
        "safety_days": 0,
    });
    assert_eq!((&set["policy"], &set["updated_by"]), (&policy, &json!("admin")));
    assert_eq!(admin.get(RETENTION).await.expect(200).json(), set);
    let plan = preview(admin, &json!({})).await;
    let kept = json!([{"id": newest, "reasons": ["last", "minimum", "newest"]}]);
    assert_eq!((&plan["keep"], &plan["held"]), (&kept, &Value::Null));
    assert_eq!(ids(&plan["delete"]), [&old]);
    assert_eq!(
        (&plan["delete"][0]["reason"], &plan["delete"][0]["bytes"]),
        (&json!("no_rule"), &plan["frees_bytes"])
    );
    for hash in [tried["plan_hash"].as_str().unwrap(), "x"] {
        admin
            .post(APPLY, &json!({"plan_hash": hash}))
            .await
            .problem(412, "plan_outdated");
    }
    let apply = async |key: &str, hash: &Value| {
        let request = admin.request(Method::POST, APPLY).header("Idempotency-Key", key);
        Answer::of(request.json(&json!({"plan_hash": hash}))).await
    };
    let accepted = apply("k", &plan["plan_hash"]).await.expect(202);
    let job = accepted.header("location").to_owned();
    let done = admin.done(accepted).await;
    let expected = json!({
        "kind": "retention", "deleted": [old], "freed_bytes": plan["frees_bytes"], "skipped": [], "failed": [],
        "retained_copies": [],
    });
    assert_eq!(done, expected);
    // The same request finds its job, although the plan is another one by now.
    assert_eq!(apply("k", &plan["plan_hash"]).await.expect(202).header("location"), job);
    apply("k", &json!("y")).await.problem(422, "idempotency_key_reused");
    admin.get(&of(&old, "")).await.problem(410, "archive_gone");
    let last = admin.get(RETENTION).await.expect(200).json()["last_application"].clone();
    assert_eq!(
        (&last["deleted"], &last["failed"], &last["state"], &last["username"]),
        (&json!(1), &json!(0), &json!("succeeded"), &json!("admin"))
    );
    assert!(job.ends_with(last["job_id"].as_str().unwrap()));
    for _ in 0..2 {
        assert!(admin.delete(RETENTION).await.expect(204).body.is_empty());
    }
    assert_eq!(admin.get(RETENTION).await.expect(200).json()["policy"], Value::Null);
}

/// A safety backup stays as long as its clear can be undone.
#[on_every_engine]
async fn safety_backup_stays_while_its_clear_can_be_undone(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    admin.create_backup().await;
    let cleared = admin.clear(&json!({"table": "attendance"})).await.expect(200).json();
    let safety = cleared["archive_id"].as_str().unwrap();
    let policy = |days: u32| json!({"policy": {"keep_last": 1, "safety_days": days}});
    let reasons = async |days: u32| {
        let plan = preview(admin, &policy(days)).await;
        let kept = plan["keep"]
            .as_array()
            .unwrap()
            .iter()
            .find(|kept| kept["id"] == safety);
        (kept.map(|kept| kept["reasons"].clone()), plan["delete"].clone())
    };
    assert_eq!(
        reasons(1).await,
        (Some(json!(["undo_possible", "safety_days"])), json!([]))
    );
    assert_eq!(reasons(0).await, (Some(json!(["undo_possible"])), json!([])));
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    admin.post(&undo, &json!({})).await.expect(200);
    let (kept, deleted) = reasons(0).await;
    assert_eq!(kept, None);
    assert_eq!(
        (deleted[0]["id"].as_str(), &deleted[0]["reason"]),
        (Some(safety), &json!("safety_expired"))
    );
}

#[on_every_engine]
async fn newest_backup_is_deleted_only_with_force(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let verified = admin.create_backup().await;
    let verify = admin.post(&of(&verified, "/verify"), &json!({"level": "digest"})).await;
    admin.done(verify).await;
    let older = admin.create_backup().await;
    let newest = admin.create_backup().await;
    for id in [&newest, &verified] {
        for query in ["", "?force=false"] {
            let refused = admin.delete(&of(id, query)).await.problem(409, "archive_is_newest");
            assert!(refused["hint"].as_str().unwrap().contains("force=true"), "{refused}");
        }
    }
    admin.delete(&of(&older, "")).await.expect(204);
    for id in [&newest, &verified] {
        admin.delete(&of(id, "?force=true")).await.expect(204);
    }
    assert!(admin.archives().await.is_empty());
}
