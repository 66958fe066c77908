//! The domain on every engine, without HTTP.
//!
//! [`schema`] compares the migrations with the entities and the catalogue. [`snapshot_paths`] and
//! [`snapshot_parallel`] read in bulk. [`stored_values`] covers all values that an engine can store. The other files
//! have the name of the tested capability. `tests/service/main.rs` says how the tests find the engines.

// A test fails by panicking, so unwrap, expect and panic are allowed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod audit;
mod change_log;
mod database_checks;
mod database_errors;
mod destinations;
mod diff;
mod health;
mod import;
mod inspection;
mod introspection;
mod jobs;
mod jobs_published;
mod keys;
mod long_texts;
mod native_values;
mod notifications;
mod restore;
mod restore_ids;
mod restore_locked;
mod restore_read_back;
mod restore_refusals;
mod retention;
mod schedules;
mod schema;
mod sessions;
mod snapshot_parallel;
mod snapshot_paths;
mod stored_values;
mod unattended;
