//! CSV as other programs read it: Python's csv module and LibreOffice.
//!
//! The values are compared with the database, and not with the service's own output.

use std::path::Path;
use std::process::Command;

use calamine::{Data, Reader as _};

use harness::{Engine, School, Service, on_every_engine, small_school, tool};

/// Reads a CSV file as a Python program would, and prints its cells as JSON. The guard is removed as documented.
const PYTHON: &str = r#"
import csv, json, re, sys
first = re.compile(r"^'+[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]")
later = re.compile(r"(?<=[;\t\r\n])'(?=['\"]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])")
def unguard(text):
    return later.sub("", text[1:] if first.match(text) else text)
with open(sys.argv[1], newline="", encoding="utf-8-sig") as file:
    rows = [[unguard(cell) for cell in row] for row in csv.reader(file, strict=True)]
json.dump(rows, sys.stdout)
"#;

#[on_every_engine(nightly)]
async fn python_reads_the_values_of_the_database(engine: Engine) {
    if !tool::is_available("python3") {
        return;
    }
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    for (id, address) in (100..).zip(["a;=1\r\n-x\t@y", "a;'=1\n\"=2", "a;+49 221 5", "'=1;''=1", "x;\"'+1"]) {
        let address = harness::school::literal(engine, address);
        let insert = format!(
            "insert into students (id, full_name, registration_number, address, created_at) \
             values ({id}, 'Ann', 'R{id}', {address}, '2024-01-01 00:00:00')"
        );
        school.scratch.execute(&insert).await;
    }
    let file = school.scratch.folder().join("students.csv");
    let body = service
        .admin()
        .await
        .get("/backup/download/students")
        .await
        .expect(200)
        .body;
    std::fs::write(&file, body).unwrap();
    let output = tool::run(Command::new("python3").args(["-c", PYTHON]).arg(&file));
    let read: Vec<Vec<String>> = serde_json::from_slice(&output.stdout).unwrap();
    let rows = school
        .scratch
        .rows("select full_name, registration_number, email, phone, address from students order by id")
        .await;
    assert_eq!(read.len() - 1, rows.len());
    for (read, row) in read[1..].iter().zip(rows) {
        let expected: Vec<_> = row.into_iter().map(Option::unwrap_or_default).collect();
        assert_eq!(read[1..6], expected);
    }
}

/// LibreOffice evaluates texts that look like formulas. The guarded file must have no formula cell after it was opened
/// and saved, and all texts must be unchanged.
#[tokio::test(flavor = "multi_thread")]
async fn libreoffice_finds_all_texts_and_no_formula() {
    if !tool::is_available("soffice") {
        return;
    }
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    for table in ["students", "courses", "payments", "users"] {
        let folder = school.scratch.folder();
        let body = admin.get(&format!("/backup/download/{table}")).await.expect(200).body;
        std::fs::write(folder.join(format!("{table}.csv")), body).unwrap();
        convert(folder, table);
        let mut workbook: calamine::Xlsx<_> = calamine::open_workbook(folder.join(format!("{table}.xlsx"))).unwrap();
        let name = workbook.sheet_names()[0].clone();
        let formulas = workbook.worksheet_formula(&name).unwrap();
        assert!(
            formulas.cells().all(|(_, _, formula)| formula.is_empty()),
            "{table} has a formula"
        );
        let range = workbook.worksheet_range(&name).unwrap();
        assert_eq!(range.rows().count() - 1, School::count(table), "{table}");
        if table == "students" {
            let names: Vec<_> = range.rows().skip(1).map(|row| row[1].clone()).collect();
            let expected = [
                "Ann \"Annie\" O'Neil, Jr.",
                "'=HYPERLINK(\"http://evil.example\",\"x\")",
                "שלום עולם",
                "😀 Zoë 王小明",
                "'+1+cmd|' /C calc'!A0",
            ];
            assert_eq!(names, expected.map(|text| Data::String(text.to_owned())));
            // A cell has only one kind of line break. NULL and the empty text look the same.
            let one_kind = |text: String| text.replace("\r\n", "\n").replace('\r', "\n");
            let addresses: Vec<_> = range
                .rows()
                .skip(1)
                .map(|row| one_kind(unguarded(&row[5].to_string())))
                .collect();
            let stored = school.scratch.rows("select address from students order by id").await;
            let stored: Vec<_> = stored
                .into_iter()
                .map(|mut row| one_kind(row.swap_remove(0).unwrap_or_default()))
                .collect();
            assert_eq!(addresses, stored);
        }
    }
}

/// Removes the formula guard, as described in `docs/formats.md`.
fn unguarded(text: &str) -> String {
    let bare = text.trim_start_matches('\'');
    let triggered = bare.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let rest = if triggered { text.strip_prefix('\'') } else { None };
    rest.unwrap_or(text).to_owned()
}

/// UTF-8, comma, quote, first line 1, no conversion of columns.
fn convert(folder: &Path, table: &str) {
    let profile = format!("-env:UserInstallation=file://{}", folder.join("profile").display());
    tool::run(
        Command::new("soffice")
            .args([
                &profile,
                "--headless",
                "--infilter=CSV:44,34,76,1",
                "--convert-to",
                "xlsx",
                "--outdir",
            ])
            .arg(folder)
            .arg(folder.join(format!("{table}.csv"))),
    );
}

/// The schema refuses a NUL. If an older database contains one, it is shown as SQL writes it.
#[tokio::test(flavor = "multi_thread")]
async fn stored_nul_is_shown_as_sql() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    school
        .scratch
        .execute("pragma ignore_check_constraints = on; update students set address = '=a' || char(0) where id = 3")
        .await;
    let csv = admin.get("/backup/download/students?format=csv").await.expect(200);
    let csv = String::from_utf8(csv.body.to_vec()).unwrap();
    assert!(csv.contains("CAST(X'3D6100' AS TEXT)") && !csv.contains('\0'), "{csv}");
}
