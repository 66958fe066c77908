//! Events that wait for the write lock of an SQLite database.
//!
//! On SQLite a clear or a restore has the only write lock for as long as it takes. Downloads and sign-ins still work then, because
//! reading needs no lock. Their events are written to a file beside the database, and are on the disk before anything is
//! disclosed. When the lock is free, they are appended to the chain, and the file is emptied.
//!
//! A lock of the file keeps processes apart. If the service ends between the commit and the emptying, the file still has events
//! that are in the chain. A setting has the id of the last one of them, so none is appended twice.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::AuditEntry;
use super::append::{append_event, draft};
use crate::account::System;
use crate::database::Database;
use crate::disk::open_own;
use crate::entity::audit_event;
use crate::error::{Error, Result};
use crate::{stats, stored_setting};

/// What is being done, for errors.
const DEFERRING: &str = "writing an event of the audit to a file beside the database";
const APPENDING: &str = "appending deferred events to the audit";

/// The setting with the id of the last deferred event that was appended.
const LAST_APPENDED: &str = "audit_deferred";

/// One line of the file. A [pending](super::pending) event has the same form.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeferredEvent {
    /// Its own id, because the event gets one only in the chain.
    pub(super) id: String,
    pub(super) event: audit_event::Model,
}

impl From<audit_event::Model> for DeferredEvent {
    fn from(event: audit_event::Model) -> Self {
        Self {
            id: Uuid::now_v7().to_string(),
            event,
        }
    }
}

/// Writes an event to the file, and waits until it is on the disk.
pub(super) async fn defer(path: PathBuf, entry: &AuditEntry) -> Result<()> {
    let event = DeferredEvent::from(draft(entry, stats::now()));
    let mut line = serde_json::to_vec(&event).map_err(Error::internal(DEFERRING))?;
    line.push(b'\n');
    let written = tokio::task::spawn_blocking(move || {
        let mut file = open_locked(&path)?;
        append_line(&mut file, &line)
    });
    let written = written.await.map_err(Error::internal(DEFERRING))?;
    written.map_err(Error::io(DEFERRING))
}

/// Appends a line, and waits until it is on the disk. If that fails, the file has its former end again, so that the next line is
/// not joined with half of this one.
fn append_line(file: &mut File, line: &[u8]) -> std::io::Result<()> {
    let end = file.seek(SeekFrom::End(0))?;
    let written = (|| {
        if end > 0 && !ends_with_line_feed(file, end)? {
            file.write_all(b"\n")?;
        }
        file.write_all(line)?;
        file.sync_data()
    })();
    if written.is_err() {
        // If this fails as well, the next line begins with a line feed.
        let _ = file.set_len(end);
    }
    written
}

/// Whether a line was written to its end. The position is the end of the file afterwards.
fn ends_with_line_feed(file: &mut File, end: u64) -> std::io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::Start(end - 1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Appends the deferred events to the chain, if there are any and the write lock is free.
pub(super) async fn append_deferred(database: &Database) -> Result<()> {
    let Some(path) = database.audit_file().filter(|path| has_events(path)) else {
        return Ok(());
    };
    let Some(transaction) = database.try_begin_write(APPENDING).await? else {
        return Ok(());
    };
    let read = tokio::task::spawn_blocking(move || {
        let mut file = open_locked(&path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let (events, unreadable) = events_of(&text);
        if !unreadable.is_empty() {
            keep_unreadable(&path, &unreadable)?;
        }
        Ok((file, events))
    });
    let read: std::io::Result<(File, Vec<DeferredEvent>)> = read.await.map_err(Error::internal(APPENDING))?;
    let (file, events) = read.map_err(Error::io(APPENDING))?;
    append_all(transaction, events).await?;
    file.set_len(0)
        .and_then(|()| file.sync_data())
        .map_err(Error::io(APPENDING))
}

async fn append_all(transaction: DatabaseTransaction, events: Vec<DeferredEvent>) -> Result<()> {
    let last = stored_setting::read(&transaction, LAST_APPENDED, APPENDING).await?;
    let last = last.map(|row| row.value);
    let appended = events.iter().position(|event| Some(&event.id) == last.as_ref());
    let mut newest = None;
    for DeferredEvent { id, event } in events.into_iter().skip(appended.map_or(0, |position| position + 1)) {
        newest = Some(id);
        let at = event.at;
        append_event(&transaction, event, Some(at)).await?;
    }
    if let Some(newest) = newest {
        let row = stored_setting::row(LAST_APPENDED, newest, stats::now(), System::NAME);
        stored_setting::replace(&transaction, row, APPENDING).await?;
    }
    transaction.commit().await.map_err(Error::database(APPENDING))
}

/// The events of the file, and the lines that can't be read. A line that was not written to its end was never answered.
fn events_of(text: &[u8]) -> (Vec<DeferredEvent>, Vec<&[u8]>) {
    let (mut events, mut unreadable) = (Vec::new(), Vec::new());
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(event) => events.push(event),
            Err(_) => unreadable.push(line),
        }
    }
    (events, unreadable)
}

/// Keeps lines that can't be read in a file of their own, as evidence.
fn keep_unreadable(path: &Path, lines: &[&[u8]]) -> std::io::Result<()> {
    let mut kept = path.as_os_str().to_owned();
    kept.push("-unreadable");
    let mut file = open_locked(Path::new(&kept))?;
    for line in lines {
        append_line(&mut file, &[line, &b"\n"[..]].concat())?;
    }
    tracing::error!(
        lines = lines.len(),
        file = %Path::new(&kept).display(),
        "deferred events of the audit can't be read, and are kept in a file"
    );
    Ok(())
}

pub(super) fn has_events(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

/// Opens the file, and waits for its lock, which ends when the file is closed. A symbolic link is not opened.
fn open_locked(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = match open_own(&mut options, path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let file = open_own(options.create(true).truncate(false), path)?;
            // After a power failure, the name must be there as well as the content.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
            file
        }
        opened => opened?,
    };
    file.lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::super::{Audit, AuditActor, AuditEvent};
    use super::*;
    use crate::account::Admin;
    use crate::sample::School;

    #[tokio::test(flavor = "multi_thread")]
    async fn events_during_a_long_write_are_appended_once_after_it() {
        let school = School::empty().await;
        let database = &school.database;
        let audit = Audit::new(database.clone(), None);
        let record = async |subject: &str| {
            let entry = AuditEntry::new(AuditActor::service(), AuditEvent::Download).about(subject);
            audit.record(entry).await.unwrap();
        };
        let events = async || audit.verify(&Admin::for_tests(), None).await.unwrap();
        let before = events().await.events;
        let writer = database.begin_write("testing").await.unwrap();
        record("first").await;
        record("second").await;
        assert_eq!(events().await.events, before);
        let path = database.audit_file().unwrap();
        let deferred = std::fs::read(&path).unwrap();
        writer.rollback().await.unwrap();
        append_deferred(database).await.unwrap();
        let after = events().await;
        assert!(after.ok && after.events == before + 2, "{after:?}");
        // As if the service had ended before it emptied the file.
        std::fs::write(&path, deferred).unwrap();
        append_deferred(database).await.unwrap();
        assert_eq!(events().await.events, before + 2);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }

    #[test]
    fn line_that_was_cut_is_kept_apart_and_loses_no_other() {
        let line = || {
            let entry = AuditEntry::new(AuditActor::service(), AuditEvent::Download);
            let mut line = serde_json::to_vec(&DeferredEvent::from(draft(&entry, stats::now()))).unwrap();
            line.push(b'\n');
            line
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let cut = [&line()[..], &line()[..20]].concat();
        std::fs::write(&path, &cut).unwrap();
        append_line(&mut open_locked(&path).unwrap(), &line()).unwrap();
        let text = std::fs::read(&path).unwrap();
        let (events, unreadable) = events_of(&text);
        assert_eq!((events.len(), unreadable.len()), (2, 1));
        keep_unreadable(&path, &unreadable).unwrap();
        let kept = std::fs::read(folder.path().join("audit-unreadable")).unwrap();
        assert_eq!(kept, [unreadable[0], &b"\n"[..]].concat());
    }

    #[test]
    fn symbolic_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("audit"), folder.path().join("other"));
        std::fs::write(&other, "").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        open_locked(&path).unwrap_err();
    }
}
