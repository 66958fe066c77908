//! Archives that downloads wrote, looked into without their database.

use std::io::Write as _;

use campus_backup_archive::Layers;
use futures_util::StreamExt as _;

use super::*;
use crate::account::Admin;
use crate::catalog::Scope;
use crate::database::{self, Database};
use crate::demo::{self, DemoAdmin};
use crate::export::{self, Coding, Format};

const ZONE: Tz = chrono_tz::Asia::Kolkata;

struct School {
    database: Database,
    _folder: tempfile::TempDir,
}

impl School {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = database::Settings {
            url: format!("sqlite://{}", folder.path().join("school.db").display()),
            connections: 2,
            readers: 2,
            patience: std::time::Duration::from_secs(5),
        };
        let database = Database::connect(&settings).await.unwrap();
        database.migrate().await.unwrap();
        let admin = DemoAdmin {
            username: "admin".to_owned(),
            password_hash: "!".to_owned(),
        };
        demo::fill(&database, 1, admin).await.unwrap();
        Self {
            database,
            _folder: folder,
        }
    }

    async fn download(&self, scope: Scope, format: Format) -> Vec<u8> {
        let settings = export::Settings {
            time_zone: ZONE,
            chunk_size: 65_536,
            stall_timeout: std::time::Duration::from_secs(5),
            app_version: "1.2.3",
        };
        let request = export::Request {
            scope,
            format,
            csv: CsvOptions::default(),
            coding: Coding::Identity,
        };
        let (admin, never) = (Admin::for_tests(), std::future::pending());
        let download = export::download(&admin, &self.database, &settings, request, never).await;
        let mut body = download.unwrap().body;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.unwrap());
        }
        bytes
    }
}

fn extraction(table: Table, format: ArchivedFormat) -> Extraction {
    Extraction {
        table,
        format,
        csv: CsvOptions::default(),
        time_zone: ZONE,
    }
}

#[tokio::test]
async fn every_table_comes_out_as_it_was_downloaded() {
    let school = School::new().await;
    let all = school.download(Scope::All, Format::Json).await;
    let checked = check(all.as_slice(), &Keys::none()).unwrap();
    assert_eq!(checked.summary.total, 109_053);
    for table in Table::ALL {
        let mut csv = Vec::new();
        let rows = extract(
            all.as_slice(),
            &Keys::none(),
            extraction(table, ArchivedFormat::Csv),
            &mut csv,
        )
        .unwrap();
        assert_eq!(rows, checked.summary.rows[table.name()]);
        assert!(csv == school.download(Scope::One(table), Format::Csv).await, "{table}");

        // Alone it is an archive too, which says the same of its rows. (The moment is another.)
        let mut json = Vec::new();
        extract(
            all.as_slice(),
            &Keys::none(),
            extraction(table, ArchivedFormat::Json),
            &mut json,
        )
        .unwrap();
        let alone = check(json.as_slice(), &Keys::none()).unwrap();
        assert_eq!(alone.header.created_at, checked.header.created_at);
        let digest = |summary: &Summary| summary.sha256[table.name()].clone();
        assert_eq!(digest(&alone.summary), digest(&checked.summary), "{table}");
    }
}

#[tokio::test]
async fn layers_are_opened_with_the_right_key_only() {
    let school = School::new().await;
    let all = school.download(Scope::All, Format::Json).await;
    let keys = Keys::generate();
    let layers = Layers {
        recipients: keys.recipients(),
        ..Layers::default()
    };
    let mut sealer = layers.seal(Vec::new()).unwrap();
    sealer.write_all(&all).unwrap();
    let (sealed, _) = sealer.finish().unwrap();
    assert_eq!(check(sealed.as_slice(), &keys).unwrap().summary.total, 109_053);
    let refused = |keys: &Keys| check(sealed.as_slice(), keys).unwrap_err().code();
    assert_eq!(refused(&Keys::none()), "key_needed");
    assert_eq!(refused(&Keys::generate()), "wrong_key");
}

#[tokio::test]
async fn what_is_not_whole_or_not_ours_is_refused() {
    let school = School::new().await;
    let courses = school.download(Scope::One(Table::Courses), Format::Json).await;
    let code = |bytes: &[u8], table| {
        let wanted = extraction(table, ArchivedFormat::Csv);
        let refused = extract(bytes, &Keys::none(), wanted, &mut Vec::new());
        refused.map_err(|error| error.code())
    };
    assert_eq!(code(&courses, Table::Courses), Ok(40));
    assert_eq!(code(&courses, Table::Students), Err("no_table"));
    assert_eq!(code(&courses[..courses.len() / 2], Table::Courses), Err("cut"));
    assert_eq!(code(b"", Table::Courses), Err("empty"));
    assert_eq!(code(b"PK\x03\x04 and so on", Table::Courses), Err("not_an_archive"));
    let other = String::from_utf8(courses.clone())
        .unwrap()
        .replace("\"courses\"", "\"lessons\"");
    assert_eq!(
        check(other.as_bytes(), &Keys::none()).unwrap_err().code(),
        "schema_mismatch"
    );
    // A payment without its category has no name to show.
    let payments = school.download(Scope::One(Table::Payments), Format::Json).await;
    assert_eq!(code(&payments, Table::Payments), Err("orphan"));
}

#[tokio::test]
async fn what_can_not_be_written_is_an_error() {
    let school = School::new().await;
    let all = school.download(Scope::All, Format::Json).await;
    let mut full = io::Cursor::new([0u8; 100]);
    let wanted = extraction(Table::Students, ArchivedFormat::Csv);
    let error = extract(all.as_slice(), &Keys::none(), wanted, &mut full).unwrap_err();
    assert_eq!(error.code(), "not_written");
}
