//! The domain of campus-backup, without HTTP.
//!
//! It has the entities and services of a school's data: counting, downloading, backing up, clearing and restoring it,
//! and the accounts that may do so. This crate uses SeaORM and the three engines; it never names a status code, a
//! header or a route.
//!
//! In reading order: [`catalog`] is the list of tables, [`entity`] their rows, [`database`] the connection, and
//! [`error`] the error type. Then one module for each capability: [`account`], [`stats`], [`snapshot`], [`export`],
//! [`clear`], [`demo`], [`job`]. [`change`] changes rows in bulk, and [`change_log`] records changes. [`store`] keeps
//! archives; [`open`] reads one without any of these, [`verify`] proves that it can be restored, [`restore`] restores
//! it, and [`diff`] compares it with another or with the live data. [`import`] reads rows from files of people. [`operations`] combines all of them.
//! [`schedule`] makes backups at certain times, [`destination`] copies them to further places, [`retention`] deletes those that
//! a policy does not keep, [`suspicion`] says which ones look wrong, [`notify`] reports what happened to people and programs,
//! [`certificate`] signs what is known of an archive, [`health`] says whether backups are made, and [`automation`] does
//! what the service does by itself. [`clock`] tells the time, [`counters`] count for the metrics, [`audit`] records who did
//! what, and [`security_log`] logs it. `named` creates rows that have a name, `mutex` locks, `stored_setting` has settings in the database, and [`plural`] writes counts in
//! sentences.

pub mod account;
pub mod adopt;
pub mod audit;
pub mod automation;
mod blocking;
pub mod catalog;
pub mod certificate;
pub mod change;
pub mod change_log;
pub mod clear;
pub mod clock;
pub mod counters;
pub mod database;
pub mod demo;
pub mod destination;
pub mod diff;
mod directory;
mod disk;
pub mod entity;
pub mod error;
pub mod export;
pub mod health;
pub mod import;
mod installation_key;
pub mod job;
mod mutex;
mod named;
mod native;
pub mod notify;
pub mod open;
pub mod operations;
mod pgcopy;
pub mod plural;
mod priority;
pub mod restore;
pub mod retention;
#[cfg(test)]
mod sample;
pub mod schedule;
pub mod secret;
pub mod security_log;
pub mod snapshot;
mod statement;
pub mod stats;
pub mod store;
mod stored_setting;
pub mod suspicion;
pub mod verify;

pub use catalog::Table;
pub use database::{Database, Engine};
pub use error::{Error, Result};
