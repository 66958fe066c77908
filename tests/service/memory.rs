//! The memory of every download is independent of the number of rows, compared at scale 1 and 10.
//!
//! The comparison needs the released program and much time, so it is an ignored test:
//! `CAMPUS_BACKUP_PROGRAM=target/release/campus-backup cargo test -p tests memory -- --ignored`.

use futures_util::StreamExt as _;
use reqwest::Method;

use harness::service::Setup;
use harness::{Engine, Scratch, TABLES, on_every_engine};

/// The allowed difference between the peaks of the two scales.
const DIFFERENCE: u64 = 16 << 20;

/// The peak memory of a service that sends one download of a school of this scale.
async fn peak(engine: Engine, scale: u32, path: &str, encoding: &str, scratch: &Scratch) -> u64 {
    let setup = Setup::on(scratch).installed().await;
    let token = setup.again().arguments(&["token", "admin"]).run().await.stdout;
    let service = setup.start().await;
    let request = service
        .bearer(token.trim())
        .request(Method::GET, path)
        .header("Accept-Encoding", encoding);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{engine:?} {path}");
    let mut body = response.bytes_stream();
    let mut bytes = 0;
    while let Some(piece) = body.next().await {
        bytes += piece.unwrap().len();
    }
    assert!(bytes > 100, "scale {scale} {path}: {bytes} bytes");
    service.memory().peak
}

async fn demo(engine: Engine, scale: u32) -> Scratch {
    let scratch = Scratch::empty(engine).await;
    let filled = Setup::on(&scratch)
        .arguments(&["demo", "--scale", &scale.to_string()])
        .run()
        .await;
    assert_eq!(filled.code, Some(0), "{filled:?}");
    scratch
}

#[on_every_engine(ignore)]
async fn memory_is_independent_of_the_number_of_rows(engine: Engine) {
    let (small, large) = (demo(engine, 1).await, demo(engine, 10).await);
    let mut downloads = Vec::new();
    for table in TABLES {
        for format in ["csv", "json", "xlsx"] {
            downloads.push((format!("/backup/download/{table}?format={format}"), "identity"));
        }
    }
    for encoding in ["identity", "gzip", "zstd", "br"] {
        downloads.push(("/backup/download/all".to_owned(), encoding));
    }
    for (path, encoding) in downloads {
        let at_one = peak(engine, 1, &path, encoding, &small).await;
        let at_ten = peak(engine, 10, &path, encoding, &large).await;
        let grown = at_ten.saturating_sub(at_one);
        let (one, ten) = (at_one >> 20, at_ten >> 20);
        assert!(
            grown < DIFFERENCE,
            "{path} ({encoding}): {one} MiB at scale 1, {ten} MiB at scale 10"
        );
    }
}
