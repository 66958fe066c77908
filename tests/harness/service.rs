//! The program, running.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::client::{Client, http};
use super::process::Process;
use super::{PATIENCE, Scratch, until};

/// The program under test: the one that `CAMPUS_BACKUP_PROGRAM` names, or the one that Cargo has built beside the tests.
pub fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let named = std::env::var_os("CAMPUS_BACKUP_PROGRAM");
        let path = named.or_else(|| std::env::var_os("CARGO_BIN_EXE_service-under-test"));
        let path = PathBuf::from(path.expect("CAMPUS_BACKUP_PROGRAM, or a test that Cargo starts"));
        path.canonicalize()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    &PROGRAM
}

/// The password of `admin`, here as in the small school.
pub const ADMIN_PASSWORD: &str = "violet-anchor-42-Meadow-thrush";

/// The secret that signs tokens, unless a test sets another one.
pub const JWT_SECRET: &str = "a secret of the tests, long enough for HS256 and used nowhere else";

/// What the program is started with: nothing of the environment of the tests comes with it.
pub struct Setup {
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
    folder: Arc<TempDir>,
}

impl Setup {
    /// Nothing but a folder to stand in.
    pub fn bare() -> Self {
        Self {
            environment: BTreeMap::new(),
            arguments: Vec::new(),
            folder: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    /// On that database, with an administrator and a secret that the tests know.
    pub fn on(scratch: &Scratch) -> Self {
        Self::bare()
            .set("DATABASE_URL", scratch.url())
            .set("CAMPUS_BACKUP_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .set("CAMPUS_BACKUP_JWT_SECRET", JWT_SECRET)
    }

    /// With an installation: the data folder and the schema are there.
    pub async fn installed(self) -> Self {
        let mut migrate = self.again();
        migrate.arguments = vec!["migrate".to_owned()];
        let done = migrate.run().await;
        assert_eq!(done.code, Some(0), "{done:?}");
        self
    }

    /// The same folder for one more program.
    pub fn again(&self) -> Self {
        Self {
            environment: self.environment.clone(),
            arguments: self.arguments.clone(),
            folder: self.folder.clone(),
        }
    }

    pub fn set(mut self, variable: &str, value: impl ToString) -> Self {
        self.environment.insert(variable.to_owned(), value.to_string());
        self
    }

    pub fn unset(mut self, variable: &str) -> Self {
        self.environment.remove(variable);
        self
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub fn arguments(self, arguments: &[&str]) -> Self {
        arguments.iter().fold(self, |setup, argument| setup.argument(argument))
    }

    /// The working folder of the program. Its data folder is `data` in it, unless set otherwise.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The variables that the program is started with.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command that ends by itself.
    pub async fn run(&self) -> Finished {
        self.begin().finished().await
    }

    /// Begins a command.
    pub fn begin(&self) -> Running {
        Running {
            process: Process::spawn(self.command()),
        }
    }

    /// The same with something on its standard input.
    pub async fn run_with_input(&self, input: &[u8]) -> Finished {
        let mut command = self.command();
        command.stdin(Stdio::piped());
        let mut process = Process::spawn(command);
        let mut stdin = process.child.stdin.take().unwrap();
        let input = input.to_vec();
        // One that is refused may not be read to its end.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
        let status = process.ended(Duration::from_secs(120)).await;
        Finished {
            code: status.code(),
            stdout: process.stdout(),
            stderr: process.stderr(),
        }
    }

    /// The same for one whose reader is gone before it begins to write.
    pub async fn run_without_reader(&self) -> Finished {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = self.command();
        command.stdout(writer);
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        Finished {
            code: ended.status.code(),
            stdout: String::new(),
            stderr: String::from_utf8(ended.stderr).unwrap(),
        }
    }

    /// Starts the service on a port of its own and waits until it listens.
    pub async fn start(&self) -> Service {
        let setup = self.again().arguments(&["--listen", "127.0.0.1:0"]);
        let mut process = Process::spawn(setup.command());
        let address = process.address().await;
        Service {
            client: http(),
            address,
            process,
            setup,
        }
    }
}

/// A command that has begun.
pub struct Running {
    process: Process,
}

impl Running {
    /// All that it has printed to stdout.
    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    /// As a terminal does it on Ctrl-C.
    pub fn interrupt(&self) {
        let pid = self.process.child.id().to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until it has ended by itself.
    pub async fn finished(mut self) -> Finished {
        let status = self.process.ended(Duration::from_secs(120)).await;
        Finished {
            code: status.code(),
            stdout: self.process.stdout(),
            stderr: self.process.stderr(),
        }
    }
}

/// What a command that ended by itself left.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// The password that a command made up and printed once.
    pub fn password(&self) -> &str {
        one_time_password(&self.stdout).unwrap_or_else(|| panic!("no password was printed: {self:?}"))
    }

    /// Asserts that the error is one plain line: no backtrace, no panic, no Rust notation.
    pub fn assert_plain_fault(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.trim().is_empty(), "nothing was said");
        for noise in [
            "panicked",
            "RUST_BACKTRACE",
            "stack backtrace",
            "Error {",
            "DbErr",
            "Os {",
        ] {
            assert!(!self.stderr.contains(noise), "`{noise}` in {}", self.stderr);
        }
    }
}

/// The password in `Administrator .. was created. One-time password: ..`.
pub fn one_time_password(stdout: &str) -> Option<&str> {
    let rest = stdout.split_once("One-time password: ")?.1;
    rest.split_whitespace().next()
}

/// The service, running until it is dropped.
pub struct Service {
    client: reqwest::Client,
    address: String,
    process: Process,
    setup: Setup,
}

impl Service {
    /// On that database, with the settings of [`Setup::on`].
    pub async fn on(scratch: &Scratch) -> Self {
        Setup::on(scratch).start().await
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The folder that it stands in.
    pub fn folder(&self) -> PathBuf {
        self.setup.folder().to_owned()
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(self.client.clone(), self.base_url(), None)
    }

    /// A client with that token.
    pub fn bearer(&self, token: &str) -> Client {
        Client::new(self.client.clone(), self.base_url(), Some(token.to_owned()))
    }

    /// Signs in.
    pub async fn login(&self, username: &str, password: &str) -> Client {
        let body = json!({"username": username, "password": password});
        let answer = self.anonymous().post("/auth/login", &body).await.expect(200);
        self.bearer(answer.json()["access_token"].as_str().unwrap())
    }

    /// The administrator, signed in.
    pub async fn admin(&self) -> Client {
        self.login("admin", ADMIN_PASSWORD).await
    }

    /// All that it has printed to stdout.
    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    /// All that it has logged.
    pub fn logs(&self) -> String {
        self.process.stderr()
    }

    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Asks it to end, as systemd and Docker do.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended(PATIENCE).await
    }

    /// Asks it to end and waits until it has.
    pub async fn stop(mut self) -> Finished {
        self.terminate();
        let code = self.ended().await.code();
        Finished {
            code,
            stdout: self.stdout(),
            stderr: self.logs(),
        }
    }

    /// Resident memory, now and at its peak.
    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let bytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
        };
        Memory {
            now: bytes("VmRSS:"),
            peak: bytes("VmHWM:"),
        }
    }

    /// How long processors have worked for it, in steps of ten milliseconds.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // proc(5): the name in brackets may hold spaces; user and system time are the 12th and 13th field behind it.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// Waits until it has no more than so many files and sockets open.
    pub async fn until_open_files(&self, most: usize) {
        until("open files fall back", PATIENCE, async || self.open_files() <= most).await;
    }
}

/// Bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub now: u64,
    pub peak: u64,
}
