//! One entity per file: the seven tables of the school's data, and the service's own tables.
//!
//! Entities describe the schema; `migration` changes it. The test `schema` compares the two on every engine.

// The macro of SeaORM writes public items that have no place for a comment.
#![allow(missing_docs)]

pub mod account_epoch;
pub mod alarm;
pub mod archive;
pub mod archive_copy;
pub mod attendance;
pub mod audit_event;
pub mod audit_head;
pub mod change;
pub mod course;
pub mod destination;
pub mod download_link;
pub mod enrollment;
pub mod job;
pub mod key;
pub mod lease;
pub mod login_network;
pub mod login_session;
pub mod named_token;
pub mod notification;
pub mod one_time_password;
pub mod outbox;
pub mod payment;
pub mod payment_category;
pub mod schedule;
pub mod schedule_run;
pub mod session;
pub mod setting;
pub mod student;
pub mod user;
