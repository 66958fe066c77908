//! Classifies errors of stores by what an administrator can do: correct the settings, free space, or make the store
//! reachable.

use std::error::Error as StdError;
use std::io;

use super::entry::EntryFault;
use crate::error::{Error, is_full};

/// A fault in the settings of a store, or in the rights that it grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// The bucket or container does not exist.
    NoBucket,
    /// The endpoint is not a storage of this kind.
    WrongEndpoint,
    /// The credentials are not accepted.
    WrongCredentials,
    /// The credentials are accepted and lack a right.
    AccessDenied,
    /// The bucket is in another region.
    WrongRegion,
    /// The clock of this machine differs too much from that of the store.
    ClockSkew,
}

impl StoreFault {
    /// The problem and its remedy, as sentences.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::NoBucket => "There is no such bucket or container. Make it, or correct its name.",
            Self::WrongEndpoint => {
                "The server at the endpoint is not a storage of this kind. Correct AWS_ENDPOINT: the address of the storage's API, \
                 not that of its web page."
            }
            Self::WrongCredentials => {
                "The store does not accept the credentials. Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or those of \
                 your provider."
            }
            Self::AccessDenied => {
                "The credentials lack a right on the bucket. Reading, writing, listing and deleting are needed: s3:GetObject, \
                 s3:PutObject, s3:DeleteObject, s3:ListBucket and s3:AbortMultipartUpload."
            }
            Self::WrongRegion => "The bucket is in another region. Set AWS_REGION to that of the bucket.",
            Self::ClockSkew => {
                "The clock of this machine differs too much from that of the store. Let it be set by NTP, such as with \
                 `timedatectl set-ntp true`."
            }
        }
    }

    /// Whether it may resolve without a change of the settings.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::ClockSkew)
    }

    /// Classifies an error; none if it may be an outage.
    fn of(error: &object_store::Error) -> Option<Self> {
        let said = error.to_string();
        match code_in(&said) {
            Some("NoSuchBucket" | "ContainerNotFound" | "InvalidBucketName") => return Some(Self::NoBucket),
            Some(
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "AuthenticationFailed"
                | "InvalidToken"
                | "ExpiredToken"
                | "InvalidSecurity",
            ) => return Some(Self::WrongCredentials),
            Some(
                "PermanentRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException"
                | "TemporaryRedirect",
            ) => return Some(Self::WrongRegion),
            Some("RequestTimeTooSkewed") => return Some(Self::ClockSkew),
            // These concern one object or one upload.
            Some("NoSuchKey" | "NoSuchUpload" | "BlobNotFound") => return None,
            _ => {}
        }
        match error {
            object_store::Error::PermissionDenied { .. } => return Some(Self::AccessDenied),
            object_store::Error::Unauthenticated { .. } => return Some(Self::WrongCredentials),
            _ => {}
        }
        if said.contains("redirect without LOCATION") {
            return Some(Self::WrongRegion);
        }
        let is_status = |status| said.contains(&format!("status code: {status}"));
        // A response without a body is the one to a request for properties, or to a listing.
        if is_status("404") && !has_body(&said) {
            return Some(Self::NoBucket);
        }
        let is_page = has_body(&said) && code_in(&said).is_none();
        let is_no_api = is_status("405") || said.contains("invalid list response") || (is_status("404") && is_page);
        is_no_api.then_some(Self::WrongEndpoint)
    }
}

/// The error code in the response's document. The library does not provide it, and its type is not public.
fn code_in(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

/// Whether the response has more than a status.
fn has_body(said: &str) -> bool {
    said.split_once("status code: ")
        .and_then(|(_, rest)| rest.split_once(": "))
        .is_some_and(|(_, body)| !body.trim().is_empty())
}

/// Converts an error of remote storage. The caller handles missing objects first.
pub(super) fn store(doing: &'static str) -> impl FnOnce(object_store::Error) -> Error {
    move |source| match StoreFault::of(&source) {
        Some(fault) => Error::StoreMisconfigured {
            doing,
            fault,
            source: Box::new(source),
        },
        None => sorted(doing, Box::new(source)),
    }
}

/// Whether the store does not support the request, such as a conditional write.
pub(super) fn is_not_implemented(error: &object_store::Error) -> bool {
    let said = || error.to_string();
    matches!(error, object_store::Error::NotImplemented { .. })
        || said().contains("status code: 501")
        || code_in(&said()) == Some("NotImplemented")
}

/// Converts an I/O error of a folder. An error that passed through one of our `Read` or `Write` types is unwrapped.
pub(super) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| match Error::carried(source) {
        Ok(error) => error,
        Err(source) => sorted(doing, Box::new(source)),
    }
}

/// Converts an I/O error of one archive in a folder.
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

/// Codes of storage that keeps an object for some time, whatever the rights of the client.
const IMMUTABLE: [&str; 4] = [
    "BlobImmutableDueToPolicy",
    "FileImmutable",
    "ObjectLocked",
    "ObjectUnderRetention",
];

/// Whether a deletion was refused for good, and not because of an outage: the object is locked, the client lacks the right, or
/// the folder does not permit it.
pub(crate) fn is_refusal(error: &Error) -> bool {
    match error {
        Error::StoreMisconfigured {
            fault: StoreFault::AccessDenied,
            ..
        }
        | Error::ArchiveUnreadable {
            fault: EntryFault::AccessDenied,
            ..
        } => true,
        Error::StoreUnavailable { source, .. } => {
            let is_of_folder = source
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
            let is_of_remote = source
                .downcast_ref::<object_store::Error>()
                .is_some_and(|error| code_in(&error.to_string()).is_some_and(|code| IMMUTABLE.contains(&code)));
            is_of_folder || is_of_remote
        }
        _ => false,
    }
}

/// The fault of one object of remote storage, if the store refuses only that object.
pub(super) fn of_one(error: &Error) -> Option<EntryFault> {
    match error {
        Error::ArchiveUnreadable { fault, .. } => Some(*fault),
        Error::StoreMisconfigured {
            fault: StoreFault::AccessDenied,
            ..
        } => Some(EntryFault::AccessDenied),
        // The type is not public. An example is an object with its own key, which the request has to contain.
        Error::StoreUnavailable { source, .. } => source
            .downcast_ref::<object_store::Error>()?
            .to_string()
            .contains("status code: 400 Bad Request")
            .then_some(EntryFault::ReadError),
        _ => None,
    }
}

fn sorted(doing: &'static str, source: Box<dyn StdError + Send + Sync>) -> Error {
    let chain = || std::iter::successors(Some(&*source as &(dyn StdError + 'static)), |&error| error.source());
    let is_full = chain().any(|error| {
        error.downcast_ref::<io::Error>().is_some_and(is_full)
            // The type is not public: such servers answer 507.
            || error.to_string().contains("507 Insufficient Storage")
    });
    match is_full {
        true => Error::InsufficientStorage { doing, source },
        false => Error::StoreUnavailable { doing, source },
    }
}
