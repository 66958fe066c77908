//! Destinations for administrators: create, list, edit, delete, and try one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use sea_orm::entity::prelude::Expr;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::fault::explained;
use super::place::{DestinationPlace, FolderUse, invalid, overlaps_any, place_of_store};
use super::view::{DestinationDetails, DestinationPage, details};
use super::{DestinationSettings, rows};
use crate::account::{Actor, Admin};
use crate::audit::{AuditEntry, AuditEvent};
use crate::clock::Clock;
use crate::database::Database;
use crate::entity::archive_copy;
use crate::entity::destination::{ActiveModel, Column, Entity, Model};
use crate::error::{Error, Result};
use crate::job::Idempotency;
use crate::named::{self, Insertion, RowOrigin, check_name};
use crate::notify::{SecretPlace, SecretsKey};
use crate::store::{MissingStoreFeature, Store, StoreSettings};

/// How long a test may take.
const TEST_LIMIT: Duration = Duration::from_secs(30);

/// How long another place may take to be compared. One that hangs is another place.
const COMPARISON_LIMIT: Duration = Duration::from_secs(10);

/// The column of secrets, to which each secret is bound.
const SECRET_COLUMN: &str = "backup_destinations.secret";

/// A destination to be created or tried.
#[derive(Clone, Debug)]
pub struct NewDestination {
    /// A name that no other destination has.
    pub name: String,
    /// `file:/FOLDER`, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    pub url: String,
    /// The address of a storage with the interface of S3; none for Amazon's.
    pub endpoint: Option<String>,
    /// The region of the bucket.
    pub region: Option<String>,
    /// The id of the access key, or the name of the Azure account.
    pub access_key_id: Option<String>,
    /// The secret of the credentials; none for those of the environment.
    pub secret_access_key: Option<SecretString>,
    /// Whether a copy is deleted when its archive is deleted.
    pub deletes: bool,
    /// Whether archives are copied to it.
    pub enabled: bool,
}

/// New values of a destination: `None` leaves one unchanged, `Some(None)` removes it.
#[derive(Clone, Debug, Default)]
pub struct DestinationPatch {
    /// A name that no other destination has.
    pub name: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// The address of a storage with the interface of S3.
    pub endpoint: Option<Option<String>>,
    /// The region of the bucket.
    pub region: Option<Option<String>>,
    /// The id of the access key, or the name of the Azure account.
    pub access_key_id: Option<Option<String>>,
    /// The secret of the credentials.
    pub secret_access_key: Option<Option<SecretString>>,
    /// Whether a copy is deleted when its archive is deleted.
    pub deletes: Option<bool>,
    /// Whether archives are copied to it.
    pub enabled: Option<bool>,
}

/// The result of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DestinationTest, example = json!({
    "works": false, "can_delete": false, "detail": "The destination does not accept the credentials. Enter them again.",
}))]
pub struct DestinationTest {
    /// Whether a file could be written, read and listed.
    pub works: bool,
    /// Whether it could be deleted, too. An immutable destination refuses that.
    pub can_delete: bool,
    /// What was found, as sentences.
    pub detail: String,
}

/// The destinations of an installation. Cloning is cheap.
#[derive(Clone)]
pub struct Destinations(Arc<DestinationsInner>);

struct DestinationsInner {
    database: Database,
    first: Store,
    first_settings: StoreSettings,
    clock: Clock,
    settings: DestinationSettings,
    /// Of several changes at once each sees the places of the others.
    changing: tokio::sync::Mutex<()>,
}

impl Destinations {
    /// The destinations of a database, beside its first store. This reads and writes nothing.
    pub fn new(
        database: Database,
        (first, first_settings): (Store, StoreSettings),
        clock: Clock,
        settings: DestinationSettings,
    ) -> Self {
        Self(Arc::new(DestinationsInner {
            database,
            first,
            first_settings,
            clock,
            settings,
            changing: tokio::sync::Mutex::default(),
        }))
    }

    /// Creates a destination. All archives are copied to it, the newest first. A missing folder is created.
    ///
    /// # Errors
    /// Then nothing is created: [`Error::Invalid`] with the name of the field, [`Error::DestinationNameTaken`], and
    /// [`Error::IdempotencyMismatch`].
    pub async fn create(
        &self,
        admin: &Admin,
        new: NewDestination,
        idempotency: Option<Idempotency>,
    ) -> Result<DestinationDetails> {
        let doing = "creating a destination";
        let now = self.0.clock.now();
        let origin = RowOrigin::new(&Actor::from(admin), idempotency);
        let _turn = self.0.changing.lock().await;
        if let Some(earlier) = named::created_before::<Entity>(&self.0.database, &origin).await? {
            return self.details(earlier).await;
        }
        check_name(&new.name)?;
        let place = new.place();
        self.check_place(&place, None).await?;
        let name = new.name.clone();
        let row = ActiveModel {
            id: ActiveValue::NotSet,
            name: ActiveValue::Set(new.name),
            url: ActiveValue::Set(new.url),
            endpoint: ActiveValue::Set(new.endpoint),
            region: ActiveValue::Set(new.region),
            access_key_id: ActiveValue::Set(new.access_key_id),
            secret: ActiveValue::Set(None),
            deletes: ActiveValue::Set(new.deletes),
            enabled: ActiveValue::Set(new.enabled),
            created_at: ActiveValue::Set(now),
            updated_at: ActiveValue::Set(now),
            created_by: ActiveValue::Set(origin.created_by.clone()),
            idempotency_key: ActiveValue::Set(origin.idempotency_key.clone()),
            fingerprint: ActiveValue::Set(origin.fingerprint.clone()),
            failures: ActiveValue::Set(0),
            retry_at: ActiveValue::Set(None),
            last_copied_at: ActiveValue::Set(None),
            last_error: ActiveValue::Set(None),
            failing_since: ActiveValue::Set(None),
        };
        let (transaction, id) = match named::insert::<Entity>(&self.0.database, row, &origin).await? {
            Insertion::Inserted { transaction, id } => (transaction, id),
            Insertion::Earlier(earlier) => return self.details(earlier).await,
        };
        if let Some(secret) = &place.secret {
            // Bound to the row, whose id is known only now.
            let stored = self.encrypted(id, secret)?;
            let written = Entity::update_many()
                .col_expr(Column::Secret, Expr::value(stored))
                .filter(Column::Id.eq(id))
                .exec(&transaction)
                .await;
            written.map_err(Error::database(doing))?;
        }
        let event = AuditEntry::by(admin, AuditEvent::DestinationCreation)
            .about(id)
            .with("name", name);
        event.commit(transaction, doing).await?;
        self.details(self.row(id).await?).await
    }

    /// Lists destinations by name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn list(&self, _: &Admin, limit: u64, offset: u64) -> Result<DestinationPage> {
        let (rows, total) = named::list::<Entity>(&self.0.database, limit, offset).await?;
        Ok(DestinationPage {
            items: details(self.0.database.connection(), rows).await?,
            total,
        })
    }

    /// One destination.
    ///
    /// # Errors
    /// [`Error::UnknownDestination`].
    pub async fn get(&self, _: &Admin, id: i64) -> Result<DestinationDetails> {
        self.details(self.row(id).await?).await
    }

    /// The destination with this name, or else with this id.
    ///
    /// # Errors
    /// [`Error::UnknownDestination`].
    pub async fn find(&self, _: &Admin, name_or_id: &str) -> Result<DestinationDetails> {
        self.details(named::find::<Entity>(&self.0.database, name_or_id).await?)
            .await
    }

    /// Edits a destination. Copies that have failed are tried again at once. With another URL or endpoint it is another place, so
    /// all archives are copied again, and the copies in the former place stay there.
    ///
    /// # Errors
    /// Then nothing is changed: [`Error::UnknownDestination`], [`Error::Invalid`] with the name of the field, and
    /// [`Error::DestinationNameTaken`].
    pub async fn update(&self, admin: &Admin, id: i64, patch: DestinationPatch) -> Result<DestinationDetails> {
        let doing = "editing a destination";
        let now = self.0.clock.now();
        patch.name.as_deref().map_or(Ok(()), check_name)?;
        let _turn = self.0.changing.lock().await;
        if patch.changes_place() {
            // Checked before the transaction, because a name may have to be resolved.
            let before = self.row(id).await?;
            let place = self.patched_place(&before, &patch)?;
            self.check_place(&place, Some(id)).await?;
        }
        let transaction = self.0.database.begin_write(doing).await?;
        let before = named::lock::<Entity>(&transaction, id).await?;
        let changed = [
            ("name", patch.name.is_some()),
            ("url", patch.url.is_some()),
            ("endpoint", patch.endpoint.is_some()),
            ("region", patch.region.is_some()),
            ("access_key_id", patch.access_key_id.is_some()),
            ("secret_access_key", patch.secret_access_key.is_some()),
            ("deletes", patch.deletes.is_some()),
            ("enabled", patch.enabled.is_some()),
        ];
        let secret = match &patch.secret_access_key {
            Some(Some(secret)) => Some(self.encrypted(id, secret)?),
            Some(None) => None,
            None => before.secret.clone(),
        };
        let url = patch.url.unwrap_or_else(|| before.url.clone());
        let endpoint = patch.endpoint.unwrap_or_else(|| before.endpoint.clone());
        let is_elsewhere = (&url, &endpoint) != (&before.url, &before.endpoint);
        let after = Model {
            name: patch.name.unwrap_or_else(|| before.name.clone()),
            url,
            endpoint,
            region: patch.region.unwrap_or_else(|| before.region.clone()),
            access_key_id: patch.access_key_id.unwrap_or_else(|| before.access_key_id.clone()),
            secret,
            deletes: patch.deletes.unwrap_or(before.deletes),
            enabled: patch.enabled.unwrap_or(before.enabled),
            // A copy of the service that reads it in between sees that it was changed.
            updated_at: now.max(before.updated_at + TimeDelta::microseconds(1)),
            failures: 0,
            retry_at: None,
            last_copied_at: before.last_copied_at.filter(|_| !is_elsewhere),
            last_error: before.last_error.clone().filter(|_| !is_elsewhere),
            failing_since: before.failing_since.filter(|_| !is_elsewhere),
            ..before
        };
        let updated = after.into_active_model().reset_all().update(&transaction).await;
        let updated = updated.map_err(named::update_error::<Entity>(doing))?;
        match is_elsewhere {
            true => forget_copies(&transaction, id).await?,
            false => retry_copies(&transaction, id, now).await?,
        }
        let event = AuditEntry::by(admin, AuditEvent::DestinationChange)
            .about(id)
            .with("name", updated.name.as_str())
            .changing(changed)
            .with("is_elsewhere", is_elsewhere);
        event.commit(transaction, doing).await?;
        self.details(updated).await
    }

    /// Deletes a destination. The copies in it stay there.
    ///
    /// # Errors
    /// [`Error::UnknownDestination`].
    pub async fn delete(&self, admin: &Admin, id: i64) -> Result<()> {
        let doing = "deleting a destination";
        let transaction = self.0.database.begin_write(doing).await?;
        let name = named::lock::<Entity>(&transaction, id).await?.name;
        named::delete::<Entity>(&transaction, id).await?;
        forget_copies(&transaction, id).await?;
        let event = AuditEntry::by(admin, AuditEvent::DestinationDeletion)
            .about(id)
            .with("name", name);
        event.commit(transaction, doing).await
    }

    /// Tries a destination that is not saved: writes a file, reads it, lists it and deletes it. A missing folder is created.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub async fn try_new(&self, _: &Admin, new: NewDestination) -> Result<DestinationTest> {
        check_name(&new.name)?;
        let place = new.place();
        let checked = async {
            place.check(&self.0.settings).await?;
            self.ensure_distinct(&place, None).await
        };
        within_limit(checked).await?;
        Ok(self.try_place(&place, FolderUse::Prepare, None).await)
    }

    /// Tries a destination, also if it is disabled.
    ///
    /// # Errors
    /// [`Error::UnknownDestination`].
    pub async fn try_saved(&self, _: &Admin, id: i64) -> Result<DestinationTest> {
        let destination = self.row(id).await?;
        match place_of(&destination, self.0.settings.key.as_ref()) {
            Ok(place) => Ok(self.try_place(&place, FolderUse::Existing, Some(id)).await),
            Err(problem) => Ok(DestinationTest::failed(problem)),
        }
    }

    async fn try_place(&self, place: &DestinationPlace, folder_use: FolderUse, id: Option<i64>) -> DestinationTest {
        let tried = async {
            let store = place.open(&self.0.settings, folder_use).await?;
            let check = store.check().await?;
            if check.can_delete {
                self.ensure_elsewhere(&store, id).await?;
            }
            Ok(check)
        };
        match tokio::time::timeout(TEST_LIMIT, tried).await {
            Ok(Ok(check)) => DestinationTest {
                works: true,
                can_delete: check.can_delete,
                detail: match check.missing_feature() {
                    None if check.keeps_versions => {
                        "A file could be written, read, listed and deleted. The bucket keeps versions: what is deleted is only \
                         hidden, until a rule of the bucket removes the old versions."
                            .to_owned()
                    }
                    None => "A file could be written, read, listed and deleted.".to_owned(),
                    Some(MissingStoreFeature::Deletions) => {
                        "A file could be written, read and listed. The destination refuses to delete it, so copies stay \
                         until it allows that."
                            .to_owned()
                    }
                    Some(MissingStoreFeature::Conditions) => {
                        "A file could be written, read, listed and deleted. The destination has no conditional writes, \
                         which copies do not need."
                            .to_owned()
                    }
                },
            },
            Ok(Err(error)) => DestinationTest::failed(explained(&error)),
            Err(_) => DestinationTest::failed(format!(
                "The destination did not answer within {} seconds.",
                TEST_LIMIT.as_secs()
            )),
        }
    }

    /// Checks the place of a destination that is to be saved, and prepares its folder.
    async fn check_place(&self, place: &DestinationPlace, id: Option<i64>) -> Result<()> {
        let opened = async {
            place.check(&self.0.settings).await?;
            self.ensure_distinct(place, id).await?;
            if place.secret.is_some() {
                self.key()?;
            }
            place.open(&self.0.settings, FolderUse::Prepare).await
        };
        let store = within_limit(opened).await?;
        self.ensure_elsewhere(&store, id).await
    }

    /// Ensures, as far as they answer in time, that a store is not the first one or that of another enabled destination under
    /// another name: an address, or another name of one server.
    async fn ensure_elsewhere(&self, store: &Store, id: Option<i64>) -> Result<()> {
        let Ok(Ok(probe)) = tokio::time::timeout(COMPARISON_LIMIT, store.put_probe()).await else {
            return Ok(());
        };
        let others = rows::enabled(&self.0.database).await?;
        let others = others
            .into_iter()
            .filter(|other| Some(other.id) != id)
            .map(|other| async move {
                let place = place_of(&other, self.0.settings.key.as_ref()).ok()?;
                place.open(&self.0.settings, FolderUse::Existing).await.ok()
            });
        let probe = probe.as_str();
        let of_first = tokio::time::timeout(COMPARISON_LIMIT, has_probe(Some(self.0.first.clone()), probe));
        let of_others = others.map(|other| {
            let found = async move { has_probe(other.await, probe).await };
            tokio::time::timeout(COMPARISON_LIMIT, found)
        });
        let (of_first, of_others) = tokio::join!(of_first, join_all(of_others));
        // A sweep removes what remains.
        let _ = tokio::time::timeout(COMPARISON_LIMIT, store.remove_probe(probe)).await;
        if of_first.unwrap_or(false) {
            return Err(invalid("url", "is that of the first store under another name"));
        }
        match of_others.into_iter().any(|found| found.unwrap_or(false)) {
            true => Err(invalid("url", "is that of another destination under another name")),
            false => Ok(()),
        }
    }

    /// Refuses a place that equals the first store or another destination, contains it, or lies in it.
    async fn ensure_distinct(&self, place: &DestinationPlace, id: Option<i64>) -> Result<()> {
        let at = place.place(&self.0.settings).await?;
        let first = place_of_store(&self.0.first_settings).await?;
        if overlaps_any(at.clone(), vec![first]).await? {
            return Err(invalid("url", "must not be the first store, in it or around it"));
        }
        let others = Entity::find()
            .all(self.0.database.connection())
            .await
            .map_err(Error::database("reading the destinations"))?;
        let others = others.iter().filter(|other| Some(other.id) != id).map(|other| {
            let without_secret = DestinationPlace {
                url: other.url.clone(),
                endpoint: other.endpoint.clone(),
                region: None,
                access_key_id: other.access_key_id.clone(),
                // Only the account counts.
                secret: other.access_key_id.as_ref().map(|_| SecretString::default()),
            };
            let at = at.clone();
            tokio::time::timeout(COMPARISON_LIMIT, async move {
                let place = without_secret.place(&self.0.settings).await?;
                overlaps_any(at, vec![place]).await
            })
        });
        for compared in join_all(others).await {
            if compared.unwrap_or(Ok(false))? {
                return Err(invalid("url", "must not be another destination, in it or around it"));
            }
        }
        Ok(())
    }

    /// The place of a destination with new values.
    fn patched_place(&self, before: &Model, patch: &DestinationPatch) -> Result<DestinationPlace> {
        let secret = match &patch.secret_access_key {
            Some(secret) => secret.clone(),
            // Its length and form were checked when it was saved, and it may be readable by other copies only.
            None => match place_of(before, self.0.settings.key.as_ref()) {
                Ok(place) => place.secret,
                Err(problem) => return Err(invalid("secret_access_key", problem.trim_end_matches('.'))),
            },
        };
        let value =
            |new: &Option<Option<String>>, before: &Option<String>| new.clone().unwrap_or_else(|| before.clone());
        Ok(DestinationPlace {
            url: patch.url.clone().unwrap_or_else(|| before.url.clone()),
            endpoint: value(&patch.endpoint, &before.endpoint),
            region: value(&patch.region, &before.region),
            access_key_id: value(&patch.access_key_id, &before.access_key_id),
            secret,
        })
    }

    fn key(&self) -> Result<&SecretsKey> {
        let missing = || {
            invalid(
                "secret_access_key",
                "can't be stored: this program has no key for secrets. Start the service once, which makes one in the data folder",
            )
        };
        self.0.settings.key.as_ref().ok_or_else(missing)
    }

    fn encrypted(&self, id: i64, secret: &SecretString) -> Result<String> {
        let encrypted = self.key()?.encrypt(secret_place(id), secret);
        encrypted.map_err(|_| Error::internal("encrypting a secret")("the library refuses the key"))
    }

    async fn row(&self, id: i64) -> Result<Model> {
        named::get::<Entity>(&self.0.database, id).await
    }

    async fn details(&self, destination: Model) -> Result<DestinationDetails> {
        let details = details(self.0.database.connection(), vec![destination]).await?;
        details.into_iter().next().ok_or(Error::UnknownDestination)
    }
}

impl NewDestination {
    fn place(&self) -> DestinationPlace {
        DestinationPlace {
            url: self.url.clone(),
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            access_key_id: self.access_key_id.clone(),
            secret: self.secret_access_key.clone(),
        }
    }
}

impl DestinationPatch {
    fn changes_place(&self) -> bool {
        self.url.is_some()
            || self.endpoint.is_some()
            || self.region.is_some()
            || self.access_key_id.is_some()
            || self.secret_access_key.is_some()
    }
}

impl DestinationTest {
    fn failed(detail: impl Into<String>) -> Self {
        Self {
            works: false,
            can_delete: false,
            detail: detail.into(),
        }
    }
}

/// Whether a store that could be opened has the file of another one.
async fn has_probe(store: Option<Store>, probe: &str) -> bool {
    match store {
        Some(store) => store.has_probe(probe).await.unwrap_or(false),
        None => false,
    }
}

/// Waits for a place, with a time limit: a network drive may hang.
///
/// # Errors
/// Those of the work, and [`Error::Invalid`] of `url` after the limit.
async fn within_limit<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let problem = || {
        format!(
            "names a place that did not answer within {} seconds",
            TEST_LIMIT.as_secs()
        )
    };
    let done = tokio::time::timeout(TEST_LIMIT, work).await;
    done.map_err(|_| invalid("url", problem()))?
}

/// Where a destination is, with its secret.
///
/// # Errors
/// The problem, as a sentence: the key does not open the secret.
pub(super) fn place_of(destination: &Model, key: Option<&SecretsKey>) -> Result<DestinationPlace, &'static str> {
    const WRONG_KEY: &str = "The secret of this destination can't be read with the key of this service. Give the service the key \
                             that it had (--secrets-key-file), or enter the secret again.";
    let secret = match destination.secret.as_deref() {
        None => None,
        Some(stored) => {
            let opened = key.ok_or(WRONG_KEY)?.decrypt(secret_place(destination.id), stored);
            Some(opened.map_err(|_| WRONG_KEY)?)
        }
    };
    Ok(DestinationPlace {
        url: destination.url.clone(),
        endpoint: destination.endpoint.clone(),
        region: destination.region.clone(),
        access_key_id: destination.access_key_id.clone(),
        secret,
    })
}

fn secret_place(id: i64) -> SecretPlace {
    SecretPlace {
        column: SECRET_COLUMN,
        row: id,
    }
}

/// Forgets the copies of a destination. They stay where they are.
async fn forget_copies(transaction: &DatabaseTransaction, id: i64) -> Result<()> {
    let forgotten = archive_copy::Entity::delete_many()
        .filter(archive_copy::Column::DestinationId.eq(id))
        .exec(transaction)
        .await;
    forgotten
        .map(drop)
        .map_err(Error::database("forgetting the copies of a destination"))
}

/// Makes all work for a destination due now.
async fn retry_copies(transaction: &DatabaseTransaction, id: i64, now: DateTime<Utc>) -> Result<()> {
    let due = archive_copy::Entity::update_many()
        .col_expr(archive_copy::Column::NextAttemptAt, Expr::value(now))
        .filter(archive_copy::Column::DestinationId.eq(id))
        .exec(transaction)
        .await;
    due.map(drop)
        .map_err(Error::database("letting the copies of a destination be tried again"))
}

impl fmt::Debug for Destinations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destinations")
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}
