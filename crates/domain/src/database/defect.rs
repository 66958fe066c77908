//! Defects of a database that an administrator must correct.

use std::fmt;

/// A defect and its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The kind of defect, for programs.
    pub reason: DefectReason,
    /// The problem, and the statement or setting that corrects it, as sentences.
    pub detail: String,
}

/// The kind of a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefectReason {
    /// It can't be reached, or the server does not accept the sign-in.
    Unreachable,
    /// Its encoding can't hold every text.
    Encoding,
    /// The role of the service lacks a right.
    MissingRights,
    /// It is a standby server.
    Standby,
    /// It takes no writes.
    ReadOnly,
    /// A connection pooler distributes the statements of one session over several sessions of the server.
    TransactionPooling,
    /// The disk of its file does not support locks.
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
    /// A stable code for programs.
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

    /// Whether it may resolve without a change of the settings or of the database, as after a failover.
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Unreachable | Self::Standby | Self::ReadOnly | Self::LittleRoom => true,
            Self::Encoding | Self::MissingRights | Self::TransactionPooling | Self::NoLocking => false,
        }
    }
}
