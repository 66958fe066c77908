//! The actor of an event, and the receipt that says whether the event of a request is written.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use super::{AuditHead, AuditMethod};
use crate::account::System;
use crate::mutex::lock;

/// The actor of an event: the user, their method of authentication, and the address of the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditActor {
    /// The name of the user; none if the user is not known.
    pub username: Option<String>,
    /// The id of the user; none for a user of an identity provider, the command line and the service itself.
    pub user_id: Option<i64>,
    /// How the user was authenticated; none if they were not.
    pub method: Option<AuditMethod>,
    /// The named token that was used.
    pub token_id: Option<i64>,
    /// The address of the client.
    pub client: Option<IpAddr>,
}

impl AuditActor {
    /// The service itself.
    pub fn service() -> Self {
        Self {
            username: Some(System::NAME.to_owned()),
            method: Some(AuditMethod::Service),
            ..Self::default()
        }
    }

    /// A person with access to the command line.
    pub fn command_line() -> Self {
        Self {
            username: Some(COMMAND_LINE.to_owned()),
            method: Some(AuditMethod::CommandLine),
            ..Self::default()
        }
    }

    /// The client of a request whose user is not known.
    pub fn unauthenticated(client: Option<IpAddr>) -> Self {
        Self {
            client,
            ..Self::default()
        }
    }

    /// A user of the table, by a method.
    pub fn user(user_id: i64, username: impl Into<String>, method: Option<AuditMethod>) -> Self {
        Self {
            username: Some(username.into()),
            user_id: Some(user_id),
            method,
            ..Self::default()
        }
    }

    /// The same, with the address of the client.
    #[must_use]
    pub fn with_client(self, client: Option<IpAddr>) -> Self {
        Self { client, ..self }
    }
}

/// The name of the command line as an actor.
pub(crate) const COMMAND_LINE: &str = "command line";

/// Says whether the event of a request is written. The administrator of the request has it. All clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Receipt(Arc<Mutex<ReceiptState>>);

/// The state of a [`Receipt`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReceiptState {
    /// No event is written yet.
    #[default]
    Open,
    /// The event is written. Or it is certain that it will be: a job writes it at its end, or it is
    /// [pending](super::pending).
    Written,
    /// The same request had been sent before. Its event is not written yet.
    Repeated,
    /// The commit of the operation and of this event failed, and the reply may be lost. [`Audit::is_written`](super::Audit::is_written)
    /// looks the event up.
    Unknown(AuditHead),
}

impl Receipt {
    /// Its state.
    pub fn state(&self) -> ReceiptState {
        lock(&self.0).clone()
    }

    pub(crate) fn set(&self, state: ReceiptState) {
        *lock(&self.0) = state;
    }
}
