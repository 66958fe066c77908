//! The three engines, and which of them are available.

use std::io::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use sea_orm::{ConnectOptions, Database};
use url::Url;

use super::scratch;

/// One of the three engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
    Mysql,
}

/// The engines that answered when the first test asked.
static FOUND: LazyLock<Vec<Engine>> = LazyLock::new(|| blocking(discover()));

impl Engine {
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mysql];

    /// The name in `TEST_ENGINES`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// The name in responses and archives.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
            Self::Mysql => "mysql",
        }
    }

    /// Whether the engine's tests can run. An absent engine that `TEST_ENGINES` names is a failure.
    pub fn is_available(self) -> bool {
        let here = FOUND.contains(&self);
        assert!(here || !demanded(self), "{self:?} was demanded and did not answer");
        here
    }

    /// The address of the server. SQLite has none.
    pub fn server(self) -> Option<Url> {
        let (variable, default) = match self {
            Self::Sqlite => return None,
            Self::Postgres => ("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
            Self::Mysql => ("TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/"),
        };
        let url = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        Some(Url::parse(&url).unwrap_or_else(|error| panic!("{variable}: {error}")))
    }
}

fn demanded(engine: Engine) -> bool {
    std::env::var("TEST_ENGINES").is_ok_and(|list| list.split(',').any(|word| word.trim() == engine.word()))
}

async fn discover() -> Vec<Engine> {
    let mut found = vec![Engine::Sqlite];
    let mut line = "campus-backup tests: engines found: sqlite".to_owned();
    let mut left_out = String::new();
    for engine in [Engine::Postgres, Engine::Mysql] {
        let url = engine.server().expect("only SQLite has no server");
        let mut options = ConnectOptions::new(url.as_str());
        options
            .max_connections(1)
            .connect_timeout(Duration::from_secs(3))
            .acquire_timeout(Duration::from_secs(3))
            .sqlx_logging(false);
        match Database::connect(options).await {
            Ok(connection) => {
                found.push(engine);
                line += &format!(", {}", engine.word());
                scratch::sweep(engine, &connection).await;
            }
            Err(error) => left_out += &format!(" SKIPPED: {} ({error});", engine.word()),
        }
    }
    // Written directly to stderr: a macro's output is captured while a test passes, and this line must be visible.
    let _ = writeln!(std::io::stderr(), "{line}.{left_out}");
    found
}

/// Runs a future on a thread with its own runtime, for places that can't await, such as `Drop`.
pub fn blocking<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(future)
        });
        thread.join().unwrap()
    })
}

/// The time limit of every test.
const TEST_LIMIT: Duration = Duration::from_secs(600);

/// Runs a test on an engine, for the attribute `on_every_engine`. Where the engine is absent, the test passes at once.
pub async fn run<F: Future<Output = ()>>(engine: Engine, test: impl FnOnce(Engine) -> F) {
    if engine.is_available() {
        tokio::time::timeout(TEST_LIMIT, test(engine))
            .await
            .expect("the test has hung");
    }
}
