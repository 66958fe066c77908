//! Logs: to stderr, as text for people or as JSON for machines. Also what becomes of a panic.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// What libraries say about every start, listener and statement, and about a body that broke off, which the service
/// says better itself. A setting that names them brings it back.
const QUIETER: &str =
    "actix_server=warn,actix_http=warn,actix_http::h1::dispatcher=off,sqlx=warn,sea_orm=warn,sea_orm_migration=warn";

/// Begins to log. Later calls in the same process change nothing.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::builder().parse_lossy(format!("{QUIETER},{}", settings.log));
    let format = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let _ = match settings.log_format {
        LogFormat::Text => format.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => format.json().flatten_event(true).with_span_list(false).try_init(),
    };
    log_panics();
}

/// A panic is a line in the log, in its request's span, and not a trace on the terminal.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked: {message}");
    }));
}
