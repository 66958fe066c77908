//! Destinations: further places to which archives are copied.
//!
//! The store of the settings is the first one: backups are written to it, and it decides which archives there are. Each
//! destination gets a copy of each of them, in the same layout, so that `--archives <url of the destination>` restores from it.
//!
//! **A destination fails no backup.** An archive is copied after it was listed, by the service itself and with low priority. A
//! copy that fails is tried again until it succeeds, with pauses of up to an hour. The [health](crate::health) reports it.
//!
//! **Copied means proven.** An archive is read from the first store and must be what its manifest and its record say. The copy is
//! read back to its end and must be the same; then its manifest is written ([`transfer`]). A copy that is there already is
//! read back as well. Another archive with the same id is never overwritten.
//!
//! **Each copy is made once by several copies of the service.** A row says what becomes of each archive in each destination.
//! A copy of the service claims it for a limited time by a conditional update, and renews the claim while bytes are moving. If
//! it is killed, another one begins again after that time ([`rows`]).
//!
//! **Nothing is deleted because it is absent.** A copy is deleted only if the first store remembers that its archive was deleted,
//! which is asked again at each attempt. If the first store is lost, empty or another one, all copies stay ([`reconcile`],
//! [`runner`]). Nor is a copy deleted once an administrator has said that copies stay.
//!
//! **Secrets** are encrypted in the database with a key that is not there, as those of notifications are. Connections go to no
//! address of the machine itself, and folders must be below those of the settings ([`place`]).
//!
//! In reading order: [`place`] checks where a destination is, and opens it; [`manage`] is for administrators, and [`view`] what
//! they see; [`reconcile`] compares the first store with the copies, [`rows`] writes their states, [`transfer`] makes one
//! copy, and [`runner`] does all that when it is time; [`status`] is for the health, and [`fault`] has the words of failures.

mod fault;
mod manage;
mod place;
mod reconcile;
mod rows;
mod runner;
mod status;
mod transfer;
mod view;

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;

pub use self::manage::{DestinationPatch, DestinationTest, Destinations, NewDestination};
pub(crate) use self::rows::copy_again;
pub use self::runner::CopyRunner;
pub use self::status::DestinationStatus;
pub(crate) use self::status::DestinationStatuses;
pub use self::view::{ArchiveCopy, CopyCounts, DestinationDetails, DestinationPage, RetainedCopy};
pub(crate) use self::view::{copies_of, retained_copies};
pub use crate::entity::archive_copy::CopyState;
use crate::notify::{LocalTargets, SecretsKey};

/// How destinations are reached.
#[derive(Clone, Debug)]
pub struct DestinationSettings {
    /// The folders below which a destination may be. Without one, no destination is a folder.
    pub folders: Vec<PathBuf>,
    /// Whether endpoints may be addresses of the machine itself.
    pub local_targets: LocalTargets,
    /// The key that encrypts secrets. Without it, no secret can be stored or used.
    pub key: Option<SecretsKey>,
    /// How often the first store is compared with the copies, if nothing else is a reason to do so.
    pub interval: TimeDelta,
    /// How long a request to a destination may take with its body; none for the default.
    pub request_timeout: Option<Duration>,
}

impl Default for DestinationSettings {
    fn default() -> Self {
        Self {
            folders: Vec::new(),
            local_targets: LocalTargets::Refused,
            key: None,
            interval: TimeDelta::minutes(10),
            request_timeout: None,
        }
    }
}
