//! Accounts and named tokens on every engine: what copies of the service see at once, and what two administrators do at the same
//! time.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use campus_backup_domain::account::{
    AccountPatch, AccountSettings, Accounts, Admin, MAX_TOKENS, NewAccount, NewToken, ONE_TIME_LIFETIME, SignOut,
    SignedIn, TokenScope,
};
use campus_backup_domain::entity::user::Role;
use campus_backup_domain::{Error, Result};
use chrono::TimeDelta;
use sea_orm::ConnectionTrait as _;
use secrecy::{ExposeSecret, SecretString};

use harness::schedule_rig::TestClock;
use harness::service::JWT_SECRET;
use harness::{ADMIN_PASSWORD, Engine, School, on_every_engine, small_school};

const OTHER_PASSWORD: &str = "copper-lantern-18-river";
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A small school, and its accounts as two copies of the service see them. Its only active administrator is `admin`.
struct Rig {
    school: School,
    clock: TestClock,
    accounts: Accounts,
    copy: Accounts,
}

impl Rig {
    async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let clock = TestClock::at("2026-11-30T15:00:00Z");
        let accounts = async || {
            let mut settings = AccountSettings::new(JWT_SECRET.as_bytes().to_vec().into(), "the tests".to_owned());
            settings.clock = clock.clock();
            settings.logins.account.burst = 1_000;
            settings.logins.address.burst = 1_000;
            Accounts::new(school.scratch.database().await, settings).unwrap()
        };
        Self {
            accounts: accounts().await,
            copy: accounts().await,
            school,
            clock,
        }
    }

    async fn login(&self, username: &str, password: &str) -> Result<SignedIn> {
        self.accounts.login(username, &password.into(), HOME).await
    }

    async fn admin(&self) -> Admin {
        let signed_in = self.login("admin", ADMIN_PASSWORD).await.unwrap();
        signed_in.principal.admin().unwrap()
    }

    /// One more administrator, with a password of their own.
    async fn administrator(&self, username: &str) -> (i64, Admin) {
        let new = account(username, Role::Admin, Some(OTHER_PASSWORD));
        let created = self.accounts.create_account(&self.admin().await, new).await.unwrap();
        assert!(created.password.is_none());
        let signed_in = self.login(username, OTHER_PASSWORD).await.unwrap();
        (created.account.id, signed_in.principal.admin().unwrap())
    }

    async fn active_administrators(&self) -> i64 {
        let sql = "select count(*) from users where role = 'admin' and is_active";
        self.school.scratch.number(sql).await
    }
}

fn account(username: &str, role: Role, password: Option<&str>) -> NewAccount {
    NewAccount {
        username: username.to_owned(),
        email: None,
        role,
        password: password.map(SecretString::from),
    }
}

fn disabled() -> AccountPatch {
    AccountPatch {
        is_active: Some(false),
        ..AccountPatch::default()
    }
}

/// An active administrator.
fn enabled() -> AccountPatch {
    AccountPatch {
        role: Some(Role::Admin),
        is_active: Some(true),
        ..AccountPatch::default()
    }
}

fn demoted() -> AccountPatch {
    AccountPatch {
        role: Some(Role::Teacher),
        ..AccountPatch::default()
    }
}

fn token(name: &str, scopes: &[TokenScope]) -> NewToken {
    NewToken {
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        expires_at: None,
    }
}

async fn new_token(accounts: &Accounts, admin: &Admin, name: &str) -> (i64, String) {
    let created = accounts
        .create_token(admin, token(name, &[TokenScope::Admin]))
        .await
        .unwrap();
    (created.id, created.token.unwrap().expose_secret().to_owned())
}

fn refusal<T>(result: Result<T>) -> Error {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(error) => error,
    }
}

/// Two administrators take each other's rights, and each their own, at the same time.
#[on_every_engine]
async fn one_administrator_stays_whatever_happens_at_once(engine: Engine) {
    let rig = Rig::on(engine).await;
    let command_line = rig.accounts.command_line();
    let mut outcomes = Vec::new();
    for round in 0..6 {
        let one = rig.admin().await;
        let first = one.user_id().unwrap();
        let (second, other) = rig.administrator(&format!("second-{round}")).await;
        assert_eq!(rig.active_administrators().await, 2);
        let (a, b) = (&rig.accounts, &rig.copy);
        let (left, right) = match round {
            0 => tokio::join!(
                async { a.update_account(&one, second, disabled()).await.map(drop) },
                async { b.update_account(&other, first, demoted()).await.map(drop) },
            ),
            1 => tokio::join!(
                async { a.update_account(&command_line, second, disabled()).await.map(drop) },
                async { b.update_account(&command_line, first, demoted()).await.map(drop) },
            ),
            2 | 3 => tokio::join!(
                async { a.update_account(&one, first, demoted()).await.map(drop) },
                async { b.update_account(&other, second, disabled()).await.map(drop) },
            ),
            _ => tokio::join!(a.delete_account(&command_line, second), async {
                b.update_account(&command_line, first, disabled()).await.map(drop)
            }),
        };
        assert!(left.is_ok() != right.is_ok(), "{round}: {left:?} {right:?}");
        let refused = refusal(left.and(right));
        match refused {
            Error::LastAdministrator => {}
            // The other has taken the rights of this one.
            Error::Unauthenticated(_) if round == 0 => {}
            other => panic!("{round}: {other:?}"),
        }
        assert_eq!(rig.active_administrators().await, 1, "{round}");
        outcomes.push(refused);
        // As it was before.
        rig.accounts
            .update_account(&command_line, first, enabled())
            .await
            .unwrap();
        match rig.accounts.delete_account(&command_line, second).await {
            Ok(()) | Err(Error::UnknownAccount) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(outcomes.len(), 6);
}

#[on_every_engine]
async fn last_administrator_is_one_who_can_sign_in(engine: Engine) {
    let rig = Rig::on(engine).await;
    let admin = rig.admin().await;
    let first = admin.user_id().unwrap();
    let refused = async || {
        for refused in [
            refusal(rig.accounts.update_account(&admin, first, disabled()).await.map(drop)),
            refusal(rig.accounts.update_account(&admin, first, demoted()).await.map(drop)),
            refusal(rig.accounts.delete_account(&admin, first).await),
            refusal(rig.accounts.reset_account(&admin, first).await.map(drop)),
        ] {
            assert!(matches!(refused, Error::LastAdministrator), "{refused:?}");
        }
    };
    // The inactive administrator of the small school does not count.
    refused().await;
    rig.school
        .scratch
        .execute("insert into users (id, username, password_hash, role) values (70, 'nobody', '!', 'admin')")
        .await;
    refused().await;
    // A new administrator can sign in for a day, and longer only after changing the password.
    let new = account("second", Role::Admin, None);
    let created = rig.accounts.create_account(&admin, new).await.unwrap();
    refused().await;
    rig.clock.advance(ONE_TIME_LIFETIME);
    refused().await;
    rig.accounts
        .reset_password("second", Some(&OTHER_PASSWORD.into()))
        .await
        .unwrap();
    rig.accounts.update_account(&admin, first, disabled()).await.unwrap();
    let id = created.account.id;
    let command_line = rig.accounts.command_line();
    let refused = refusal(rig.copy.delete_account(&command_line, id).await);
    assert!(matches!(refused, Error::LastAdministrator), "{refused:?}");
    // The command line can reset the last one. After a day no administrator can sign in, and a restore makes another administrator.
    rig.accounts.reset_password("second", None).await.unwrap();
    let rescue = async || {
        let password = OTHER_PASSWORD.into();
        let made = rig
            .copy
            .ensure_administrator_can_sign_in("rescue", Some(&password))
            .await;
        made.unwrap().map(|made| made.username)
    };
    assert_eq!(rescue().await, None);
    rig.clock.advance(ONE_TIME_LIFETIME);
    assert_eq!(rescue().await.as_deref(), Some("rescue"));
}

#[on_every_engine]
async fn one_time_password_is_changed_within_a_day(engine: Engine) {
    let rig = Rig::on(engine).await;
    let admin = rig.admin().await;
    let new = account("second", Role::Admin, None);
    let created = rig.accounts.create_account(&admin, new).await.unwrap();
    let id = created.account.id;
    assert_eq!(
        created.account.one_time_password_expires_at,
        Some(rig.clock.now() + ONE_TIME_LIFETIME)
    );
    let one_time = created.password.unwrap();
    let hash_of_second = "select password_hash from users where username = 'second'";
    let archived = rig.school.scratch.value(hash_of_second).await.unwrap();
    rig.clock.advance(ONE_TIME_LIFETIME - TimeDelta::seconds(1));
    let signed_in = rig.login("second", one_time.expose_secret()).await.unwrap();
    assert!(signed_in.principal.password_change_required);
    assert!(matches!(
        refusal(signed_in.principal.admin()),
        Error::PasswordChangeRequired
    ));
    // The other copy, and a renewal, know it by the token.
    let seen = rig.copy.authenticate(&signed_in.access_token).await.unwrap();
    assert!(matches!(refusal(seen.admin()), Error::PasswordChangeRequired));
    let refresh_token = rig.accounts.refresh_token(&signed_in).unwrap();
    let renewed = rig.copy.refresh(&refresh_token, None).await;
    assert!(renewed.unwrap().principal.password_change_required);

    let change = async |current: &str, new: &str| {
        rig.copy
            .change_password(&seen, &current.into(), &new.into(), HOME)
            .await
    };
    for (current, new, field) in [
        (one_time.expose_secret(), "short", "new_password"),
        (one_time.expose_secret(), "password1234", "new_password"),
        (one_time.expose_secret(), one_time.expose_secret(), "new_password"),
        ("wrong", OTHER_PASSWORD, "current_password"),
    ] {
        match refusal(change(current, new).await) {
            Error::Invalid { field: found, .. } => assert_eq!(found, field),
            other => panic!("{other:?}"),
        }
    }
    let changed = change(one_time.expose_secret(), OTHER_PASSWORD).await.unwrap();
    changed.principal.admin().unwrap();
    rig.accounts
        .authenticate(&changed.access_token)
        .await
        .unwrap()
        .admin()
        .unwrap();
    refusal(rig.accounts.authenticate(&signed_in.access_token).await);
    refusal(rig.login("second", one_time.expose_secret()).await);
    rig.clock.advance(TimeDelta::days(400));
    let later = rig.login("second", OTHER_PASSWORD).await.unwrap();
    assert!(!later.principal.password_change_required);

    // Not changed in time: only a caller who knows it learns that.
    let reset = rig.accounts.reset_account(&admin, id).await.unwrap().password.unwrap();
    refusal(rig.copy.authenticate(&later.access_token).await);
    let late = rig.login("second", reset.expose_secret()).await.unwrap().principal;
    rig.clock.advance(ONE_TIME_LIFETIME);
    let new = OTHER_PASSWORD.into();
    let refused = refusal(rig.accounts.change_password(&late, &reset, &new, HOME).await);
    assert!(matches!(refused, Error::OneTimePasswordExpired), "{refused:?}");
    let expired = refusal(rig.login("second", reset.expose_secret()).await);
    assert!(matches!(expired, Error::OneTimePasswordExpired), "{expired:?}");
    assert!(matches!(
        refusal(rig.login("second", "wrong").await),
        Error::WrongCredentials
    ));
    // A restore has the first one again, which was changed long ago.
    let restored = format!("update users set password_hash = '{archived}' where username = 'second'");
    rig.school.scratch.execute(&restored).await;
    let expired = refusal(rig.login("second", one_time.expose_secret()).await);
    assert!(matches!(expired, Error::OneTimePasswordExpired), "{expired:?}");
    // Another program sets a password in the school's table.
    let hash = "update users set password_hash = (select password_hash from (select * from users) u where u.id = 1) \
                where username = 'second'";
    rig.school.scratch.execute(hash).await;
    let by_another = rig.login("second", ADMIN_PASSWORD).await.unwrap();
    assert!(!by_another.principal.password_change_required);
    let shown = rig.accounts.get_account(&admin, id).await.unwrap();
    assert_eq!(shown.one_time_password_expires_at, None);
}

/// Sessions and tokens end at once on every copy, and do not come back.
#[on_every_engine]
async fn sessions_and_tokens_end_with_the_account(engine: Engine) {
    let rig = Rig::on(engine).await;
    let admin = rig.admin().await;
    let (id, _) = rig.administrator("second").await;
    for change in ["disable", "demote", "reset", "end sessions", "another program"] {
        let password = OTHER_PASSWORD;
        let signed_in = rig.login("second", password).await.unwrap();
        let (owner, session) = (signed_in.principal.admin().unwrap(), signed_in.access_token);
        let (_, named) = new_token(&rig.accounts, &owner, change).await;
        let link = async || {
            let owner = rig.copy.authenticate(&named).await.unwrap().admin().unwrap();
            rig.copy.create_link(&owner, "/backup/download/students").await.unwrap()
        };
        let link = link().await;
        for valid in [&session, &named] {
            rig.copy.authenticate(valid).await.unwrap().admin().unwrap();
        }
        match change {
            "disable" => drop(rig.accounts.update_account(&admin, id, disabled()).await.unwrap()),
            "demote" => drop(rig.accounts.update_account(&admin, id, demoted()).await.unwrap()),
            "reset" => drop(rig.accounts.reset_account(&admin, id).await.unwrap()),
            "another program" => {
                let sql = "update users set is_active = false where username = 'second'";
                rig.school.scratch.execute(sql).await;
            }
            _ => rig.accounts.end_account_sessions(id).await.unwrap(),
        }
        for copy in [&rig.accounts, &rig.copy] {
            rig.accounts.update_account(&admin, id, enabled()).await.unwrap();
            for ended in [&session, &named] {
                let refused = refusal(copy.authenticate(ended).await);
                assert!(matches!(refused, Error::Unauthenticated(_)), "{change}: {refused:?}");
            }
        }
        let redeemed = rig.copy.redeem_link(&link.token, "/backup/download/students").await;
        assert!(matches!(redeemed, Err(Error::Unauthenticated(_))), "{change}");
        assert_eq!(
            rig.accounts.get_account(&admin, id).await.unwrap().tokens,
            0,
            "{change}"
        );
        rig.accounts
            .reset_password("second", Some(&password.into()))
            .await
            .unwrap();
    }
    let owner = rig.login("second", OTHER_PASSWORD).await.unwrap();
    let (_, named) = new_token(&rig.accounts, &owner.principal.admin().unwrap(), "last").await;
    rig.accounts.delete_account(&admin, id).await.unwrap();
    refusal(rig.copy.authenticate(&named).await);
    assert!(matches!(
        refusal(rig.accounts.get_account(&admin, id).await),
        Error::UnknownAccount
    ));
    assert_eq!(rig.school.scratch.count("backup_named_tokens").await, 0);
}

/// A request was admitted before its session or token ended, and its body comes after that.
#[on_every_engine]
async fn ended_credentials_make_no_new_ones(engine: Engine) {
    let rig = Rig::on(engine).await;
    let command_line = rig.accounts.command_line();
    let (third, _) = rig.administrator("third").await;
    for way in [
        "sign out",
        "revoke",
        "expire",
        "end sessions",
        "end all",
        "disable",
        "reset",
        "delete",
    ] {
        let (id, _) = rig.administrator("second").await;
        let signed_in = rig.login("second", OTHER_PASSWORD).await.unwrap();
        let session = signed_in.principal.admin().unwrap();
        let new = NewToken {
            expires_at: Some(rig.clock.now() + TimeDelta::hours(1)),
            ..token("script", &[TokenScope::Admin])
        };
        let created = rig.accounts.create_token(&session, new).await.unwrap();
        let secret = created.token.unwrap();
        let script = rig
            .copy
            .authenticate(secret.expose_secret())
            .await
            .unwrap()
            .admin()
            .unwrap();
        for valid in [&session, &script] {
            rig.accounts.ensure_still_valid(valid).await.unwrap();
        }
        let accounts = &rig.accounts;
        match way {
            "sign out" => {
                let tokens = SignOut {
                    bearer: Some(&signed_in.access_token),
                    ..SignOut::default()
                };
                assert_eq!(accounts.sign_out(tokens).await.unwrap(), [id]);
            }
            "revoke" => accounts.revoke_token(&session, created.id).await.unwrap(),
            "expire" => rig.clock.advance(TimeDelta::hours(1)),
            "end sessions" => accounts.end_account_sessions(id).await.unwrap(),
            "end all" => accounts.end_all_sessions().await.unwrap(),
            "disable" => {
                accounts.update_account(&command_line, id, disabled()).await.unwrap();
                accounts.update_account(&command_line, id, enabled()).await.unwrap();
            }
            "reset" => drop(
                accounts
                    .reset_password("second", Some(&OTHER_PASSWORD.into()))
                    .await
                    .unwrap(),
            ),
            _ => accounts.delete_account(&command_line, id).await.unwrap(),
        }
        let ended: &[&Admin] = match way {
            "sign out" => &[&session],
            "revoke" | "expire" => &[&script],
            _ => &[&session, &script],
        };
        let state = async || {
            let tokens = rig
                .school
                .scratch
                .rows("select * from backup_named_tokens order by id")
                .await;
            (tokens, rig.school.scratch.rows("select * from users order by id").await)
        };
        let before = state().await;
        for admin in ended {
            let teacher = account("fourth", Role::Teacher, None);
            for refused in [
                refusal(rig.copy.ensure_still_valid(admin).await),
                refusal(rig.copy.create_token(admin, token("x", &[TokenScope::Admin])).await),
                refusal(rig.copy.create_account(admin, teacher).await),
                refusal(rig.copy.update_account(admin, third, demoted()).await),
                refusal(rig.copy.delete_account(admin, third).await),
                refusal(rig.copy.reset_account(admin, third).await),
            ] {
                assert!(matches!(refused, Error::Unauthenticated(_)), "{way}: {refused:?}");
            }
        }
        assert_eq!(state().await, before, "{way}");
        if way != "delete" {
            accounts.delete_account(&command_line, id).await.unwrap();
        }
    }
}

/// A token that is created while all tokens end is deleted, or not created.
#[on_every_engine]
async fn no_token_survives_the_end_of_its_sessions(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (id, _) = rig.administrator("second").await;
    for round in 0..8 {
        let owner = rig
            .accounts
            .issue_token("second", Duration::from_secs(60))
            .await
            .unwrap();
        let owner = owner.principal.admin().unwrap();
        let new = token("x", &[TokenScope::Admin]);
        let (created, ended) = tokio::join!(rig.accounts.create_token(&owner, new), async {
            match round % 2 {
                0 => rig.copy.end_account_sessions(id).await,
                _ => rig.copy.end_all_sessions().await,
            }
        });
        ended.unwrap();
        match created {
            Ok(_) | Err(Error::Unauthenticated(_)) => {}
            Err(error) => panic!("{round}: {error:?}"),
        }
        assert_eq!(rig.school.scratch.count("backup_named_tokens").await, 0, "{round}");
    }
}

#[on_every_engine]
async fn account_with_rows_of_another_program_is_not_deleted(engine: Engine) {
    let rig = Rig::on(engine).await;
    let admin = rig.admin().await;
    let scratch = &rig.school.scratch;
    scratch
        .execute(
            "create table staff_notes (id bigint primary key, user_id bigint not null, \
             foreign key (user_id) references users (id))",
        )
        .await;
    scratch.execute("insert into staff_notes values (1, 2)").await;
    let before = scratch.everything().await;
    let refused = refusal(rig.accounts.delete_account(&admin, 2).await);
    assert!(matches!(refused, Error::AccountInUse), "{refused:?}");
    assert_eq!(scratch.everything().await, before);
    scratch.execute("delete from staff_notes").await;
    rig.accounts.delete_account(&admin, 2).await.unwrap();
    let taken = refusal(
        rig.accounts
            .create_account(&admin, account("admin", Role::Teacher, None))
            .await,
    );
    assert!(matches!(taken, Error::UsernameTaken), "{taken:?}");
    let again = account("teacher", Role::Teacher, None);
    let created = rig.copy.create_account(&admin, again).await.unwrap().account;
    assert!(created.id > 2, "ids are not used again");
}

#[on_every_engine]
async fn named_token_is_known_by_its_digest_until_it_is_revoked_or_expires(engine: Engine) {
    let rig = Rig::on(engine).await;
    let admin = rig.admin().await;
    let expires_at = rig.clock.now() + TimeDelta::days(30);
    let new = NewToken {
        expires_at: Some(expires_at),
        ..token("nightly backup", &[TokenScope::Backup, TokenScope::Read])
    };
    let created = rig.accounts.create_token(&admin, new).await.unwrap();
    let secret = created.token.as_ref().unwrap().expose_secret().to_owned();
    assert!(secret.starts_with("cbt_") && secret.len() == 68, "{}", secret.len());
    assert!(!format!("{created:?}").contains(&secret));
    let stored = rig.school.scratch.rows("select * from backup_named_tokens").await;
    assert!(!format!("{stored:?}").contains(&secret[4..]));
    let wrong = format!("{}{}", &secret[..67], if secret.ends_with('0') { '1' } else { '0' });
    for wrong in [
        wrong.as_str(),
        &secret[..67],
        &format!("{secret}0"),
        "cbt_",
        &secret.to_uppercase(),
    ] {
        let refused = refusal(rig.copy.authenticate(wrong).await);
        assert!(matches!(refused, Error::Unauthenticated(_)), "{refused:?}");
    }

    let seen = rig.copy.authenticate(&secret).await.unwrap();
    let script = seen.admin().unwrap();
    assert_eq!(script.user_id(), admin.user_id());
    script.ensure_scope(TokenScope::Read).unwrap();
    script.ensure_scope(TokenScope::Backup).unwrap();
    for refused in [
        refusal(script.ensure_scope(TokenScope::Restore)),
        refusal(rig.copy.list_tokens(&script, 10, 0).await),
        refusal(rig.copy.create_token(&script, token("x", &[TokenScope::Read])).await),
        refusal(rig.copy.delete_account(&script, 2).await),
    ] {
        assert!(matches!(refused, Error::ScopeMissing { .. }), "{refused:?}");
    }
    // The use is written at most once a minute.
    let last_use = async || {
        let listed = rig.accounts.list_tokens(&admin, 10, 0).await.unwrap().items;
        (listed[0].last_used_at, listed[0].last_used_from.clone())
    };
    assert_eq!(last_use().await, (None, None));
    let first = rig.clock.now();
    rig.copy
        .record_token_use(&seen, "::ffff:192.0.2.7".parse().unwrap())
        .await;
    assert_eq!(last_use().await, (Some(first), Some("192.0.2.7".to_owned())));
    for (after, is_written) in [(59, false), (60, true)] {
        rig.clock.set(first + TimeDelta::seconds(after));
        // Another copy has looked the token up before, and does not know of the first use.
        for seen in [&seen, &rig.accounts.authenticate(&secret).await.unwrap()] {
            rig.accounts
                .record_token_use(seen, "2001:db8::1".parse().unwrap())
                .await;
        }
        assert_eq!(last_use().await.0 == Some(rig.clock.now()), is_written, "{after}");
    }

    rig.clock.set(expires_at - TimeDelta::microseconds(1));
    rig.copy.authenticate(&secret).await.unwrap();
    rig.clock.set(expires_at);
    refusal(rig.copy.authenticate(&secret).await);
    assert!(rig.accounts.list_tokens(&admin, 10, 0).await.unwrap().items[0].is_expired);

    // The name is free in another account, and no other account revokes it.
    let (id, secret) = new_token(&rig.accounts, &admin, "second").await;
    let (_, other) = rig.administrator("second").await;
    new_token(&rig.copy, &other, "second").await;
    let taken = rig
        .copy
        .create_token(&admin, token("second", &[TokenScope::Read]))
        .await;
    assert!(matches!(refusal(taken), Error::TokenNameTaken));
    assert!(matches!(
        refusal(rig.copy.revoke_token(&other, id).await),
        Error::UnknownToken
    ));
    rig.copy.authenticate(&secret).await.unwrap();
    rig.copy.revoke_token(&admin, id).await.unwrap();
    refusal(rig.accounts.authenticate(&secret).await);
    refusal(rig.copy.authenticate(&secret).await);
    assert!(matches!(
        refusal(rig.copy.revoke_token(&admin, id).await),
        Error::UnknownToken
    ));
}

#[on_every_engine]
async fn impossible_tokens_are_refused(engine: Engine) {
    let rig = Rig::on(engine).await;
    let admin = rig.admin().await;
    let now = rig.clock.now();
    let at = |expires_at| NewToken {
        expires_at: Some(expires_at),
        ..token("x", &[TokenScope::Read])
    };
    for (new, named) in [
        (token("", &[TokenScope::Read]), "name"),
        (token("a\nb", &[TokenScope::Read]), "name"),
        (token(&"x".repeat(101), &[TokenScope::Read]), "name"),
        (token("x", &[]), "scopes"),
        (at(now), "expires_at"),
        (at(now + TimeDelta::days(4_000)), "expires_at"),
    ] {
        match refusal(rig.accounts.create_token(&admin, new).await) {
            Error::Invalid { field, .. } => assert_eq!(field, named),
            other => panic!("{other:?}"),
        }
    }
    let many = (0..MAX_TOKENS).map(|number| {
        let user = admin.user_id().unwrap();
        format!("({user}, 'admin', 'n{number}', '{number:064}', 'read', '2026-11-30 00:00:00')")
    });
    let many = many.collect::<Vec<_>>().join(", ");
    let columns = "user_id, username, name, token_digest, scopes, created_at";
    let insert = format!("insert into backup_named_tokens ({columns}) values {many}");
    rig.school.scratch.execute(&insert).await;
    let refused = refusal(rig.accounts.create_token(&admin, token("x", &[TokenScope::Read])).await);
    assert!(matches!(refused, Error::TooManyTokens { limit: MAX_TOKENS }));
    // An administrator of an identity provider has no account whose end could end the token.
    let command_line = rig.accounts.command_line();
    let refused = refusal(
        rig.accounts
            .create_token(&command_line, token("x", &[TokenScope::Read]))
            .await,
    );
    assert!(matches!(refused, Error::NoLocalAccount));
}

/// After a restore, another account may have the id of a token's account.
#[on_every_engine]
async fn named_token_is_not_valid_for_another_account_with_its_id(engine: Engine) {
    let rig = Rig::on(engine).await;
    let admin = rig.admin().await;
    let (id, secret) = new_token(&rig.accounts, &admin, "script").await;
    let scratch = &rig.school.scratch;
    let rename = async |name: &str| {
        let sql = format!("update users set username = '{name}' where id = 1");
        scratch.execute(&sql).await;
    };
    rename("eve").await;
    refusal(rig.copy.authenticate(&secret).await);
    // It is not one of the tokens of the other account.
    let eve = rig.accounts.issue_token("eve", Duration::from_secs(60)).await.unwrap();
    let eve = eve.principal.admin().unwrap();
    assert_eq!(rig.accounts.list_tokens(&eve, 10, 0).await.unwrap().total, 0);
    for refused in [
        refusal(rig.accounts.find_token(&eve, "script").await.map(drop)),
        refusal(rig.accounts.find_token(&eve, &id.to_string()).await.map(drop)),
        refusal(rig.accounts.revoke_token(&eve, id).await),
    ] {
        assert!(matches!(refused, Error::UnknownToken), "{refused:?}");
    }
    assert_eq!(rig.accounts.get_account(&eve, 1).await.unwrap().tokens, 0);
    new_token(&rig.copy, &eve, "script").await;
    assert_eq!(rig.accounts.get_account(&eve, 1).await.unwrap().tokens, 1);
    rename("admin").await;
    rig.copy.authenticate(&secret).await.unwrap();
    // The restore itself ends sessions, and not the tokens of scripts.
    let session = rig
        .accounts
        .issue_token("admin", Duration::from_secs(60))
        .await
        .unwrap();
    let database = scratch.database().await;
    let restored = async || {
        let transaction = database.begin_write("ending sessions").await.unwrap();
        for statement in rig.accounts.end_sessions(&admin) {
            transaction.execute_raw(statement).await.unwrap();
        }
        transaction.commit().await.unwrap();
    };
    restored().await;
    refusal(rig.copy.authenticate(&session.access_token).await);
    rig.copy.authenticate(&secret).await.unwrap();
    // The token of an account that the restore has renamed or disabled does not come back.
    assert_eq!(scratch.count("backup_named_tokens").await, 1);
    rename("eve").await;
    restored().await;
    rename("admin").await;
    refusal(rig.copy.authenticate(&secret).await);
    for change in ["is_active = false", "role = 'teacher'"] {
        let (_, secret) = new_token(&rig.accounts, &rig.admin().await, "script").await;
        scratch
            .execute(&format!("update users set {change} where id = 1"))
            .await;
        restored().await;
        let back = "update users set is_active = true, role = 'admin' where id = 1";
        scratch.execute(back).await;
        refusal(rig.copy.authenticate(&secret).await);
    }
    new_token(&rig.accounts, &rig.admin().await, "script").await;
    rig.accounts.end_all_sessions().await.unwrap();
    assert_eq!(scratch.count("backup_named_tokens").await, 0);
}
