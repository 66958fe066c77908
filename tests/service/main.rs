//! Black-box tests of the service, over real sockets, on every engine.
//!
//! `cargo test` uses the engines that it finds: SQLite always, PostgreSQL at `TEST_POSTGRES_URL`
//! (postgres://postgres@127.0.0.1:5432/postgres), MySQL or MariaDB at `TEST_MYSQL_URL` (mysql://root@127.0.0.1:3306/).
//! One line on stderr names the available and the absent engines. `TEST_ENGINES=sqlite,postgres,mysql` makes an absent
//! engine a failure. `TEST_TOOLS=python3,soffice,...` does the same for the programs that some tests use.
//!
//! [`harness`] starts a service on a separate database and sends HTTP requests to it. Each file has the name of its
//! capability and begins with the refusals. Tests without HTTP are in `tests/engines/`.

// A test fails by panicking, so unwrap, expect and panic are allowed. A skipped test says so on stderr.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod accounts;
mod archives;
mod archives_diff;
mod archives_done_once;
mod archives_files;
mod archives_jobs;
mod archives_list;
mod archives_restore;
mod archives_s3;
mod archives_strangers;
mod archives_suspicion;
mod archives_trust;
mod archives_undo;
mod archives_upload;
mod archives_verify;
mod audit;
mod audit_operations;
mod auth;
mod auth_login;
mod auth_provider;
mod auth_session;
mod backup_files;
mod binary;
mod binary_accounts;
mod binary_adopt;
mod binary_archives;
mod binary_certificate;
mod binary_commands;
mod binary_database;
mod binary_destinations;
mod binary_import;
mod binary_interrupt;
mod binary_keys;
mod binary_notifications;
mod binary_output;
mod binary_retention;
mod binary_schedules;
mod certificate;
mod changes;
mod changes_undo;
mod clear;
mod clear_locked;
mod clear_refusals;
mod dashboard;
mod data_folder;
mod database_lost;
mod destinations;
mod documents;
mod documents_rights;
mod download;
mod download_archive;
mod download_broken;
mod download_length;
mod download_sheet;
mod download_stream;
mod download_styles;
mod foreign_database;
mod health;
mod hostile_servers;
mod imports;
mod imports_matching;
mod imports_round_trip;
mod imports_undo;
mod isolation;
mod job_progress;
mod jobs_api;
mod keys;
mod links;
mod lists;
mod locked_tables;
mod logins;
mod lost_commit;
mod main_job;
mod memory;
mod no_installation;
mod notifications;
mod notifications_mail;
mod readers;
mod readiness;
mod restore_administrators;
mod restore_ids;
mod retention;
mod schedules;
mod security_log;
mod smoke;
mod stats;
mod stored_values;
mod surface;
mod surface_document;
mod surface_logs;
mod surface_proxy;
mod surface_wire;
mod systemd;
mod tokens;
