//! Steps a prepared statement through SQLite's C interface.
//!
//! This is the only unsafe code of the crate. The driver returns rows through a channel between threads and copies
//! every value. Reading or writing a whole table that way takes many times as long as the database itself needs. Here
//! the caller's thread steps the statement, reads the values in SQLite's memory, and binds others directly.
//!
//! Why it is sound:
//! - The handle comes from [`LockedSqliteHandle`], which excludes the driver's own thread while it exists.
//!   [`Statement`] borrows it mutably, so there is one user at a time, and the connection stays open.
//! - A prepared statement is finalized exactly once, when it is dropped, before that borrow ends.
//! - [`StatementRow`] borrows the statement mutably, so no value outlives the step that invalidates it.
//! - SQLite copies a bound text before [`Statement::bind`] returns.
//! - SQLite allows any thread to use a connection, one at a time, unless it was built single-threaded. The driver,
//!   which has a thread for each connection, does not work with such a build. So a statement may move between threads.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};
use std::slice;

use libsqlite3_sys as ffi;
use sea_orm::sqlx::sqlite::LockedSqliteHandle;

/// SQLite's error: its extended result code (<https://www.sqlite.org/rescode.html>) and its message.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLite result code {code})")]
pub(crate) struct StatementError {
    pub(crate) code: c_int,
    message: String,
}

impl StatementError {
    /// Whether it is a violation of a unique key or of the primary key.
    pub(crate) fn is_of_a_unique_key(&self) -> bool {
        matches!(
            self.code,
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        )
    }
}

/// A statement that is being run.
pub(crate) struct Statement<'handle> {
    statement: NonNull<ffi::sqlite3_stmt>,
    database: NonNull<ffi::sqlite3>,
    _handle: PhantomData<&'handle mut ()>,
}

// SAFETY: see the head of this file; `&mut self` everywhere makes it one thread at a time.
unsafe impl Send for Statement<'_> {}

impl<'handle> Statement<'handle> {
    pub(crate) fn prepare(handle: &'handle mut LockedSqliteHandle<'_>, sql: &str) -> Result<Self, StatementError> {
        let database = handle.as_raw_handle();
        let mut statement = null_mut();
        let length = c_int::try_from(sql.len()).unwrap_or(c_int::MAX);
        // SAFETY: the handle is open and ours; `sql` is valid for `length` bytes and need not end with NUL when its
        // length is given; `statement` is a valid place for the result.
        let code = unsafe {
            ffi::sqlite3_prepare_v2(
                database.as_ptr(),
                sql.as_ptr().cast(),
                length,
                &mut statement,
                null_mut(),
            )
        };
        match NonNull::new(statement) {
            Some(statement) if code == ffi::SQLITE_OK => Ok(Self {
                statement,
                database,
                _handle: PhantomData,
            }),
            _ => Err(failure(database)),
        }
    }

    /// The next row, or none after the last.
    pub(crate) fn step(&mut self) -> Result<Option<StatementRow<'_>>, StatementError> {
        // SAFETY: the statement was prepared and is not finalized before `self` is dropped.
        match unsafe { ffi::sqlite3_step(self.statement.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(Some(StatementRow {
                statement: self.statement,
                _step: PhantomData,
            })),
            ffi::SQLITE_DONE => Ok(None),
            _ => Err(failure(self.database)),
        }
    }

    /// Binds a value to the parameter at a position, counted from 0. It stays bound until it is replaced.
    pub(crate) fn bind(&mut self, position: usize, value: &BoundValue<'_>) -> Result<(), StatementError> {
        let statement = self.statement.as_ptr();
        // Parameters are counted from 1; one that does not exist is an error of SQLite's.
        let parameter = c_int::try_from(position).unwrap_or(c_int::MAX).saturating_add(1);
        // SAFETY: the statement was prepared and is not finalized; the text or blob is valid for its length and its pointer
        // is never null, and `SQLITE_TRANSIENT` makes SQLite copy it before the call returns.
        let code = unsafe {
            match value {
                BoundValue::Null => ffi::sqlite3_bind_null(statement, parameter),
                BoundValue::Blob(bytes) => ffi::sqlite3_bind_blob64(
                    statement,
                    parameter,
                    bytes.as_ptr().cast(),
                    bytes.len() as u64,
                    ffi::SQLITE_TRANSIENT(),
                ),
                BoundValue::Integer(value) => ffi::sqlite3_bind_int64(statement, parameter, *value),
                BoundValue::Real(value) => ffi::sqlite3_bind_double(statement, parameter, *value),
                BoundValue::Text(text) => ffi::sqlite3_bind_text64(
                    statement,
                    parameter,
                    text.as_ptr().cast(),
                    text.len() as u64,
                    ffi::SQLITE_TRANSIENT(),
                    ffi::SQLITE_UTF8 as u8,
                ),
            }
        };
        match code {
            ffi::SQLITE_OK => Ok(()),
            _ => Err(failure(self.database)),
        }
    }

    /// Runs a statement without result rows to its end, and resets it.
    pub(crate) fn run(&mut self) -> Result<(), StatementError> {
        let ended = loop {
            match self.step() {
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(failure) => break Err(failure),
            }
        };
        self.reset();
        ended
    }

    /// Resets the statement; bound values stay.
    pub(crate) fn reset(&mut self) {
        // SAFETY: the statement was prepared and is not finalized. The result repeats what `step` already reported.
        unsafe { ffi::sqlite3_reset(self.statement.as_ptr()) };
    }
}

/// A value to bind to a parameter.
#[derive(Debug)]
pub(crate) enum BoundValue<'a> {
    Null,
    Integer(i64),
    Real(f64),
    /// UTF-8, unless it was stored otherwise.
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: prepared once, finalized once, and the connection is still open because its handle is borrowed. The
        // result repeats an error that `step` already reported.
        unsafe { ffi::sqlite3_finalize(self.statement.as_ptr()) };
    }
}

/// The current row of a statement.
pub(crate) struct StatementRow<'step> {
    statement: NonNull<ffi::sqlite3_stmt>,
    _step: PhantomData<&'step mut ()>,
}

/// A value as SQLite keeps it. The type belongs to the value, not to its column.
#[derive(Debug, PartialEq)]
pub(crate) enum StatementValue<'step> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'step [u8]),
    Blob(&'step [u8]),
    /// A text or a blob for which SQLite found no memory.
    Unreadable,
}

impl<'step> StatementRow<'step> {
    /// The value at a position, which must be one of the statement's columns; beyond them it is NULL.
    pub(crate) fn value(&self, position: usize) -> StatementValue<'step> {
        let statement = self.statement.as_ptr();
        let column = c_int::try_from(position).unwrap_or(c_int::MAX);
        // SAFETY: the statement is on a row, and SQLite returns NULL for a column out of range. The value is fetched
        // once and then inspected, which is faster than asking for the column each time. SQLite allows that as long as
        // the connection has no other user, and its handle is ours. The text or blob is fetched before its length, as
        // the documentation requires. It is null for an empty blob or without memory, and stays valid until the next
        // step, which `self`'s borrow of the statement rules out.
        unsafe {
            let value = ffi::sqlite3_column_value(statement, column);
            match ffi::sqlite3_value_type(value) {
                ffi::SQLITE_INTEGER => StatementValue::Integer(ffi::sqlite3_value_int64(value)),
                ffi::SQLITE_FLOAT => StatementValue::Real(ffi::sqlite3_value_double(value)),
                ffi::SQLITE_TEXT => {
                    let text = ffi::sqlite3_value_text(value);
                    let length = usize::try_from(ffi::sqlite3_value_bytes(value)).unwrap_or(0);
                    if text.is_null() {
                        StatementValue::Unreadable
                    } else {
                        StatementValue::Text(slice::from_raw_parts(text, length))
                    }
                }
                ffi::SQLITE_BLOB => {
                    let blob = ffi::sqlite3_value_blob(value);
                    match usize::try_from(ffi::sqlite3_value_bytes(value)) {
                        Ok(0) => StatementValue::Blob(&[]),
                        Ok(length) if !blob.is_null() => {
                            StatementValue::Blob(slice::from_raw_parts(blob.cast(), length))
                        }
                        _ => StatementValue::Unreadable,
                    }
                }
                _ => StatementValue::Null,
            }
        }
    }
}

fn failure(database: NonNull<ffi::sqlite3>) -> StatementError {
    // SAFETY: the handle is open; the message is a NUL-terminated string that is valid until the next call on this
    // connection, and it is copied before.
    unsafe {
        StatementError {
            code: ffi::sqlite3_extended_errcode(database.as_ptr()),
            message: CStr::from_ptr(ffi::sqlite3_errmsg(database.as_ptr()))
                .to_string_lossy()
                .into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx::{Connection as _, SqliteConnection};

    use super::*;

    #[tokio::test]
    async fn bad_sql_is_an_error_with_sqlites_message() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let mut handle = connection.lock_handle().await.unwrap();
        let failure = Statement::prepare(&mut handle, "SELECT nonsense").err().unwrap();
        assert_eq!(failure.code, 1);
        assert!(failure.to_string().contains("no such column: nonsense"), "{failure}");
    }

    #[tokio::test]
    async fn empty_sql_is_an_error() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let mut handle = connection.lock_handle().await.unwrap();
        assert!(Statement::prepare(&mut handle, "").is_err());
    }

    #[tokio::test]
    async fn every_type_is_read_and_a_position_out_of_range_is_null() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let mut handle = connection.lock_handle().await.unwrap();
        let sql = "SELECT NULL, -7, 0.5, 'a' || char(0) || 'ö', '', x'00', x'' UNION ALL SELECT 1, 2, 3, 4, 5, 6, 7";
        let mut statement = Statement::prepare(&mut handle, sql).unwrap();
        let row = statement.step().unwrap().unwrap();
        assert_eq!(row.value(0), StatementValue::Null);
        assert_eq!(row.value(1), StatementValue::Integer(-7));
        assert_eq!(row.value(2), StatementValue::Real(0.5));
        assert_eq!(row.value(3), StatementValue::Text("a\0ö".as_bytes()));
        assert_eq!(row.value(4), StatementValue::Text(b""));
        assert_eq!(row.value(5), StatementValue::Blob(b"\0"));
        assert_eq!(row.value(6), StatementValue::Blob(b""));
        assert_eq!(row.value(99), StatementValue::Null);
        assert_eq!(statement.step().unwrap().unwrap().value(5), StatementValue::Integer(6));
        assert!(statement.step().unwrap().is_none());
    }

    #[tokio::test]
    async fn connection_works_after_an_unfinished_statement() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        {
            let mut handle = connection.lock_handle().await.unwrap();
            let mut statement = Statement::prepare(&mut handle, "VALUES (1), (2)").unwrap();
            assert!(statement.step().unwrap().is_some());
        }
        sea_orm::sqlx::query("CREATE TABLE t (x)")
            .execute(&mut connection)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn bound_values_are_inserted_unchanged() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let create = "CREATE TABLE t (a, b, c, d CHECK (d IS NULL OR length(d) < 5))";
        sea_orm::sqlx::query(create).execute(&mut connection).await.unwrap();
        let mut handle = connection.lock_handle().await.unwrap();
        let mut insert = Statement::prepare(&mut handle, "INSERT INTO t VALUES (?, ?, ?, ?)").unwrap();
        for text in ["", "aöb"] {
            let row = [
                BoundValue::Null,
                BoundValue::Integer(i64::MIN),
                BoundValue::Real(-0.5),
                BoundValue::Text(text.as_bytes()),
            ];
            for (position, value) in row.iter().enumerate() {
                insert.bind(position, value).unwrap();
            }
            insert.run().unwrap();
        }
        insert.bind(3, &BoundValue::Text(b"too long")).unwrap();
        assert!(
            insert
                .run()
                .unwrap_err()
                .to_string()
                .contains("CHECK constraint failed")
        );
        insert.bind(3, &BoundValue::Null).unwrap();
        insert.run().unwrap();
        assert!(
            insert.bind(4, &BoundValue::Null).is_err(),
            "there is no fifth parameter"
        );
        drop(insert);
        let mut read = Statement::prepare(&mut handle, "SELECT * FROM t").unwrap();
        for text in [
            StatementValue::Text(b""),
            StatementValue::Text("aöb".as_bytes()),
            StatementValue::Null,
        ] {
            let row = read.step().unwrap().unwrap();
            assert_eq!(row.value(0), StatementValue::Null);
            assert_eq!(row.value(1), StatementValue::Integer(i64::MIN));
            assert_eq!(row.value(2), StatementValue::Real(-0.5));
            assert_eq!(row.value(3), text);
        }
        assert!(read.step().unwrap().is_none());
    }
}
