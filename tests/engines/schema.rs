//! Entities, catalogue and migrations describe one schema, on every engine.

use std::collections::{BTreeMap, BTreeSet};

use campus_backup_archive::Kind;
use campus_backup_domain::catalog;
use campus_backup_domain::entity::{
    account_epoch, alarm, archive, archive_copy, attendance, audit_event, audit_head, change, course, destination,
    download_link, enrollment, job, key, lease, login_network, login_session, named_token, notification,
    one_time_password, outbox, payment, payment_category, schedule, schedule_run, session, setting, student, user,
};
use campus_backup_migration::{Migrator, MigratorTrait};

use harness::schema_shape::{self, Shape, TableShape};
use harness::{Engine, Scratch, TABLES, on_every_engine, small_school};

/// An empty database with the tables that the entities describe.
async fn described_by_entities(engine: Engine) -> Scratch {
    let scratch = Scratch::empty(engine).await;
    let connection = scratch.connection();
    connection
        .get_schema_builder()
        .register(user::Entity)
        .register(student::Entity)
        .register(course::Entity)
        .register(payment_category::Entity)
        .register(enrollment::Entity)
        .register(payment::Entity)
        .register(attendance::Entity)
        .register(archive::Entity)
        .register(download_link::Entity)
        .register(job::Entity)
        .register(change::Entity)
        .register(key::Entity)
        .register(lease::Entity)
        .register(session::Entity)
        .register(login_session::Entity)
        .register(account_epoch::Entity)
        .register(login_network::Entity)
        .register(schedule::Entity)
        .register(schedule_run::Entity)
        .register(setting::Entity)
        .register(notification::Entity)
        .register(outbox::Entity)
        .register(alarm::Entity)
        .register(destination::Entity)
        .register(archive_copy::Entity)
        .register(one_time_password::Entity)
        .register(named_token::Entity)
        .register(audit_event::Entity)
        .register(audit_head::Entity)
        .apply(connection)
        .await
        .unwrap();
    scratch
}

/// The school's own tables.
fn of_the_school(shape: &Shape) -> BTreeMap<&str, &TableShape> {
    shape
        .iter()
        .filter(|(name, _)| !name.starts_with("backup_"))
        .map(|(name, table)| (name.as_str(), table))
        .collect()
}

#[on_every_engine]
async fn entities_equal_the_migrated_schema(engine: Engine) {
    let described = schema_shape::read(&described_by_entities(engine).await).await;
    let migrated = schema_shape::read(&Scratch::migrated(engine).await).await;
    let names = |shape: &Shape| shape.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&described), names(&migrated));
    let number = |count: fn(&TableShape) -> usize| migrated.values().map(count).sum::<usize>();
    assert_eq!(
        number(|table| table.foreign_keys.len()),
        6,
        "what is compared must have been found"
    );
    assert_eq!(
        number(|table| table.uniques.len()),
        19,
        "what is compared must have been found"
    );
    assert_eq!(
        number(|table| table.primary_key.len()),
        30,
        "what is compared must have been found"
    );
    for (name, migrated) in &migrated {
        let described = &described[name];
        assert_eq!(described.columns, migrated.columns, "{name}");
        assert_eq!(described.primary_key, migrated.primary_key, "{name}");
        assert_eq!(described.uniques, migrated.uniques, "{name}");
        assert_eq!(described.foreign_keys, migrated.foreign_keys, "{name}");
    }
}

#[on_every_engine]
async fn catalogue_equals_the_migrated_schema(engine: Engine) {
    let shape = schema_shape::read(&Scratch::migrated(engine).await).await;
    let school = of_the_school(&shape);
    let listed: BTreeSet<_> = catalog::Table::ALL.iter().map(|table| table.name()).collect();
    assert_eq!(school.keys().copied().collect::<BTreeSet<_>>(), listed);
    assert_eq!(listed, TABLES.into_iter().collect());
    for table in catalog::Table::ALL {
        let listed: Vec<_> = table
            .columns()
            .iter()
            .map(|column| (column.name.to_owned(), column.kind, column.nullable))
            .collect();
        let migrated: Vec<_> = school[table.name()]
            .columns
            .iter()
            .map(|column| (column.name.clone(), kind(engine, &column.kind), column.nullable))
            .collect();
        assert_eq!(listed, migrated, "{table}");
    }
}

#[on_every_engine]
async fn catalogue_has_the_dependencies_of_the_schema(engine: Engine) {
    let shape = schema_shape::read(&Scratch::migrated(engine).await).await;
    let mut referred = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (name, table) in of_the_school(&shape) {
        for key in &table.foreign_keys {
            assert_eq!(key.target, "id", "{name}.{}", key.column);
            referred.entry(key.table.as_str()).or_default().insert(name);
        }
    }
    for table in catalog::Table::ALL {
        let listed: BTreeSet<_> = table.dependents().iter().map(|table| table.name()).collect();
        assert_eq!(listed, referred.remove(table.name()).unwrap_or_default(), "{table}");
    }
}

#[on_every_engine]
async fn catalogue_has_every_foreign_key(engine: Engine) {
    let shape = schema_shape::read(&Scratch::migrated(engine).await).await;
    let school = of_the_school(&shape);
    for table in catalog::Table::ALL {
        let listed: BTreeSet<_> = table
            .references()
            .iter()
            .map(|reference| {
                assert_eq!(table.columns()[reference.position].name, reference.column, "{table}");
                (reference.column, reference.table.name())
            })
            .collect();
        let keys = school[table.name()].foreign_keys.iter();
        let migrated: BTreeSet<_> = keys.map(|key| (key.column.as_str(), key.table.as_str())).collect();
        assert_eq!(listed, migrated, "{table}");
    }
}

#[on_every_engine]
async fn every_foreign_key_has_an_index(engine: Engine) {
    for (name, table) in schema_shape::read(&Scratch::migrated(engine).await).await {
        for key in &table.foreign_keys {
            let indexed = table.indexes.iter().any(|columns| columns[0] == key.column);
            assert!(indexed, "{name}.{} has none", key.column);
        }
    }
}

#[on_every_engine]
async fn migrations_go_down_and_up_again(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    let before = schema_shape::read(&scratch).await;
    Migrator::down(scratch.connection(), None).await.unwrap();
    assert_eq!(schema_shape::read(&scratch).await, Shape::new());
    Migrator::up(scratch.connection(), None).await.unwrap();
    assert_eq!(schema_shape::read(&scratch).await, before);
    Migrator::up(scratch.connection(), None).await.unwrap();
    assert_eq!(
        schema_shape::read(&scratch).await,
        before,
        "what is done is not done again"
    );
}

/// The database itself refuses invalid rows, so no other program can store them either.
#[on_every_engine]
async fn database_refuses_invalid_rows(engine: Engine) {
    let school = small_school(engine).await;
    let long = "x".repeat(256);
    let nul = match engine {
        Engine::Sqlite | Engine::Mysql => "char(0)",
        Engine::Postgres => "chr(0)",
    };
    for wrong in [
        "insert into users (id, username, password_hash, role) values (50, 'x', 'x', 'owner')".to_owned(),
        "insert into users (id, username, password_hash, role) values (50, 'admin', 'x', 'admin')".to_owned(),
        "insert into students (id, full_name, registration_number) values (50, 'x', '000123')".to_owned(),
        "insert into students (id, full_name) values (50, 'x')".to_owned(),
        format!("insert into students (id, full_name, registration_number) values (50, '{long}', 'x')"),
        format!("insert into students (id, full_name, registration_number) values (50, {nul}, 'x')"),
        format!("insert into students (id, full_name, registration_number, address) values (50, 'x', 'x', {nul})"),
        "insert into enrollments (id, student_id, course_id) values (50, 1, 1)".to_owned(),
        "insert into enrollments (id, student_id, course_id) values (50, 999, 1)".to_owned(),
        "insert into attendance (id, student_id, course_id, date, status) values (50, 1, 1, '2024-02-29', 'leave')"
            .to_owned(),
        "insert into attendance (id, student_id, course_id, date, status) values (50, 1, 1, '2024-03-01', 'late')"
            .to_owned(),
        "delete from students where id = 1".to_owned(),
        "delete from payment_categories where id = 1".to_owned(),
    ] {
        use sea_orm::ConnectionTrait as _;
        let before = school.scratch.everything().await;
        let refused = school.scratch.connection().execute_unprepared(&wrong).await;
        assert!(refused.is_err(), "{wrong}");
        assert_eq!(school.scratch.everything().await, before, "{wrong}");
    }
}

/// Texts that differ only in case or in a space at the end are different, on every engine.
#[on_every_engine]
async fn texts_are_compared_exactly(engine: Engine) {
    let school = small_school(engine).await;
    for name in ["ADMIN", "admin ", "ädmin", "TEACHER"] {
        school
            .scratch
            .execute(&format!(
                "insert into users (username, password_hash, role) values ('{name}', 'x', 'teacher')"
            ))
            .await;
        let found = school
            .scratch
            .number(&format!("select count(*) from users where username = '{name}'"))
            .await;
        assert_eq!(found, 1, "{name:?}");
    }
}

/// The kind of the values in a column of the reported type.
fn kind(engine: Engine, reported: &str) -> Kind {
    match (engine, reported) {
        (Engine::Sqlite, "integer" | "bigint") | (Engine::Postgres, "bigint") => Kind::Integer,
        (Engine::Mysql, _) if reported.starts_with("bigint") => Kind::Integer,
        (Engine::Sqlite, "boolean") | (Engine::Postgres, "boolean") | (Engine::Mysql, "tinyint(1)") => Kind::Boolean,
        (Engine::Sqlite, "date_text") | (_, "date") => Kind::Date,
        (Engine::Sqlite, "timestamp_with_timezone_text")
        | (Engine::Postgres, "timestamp with time zone")
        | (Engine::Mysql, "datetime") => Kind::Timestamp,
        _ if reported.contains("12") && (reported.contains("decimal") || reported.contains("numeric")) => Kind::Decimal,
        _ if reported.contains("12") && reported.contains("real") => Kind::Decimal,
        _ if reported.contains("char") || reported.contains("text") => Kind::Text,
        _ => panic!("{engine:?} has the type {reported}, which is no kind yet"),
    }
}
