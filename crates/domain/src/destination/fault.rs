//! Why a copy was not made or deleted, in words for administrators.

use crate::error::Error;
use crate::notify::causes;
use crate::store::StoreFault;

/// The most characters of a text that is stored and shown.
const MAX_DETAIL: usize = 1_000;

/// Why a copy was not made or deleted.
#[derive(Debug)]
pub(super) enum CopyFailure {
    /// The service is stopping, or lost its claim. Nothing is known about the destination.
    Interrupted,
    /// The first store does not answer.
    FirstStore(String),
    /// The destination as a whole: no archive can be copied to it now.
    Destination(String),
    /// This archive alone.
    Archive(String),
    /// The destination refuses to delete it.
    Retained(String),
}

impl CopyFailure {
    /// An error of the archive in the first store, or of that store.
    pub(super) fn of_first_store(error: &Error) -> Self {
        match error {
            Error::StoreUnavailable { .. } | Error::StoreMisconfigured { .. } => {
                Self::FirstStore(detail(&format!("The first store can't be read: {}.", causes(error))))
            }
            error => Self::Archive(detail(&format!(
                "The archive can't be read from the first store: {error}."
            ))),
        }
    }

    /// An error of the destination.
    pub(super) fn of_destination(error: &Error) -> Self {
        match error {
            Error::ArchiveRetained { source, .. } => Self::Retained(detail(&format!(
                "The destination refuses to delete it: {}.",
                causes(source.as_ref())
            ))),
            Error::ArchiveUnreadable { .. }
            | Error::ManifestUnreadable { .. }
            | Error::ArchiveIncomplete { .. }
            | Error::ArchiveNotFound { .. }
            | Error::ArchiveGone { .. } => Self::Archive(detail(&format!("In the destination: {error}."))),
            Error::Stopping | Error::Gone => Self::Interrupted,
            error => Self::Destination(explained(error)),
        }
    }
}

/// What is wrong with a destination, as sentences.
pub(super) fn explained(error: &Error) -> String {
    detail(&match error {
        Error::InsufficientStorage { .. } => {
            "The destination is full. Make room in it, or choose a larger one.".to_owned()
        }
        Error::StoreMisconfigured { fault, .. } => of_settings(*fault).to_owned(),
        Error::StoreUnavailable { source, .. } => {
            format!("The destination can't be reached or used: {}.", causes(source.as_ref()))
        }
        Error::Invalid { field, problem } => format!("A setting of the destination is not valid: `{field}` {problem}."),
        error => format!("The destination can't be used: {}.", causes(error)),
    })
}

/// A fault in the settings of a destination, or in the rights that it grants.
const fn of_settings(fault: StoreFault) -> &'static str {
    match fault {
        StoreFault::NoBucket => "There is no such bucket or container. Make it, or correct its name in the URL.",
        StoreFault::WrongEndpoint => {
            "The server at the endpoint is not a storage of this kind. Enter the address of the storage's API, not that of its \
             web page."
        }
        StoreFault::WrongCredentials => "The destination does not accept the credentials. Enter them again.",
        StoreFault::AccessDenied => {
            // Storage does not always say which.
            "The credentials are wrong, or lack a right on the bucket. Reading, writing and listing are needed: s3:GetObject, \
             s3:PutObject, s3:ListBucket and s3:AbortMultipartUpload; and s3:DeleteObject, unless copies must stay."
        }
        StoreFault::WrongRegion => "The bucket is in another region. Correct the region of the destination.",
        StoreFault::ClockSkew => fault.detail(),
    }
}

/// A text as the database can hold it, without line breaks.
pub(super) fn detail(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(MAX_DETAIL)
        .collect()
}
