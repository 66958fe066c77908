//! Backup, clear, undo and restore on servers with several unusual settings at once.
//!
//! Each setting has its own test (`tests/engines/sessions.rs`, `isolation.rs`, `tests/engines/long_texts.rs`). Here
//! they are combined: each isolation level with each set of modes, with and without short limits, on usual and unusual
//! storage.

use harness::archives_rig::of;
use harness::defaults::{Defaults, changeable};
use harness::service::Setup;
use harness::{Engine, Scratch, on_every_engine, small_school_in};
use serde_json::json;

const ISOLATION: [Defaults; 4] = [
    Defaults {
        postgres: &[("default_transaction_isolation", "'read uncommitted'")],
        mysql: &[("tx_isolation", "'READ-UNCOMMITTED'")],
    },
    Defaults {
        postgres: &[("default_transaction_isolation", "'read committed'")],
        mysql: &[("tx_isolation", "'READ-COMMITTED'")],
    },
    Defaults {
        postgres: &[("default_transaction_isolation", "'repeatable read'")],
        mysql: &[
            ("tx_isolation", "'REPEATABLE-READ'"),
            ("innodb_snapshot_isolation", "ON"),
        ],
    },
    Defaults {
        postgres: &[
            ("default_transaction_isolation", "'serializable'"),
            ("default_transaction_deferrable", "on"),
        ],
        mysql: &[("tx_isolation", "'SERIALIZABLE'"), ("innodb_snapshot_isolation", "ON")],
    },
];

/// Modes that change the meaning of values and statements: the default, a lax set, and standard SQL or another locale.
const MODES: [Defaults; 3] = [
    Defaults {
        postgres: &[],
        mysql: &[],
    },
    Defaults {
        postgres: &[
            ("client_encoding", "'LATIN1'"),
            ("bytea_output", "'escape'"),
            ("standard_conforming_strings", "off"),
            ("session_replication_role", "replica"),
        ],
        mysql: &[
            ("sql_mode", "''"),
            ("foreign_key_checks", "OFF"),
            ("unique_checks", "OFF"),
            ("autocommit", "OFF"),
            ("character_set_client", "latin1"),
            ("character_set_connection", "latin1"),
            ("character_set_results", "latin1"),
        ],
    },
    Defaults {
        postgres: &[
            ("TimeZone", "'Asia/Kolkata'"),
            ("DateStyle", "'German, DMY'"),
            ("IntervalStyle", "'sql_standard'"),
            ("extra_float_digits", "-15"),
            ("synchronous_commit", "off"),
        ],
        mysql: &[
            ("sql_mode", "'ANSI,TRADITIONAL,NO_BACKSLASH_ESCAPES'"),
            ("time_zone", "'+05:30'"),
            ("completion_type", "'CHAIN'"),
            ("sql_safe_updates", "ON"),
            ("sql_select_limit", "2"),
            ("sql_auto_is_null", "ON"),
        ],
    },
];

/// No limits, and limits that end a session or a statement within a second.
const LIMITS: [Defaults; 2] = [
    Defaults {
        postgres: &[],
        mysql: &[],
    },
    Defaults {
        postgres: &[
            ("statement_timeout", "'20ms'"),
            ("idle_in_transaction_session_timeout", "'20ms'"),
            ("idle_session_timeout", "'900ms'"),
            ("lock_timeout", "'1ms'"),
        ],
        mysql: &[
            ("max_statement_time", "0.02"),
            ("wait_timeout", "1"),
            ("net_read_timeout", "1"),
            ("net_write_timeout", "1"),
            ("idle_transaction_timeout", "1"),
            ("idle_write_transaction_timeout", "1"),
            ("idle_readonly_transaction_timeout", "1"),
            ("innodb_lock_wait_timeout", "1"),
            ("lock_wait_timeout", "1"),
        ],
    },
];

/// The default storage of tables, and the size of packets. PostgreSQL has no such settings.
const STORAGE: [Defaults; 3] = [
    Defaults {
        postgres: &[],
        mysql: &[],
    },
    Defaults {
        postgres: &[],
        mysql: &[
            ("innodb_default_row_format", "'redundant'"),
            ("max_allowed_packet", "65536"),
        ],
    },
    Defaults {
        postgres: &[],
        mysql: &[
            ("default_storage_engine", "'MyISAM'"),
            ("character_set_server", "latin1"),
        ],
    },
];

/// A clear of everything with its undo, and a restore in each mode. All data is restored to the last byte.
async fn round_trip(scratch: &Scratch, combination: &str) {
    let setup = Setup::on(scratch);
    let service = setup.start().await;
    let admin = service.admin().await;
    let before = admin.digests().await;
    let archive = admin.create_backup().await;
    let verified = admin.post(&of(&archive, "/verify"), &json!({"level": "digest"})).await;
    admin.done(verified).await;

    let cleared = admin.clear(&json!({"table": "all"})).await.expect(200).json();
    assert_ne!(admin.digests().await, before, "{combination}");
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    admin.post(&undo, &json!({})).await.expect(200);
    assert_eq!(admin.digests().await, before, "{combination}: undo");

    for mode in ["replace", "merge", "insert_missing"] {
        admin.clear(&json!({"table": "students"})).await.expect(200);
        let restored = admin.restore(&archive, &json!({"mode": mode, "scope": "all"})).await;
        admin.done(restored).await;
        assert_eq!(admin.digests().await, before, "{combination}: {mode}");
    }
}

/// Runs a round trip for each chosen combination. The numbers are positions in the lists above.
async fn round_trips(engine: Engine, is_chosen: impl Fn([usize; 4]) -> bool) {
    for (storage_at, storage) in STORAGE.iter().enumerate() {
        if storage_at > 0 && engine != Engine::Mysql {
            continue;
        }
        let Some(scratch) = changeable(engine).await else {
            return;
        };
        storage.apply(&scratch).await;
        if storage_at == 2 {
            scratch
                .execute(&format!("alter database {} character set latin1", scratch.name()))
                .await;
        }
        scratch.migrate().await;
        let school = small_school_in(scratch).await;
        let scratch = &school.scratch;
        for (isolation_at, isolation) in ISOLATION.iter().enumerate() {
            for (modes_at, modes) in MODES.iter().enumerate() {
                for (limits_at, limits) in LIMITS.iter().enumerate() {
                    let places = [storage_at, isolation_at, modes_at, limits_at];
                    if !is_chosen(places) {
                        continue;
                    }
                    let defaults = [isolation, modes, limits];
                    for part in defaults {
                        part.apply(scratch).await;
                    }
                    round_trip(scratch, &format!("{storage:?} {defaults:?}")).await;
                    for part in defaults {
                        part.reset(scratch).await;
                    }
                }
            }
        }
    }
}

/// Covers each entry of each list at least once.
#[on_every_engine]
async fn data_round_trips_on_servers_with_unusual_settings(engine: Engine) {
    round_trips(engine, |[storage, isolation, modes, limits]| {
        [storage, modes, limits]
            == [
                if engine == Engine::Mysql { isolation % 3 } else { 0 },
                isolation % 3,
                isolation % 2,
            ]
    })
    .await;
}

/// Covers all combinations.
#[on_every_engine(ignore)]
async fn data_round_trips_with_every_combination_of_settings(engine: Engine) {
    round_trips(engine, |_| engine != Engine::Sqlite).await;
}
