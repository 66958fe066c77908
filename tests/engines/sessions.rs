//! What the service does depends on no default that a server, a database or a role gives its sessions.

use campus_backup_domain::Table;
use campus_backup_domain::change::Change;
use sea_orm::Statement;

use harness::defaults::Defaults;
use harness::{Engine, on_every_engine};

/// Defaults at which a long transaction may not update what was updated after its first read.
const SNAPSHOT_ISOLATION: [Defaults; 2] = [
    Defaults {
        postgres: &[("default_transaction_isolation", "repeatable read")],
        mysql: &[("innodb-snapshot-isolation", "ON")],
    },
    Defaults {
        postgres: &[("default_transaction_isolation", "serializable")],
        mysql: &[
            ("transaction-isolation", "SERIALIZABLE"),
            ("innodb-snapshot-isolation", "ON"),
        ],
    },
];

/// The heartbeat updates rows in which a change writes its end.
#[on_every_engine]
async fn a_change_writes_what_was_updated_since_it_began(engine: Engine) {
    for defaults in SNAPSHOT_ISOLATION {
        // On SQLite nothing can be updated meanwhile.
        let Some(scratch) = defaults.database(engine).await.filter(|_| engine != Engine::Sqlite) else {
            continue;
        };
        let database = scratch.database().await;
        let mut change = Change::begin(&database, vec![Table::Attendance], "a test")
            .await
            .unwrap();
        let backend = database.connection().get_database_backend();
        let statement = |sql: &str| Statement::from_string(backend, sql);
        change
            .execute(&statement("select count(*) from backup_leases"))
            .await
            .unwrap();
        scratch.execute("update backup_leases set runner = 'heartbeat'").await;
        let end = statement("update backup_leases set runner = 'end'");
        assert_eq!(change.execute(&end).await.unwrap(), 1, "{defaults:?}");
        change.commit().await.unwrap();
        assert_eq!(
            scratch.value("select runner from backup_leases").await.as_deref(),
            Some("end")
        );
    }
}
