//! The operations, one file for each capability. The same word is used in the URL, here, in the domain and in the
//! tests.

pub mod archives;
pub mod auth;
pub mod backup_health;
pub mod changes;
pub mod clear;
pub mod diff;
pub mod download;
pub mod health;
pub mod jobs;
pub mod links;
pub mod notifications;
pub mod retention;
pub mod schedules;
pub mod stats;

use actix_web::middleware::from_fn;
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::middleware::guard;
use crate::security_log;

/// Registers every operation. A bare `route(..)` would be served and absent from the API's document, so only
/// `service(..)` is used.
pub fn configure(config: &mut ServiceConfig<'_>) {
    health::configure(config);
    auth::configure(config);
    config.service(
        scope::scope("/backup")
            .wrap(from_fn(security_log::record_operation))
            // The middleware that is added last is the outermost.
            .wrap(from_fn(guard::admit))
            .configure(stats::configure)
            .configure(download::configure)
            .configure(links::configure)
            .configure(clear::configure)
            .configure(changes::configure)
            .configure(archives::configure)
            .configure(diff::configure)
            .configure(schedules::configure)
            .configure(retention::configure)
            .configure(notifications::configure)
            .configure(jobs::configure)
            .configure(backup_health::configure),
    );
}
