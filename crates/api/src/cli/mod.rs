//! The command line: what it accepts ([`args`]), what each subcommand does, and how the program ends ([`exit`]).
//!
//! In reading order: [`args`] are the subcommands and their arguments; [`run`] reads them and calls one function each. [`service`],
//! [`accounts`] and [`tokens`] work on the installation, [`archives`], [`inspect`], [`diff`], [`restore`], [`clear`], [`imports`] and [`download`] on
//! the school's data, [`schedules`] on the times of backups, [`retention`] on the archives that stay,
//! [`certificates`] on certificates of archives, [`notifications`] on mails and webhooks, [`destinations`] on copies of archives,
//! and [`keys`] on keys with the [`recovery_sheet`] of each. [`rekey`] encrypts archives with the current keys. [`audit`] shows and
//! verifies the audit, and [`health`] shows the health of backups. [`named_archive`] finds an archive by its id or file, [`follow`]
//! waits for a job. [`output`] is the standard output, [`output_file`] a file, [`progress`] the bar, [`confirm`] the question and
//! [`interrupt`] Ctrl-C. [`exit`] has the exit codes.

mod accounts;
mod adopt;
mod archives;
pub mod args;
mod audit;
mod certificates;
mod clear;
mod confirm;
mod destinations;
mod diff;
mod download;
pub mod exit;
mod extract;
mod follow;
mod health;
mod imports;
mod inspect;
mod interrupt;
mod keys;
mod named_archive;
mod notifications;
pub(crate) mod output;
mod output_file;
pub(crate) mod progress;
mod recovery_sheet;
mod rekey;
mod restore;
mod retention;
mod run;
mod schedules;
mod service;
mod tokens;

pub(crate) use args::{
    ADMIN_PASSWORD, JWT_SECRET, JWT_SECRET_PREVIOUS, ListedSetting, SECRETS_KEY, SMTP_URL, settings,
};
pub use args::{
    AccountSettings, CommonSettings, DestinationArguments, NotificationSettings, SECRET_VARIABLES, Serve, Serving,
};
pub(crate) use output_file::STANDARD;
pub use run::main;
