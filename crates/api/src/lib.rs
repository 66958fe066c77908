//! campus-backup over HTTP: the routes, the API's document, the settings and the command line.
//!
//! A handler parses, calls one service of the crate `domain`, and maps the answer. This crate is the only one that
//! knows a status code; it knows no table, no column and no SQL.
//!
//! In reading order: [`cli`] and [`settings`] say what is wanted; [`startup`] builds the service, runs it and ends it;
//! [`routes`] are its operations and [`openapi`] their document; [`dashboard`] serves the page for administrators; [`body`]
//! and [`idempotency`] read what is sent, [`page`] cuts lists; [`schema`] has the schemas that they share; [`problem`] says what
//! went wrong; [`middleware`] is what happens to every request; [`address`] is who asks, [`origin`] from which page, [`prefix`] where
//! a proxy has put the service. [`installation`] is what a
//! command works on, [`output`] what it prints; [`failure`] is how the program ends after an error.

pub mod address;
pub mod body;
pub mod cli;
mod commands;
mod conditional;
mod confirm;
pub mod cookie;
pub mod csv_style;
pub mod dashboard;
mod digest;
pub mod failure;
pub mod idempotency;
pub mod installation;
mod interrupt;
mod keep;
pub mod link;
mod link_page;
mod logging;
mod look;
mod measure;
pub mod middleware;
pub mod openapi;
pub mod origin;
mod output;
mod output_file;
pub mod page;
mod plural;
pub mod prefix;
pub mod problem;
mod progress;
pub mod readiness;
mod restoring;
pub mod routes;
pub mod schema;
pub mod secret;
pub mod security_log;
pub mod settings;
pub mod startup;
mod state;
mod stored;

pub use commands::main;
pub use startup::Service;
pub use state::AppState;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
