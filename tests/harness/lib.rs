//! What every test stands on.
//!
//! [`engine`] knows which engines are here, [`scratch`] makes a database that lives as long as its test, [`service`]
//! starts the program on it, [`defaults`] makes one whose sessions have other defaults than usual, [`s3`] holds its archives, [`stub`] pretends to, [`copy`] does the jobs of one, [`client`] asks it over HTTP and [`wire`] over a bare socket, where a test has to be
//! slow, rude or exact. [`school`] is a small school of awkward rows with what must be made of them, [`fill`] makes
//! many rows, [`token`] forges bearers, [`tool`] runs other programs. [`archives_rig`] works with archives over HTTP, [`restore_rig`] without it, and
//! [`schema_shape`] reads what the engine knows of its tables. [`on_every_engine`] makes a test an engine of a function.

// A test that can't go on says so and ends; that is what unwrap, expect and panic are for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// It is a library only so that it is compiled once; a comment stands where a name does not say everything.
#![allow(missing_docs)]

pub mod archives_rig;
pub mod client;
pub mod copy;
pub mod defaults;
pub mod engine;
pub mod fill;
mod process;
pub mod restore_rig;
pub mod s3;
pub mod schema_shape;
pub mod school;
pub mod scratch;
pub mod service;
pub mod stub;
pub mod token;
pub mod tool;
pub mod wire;

use std::time::{Duration, Instant};

pub use client::{Answer, Client};
pub use engine::Engine;
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

/// How long anything may take that ought to happen by itself.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An address of this machine at which every connection is refused, for as long as the socket is kept: its port is
/// taken, and nothing listens on it.
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

/// A text that differs from run to run, as a snapshot shows it. It must be there.
pub fn varying(shown: &'static str) -> insta::internals::Redaction {
    insta::dynamic_redaction(move |value, path| {
        assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{path}: {value:?}");
        shown
    })
}

/// Asks until the condition holds, and fails with `what` when it has not held in time.
pub async fn until(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
