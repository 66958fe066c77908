//! Events that wait in the memory while nothing can be written, because a disk is full or the database is read-only.
//!
//! Downloads still work then: on such a day a school may need its data most. Their events are in the log at once, and are
//! appended to the chain when writing works again. If the service ends before that, only the log has them.

use crate::database::{Database, Engine};
use crate::entity::audit_event;
use crate::error::{Error, Result};

use super::append::append_event;

/// How many events wait at most. Beyond that, operations that need an event are refused.
const MAX_UNWRITTEN: usize = 10_000;

const APPENDING: &str = "appending events that could not be written to the audit";

/// Keeps an event in the memory, if its error says that nothing can be written now.
///
/// # Errors
/// The error, if it has another reason, or if too many events wait.
pub(super) fn hold(database: &Database, event: audit_event::Model, error: Error) -> Result<()> {
    let can_write_later = match error {
        Error::InsufficientStorage { .. } | Error::DatabaseReadOnly { .. } => true,
        // A file that can't be extended. A server may have committed the event, and only its answer was lost.
        Error::DatabaseUnavailable { .. } => database.engine() == Engine::Sqlite,
        _ => false,
    };
    let mut events = database.unwritten_events();
    if !can_write_later || events.len() >= MAX_UNWRITTEN {
        return Err(error);
    }
    tracing::error!(
        %error,
        event = event.event,
        user = event.username,
        waiting = events.len() + 1,
        "an event can't be written to the audit, and waits in the memory"
    );
    events.push_back(event);
    Ok(())
}

/// Appends the events that wait, if there are any.
///
/// # Errors
/// Database errors. Then the remaining events wait on.
pub(super) async fn append_unwritten(database: &Database) -> Result<()> {
    loop {
        let Some(event) = database.unwritten_events().front().cloned() else {
            return Ok(());
        };
        let at = event.at;
        let transaction = database.begin_write(APPENDING).await?;
        append_event(&transaction, event, Some(at)).await?;
        transaction.commit().await.map_err(Error::database(APPENDING))?;
        database.unwritten_events().pop_front();
    }
}
