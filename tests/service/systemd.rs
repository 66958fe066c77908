//! The messages to systemd, and the files of `crates/api/dist`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::service::Setup;
use tokio::net::UnixDatagram;

/// Reads messages until one contains this line.
async fn until_line(socket: &UnixDatagram, line: &str) {
    let mut seen = Vec::new();
    let found = async {
        loop {
            let mut buffer = [0; 4096];
            let length = socket.recv(&mut buffer).await.unwrap();
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let has_line = message.lines().any(|found| found == line);
            seen.push(message);
            if has_line {
                break;
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(30), found).await;
    assert!(found.is_ok(), "{line} was not sent: {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn service_reports_readiness_heartbeats_and_stop_to_systemd() {
    let setup = Setup::bare();
    let path = setup.folder().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let setup = setup.set("NOTIFY_SOCKET", path.display()).set("WATCHDOG_USEC", 600_000);
    let service = setup.start().await;
    until_line(&socket, "READY=1").await;
    for _ in 0..3 {
        until_line(&socket, "WATCHDOG=1").await;
    }
    service.terminate();
    until_line(&socket, "STOPPING=1").await;
    assert_eq!(service.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn service_sends_no_heartbeat_without_a_watchdog() {
    let setup = Setup::bare();
    let path = setup.folder().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let service = setup.set("NOTIFY_SOCKET", path.display()).start().await;
    until_line(&socket, "READY=1").await;
    assert_eq!(service.stop().await.code, Some(0));
    let mut buffer = [0; 4096];
    let length = socket.try_recv(&mut buffer).unwrap();
    assert!(buffer[..length].starts_with(b"STOPPING=1\n"));
}

/// The units have no errors, and a good result in systemd's security check.
#[test]
fn units_are_valid_and_hardened() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("systemd-analyze is absent: the units are not checked");
        return;
    }
    let dist = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/api/dist"));
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "campus-backup.service",
        "campus-backup-nightly.service",
        "campus-backup-nightly.timer",
    ];
    for name in names {
        let unit = std::fs::read_to_string(dist.join(name)).unwrap();
        // The program and its man pages are not installed on the test machine.
        let unit = unit.replace("/usr/bin/campus-backup", "/bin/true");
        let lines = unit.lines().filter(|line| !line.starts_with("Documentation="));
        std::fs::write(folder.path().join(name), lines.collect::<Vec<_>>().join("\n")).unwrap();
    }
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        let done = command.args(arguments).current_dir(folder.path()).output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        assert!(done.status.success(), "{arguments:?}: {said}");
        said
    };
    let said = analyze(&[
        "verify",
        "./campus-backup.service",
        "./campus-backup-nightly.service",
        "./campus-backup-nightly.timer",
    ]);
    assert_eq!(said.trim(), "");
    for name in &names[..2] {
        // In tenths, which newer versions of systemd also accept.
        analyze(&["security", "--offline=true", "--threshold=15", &format!("./{name}")]);
    }
}
