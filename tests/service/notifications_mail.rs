//! Mails of notifications, through a mail server with TLS and a password.

use serde_json::{Value, json};

use harness::archives_rig::ARCHIVE_KEY;
use harness::service::Setup;
use harness::smtp::{MailRules, MailServer, MailTls};
use harness::{Client, Engine, WAIT_LIMIT, on_every_engine, small_school, tls, until, write_private};

use super::notifications::{NOTIFICATIONS, create};

const PASSWORD: &str = "p@ss-mail-server-31";
const ENCODED: &str = "p%40ss-mail-server-31";

fn email(name: &str) -> Value {
    json!({
        "name": name, "kind": "email", "to": ["office@school.example"], "events": ["backup_succeeded", "backup_failed"],
    })
}

async fn tried(admin: &Client) -> Value {
    admin
        .post(&format!("{NOTIFICATIONS}/test"), &email("office"))
        .await
        .expect(200)
        .json()
}

/// One of the ways to encrypt each, with and without a password.
#[tokio::test(flavor = "multi_thread")]
async fn mails_are_sent_over_tls_and_with_a_password() {
    let school = small_school(Engine::Sqlite).await;
    let login = Some(("office", PASSWORD));
    for (scheme, user, query, rules) in [
        ("smtp", "", "?tls=none", MailRules::OPEN),
        (
            "smtp",
            "",
            "?tls=opportunistic",
            MailRules {
                tls: MailTls::StartTls,
                ..MailRules::OPEN
            },
        ),
        (
            "smtp",
            "",
            "",
            MailRules {
                tls: MailTls::StartTls,
                ..MailRules::OPEN
            },
        ),
        (
            "smtp",
            "office",
            "",
            MailRules {
                tls: MailTls::StartTls,
                login,
                ..MailRules::OPEN
            },
        ),
        (
            "smtps",
            "office",
            "",
            MailRules {
                tls: MailTls::Always,
                login,
                ..MailRules::OPEN
            },
        ),
    ] {
        let server = MailServer::start(rules).await;
        let user = match user {
            "" => String::new(),
            user => format!("{user}:{ENCODED}@"),
        };
        let url = format!("{scheme}://{user}localhost:{}{query}", server.port());
        let service = Setup::on(&school.scratch)
            .set("CAMPUS_BACKUP_SMTP_URL", &url)
            .set("CAMPUS_BACKUP_SMTP_FROM", "Backups <backup@school.example>")
            .set("SSL_CERT_FILE", tls::authority().display())
            .start()
            .await;
        let answer = tried(&service.admin().await).await;
        assert_eq!(
            answer,
            json!({"delivered": true, "detail": "The mail server has accepted the mail."}),
            "{scheme} {query}"
        );
        let mail = server.mails().pop().unwrap();
        assert_eq!(mail.is_encrypted, rules.tls != MailTls::None, "{scheme} {query}");
        assert_eq!(mail.has_login, rules.login.is_some(), "{scheme} {query}");
        assert_eq!(mail.header("To"), "office@school.example");
        assert_eq!(mail.header("From"), "Backups <backup@school.example>");
        assert_eq!(mail.header("Subject"), "[campus-backup] Test: office");
        assert!(!service.logs().contains(PASSWORD) && !service.logs().contains(ENCODED));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_server_that_can_not_be_trusted_gets_no_password() {
    let school = small_school(Engine::Sqlite).await;
    let login = Some(("office", PASSWORD));
    let wrong = ("office", "another password");
    for (authority, rules, expected) in [
        // The certificate is of an unknown authority.
        (
            None,
            MailRules {
                tls: MailTls::StartTls,
                login,
                ..MailRules::OPEN
            },
            "certificate",
        ),
        // It offers no encryption, perhaps because an attacker on the way has removed the offer.
        (
            Some(tls::authority()),
            MailRules {
                login,
                ..MailRules::OPEN
            },
            "STARTTLS",
        ),
        (
            Some(tls::authority()),
            MailRules {
                tls: MailTls::StartTls,
                login: Some(wrong),
                ..MailRules::OPEN
            },
            "wrong user name or password",
        ),
    ] {
        let server = MailServer::start(rules).await;
        let mut setup = Setup::on(&school.scratch)
            .set(
                "CAMPUS_BACKUP_SMTP_URL",
                format!("smtp://office:{ENCODED}@localhost:{}", server.port()),
            )
            .set("CAMPUS_BACKUP_SMTP_FROM", "backup@school.example");
        if let Some(authority) = authority {
            setup = setup.set("SSL_CERT_FILE", authority.display());
        }
        let service = setup.start().await;
        let answer = tried(&service.admin().await).await;
        assert_eq!(answer["delivered"], false, "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(expected), "{answer}");
        assert!(!answer.to_string().contains(PASSWORD), "{answer}");
        assert!(server.mails().is_empty());
    }
}

/// The archive goes by mail only if others can't read it, and if it is small.
#[on_every_engine]
async fn mail_carries_an_encrypted_archive_that_is_small(engine: Engine) {
    let school = small_school(engine).await;
    let server = MailServer::start(MailRules::OPEN).await;
    let base = || {
        Setup::on(&school.scratch)
            .set(
                "CAMPUS_BACKUP_SMTP_URL",
                format!("smtp://localhost:{}?tls=none", server.port()),
            )
            .set("CAMPUS_BACKUP_SMTP_FROM", "backup@school.example")
    };
    let mut attached = email("office");
    attached["attach_archive"] = json!(true);
    for (before, (is_encrypted, limit, text)) in [
        (true, "1MiB", None),
        (true, "1KiB", Some("--mail-attachment-limit")),
        (false, "1MiB", Some("it is not encrypted")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut setup = base().set("CAMPUS_BACKUP_MAIL_ATTACHMENT_LIMIT", limit);
        if is_encrypted {
            let key = setup.folder().join("archive-key.txt");
            write_private(&key, ARCHIVE_KEY);
            setup = setup.set("CAMPUS_BACKUP_ARCHIVE_KEY_FILE", key.display());
        }
        let service = setup.start().await;
        let admin = service.admin().await;
        if before == 0 {
            create(&admin, &attached).await;
        }
        let archive = admin.create_backup().await;
        // It is also marked: a service that is killed before that sends it again later, and the next one after it.
        until("the mail was sent", WAIT_LIMIT, async || {
            let waiting = "select count(*) from backup_outbox where state = 'waiting'";
            server.mails().len() == before + 1 && school.scratch.number(waiting).await == 0
        })
        .await;
        let mail = server.mails().pop().unwrap();
        let flat = mail.data.replace("=\r\n", "");
        assert!(flat.contains(&format!("Backup: {archive}")), "{flat}");
        let name = format!("filename=\"backup-{}.json.zst.age\"", &archive[..10]);
        let is_attached = mail.data.contains(&name);
        assert_eq!(is_attached, text.is_none(), "{flat}");
        if let Some(text) = text {
            assert!(flat.replace("\r\n", " ").contains(text), "{flat}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_mail_settings_are_refused() {
    for (variables, named) in [
        (&[("CAMPUS_BACKUP_SMTP_URL", "smtp://mail.example")][..], "--smtp-from"),
        (
            &[("CAMPUS_BACKUP_SMTP_FROM", "backup@school.example")],
            "CAMPUS_BACKUP_SMTP_URL",
        ),
        (
            &[
                (
                    "CAMPUS_BACKUP_SMTP_URL",
                    "smtp://office:secret-77@mail.example?tls=none",
                ),
                ("CAMPUS_BACKUP_SMTP_FROM", "backup@school.example"),
            ],
            "needs an encrypted connection",
        ),
        (
            &[
                ("CAMPUS_BACKUP_SMTP_URL", "smtps://mail.example"),
                ("CAMPUS_BACKUP_SMTP_FROM", "nobody"),
            ],
            "--smtp-from",
        ),
        (&[("CAMPUS_BACKUP_SECRETS_KEY", "short")], "64 hexadecimal digits"),
        (
            &[("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "perhaps")],
            "--allow-local-targets",
        ),
        (
            &[("CAMPUS_BACKUP_MAIL_ATTACHMENT_LIMIT", "1TiB")],
            "--mail-attachment-limit",
        ),
    ] {
        let mut setup = Setup::bare();
        for (name, value) in variables {
            setup = setup.set(name, value);
        }
        let refused = setup.run().await;
        refused.assert_plain_fault(2);
        assert!(refused.stderr.contains(named), "{refused:?}");
        assert!(!refused.stderr.contains("secret-77"), "{refused:?}");
    }
}
