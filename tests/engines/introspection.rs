//! The catalogue of a database, read from the engine's own catalogs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use campus_backup_domain::catalog as school;
use campus_backup_engine::catalog::{Catalog, KeySource, Kind, OnDelete, Problem, Storage, Table, TableName};
use campus_backup_engine::introspect;
use harness::fixture::{ReadingRole, adoptable};
use harness::{Engine, Scratch, on_every_engine};
use sea_orm::{ConnectOptions, Database};

/// As many tables as the largest known school application has.
const MANY: usize = 527;

async fn catalog_of(scratch: &Scratch) -> Catalog {
    introspect(scratch.connection()).await.unwrap()
}

#[on_every_engine]
async fn awkward_database_is_described(engine: Engine) {
    let catalog = catalog_of(&adoptable(engine).await).await;
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("introspection_{}", engine.word()), description(&catalog));
    });
}

/// A role that owns nothing and may only read sees the same tables, columns, keys and references.
#[on_every_engine]
async fn role_that_may_only_read_gets_the_same_catalogue(engine: Engine) {
    let scratch = adoptable(engine).await;
    let of_owner = catalog_of(&scratch).await;
    let role = ReadingRole::create(&scratch).await;
    let mut options = ConnectOptions::new(&role.url);
    options.max_connections(1).sqlx_logging(false);
    let connection = Database::connect(options).await.unwrap();
    let of_reader = introspect(&connection).await.unwrap();
    connection.close().await.unwrap();
    role.drop_role(&scratch).await;
    assert_eq!(of_reader.digest, of_owner.digest);
    assert_eq!(of_reader.other_objects, of_owner.other_objects);
    let problems: BTreeMap<_, _> = of_reader
        .tables
        .iter()
        .filter(|table| !table.problems.is_empty())
        .map(|table| (table.name.to_string(), table.problems.clone()))
        .collect();
    // A policy of the fixture hides rows of this table from everybody but the owner.
    let hidden = ("pupil".to_owned(), vec![Problem::RowSecurity]);
    let expected: Vec<_> = (engine == Engine::Postgres).then_some(hidden).into_iter().collect();
    assert_eq!(problems.into_iter().collect::<Vec<_>>(), expected);
}

/// PostgreSQL shows the catalog to every role, so a table that may not be read is known.
#[tokio::test(flavor = "multi_thread")]
async fn table_that_may_not_be_read_is_a_problem_on_postgresql() {
    if !Engine::Postgres.is_available() {
        return;
    }
    let scratch = adoptable(Engine::Postgres).await;
    let role = ReadingRole::create(&scratch).await;
    let user = url::Url::parse(&role.url).unwrap().username().to_owned();
    scratch.execute(&format!("revoke select on fee_item from {user}")).await;
    scratch
        .execute(&format!("revoke usage on schema library from {user}"))
        .await;
    let mut options = ConnectOptions::new(&role.url);
    options.max_connections(1).sqlx_logging(false);
    let connection = Database::connect(options).await.unwrap();
    let catalog = introspect(&connection).await.unwrap();
    connection.close().await.unwrap();
    role.drop_role(&scratch).await;
    for name in [TableName::new("fee_item"), TableName::in_schema("library", "loan")] {
        assert_eq!(catalog.table(&name).unwrap().problems, [Problem::NotReadable], "{name}");
    }
}

/// The embedded catalogue of the school is what introspection finds.
#[on_every_engine]
async fn migrated_school_has_the_embedded_catalogue(engine: Engine) {
    let catalog = catalog_of(&Scratch::migrated(engine).await).await;
    let found: Vec<_> = catalog
        .tables
        .iter()
        .filter(|table| !table.name.name.starts_with("backup_"))
        .collect();
    assert_eq!(found.len(), school::Table::ALL.len());
    for table in school::Table::ALL {
        let found = *found
            .iter()
            .find(|found| found.name == TableName::new(table.name()))
            .unwrap();
        let embedded: Vec<_> = table
            .columns()
            .iter()
            .map(|column| (column.name, column.kind.to_string(), column.nullable))
            .collect();
        let columns: Vec<_> = found
            .columns
            .iter()
            .map(|column| {
                (
                    column.name.as_str(),
                    kind_of_the_school(engine, column.kind),
                    column.nullable,
                )
            })
            .collect();
        assert_eq!(columns, embedded, "{table}");
        let key = found.key.as_ref().unwrap();
        assert_eq!(
            (key.source, found.column_names(&key.columns)),
            (KeySource::Primary, "id".to_owned()),
            "{table}"
        );
        let uniques: Vec<_> = found
            .uniques
            .iter()
            .map(|unique| found.column_names(&unique.columns))
            .collect();
        let embedded = table.unique_key().join(", ");
        assert_eq!(
            uniques,
            Vec::from_iter((!embedded.is_empty()).then_some(embedded)),
            "{table}"
        );
        let mut references: Vec<_> = found
            .references
            .iter()
            .map(|reference| {
                assert_eq!(reference.target_columns, ["id"], "{table}");
                (found.column_names(&reference.columns), reference.table.to_string())
            })
            .collect();
        references.sort();
        let embedded = table.references().iter();
        let mut embedded: Vec<_> = embedded
            .map(|reference| (reference.column.to_owned(), reference.table.to_string()))
            .collect();
        embedded.sort();
        assert_eq!(references, embedded, "{table}");
        assert!(
            found
                .columns
                .iter()
                .all(|column| column.collation_exact && !column.generated),
            "{table}"
        );
        assert_eq!(found.problems, [], "{table}");
        assert_eq!(found.traits.storage, Storage::Transactional, "{table}");
    }
    let place = |name: &str| catalog.tables.iter().position(|table| table.name.name == name);
    for table in school::Table::ALL {
        for reference in table.references() {
            assert!(place(reference.table.name()) < place(table.name()), "{table}");
        }
    }
    assert_eq!(catalog.cycles, [[]; 0]);
}

/// MySQL has no type for a point in time beyond the year 2038, so the school's are in UTC without a zone there. Only
/// the school's own catalogue knows that.
fn kind_of_the_school(engine: Engine, kind: Kind) -> String {
    match (engine, kind) {
        (Engine::Mysql, Kind::Datetime) => Kind::Timestamp.to_string(),
        _ => kind.to_string(),
    }
}

#[on_every_engine]
async fn digest_follows_the_tables_and_nothing_else(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    scratch
        .execute("create table a (id int not null primary key, name varchar(20))")
        .await;
    let first = catalog_of(&scratch).await.digest;
    for statement in [
        "insert into a values (1, 'x')",
        "create index a_name on a (name)",
        "create view v as select id from a",
    ] {
        scratch.execute(statement).await;
        assert_eq!(catalog_of(&scratch).await.digest, first, "{statement}");
    }
    let mut digests = vec![first];
    for statement in [
        "alter table a add column born date",
        "create unique index a_unique on a (name)",
        "create table b (id int not null primary key, a_id int not null)",
        "alter table a rename column born to birthday",
        "drop table b",
    ] {
        scratch.execute(statement).await;
        let digest = catalog_of(&scratch).await.digest;
        assert!(!digests.contains(&digest), "{statement}");
        digests.push(digest);
    }
}

#[on_every_engine]
async fn hundreds_of_tables_are_read(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let mut script = String::new();
    for number in 0..MANY {
        // Moodle's tables have 9 columns on average.
        write!(
            script,
            "create table t{number} (id bigint not null primary key, a varchar(100) not null, b int, c decimal(38,19), \
             d text, e date, f int not null, g smallint, parent_id bigint references t{} (id), unique (a, f));",
            number / 2
        )
        .unwrap();
    }
    scratch.execute(&script).await;
    let catalog = catalog_of(&scratch).await;
    assert_eq!(catalog.tables.len(), MANY);
    assert!(
        catalog
            .tables
            .iter()
            .all(|table| table.columns.len() == 9 && table.key.is_some())
    );
}

/// One line a table, column, key and object.
fn description(catalog: &Catalog) -> String {
    let mut text = String::new();
    for table in &catalog.tables {
        describe(table, &mut text);
    }
    for cycle in &catalog.cycles {
        let names: Vec<_> = cycle.iter().map(TableName::to_string).collect();
        writeln!(text, "cycle: {}", names.join(", ")).unwrap();
    }
    for object in &catalog.other_objects {
        writeln!(text, "{}: {}", object.kind.names().0, object.name).unwrap();
    }
    text
}

fn describe(table: &Table, text: &mut String) {
    writeln!(text, "{:?}", table.name.to_string()).unwrap();
    for column in &table.columns {
        let marks = [
            (column.nullable, "nullable"),
            (column.generated, "generated"),
            (!column.collation_exact, "inexact"),
        ];
        let marks: Vec<_> = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        let line = format!(
            "  {:?} {} ({}) {}",
            column.name,
            column.kind,
            column.native,
            marks.join(" ")
        );
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    match &table.key {
        Some(key) => writeln!(text, "  {:?} key: {}", key.source, table.column_names(&key.columns)).unwrap(),
        None => writeln!(text, "  no key").unwrap(),
    }
    for unique in &table.uniques {
        writeln!(text, "  unique: {}", table.column_names(&unique.columns)).unwrap();
    }
    for reference in &table.references {
        let action = match reference.on_delete {
            None => "unknown",
            Some(OnDelete::Refuse) => "refuse",
            Some(OnDelete::Cascade) => "cascade",
            Some(OnDelete::Clear) => "clear",
        };
        writeln!(
            text,
            "  {} -> {} ({}), on delete {action}{}",
            table.column_names(&reference.columns),
            reference.table,
            reference.target_columns.join(", "),
            if reference.deferrable { ", deferrable" } else { "" }
        )
        .unwrap();
    }
    let traits = &table.traits;
    if let Storage::NonTransactional(storage) = &traits.storage {
        writeln!(text, "  storage: {storage}").unwrap();
    }
    for (name, list) in [
        ("triggers", &traits.triggers),
        ("rules", &traits.rules),
        ("other constraints", &traits.other_constraints),
    ] {
        if !list.is_empty() {
            writeln!(text, "  {name}: {}", list.join(", ")).unwrap();
        }
    }
    for (is, mark) in [
        (traits.partitioned, "partitioned"),
        (traits.system_versioned, "system versioned"),
        (traits.unlogged, "unlogged"),
    ] {
        if is {
            writeln!(text, "  {mark}").unwrap();
        }
    }
    for problem in &table.problems {
        writeln!(text, "  problem: {problem:?}").unwrap();
    }
}
