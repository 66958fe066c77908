//! The schema of campus-backup, as hand-written migrations for SQLite, PostgreSQL and MySQL/MariaDB.
//!
//! Nothing else changes a schema: entities describe the same tables for reading and writing, and a test compares
//! the two on every engine. A released migration is never edited; a change is a new file at the end of the list.
//!
//! [`school`](m20261123_000001_school) holds the seven tables of the school's data,
//! [`service`](m20261123_000002_service) and [`jobs`](m20261125_000003_jobs) the tables of the service itself, whose names
//! begin with `backup_`. [`long_texts`](m20261128_000004_long_texts) gives the long texts of both MySQL's longest type,
//! [`archive_records`](m20261128_000005_archive_records) has what proves which archives the service made,
//! [`changes`](m20261128_000006_changes) adds the log of clears, restores and undos,
//! [`sessions`](m20261129_000007_sessions) says which sessions have ended,
//! [`login_networks`](m20261129_000008_login_networks) from where accounts have signed in,
//! [`link_parts`](m20261129_000009_link_parts) counts what went out by a download link,
//! [`installation`](m20261129_000010_installation) gives the installation an id,
//! [`link_outcomes`](m20261129_000011_link_outcomes) says how the download of a link has ended,
//! [`link_begun`](m20261129_000012_link_begun) counts what has begun to go out by a download link,
//! [`plain_words`](m20261129_000013_plain_words) renames words in the history of jobs,
//! [`link_subjects`](m20261129_000014_link_subjects) tells download links of users with one name apart,
//! [`schedules`](m20261129_000015_schedules) adds schedules of backups with their runs,
//! [`retention`](m20261129_000016_retention) adds settings of administrators, and findings about archives,
//! [`notifications`](m20261129_000017_notifications) adds notifications with the outbox of their messages,
//! [`alarms`](m20261129_000018_alarms) says what administrators were told about backups,
//! [`destinations`](m20261130_000019_destinations) adds further places of archives with the state of each copy,
//! [`accounts`](m20261130_000021_accounts) adds one-time passwords and named tokens,
//! [`audit`](m20261130_000022_audit) adds the chain of audit events,
//! [`keys`](m20261130_000023_keys) records the objects of archives that are being encrypted again,
//! [`certificates`](m20261130_000024_certificates) adds the key that signs certificates of archives, and
//! [`imports`](m20261130_000025_imports) adds imports to the log of changes.

use sea_orm_migration::prelude::*;
pub use sea_orm_migration::prelude::{MigratorTrait, SchemaManager};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Schema};
use sea_orm_migration::seaql_migrations;

mod m20261123_000001_school;
mod m20261123_000002_service;
mod m20261125_000003_jobs;
mod m20261128_000004_long_texts;
mod m20261128_000005_archive_records;
mod m20261128_000006_changes;
mod m20261129_000007_sessions;
mod m20261129_000008_login_networks;
mod m20261129_000009_link_parts;
mod m20261129_000010_installation;
mod m20261129_000011_link_outcomes;
mod m20261129_000012_link_begun;
mod m20261129_000013_plain_words;
mod m20261129_000014_link_subjects;
mod m20261129_000015_schedules;
mod m20261129_000016_retention;
mod m20261129_000017_notifications;
mod m20261129_000018_alarms;
mod m20261130_000019_destinations;
mod m20261130_000021_accounts;
mod m20261130_000022_audit;
mod m20261130_000023_keys;
mod m20261130_000024_certificates;
mod m20261130_000025_imports;
mod text;

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_school::Migration),
            Box::new(m20261123_000002_service::Migration),
            Box::new(m20261125_000003_jobs::Migration),
            Box::new(m20261128_000004_long_texts::Migration),
            Box::new(m20261128_000005_archive_records::Migration),
            Box::new(m20261128_000006_changes::Migration),
            Box::new(m20261129_000007_sessions::Migration),
            Box::new(m20261129_000008_login_networks::Migration),
            Box::new(m20261129_000009_link_parts::Migration),
            Box::new(m20261129_000010_installation::Migration),
            Box::new(m20261129_000011_link_outcomes::Migration),
            Box::new(m20261129_000012_link_begun::Migration),
            Box::new(m20261129_000013_plain_words::Migration),
            Box::new(m20261129_000014_link_subjects::Migration),
            Box::new(m20261129_000015_schedules::Migration),
            Box::new(m20261129_000016_retention::Migration),
            Box::new(m20261129_000017_notifications::Migration),
            Box::new(m20261129_000018_alarms::Migration),
            Box::new(m20261130_000019_destinations::Migration),
            Box::new(m20261130_000021_accounts::Migration),
            Box::new(m20261130_000022_audit::Migration),
            Box::new(m20261130_000023_keys::Migration),
            Box::new(m20261130_000024_certificates::Migration),
            Box::new(m20261130_000025_imports::Migration),
        ]
    }

    /// The migration log has the service's own prefix, so that it is never taken for a table of the school
    /// and never meets the log of another program that shares the database.
    fn migration_table_name() -> DynIden {
        "backup_migrations".into_iden()
    }

    /// Makes the migration log. The engine and row format that a MySQL server has as its defaults may not take its key.
    async fn install<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
        let backend = db.get_database_backend();
        let mut log = Schema::new(backend).create_table_from_entity(seaql_migrations::Entity);
        log.table(Self::migration_table_name()).if_not_exists();
        if backend == DbBackend::MySql {
            log.engine("InnoDB").extra(text::ROW_FORMAT);
        }
        db.execute(&log).await.map(drop)
    }
}

/// The tables that a migration makes, in the order in which it makes them. MySQL has no transaction for changes of a schema,
/// so what an interrupted migration left there is found by these names. A migration that makes a table stands here.
pub fn tables_of(migration: &str) -> &'static [&'static str] {
    match migration {
        "m20261123_000001_school" => &[
            "users",
            "students",
            "courses",
            "payment_categories",
            "enrollments",
            "payments",
            "attendance",
        ],
        "m20261123_000002_service" => &["backup_download_links"],
        "m20261125_000003_jobs" => &["backup_jobs", "backup_leases", "backup_sessions"],
        "m20261128_000005_archive_records" => &["backup_archives", "backup_keys"],
        "m20261128_000006_changes" => &["backup_changes"],
        "m20261129_000007_sessions" => &["backup_login_sessions", "backup_account_epochs"],
        "m20261129_000008_login_networks" => &["backup_login_networks"],
        "m20261129_000015_schedules" => &["backup_schedules", "backup_schedule_runs"],
        "m20261129_000016_retention" => &["backup_settings"],
        "m20261129_000017_notifications" => &["backup_notifications", "backup_outbox"],
        "m20261129_000018_alarms" => &["backup_alarms"],
        "m20261130_000019_destinations" => &["backup_destinations", "backup_archive_copies"],
        "m20261130_000021_accounts" => &["backup_one_time_passwords", "backup_named_tokens"],
        "m20261130_000022_audit" => &["backup_audit_events", "backup_audit_head"],
        _ => &[],
    }
}
