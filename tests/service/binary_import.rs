//! `campus-backup import`: the same plan and the same import on the command line.

use serde_json::{Value, json};

use harness::service::{Finished, Setup};
use harness::{Engine, School, on_every_engine, small_school};

const STUDENTS: &str = "Student Name,Matricule\r\nBea Brown,R-7\r\nAnn,000123\r\n";
const MAPPED: &str = "Matricule=registration_number";

struct ImportFixture {
    school: School,
    setup: Setup,
    folder: tempfile::TempDir,
}

impl ImportFixture {
    async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let setup = Setup::on(&school.scratch).installed().await;
        let folder = tempfile::tempdir().unwrap();
        Self { school, setup, folder }
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    async fn run(&self, arguments: &[&str]) -> Finished {
        self.setup.again().argument("import").arguments(arguments).run().await
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[arguments, &["--json"]].concat()).await;
        assert_eq!(done.code, Some(0), "{arguments:?}: {done:?}");
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"))
    }

    /// The folders that imports have left in the data folder.
    fn leftovers(&self) -> usize {
        let data = std::fs::read_dir(self.setup.folder().join("data")).unwrap();
        let names = data.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("import-")).count()
    }
}

#[on_every_engine]
async fn file_is_planned_imported_and_undone(engine: Engine) {
    let line = ImportFixture::on(engine).await;
    let scratch = &line.school.scratch;
    let before = scratch.everything().await;
    let file = line.file("students.csv", STUDENTS);
    let arguments = ["students", &file, "--columns", MAPPED];

    let plan = line.json(&[&arguments[..], &["--dry-run"]].concat()).await;
    assert_eq!(
        (&plan["rows"]["new"], &plan["rows"]["changed"]),
        (&json!(1), &json!(1)),
        "{plan}"
    );
    assert_eq!(plan["file"]["name"], "students.csv");
    let shown = line.run(&[&arguments[..], &["--dry-run"]].concat()).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(
        shown.stdout.contains("column: Matricule is registration_number"),
        "{shown:?}"
    );
    assert_eq!(scratch.everything().await, before);

    let imported = line.json(&[&arguments[..], &["--yes"]].concat()).await;
    assert_eq!(imported["tables"]["students"]["inserted"], 1, "{imported}");
    assert_eq!(scratch.count("students").await, 6);
    let undone = line
        .setup
        .again()
        .arguments(&["undo", imported["id"].as_str().unwrap()])
        .run()
        .await;
    assert_eq!(undone.code, Some(0), "{undone:?}");
    assert_eq!(scratch.everything().await, before);
    assert_eq!(line.leftovers(), 0);
}

#[on_every_engine(nightly)]
async fn file_is_read_from_the_standard_input(engine: Engine) {
    let line = ImportFixture::on(engine).await;
    let arguments = ["import", "students", "-", "--columns", MAPPED, "--yes"];
    let done = line
        .setup
        .again()
        .arguments(&arguments)
        .run_with_input(STUDENTS.as_bytes())
        .await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("campus-backup undo "), "{done:?}");
    assert_eq!(line.school.scratch.count("students").await, 6);
}

#[on_every_engine(nightly)]
async fn wrong_rows_are_written_into_a_file_and_refuse_the_import(engine: Engine) {
    let line = ImportFixture::on(engine).await;
    let scratch = &line.school.scratch;
    let file = line.file(
        "attendance.csv",
        "Student ID,Course ID,Date,Status\r\n1,1,30-02-2024,present\r\n4,1,01-02-2024,P\r\n",
    );
    let errors = line.folder.path().join("wrong.csv");
    let errors = errors.to_str().unwrap();
    let refused = line.run(&["attendance", &file, "--yes", "--errors", errors]).await;
    assert_eq!(refused.code, Some(6), "{refused:?}");
    assert_eq!(scratch.count("attendance").await, 3);
    let written = std::fs::read_to_string(errors).unwrap();
    assert!(
        written.contains("30-02-2024") && !written.contains("01-02-2024"),
        "{written}"
    );
    line.json(&["attendance", &file, "--yes", "--skip-wrong"]).await;
    assert_eq!(scratch.count("attendance").await, 4);
    assert_eq!(line.leftovers(), 0);
}

#[on_every_engine(nightly)]
async fn wrong_arguments_have_exit_code_2(engine: Engine) {
    let line = ImportFixture::on(engine).await;
    let file = line.file("students.csv", STUDENTS);
    for arguments in [
        &["teachers", &file, "--yes"][..],
        &["users", &file, "--yes"],
        &["students", "no-such-file.csv", "--yes"],
        &["students", &file],
        &["students", "-"],
        &["students", &file, "--yes", "--mode", "overwrite"],
        &["students", &file, "--yes", "--columns", "Matricule"],
        &["students", &file, "--yes", "--mode", "replace", "--skip-wrong"],
        &["students", &file, "--yes", "--dates", "us"],
        &["students", &file, "--yes", "--as", "unknown"],
    ] {
        let done = line.run(arguments).await;
        assert_eq!(done.code, Some(2), "{arguments:?}: {done:?}");
    }
    assert_eq!(line.school.scratch.count("students").await, 5);
    assert_eq!(line.leftovers(), 0);
}
