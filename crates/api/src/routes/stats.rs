//! `/backup/stats`: the number of rows of each table.

use actix_web::{get, web};
use campus_backup_domain::Table;
use campus_backup_domain::stats::Stats;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{NoParameters, Query};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_stats);
}

/// The number of rows of each table, all counted at one moment.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "students": 1000, "courses": 40, "enrollments": 3000, "payments": 5000, "attendance": 100_000,
    "payment_categories": 8, "users": 5, "total": 109_053, "generated_at": "2026-11-23T09:30:00Z",
}))]
struct StatsAnswer {
    /// Students.
    students: u64,
    /// Courses.
    courses: u64,
    /// Enrollments.
    enrollments: u64,
    /// Payments.
    payments: u64,
    /// Rows of attendance.
    attendance: u64,
    /// Payment categories.
    payment_categories: u64,
    /// Users of all roles.
    users: u64,
    /// The sum of the seven.
    total: u64,
    /// The moment of the count, UTC.
    generated_at: DateTime<Utc>,
}

impl From<Stats> for StatsAnswer {
    fn from(stats: Stats) -> Self {
        Self {
            students: stats.of(Table::Students),
            courses: stats.of(Table::Courses),
            enrollments: stats.of(Table::Enrollments),
            payments: stats.of(Table::Payments),
            attendance: stats.of(Table::Attendance),
            payment_categories: stats.of(Table::PaymentCategories),
            users: stats.of(Table::Users),
            total: stats.total(),
            generated_at: stats.generated_at,
        }
    }
}

problem_responses!(StatsProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal);

/// Count the rows
///
/// The number of rows of each of the seven tables, and their sum, in one consistent count.
#[utoipa::path(
    operation_id = "getStats",
    tag = "backup",
    responses((status = 200, description = "The counts.", body = StatsAnswer), StatsProblems)
)]
#[get("/stats")]
async fn get_stats(
    _: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
) -> Result<web::Json<StatsAnswer>, ApiError> {
    Ok(web::Json(state.counter.stats().await?.into()))
}
