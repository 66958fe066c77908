//! An untouched download changes nothing when it is imported, and fills an empty school with the same rows.

use std::path::Path;
use std::process::Command;

use harness::archives_rig::ArchivesPlace;
use harness::import_rig::{IMPORTABLE, counts};
use harness::service::Setup;
use harness::{Client, Engine, School, Scratch, Service, on_every_engine, small_school, tool};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

/// The downloads whose imports must change nothing.
const DOWNLOADS: [&str; 6] = [
    "format=csv",
    "format=csv&bom=false",
    "format=csv&formula_guard=false",
    "format=csv&names=true",
    "format=xlsx",
    "format=json",
];

async fn download(admin: &Client, table: &str, query: &str) -> Vec<u8> {
    let path = format!("/backup/download/{table}?{query}");
    admin.get(&path).await.expect(200).body.to_vec()
}

async fn assert_unchanged(admin: &Client, table: &str, download_query: &str) {
    let file = download(admin, table, download_query).await;
    let guard = if download_query.contains("formula_guard=false") {
        "formula_guard=false"
    } else {
        ""
    };
    for mode in ["upsert", "replace"] {
        let plan = admin
            .plan_import(table, &format!("mode={mode}&{guard}"), file.clone())
            .await;
        let rows = plan["tables"][table]["rows_before"].clone();
        let expected = if rows == json!(0) {
            json!({})
        } else {
            json!({"read": rows, "unchanged": rows})
        };
        assert_eq!(counts(&plan), expected, "{table} {download_query} {mode}: {plan}");
        assert_eq!(plan["changes"], json!([]));
    }
}

#[on_every_engine]
async fn untouched_download_changes_nothing(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    for table in IMPORTABLE {
        for query in DOWNLOADS {
            assert_unchanged(&place.admin, table, query).await;
        }
    }
}

#[on_every_engine(nightly)]
async fn untouched_download_in_the_time_zone_of_the_school_changes_nothing(engine: Engine) {
    for zone in ["Asia/Kolkata", "America/New_York"] {
        let school = small_school(engine).await;
        let service = Setup::on(&school.scratch)
            .set("CAMPUS_BACKUP_TIMEZONE", zone)
            .start()
            .await;
        let admin = service.admin().await;
        // The second instant of an hour that comes twice in New York.
        school
            .scratch
            .execute("update enrollments set enrolled_at = '2024-11-03 06:30:00' where id = 1")
            .await;
        for table in IMPORTABLE {
            for query in ["format=csv", "format=xlsx"] {
                assert_unchanged(&admin, table, query).await;
            }
        }
    }
}

/// Imports all downloads of one school into another that has the same users.
async fn fill(from: &Client, to: &Client, query: &str) {
    for table in IMPORTABLE {
        let file = download(from, table, query).await;
        let rows = from.get("/backup/stats").await.expect(200).json()[table].clone();
        if rows != json!(0) {
            let imported = to.import(table, "mode=insert", file).await;
            assert_eq!(imported["tables"][table]["inserted"], rows, "{table} {query}");
        }
    }
}

async fn digest(admin: &Client, table: &str) -> String {
    admin.digests().await[table].as_str().unwrap().to_owned()
}

#[on_every_engine]
async fn json_of_a_school_fills_an_empty_one_with_equal_digests(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let empty = Scratch::migrated(engine).await;
    let other = Service::on(&empty).await;
    let filled = other.admin().await;
    fill(&place.admin, &filled, "format=json").await;
    for table in IMPORTABLE {
        assert_eq!(
            digest(&filled, table).await,
            digest(&place.admin, table).await,
            "{table}"
        );
    }
}

/// A text with the characters that files treat in special ways.
fn text() -> impl Strategy<Value = String> {
    "['\"=+@,;\\-\\t\\n＝0-9 .()a-zéशа😀]{1,12}".prop_filter("a text is not blank", |text| !text.trim().is_empty())
}

/// Inserts random students with payments and attendance.
async fn insert_random(runner: &mut TestRunner, school: &School, number: usize) {
    let engine = school.scratch.engine();
    let mut sample = || harness::school::literal(engine, &text().new_tree(runner).unwrap().current());
    let (name, phone, address, transaction) = (sample(), sample(), sample(), sample());
    let (id, day) = (100 + number, 1 + number % 28);
    for sql in [
        format!(
            "insert into students (id, full_name, registration_number, phone, address, date_of_birth) \
             values ({id}, {name}, 'R-{number:05}', {phone}, {address}, '2001-02-{day:02}')"
        ),
        format!(
            "insert into payments (id, student_id, category_id, amount_paid, status, transaction_id) \
             values ({id}, {id}, {}, {}.{:02}, 'paid', {transaction})",
            1 + number % 3,
            number * 7,
            number % 100
        ),
        format!(
            "insert into attendance (id, student_id, course_id, date, status) \
             values ({id}, {id}, {}, '2024-03-{day:02}', 'leave')",
            1 + number % 3
        ),
    ] {
        school.scratch.execute(&sql).await;
    }
}

#[on_every_engine]
async fn random_school_is_unchanged_by_its_downloads_and_fills_an_empty_one(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let mut runner = TestRunner::deterministic();
    for number in 0..60 {
        insert_random(&mut runner, &place.school, number).await;
    }
    for table in IMPORTABLE {
        for query in ["format=csv", "format=xlsx", "format=json"] {
            assert_unchanged(&place.admin, table, query).await;
        }
    }
    let empty = Scratch::migrated(engine).await;
    let other = Service::on(&empty).await;
    let filled = other.admin().await;
    fill(&place.admin, &filled, "format=json").await;
    for table in IMPORTABLE {
        assert_eq!(
            digest(&filled, table).await,
            digest(&place.admin, table).await,
            "{table}"
        );
    }
}

/// LibreOffice opens workbooks and saves them in another format. The names are those of the files without `.xlsx`.
fn convert(folder: &Path, names: &[&str], format: &str) {
    let profile = format!("-env:UserInstallation=file://{}", folder.join("profile").display());
    let mut command = Command::new("soffice");
    command.args(["--headless", &profile, "--convert-to", format, "--outdir"]);
    command.arg(folder.join("saved"));
    tool::run(command.args(names.iter().map(|name| folder.join(format!("{name}.xlsx")))));
}

/// A workbook that LibreOffice has saved is the same table. It changes only what a spreadsheet can't hold, such as lone carriage
/// returns in an address, and the plan says so. No row is lost, wrong, or found twice.
#[on_every_engine(nightly)]
async fn workbook_that_libreoffice_has_saved_is_read(engine: Engine) {
    const MAY_CHANGE: [(&str, &[&str]); 4] = [
        ("students", &["address"]),
        ("courses", &[]),
        ("payments", &[]),
        ("attendance", &[]),
    ];
    // UTF-8 with commas, all cells as they are shown.
    const CSV: &str = "csv:Text - txt - csv (StarCalc):44,34,76,1";
    if !tool::is_available("soffice") {
        return;
    }
    let place = ArchivesPlace::on(engine).await;
    let folder = tempfile::tempdir().unwrap();
    for (table, _) in MAY_CHANGE {
        let workbook = download(&place.admin, table, "format=xlsx").await;
        std::fs::write(folder.path().join(format!("{table}.xlsx")), workbook).unwrap();
    }
    for format in ["ods", "xlsx", CSV] {
        convert(folder.path(), &MAY_CHANGE.map(|(table, _)| table), format);
        let extension = format.split(':').next().unwrap();
        for (table, may_change) in MAY_CHANGE {
            let saved = std::fs::read(folder.path().join("saved").join(format!("{table}.{extension}"))).unwrap();
            let plan = place.admin.plan_import(table, "mode=replace", saved).await;
            assert_eq!(plan["file"]["format"], extension, "{plan}");
            let rows = &plan["rows"];
            let found = rows["changed"].as_u64().unwrap() + rows["unchanged"].as_u64().unwrap();
            assert_eq!(
                (&rows["read"], &json!(found)),
                (
                    &plan["tables"][table]["rows_before"],
                    &plan["tables"][table]["rows_before"]
                ),
                "{table} {extension}: {plan}"
            );
            for change in plan["changes"].as_array().unwrap() {
                for field in change["fields"].as_array().unwrap() {
                    let column = field["column"].as_str().unwrap();
                    assert!(may_change.contains(&column), "{table} {extension}: {change}");
                }
            }
        }
    }
}
