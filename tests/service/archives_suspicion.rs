//! Backups with far fewer rows or less money than the last good ones.

use serde_json::{Value, json};

use harness::archives_rig::{ArchivesPlace, of};
use harness::service::Setup;
use harness::{Client, Engine, on_every_engine, small_school};

/// Inserts students until there are so many, or deletes those that were inserted.
async fn have_students(place: &ArchivesPlace, count: i64) {
    let scratch = &place.school.scratch;
    scratch.execute("delete from students where id > 1000").await;
    let there = scratch.count("students").await;
    for id in 1001..=1000 + count - there {
        let insert = format!("insert into students (id, full_name, registration_number) values ({id}, 'x', 'n{id}')");
        scratch.execute(&insert).await;
    }
    assert_eq!(scratch.count("students").await, count);
}

async fn suspicion(admin: &Client, id: &str) -> Value {
    admin.get(&of(id, "")).await.expect(200).json()["suspicion"].clone()
}

#[on_every_engine]
async fn fall_of_rows_is_marked_until_it_is_accepted(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    have_students(&place, 50).await;
    let first = admin.create_backup().await;
    have_students(&place, 40).await;
    let good = admin.create_backup().await;
    assert_eq!(suspicion(admin, &good).await, Value::Null);
    have_students(&place, 34).await;
    let fallen = admin.create_backup().await;
    let findings = json!([{"table": "students", "before": 50, "now": 34}]);
    let expected = json!({"findings": findings, "accepted_at": null, "accepted_by": null});
    assert_eq!(suspicion(admin, &fallen).await, expected);
    let listed = admin.archives().await;
    assert_eq!((&listed[0]["id"], &listed[0]["suspicion"]), (&json!(fallen), &expected));
    // It is no good backup, so the next one is compared with those before it.
    let again = admin.create_backup().await;
    assert_eq!(suspicion(admin, &again).await, expected);
    let tried = json!({"policy": {"keep_last": 1}});
    let plan = admin.post("/backup/retention/preview", &tried).await.expect(200).json();
    assert_eq!(plan["held"]["code"], "latest_backup_suspicious");
    let kept: Vec<_> = plan["keep"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kept| &kept["id"])
        .collect();
    assert_eq!(kept, [&json!(again), &json!(fallen), &json!(good)]);
    assert_eq!(plan["delete"][0]["id"], json!(first));

    let accept = of(&again, "/accept");
    let accepted = admin.post(&accept, &json!({})).await.expect(200).json();
    assert_eq!(
        (
            &accepted["suspicion"]["findings"],
            &accepted["suspicion"]["accepted_by"]
        ),
        (&findings, &json!("admin"))
    );
    assert!(accepted["suspicion"]["accepted_at"].is_string(), "{accepted}");
    // To accept it again changes nothing, and neither does it for an archive that is not suspicious.
    assert_eq!(admin.post(&accept, &json!({})).await.expect(200).json(), accepted);
    let unchanged = admin.post(&of(&good, "/accept"), &json!({})).await.expect(200).json();
    assert_eq!(unchanged["suspicion"], Value::Null);
    let plan = admin.post("/backup/retention/preview", &tried).await.expect(200).json();
    assert_eq!(plan["held"], Value::Null);
    let next = admin.create_backup().await;
    assert_eq!(
        suspicion(admin, &next).await,
        Value::Null,
        "it is compared with the accepted one"
    );
    for id in ["2026-01-01T00-00-00Z-00000001", "x"] {
        admin
            .post(&of(id, "/accept"), &json!({}))
            .await
            .problem(404, "unknown_archive");
    }
}

#[on_every_engine(nightly)]
async fn fall_of_money_is_marked_and_the_threshold_can_be_set(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_SUSPICION_THRESHOLD", "off");
    let service = setup.start().await;
    let place = ArchivesPlace {
        admin: service.admin().await,
        school,
        service,
    };
    let scratch = &place.school.scratch;
    scratch.execute("update payments set amount_paid = 100").await;
    for id in 1001..=1030 {
        let insert = format!(
            "insert into payments (id, student_id, category_id, amount_paid, payment_date, status) values ({id}, 1, 1, 100, \
             '2026-01-01 00:00:00', 'paid')"
        );
        scratch.execute(&insert).await;
    }
    place.admin.create_backup().await;
    scratch
        .execute("update payments set amount_paid = 1 where id > 1000")
        .await;
    let off = place.admin.create_backup().await;
    assert_eq!(suspicion(&place.admin, &off).await, Value::Null);
    place.service.stop().await;
    let service = setup
        .again()
        .set("CAMPUS_BACKUP_SUSPICION_THRESHOLD", "1%")
        .start()
        .await;
    let admin = service.admin().await;
    scratch
        .execute("update payments set amount_paid = 0 where id > 1000")
        .await;
    let fallen = admin.create_backup().await;
    let found = suspicion(&admin, &fallen).await;
    assert_eq!(found["findings"][0]["total"], "payments.amount_paid", "{found}");
    assert_eq!(found["findings"].as_array().unwrap().len(), 1);
}
