//! Many users sign in at once: each password hash needs 19 MiB of memory, so only a few are computed at the same time.

use std::time::{Duration, Instant};

use serde_json::json;

use harness::service::Setup;
use harness::{ADMIN_PASSWORD, Engine, WAIT_LIMIT, small_school, until};

/// The memory of a few hashes; fifty would need 950 MiB. `tests/outside/gates.py` limits the released program to 64
/// MiB on a separate machine.
const GROWTH: u64 = 96 << 20;

/// The memory that may still be used afterwards.
const LEFT: u64 = 32 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_logins_use_little_memory_and_delay_no_request() {
    let school = small_school(Engine::Sqlite).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_LOGIN_BURST", 100_000)
        .set("CAMPUS_BACKUP_LOGIN_BURST_ADDRESS", 100_000)
        .start()
        .await;
    let admin = service.admin().await;
    let before = service.memory().now;
    let start = Instant::now();
    let flood = async {
        let (mut answered, mut longest) = (0, Duration::ZERO);
        while start.elapsed() < Duration::from_secs(4) {
            let attempts = (0..50).map(|number| {
                let client = service.anonymous();
                let password = if number % 2 == 0 { ADMIN_PASSWORD } else { "wrong" };
                async move {
                    client
                        .post("/auth/login", &json!({"username": "admin", "password": password}))
                        .await
                }
            });
            let round = Instant::now();
            for answer in futures_util::future::join_all(attempts).await {
                let status = answer.status.as_u16();
                assert!(matches!(status, 200 | 401 | 429 | 503), "{answer:?}");
                answered += u32::from(status < 429);
            }
            longest = longest.max(round.elapsed());
        }
        (answered, longest)
    };
    let look = async {
        let mut times = Vec::new();
        while start.elapsed() < Duration::from_secs(4) {
            let asked = Instant::now();
            admin.get("/backup/stats").await.expect(200);
            times.push(asked.elapsed());
        }
        times.sort();
        times
    };
    let ((answered, longest), times) = tokio::join!(flood, look);
    assert!(answered > 0, "no login succeeded");
    let grown = service.memory().peak.saturating_sub(before);
    assert!(grown < GROWTH, "{} MiB more at the peak", grown >> 20);
    assert!(times.len() > 5, "stats answered only {} times", times.len());
    // Also on a busy machine a request must not wait for all hashes. If it did, it would take about as long as all of
    // them.
    let median = times[times.len() / 2];
    assert!(
        median < longest / 4,
        "stats took {median:?} beside {longest:?} for the passwords"
    );
    until("memory is given back", WAIT_LIMIT, async || {
        service.memory().now.saturating_sub(before) < LEFT
    })
    .await;
    service.admin().await.get("/backup/stats").await.expect(200);
}
