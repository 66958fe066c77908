//! `/backup/imports`: a file becomes a plan, and nothing changes until it is applied.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use uuid::{NoContext, Timestamp, Uuid};

use harness::archives_rig::ArchivesPlace;
use harness::client::fields;
use harness::import_rig::{IMPORTS, counts};
use harness::service::{Service, Setup};
use harness::{Answer, Client, Engine, WAIT_LIMIT, on_every_engine, small_school, until};

const STUDENTS: &str = "Student Name,Reg No,Phone\r\nBea Brown,R-7,+91 98450 12345\r\nCid Clark,R-8,\r\n";

fn id(plan: &Value) -> &str {
    plan["id"].as_str().unwrap()
}

async fn get(admin: &Client, plan: &Value, rest: &str) -> Answer {
    admin.get(&format!("{IMPORTS}/{}{rest}", id(plan))).await
}

async fn form(admin: &Client, table: &str, form: Form) -> Answer {
    Answer::of(
        admin
            .request(Method::POST, &format!("{IMPORTS}/{table}"))
            .multipart(form),
    )
    .await
}

#[on_every_engine]
async fn plan_says_what_the_import_does_and_changes_nothing(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let before = scratch.everything().await;
    let file = "Students of 2026,,\r\nReg No,Student Name,Hobby\r\n000123,Ann,chess\r\nR-7,Bea Brown,\r\n,,\r\n";
    let answer = admin.send_import("students", "", file).await.expect(201);
    let plan = answer.json();
    assert_eq!(answer.header("location"), format!("{IMPORTS}/{}", id(&plan)));
    assert_eq!(scratch.everything().await, before);
    assert_eq!(counts(&plan), json!({"read": 2, "new": 1, "changed": 1}), "{plan}");
    assert_eq!((&plan["can_apply"], &plan["mode"]), (&json!(true), &json!("upsert")));
    let changed = &plan["changes"][0];
    assert_eq!(
        (&changed["kind"], &changed["row"], &changed["id"]),
        (&json!("changed"), &json!(3), &json!(1))
    );
    assert_eq!(
        changed["fields"],
        json!([{"column": "full_name", "old": "Ann \"Annie\" O'Neil, Jr.", "new": "Ann"}])
    );
    assert_eq!(
        (&plan["changes"][1]["kind"], &plan["changes"][1]["id"]),
        (&json!("new"), &Value::Null)
    );
    assert_eq!(plan["ignored"][0]["heading"], "Hobby");
    assert_eq!(get(admin, &plan, "").await.expect(200).json(), plan);

    let result = admin.done(admin.apply_import(&plan).await).await;
    assert_eq!(
        (
            &result["tables"]["students"]["inserted"],
            &result["tables"]["students"]["updated"]
        ),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        scratch
            .value("select full_name from students where id = 1")
            .await
            .as_deref(),
        Some("Ann")
    );
    // The other columns are as before. The new id follows the greatest that was ever used: MySQL reserves some.
    assert_eq!(
        scratch
            .value("select email from students where id = 1")
            .await
            .as_deref(),
        Some("ann@school.example")
    );
    let new = scratch
        .number("select id from students where registration_number = 'R-7'")
        .await;
    assert!((12..20).contains(&new), "{new}");
    let again = admin.plan_import("students", "", file).await;
    assert_eq!(counts(&again), json!({"read": 2, "unchanged": 2}));
    scratch
        .execute("insert into students (full_name, registration_number) values ('Next', 'n')")
        .await;
    assert!(scratch.number("select max(id) from students").await > new);
}

#[on_every_engine]
async fn plan_is_refused_after_the_data_has_changed(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let plan = admin.plan_import("students", "", STUDENTS).await;
    scratch
        .execute("update students set full_name = 'Changed' where id = 2")
        .await;
    let before = admin.digests().await;
    let job = admin.job(admin.apply_import(&plan).await).await;
    assert_eq!(
        (&job["state"], &job["error"]["code"]),
        (&json!("failed"), &json!("plan_outdated")),
        "{job}"
    );
    assert_eq!(admin.digests().await, before);
    // No safety backup is left.
    assert_eq!(admin.archives().await.len(), 0);
    let wrong = json!({"plan_hash": "0".repeat(64), "confirm": "import"});
    admin
        .post(&format!("{IMPORTS}/{}/apply", id(&plan)), &wrong)
        .await
        .problem(412, "plan_outdated");
    let unconfirmed = json!({"plan_hash": plan["hash"], "confirm": "students"});
    let refused = admin
        .post(&format!("{IMPORTS}/{}/apply", id(&plan)), &unconfirmed)
        .await;
    assert_eq!(fields(&refused.problem(422, "wrong_confirmation")), ["confirm"]);
}

#[on_every_engine]
async fn ids_that_were_generated_since_the_plan_are_not_used_again(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let query = "create_missing=payment_categories&mode=insert";
    let file = "Student ID,Amount Paid,Payment Category,Status\r\n1,10.00,Sports,paid\r\n2,20.00,Music,paid\r\n";
    let plan = admin.plan_import("payments", query, file).await;
    assert_eq!(counts(&plan), json!({"read": 2, "new": 2}));
    assert_eq!(plan["tables"]["payment_categories"]["inserted"], 2);
    scratch
        .execute("insert into payment_categories (name) values ('Gone')")
        .await;
    let used = scratch
        .number("select id from payment_categories where name = 'Gone'")
        .await;
    scratch
        .execute("delete from payment_categories where name = 'Gone'")
        .await;
    admin.done(admin.apply_import(&plan).await).await;
    let new = scratch
        .number("select min(id) from payment_categories where name in ('Sports', 'Music')")
        .await;
    assert!(new > used, "{new} {used}");
    let named = "select count(*) from payments p join payment_categories c on c.id = p.category_id \
                 where (c.name = 'Sports' and p.student_id = 1) or (c.name = 'Music' and p.student_id = 2)";
    assert_eq!(scratch.number(named).await, 2);
}

#[on_every_engine]
async fn wrong_rows_are_named_and_can_be_corrected(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let before = scratch.everything().await;
    let file = "ID,Student ID,Course ID,Date,Status\r\n\
                1,1,1,29-02-2024,absent\r\n\
                ,1,1,30-02-2024,present\r\n\
                ,4711,1,01-03-2024,present\r\n\
                ,2,1,02-03-2024,maybe\r\n";
    let plan = admin.plan_import("attendance", "", file).await;
    assert_eq!(counts(&plan), json!({"read": 4, "changed": 1, "wrong": 3}), "{plan}");
    let errors: Vec<_> = plan["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (&error["row"], &error["column"], &error["value"]))
        .collect();
    assert_eq!(
        errors,
        [
            (&json!(3), &json!("Date"), &json!("30-02-2024")),
            (&json!(4), &json!("Student ID"), &json!("4711")),
            (&json!(5), &json!("Status"), &json!("maybe")),
        ]
    );
    assert_eq!(plan["can_apply"], false);
    admin.apply_import(&plan).await.problem(422, "import_refused");

    let answer = get(admin, &plan, "/errors").await.expect(200);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let wrong = answer.text();
    assert!(
        wrong.starts_with("\u{feff}ID,Student ID,Course ID,Date,Status,Reason\r\n"),
        "{wrong}"
    );
    assert_eq!(wrong.matches("\r\n").count(), 4, "{wrong}");
    assert_eq!(scratch.everything().await, before);

    let left_out = admin.plan_import("attendance", "skip_wrong=true", file).await;
    assert_eq!(left_out["can_apply"], true);
    let result = admin.done(admin.apply_import(&left_out).await).await;
    assert_eq!(
        (&result["skipped_wrong"], &result["tables"]["attendance"]["updated"]),
        (&json!(3), &json!(1))
    );
    let corrected = wrong
        .replace("30-02-2024", "01-02-2024")
        .replace("4711", "3")
        .replace("maybe", "leave");
    let corrected = admin.import("attendance", "", corrected).await;
    assert_eq!(corrected["tables"]["attendance"]["inserted"], 3, "{corrected}");
    let now = admin.plan_import("attendance", "", corrected_file()).await;
    assert_eq!(counts(&now), json!({"read": 3, "unchanged": 3}));
}

fn corrected_file() -> &'static str {
    "Student ID,Course ID,Date,Status\r\n1,1,01-02-2024,present\r\n3,1,01-03-2024,present\r\n2,1,02-03-2024,leave\r\n"
}

#[on_every_engine(nightly)]
async fn form_and_bare_body_have_the_same_plan(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let bare = admin.plan_import("students", "mode=insert", STUDENTS).await;
    let part = || Part::bytes(STUDENTS.as_bytes()).file_name("list of students.csv");
    let sent = Form::new().text("mode", "insert").part("file", part());
    let of_form = form(admin, "students", sent).await.expect(201).json();
    assert_eq!(of_form["file"]["name"], "list of students.csv");
    for member in ["hash", "rows", "columns", "mode", "tables"] {
        assert_eq!(of_form[member], bare[member], "{member}");
    }
    assert_eq!(of_form["changes"].as_array().unwrap().len(), 2);
    for (wrong, field) in [
        (Form::new().text("mode", "insert"), "file"),
        (Form::new().part("file", part()).text("mode", "insert"), "mode"),
        (Form::new().text("mode", "all").part("file", part()), "mode"),
        (Form::new().text("color", "red").part("file", part()), "color"),
    ] {
        let problem = form(admin, "students", wrong).await.problem(422, "invalid_field");
        assert_eq!(fields(&problem), [field]);
    }
}

#[on_every_engine(nightly)]
async fn invalid_options_and_tables_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    for (table, query, field) in [
        ("students", "mode=overwrite", "mode"),
        ("students", "columns=Reg", "columns"),
        ("students", "create_missing=courses", "create_missing"),
        ("students", "create_missing=payment_categories", "create_missing"),
        ("students", "mode=replace&skip_wrong=true", "skip_wrong"),
        ("students", "dates=month", "dates"),
        ("students", "decimals=dot", "decimals"),
        ("students", "limit=1", "limit"),
        ("users", "", "table"),
    ] {
        let problem = admin
            .send_import(table, query, STUDENTS)
            .await
            .problem(422, "invalid_field");
        assert_eq!(fields(&problem), [field], "{query}");
    }
    let problem = admin
        .send_import("users", "", STUDENTS)
        .await
        .problem(422, "invalid_field");
    assert!(problem["detail"].as_str().unwrap().contains("passwords"), "{problem}");
    admin
        .send_import("teachers", "", STUDENTS)
        .await
        .problem(404, "unknown_table");
    admin
        .send_import("students", "", "")
        .await
        .problem(422, "import_unreadable");
    admin
        .get(&format!("{IMPORTS}/users/template"))
        .await
        .problem(422, "invalid_field");
    admin
        .get(&format!("{IMPORTS}/teachers/template"))
        .await
        .problem(404, "unknown_table");
    for path in ["nothing", "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70"] {
        admin
            .get(&format!("{IMPORTS}/{path}"))
            .await
            .problem(404, "unknown_import");
        admin
            .get(&format!("{IMPORTS}/{path}/errors"))
            .await
            .problem(404, "unknown_import");
        admin
            .delete(&format!("{IMPORTS}/{path}"))
            .await
            .problem(404, "unknown_import");
        let body = json!({"plan_hash": "0".repeat(64), "confirm": "import"});
        admin
            .post(&format!("{IMPORTS}/{path}/apply"), &body)
            .await
            .problem(404, "unknown_import");
    }
    let problem = admin
        .send_import("students", "", "Phone,Email\r\n1,a@b.example\r\n")
        .await
        .problem(422, "invalid_field");
    assert!(
        problem["detail"].as_str().unwrap().contains("registration_number"),
        "{problem}"
    );
    assert_eq!(leftovers(&place), 0);
}

/// The folders of imports in the data folder.
fn leftovers(place: &ArchivesPlace) -> usize {
    let data = std::fs::read_dir(place.service.folder().join("data")).unwrap();
    let names = data.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name.starts_with("import-") || name.starts_with("restore-"))
        .count()
}

#[on_every_engine(nightly)]
async fn file_beyond_the_limit_is_refused_with_the_limit(engine: Engine) {
    let school = small_school(engine).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_IMPORT_LIMIT", "1KiB")
        .start()
        .await;
    let admin = service.admin().await;
    let long = format!("{STUDENTS}{}", "x,y,z\r\n".repeat(1_000));
    let problem = admin
        .send_import("students", "", long)
        .await
        .problem(413, "import_too_large");
    assert!(problem["detail"].as_str().unwrap().contains("1024"), "{problem}");
    admin.send_import("students", "", STUDENTS).await.expect(201);
}

/// A row that is too large is refused with its number, before it is in memory.
#[on_every_engine(nightly)]
async fn enormous_rows_are_refused_in_flat_memory(engine: Engine) {
    const MIB: u64 = 1 << 20;
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    admin.plan_import("students", "", STUDENTS).await;
    let before = place.service.memory().peak;
    let cell = format!("{STUDENTS}{},R-9,\r\n", "x".repeat(100 << 20));
    for (file, row) in [(cell, "row 4"), ("x,".repeat(10_000_000), "row 1")] {
        let answer = admin.send_import("students", "", file).await;
        let problem = answer.problem(422, "import_unreadable");
        assert_eq!(fields(&problem), [row], "{problem}");
    }
    let grown = place.service.memory().peak.saturating_sub(before);
    assert!(grown < 80 * MIB, "{} MiB", grown / MIB);
    assert_eq!(leftovers(&place), 1);
}

/// Wrong rows are counted and listed in flat memory, however many there are.
#[on_every_engine(nightly)]
async fn wrong_rows_of_a_long_file_are_named_in_flat_memory(engine: Engine) {
    const ROWS: u64 = 50_000;
    const MIB: u64 = 1 << 20;
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    admin.plan_import("students", "", STUDENTS).await;
    let before = (scratch.everything().await, place.service.memory().peak);
    let is_wrong = |row: &u64| row % 100 == 50;
    let rows = (1..=ROWS).map(|row| match is_wrong(&row) {
        true => format!("Student {row},N-{row},30-02-2012\r\n"),
        false => format!("Student {row},N-{row},28-02-2012\r\n"),
    });
    let file: String = std::iter::once("Full Name,Registration Number,Date of Birth\r\n".to_owned())
        .chain(rows)
        .collect();
    let plan = admin.plan_import("students", "", file).await;
    let wrong = ROWS / 100;
    assert_eq!(
        counts(&plan),
        json!({"read": ROWS, "new": ROWS - wrong, "wrong": wrong})
    );
    assert_eq!(plan["can_apply"], false);
    let errors = plan["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 100);
    for (error, row) in errors.iter().zip((1..=ROWS).filter(is_wrong)) {
        // The headings are row 1.
        assert_eq!(
            (&error["row"], &error["column"], &error["value"]),
            (&json!(row + 1), &json!("Date of Birth"), &json!("30-02-2012"))
        );
    }
    admin.apply_import(&plan).await.problem(422, "import_refused");
    let listed = get(admin, &plan, "/errors").await.expect(200).text();
    assert_eq!(listed.matches("30-02-2012").count() as u64, wrong);
    let grown = place.service.memory().peak.saturating_sub(before.1);
    assert!(grown < 64 * MIB, "{} MiB", grown / MIB);
    assert_eq!(scratch.everything().await, before.0);
}

/// A plan is in the data folder of the copy that received the file.
#[on_every_engine(nightly)]
async fn other_copy_of_the_service_says_that_it_does_not_know_the_import(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let plan = place.admin.plan_import("students", "", STUDENTS).await;
    let other = Service::on(&place.school.scratch).await;
    let admin = other.admin().await;
    let applied = admin.apply_import(&plan).await;
    for answer in [
        applied,
        get(&admin, &plan, "").await,
        get(&admin, &plan, "/errors").await,
    ] {
        let problem = answer.problem(404, "unknown_import");
        assert!(problem["hint"].as_str().unwrap().contains("copies"), "{problem}");
    }
    place.admin.done(place.admin.apply_import(&plan).await).await;
    assert_eq!(place.school.scratch.count("students").await, 7);
}

#[on_every_engine(nightly)]
async fn discarded_import_is_gone(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let plan = admin.plan_import("students", "", STUDENTS).await;
    assert_eq!(leftovers(&place), 1);
    admin.delete(&format!("{IMPORTS}/{}", id(&plan))).await.expect(204);
    get(admin, &plan, "").await.problem(404, "unknown_import");
    admin.apply_import(&plan).await.problem(404, "unknown_import");
    assert_eq!(leftovers(&place), 0);
}

/// The name of the folder of an import has the time at which its file was sent, so another name is another age.
#[on_every_engine(nightly)]
async fn import_is_unknown_after_a_day_and_its_file_is_removed(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let admin = service.admin().await;
    let plan = admin.plan_import("students", "", STUDENTS).await;
    let time = |name: &str| DateTime::parse_from_rfc3339(plan[name].as_str().unwrap()).unwrap();
    let lifetime = time("expires_at") - time("created_at");
    assert!(
        (lifetime - TimeDelta::days(1)).abs() < TimeDelta::minutes(1),
        "{lifetime}"
    );

    let data = service.folder().join("data");
    let folder = |id: Uuid| data.join(format!("import-{}", id.simple()));
    let aged = async |current: Uuid, age: TimeDelta| {
        let sent = Utc::now() - age;
        let sent = Timestamp::from_unix(NoContext, u64::try_from(sent.timestamp()).unwrap(), 0);
        let id = Uuid::new_v7(sent);
        std::fs::rename(folder(current), folder(id)).unwrap();
        id
    };
    let almost = aged(id(&plan).parse().unwrap(), TimeDelta::hours(23)).await;
    admin.get(&format!("{IMPORTS}/{almost}")).await.expect(200);
    let expired = aged(almost, TimeDelta::hours(25)).await;
    for answer in [
        admin.get(&format!("{IMPORTS}/{expired}")).await,
        admin.get(&format!("{IMPORTS}/{expired}/errors")).await,
        admin.delete(&format!("{IMPORTS}/{expired}")).await,
    ] {
        answer.problem(404, "unknown_import");
    }
    let body = json!({"plan_hash": plan["hash"], "confirm": "import"});
    let refused = admin.post(&format!("{IMPORTS}/{expired}/apply"), &body).await;
    refused.problem(404, "unknown_import");
    assert_eq!(school.scratch.count("students").await, 5);

    assert!(folder(expired).is_dir());
    service.stop().await;
    let _service = setup.start().await;
    until("the file is removed", WAIT_LIMIT, async || !folder(expired).exists()).await;
}

#[on_every_engine(nightly)]
async fn plan_survives_a_restart_of_the_service(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let plan = service.admin().await.plan_import("students", "", STUDENTS).await;
    service.stop().await;
    let service = setup.start().await;
    let admin = service.admin().await;
    admin.done(admin.apply_import(&plan).await).await;
    assert_eq!(school.scratch.count("students").await, 7);
}

#[on_every_engine(nightly)]
async fn repeated_application_with_a_key_has_one_effect(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let plan = admin.plan_import("students", "", STUDENTS).await;
    let apply = async || {
        let path = format!("{IMPORTS}/{}/apply", id(&plan));
        let body = json!({"plan_hash": plan["hash"], "confirm": "import"});
        Answer::of(
            admin
                .request(Method::POST, &path)
                .header("idempotency-key", "once")
                .json(&body),
        )
        .await
    };
    let first = admin.job(apply().await).await;
    let second = admin.job(apply().await).await;
    assert_eq!(first["id"], second["id"]);
    // Without the key it is another application of an outdated plan.
    let job = admin.job(admin.apply_import(&plan).await).await;
    assert_eq!(job["error"]["code"], "plan_outdated");
    assert_eq!(place.school.scratch.count("students").await, 7);
}

#[on_every_engine(nightly)]
async fn untouched_template_is_read_and_has_no_rows(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    for table in harness::import_rig::IMPORTABLE {
        for format in ["csv", "xlsx"] {
            let path = format!("{IMPORTS}/{table}/template?format={format}");
            let template = admin.get(&path).await.expect(200);
            let refused = admin.send_import(table, "", template.body.clone()).await;
            let problem = refused.problem(422, "import_unreadable");
            assert!(
                problem["detail"].as_str().unwrap().contains("no rows"),
                "{table} {format}: {problem}"
            );
        }
    }
}
