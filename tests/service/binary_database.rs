//! A database that can't be reached is explained at once.

use harness::service::Setup;
use harness::{Engine, Scratch, on_every_engine, refusing_address};

/// A timeout that no run here may reach.
const LONG: u64 = 3_600;

async fn refused(url: &str, code: i32) -> String {
    let mut said = String::new();
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"]] {
        let setup = Setup::bare()
            .set("DATABASE_URL", url)
            .set("CAMPUS_BACKUP_DATABASE_TIMEOUT", LONG)
            .arguments(arguments);
        let refused = setup.run().await;
        refused.assert_plain_fault(code);
        assert!(!refused.stderr.contains("word-77"), "the password is told: {refused:?}");
        said = refused.stderr;
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_server_is_explained_at_once() {
    let (address, _refusing) = refusing_address();
    let address = address.to_string();
    for scheme in ["postgres", "mysql"] {
        let said = refused(&format!("{scheme}://service:word-77@{address}/school"), 3).await;
        assert!(
            said.contains("connection was refused") && said.contains(&address),
            "{said}"
        );
        let said = refused(&format!("{scheme}://service:word-77@nowhere.invalid/school"), 3).await;
        assert!(
            said.contains("no host of that name") && said.contains("nowhere.invalid"),
            "{said}"
        );
    }
    let said = refused("postgres:///school?host=/nowhere&user=service", 3).await;
    assert!(said.contains("no such socket"), "{said}");
    let said = refused("postgres://service:word-77@%2Fnowhere/school", 3).await;
    assert!(said.contains("no such socket"), "{said}");
    let said = refused(
        "mysql://service:word-77@localhost/school?socket=/nowhere/mysqld.sock",
        3,
    )
    .await;
    assert!(said.contains("no such socket"), "{said}");
}

#[on_every_engine]
async fn refused_sign_in_is_explained(engine: Engine) {
    if engine == Engine::Sqlite {
        return;
    }
    let scratch = Scratch::empty(engine).await;
    let mut url = url::Url::parse(scratch.url()).unwrap();
    url.set_username("unknown_role").unwrap();
    url.set_password(Some("word-77")).unwrap();
    let said = refused(url.as_str(), 3).await;
    assert!(
        said.contains("does not accept the user name or the password") && said.contains("percent-encoded"),
        "{said}"
    );
    let mut url = url::Url::parse(scratch.url()).unwrap();
    url.set_path("/no_such_database");
    let said = refused(url.as_str(), 3).await;
    assert!(said.contains("no such database"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn special_characters_in_the_password_are_explained() {
    for scheme in ["postgres", "mysql", "mariadb"] {
        for password in ["word-77#x", "word-77/x", "word-77?x", "1/word-77", "1#word-77"] {
            let said = refused(&format!("{scheme}://service:{password}@127.0.0.1/school"), 2).await;
            assert!(
                said.contains("percent-encoded") && said.contains("%23"),
                "{password}: {said}"
            );
        }
    }
}
