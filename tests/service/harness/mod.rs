//! What every test stands on.
//!
//! [`engine`] knows which engines are here, [`scratch`] makes a database that lives as long as its test, [`service`]
//! starts the program on it, [`s3`] holds its archives, [`copy`] does the jobs of one, [`client`] asks it over HTTP and [`wire`] over a bare socket, where a test has to be
//! slow, rude or exact. [`school`] is a small school of awkward rows with what must be made of them, [`fill`] makes
//! many rows, [`token`] forges bearers, [`tool`] runs other people's programs.

#[macro_use]
pub(crate) mod engine;
pub(crate) mod client;
pub(crate) mod copy;
pub(crate) mod fill;
mod process;
pub(crate) mod s3;
pub(crate) mod school;
pub(crate) mod scratch;
pub(crate) mod service;
pub(crate) mod token;
pub(crate) mod tool;
pub(crate) mod wire;

use std::time::{Duration, Instant};

pub(crate) use client::{Answer, Client};
pub(crate) use engine::Engine;
pub(crate) use school::{School, small_school};
pub(crate) use scratch::Scratch;
pub(crate) use service::{ADMIN_PASSWORD, Service};
pub(crate) use wire::Wire;

/// The seven tables, in the order in which an archive has them.
pub(crate) const TABLES: [&str; 7] = [
    "users",
    "students",
    "courses",
    "payment_categories",
    "enrollments",
    "payments",
    "attendance",
];

/// How long anything may take that ought to happen by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until the condition holds, and fails with `what` when it has not held in time.
pub(crate) async fn until(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
