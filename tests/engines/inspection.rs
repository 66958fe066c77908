//! The service finds out whose database it is without writing to it, and finishes an interrupted migration.

use std::time::Duration;

use campus_backup_domain::Database;
use campus_backup_domain::database::{DatabaseSettings, SchemaState};
use campus_backup_migration::{Migrator, MigratorTrait, tables_of};
use harness::schema_shape::{self, Shape};
use harness::{Engine, Scratch, on_every_engine};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

const LOG: &str =
    "create table backup_migrations (version varchar(255) not null primary key, applied_at bigint not null)";

async fn inspect(scratch: &Scratch) -> SchemaState {
    let settings = DatabaseSettings {
        url: scratch.url().to_owned(),
        connections: 2,
        readers: 1,
        lock_timeout: Duration::from_secs(10),
    };
    let found = Database::inspect(&settings).await.unwrap();
    assert_eq!(scratch.database().await.schema_state().await.unwrap(), found);
    found
}

fn foreign(table: &str) -> SchemaState {
    SchemaState::Foreign(table.to_owned())
}

fn all_pending() -> SchemaState {
    SchemaState::Pending(names())
}

fn names() -> Vec<String> {
    let migrations = Migrator::migrations();
    migrations.iter().map(|migration| migration.name().to_owned()).collect()
}

#[on_every_engine]
async fn migration_waits_for_a_user_of_the_tables(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    Migrator::up(scratch.connection(), Some(3)).await.unwrap();
    let settings = DatabaseSettings {
        url: scratch.url().to_owned(),
        connections: 3,
        readers: 1,
        lock_timeout: Duration::from_secs(1),
    };
    let database = Database::connect(&settings).await.unwrap();
    // An older copy of the service does this while it creates a backup.
    let reader = scratch.another_connection().await.begin().await.unwrap();
    for table in ["students", "courses", "backup_jobs"] {
        reader
            .execute_unprepared(&format!("select count(*) from {table}"))
            .await
            .unwrap();
    }
    let (migrated, ()) = tokio::join!(database.migrate(), async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        reader.rollback().await.unwrap();
    });
    migrated.unwrap();
    assert_eq!(inspect(&scratch).await, SchemaState::Current);
}

#[on_every_engine]
async fn owner_of_a_database_is_recognized(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    assert_eq!(inspect(&scratch).await, SchemaState::Empty);
    scratch.execute(LOG).await;
    assert_eq!(inspect(&scratch).await, all_pending());
    scratch.execute("drop table backup_migrations").await;
    Migrator::up(scratch.connection(), Some(1)).await.unwrap();
    assert_eq!(inspect(&scratch).await, SchemaState::Pending(names()[1..].to_vec()));
    Migrator::up(scratch.connection(), None).await.unwrap();
    assert_eq!(inspect(&scratch).await, SchemaState::Current);
    // A table of another program beside the service's own tables.
    scratch.execute("create table wp_posts (id int primary key)").await;
    assert_eq!(inspect(&scratch).await, SchemaState::Current);
    scratch
        .execute("insert into backup_migrations (version, applied_at) values ('m20991231_000001_future', 1)")
        .await;
    let newer = SchemaState::Newer("m20991231_000001_future".to_owned());
    assert_eq!(inspect(&scratch).await, newer);
    scratch
        .execute("delete from backup_migrations where version <> 'm20991231_000001_future'")
        .await;
    assert_eq!(inspect(&scratch).await, foreign("attendance"));
}

#[on_every_engine]
async fn foreign_database_with_an_empty_log_is_refused(engine: Engine) {
    for (statements, table) in [
        (&["create table wp_posts (id int primary key)"][..], "wp_posts"),
        (&["create view people as select 1 as id"], "people"),
        (&["create table users (id int primary key, login varchar(50))"], "users"),
        // Not the first table of the first migration.
        (&["create table students (id int primary key)"], "students"),
    ] {
        let scratch = Scratch::empty(engine).await;
        for statement in statements {
            scratch.execute(statement).await;
        }
        assert_eq!(inspect(&scratch).await, foreign(table), "{statements:?}");
        scratch.execute(LOG).await;
        assert_eq!(
            inspect(&scratch).await,
            foreign(table),
            "{statements:?} and an empty log"
        );
    }
    let scratch = Scratch::empty(engine).await;
    scratch
        .execute("create table backup_migrations (id int primary key)")
        .await;
    assert_eq!(inspect(&scratch).await, foreign("backup_migrations"));
}

/// Managed servers put the views of their extensions into the schema `public`.
#[tokio::test(flavor = "multi_thread")]
async fn extensions_of_postgresql_are_ignored() {
    if !Engine::Postgres.is_available() {
        return;
    }
    let scratch = Scratch::empty(Engine::Postgres).await;
    let available = "select count(*) from pg_available_extensions where name = 'pg_buffercache'";
    if scratch.number(available).await == 1 {
        scratch.execute("create extension pg_buffercache").await;
        let views = "select count(*) from pg_views where schemaname = 'public'";
        assert!(scratch.number(views).await > 0);
        assert_eq!(inspect(&scratch).await, SchemaState::Empty);
    }
}

/// Creates the first `tables` tables of a migration, without recording the migration.
async fn interrupt(scratch: &Scratch, migration: usize, tables: usize) {
    let name = &names()[migration];
    Migrator::up(scratch.connection(), Some(u32::try_from(migration).unwrap() + 1))
        .await
        .unwrap();
    scratch
        .execute(&format!("delete from backup_migrations where version = '{name}'"))
        .await;
    for table in tables_of(name)[tables..].iter().rev() {
        scratch.execute(&format!("drop table {table}")).await;
    }
}

#[on_every_engine]
async fn interrupted_first_migration_is_continued_only_without_rows(engine: Engine) {
    for tables in 0..=tables_of(&names()[0]).len() {
        let scratch = Scratch::empty(engine).await;
        interrupt(&scratch, 0, tables).await;
        assert_eq!(inspect(&scratch).await, all_pending(), "{tables} tables");
    }
    let scratch = Scratch::empty(engine).await;
    interrupt(&scratch, 0, 3).await;
    scratch
        .execute("insert into students (full_name, registration_number) values ('A', '1')")
        .await;
    assert_eq!(inspect(&scratch).await, foreign("courses"));
    let scratch = Scratch::empty(engine).await;
    interrupt(&scratch, 0, 3).await;
    scratch
        .execute("alter table students add column house varchar(50)")
        .await;
    assert_eq!(inspect(&scratch).await, foreign("courses"));
}

/// MySQL commits at every change of a schema. The other engines roll back an interrupted migration.
#[tokio::test(flavor = "multi_thread")]
async fn interrupted_migration_is_finished_on_mysql() {
    if !Engine::Mysql.is_available() {
        return;
    }
    let whole = shape(&Scratch::migrated(Engine::Mysql).await).await;
    for (migration, name) in names().iter().enumerate() {
        for tables in 0..=tables_of(name).len() {
            let scratch = Scratch::empty(Engine::Mysql).await;
            interrupt(&scratch, migration, tables).await;
            scratch.database().await.migrate().await.unwrap();
            assert_eq!(inspect(&scratch).await, SchemaState::Current);
            assert_eq!(shape(&scratch).await, whole, "{tables} tables of {name}");
            assert_eq!(scratch.count("backup_leases").await, 1);
        }
    }
}

/// No table with rows is dropped to repair a log of migrations that lost some of its records.
#[tokio::test(flavor = "multi_thread")]
async fn tables_with_rows_are_not_dropped_on_mysql() {
    if !Engine::Mysql.is_available() {
        return;
    }
    let scratch = Scratch::migrated(Engine::Mysql).await;
    scratch
        .execute("insert into students (full_name, registration_number) values ('A', '1')")
        .await;
    scratch
        .execute(&format!(
            "delete from backup_migrations where version = '{}'",
            names()[0]
        ))
        .await;
    let before = shape(&scratch).await;
    scratch.database().await.migrate().await.unwrap_err();
    assert_eq!(scratch.count("students").await, 1);
    assert_eq!(shape(&scratch).await, before, "nothing is dropped");
}

/// An interrupted migration can be finished only if the list names each table that it creates.
#[on_every_engine]
async fn tables_of_each_migration_are_listed(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let tables = async || -> Vec<String> { shape(&scratch).await.into_keys().collect() };
    let mut before = tables().await;
    for name in names() {
        Migrator::up(scratch.connection(), Some(1)).await.unwrap();
        let after = tables().await;
        let mut made: Vec<_> = after.iter().filter(|table| !before.contains(table)).collect();
        let mut listed: Vec<_> = tables_of(&name).to_vec();
        made.sort();
        listed.sort_unstable();
        assert_eq!(made, listed, "{name}");
        before = after;
    }
}

/// The shape without the log of migrations, which SeaORM creates.
async fn shape(scratch: &Scratch) -> Shape {
    let mut shape = schema_shape::read(scratch).await;
    shape.remove("backup_migrations");
    shape
}
