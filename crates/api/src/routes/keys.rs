//! `/backup/keys`: how new archives are encrypted. It has public keys only.

use actix_web::{get, web};
use campus_backup_archive::PublicKey;
use campus_backup_domain::operations::KeyMode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{NoParameters, Query};
use crate::middleware::guard::Granted;
use crate::problem_responses;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_keys);
}

/// How new archives are encrypted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ArchiveKeys, example = json!({
    "mode": "recipients",
    "recipients": [{
        "recipient": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
        "fingerprint": "9f86-d081-884c-7d65-9a2f-eaa0-c55a-d015",
    }],
}))]
pub struct KeysAnswer {
    /// How new archives are encrypted.
    pub mode: KeyMode,
    /// The public keys that new archives are encrypted to.
    pub recipients: Vec<PublicKeyAnswer>,
}

/// A public key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ArchiveRecipient)]
pub struct PublicKeyAnswer {
    /// The key, as age writes it.
    pub recipient: String,
    /// The first 16 bytes of the SHA-256 of that text, as eight groups of four hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{4}(-[0-9a-f]{4}){7}$")]
    pub fingerprint: String,
}

impl KeysAnswer {
    /// The keys of the settings.
    pub fn of(state: &AppState) -> Self {
        let recipients = state.operations.public_keys().into_iter();
        Self {
            mode: state.operations.key_mode(),
            recipients: recipients.map(PublicKeyAnswer::from).collect(),
        }
    }
}

impl From<PublicKey> for PublicKeyAnswer {
    fn from(key: PublicKey) -> Self {
        Self {
            recipient: key.recipient,
            fingerprint: key.fingerprint.into(),
        }
    }
}

problem_responses!(KeysProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal);

/// Get the keys of archives
///
/// The public keys that new archives are encrypted to. With the mode `recipients` the service has no key that opens them: restores,
/// verifications, comparisons, downloads of a table and undos then need the secret key, as `identity` or in the header
/// `X-Archive-Identity`.
#[utoipa::path(
    operation_id = "getArchiveKeys",
    tag = "archives",
    responses((status = 200, description = "The keys.", body = KeysAnswer), KeysProblems)
)]
#[get("/keys")]
async fn get_keys(_: Granted, _: Query<NoParameters>, state: web::Data<AppState>) -> web::Json<KeysAnswer> {
    web::Json(KeysAnswer::of(&state))
}
