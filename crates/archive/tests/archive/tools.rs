//! The public tools `age` and `zstd` can open this crate's archives, and the reverse. `TEST_TOOLS` (a list with
//! commas) makes a missing tool a failure.

use std::path::Path;
use std::process::Command;

use campus_backup_archive::Keys;
use secrecy::ExposeSecret as _;

use crate::content::{BARE, COMPRESSED, ENCRYPTED, encrypted_only, keys, read, seal};

fn is_here(tool: &str) -> bool {
    let here = Command::new(tool).arg("--version").output().is_ok();
    let demanded = std::env::var("TEST_TOOLS").unwrap_or_default();
    assert!(
        here || !demanded.split(',').any(|name| name == tool),
        "{tool} is not installed"
    );
    if !here {
        eprintln!("SKIPPED: {tool} is not installed, so no other program has opened these archives");
    }
    here
}

#[track_caller]
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn archives_are_compatible_with_age() {
    if !is_here("age") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = file(
        folder.path(),
        "key.txt",
        keys().secret_text().expose_secret().as_bytes(),
    );
    let archive = file(folder.path(), "archive.zst.age", ENCRYPTED);
    let opened = run(Command::new("age").args(["--decrypt", "--identity", &key, &archive]));
    assert_eq!(zstd::decode_all(&*opened).unwrap(), BARE);
    let long = seal(&BARE.repeat(200), &encrypted_only(keys().recipients()));
    let long = file(folder.path(), "long.age", &long);
    assert_eq!(
        run(Command::new("age").args(["-d", "-i", &key, &long])),
        BARE.repeat(200)
    );

    let recipient = keys().recipients().to_string();
    for content in [BARE, COMPRESSED] {
        let content = file(folder.path(), "content", content);
        for armour in [&[][..], &["--armor"]] {
            let encrypted = run(Command::new("age")
                .args(["--recipient", recipient.trim()])
                .args(armour)
                .arg(&content));
            assert_eq!(read(&encrypted, &keys()).unwrap().1.total, 9);
            for length in 0..encrypted.len() {
                let cut = read(&encrypted[..length], &keys());
                // The last line feed of the armour is not content.
                assert!(
                    cut.is_err() || !armour.is_empty() && length + 1 == encrypted.len(),
                    "cut to {length}"
                );
            }
        }
    }
}

#[test]
fn archives_are_compatible_with_zstd() {
    if !is_here("zstd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let archive = file(folder.path(), "archive.zst", COMPRESSED);
    run(Command::new("zstd").args(["--test", &archive]));
    assert_eq!(
        run(Command::new("zstd").args(["--decompress", "--stdout", &archive])),
        BARE
    );
    let content = file(folder.path(), "archive.json", BARE);
    for level in ["-1", "-3", "-19"] {
        let compressed = run(Command::new("zstd").args([level, "--stdout", &content]));
        assert_eq!(read(&compressed, &Keys::none()).unwrap().1.total, 9);
    }
}
