//! CSV for spreadsheets of other countries (`delimiter`, `decimals`, `dates`), and `names` beside ids.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use calamine::{Data, Reader as _, Xlsx};
use serde_json::json;

use harness::client::fields;
use harness::school::literal;
use harness::{Client, Engine, School, Service, on_every_engine, small_school, tool};

async fn of_the_small_school(engine: Engine) -> (School, Service, Client) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    (school, service, admin)
}

#[tokio::test(flavor = "multi_thread")]
async fn style_without_effect_on_the_format_is_refused() {
    let (_school, _service, admin) = of_the_small_school(Engine::Sqlite).await;
    for (path, field) in [
        ("students?delimiter=pipe", "delimiter"),
        ("students?delimiter=", "delimiter"),
        ("students?decimals=dot", "decimals"),
        ("students?dates=dmy", "dates"),
        ("students?names=perhaps", "names"),
        ("students?format=xlsx&delimiter=semicolon", "delimiter"),
        ("students?format=xlsx&decimals=comma", "decimals"),
        ("students?format=json&dates=iso", "dates"),
        ("attendance?format=json&names=true", "names"),
        ("all?names=true", "names"),
    ] {
        let path = format!("/backup/download/{path}");
        let problem = admin.get(&path).await.problem(422, "invalid_field");
        assert_eq!(fields(&problem), [field], "{path}");
        let link = admin.post("/backup/download-links", &json!({"path": path})).await;
        assert_eq!(fields(&link.problem(422, "invalid_field")), ["path"], "{path}");
    }
    let problem = admin
        .get("/backup/diff?from=a&to=live&delimiter=tab")
        .await
        .problem(422, "invalid_field");
    assert_eq!(fields(&problem), ["delimiter"]);
}

const PAYMENTS: &str = concat!(
    "ID;Student ID;Student Name;Amount Paid;Payment Date;Payment Category;Status;Transaction ID\r\n",
    "1;1;\"Ann \"\"Annie\"\" O'Neil, Jr.\";9999999999,99;2024-03-31 18:30:00;Tuition;paid;000777\r\n",
    "2;2;\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\";0,01;1969-07-20 20:17:40;\"'=Library; \"\"late\"\"\";",
    "pending;\r\n",
    "3;1;\"Ann \"\"Annie\"\" O'Neil, Jr.\";-12,50;2039-12-31 23:59:59;\"Lab, fees\";partial_paid;\"\"\r\n",
);

const ATTENDANCE: &str = concat!(
    "ID\tStudent ID\tStudent Name\tCourse ID\tCourse Name\tDate\tStatus\r\n",
    "1\t1\t\"Ann \"\"Annie\"\" O'Neil, Jr.\"\t1\t\"Mathematics, \"\"Advanced\"\"\"\t2024-02-29\tpresent\r\n",
    "2\t2\t\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\"\t1\t\"Mathematics, \"\"Advanced\"\"\"\t1969-12-31\tabsent\r\n",
    "5\t11\t'+1+cmd|' /C calc'!A0\t3\tNULL\t2039-12-31\tleave\r\n",
);

const ENROLLMENTS: &str = concat!(
    "ID,Student ID,Student Name,Course ID,Course Name,Enrolled At\r\n",
    "1,1,\"Ann \"\"Annie\"\" O'Neil, Jr.\",1,\"Mathematics, \"\"Advanced\"\"\",01-03-2024 10:20:30\r\n",
    "2,2,\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\",1,\"Mathematics, \"\"Advanced\"\"\",31-12-1969 23:59:59\r\n",
    "7,11,'+1+cmd|' /C calc'!A0,3,NULL,01-01-2039 00:00:00\r\n",
);

#[on_every_engine]
async fn styles_and_names_give_the_expected_bytes(engine: Engine) {
    let (_school, _service, admin) = of_the_small_school(engine).await;
    let files = [
        (
            "payments?delimiter=semicolon&decimals=comma&dates=iso&names=true",
            PAYMENTS,
        ),
        ("attendance?delimiter=tab&dates=iso&names=true", ATTENDANCE),
        ("enrollments?names=true", ENROLLMENTS),
    ];
    for (path, expected) in files {
        assert_eq!(admin.csv(&format!("/backup/download/{path}")).await, expected, "{path}");
    }
    // A table without such ids has the same file.
    let students = admin.csv("/backup/download/students?names=true").await;
    assert_eq!(students, School::csv("students"));
    let spelt_out = "students?delimiter=comma&decimals=point&dates=day_first&names=false";
    assert_eq!(admin.csv(&format!("/backup/download/{spelt_out}")).await, students);
    // The download from an archive gives the same files.
    let id = admin.create_backup().await;
    for (path, expected) in files {
        let path = format!("/backup/archives/{id}/download/{path}");
        assert_eq!(admin.csv(&path).await, expected, "{path}");
    }
}

#[on_every_engine(nightly)]
async fn workbook_can_have_names(engine: Engine) {
    let (_school, _service, admin) = of_the_small_school(engine).await;
    let body = admin
        .get("/backup/download/attendance?format=xlsx&names=true")
        .await
        .expect(200)
        .body;
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(body)).unwrap();
    let range = workbook.worksheet_range("attendance").unwrap();
    let rows: Vec<Vec<Data>> = range.rows().map(<[Data]>::to_vec).collect();
    let text = |text: &str| Data::String(text.to_owned());
    let headings = [
        "ID",
        "Student ID",
        "Student Name",
        "Course ID",
        "Course Name",
        "Date",
        "Status",
    ];
    assert_eq!(rows[0], headings.map(text));
    assert_eq!(
        (&rows[1][2], &rows[1][4]),
        (&text("Ann \"Annie\" O'Neil, Jr."), &text("Mathematics, \"Advanced\""))
    );
    assert_eq!(
        (&rows[3][2], &rows[3][4]),
        (&text("+1+cmd|' /C calc'!A0"), &text("NULL"))
    );
}

/// Addresses with a formula after a delimiter, which another program may take for the start of a cell.
const HOSTILE: [&str; 7] = [
    "x;=1+1;y",
    "x,=1+1,y",
    "x\t=1+1\ty",
    "x\r\n=1+1;y",
    "x\n=1+1,=1+1\t=1+1;y",
    "x;\"=1+1;y",
    "x,\"=1+1,y",
];

/// Files are opened with another delimiter than they were written with. None has a formula, with any delimiter.
/// Without the guard some have one, so the test can fail.
#[tokio::test(flavor = "multi_thread")]
async fn libreoffice_finds_no_formula_with_another_delimiter() {
    if !tool::is_available("soffice") {
        return;
    }
    let (school, _service, admin) = of_the_small_school(Engine::Sqlite).await;
    for (id, address) in (100..).zip(HOSTILE) {
        let address = literal(Engine::Sqlite, address);
        let insert = format!(
            "insert into students (id, full_name, registration_number, address, created_at) \
             values ({id}, 'Ann', 'R{id}', {address}, '2024-01-01 00:00:00')"
        );
        school.scratch.execute(&insert).await;
    }
    let folder = school.scratch.folder();
    let mut files = Vec::new();
    for delimiter in ["comma", "semicolon", "tab"] {
        for guard in ["true", "false"] {
            let path = format!("/backup/download/students?delimiter={delimiter}&formula_guard={guard}");
            let file = folder.join(format!("{delimiter}-{guard}.csv"));
            std::fs::write(&file, admin.get(&path).await.expect(200).body).unwrap();
            files.push((file, guard));
        }
    }
    let mut unguarded = 0;
    for reader in [',', ';', '\t'] {
        convert(folder, files.iter().map(|(file, _)| file), reader);
        for (file, guard) in &files {
            let formulas = formulas(file);
            match *guard {
                "true" => assert_eq!(formulas, Vec::<String>::new(), "{file:?} read with {reader:?}"),
                _ => unguarded += formulas.len(),
            }
        }
    }
    assert!(unguarded > 20, "{unguarded} formulas without the guard");
}

/// LibreOffice reads files with this delimiter and saves them as workbooks.
fn convert<'f>(folder: &Path, files: impl Iterator<Item = &'f PathBuf>, delimiter: char) {
    let profile = format!("-env:UserInstallation=file://{}", folder.join("profile").display());
    let filter = format!("--infilter=CSV:{},34,76,1", u32::from(delimiter));
    let arguments = [&profile, "--headless", &filter, "--convert-to", "xlsx", "--outdir"];
    tool::run(Command::new("soffice").args(arguments).arg(folder).args(files));
}

/// The cells that LibreOffice has taken for formulas.
fn formulas(file: &Path) -> Vec<String> {
    let mut workbook: Xlsx<_> = calamine::open_workbook(file.with_extension("xlsx")).unwrap();
    let name = workbook.sheet_names()[0].clone();
    let formulas = workbook.worksheet_formula(&name).unwrap();
    let cells = formulas.cells().filter(|(_, _, formula)| !formula.is_empty());
    cells.map(|(_, _, formula)| formula.clone()).collect()
}
