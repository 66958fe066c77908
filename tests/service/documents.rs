//! The commands in the documents: each shell block is run here, or is marked with `no-run` after its language.
//!
//! A command must end with exit code 0, and must print the lines that the document shows. Times, ids and digests are not compared,
//! and `...` stands for output that the document leaves out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::service::{Setup, one_time_password, program};
use harness::{Engine, Scratch};

/// The documents, and how many of their blocks are not run, because they need Cargo, systemd, Docker, or other servers and files.
const NOT_RUN: [(&str, usize); 14] = [
    ("README.md", 2),
    ("CONTRIBUTING.md", 2),
    ("docs/adopt.md", 3),
    ("docs/api.md", 3),
    ("docs/architecture.md", 1),
    ("docs/audit.md", 2),
    ("docs/benchmarks.md", 1),
    ("docs/certificate.md", 4),
    ("docs/encryption.md", 5),
    ("docs/getting-started.md", 1),
    ("docs/import.md", 2),
    ("docs/operations.md", 13),
    ("docs/restore.md", 0),
    ("docs/security.md", 0),
];

/// The documents whose other blocks are run.
const RUN: [&str; 3] = ["README.md", "docs/getting-started.md", "docs/restore.md"];

/// The options of a restore without a terminal to confirm on.
const WITHOUT_QUESTIONS: &str = " --yes --confirm-administrators";

/// A block of shell commands in a document.
struct Block {
    line: usize,
    is_run: bool,
    commands: Vec<Typed>,
}

/// A command as the document shows it, and the output below it.
struct Typed {
    command: String,
    output: Vec<String>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The blocks in the languages `console` and `sh`.
fn blocks(document: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(repository().join(document)).unwrap();
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(information) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let content: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.trim_start().starts_with("```"))
            .map(|line| line.get(indent..).unwrap_or_default())
            .collect();
        let mut words = information.split_whitespace();
        let language = words.next().unwrap_or_default();
        if !["console", "sh", "bash", "shell"].contains(&language) {
            assert!(
                !content.iter().any(|line| line.starts_with("$ ")),
                "{document}:{}: `{language}` has commands",
                number + 1
            );
            continue;
        }
        assert_eq!(language, "console", "{document}:{}", number + 1);
        let is_run = words.next() != Some("no-run");
        blocks.push(Block {
            line: number + 1,
            is_run,
            commands: commands(&content),
        });
    }
    blocks
}

fn commands(lines: &[&str]) -> Vec<Typed> {
    let mut commands: Vec<Typed> = Vec::new();
    let mut continues = false;
    for line in lines {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push(Typed {
                command: command.to_owned(),
                output: Vec::new(),
            });
            continues = ends_open(command);
        } else if let Some(last) = commands.last_mut() {
            if continues {
                last.command = format!("{}\n{line}", last.command);
                continues = ends_open(line);
            } else {
                last.output.push((*line).to_owned());
            }
        }
    }
    commands
}

fn ends_open(line: &str) -> bool {
    line.ends_with('\\') || line.ends_with('|')
}

/// A line without the words that differ in each run: words with digits, except plain numbers such as 1,000.
fn stable(line: &str) -> String {
    let mut stable = String::new();
    let mut word = String::new();
    let is_part = |c: char| c.is_alphanumeric() || "-_:.,".contains(c);
    // CSV begins with a byte order mark, which a terminal does not show.
    for c in line.trim_start_matches('\u{feff}').chars().chain([' ']) {
        if is_part(c) {
            word.push(c);
            continue;
        }
        let bare = word.trim_matches(|c: char| ":.,".contains(c));
        let has_digit = bare.chars().any(|c| c.is_ascii_digit());
        let is_number = bare.len() <= 9 && bare.chars().all(|c| c.is_ascii_digit() || c == ',');
        match has_digit && !is_number {
            true => stable.push('#'),
            false => stable.push_str(word.trim_end_matches("...")),
        }
        word.clear();
        stable.push(c);
    }
    stable.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Checks that the output has the lines of the document, in their order.
fn assert_shows(place: &str, typed: &Typed, printed: &str) {
    let printed: Vec<String> = printed.lines().map(stable).collect();
    let mut rest = printed.iter();
    for line in &typed.output {
        let expected = stable(line);
        if expected.is_empty() || line.trim() == "..." {
            continue;
        }
        assert!(
            rest.any(|line| *line == expected),
            "{place}: `{}` does not print\n{expected}\nbut\n{}",
            typed.command,
            printed.join("\n")
        );
    }
}

/// Runs the blocks of a document in one shell, as a reader does. `adapt` replaces values that differ here, such as an address.
fn run(document: &str, setup: &Setup, input: &str, adapt: impl Fn(&str) -> String) {
    let folder = setup.folder();
    let tools = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(program(), tools.path().join("campus-backup")).unwrap();
    let blocks = blocks(document);
    let typed: Vec<_> = blocks
        .iter()
        .filter(|block| block.is_run)
        .flat_map(|block| {
            block
                .commands
                .iter()
                .map(|typed| (format!("{document}:{}", block.line), typed))
        })
        .collect();
    assert!(!typed.is_empty(), "{document} has no commands");
    let results = tools.path().display();
    let mut script = String::new();
    for (number, (_, typed)) in typed.iter().enumerate() {
        let command = adapt(&typed.command);
        // In braces, so that the shell keeps variables.
        script += &format!("{{ {command}\n}} >{results}/{number}.out 2>&1; echo $? >{results}/{number}.code\n");
    }
    let path = std::env::var("PATH").unwrap();
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &script])
        .current_dir(folder)
        .env_clear()
        .envs(setup.environment())
        .env("PATH", format!("{results}:{path}"))
        .env("HOME", folder)
        .stdin(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    std::io::Write::write_all(&mut shell.stdin.take().unwrap(), input.as_bytes()).unwrap();
    shell.wait().unwrap();
    for (number, (place, typed)) in typed.iter().enumerate() {
        let printed = std::fs::read(tools.path().join(format!("{number}.out"))).unwrap();
        let printed = String::from_utf8_lossy(&printed);
        let code = std::fs::read_to_string(tools.path().join(format!("{number}.code"))).unwrap();
        assert_eq!(code.trim(), "0", "{place}: `{}`: {printed}", typed.command);
        // The document shows the questions on a terminal.
        if !adapt(&typed.command).ends_with(WITHOUT_QUESTIONS) {
            assert_shows(place, typed, &printed);
        }
    }
}

/// No block is skipped silently: it is run, or it has the mark and is counted in [`NOT_RUN`].
#[test]
fn blocks_that_are_not_run_are_marked() {
    let mut documents = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for entry in std::fs::read_dir(repository().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            documents.push(format!("docs/{name}"));
        }
    }
    for document in documents {
        let blocks = blocks(&document);
        let marked = blocks.iter().filter(|block| !block.is_run).count();
        let expected = NOT_RUN.iter().find(|(name, _)| *name == document);
        assert_eq!(
            marked,
            expected.map_or(0, |(_, count)| *count),
            "blocks of {document} with no-run"
        );
        if !RUN.contains(&document.as_str()) {
            let unmarked: Vec<_> = blocks
                .iter()
                .filter(|block| block.is_run)
                .map(|block| block.line)
                .collect();
            assert!(
                unmarked.is_empty(),
                "{document}, lines {unmarked:?}: mark these blocks with no-run, or run them here"
            );
        }
    }
}

/// The names of all functions, modules and folders of the sources.
fn names(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "node_modules" {
            self::names(&path, names);
            names.insert(name);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let words: Vec<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
            let named = words.windows(2).filter(|pair| ["fn", "mod"].contains(&pair[0]));
            names.extend(named.map(|pair| pair[1].to_owned()));
            names.insert(name);
        }
    }
}

/// The proofs of the invariants have their present names.
#[test]
fn tests_named_in_the_architecture_exist() {
    let mut names = BTreeSet::new();
    for folder in ["crates", "migration", "tests"] {
        self::names(&repository().join(folder), &mut names);
    }
    let text = std::fs::read_to_string(repository().join("docs/architecture.md")).unwrap();
    let (_, invariants) = text.split_once("\n## Invariants\n").unwrap();
    let invariants = invariants.split("\n## ").next().unwrap();
    let paths = invariants
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.contains("::"));
    let mut checked = 0;
    for path in paths {
        let segments = path
            .split([':', '{', '}', ',', ' ', '*'])
            .filter(|segment| !segment.is_empty());
        for segment in segments.filter(|segment| segment.starts_with(|c: char| c.is_ascii_lowercase())) {
            let is_crate = ["api", "archive", "domain"].contains(&segment);
            assert!(
                is_crate || names.contains(segment),
                "docs/architecture.md: `{path}` does not exist"
            );
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_readme_and_of_getting_started_work() {
    for document in ["README.md", "docs/getting-started.md"] {
        let setup = Setup::bare();
        let service = setup.again().argument("--demo").start().await;
        let stdout = service.stdout();
        let password = one_time_password(&stdout).expect("the password is printed").to_owned();
        let url = service.base_url();
        let done = tokio::task::spawn_blocking(move || {
            run(document, &setup, &format!("{password}\n"), |command| {
                command.replace("http://127.0.0.1:8080", &url)
            });
        });
        done.await.unwrap();
    }
}

/// The commands of `docs/restore.md` on one installation. Ids and files of the document are replaced by those of its backup.
#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_restore_page_work() {
    if ["age", "zstd", "jq"]
        .iter()
        .any(|tool| Command::new(tool).arg("--version").output().is_err())
    {
        eprintln!("age, zstd or jq is absent: the commands of docs/restore.md are not run");
        return;
    }
    let scratch = Scratch::migrated(Engine::Sqlite).await;
    let setup = Setup::bare().set("DATABASE_URL", scratch.url());
    let run_command = async |arguments: &[&str]| {
        let done = setup.again().arguments(arguments).run().await;
        assert_eq!(done.code, Some(0), "{arguments:?}: {done:?}");
        done.stdout
    };
    run_command(&["demo"]).await;
    let printed = run_command(&["backup", "--label", "before the exams", "--json"]).await;
    let backup: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let backup = backup["id"].as_str().unwrap().to_owned();
    run_command(&["verify", &backup, "--test-restore"]).await;
    run_command(&["download", "all", "--output", "complete.json"]).await;
    for table in ["attendance", "enrollments", "payments"] {
        scratch
            .execute(&format!("delete from {table} where student_id = 17"))
            .await;
    }
    scratch.execute("delete from students where id = 17").await;
    let cleared = run_command(&["clear", "attendance", "--yes", "--json"]).await;
    let cleared: serde_json::Value = serde_json::from_str(&cleared).unwrap();
    let clear = cleared["id"].as_str().unwrap().to_owned();
    let done = tokio::task::spawn_blocking(move || {
        run("docs/restore.md", &setup, "", |command| {
            let words = command.split(' ').map(|word| match word {
                word if word.starts_with("2026-") => backup.clone(),
                word if word.starts_with("complete_backup_") => "complete.json".to_owned(),
                word if word.len() == 36 && word.contains('-') => clear.clone(),
                // The encrypted archive of an earlier command of the document.
                "archive.json.zst.age" => "data/archives/*/archive.json.zst.age".to_owned(),
                word => word.to_owned(),
            });
            let command = words.collect::<Vec<_>>().join(" ");
            // There is no terminal to confirm on.
            match command.starts_with("campus-backup restore") && !command.contains("--dry-run") {
                true => format!("{command}{WITHOUT_QUESTIONS}"),
                false => command,
            }
        });
    });
    done.await.unwrap();
}
