//! A remote store that fails, is slow, or can't be reached.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;

use campus_backup_archive::{self as archive, Keys, Limits};
use hyper::{Method, StatusCode};

use super::server::Server;
use super::*;

fn open(server: &Server) -> Store {
    Store::open(&server.settings("s3://school")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreachable_store_is_reported_quickly() {
    let server = Server::start().await;
    let mut settings = server.settings("s3://school");
    // Bound without listening: connections to this port are refused.
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    settings.options.push(("aws_endpoint".to_owned(), endpoint));
    let store = Store::open(&settings).unwrap();
    let begin = Instant::now();
    let id = store.new_id(Utc::now());
    let unavailable = |error: Error| matches!(error, Error::StoreUnavailable { .. });
    assert!(unavailable(store.list().await.unwrap_err()));
    assert!(unavailable(store.manifest(&id).await.unwrap_err()));
    assert!(unavailable(store.sweep().await.unwrap_err()));
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_and_missing_bucket_are_distinguished_from_not_found() {
    let server = Server::start().await;
    let mut settings = server.settings("s3://school");
    settings
        .options
        .push(("aws_secret_access_key".to_owned(), "wrong".to_owned()));
    let id = "2026-11-25T03-53-08Z-5f1c2a9b";
    let refused = Store::open(&settings).unwrap().list().await.unwrap_err();
    let is_refused = matches!(
        refused,
        Error::StoreMisconfigured {
            fault: StoreFault::WrongCredentials,
            ..
        }
    );
    assert!(is_refused, "{refused:?}");
    let elsewhere = Store::open(&server.settings("s3://elsewhere")).unwrap();
    let no_bucket = |error: Error| {
        matches!(
            error,
            Error::StoreMisconfigured {
                fault: StoreFault::NoBucket,
                ..
            }
        )
    };
    assert!(no_bucket(elsewhere.list().await.unwrap_err()));
    assert!(no_bucket(elsewhere.manifest(id).await.unwrap_err()));
    assert!(no_bucket(elsewhere.read(id, ZST, None).await.unwrap_err()));
    assert!(no_bucket(elsewhere.delete(id).await.unwrap_err()));
    // This server creates a bucket when an object is stored.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_fails_near_its_end_leaves_nothing() {
    let server = Server::start().await;
    let store = open(&server);
    let content = noise(6 * PART);
    server
        .faults
        .upload_limit
        .store(content.len() as u64 * 9 / 10, Ordering::Relaxed);
    let id = store.new_id(Utc::now());
    let writer = store.create(&id, ZST).await.unwrap().into_writer();
    let written = blocking(move || {
        let mut writer = writer;
        writer.write_all(&content).map_err(Error::io("writing"))?;
        writer.into_incoming()
    });
    let failed = match written.await.unwrap() {
        Ok(incoming) => incoming.finish().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(failed, Error::StoreUnavailable { .. }), "{failed:?}");
    assert!(store.read(&id, ZST, None).await.is_err());
    until("the parts are removed", || async { server.parts() == 0 }).await;
    until("nothing is left", || async { store.everything().await.is_empty() }).await;
    assert!(store.listed().await.is_empty());

    server.faults.upload_limit.store(u64::MAX, Ordering::Relaxed);
    store.keep(&noise(6 * PART)).await;
    assert_eq!(store.listed().await.len(), 1, "the next one works");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hanging_store_delays_a_bounded_handle_only_once() {
    let server = Server::start().await;
    let store = open(&server);
    let closed = server.faults.gate.acquire_many(1_000_000).await.unwrap();
    let limit = Duration::from_secs(1);
    for length in [1, 6 * PART] {
        let (bounded, content) = (store.bounded(limit), noise(length));
        let begin = Instant::now();
        let id = bounded.new_id(Utc::now());
        let mut incoming = bounded.create(&id, ZST).await.unwrap();
        let mut written = Ok(());
        for piece in content.chunks(PART) {
            written = match written {
                Ok(()) => incoming.write(Bytes::copy_from_slice(piece)).await,
                failed => failed,
            };
        }
        let failed = match written {
            Ok(()) => incoming.finish().await,
            failed => failed,
        };
        assert!(matches!(failed, Err(Error::StoreUnavailable { .. })), "{failed:?}");
        // The handle does not wait a second time.
        bounded.discard(&id, ZST).await.unwrap_err();
        assert!(begin.elapsed() < 5 * limit, "{:?}", begin.elapsed());
    }
    drop(closed);
    let kept = store.keep(b"the next one").await;
    assert_eq!(store.listed().await, [kept.id]);
    until("the parts are removed", || async { server.parts() == 0 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_are_removed_if_the_marker_can_not_be_put() {
    let server = Server::start().await;
    let store = open(&server);
    let id = store.new_id(Utc::now());
    let mut incoming = store.create(&id, ZST).await.unwrap();
    incoming.write(noise(3 * PART).into()).await.unwrap();
    until("the parts are there", || async { server.parts() > 0 }).await;
    server.faults.refuse(Method::PUT, "/unfinished");
    incoming.finish().await.unwrap_err();
    until("the parts are removed", || async { server.parts() == 0 }).await;
    assert!(store.everything().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_store_is_reported() {
    let server = Server::start().await;
    let store = open(&server);
    let incoming = store.create(&store.new_id(Utc::now()), ZST).await.unwrap();
    *server.faults.refused_with.lock().unwrap() = StatusCode::INSUFFICIENT_STORAGE;
    server.faults.refusals.store(100, Ordering::Relaxed);
    let full = incoming.finish().await.unwrap_err();
    assert!(matches!(full, Error::InsufficientStorage { .. }), "{full:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn temporary_refusal_is_retried() {
    let server = Server::start().await;
    let store = open(&server);
    for _ in 0..3 {
        server.faults.refusals.store(2, Ordering::Relaxed);
        let content = noise(2 * PART + 1);
        let id = store.new_id(Utc::now());
        store.write(&id, &content).await;
        server.faults.refusals.store(2, Ordering::Relaxed);
        store.put_manifest(&manifest_of(&id, 1)).await.unwrap();
        server.faults.refusals.store(2, Ordering::Relaxed);
        store
            .update(&id, |manifest| {
                manifest.protected = true;
                Ok(())
            })
            .await
            .unwrap();
        server.faults.refusals.store(2, Ordering::Relaxed);
        assert!(store.content(&id).await.unwrap() == content);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truncated_response_is_requested_again_or_is_an_error() {
    let server = Server::start().await;
    let store = open(&server);
    let id = store.new_id(Utc::now());
    let content = noise(10 << 20);
    store.write(&id, &content).await;
    server.faults.cut_answers.store(2, Ordering::Relaxed);
    assert!(store.content(&id).await.unwrap() == content);
    server.faults.cut_answers.store(1_000, Ordering::Relaxed);
    let outgoing = store.read(&id, ZST, None).await.unwrap();
    let read = blocking(move || {
        let mut read = Vec::new();
        let error = outgoing.into_reader().read_to_end(&mut read).unwrap_err();
        (read.len(), Error::io("reading")(error))
    });
    let (length, error) = read.await.unwrap();
    assert!(length < content.len());
    assert!(matches!(error, Error::StoreUnavailable { .. }), "{error:?}");
    let outgoing = store.read(&id, ZST, None).await.unwrap();
    let opened =
        blocking(move || archive::Reader::open(outgoing.into_reader(), &Keys::none(), Limits::default()).map(drop));
    let error = Error::from(opened.await.unwrap().unwrap_err());
    assert!(
        matches!(error, Error::StoreUnavailable { .. }),
        "no fault of the archive: {error:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacement_while_reading_is_an_error() {
    let server = Server::start().await;
    let store = open(&server);
    let id = store.new_id(Utc::now());
    store.write(&id, &noise(20 << 20)).await;
    let mut outgoing = store.read(&id, ZST, None).await.unwrap();
    outgoing.next().await.unwrap();
    store.write(&id, &noise((20 << 20) + 1)).await;
    let rest: Result<Vec<Bytes>> = outgoing.into_stream().try_collect().await;
    assert!(matches!(rest, Err(Error::StoreUnavailable { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_store_slows_its_writer() {
    let server = Server::start().await;
    let store = open(&server);
    let id = store.new_id(Utc::now());
    let closed = server.faults.gate.acquire_many(1_000_000).await.unwrap();
    let mut closed = Some(closed);
    let content = noise(12 * PART);
    let mut incoming = store.create(&id, ZST).await.unwrap();
    let mut taken = 0;
    for piece in content.chunks(100_000) {
        let mut write = std::pin::pin!(incoming.write(Bytes::copy_from_slice(piece)));
        if closed.is_some()
            && tokio::time::timeout(Duration::from_millis(300), &mut write)
                .await
                .is_ok()
        {
            taken += piece.len();
            assert!(
                taken <= 3 * PART,
                "no more than two parts on their way and one that is gathered"
            );
            continue;
        }
        drop(closed.take());
        write.await.unwrap();
    }
    assert!(closed.is_none() && taken > PART);
    incoming.finish().await.unwrap();
    assert!(store.content(&id).await.unwrap() == content);
}
