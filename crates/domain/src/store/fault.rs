//! What stores say, sorted into what an administrator can do: make room, or see to it that the store can be reached.

use std::error::Error as StdError;
use std::io;

use crate::error::{Error, is_full};

/// What a store says while `doing` something. "Not found" is for the caller to look for first.
pub(super) fn store(doing: &'static str) -> impl FnOnce(object_store::Error) -> Error {
    move |source| sorted(doing, Box::new(source))
}

/// What the system says of a folder. What went through a `Read` or `Write` of ours is what it was before.
pub(super) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| match Error::carried(source) {
        Ok(error) => error,
        Err(source) => sorted(doing, Box::new(source)),
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
