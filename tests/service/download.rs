//! `GET /backup/download/{table}`: refusals, the CSV byte by byte, and the headers.

use reqwest::Method;

use harness::client::fields;
use harness::school::PAYMENTS_IN_KOLKATA;
use harness::service::Setup;
use harness::{Answer, Client, Engine, School, Scratch, Service, TABLES, on_every_engine, small_school};

async fn of_the_small_school(engine: Engine) -> (School, Service, Client) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    (school, service, admin)
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_downloads_are_refused() {
    let (_school, _service, admin) = of_the_small_school(Engine::Sqlite).await;
    for table in [
        "grades",
        "Students",
        "students.csv",
        "backup_download_links",
        "backup_migrations",
        "sqlite_master",
        "users;drop table users",
        "%27%20OR%201=1",
        "%F0%9F%98%80",
        "students%00",
    ] {
        let problem = admin
            .get(&format!("/backup/download/{table}"))
            .await
            .problem(404, "unknown_table");
        let detail = problem["detail"].as_str().unwrap();
        for allowed in TABLES.iter().chain(&["all"]) {
            assert!(detail.contains(allowed), "{allowed} is not named: {detail}");
        }
    }
    for (query, field) in [
        ("format=pdf", "format"),
        ("format=CSV%27", "format"),
        ("format=", "format"),
        ("bom=perhaps", "bom"),
        ("bom=", "bom"),
        ("formula_guard=7", "formula_guard"),
        ("colour=blue", "colour"),
        ("Format=csv", "Format"),
    ] {
        let problem = admin
            .get(&format!("/backup/download/students?{query}"))
            .await
            .problem(422, "invalid_field");
        assert_eq!(fields(&problem), [field], "{query}");
    }
    for format in ["csv", "xlsx"] {
        let problem = admin
            .get(&format!("/backup/download/all?format={format}"))
            .await
            .problem(422, "invalid_field");
        assert_eq!(fields(&problem), ["format"]);
    }
    for path in ["/backup/download", "/backup/download/", "/backup/download/students/1"] {
        admin.get(path).await.problem(404, "unknown_path");
    }
}

#[on_every_engine]
async fn csv_equals_the_expected_bytes(engine: Engine) {
    let (_school, _service, admin) = of_the_small_school(engine).await;
    for table in TABLES {
        let csv = admin.csv(&format!("/backup/download/{table}")).await;
        assert_eq!(csv, School::csv(table), "{table}");
        let spelt_out = format!("/backup/download/{table}?format=csv&bom=true&formula_guard=true");
        assert_eq!(admin.csv(&spelt_out).await, csv);
    }
}

#[on_every_engine]
async fn csv_of_an_empty_table_has_only_headings(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    for table in TABLES.into_iter().filter(|table| *table != "users") {
        let headings = School::csv(table).split_inclusive("\r\n").next().unwrap().to_owned();
        assert_eq!(admin.csv(&format!("/backup/download/{table}")).await, headings);
    }
}

#[on_every_engine(nightly)]
async fn csv_without_byte_order_mark_and_guard_is_available(engine: Engine) {
    let (_school, _service, admin) = of_the_small_school(engine).await;
    for table in TABLES {
        let path = format!("/backup/download/{table}?bom=false&formula_guard=false");
        assert_eq!(
            admin.get(&path).await.expect(200).text(),
            bare(&School::unguarded_csv(table)),
            "{table}"
        );
    }
    let guarded = admin
        .get("/backup/download/students?bom=false")
        .await
        .expect(200)
        .text();
    assert_eq!(guarded, bare(&School::csv("students")));
    let marked = admin.csv("/backup/download/students?formula_guard=false").await;
    assert_eq!(marked, School::unguarded_csv("students"));
}

/// The expected CSV without a byte order mark. Excel takes a file whose first bytes are `ID` for another format.
fn bare(csv: &str) -> String {
    csv.replacen("ID", "\"ID\"", 1)
}

#[on_every_engine]
async fn times_are_in_the_time_zone_of_the_school(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_TIMEZONE", "Asia/Kolkata");
    let service = setup.start().await;
    let admin = service.admin().await;
    assert_eq!(admin.csv("/backup/download/payments").await, PAYMENTS_IN_KOLKATA);
    assert_eq!(
        admin.csv("/backup/download/attendance").await,
        School::csv("attendance"),
        "a date has no zone"
    );
}

#[on_every_engine(nightly)]
async fn headers_describe_the_file(engine: Engine) {
    let (_school, _service, admin) = of_the_small_school(engine).await;
    for (path, name, rows, media_type) in [
        ("students", "students_backup", 5, "text/csv; charset=utf-8"),
        (
            "payment_categories?format=csv",
            "payment_categories_backup",
            3,
            "text/csv; charset=utf-8",
        ),
        ("courses?format=json", "courses_backup", 3, "application/json"),
        (
            "attendance?format=xlsx",
            "attendance_backup",
            3,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        ("all", "complete_backup", 25, "application/json"),
    ] {
        let path = format!("/backup/download/{path}");
        let answer = admin.get(&path).await.expect(200);
        assert!(answer.header("content-type").starts_with(media_type), "{answer:?}");
        assert_eq!(answer.header("x-total-rows"), rows.to_string(), "{path}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("accept-ranges"), "none");
        assert_file_name(answer.header("content-disposition"), name);
        let head = admin.head(&path).await.expect(200);
        assert!(head.body.is_empty());
        for name in ["content-type", "x-total-rows", "cache-control", "accept-ranges"] {
            assert_eq!(head.header(name), answer.header(name), "HEAD {path}: {name}");
        }
        assert_file_name(head.header("content-disposition"), name);
    }
    admin
        .head("/backup/download/grades")
        .await
        .problem(404, "unknown_table");
}

#[on_every_engine(nightly)]
async fn decompressed_download_equals_the_uncompressed_one(engine: Engine) {
    let (_school, _service, admin) = of_the_small_school(engine).await;
    for path in ["/backup/download/students", "/backup/download/courses?format=json"] {
        for encoding in ["gzip", "zstd", "br", "identity"] {
            let request = admin.request(Method::GET, path).header("Accept-Encoding", encoding);
            let answer = Answer::of(request).await.expect(200);
            let said = answer.header("content-encoding");
            assert_eq!(if said.is_empty() { "identity" } else { said }, encoding);
            if encoding != "identity" {
                assert!(
                    answer.header("vary").to_lowercase().contains("accept-encoding"),
                    "{answer:?}"
                );
            }
            let text = String::from_utf8(decode(encoding, &answer.body)).unwrap();
            if path.ends_with("json") {
                for line in School::lines("courses") {
                    assert!(text.contains(&line), "{encoding}: {text}");
                }
            } else {
                assert_eq!(
                    text.trim_start_matches('\u{feff}'),
                    School::csv("students"),
                    "{encoding}"
                );
            }
        }
    }
}

fn decode(encoding: &str, body: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut decoded = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut decoded).unwrap(),
        "zstd" => zstd::Decoder::new(body).unwrap().read_to_end(&mut decoded).unwrap(),
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut decoded).unwrap(),
        _ => (&mut &*body).read_to_end(&mut decoded).unwrap(),
    };
    decoded
}

/// `attachment; filename="students_backup_DD_MM_YYYY_HH_MM_SS.csv"; filename*=UTF-8''...` (RFC 6266, RFC 8187).
#[track_caller]
fn assert_file_name(disposition: &str, begins: &str) {
    let (kind, rest) = disposition
        .split_once("; filename=\"")
        .unwrap_or_else(|| panic!("{disposition}"));
    assert_eq!(kind, "attachment");
    let (name, rest) = rest.split_once('"').unwrap();
    assert_eq!(rest, format!("; filename*=UTF-8''{name}"));
    let (stem, _extension) = name.split_once('.').unwrap();
    let time = stem
        .strip_prefix(&format!("{begins}_"))
        .unwrap_or_else(|| panic!("{name}"));
    let time = chrono::NaiveDateTime::parse_from_str(time, "%d_%m_%Y_%H_%M_%S").unwrap();
    let age = chrono::Utc::now().naive_utc() - time;
    assert!((-5..300).contains(&age.num_seconds()), "{name}");
}

/// Without `Accept-Encoding`, and for a client that refuses compression, the file is sent uncompressed.
#[tokio::test(flavor = "multi_thread")]
async fn compression_is_only_used_on_request() {
    let (_school, _service, admin) = of_the_small_school(Engine::Sqlite).await;
    let plain = admin.get("/backup/download/students").await.expect(200);
    assert!(matches!(plain.header("content-encoding"), "" | "identity"));
    let request = admin.request(Method::GET, "/backup/download/students");
    let refused = Answer::of(request.header("Accept-Encoding", "gzip;q=0, br;q=0, zstd;q=0"))
        .await
        .expect(200);
    assert_eq!(refused.body, plain.body);
    // A workbook is compressed in itself.
    let request = admin.request(Method::GET, "/backup/download/students?format=xlsx");
    let workbook = Answer::of(request.header("Accept-Encoding", "gzip")).await.expect(200);
    assert!(workbook.body.starts_with(b"PK") || workbook.header("content-encoding") == "gzip");
}

/// The same data gives the same file on every engine.
#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_equal_on_all_engines() {
    let mut first: Option<Vec<(String, bytes::Bytes)>> = None;
    for engine in Engine::ALL.into_iter().filter(|engine| engine.is_available()) {
        let (_school, _service, admin) = of_the_small_school(engine).await;
        let mut files = Vec::new();
        for table in TABLES {
            let path = format!("/backup/download/{table}");
            files.push((path.clone(), admin.get(&path).await.expect(200).body));
        }
        match &first {
            None => first = Some(files),
            Some(first) => assert_eq!(first, &files, "{engine:?}"),
        }
    }
}

/// Two ranges would come from two different moments.
#[tokio::test(flavor = "multi_thread")]
async fn range_of_a_download_is_ignored() {
    let (_school, _service, admin) = of_the_small_school(Engine::Sqlite).await;
    let whole = admin.get("/backup/download/students").await.expect(200).body;
    let request = admin
        .request(Method::GET, "/backup/download/students")
        .header("Range", "bytes=10-20");
    assert_eq!(Answer::of(request).await.expect(200).body, whole);
}
