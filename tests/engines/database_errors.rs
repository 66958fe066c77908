//! An error that the server decides on, such as a missing right, has an error class of its own: it is not an outage,
//! and does not pass by itself.

use campus_backup_domain::Error;
use sea_orm::{ConnectionTrait as _, DbErr, TransactionTrait as _};

use harness::{Engine, Scratch, on_every_engine};

/// The service's error for the first of these statements that fails, on one connection.
async fn refused(scratch: &Scratch, statements: &[&str]) -> Error {
    let connection = scratch.another_connection().await;
    let mut last: Result<(), DbErr> = Ok(());
    for statement in statements {
        last = connection.execute_unprepared(statement).await.map(drop);
    }
    Error::database("testing")(last.expect_err("the last statement is refused"))
}

#[on_every_engine]
async fn write_to_a_read_only_database_is_reported(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    let begin = match engine {
        Engine::Sqlite => "pragma query_only = on",
        Engine::Postgres | Engine::Mysql => "start transaction read only",
    };
    let error = refused(&scratch, &[begin, "delete from students"]).await;
    assert!(matches!(error, Error::DatabaseReadOnly { .. }), "{error:?}");
}

#[on_every_engine]
async fn statement_stopped_by_its_time_limit_names_the_limit(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    let (statements, limit): (&[&str], _) = match engine {
        Engine::Sqlite => return,
        Engine::Postgres => (
            &["set statement_timeout = 50", "select pg_sleep(30)"],
            "statement_timeout",
        ),
        Engine::Mysql => (
            &["set max_statement_time = 0.05", "select sleep(30)"],
            "max_statement_time",
        ),
    };
    let error = refused(&scratch, statements).await;
    assert!(matches!(error, Error::DatabaseLimit { .. }), "{error:?}");
    assert!(error.to_string().contains(limit), "{error}");
}

#[on_every_engine]
async fn idle_transaction_ended_by_the_server_names_the_limit(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    if engine != Engine::Postgres {
        return;
    }
    let transaction = scratch.another_connection().await.begin().await.unwrap();
    let limited = transaction
        .execute_unprepared("set idle_in_transaction_session_timeout = 50")
        .await;
    limited.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let error = transaction.execute_unprepared("select 1").await;
    let error = Error::database("testing")(error.expect_err("the session was ended"));
    assert!(matches!(error, Error::DatabaseLimit { .. }), "{error:?}");
}
