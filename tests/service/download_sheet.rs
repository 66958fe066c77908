//! `?format=xlsx`: a workbook in which text stays text.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};

use harness::{Client, Engine, School, Service, TABLES, on_every_engine, small_school};

/// The cells of the only sheet, as calamine reads them. The service writes the file with other code.
async fn sheet(admin: &Client, table: &str) -> Vec<Vec<Data>> {
    let body = admin
        .get(&format!("/backup/download/{table}?format=xlsx"))
        .await
        .expect(200)
        .body;
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(body)).unwrap();
    let names = workbook.sheet_names().to_vec();
    assert_eq!(names.len(), 1, "{names:?}");
    let formulas = workbook.worksheet_formula(&names[0]).unwrap();
    assert!(
        formulas.cells().all(|(_, _, formula)| formula.is_empty()),
        "{table} has a formula"
    );
    let range = workbook.worksheet_range(&names[0]).unwrap();
    range.rows().map(<[Data]>::to_vec).collect()
}

fn text(cell: &Data) -> &str {
    match cell {
        Data::String(text) => text,
        Data::Empty => "",
        other => panic!("not a text: {other:?}"),
    }
}

#[on_every_engine(nightly)]
async fn texts_are_text_cells(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    for table in TABLES {
        let rows = sheet(&admin, table).await;
        let headings: Vec<_> = rows[0].iter().map(text).collect();
        let csv = School::csv(table);
        assert_eq!(headings.join(","), csv.split("\r\n").next().unwrap(), "{table}");
        assert_eq!(rows.len() - 1, School::count(table), "{table}");
    }
    let rows = sheet(&admin, "students").await;
    for (position, column) in ["full_name", "registration_number", "email", "phone", "address"]
        .iter()
        .enumerate()
    {
        let read: Vec<_> = rows[1..]
            .iter()
            .map(|row| text(&row[position + 1]).to_owned())
            .collect();
        // Excel has only one kind of line break, LF.
        let expected: Vec<_> = School::texts("students", column)
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        assert_eq!(
            read,
            expected.iter().map(|text| lines(text)).collect::<Vec<_>>(),
            "{column}"
        );
    }
}

#[on_every_engine(nightly)]
async fn numbers_and_times_have_their_own_cell_types(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let payments = sheet(&admin, "payments").await;
    let amounts: Vec<_> = payments[1..].iter().map(|row| row[2].clone()).collect();
    assert_eq!(
        amounts,
        [Data::Float(9_999_999_999.99), Data::Float(0.01), Data::Float(-12.5)]
    );
    assert_eq!(payments[1][6], Data::String("000777".to_owned()));
    let Data::DateTime(time) = &payments[1][3] else {
        panic!("{:?}", payments[1][3])
    };
    // Days since 1899-12-30.
    assert!((time.as_f64() - (45_382.0 + 18.5 / 24.0)).abs() < 1e-6, "{time:?}");
    let users = sheet(&admin, "users").await;
    assert_eq!((&users[1][4], &users[3][4]), (&Data::Bool(true), &Data::Bool(false)));
    let attendance = sheet(&admin, "attendance").await;
    assert!(matches!(attendance[1][3], Data::DateTime(_)), "{:?}", attendance[1][3]);
    // A date before the beginning of Excel's calendar is a text.
    let students = sheet(&admin, "students").await;
    assert_eq!(students[5][6], Data::String("06-05-1890".to_owned()));
    assert_eq!(students[2][6], Data::Empty);
}
