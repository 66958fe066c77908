//! What tests of archives are made of: a demo school and its downloads, and small archives made by hand.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write as _};
use std::sync::Arc;
use std::time::Duration;

use campus_backup_archive::{Cell, Form, Layers, Writer};
use futures_util::StreamExt as _;

use crate::account::Admin;
use crate::catalog::{Scope, Table};
use crate::database::{self, Database};
use crate::demo::{self, DemoAdmin};
use crate::error::Result;
use crate::export::{self, Coding, CsvOptions, Format, header};
use crate::open::Source;

pub(crate) const ZONE: chrono_tz::Tz = chrono_tz::Asia::Kolkata;

/// A demo school of scale 1.
pub(crate) struct School {
    pub(crate) database: Database,
    pub(crate) folder: tempfile::TempDir,
}

impl School {
    pub(crate) async fn new() -> Self {
        let school = Self::empty().await;
        let admin = DemoAdmin {
            username: "admin".to_owned(),
            password_hash: "!".to_owned(),
        };
        demo::fill(&school.database, 1, admin).await.unwrap();
        school
    }

    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = database::Settings {
            url: format!("sqlite://{}", folder.path().join("school.db").display()),
            connections: 2,
            readers: 2,
            patience: Duration::from_secs(5),
        };
        let database = Database::connect(&settings).await.unwrap();
        database.migrate().await.unwrap();
        Self { database, folder }
    }

    pub(crate) async fn execute(&self, sql: &str) {
        use sea_orm::ConnectionTrait as _;
        self.database.connection().execute_unprepared(sql).await.unwrap();
    }

    pub(crate) async fn download(&self, scope: Scope, format: Format) -> Vec<u8> {
        let request = export::Request {
            scope,
            format,
            csv: CsvOptions::default(),
            coding: Coding::Identity,
        };
        let (admin, never) = (Admin::for_tests(), std::future::pending());
        let download = export::download(&admin, &self.database, &settings(), request, never).await;
        whole(download.unwrap().body).await.unwrap()
    }
}

pub(crate) fn settings() -> export::Settings {
    export::Settings {
        time_zone: ZONE,
        chunk_size: 65_536,
        stall_timeout: Duration::from_secs(5),
        app_version: "1.2.3",
    }
}

/// Everything that a body brings, if it ends.
pub(crate) async fn whole(mut body: export::Body) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

/// An archive that lies in memory.
#[derive(Clone)]
pub(crate) struct Memory(Arc<[u8]>);

impl Memory {
    pub(crate) fn source(bytes: impl Into<Arc<[u8]>>) -> Arc<dyn Source> {
        Arc::new(Self(bytes.into()))
    }
}

impl Source for Memory {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

/// Rows by table and id.
pub(crate) type Rows = BTreeMap<Table, BTreeMap<i64, Vec<Cell<'static>>>>;

/// A school of a few rows.
pub(crate) fn rows() -> Rows {
    let mut rows = Rows::new();
    let mut add = |table: Table, cells: Vec<Cell<'static>>| {
        let Some(Cell::Integer(id)) = cells.first().copied() else {
            panic!("an id stands first");
        };
        assert_eq!(cells.len(), table.columns().len(), "{table}");
        rows.entry(table).or_default().insert(id, cells);
    };
    use Cell::{Boolean, Integer, Null, Text};
    let date = Cell::Date("2024-02-29".parse().unwrap());
    let time = Cell::Timestamp("2024-02-29T01:02:03.000004Z".parse().unwrap());
    let money = Cell::Decimal("12.50".parse().unwrap());
    add(
        Table::Users,
        vec![
            Integer(1),
            Text("admin"),
            Null,
            Text("the hash"),
            Text("admin"),
            Boolean(true),
            time,
        ],
    );
    for (id, number) in [(1, "000123"), (5, "=A1"), (70, "")] {
        add(
            Table::Students,
            vec![
                Integer(id),
                Text("Ann, \"A\""),
                Text(number),
                Null,
                Text("+91 98"),
                Text("a\r\nb"),
                date,
                time,
            ],
        );
    }
    add(
        Table::Courses,
        vec![
            Integer(2),
            Text("Mathematics"),
            Null,
            Null,
            Null,
            money,
            Integer(30),
            time,
        ],
    );
    add(Table::PaymentCategories, vec![Integer(3), Text("Fees"), Null, time]);
    add(Table::Enrollments, vec![Integer(1), Integer(5), Integer(2), time]);
    for id in [10, 11] {
        add(
            Table::Payments,
            vec![Integer(id), Integer(70), Integer(3), money, time, Text("paid"), Null],
        );
    }
    add(
        Table::Attendance,
        vec![Integer(1), Integer(1), Integer(2), date, Text("present")],
    );
    rows
}

/// The archive of these tables with these rows.
pub(crate) fn archive(rows: &Rows, tables: &[Table]) -> Vec<u8> {
    let mut out = Vec::new();
    let header = header("2026-11-25T01:02:03Z".parse().unwrap(), "1.2.3", "sqlite", tables);
    let mut writer = Writer::begin(&header, &mut out);
    for table in tables {
        writer.begin_table(&mut out);
        for cells in rows.get(table).into_iter().flat_map(BTreeMap::values) {
            writer.row(cells, &mut out);
        }
        writer.end_table(&mut out);
    }
    writer.finish(&mut out);
    out
}

/// The archive of all tables with these rows.
pub(crate) fn all(rows: &Rows) -> Vec<u8> {
    archive(rows, &Table::ALL)
}

/// The document in these layers.
pub(crate) fn sealed(document: &[u8], layers: &Layers) -> (Vec<u8>, Form) {
    let mut sealer = layers.seal(Vec::new()).unwrap();
    sealer.write_all(document).unwrap();
    (sealer.finish().unwrap().0, layers.form())
}
