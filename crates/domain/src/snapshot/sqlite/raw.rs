//! Stepping a prepared statement through SQLite's own interface.
//!
//! The only unsafe code of the crate. The driver answers row by row through a channel between threads and copies every
//! value on the way; reading a whole table that way takes longer than the database needs for it many times over. Here
//! the caller's thread steps the statement itself and looks at the values where SQLite keeps them.
//!
//! What makes it sound:
//! - The handle comes from [`LockedSqliteHandle`], which keeps the driver's own thread from the connection for as long
//!   as it lives; [`Statement`] borrows it mutably, so there is one user at a time and the connection stays open.
//! - A prepared statement is finalized exactly once, when it is dropped, before that borrow ends.
//! - [`Row`] borrows the statement mutably, so no value outlives the step that invalidates it.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};
use std::slice;

use libsqlite3_sys as ffi;
use sea_orm::sqlx::sqlite::LockedSqliteHandle;

/// What SQLite said: its extended result code (<https://www.sqlite.org/rescode.html>) and its message.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLite result code {code})")]
pub(super) struct Failure {
    pub(super) code: c_int,
    message: String,
}

/// A statement that is being run.
pub(super) struct Statement<'handle> {
    statement: NonNull<ffi::sqlite3_stmt>,
    database: NonNull<ffi::sqlite3>,
    _handle: PhantomData<&'handle mut ()>,
}

impl<'handle> Statement<'handle> {
    pub(super) fn prepare(handle: &'handle mut LockedSqliteHandle<'_>, sql: &str) -> Result<Self, Failure> {
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
    pub(super) fn step(&mut self) -> Result<Option<Row<'_>>, Failure> {
        // SAFETY: the statement was prepared and is not finalized before `self` is dropped.
        match unsafe { ffi::sqlite3_step(self.statement.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(Some(Row {
                statement: self.statement,
                _step: PhantomData,
            })),
            ffi::SQLITE_DONE => Ok(None),
            _ => Err(failure(self.database)),
        }
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: prepared once, finalized once, and the connection is still open because its handle is borrowed. The
        // result repeats an error that `step` already reported.
        unsafe { ffi::sqlite3_finalize(self.statement.as_ptr()) };
    }
}

/// The row that a statement stands on.
pub(super) struct Row<'step> {
    statement: NonNull<ffi::sqlite3_stmt>,
    _step: PhantomData<&'step mut ()>,
}

/// A value as SQLite keeps it. The type belongs to the value, not to its column.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'step> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'step [u8]),
    Blob,
    /// A text for which SQLite found no memory.
    Unreadable,
}

impl Row<'_> {
    /// The value at a position, which must be one of the statement's columns; beyond them it is NULL.
    pub(super) fn value(&self, position: usize) -> Value<'_> {
        let statement = self.statement.as_ptr();
        let column = c_int::try_from(position).unwrap_or(c_int::MAX);
        // SAFETY: the statement stands on a row, and SQLite answers NULL for a column out of range. The text is asked
        // for before its length, as its documentation demands, and stays valid until the next step, which `self`'s
        // borrow of the statement rules out.
        unsafe {
            match ffi::sqlite3_column_type(statement, column) {
                ffi::SQLITE_INTEGER => Value::Integer(ffi::sqlite3_column_int64(statement, column)),
                ffi::SQLITE_FLOAT => Value::Real(ffi::sqlite3_column_double(statement, column)),
                ffi::SQLITE_TEXT => {
                    let text = ffi::sqlite3_column_text(statement, column);
                    let length = usize::try_from(ffi::sqlite3_column_bytes(statement, column)).unwrap_or(0);
                    if text.is_null() {
                        Value::Unreadable
                    } else {
                        Value::Text(slice::from_raw_parts(text, length))
                    }
                }
                ffi::SQLITE_BLOB => Value::Blob,
                _ => Value::Null,
            }
        }
    }
}

fn failure(database: NonNull<ffi::sqlite3>) -> Failure {
    // SAFETY: the handle is open; the message is a NUL-terminated string that is valid until the next call on this
    // connection, and it is copied before.
    unsafe {
        Failure {
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
    async fn nothing_to_run_is_an_error_and_no_null_pointer() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let mut handle = connection.lock_handle().await.unwrap();
        assert!(Statement::prepare(&mut handle, "").is_err());
    }

    #[tokio::test]
    async fn every_type_is_read_and_a_position_out_of_range_is_null() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let mut handle = connection.lock_handle().await.unwrap();
        let sql = "SELECT NULL, -7, 0.5, 'a' || char(0) || 'ö', '', x'00' UNION ALL SELECT 1, 2, 3, 4, 5, 6";
        let mut statement = Statement::prepare(&mut handle, sql).unwrap();
        let row = statement.step().unwrap().unwrap();
        assert_eq!(row.value(0), Value::Null);
        assert_eq!(row.value(1), Value::Integer(-7));
        assert_eq!(row.value(2), Value::Real(0.5));
        assert_eq!(row.value(3), Value::Text("a\0ö".as_bytes()));
        assert_eq!(row.value(4), Value::Text(b""));
        assert_eq!(row.value(5), Value::Blob);
        assert_eq!(row.value(99), Value::Null);
        assert_eq!(statement.step().unwrap().unwrap().value(5), Value::Integer(6));
        assert!(statement.step().unwrap().is_none());
    }

    #[tokio::test]
    async fn the_connection_goes_on_after_a_statement_that_was_left_midway() {
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
}
