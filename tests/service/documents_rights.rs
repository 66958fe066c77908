//! The rights in `docs/operations.md`: a role that is created with exactly these statements can do everything.

use std::path::Path;

use harness::service::Setup;
use harness::{Engine, Scratch, on_every_engine};
use sea_orm::{ConnectionTrait as _, Database};
use serde_json::Value;
use url::Url;

const DOCUMENT: &str = "docs/operations.md";

/// The name of the role and of the database in the document.
const NAME: &str = "campus_backup";

/// The password of the role, in the place of `...`.
const PASSWORD: &str = "Meadow-thrush-42";

/// The statements of the SQL blocks of a section, such as `### PostgreSQL`.
fn statements(section: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(DOCUMENT);
    let text = std::fs::read_to_string(path).unwrap();
    let (_, text) = text
        .split_once(&format!("\n### {section}\n"))
        .expect("the section exists");
    let text = text.split("\n### ").next().unwrap();
    let blocks: Vec<&str> = text.split("\n```sql\n").skip(1).collect();
    assert_eq!(blocks.len(), 1, "{section}: one block of SQL");
    let block = blocks[0].split("\n```").next().unwrap();
    // A command of psql ends at its line, a statement at its semicolon.
    let mut statements = vec![String::new()];
    for line in block.lines() {
        statements.last_mut().unwrap().push_str(line);
        if line.ends_with(';') || line.starts_with('\\') {
            statements.push(String::new());
        }
    }
    assert_eq!(statements.pop().unwrap(), "", "{section}: each statement ends");
    statements
}

/// A role and its database on the test server, with the administrator's address of the server.
struct Role {
    engine: Engine,
    server: Url,
    name: String,
}

impl Role {
    /// Runs the documented statements as the administrator of the server.
    async fn documented(engine: Engine, scratch: &Scratch) -> Self {
        let role = Self {
            engine,
            server: Url::parse(scratch.url()).unwrap(),
            // Begins like the names of other test databases, so that a later run drops it after a failure.
            name: format!("test_{}", uuid::Uuid::now_v7().simple()),
        };
        let section = match engine {
            Engine::Postgres => "PostgreSQL",
            _ => "MySQL and MariaDB",
        };
        let mut server = role.server.clone();
        for statement in statements(section) {
            let statement = role.adapted(&statement);
            match statement.strip_prefix("\\connect ") {
                Some(database) => server.set_path(database),
                None => execute(&server, &statement).await,
            }
        }
        role
    }

    /// MySQL allows 32 characters for the name of a user.
    fn user(&self) -> &str {
        &self.name[..32]
    }

    /// The statement with the names and the password of this test.
    fn adapted(&self, statement: &str) -> String {
        let users = [
            (format!("'{NAME}'@"), format!("'{}'@", self.user())),
            (format!("ROLE {NAME}"), format!("ROLE {}", self.user())),
            (format!("TO {NAME}"), format!("TO {}", self.user())),
            (
                format!("AUTHORIZATION {NAME}"),
                format!("AUTHORIZATION {}", self.user()),
            ),
            ("'...'".to_owned(), format!("'{}'", PASSWORD)),
        ];
        let adapted = users
            .iter()
            .fold(statement.to_owned(), |statement, (documented, here)| {
                statement.replace(documented, here)
            });
        adapted.replace(NAME, &self.name)
    }

    /// The value for `DATABASE_URL`.
    fn url(&self) -> String {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url.set_username(self.user()).unwrap();
        url.set_password(Some(PASSWORD)).unwrap();
        url.into()
    }

    /// Revokes the rights that only migrations need, as the document allows.
    async fn revoke_rights_of_migrations(&self) {
        if self.engine == Engine::Mysql {
            let revoke = format!("REVOKE CREATE, ALTER, INDEX, REFERENCES ON {NAME}.* FROM '{NAME}'@'127.0.0.1'");
            execute(&self.server, &self.adapted(&revoke)).await;
        }
    }

    async fn remove(self) {
        let (database, user) = match self.engine {
            Engine::Postgres => (
                format!("DROP DATABASE {} WITH (FORCE)", self.name),
                format!("DROP ROLE {}", self.user()),
            ),
            _ => (
                format!("DROP DATABASE {}", self.name),
                format!("DROP USER '{}'@'127.0.0.1'", self.user()),
            ),
        };
        execute(&self.server, &database).await;
        execute(&self.server, &user).await;
    }
}

async fn execute(server: &Url, statement: &str) {
    let connection = Database::connect(server.as_str()).await.unwrap();
    if let Err(error) = connection.execute_unprepared(statement).await {
        panic!("{DOCUMENT}: {error}\n{statement}");
    }
    connection.close().await.unwrap();
}

#[on_every_engine]
async fn documented_rights_are_enough(engine: Engine) {
    if engine == Engine::Sqlite {
        return;
    }
    let scratch = Scratch::empty(engine).await;
    let role = Role::documented(engine, &scratch).await;
    let setup = Setup::on(&scratch).set("DATABASE_URL", role.url()).installed().await;
    role.revoke_rights_of_migrations().await;
    let command = async |arguments: &[&str]| {
        let done = setup.again().arguments(arguments).run().await;
        assert_eq!(done.code, Some(0), "{arguments:?}: {done:?}");
        done.stdout
    };
    command(&["demo"]).await;
    let backup: Value = serde_json::from_str(&command(&["backup", "--json"]).await).unwrap();
    let backup = backup["id"].as_str().unwrap();

    let service = setup.start().await;
    let admin = service.admin().await;
    service.anonymous().get("/readyz").await.expect(200);
    let before = admin.get("/backup/stats").await.expect(200).json();
    admin.clear(&serde_json::json!({"table": "students"})).await.expect(200);
    service.stop().await;

    let confirmed = ["--yes", "--confirm-administrators"];
    command(&[&["restore", backup, "--mode", "replace"][..], &confirmed].concat()).await;
    let service = setup.start().await;
    let after = service.admin().await.get("/backup/stats").await.expect(200).json();
    assert_eq!(after["total"], before["total"]);
    service.stop().await;
    role.remove().await;
}
