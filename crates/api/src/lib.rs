//! campus-backup over HTTP: the routes, the API's document, the settings and the command line.
//!
//! A handler parses the request, calls one service of the crate `domain`, and maps the answer. Only this crate knows status codes; it
//! knows no table, no column and no SQL.
//!
//! In reading order:
//! - [`cli`] reads the command line and runs its subcommands; [`settings`] are the checked settings of all of them.
//! - [`installation`] checks the data folder, the database and the store that a subcommand needs; [`data_dir`] keeps the secrets.
//! - [`startup`] builds the service, runs it and stops it.
//! - [`routes`] are the operations; [`openapi`] is their document; [`schema`] has the schemas that they share, and [`scopes`] the
//!   scopes that they need.
//! - [`body`] and [`idempotency`] read requests; [`pagination`] cuts lists into pages; [`problem`] is every error answer.
//! - [`middleware`] handles every request. [`client_ip`] finds the client's address, [`origin`] the page that sent the request,
//!   and [`prefix`] the path under which a proxy serves it.
//! - [`link`] are download links, [`cookie`] the dashboard's session; [`dashboard`] serves the page for administrators.
//! - [`readiness`] and `metrics` are for monitoring, [`security_log`] for the log of sign-ins.

pub mod body;
mod certificate_page;
pub mod cli;
pub mod client_ip;
mod conditional;
pub mod cookie;
pub mod csv_style;
pub mod dashboard;
pub mod data_dir;
mod digest;
pub mod idempotency;
pub mod identity;
pub mod installation;
pub mod link;
mod link_page;
mod logging;
mod metrics;
pub mod middleware;
mod monitor;
pub mod openapi;
pub mod origin;
pub mod pagination;
pub mod prefix;
pub mod problem;
pub mod readiness;
#[cfg(test)]
mod reference;
pub mod routes;
pub mod schema;
pub mod scopes;
pub mod security_log;
pub mod settings;
pub mod startup;
mod state;
mod systemd;

pub use cli::main;
pub use startup::Service;
pub use state::AppState;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
