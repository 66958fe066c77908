//! Runs other programs, which check the service's output independently.

use std::collections::HashSet;
use std::io::Write as _;
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex};

/// Missing programs that were already reported.
static MISSED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// Whether a program is available. A missing program is reported once on stderr. It is a failure if `TEST_TOOLS` names
/// it.
pub fn is_available(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        return true;
    }
    let demanded = std::env::var("TEST_TOOLS").is_ok_and(|list| list.split(',').any(|word| word.trim() == program));
    assert!(!demanded, "{program} was demanded and is not here");
    if MISSED.lock().unwrap().insert(program.to_owned()) {
        let _ = writeln!(
            std::io::stderr(),
            "campus-backup tests: SKIPPED all that needs {program}"
        );
    }
    false
}

/// Runs a program, which must succeed.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
