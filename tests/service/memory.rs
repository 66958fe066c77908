//! Memory does not grow with the number of rows: promised of every download, at one scale and at ten times it.
//!
//! The comparison is for the released program and takes its time, so it runs when it is asked for:
//! `CAMPUS_BACKUP_PROGRAM=target/release/campus-backup cargo test -p tests memory -- --ignored`.

use futures_util::StreamExt as _;
use reqwest::Method;

use harness::service::Setup;
use harness::{Engine, Scratch, TABLES, on_every_engine};

/// By how much the peak at ten times the rows may be higher.
const DIFFERENCE: u64 = 16 << 20;

/// The peak of a service that does this one download of a school of that size.
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
async fn ten_times_the_rows_take_no_more_memory(engine: Engine) {
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
