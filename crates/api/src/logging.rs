//! Logs on the standard error, as text for people or as JSON for machines. Panics are logged, too.

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

/// Turns off log lines of libraries about every start, listener and statement, and about a broken body, which the service logs itself.
/// A filter that names the library turns them on again.
const QUIETER: &str =
    "actix_server=warn,actix_http=warn,actix_http::h1::dispatcher=off,sqlx=warn,sea_orm=warn,sea_orm_migration=warn";

/// Starts logging. Later calls in the same process have no effect.
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

/// Colors on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
fn colours_are_wanted() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The standard error, which may show the progress bar of a command.
struct BesideBar;

impl Write for BesideBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::without_bar(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Logs a panic as one line in its request's span, instead of a trace on the terminal.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked: {message}");
    }));
}

/// The log lines of actix-http while it reads requests. They are the only trace of refusals before there is a request: actix-http
/// answers these itself, and no middleware sees them.
const DISPATCHER: &str = "actix_http::h1::dispatcher";

fn is_of_dispatcher(metadata: &Metadata<'_>) -> bool {
    metadata.target() == DISPATCHER && *metadata.level() == Level::TRACE
}

/// Logs and counts the refusals of the server itself. It recognizes them by the log messages of actix-http. A test fails if these
/// change.
struct ServerRefusals;

impl<S: Subscriber> Layer<S> for ServerRefusals {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut refusal = RefusalVisitor::default();
        event.record(&mut refusal);
        if let Some((status, reason)) = refusal.0 {
            metrics::refused(status);
            tracing::info!(target: "campus_backup::access", status, reason, "refused by the server");
        }
    }
}

/// The status of a refusal and the reason, without anything that the client sent.
#[derive(Default)]
struct RefusalVisitor(Option<(u16, &'static str)>);

impl Visit for RefusalVisitor {
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
