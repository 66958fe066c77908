//! A request is admitted when its headers have arrived. Its body, or a free thread for hashing, may take until long after its
//! session or token has ended. So a change that makes credentials checks them once more, in its own transaction.

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QuerySelect};

use super::session::{UserSession, lock_account, lock_epoch};
use super::token::NO_LONGER_ACTIVE;
use super::{Accounts, Admin, named_token};
use crate::entity::named_token as stored;
use crate::entity::user::{self, Role};
use crate::error::{Error, Result};

impl Accounts {
    /// Ensures that the session or the named token of a request is still accepted, and that its user is still an active
    /// administrator. It does not ask an identity provider again.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]
    pub async fn ensure_still_valid(&self, admin: &Admin) -> Result<()> {
        self.ensure_valid_in(self.0.database.connection(), admin).await
    }

    /// The same in a transaction. What ends the session or the token comes before it or waits for its end.
    ///
    /// Call it before the first read without a lock, because on MySQL the transaction keeps what that read has seen. The order of
    /// locks is: accounts, the epoch of all sessions, named tokens.
    pub(super) async fn lock_valid(&self, transaction: &DatabaseTransaction, admin: &Admin) -> Result<()> {
        let Some(user_id) = admin.user_id() else { return Ok(()) };
        lock_account(transaction, user_id).await?;
        lock_epoch(transaction).await?;
        if let Some(token_id) = admin.token_id() {
            let locked = stored::Entity::find_by_id(token_id).lock_exclusive().one(transaction);
            locked.await.map_err(Error::database("locking a named token"))?;
        }
        self.ensure_valid_in(transaction, admin).await
    }

    async fn ensure_valid_in(&self, connection: &impl ConnectionTrait, admin: &Admin) -> Result<()> {
        let Some(user_id) = admin.user_id() else { return Ok(()) };
        let which = Condition::all()
            .add(user::Column::Id.eq(user_id))
            .add(user::Column::Username.eq(admin.username()))
            .add(user::Column::Role.eq(Role::Admin))
            .add(user::Column::IsActive.eq(true));
        let session = admin.session();
        let found = UserSession::read(connection, which, session.map(|session| session.id.as_str())).await?;
        let found = found.ok_or(Error::Unauthenticated(NO_LONGER_ACTIVE))?;
        if let Some(reason) = session.and_then(|session| found.refusal(session)) {
            return Err(Error::Unauthenticated(reason));
        }
        match admin.token_id() {
            Some(token_id) => named_token::ensure_accepted(connection, token_id, self.0.clock.now()).await,
            None => Ok(()),
        }
    }
}
