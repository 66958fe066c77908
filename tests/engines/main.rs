//! The domain on every engine, without HTTP.
//!
//! [`schema`] compares what the migrations make with the entities and the catalogue. [`snapshot_paths`] and [`snapshot_parallel`]
//! read in bulk, [`stored_values`] has all that an engine can store, [`diff`], [`jobs`] and [`restore`] use what they are named after. How engines are found is said in
//! `tests/service/main.rs`.

// A test that can't go on says so and ends; that is what unwrap, expect and panic are for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod change_log;
mod database_checks;
mod database_errors;
mod diff;
mod inspection;
mod jobs;
mod jobs_published;
mod long_texts;
mod native_values;
mod restore;
mod restore_ids;
mod restore_locked;
mod restore_read_back;
mod restore_refusals;
mod schedules;
mod schema;
mod sessions;
mod snapshot_parallel;
mod snapshot_paths;
mod stored_values;
