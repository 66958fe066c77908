//! Logs: to stderr, as text for people or as JSON for machines. Also what becomes of a panic.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use crate::cli::progress;
use crate::metrics;
use crate::settings::{LogFormat, Settings};

/// What libraries say about every start, listener and statement, and about a body that broke off, which the service
/// says better itself. A setting that names them brings it back.
const QUIETER: &str =
    "actix_server=warn,actix_http=warn,actix_http::h1::dispatcher=off,sqlx=warn,sea_orm=warn,sea_orm_migration=warn";

/// Begins to log. Later calls in the same process change nothing.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::builder().parse_lossy(format!("{QUIETER},{}", settings.log));
    let format = tracing_subscriber::fmt::layer().with_writer(|| BesideBar);
    let written = match settings.log_format {
        LogFormat::Text => format.with_ansi(colours_are_wanted()).boxed(),
        LogFormat::Json => format.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let refusals = ServerRefusals.with_filter(filter_fn(is_of_dispatcher));
    let _ = tracing_subscriber::registry()
        .with(written.with_filter(filter))
        .with(refusals)
        .try_init();
    log_panics();
}

/// On a terminal, unless somebody wants none (<https://no-color.org>).
fn colours_are_wanted() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The standard error, which may have the bar of a command on it.
struct BesideBar;

impl Write for BesideBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::without_bar(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// A panic is a line in the log, in its request's span, and not a trace on the terminal.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked: {message}");
    }));
}

/// What actix-http says while it reads requests. It is the only sign of what it refuses before there is a request: no middleware
/// sees that, and the answer is written inside of it.
const DISPATCHER: &str = "actix_http::h1::dispatcher";

fn is_of_dispatcher(metadata: &Metadata<'_>) -> bool {
    metadata.target() == DISPATCHER && *metadata.level() == Level::TRACE
}

/// Logs and counts the refusals that the server gives by itself. It knows them by the words of actix-http; a test fails if those
/// change.
struct ServerRefusals;

impl<S: Subscriber> Layer<S> for ServerRefusals {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut refusal = Refusal::default();
        event.record(&mut refusal);
        if let Some((status, reason)) = refusal.0 {
            metrics::refused(status);
            tracing::info!(target: "campus_backup::access", status, reason, "refused by the server");
        }
    }
}

/// The status of a refusal and why it was given. What the client sent is no part of it.
#[derive(Default)]
struct Refusal(Option<(u16, &'static str)>);

impl Visit for Refusal {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            return;
        }
        let said = format!("{value:?}");
        self.0 = match said.as_str() {
            said if said.starts_with("parse error") => Some((400, "the request can't be parsed")),
            said if said.starts_with("request head was too big") => Some((431, "the request's head is too large")),
            said if said.starts_with("timed out on slow request") => {
                Some((408, "the request's head did not arrive in time"))
            }
            _ => None,
        };
    }
}
