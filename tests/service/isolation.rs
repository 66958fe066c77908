//! A row that another program commits between the safety backup and the change is never lost, with every default
//! isolation level.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use harness::defaults::Defaults;
use harness::s3::S3;
use harness::service::Setup;
use harness::{Engine, Scratch, on_every_engine, small_school_in};

/// The row of attendance that the other program inserts.
fn insert(id: i64) -> String {
    let values = format!("{id}, 3, 2, '2024-01-{:02}', 'leave'", id - 80);
    format!("insert into attendance (id, student_id, course_id, date, status) values ({values})")
}

/// Inserts a row after the next archive is listed, and returns whether the insert succeeded. The service gets the
/// store's response after the insert. An insert that waits for the change can't be told from a slow one, so it has a
/// time limit.
async fn insert_after_the_next_listing(store: &S3, scratch: &Scratch, id: i64) -> JoinHandle<bool> {
    const LIMIT: Duration = Duration::from_millis(400);
    let connection = scratch.another_connection().await;
    let (begin, begun) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let inserting = tokio::spawn(async move {
        begun.await.unwrap();
        let inserted = connection.execute_unprepared(&insert(id)).await.is_ok();
        // The receiver is dropped if the test has stopped waiting and lets the service continue.
        let _ = end.send(());
        inserted
    });
    store.after_the_next_listing(async move {
        begin.send(()).unwrap();
        let _ = tokio::time::timeout(LIMIT, ended).await;
    });
    inserting
}

/// A clear of one table, a restore of that table, and a clear of everything, each with an insert between the safety
/// backup and the change.
async fn nothing_is_lost(engine: Engine, defaults: Defaults) {
    let Some(scratch) = defaults.database(engine).await else {
        return;
    };
    let school = small_school_in(scratch).await;
    let scratch = &school.scratch;
    let store = S3::start().await;
    let service = store.configure(Setup::on(scratch)).start().await;
    let admin = service.admin().await;
    let archive = admin.create_backup().await;
    let rows = scratch.count("attendance").await;

    let is_live = async |id: i64| {
        scratch
            .number(&format!("select count(*) from attendance where id = {id}"))
            .await
            == 1
    };
    let inserting = insert_after_the_next_listing(&store, scratch, 90).await;
    let cleared = admin.clear(&json!({"table": "attendance"})).await.expect(200).json();
    assert_eq!(cleared["removed_total"], rows, "{defaults:?}");
    let inserted = inserting.await.unwrap();
    assert_eq!(is_live(90).await, inserted, "{defaults:?}: a clear");

    for (id, scope) in [(91, json!({"tables": ["attendance"]})), (92, json!("all"))] {
        let inserting = insert_after_the_next_listing(&store, scratch, id).await;
        let body = json!({"mode": "replace", "scope": scope});
        admin.done(admin.restore(&archive, &body).await).await;
        let inserted = inserting.await.unwrap();
        assert_eq!(is_live(id).await, inserted, "{defaults:?}: {body}");
        let others = scratch
            .number(&format!("select count(*) from attendance where id <> {id}"))
            .await;
        assert_eq!(others, rows, "{defaults:?}: {body}");
    }
}

#[on_every_engine]
async fn no_row_is_lost_at_read_uncommitted(engine: Engine) {
    let defaults = Defaults {
        postgres: &[("default_transaction_isolation", "'read uncommitted'")],
        mysql: &[("tx_isolation", "'READ-UNCOMMITTED'")],
    };
    nothing_is_lost(engine, defaults).await;
}

#[on_every_engine]
async fn no_row_is_lost_at_read_committed(engine: Engine) {
    let defaults = Defaults {
        postgres: &[("default_transaction_isolation", "'read committed'")],
        mysql: &[("tx_isolation", "'READ-COMMITTED'")],
    };
    nothing_is_lost(engine, defaults).await;
}

#[on_every_engine]
async fn no_row_is_lost_at_repeatable_read(engine: Engine) {
    let defaults = Defaults {
        postgres: &[("default_transaction_isolation", "'repeatable read'")],
        mysql: &[
            ("tx_isolation", "'REPEATABLE-READ'"),
            ("innodb_snapshot_isolation", "ON"),
        ],
    };
    nothing_is_lost(engine, defaults).await;
}

#[on_every_engine]
async fn no_row_is_lost_at_serializable(engine: Engine) {
    let defaults = Defaults {
        postgres: &[("default_transaction_isolation", "'serializable'")],
        mysql: &[("tx_isolation", "'SERIALIZABLE'")],
    };
    nothing_is_lost(engine, defaults).await;
}
