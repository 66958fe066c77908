//! Rows that administrators create under a name: destinations, notifications and schedules. No two rows of a table have the same name, and
//! requests with the same idempotency key create one row.

use sea_orm::entity::prelude::Expr;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, PrimaryKeyTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::account::Actor;
use crate::audit::ReceiptState;
use crate::database::Database;
use crate::error::{Error, Result, is_unique_violation};
use crate::job::Idempotency;
use crate::operations::check_text;

/// How many characters a name may have.
const MAX_NAME: usize = 100;

/// A table of such rows.
pub(crate) trait NamedEntity: EntityTrait<Model: Sync, PrimaryKey: PrimaryKeyTrait<ValueType = i64>> {
    /// The primary key.
    const ID: Self::Column;
    /// The unique name.
    const NAME: Self::Column;
    /// The name of the user who created it.
    const CREATED_BY: Self::Column;
    /// The idempotency key of the request that created it, unique with that name.
    const IDEMPOTENCY_KEY: Self::Column;

    /// What is being done, for errors.
    const CREATING: &'static str;
    const LOOKING: &'static str;
    const LISTING: &'static str;
    const READING: &'static str;
    const LOCKING: &'static str;
    const DELETING: &'static str;

    /// The fingerprint of the request that created a row.
    fn fingerprint(row: &Self::Model) -> Option<&str>;

    /// The error for a row that does not exist.
    fn unknown() -> Error;

    /// The error for a name that another row has.
    fn name_taken() -> Error;
}

macro_rules! named_entity {
    ($module:ident, $what:literal, $unknown:ident, $taken:ident) => {
        impl NamedEntity for crate::entity::$module::Entity {
            const ID: Self::Column = crate::entity::$module::Column::Id;
            const NAME: Self::Column = crate::entity::$module::Column::Name;
            const CREATED_BY: Self::Column = crate::entity::$module::Column::CreatedBy;
            const IDEMPOTENCY_KEY: Self::Column = crate::entity::$module::Column::IdempotencyKey;
            const CREATING: &'static str = concat!("creating a ", $what);
            const LOOKING: &'static str = concat!("looking for a ", $what);
            const LISTING: &'static str = concat!("listing ", $what, "s");
            const READING: &'static str = concat!("reading a ", $what);
            const LOCKING: &'static str = concat!("reading a ", $what, " in order to edit it");
            const DELETING: &'static str = concat!("deleting a ", $what);

            fn fingerprint(row: &Self::Model) -> Option<&str> {
                row.fingerprint.as_deref()
            }

            fn unknown() -> Error {
                Error::$unknown
            }

            fn name_taken() -> Error {
                Error::$taken
            }
        }
    };
}

named_entity!(destination, "destination", UnknownDestination, DestinationNameTaken);
named_entity!(notification, "notification", UnknownNotification, NotificationNameTaken);
named_entity!(schedule, "schedule", UnknownSchedule, ScheduleNameTaken);

/// Who creates a row, and by which request.
#[derive(Clone, Debug)]
pub(crate) struct RowOrigin {
    actor: Actor,
    pub(crate) created_by: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) fingerprint: Option<String>,
}

impl RowOrigin {
    pub(crate) fn new(actor: &Actor, idempotency: Option<Idempotency>) -> Self {
        let (idempotency_key, fingerprint) = idempotency.map(|idempotency| idempotency.stored(actor)).unzip();
        Self {
            actor: actor.clone(),
            created_by: actor.username().to_owned(),
            idempotency_key,
            fingerprint,
        }
    }
}

/// The result of [`insert`].
pub(crate) enum Insertion<M> {
    /// The row was inserted, in a transaction that the caller commits.
    Inserted { transaction: DatabaseTransaction, id: i64 },
    /// The same request has created this row before.
    Earlier(M),
}

/// The row that the same request has created before.
///
/// # Errors
/// [`Error::IdempotencyMismatch`] if another request has used the key.
pub(crate) async fn created_before<E: NamedEntity>(
    database: &Database,
    origin: &RowOrigin,
) -> Result<Option<E::Model>> {
    let Some(key) = &origin.idempotency_key else {
        return Ok(None);
    };
    let found = E::find()
        .filter(E::CREATED_BY.eq(origin.created_by.as_str()))
        .filter(E::IDEMPOTENCY_KEY.eq(key.as_str()))
        .one(database.connection())
        .await
        .map_err(Error::database(E::LOOKING))?;
    match found {
        Some(found) if E::fingerprint(&found) != origin.fingerprint.as_deref() => Err(Error::IdempotencyMismatch),
        Some(found) => {
            origin.actor.note(ReceiptState::Repeated);
            Ok(Some(found))
        }
        None => Ok(None),
    }
}

/// Inserts a row, unless the same request was faster.
///
/// # Errors
/// [`NamedEntity::name_taken`], [`Error::IdempotencyMismatch`], and database errors.
pub(crate) async fn insert<E: NamedEntity>(
    database: &Database,
    row: E::ActiveModel,
    origin: &RowOrigin,
) -> Result<Insertion<E::Model>> {
    let transaction = database.begin_write(E::CREATING).await?;
    match E::insert(row).exec(&transaction).await {
        Ok(inserted) => Ok(Insertion::Inserted {
            transaction,
            id: inserted.last_insert_id,
        }),
        Err(error) if is_unique_violation(&error) => {
            transaction.rollback().await.map_err(Error::database(E::CREATING))?;
            // The same request may have been faster, or another row has the name.
            let earlier = created_before::<E>(database, origin).await?;
            earlier.map(Insertion::Earlier).ok_or_else(E::name_taken)
        }
        Err(error) => Err(Error::database(E::CREATING)(error)),
    }
}

/// A page of the rows, by name, and how many there are.
///
/// # Errors
/// Database errors.
pub(crate) async fn list<E: NamedEntity>(database: &Database, limit: u64, offset: u64) -> Result<(Vec<E::Model>, u64)> {
    let connection = database.connection();
    let total = E::find().count(connection).await.map_err(Error::database(E::LISTING))?;
    let rows = E::find().order_by_asc(E::NAME).limit(limit).offset(offset);
    let rows = rows.all(connection).await.map_err(Error::database(E::LISTING))?;
    Ok((rows, total))
}

/// The row with this id.
///
/// # Errors
/// [`NamedEntity::unknown`], and database errors.
pub(crate) async fn get<E: NamedEntity>(database: &Database, id: i64) -> Result<E::Model> {
    let row = E::find_by_id(id).one(database.connection()).await;
    row.map_err(Error::database(E::READING))?.ok_or_else(E::unknown)
}

/// The row with this name, or else with this id.
///
/// # Errors
/// [`NamedEntity::unknown`], and database errors.
pub(crate) async fn find<E: NamedEntity>(database: &Database, name_or_id: &str) -> Result<E::Model> {
    // PostgreSQL would not accept every text.
    check_name(name_or_id).map_err(|_| E::unknown())?;
    let named = E::find().filter(E::NAME.eq(name_or_id));
    let named = named
        .one(database.connection())
        .await
        .map_err(Error::database(E::LOOKING))?;
    match named {
        Some(named) => Ok(named),
        None => get::<E>(database, name_or_id.parse().map_err(|_| E::unknown())?).await,
    }
}

/// Reads a row that no other transaction changes until the end of this one.
///
/// # Errors
/// [`NamedEntity::unknown`], and database errors.
pub(crate) async fn lock<E: NamedEntity>(transaction: &DatabaseTransaction, id: i64) -> Result<E::Model> {
    // The update takes the lock on every engine, although it changes nothing.
    let touched = E::update_many()
        .col_expr(E::NAME, Expr::col(E::NAME))
        .filter(E::ID.eq(id))
        .exec(transaction)
        .await;
    if touched.map_err(Error::database(E::LOCKING))?.rows_affected == 0 {
        return Err(E::unknown());
    }
    let row = E::find_by_id(id).one(transaction).await;
    row.map_err(Error::database(E::LOCKING))?.ok_or_else(E::unknown)
}

/// Deletes a row, in a transaction that the caller commits.
///
/// # Errors
/// [`NamedEntity::unknown`], and database errors.
pub(crate) async fn delete<E: NamedEntity>(transaction: &DatabaseTransaction, id: i64) -> Result<()> {
    let deleted = E::delete_by_id(id).exec(transaction).await;
    match deleted.map_err(Error::database(E::DELETING))?.rows_affected {
        0 => Err(E::unknown()),
        _ => Ok(()),
    }
}

/// The error of a statement that has changed a row, whose new name another row may have.
pub(crate) fn update_error<E: NamedEntity>(doing: &'static str) -> impl FnOnce(DbErr) -> Error {
    move |error| match is_unique_violation(&error) {
        true => E::name_taken(),
        false => Error::database(doing)(error),
    }
}

/// Checks a name.
///
/// # Errors
/// [`Error::Invalid`] with the field `name`.
pub(crate) fn check_name(name: &str) -> Result<()> {
    check_text("name", name, MAX_NAME, |_| false)
}
