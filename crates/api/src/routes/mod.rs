//! The operations, one file for each capability. The same word is used in the URL, here, in the domain and in the
//! tests.

pub mod accounts;
pub mod archives;
pub mod audit;
pub mod auth;
pub mod backup_health;
pub mod changes;
pub mod clear;
pub mod destinations;
pub mod diff;
pub mod download;
pub mod health;
pub mod history;
pub mod imports;
pub mod jobs;
pub mod keys;
pub mod links;
pub mod notifications;
pub mod password;
pub mod retention;
pub mod schedules;
pub mod sessions;
pub mod stats;
pub mod tokens;

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
        scope::scope("/auth/password")
            .wrap(from_fn(guard::admit_everybody))
            .configure(password::configure),
    );
    config.service(
        scope::scope("/auth/sessions")
            .wrap(from_fn(guard::admit_users))
            .configure(sessions::configure),
    );
    config.service(
        scope::scope("/auth/tokens")
            .wrap(from_fn(security_log::record_operation))
            .wrap(from_fn(guard::admit))
            .configure(tokens::configure),
    );
    config.service(
        scope::scope("/accounts")
            .wrap(from_fn(security_log::record_operation))
            .wrap(from_fn(guard::admit))
            .configure(accounts::configure),
    );
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
            .configure(audit::configure)
            .configure(imports::configure)
            .configure(archives::configure)
            .configure(history::configure)
            .configure(diff::configure)
            .configure(keys::configure)
            .configure(schedules::configure)
            .configure(retention::configure)
            .configure(notifications::configure)
            .configure(destinations::configure)
            .configure(jobs::configure)
            .configure(backup_health::configure),
    );
}
