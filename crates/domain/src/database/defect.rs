//! What can be wrong with a database that an administrator has to mend.

use std::fmt;

/// One thing that is wrong, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// What kind of thing, for programs.
    pub reason: DefectReason,
    /// What is wrong, and which statement or setting mends it, as sentences.
    pub detail: String,
}

/// What kind of thing is wrong with a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefectReason {
    /// It can't be reached, or the server does not accept the sign-in.
    Unreachable,
    /// It can't hold every text.
    Encoding,
    /// The role of the service lacks a right.
    MissingRights,
    /// It is a standby server, which repeats what another one does.
    Standby,
    /// It takes no writes.
    ReadOnly,
    /// A connection pooler gives a session's statements to different sessions of the server.
    TransactionPooling,
    /// Its file lies on a disk that can't lock.
    NoLocking,
    /// Its disk is almost full.
    LittleRoom,
}

impl Defect {
    pub(super) fn new(reason: DefectReason, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { reason, detail }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl DefectReason {
    /// A stable word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Encoding => "encoding",
            Self::MissingRights => "missing_rights",
            Self::Standby => "standby",
            Self::ReadOnly => "read_only",
            Self::TransactionPooling => "transaction_pooling",
            Self::NoLocking => "no_locking",
            Self::LittleRoom => "little_room",
        }
    }

    /// Whether it may end without a change of the settings or of the database, as after a failover.
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Unreachable | Self::Standby | Self::ReadOnly | Self::LittleRoom => true,
            Self::Encoding | Self::MissingRights | Self::TransactionPooling | Self::NoLocking => false,
        }
    }
}
