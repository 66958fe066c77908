//! Signing in and authentication, through the public API, on a separate database.

#![allow(clippy::unwrap_used)]

mod provider;

use chrono::TimeDelta;

use super::*;
use crate::entity::user::Role;
use crate::sample::School;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::Expr;
use sea_orm::{EntityTrait, QueryFilter};

pub(super) const PASSWORD: &str = "tulip-anvil-94-crater";
pub(super) const SECRET: &str = "3f8c1be04a7d5926e1b7c09d48fa6253";
pub(super) const OTHER_SECRET: &str = "91d4a6e07bc35f28d06e94b1fa2785c3";
const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// The accounts of an empty school.
pub(super) struct SchoolAccounts {
    pub(super) accounts: Accounts,
    pub(super) folder: tempfile::TempDir,
}

impl SchoolAccounts {
    pub(super) async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut AccountSettings, &std::path::Path)) -> Self {
        let School { database, folder } = School::empty().await;
        let mut settings = AccountSettings::new(SECRET.as_bytes().to_vec().into(), "here".to_owned());
        change(&mut settings, folder.path());
        let accounts = Accounts::new(database, settings).unwrap();
        Self { accounts, folder }
    }

    pub(super) fn database(&self) -> &Database {
        &self.accounts.0.database
    }

    pub(super) async fn user(&self, username: &str, role: Role) -> user::Model {
        let row = user::ActiveModel {
            username: Set(username.to_owned()),
            email: Set(None),
            password_hash: Set(self.accounts.0.passwords.hash(&PASSWORD.into()).await.unwrap()),
            role: Set(role),
            is_active: Set(true),
            created_at: Set(now()),
            ..Default::default()
        };
        user::Entity::insert(row)
            .exec(self.database().connection())
            .await
            .unwrap();
        self.accounts.user_named(username).await.unwrap().unwrap().user
    }

    pub(super) async fn change(&self, id: i64, column: user::Column, value: impl Into<sea_orm::Value>) {
        let changed = user::Entity::update_many()
            .col_expr(column, Expr::value(value))
            .filter(user::Column::Id.eq(id))
            .exec(self.database().connection())
            .await
            .unwrap();
        assert_eq!(changed.rows_affected, 1);
    }

    pub(super) async fn login(&self, username: &str, password: &str) -> Result<SignedIn> {
        self.accounts.login(username, &password.into(), HOME).await
    }

    pub(super) async fn admin(&self) -> Admin {
        self.user("margaret", Role::Admin).await;
        let signed_in = self.login("margaret", PASSWORD).await.unwrap();
        signed_in.principal.admin().unwrap()
    }
}

pub(super) fn refusal<T>(result: Result<T>) -> Error {
    match result {
        Ok(_) => unreachable!("this should have been refused"),
        Err(error) => error,
    }
}

#[test]
fn accounts_are_created_without_a_runtime_and_show_no_secret() {
    let secret = b"a secret of more than thirty-two bytes".to_vec().into();
    let settings = AccountSettings::new(secret, "here".to_owned());
    assert!(!format!("{settings:?}").contains("thirty"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let school = runtime.block_on(SchoolAccounts::new());
    let database = school.database().clone();
    assert!(Accounts::new(database.clone(), settings.clone()).is_ok());
    let mut short = settings;
    short.previous_secret = Some(vec![1; 31].into());
    assert!(matches!(refusal(Accounts::new(database, short)), Error::Invalid { .. }));
}

#[tokio::test]
async fn wrong_credentials_get_the_same_refusal() {
    let school = SchoolAccounts::new().await;
    let user = school.user("grace", Role::Admin).await;
    let odd = school.user("odd", Role::Admin).await;
    school.change(odd.id, user::Column::PasswordHash, "!").await;
    let idle = school.user("idle", Role::Admin).await;
    school.change(idle.id, user::Column::IsActive, false).await;
    for (username, password) in [
        ("grace", "wrong"),
        ("grace", ""),
        ("Grace", PASSWORD),
        ("unknown", PASSWORD),
        ("", ""),
        ("gra\0ce", PASSWORD),
        ("odd", PASSWORD),
        ("odd", "!"),
        ("idle", PASSWORD),
        (&"x".repeat(300), PASSWORD),
        (&user.password_hash, &user.password_hash),
    ] {
        let result = school.login(username, password).await;
        assert!(matches!(refusal(result), Error::WrongCredentials), "{username:?}");
    }
}

#[tokio::test]
async fn too_many_attempts_are_refused_even_with_the_right_password() {
    let school = SchoolAccounts::with(|settings, _| settings.logins.account.burst = 2).await;
    school.user("grace", Role::Admin).await;
    for _ in 0..2 {
        assert!(matches!(
            refusal(school.login("grace", "wrong").await),
            Error::WrongCredentials
        ));
    }
    let refused = refusal(school.login("grace", PASSWORD).await);
    assert!(matches!(refused, Error::TooManyLogins { retry_after } if retry_after > Duration::ZERO));
}

#[tokio::test]
async fn user_is_authenticated_with_the_role_in_the_database() {
    let school = SchoolAccounts::new().await;
    let user = school.user("grace", Role::Teacher).await;
    let before = Utc::now();
    let signed_in = school.login("grace", PASSWORD).await.unwrap();
    assert_eq!(signed_in.expires_in, 900);
    assert!(!format!("{signed_in:?}").contains(&signed_in.access_token));
    let issued_at = signed_in.expires_at - TimeDelta::minutes(15);
    assert!(
        before - TimeDelta::seconds(1) <= issued_at && issued_at <= Utc::now(),
        "{issued_at}"
    );

    let teacher = school.accounts.authenticate(&signed_in.access_token).await.unwrap();
    assert_eq!((teacher.user_id, teacher.role), (Some(user.id), Role::Teacher));
    assert!(matches!(refusal(teacher.admin()), Error::Forbidden));
    let mut forged = teacher;
    forged.role = Role::Admin;
    assert!(matches!(refusal(forged.admin()), Error::Forbidden));

    school.change(user.id, user::Column::Role, Role::Admin).await;
    let admin = school.accounts.authenticate(&signed_in.access_token).await.unwrap();
    assert_eq!(admin.admin().unwrap().user_id(), Some(user.id));
}

#[tokio::test]
async fn demoted_inactive_and_deleted_users_are_refused_at_once() {
    let school = SchoolAccounts::new().await;
    let user = school.user("grace", Role::Admin).await;
    let token = school.login("grace", PASSWORD).await.unwrap().access_token;
    let accounts = &school.accounts;
    accounts.authenticate(&token).await.unwrap().admin().unwrap();

    school.change(user.id, user::Column::Role, Role::Accountant).await;
    let demoted = accounts.authenticate(&token).await.unwrap();
    assert!(matches!(refusal(demoted.admin()), Error::Forbidden));

    school.change(user.id, user::Column::IsActive, false).await;
    let inactive = refusal(accounts.authenticate(&token).await);
    assert!(matches!(inactive, Error::Unauthenticated(token::NO_LONGER_ACTIVE)));

    school.change(user.id, user::Column::IsActive, true).await;
    accounts.authenticate(&token).await.unwrap();
    let deleted = user::Entity::delete_by_id(user.id)
        .exec(school.database().connection())
        .await;
    deleted.unwrap();
    let gone = refusal(accounts.authenticate(&token).await);
    assert!(matches!(gone, Error::Unauthenticated(token::NO_LONGER_ACTIVE)));
}

#[tokio::test]
async fn tokens_end_with_the_password_and_with_the_sessions() {
    let school = SchoolAccounts::new().await;
    let user = school.user("grace", Role::Admin).await;
    school.user("ada", Role::Admin).await;
    let accounts = &school.accounts;
    let year = Duration::from_secs(365 * 24 * 3600);
    let tokens = async || {
        let script = accounts.issue_token("grace", year).await.unwrap();
        [script, school.login("grace", PASSWORD).await.unwrap()]
    };
    let assert_refused = async |tokens: [SignedIn; 2], expected: &str| {
        for token in tokens {
            match refusal(accounts.authenticate(&token.access_token).await) {
                Error::Unauthenticated(reason) => assert_eq!(reason, expected),
                other => unreachable!("{other:?}"),
            }
        }
    };
    let others = school.login("ada", PASSWORD).await.unwrap().access_token;

    let before = tokens().await;
    accounts.end_sessions_of("grace").await.unwrap();
    assert_refused(before, session::ACCOUNT_CHANGED).await;
    let before = tokens().await;
    accounts.end_account_sessions(user.id).await.unwrap();
    assert_refused(before, session::ACCOUNT_CHANGED).await;
    let before = tokens().await;
    // The same password ends the tokens too.
    let reset = accounts.reset_password("grace", Some(&PASSWORD.into())).await;
    reset.unwrap();
    assert_refused(before, session::ACCOUNT_CHANGED).await;
    accounts.authenticate(&others).await.unwrap();

    let before = tokens().await;
    accounts.end_all_sessions().await.unwrap();
    assert_refused(before, session::ALL_ENDED).await;
    refusal(accounts.authenticate(&others).await);
    for token in tokens().await {
        accounts.authenticate(&token.access_token).await.unwrap();
    }
    let missing = refusal(accounts.end_sessions_of("unknown").await);
    assert!(matches!(missing, Error::Invalid { field: "username", .. }));
}

#[tokio::test]
async fn tokens_are_issued_to_active_users_for_a_limited_time() {
    let school = SchoolAccounts::new().await;
    let idle = school.user("idle", Role::Admin).await;
    school.change(idle.id, user::Column::IsActive, false).await;
    school.user("grace", Role::Admin).await;
    let hour = Duration::from_secs(3600);
    for (username, lifetime) in [
        ("unknown", hour),
        ("idle", hour),
        ("grace", Duration::ZERO),
        ("grace", Duration::MAX),
    ] {
        let result = school.accounts.issue_token(username, lifetime).await;
        assert!(matches!(refusal(result), Error::Invalid { .. }), "{username}");
    }
    let issued = school.accounts.issue_token("grace", hour).await.unwrap();
    assert_eq!(issued.expires_in, 3600);
    school
        .accounts
        .authenticate(&issued.access_token)
        .await
        .unwrap()
        .admin()
        .unwrap();
}
