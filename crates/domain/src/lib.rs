//! What campus-backup does, without HTTP.
//!
//! Entities and services of a school's data: counting, downloading and clearing it, and the accounts of those who
//! may. This crate knows SeaORM and the three engines; it never names a status code, a header or a route.
//!
//! In reading order: [`catalog`] is the list of tables; [`entity`] their rows; [`database`] the connection;
//! [`error`] what can go wrong. Then a word a capability: [`account`], [`stats`], [`snapshot`], [`export`],
//! [`clear`], [`demo`]; [`open`] looks into an archive without any of them.

pub mod account;
pub mod catalog;
mod change;
pub mod clear;
pub mod database;
pub mod demo;
pub mod entity;
pub mod error;
pub mod export;
pub mod open;
pub mod snapshot;
mod statement;
pub mod stats;

pub use catalog::Table;
pub use database::{Database, Engine};
pub use error::{Error, Result};
