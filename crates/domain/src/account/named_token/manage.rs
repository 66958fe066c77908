//! Named tokens for their owners: create, list, and revoke.

use chrono::{DateTime, TimeDelta, Utc};
use rand::TryRng;
use rand::rngs::SysRng;
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use secrecy::SecretString;

use super::view::{TokenDetails, TokenPage};
use super::{PREFIX, SECRET_BYTES};
use crate::account::{Accounts, Admin, TokenScope, TokenScopes, digest, invalid};
use crate::audit::{AuditEntry, AuditEvent};
use crate::entity::named_token::{ActiveModel, Column, Entity, Model};
use crate::error::{Error, Result, is_unique_violation};
use crate::operations::check_text;

/// How many tokens an account may have.
pub const MAX_TOKENS: u64 = 100;

/// How many characters a name may have.
const MAX_NAME: usize = 100;

/// The longest time until the expiry.
const LONGEST_LIFETIME: TimeDelta = TimeDelta::days(3_653);

/// A token to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// A name that no other token of the account has.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<TokenScope>,
    /// When it ends; none if it does not end by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Accounts {
    /// Creates a token of this administrator. The answer has the token, which is shown at no other time.
    ///
    /// # Errors
    /// Then nothing is created: [`Error::Invalid`] with the name of the field, [`Error::TokenNameTaken`],
    /// [`Error::TooManyTokens`], [`Error::NoLocalAccount`] for an administrator of an identity provider,
    /// [`Error::ScopeMissing`] for a named token without the scope `admin`, and [`Error::Unauthenticated`] if the session or the
    /// token of the request has ended meanwhile.
    pub async fn create_token(&self, admin: &Admin, new: NewToken) -> Result<TokenDetails> {
        let doing = "creating a named token";
        admin.ensure_scope(TokenScope::Admin)?;
        let user_id = admin.user_id().ok_or(Error::NoLocalAccount)?;
        let now = self.0.clock.now();
        check_text("name", &new.name, MAX_NAME, |_| false)?;
        let scopes = TokenScopes::new(new.scopes)?;
        // `admin` allows everything, so this can't happen yet. It must not when there are more scopes.
        if let Some(scope) = admin.scopes().and_then(|own| own.missing(&scopes)) {
            return Err(Error::ScopeMissing { scope });
        }
        let expires_at = new.expires_at.map(|at| whole_microseconds(at, now)).transpose()?;
        let mut random = [0; SECRET_BYTES];
        SysRng.try_fill_bytes(&mut random).map_err(Error::internal(doing))?;
        let secret = format!("{PREFIX}{}", hex::encode(random));
        let transaction = self.0.database.begin_write(doing).await?;
        self.lock_valid(&transaction, admin).await?;
        let count = Entity::find().filter(own(admin)?).count(&transaction).await;
        if count.map_err(Error::database(doing))? >= MAX_TOKENS {
            return Err(Error::TooManyTokens { limit: MAX_TOKENS });
        }
        let token = ActiveModel {
            id: ActiveValue::NotSet,
            user_id: ActiveValue::Set(user_id),
            username: ActiveValue::Set(admin.username().to_owned()),
            name: ActiveValue::Set(new.name),
            token_digest: ActiveValue::Set(digest(&secret)),
            scopes: ActiveValue::Set(scopes.stored()),
            created_at: ActiveValue::Set(now),
            expires_at: ActiveValue::Set(expires_at),
            last_used_at: ActiveValue::Set(None),
            last_used_from: ActiveValue::Set(None),
        };
        let id = match Entity::insert(token).exec(&transaction).await {
            Ok(inserted) => inserted.last_insert_id,
            Err(error) if is_unique_violation(&error) => {
                return Err(Error::TokenNameTaken);
            }
            Err(error) => return Err(Error::database(doing)(error)),
        };
        // After the commit it may be revoked at once.
        let created = own_token(&transaction, admin, id).await?;
        let event = AuditEntry::by(admin, AuditEvent::TokenCreation)
            .about(id)
            .with("name", created.name.as_str())
            .with("scopes", created.scopes.as_str());
        event.commit(transaction, doing).await?;
        Ok(TokenDetails {
            token: Some(SecretString::from(secret)),
            ..TokenDetails::of(created, now)
        })
    }

    /// Lists the tokens of this administrator by name, also those that have ended.
    ///
    /// # Errors
    /// [`Error::NoLocalAccount`] for an administrator of an identity provider; [`Error::ScopeMissing`]; those of the
    /// database.
    pub async fn list_tokens(&self, admin: &Admin, limit: u64, offset: u64) -> Result<TokenPage> {
        let doing = "listing named tokens";
        admin.ensure_scope(TokenScope::Admin)?;
        let (now, connection) = (self.0.clock.now(), self.0.database.connection());
        let own = own(admin)?;
        let total = Entity::find().filter(own.clone()).count(connection).await;
        let tokens = Entity::find()
            .filter(own)
            .order_by_asc(Column::Name)
            .limit(limit)
            .offset(offset)
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        Ok(TokenPage {
            items: tokens.into_iter().map(|token| TokenDetails::of(token, now)).collect(),
            total: total.map_err(Error::database(doing))?,
        })
    }

    /// The token of this administrator with this name, or else with this id.
    ///
    /// # Errors
    /// [`Error::UnknownToken`], and those of [`Accounts::list_tokens`].
    pub async fn find_token(&self, admin: &Admin, name_or_id: &str) -> Result<TokenDetails> {
        admin.ensure_scope(TokenScope::Admin)?;
        let own = own(admin)?;
        // PostgreSQL would not accept every text.
        check_text("name", name_or_id, MAX_NAME, |_| false).map_err(|_| Error::UnknownToken)?;
        let named = Entity::find()
            .filter(own)
            .filter(Column::Name.eq(name_or_id))
            .one(self.0.database.connection())
            .await
            .map_err(Error::database("looking for a named token"))?;
        let found = match named {
            Some(named) => named,
            None => {
                let id = name_or_id.parse().map_err(|_| Error::UnknownToken)?;
                own_token(self.0.database.connection(), admin, id).await?
            }
        };
        Ok(TokenDetails::of(found, self.0.clock.now()))
    }

    /// Revokes a token of this administrator. Its next request is refused, and so are its unused download links.
    ///
    /// # Errors
    /// [`Error::UnknownToken`], also for a token of another account, and those of [`Accounts::list_tokens`].
    pub async fn revoke_token(&self, admin: &Admin, id: i64) -> Result<()> {
        let doing = "revoking a named token";
        admin.ensure_scope(TokenScope::Admin)?;
        let own = own(admin)?;
        let transaction = self.0.database.begin_write(doing).await?;
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(id))
            .filter(own)
            .exec(&transaction)
            .await;
        if deleted.map_err(Error::database(doing))?.rows_affected == 0 {
            return Err(Error::UnknownToken);
        }
        let event = AuditEntry::by(admin, AuditEvent::TokenRevocation).about(id);
        event.commit(transaction, doing).await
    }
}

async fn own_token(connection: &impl ConnectionTrait, admin: &Admin, id: i64) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(own(admin)?)
        .one(connection)
        .await
        .map_err(Error::database("reading a named token"))?
        .ok_or(Error::UnknownToken)
}

/// The expiry as every engine stores it.
fn whole_microseconds(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    let whole = DateTime::from_timestamp_micros(at.timestamp_micros());
    let allowed = |at: &DateTime<Utc>| now < *at && *at <= now + LONGEST_LIFETIME;
    whole.filter(allowed).ok_or_else(|| {
        invalid(
            "expires_at",
            "must be in the future, and at most ten years from now; leave it out for a token that does not expire",
        )
    })
}

/// The tokens of an administrator. After a restore, or after another program has changed the users, tokens of an account with
/// another name may have the same id of the account.
fn own(admin: &Admin) -> Result<Condition> {
    let user_id = admin.user_id().ok_or(Error::NoLocalAccount)?;
    Ok(Condition::all()
        .add(Column::UserId.eq(user_id))
        .add(Column::Username.eq(admin.username())))
}
