//! What stores say, sorted into what an administrator can do: make room, or see to it that the store can be reached.

use std::error::Error as StdError;
use std::io;

use super::entry::EntryFault;
use crate::error::{Error, is_full};

/// What a store says while `doing` something. That an object is not there is for the caller to look for first: what is not
/// found then is the bucket or container itself.
pub(super) fn store(doing: &'static str) -> impl FnOnce(object_store::Error) -> Error {
    move |source| match is_missing(&source) {
        true => Error::StoreMisconfigured {
            doing,
            source: Box::new(source),
        },
        false => sorted(doing, Box::new(source)),
    }
}

fn is_missing(error: &object_store::Error) -> bool {
    match error {
        object_store::Error::NotFound { .. } => true,
        // The library does not sort what is said to a listing, and its type has no name outside.
        other => other.to_string().contains("status code: 404 Not Found"),
    }
}

/// What the system says of a folder. What went through a `Read` or `Write` of ours is what it was before.
pub(super) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| match Error::carried(source) {
        Ok(error) => error,
        Err(source) => sorted(doing, Box::new(source)),
    }
}

/// What the system says of one archive in a folder.
pub(super) fn entry(id: &str, doing: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| match EntryFault::of(&source) {
        Some(fault) if !is_full(&source) => Error::ArchiveUnreadable {
            id: id.to_owned(),
            fault,
            source: Box::new(source),
        },
        _ => io(doing)(source),
    }
}

/// What is wrong with one object of a remote store, if the store has answered and refuses it alone.
pub(super) fn of_one(error: &Error) -> Option<EntryFault> {
    match error {
        Error::ArchiveUnreadable { fault, .. } => Some(*fault),
        Error::StoreUnavailable { source, .. } => match source.downcast_ref()? {
            object_store::Error::PermissionDenied { .. } => Some(EntryFault::AccessDenied),
            // Its type has no name outside. Such as an object with a key of its own, which has to be sent with the request.
            other => other
                .to_string()
                .contains("status code: 400 Bad Request")
                .then_some(EntryFault::ReadError),
        },
        _ => None,
    }
}

fn sorted(doing: &'static str, source: Box<dyn StdError + Send + Sync>) -> Error {
    let chain = || std::iter::successors(Some(&*source as &(dyn StdError + 'static)), |&error| error.source());
    let is_full = chain().any(|error| {
        error.downcast_ref::<io::Error>().is_some_and(is_full)
            // Its type has no name outside: 507 is what such servers answer.
            || error.to_string().contains("507 Insufficient Storage")
    });
    match is_full {
        true => Error::NoRoom { doing, source },
        false => Error::StoreUnavailable { doing, source },
    }
}
