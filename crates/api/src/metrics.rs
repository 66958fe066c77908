//! Metrics for Prometheus. Labels are route templates, never paths: the number of paths is unlimited, and links contain tokens.
//!
//! [`list`] describes each metric, and [`backups`] sets those of the backups. The domain counts jobs, runs of schedules and
//! sign-ins itself ([`counters`]).

mod backups;
mod list;

use std::sync::OnceLock;
use std::time::Duration;

use campus_backup_domain::counters;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

pub(crate) use self::backups::{database_pools, health};
pub(crate) use self::list::{METRICS, Metric, MetricKind};
use self::list::{OUTCOMES, READY, REQUESTS, SECONDS, STORE_FREE, STORE_UP, WARNING};

/// In seconds, from a count of a small table to the download of a large school.
const BUCKETS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0, 300.0];
/// The interval at which samples are aggregated, so that they don't use memory until they are read.
const UPKEEP: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Starts recording, once in a process.
pub(crate) fn start() {
    let _ = recorder();
}

/// Everything recorded so far, in Prometheus' text format.
pub(crate) fn render() -> String {
    recorder().map_or_else(String::new, PrometheusHandle::render)
}

/// Aggregates the samples regularly, as long as it is polled.
pub(crate) async fn upkeep() {
    let mut interval = tokio::time::interval(UPKEEP);
    loop {
        interval.tick().await;
        if let Some(recorder) = recorder() {
            recorder.run_upkeep();
        }
    }
}

/// Counts a request that was answered. Its body may not be sent yet.
pub(crate) fn answered(method: &'static str, route: &str, status: u16) {
    counter!(REQUESTS, "method" => method, "route" => route.to_owned(), "status" => status.to_string()).increment(1);
}

/// Counts a refusal of the server before there was a request.
pub(crate) fn refused(status: u16) {
    counter!(REQUESTS, "method" => "unknown", "route" => "unparsed", "status" => status.to_string()).increment(1);
}

/// Sets whether the service is ready.
pub(crate) fn ready(is_ready: bool) {
    gauge!(READY).set(if is_ready { 1.0 } else { 0.0 });
}

/// Sets whether the store of archives works, and its free space in bytes, if known.
pub(crate) fn store(is_up: bool, free: Option<u64>) {
    gauge!(STORE_UP).set(if is_up { 1.0 } else { 0.0 });
    if let Some(free) = free {
        // Beyond 8 PiB the number is rounded.
        gauge!(STORE_FREE).set(free as f64);
    }
}

/// Sets whether there is this warning of the readiness.
pub(crate) fn warning(code: &'static str, is_active: bool) {
    gauge!(WARNING, "code" => code).set(if is_active { 1.0 } else { 0.0 });
}

/// Records the end of an answer. `outcome` is whether it was sent completely.
pub(crate) fn finished(method: &'static str, route: &str, status: u16, outcome: &'static str, elapsed: Duration) {
    counter!(OUTCOMES, "method" => method, "route" => route.to_owned(), "outcome" => outcome).increment(1);
    histogram!(SECONDS, "method" => method, "route" => route.to_owned(), "status" => status.to_string())
        .record(elapsed.as_secs_f64());
}

fn describe(metric: &Metric) {
    match metric.kind {
        MetricKind::Counter => describe_counter!(metric.name, metric.meaning),
        MetricKind::Gauge => describe_gauge!(metric.name, metric.meaning),
        MetricKind::Histogram => describe_histogram!(metric.name, metric.meaning),
    }
}

fn recorder() -> Option<&'static PrometheusHandle> {
    let recorder = RECORDER.get_or_init(|| {
        let installed = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(SECONDS.to_owned()), &BUCKETS)
            .and_then(PrometheusBuilder::install_recorder);
        match installed {
            Ok(recorder) => {
                METRICS.iter().for_each(describe);
                counters::register();
                Some(recorder)
            }
            Err(error) => {
                tracing::error!(error = crate::problem::chain(&error), "metrics are not recorded");
                None
            }
        }
    });
    recorder.as_ref()
}
