//! `GET /backup/archives`: the list is searched, filtered, sorted and paged. `GET /backup/history`: rows and sizes over time.

use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::client::fields;
use harness::{Client, Engine, on_every_engine};
use serde_json::{Value, json};

const HISTORY: &str = "/backup/history";

async fn list(admin: &Client, query: &str) -> Value {
    admin.get(&format!("{ARCHIVES}?{query}")).await.expect(200).json()
}

/// The ids of the archives that a query lists, whose total must be their number.
async fn ids(admin: &Client, query: &str) -> Vec<String> {
    let listed = list(admin, query).await;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(listed["total"], items.len(), "{query}");
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn create(admin: &Client, body: &Value) -> String {
    let created = admin.done(admin.post(ARCHIVES, body).await).await;
    created["archive_id"].as_str().unwrap().to_owned()
}

#[on_every_engine(nightly)]
async fn invalid_filters_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let long = format!("search={}", "a".repeat(201));
    for (query, field) in [
        (long.as_str(), "search"),
        ("search=", "search"),
        ("kind=taken", "kind"),
        ("protected=yes", "protected"),
        ("verification=ok", "verification"),
        ("origin=here", "origin"),
        ("suspicious=1", "suspicious"),
        ("schedule_id=nightly", "schedule_id"),
        ("destination_id=off-site", "destination_id"),
        ("from=yesterday", "from"),
        ("to=2026-11-30T10:00:00", "to"),
        ("from=%2B10000-01-01T00:00:00Z", "from"),
        ("sort=name", "sort"),
        ("direction=down", "direction"),
        ("verified=true", "verified"),
    ] {
        let problem = place.admin.get(&format!("{ARCHIVES}?{query}")).await;
        assert_eq!(fields(&problem.problem(422, "invalid_field")), [field], "{query}");
    }
    for (query, field) in [("from=yesterday", "from"), ("limit=1", "limit")] {
        let problem = place.admin.get(&format!("{HISTORY}?{query}")).await;
        assert_eq!(fields(&problem.problem(422, "invalid_field")), [field], "{query}");
    }
}

#[on_every_engine]
async fn archives_are_found_sorted_and_paged(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let exams = json!({"label": "Before the exams", "note": "Für die Élèves", "protected": true});
    let first = create(admin, &exams).await;
    let second = create(admin, &json!({"label": "after the exams"})).await;
    admin
        .done(admin.post(&of(&first, "/verify"), &json!({"level": "digest"})).await)
        .await;
    admin
        .post("/backup/clear", &json!({"table": "payments"}))
        .await
        .expect(200);
    let all = ids(admin, "").await;
    assert_eq!(all.len(), 3);
    let safety = all.iter().find(|id| **id != first && **id != second).unwrap();

    for (query, expected) in [
        ("search=ELEVES+exams", vec![&first]),
        ("search=exams&sort=label&direction=asc", vec![&second, &first]),
        ("search=exams&sort=label", vec![&first, &second]),
        ("search=clearing", vec![safety]),
        ("search=nothing", vec![]),
        ("kind=safety", vec![safety]),
        ("protected=true", vec![&first]),
        ("protected=false&kind=created", vec![&second]),
        ("verification=digest", vec![&first]),
        ("verification=none&kind=created", vec![&second]),
        ("verification=failed", vec![]),
        ("origin=made_here&kind=safety", vec![safety]),
        ("origin=found", vec![]),
        ("suspicious=true", vec![]),
        ("suspicious=false&protected=true", vec![&first]),
        ("created_by=admin&protected=true", vec![&first]),
        ("created_by=nobody", vec![]),
        ("destination_id=1", vec![]),
        ("schedule_id=1", vec![]),
        ("from=2999-01-01T00:00:00Z", vec![]),
        ("to=2999-01-01T00:00:00Z&protected=true", vec![&first]),
    ] {
        assert_eq!(ids(admin, query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let page = list(admin, "search=exams&sort=label&direction=asc&limit=1&offset=1").await;
    assert_eq!((&page["total"], &page["items"][0]["id"]), (&json!(2), &json!(first)));
    let page = list(admin, "suspicious=false&sort=total&direction=asc&limit=1&offset=2").await;
    assert_eq!(
        (&page["total"], page["items"].as_array().unwrap().len()),
        (&json!(3), 1)
    );
}

#[on_every_engine]
async fn history_has_the_rows_of_each_backup_and_leaves_out_others(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let empty = json!({"backups": [], "runs": [], "complete": true});
    assert_eq!(admin.get(HISTORY).await.expect(200).json(), empty);
    let id = admin.create_backup().await;
    admin
        .post("/backup/clear", &json!({"table": "payments"}))
        .await
        .expect(200);
    let cleared = admin.create_backup().await;
    let history = admin.get(HISTORY).await.expect(200).json();
    let points = history["backups"].as_array().unwrap();
    let of_history: Vec<_> = points.iter().map(|point| &point["id"]).collect();
    assert_eq!(of_history, [&json!(id), &json!(cleared)]);
    for point in points {
        let archive = admin
            .get(&of(point["id"].as_str().unwrap(), ""))
            .await
            .expect(200)
            .json();
        for field in ["created_at", "size", "total", "rows"] {
            assert_eq!(point[field], archive[field], "{field}");
        }
    }
    assert_eq!(points[1]["rows"]["payments"], 0);
    let later = format!("{HISTORY}?from=2999-01-01T00:00:00Z");
    assert_eq!(admin.get(&later).await.expect(200).json(), empty);
}
