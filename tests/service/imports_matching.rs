//! How an import finds the row of the table for each row of a file: modes, keys, references and conflicts.

use serde_json::{Value, json};

use harness::archives_rig::ArchivesPlace;
use harness::import_rig::counts;
use harness::{Engine, on_every_engine};

/// The errors of a plan as row, column and reason.
fn errors(plan: &Value) -> Vec<(u64, &str, &str)> {
    let errors = plan["errors"].as_array().unwrap().iter();
    errors
        .map(|error| {
            let (row, column) = (
                error["row"].as_u64().unwrap(),
                error["column"].as_str().unwrap_or_default(),
            );
            (row, column, error["reason"].as_str().unwrap())
        })
        .collect()
}

#[on_every_engine]
async fn modes_use_new_or_existing_rows(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let file = "Course Name,Fee,Seats\r\nNULL,0.10,5\r\nPhysics,100.00,20\r\n";
    for (mode, expected) in [
        ("insert", json!({"read": 2, "new": 1, "skipped": 1})),
        ("update", json!({"read": 2, "changed": 1, "skipped": 1})),
        ("upsert", json!({"read": 2, "new": 1, "changed": 1})),
        ("replace", json!({"read": 2, "new": 1, "changed": 1, "removed": 2})),
    ] {
        let plan = admin.plan_import("courses", &format!("mode={mode}"), file).await;
        assert_eq!(counts(&plan), expected, "{mode}: {plan}");
    }
}

#[on_every_engine]
async fn replace_removes_rows_with_their_dependents_as_planned(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let before = admin.digests().await;
    let file = "ID,Full Name,Registration Number\r\n1,Ann,000123\r\n4,Zoë,R-4\r\n";
    let plan = admin.plan_import("students", "mode=replace", file).await;
    assert_eq!(counts(&plan), json!({"read": 2, "changed": 2, "removed": 3}), "{plan}");
    let removed = |table: &str| plan["tables"][table]["removed"].as_u64().unwrap();
    assert_eq!(
        (removed("enrollments"), removed("payments"), removed("attendance")),
        (2, 1, 2)
    );
    assert_eq!(
        plan["money"],
        json!({"before": "9999999987.50", "after": "9999999987.49"})
    );
    let result = admin.done(admin.apply_import(&plan).await).await;
    for table in ["students", "enrollments", "payments", "attendance"] {
        assert_eq!(
            result["tables"][table]["removed"], plan["tables"][table]["removed"],
            "{table}"
        );
        assert_eq!(
            json!(scratch.count(table).await),
            plan["tables"][table]["rows_after"],
            "{table}"
        );
    }
    assert_ne!(admin.digests().await, before);
    assert_eq!(scratch.count("users").await, 5);
}

#[on_every_engine]
async fn rows_that_are_one_row_of_the_table_are_both_wrong(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let file =
        "ID,Full Name,Registration Number\r\n1,Ann,000123\r\n,Ann again,000123\r\n,New,N-1\r\n,New again,N-1\r\n";
    let plan = admin.plan_import("students", "", file).await;
    assert_eq!(counts(&plan), json!({"read": 4, "wrong": 4}), "{plan}");
    let found = errors(&plan);
    assert!(
        found[0].2.contains("Rows 2 and 3") && found[1].2.contains("Rows 2 and 3"),
        "{found:?}"
    );
    assert!(
        found[2].2.contains("Rows 4 and 5") && found[3].2.contains("Rows 4 and 5"),
        "{found:?}"
    );
    assert_eq!((found[2].0, found[2].1), (4, "Registration Number"));
}

#[on_every_engine]
async fn unique_value_of_another_row_is_a_conflict(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let before = admin.digests().await;
    let file = "ID,Registration Number,Full Name\r\n2,000123,Bob\r\n77,1E5,New\r\n3,R-3,Cid\r\n";
    let plan = admin.plan_import("students", "", file).await;
    assert_eq!(
        counts(&plan),
        json!({"read": 3, "new": 1, "changed": 1, "conflicting": 1}),
        "{plan}"
    );
    assert_eq!(plan["can_apply"], false);
    let found = errors(&plan);
    assert_eq!((found[0].0, found[0].1), (2, "Registration Number"));
    assert!(found[0].2.contains("ID 1 "), "{found:?}");
    // If that row is left out, its row in the table keeps the value that the next one needs.
    let left_out = admin.plan_import("students", "skip_wrong=true", file).await;
    assert_eq!(
        counts(&left_out),
        json!({"read": 3, "changed": 1, "conflicting": 2}),
        "{left_out}"
    );
    assert!(errors(&left_out)[1].2.contains("ID 2 "), "{left_out}");
    admin.apply_import(&plan).await.problem(422, "import_refused");
    assert_eq!(admin.digests().await, before);
    // Rows may exchange their values.
    let exchanged = "ID,Registration Number\r\n1,1E5\r\n2,000123\r\n";
    let result = admin.import("students", "", exchanged).await;
    assert_eq!(result["tables"]["students"]["updated"], 2);
}

#[on_every_engine]
async fn names_and_registration_numbers_are_references(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let file = "Registration Number,Course Name,Date,Status\r\n\
                000123,\\N,01-05-2024,P\r\n\
                1E5,No such course,01-05-2024,A\r\n\
                R-0,NULL,01-05-2024,A\r\n";
    let plan = admin.plan_import("attendance", "", file).await;
    assert_eq!(counts(&plan), json!({"read": 3, "new": 1, "wrong": 2}), "{plan}");
    let found = errors(&plan);
    assert_eq!((found[0].0, found[0].1), (3, "Course Name"));
    assert_eq!((found[1].0, found[1].1), (4, "Registration Number"));
    let plan = admin.plan_import("attendance", "skip_wrong=true", file).await;
    admin.done(admin.apply_import(&plan).await).await;
    let row = "select student_id * 10 + course_id from attendance where status = 'present' and id > 5";
    assert_eq!(scratch.number(row).await, 12);

    let file = "Student ID,Amount Paid,Payment Category,Status\r\n1,10.00,Sports,paid\r\n";
    let unknown = admin.plan_import("payments", "mode=insert", file).await;
    assert_eq!(errors(&unknown)[0].1, "Payment Category");
    let made = admin
        .import("payments", "mode=insert&create_missing=payment_categories", file)
        .await;
    assert_eq!(made["tables"]["payment_categories"]["inserted"], 1);
}

#[on_every_engine]
async fn payment_without_an_id_is_found_by_its_transaction_or_only_inserted(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let file = "Student ID,Amount Paid,Payment Category,Status,Transaction ID\r\n\
                1,9999999999.99,Tuition,pending,000777\r\n\
                1,5.00,Tuition,paid,T-9\r\n\
                1,6.00,Tuition,paid,\r\n";
    let plan = admin.plan_import("payments", "", file).await;
    assert_eq!(
        counts(&plan),
        json!({"read": 3, "new": 1, "changed": 1, "wrong": 1}),
        "{plan}"
    );
    assert!(errors(&plan)[0].2.contains("insert"), "{plan}");
    let plan = admin.plan_import("payments", "mode=insert", file).await;
    assert_eq!(counts(&plan), json!({"read": 3, "new": 2, "skipped": 1}), "{plan}");
    let without = "Student ID,Amount Paid,Payment Category,Status\r\n1,5.00,Tuition,paid\r\n";
    let problem = admin
        .send_import("payments", "", without)
        .await
        .problem(422, "invalid_field");
    assert!(problem["detail"].as_str().unwrap().contains("insert"), "{problem}");
}

#[on_every_engine]
async fn new_row_without_a_required_column_is_wrong(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let plan = place
        .admin
        .plan_import("courses", "", "Course Name,Seats\r\nNULL,7\r\nPhysics,20\r\n")
        .await;
    assert_eq!(counts(&plan), json!({"read": 2, "changed": 1, "wrong": 1}), "{plan}");
    assert!(errors(&plan)[0].2.contains("fee"), "{plan}");
}
