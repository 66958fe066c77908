//! Jobs of every kind end with complete progress, and match the API document.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::{Answer, Engine, on_every_engine};

const KINDS: [&str; 7] = ["archive", "clear", "restore", "retention", "undo", "upload", "verify"];

/// Everything that the service reports about a finished job: the data of its events, and the job itself.
async fn reported(place: &ArchivesPlace, id: &str) -> (Vec<Value>, Value) {
    let path = format!("/backup/jobs/{id}");
    let events = place.admin.get(&format!("{path}/events")).await.expect(200).text();
    let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
    let data: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
    (data, place.admin.get(&path).await.expect(200).json())
}

/// The ids of one job of each kind, with restores of a part and of everything.
async fn one_of_each(place: &ArchivesPlace) -> Vec<String> {
    let admin = &place.admin;
    let mut ids = Vec::new();
    let id = |answer: &Answer| answer.json()["id"].as_str().unwrap().to_owned();
    let taken = admin
        .post(ARCHIVES, &json!({"label": "before the exams"}))
        .await
        .expect(202);
    ids.push(id(&taken));
    let archive = admin.done(taken).await["archive_id"].as_str().unwrap().to_owned();
    for level in ["digest", "test_restore"] {
        let accepted = admin
            .post(&of(&archive, "/verify"), &json!({"level": level}))
            .await
            .expect(202);
        ids.push(id(&accepted));
        admin.done(accepted).await;
    }
    let cleared = admin.clear(&json!({"table": "payments"})).await.expect(200);
    let clear = id(&cleared);
    ids.push(clear.clone());
    let undone = admin
        .post(&format!("/backup/clear/{clear}/undo"), &json!({}))
        .await
        .expect(200);
    ids.push(id(&undone));
    admin.clear(&json!({"table": "attendance"})).await.expect(200);
    for request in [
        json!({"mode": "merge", "scope": {"tables": ["attendance"]}}),
        json!({"mode": "replace"}),
    ] {
        let accepted = admin.restore(&archive, &request).await.expect(202);
        ids.push(id(&accepted));
        admin.done(accepted).await;
    }
    let file = admin.get(&of(&archive, "/file")).await.expect(200).body;
    admin
        .post_raw(
            &format!("{ARCHIVES}/upload?label=again"),
            "application/octet-stream",
            file,
        )
        .await
        .expect(201);
    let uploads = admin.get("/backup/jobs?kind=upload").await.expect(200).json();
    ids.push(uploads["items"][0]["id"].as_str().unwrap().to_owned());
    for _ in 0..2 {
        admin.create_backup().await;
    }
    let policy = admin
        .request(Method::PUT, "/backup/retention")
        .json(&json!({"keep_last": 1}));
    Answer::of(policy).await.expect(200);
    let plan = admin
        .post("/backup/retention/preview", &json!({}))
        .await
        .expect(200)
        .json();
    let accepted = admin
        .post("/backup/retention/apply", &json!({"plan_hash": plan["plan_hash"]}))
        .await
        .expect(202);
    ids.push(id(&accepted));
    admin.done(accepted).await;
    ids
}

#[on_every_engine]
async fn progress_of_every_job_ends_at_its_total(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let mut kinds = BTreeMap::new();
    for id in one_of_each(&place).await {
        let (events, shown) = reported(&place, &id).await;
        assert_eq!(shown["state"], "succeeded", "{shown}");
        for job in events.iter().chain([&shown]) {
            let (done, total) = (job["rows_done"].as_u64(), job["rows_total"].as_u64());
            assert!(total.is_some() && done == total, "{job}");
            assert_ne!(done, Some(0), "{job}");
        }
        kinds.insert(shown["kind"].as_str().unwrap().to_owned(), ());
    }
    assert_eq!(kinds.into_keys().collect::<Vec<_>>(), KINDS);
}

/// The `parameters` and `result` of jobs have exactly the members in the document.
#[on_every_engine(nightly)]
async fn every_job_matches_the_document(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let document = place
        .service
        .anonymous()
        .get("/api-docs/openapi.json")
        .await
        .expect(200)
        .json();
    let mapping = &document["components"]["schemas"]["JobResult"]["discriminator"]["mapping"];
    for id in one_of_each(&place).await {
        let job = reported(&place, &id).await.1;
        let schema = json!({"$ref": "#/components/schemas/Job"});
        let problems = misfits(&document, &schema, &job, "job");
        assert!(problems.is_empty(), "{problems:#?} in {job:#}");
        assert_eq!(job["result"]["kind"], job["kind"], "{job:#}");
        let schema = json!({"$ref": mapping[job["kind"].as_str().unwrap()]});
        let problems = misfits(&document, &schema, &job["result"], "result");
        assert!(problems.is_empty(), "{problems:#?} in {job:#}");
    }
    let changes = place.admin.get("/backup/changes").await.expect(200).json();
    for change in changes["items"].as_array().unwrap() {
        let schema = json!({"$ref": "#/components/schemas/Change"});
        let problems = misfits(&document, &schema, change, "change");
        assert!(problems.is_empty(), "{problems:#?} in {change:#}");
    }
}

/// Earlier versions stored results without their kind.
#[on_every_engine]
async fn result_of_an_earlier_version_is_shown_with_its_kind(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    for id in one_of_each(&place).await {
        let job = reported(&place, &id).await.1;
        let mut stored = job["result"].clone();
        assert!(stored.as_object_mut().unwrap().remove("kind").is_some(), "{job:#}");
        let store = format!("update backup_jobs set result = '{stored}' where id = '{id}'");
        place.school.scratch.execute(&store).await;
        assert_eq!(reported(&place, &id).await.1, job);
    }
}

/// Where a value is not what a schema says. Members that the schema does not name are misfits as well.
fn misfits(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).expect(reference);
        return misfits(document, schema, value, place);
    }
    let choices_of = |keyword: &str| schema[keyword].as_array();
    if let Some(choices) = choices_of("oneOf").or_else(|| choices_of("anyOf")) {
        let tried: Vec<_> = choices
            .iter()
            .map(|choice| misfits(document, choice, value, place))
            .collect();
        let fitting = tried.iter().filter(|problems| problems.is_empty()).count();
        let at_most = if schema["oneOf"].is_array() { 1 } else { choices.len() };
        return match (1..=at_most).contains(&fitting) {
            true => Vec::new(),
            false => vec![format!(
                "{place} fits {fitting} of {} schemas: {tried:?}",
                choices.len()
            )],
        };
    }
    if let Some(words) = schema["enum"].as_array() {
        return match words.contains(value) {
            true => Vec::new(),
            false => vec![format!("{place} is none of the words: {value}")],
        };
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => vec![kind.as_str().expect(place)],
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_one_of = kinds.contains(&kind) || (kind == "integer" && kinds.contains(&"number"));
    if !is_one_of {
        return vec![format!("{place} is {kind} and not {kinds:?}")];
    }
    let Value::Object(members) = value else {
        return Vec::new();
    };
    let described = schema["properties"].as_object();
    let others = &schema["additionalProperties"];
    let required = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let missing = required.filter(|name| !members.contains_key(*name));
    let mut problems: Vec<_> = missing.map(|name| format!("{place}.{name} is missing")).collect();
    for (name, member) in members {
        let place = format!("{place}.{name}");
        match described.and_then(|described| described.get(name)) {
            Some(schema) => problems.extend(misfits(document, schema, member, &place)),
            None if others.is_object() => problems.extend(misfits(document, others, member, &place)),
            None => problems.push(format!("{place} is not described")),
        }
    }
    problems
}

/// A client that watches from the start never sees more rows done than the total.
#[on_every_engine(nightly)]
async fn progress_never_exceeds_its_total(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let archive = place.admin.create_backup().await;
    let accepted = place
        .admin
        .restore(&archive, &json!({"mode": "replace"}))
        .await
        .expect(202);
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    let request = place.admin.request(Method::GET, &format!("/backup/jobs/{id}/events"));
    let events = Answer::of(request).await.expect(200).text();
    for data in events.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let job: Value = serde_json::from_str(data).unwrap();
        if let Some(total) = job["rows_total"].as_u64() {
            assert!(job["rows_done"].as_u64().unwrap() <= total, "{job}");
        }
    }
}
