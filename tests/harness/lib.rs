//! Fixtures for all tests.
//!
//! - Databases: [`engine`] knows the available engines, [`scratch`] creates a database for one test, [`defaults`] one
//!   with unusual session defaults, [`school`] fills it with awkward rows and their expected forms, [`fill`] with many
//!   rows, and [`schema_shape`] reads the engine's description of the tables. [`reference_reader`] reads rows in the
//!   plainest way. [`fixture`] has databases of other applications.
//! - The service: [`service`] starts the program, [`client`] talks to it over HTTP, and [`wire`] over a bare socket,
//!   where a test must be slow or exact. [`copy`] runs the jobs of a copy of the service in the test's process.
//! - Other servers: [`s3`] is a store, [`stub`] a server that is not one, [`token`] an identity provider, [`smtp`] a mail
//!   server, and [`receiver`] receives webhooks. [`relay`] loses commits and replies of a database server. [`tls`] encrypts for them. [`disk`] is a small disk, and [`tool`] runs other
//!   programs.
//! - [`archives_rig`] tests archives over HTTP, [`restore_rig`] without it, [`schedule_rig`] schedules at a clock of the
//!   test, [`notify_rig`] notifications and [`destination_rig`] copies of archives at such a clock.
//!
//! [`on_every_engine`] generates one test for each engine.

// A test fails by panicking, so unwrap, expect and panic are allowed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// A library only so that it is compiled once. Comments explain only names that are not clear by themselves.
#![allow(missing_docs)]

pub mod archives_rig;
pub mod client;
pub mod copy;
mod copy_runtime;
pub mod defaults;
pub mod destination_rig;
pub mod disk;
pub mod engine;
pub mod fill;
pub mod fixture;
pub mod import_rig;
pub mod notify_rig;
mod process;
pub mod receiver;
pub mod reference_reader;
pub mod relay;
pub mod restore_rig;
pub mod s3;
pub mod schedule_rig;
pub mod schema_shape;
pub mod school;
pub mod scratch;
pub mod service;
pub mod smtp;
pub mod stub;
pub mod tls;
pub mod token;
pub mod tool;
pub mod wire;

use std::time::{Duration, Instant};

pub use client::{Answer, Client};
pub use engine::Engine;
pub use receiver::{Receiver, ReceiverAnswer};
pub use school::{School, small_school, small_school_in};
pub use scratch::Scratch;
pub use service::{ADMIN_PASSWORD, Service};
pub use tests_macros::on_every_engine;
pub use wire::Wire;

/// The seven tables, in the order in which an archive has them.
pub const TABLES: [&str; 7] = [
    "users",
    "students",
    "courses",
    "payment_categories",
    "enrollments",
    "payments",
    "attendance",
];

/// The time limit for a condition that should become true by itself.
pub const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// A local address that refuses every connection while the socket exists: its port is taken, and no process listens on
/// it.
pub fn refusing_address() -> (std::net::SocketAddr, tokio::net::TcpSocket) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (socket.local_addr().unwrap(), socket)
}

/// Writes a file with a secret, which its owner alone may read.
pub fn write_private(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Replaces a text that differs in each run by `shown` in a snapshot. The text must be present.
pub fn varying(shown: &'static str) -> insta::internals::Redaction {
    insta::dynamic_redaction(move |value, path| {
        assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{path}: {value:?}");
        shown
    })
}

/// Polls until the condition holds, and fails with `what` after the time limit.
pub async fn until(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
