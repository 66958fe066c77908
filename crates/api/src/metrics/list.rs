//! Every metric with its description, for the answer of `/metrics` and for `docs/reference/metrics.md`.

use campus_backup_domain::counters::{JOBS, SCHEDULE_RUNS, SIGN_INS};

pub(super) const REQUESTS: &str = "http_requests_total";
pub(super) const OUTCOMES: &str = "http_responses_ended_total";
pub(super) const SECONDS: &str = "http_request_duration_seconds";
pub(super) const READY: &str = "campus_backup_ready";
pub(super) const STORE_UP: &str = "campus_backup_store_up";
pub(super) const STORE_FREE: &str = "campus_backup_store_free_bytes";
pub(super) const WARNING: &str = "campus_backup_warning";
pub(super) const HEALTH_STATUS: &str = "campus_backup_health_status";
pub(super) const HEALTH_REASON: &str = "campus_backup_health_reason";
pub(super) const HEALTH_CHECKED: &str = "campus_backup_health_checked_timestamp_seconds";
pub(super) const LAST_SUCCESS: &str = "campus_backup_last_success_timestamp_seconds";
pub(super) const SUCCESS_EXPECTED: &str = "campus_backup_success_expected_timestamp_seconds";
pub(super) const LAST_VERIFICATION: &str = "campus_backup_last_verification_timestamp_seconds";
pub(super) const NEXT_RUN: &str = "campus_backup_next_run_timestamp_seconds";
pub(super) const LAST_BYTES: &str = "campus_backup_last_archive_bytes";
pub(super) const LAST_ROWS: &str = "campus_backup_last_archive_rows";
pub(super) const ARCHIVES: &str = "campus_backup_archives";
pub(super) const STORED_BYTES: &str = "campus_backup_stored_bytes";
pub(super) const DESTINATION_COPIES: &str = "campus_backup_destination_copies";
pub(super) const DESTINATION_LAST_COPY: &str = "campus_backup_destination_last_copy_timestamp_seconds";
pub(super) const CONNECTIONS: &str = "campus_backup_database_connections";
pub(super) const MAX_CONNECTIONS: &str = "campus_backup_database_connections_max";

/// Every metric, for its description in the answer and for `docs/reference/metrics.md`.
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: REQUESTS,
        kind: MetricKind::Counter,
        labels: &["method", "route", "status"],
        meaning: "Requests that were answered.",
    },
    Metric {
        name: SECONDS,
        kind: MetricKind::Histogram,
        labels: &["method", "route", "status"],
        meaning: "Seconds from the request to the last byte of its answer.",
    },
    Metric {
        name: OUTCOMES,
        kind: MetricKind::Counter,
        labels: &["method", "route", "outcome"],
        meaning: "Answers by their end: `answered` (sent completely), `broken off` (failed midway), `abandoned` (the client disconnected).",
    },
    Metric {
        name: READY,
        kind: MetricKind::Gauge,
        labels: &[],
        meaning: "1 if the service is ready, 0 if `/readyz` answers 503.",
    },
    Metric {
        name: STORE_UP,
        kind: MetricKind::Gauge,
        labels: &[],
        meaning: "1 if the store of archives works, otherwise 0.",
    },
    Metric {
        name: STORE_FREE,
        kind: MetricKind::Gauge,
        labels: &[],
        meaning: "Free bytes of the store, if it is a folder.",
    },
    Metric {
        name: WARNING,
        kind: MetricKind::Gauge,
        labels: &["code"],
        meaning: "1 while `/readyz` has the warning with this code, otherwise 0.",
    },
    Metric {
        name: HEALTH_STATUS,
        kind: MetricKind::Gauge,
        labels: &["status"],
        meaning: "1 for the status that `/backup/health` has: `ok`, `warning` or `failing`; 0 for the others.",
    },
    Metric {
        name: HEALTH_REASON,
        kind: MetricKind::Gauge,
        labels: &["code"],
        meaning: "1 while `/backup/health` has the reason with this code, otherwise 0.",
    },
    Metric {
        name: HEALTH_CHECKED,
        kind: MetricKind::Gauge,
        labels: &[],
        meaning: "When the service last checked the health of the backups.",
    },
    Metric {
        name: LAST_SUCCESS,
        kind: MetricKind::Gauge,
        labels: &[],
        meaning: "The moment of the newest backup that this installation has created. NaN if there is none.",
    },
    Metric {
        name: SUCCESS_EXPECTED,
        kind: MetricKind::Gauge,
        labels: &[],
        meaning: "The newest backup should not be older than this. NaN if neither a schedule nor `--stale-after` says so.",
    },
    Metric {
        name: LAST_VERIFICATION,
        kind: MetricKind::Gauge,
        labels: &[],
        meaning: "When a verification last found a backup intact. NaN if there was none, or if the store does not answer.",
    },
    Metric {
        name: NEXT_RUN,
        kind: MetricKind::Gauge,
        labels: &[],
        meaning: "When the next run of a schedule is due. NaN if there is none.",
    },
    Metric {
        name: LAST_BYTES,
        kind: MetricKind::Gauge,
        labels: &[],
        meaning: "Bytes of the newest backup in the store. NaN if it is not known.",
    },
    Metric {
        name: LAST_ROWS,
        kind: MetricKind::Gauge,
        labels: &["table"],
        meaning: "Rows of each table in the newest backup.",
    },
    Metric {
        name: ARCHIVES,
        kind: MetricKind::Gauge,
        labels: &["kind"],
        meaning: "Archives in the store: `created`, `safety` or `uploaded`.",
    },
    Metric {
        name: STORED_BYTES,
        kind: MetricKind::Gauge,
        labels: &["kind"],
        meaning: "Bytes of the archives in the store.",
    },
    Metric {
        name: DESTINATION_COPIES,
        kind: MetricKind::Gauge,
        labels: &["destination", "state"],
        meaning: "Copies of archives in a destination: `copied`, `pending`, `failed`, `deleting` or `retained`.",
    },
    Metric {
        name: DESTINATION_LAST_COPY,
        kind: MetricKind::Gauge,
        labels: &["destination"],
        meaning: "When an archive was last copied to a destination. NaN if none was.",
    },
    Metric {
        name: JOBS,
        kind: MetricKind::Counter,
        labels: &["kind", "result"],
        meaning: "Jobs that this copy of the service has ended: `succeeded`, `failed`, `cancelled` or `interrupted`.",
    },
    Metric {
        name: SCHEDULE_RUNS,
        kind: MetricKind::Counter,
        labels: &["result"],
        meaning: "Runs of schedules that this copy of the service has ended: `succeeded`, `failed` or `missed`.",
    },
    Metric {
        name: SIGN_INS,
        kind: MetricKind::Counter,
        labels: &["result"],
        meaning: "Attempts to sign in with a password: `succeeded`, `wrong_credentials` or `too_many_attempts`.",
    },
    Metric {
        name: CONNECTIONS,
        kind: MetricKind::Gauge,
        labels: &["pool", "state"],
        meaning: "Connections to the database that are `in_use` or `idle`.",
    },
    Metric {
        name: MAX_CONNECTIONS,
        kind: MetricKind::Gauge,
        labels: &["pool"],
        meaning: "Connections to the database that a pool may have.",
    },
];

/// The description of a metric, for people and Prometheus.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: MetricKind,
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference page lists them"))]
    pub(crate) labels: &'static [&'static str],
    pub(crate) meaning: &'static str,
}

/// The types of Prometheus.
#[derive(Clone, Copy)]
pub(crate) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}
