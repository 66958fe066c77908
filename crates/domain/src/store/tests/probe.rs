//! The check of a store finds each fault.

use hyper::{Method, StatusCode};

use super::server::{Lack, Server};
use super::*;
use crate::store::names::UNFINISHED;

on_every_store!(working_store_passes_the_check_and_stays_empty);

async fn working_store_passes_the_check_and_stays_empty(world: TestStore) {
    let store = world.open();
    store.keep(b"of before").await;
    let before = store.everything().await;
    assert!(store.check().await.unwrap().has_conditions);
    assert_eq!(store.everything().await, before);
}

/// The error of the check if a server answers every request like this.
async fn fault(status: StatusCode, body: &'static str) -> Error {
    let server = Server::start().await;
    server.faults.answer_all(status, body);
    let store = Store::open(&server.settings("s3://school")).unwrap();
    store.check().await.unwrap_err()
}

fn of_another_process(manifest: &Manifest) -> Manifest {
    Manifest {
        label: Some("of another process".to_owned()),
        ..manifest.clone()
    }
}

fn document(code: &str) -> &'static str {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No.</Message></Error>").leak()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_settings_are_classified() {
    for (status, body, expected) in [
        (404, document("NoSuchBucket"), StoreFault::NoBucket),
        (403, document("InvalidAccessKeyId"), StoreFault::WrongCredentials),
        (403, document("SignatureDoesNotMatch"), StoreFault::WrongCredentials),
        (403, document("AccessDenied"), StoreFault::AccessDenied),
        (403, document("RequestTimeTooSkewed"), StoreFault::ClockSkew),
        (301, document("PermanentRedirect"), StoreFault::WrongRegion),
        (400, document("AuthorizationHeaderMalformed"), StoreFault::WrongRegion),
        (404, "<html>nginx</html>", StoreFault::WrongEndpoint),
        (405, "<html>nginx</html>", StoreFault::WrongEndpoint),
    ] {
        let error = fault(StatusCode::from_u16(status).unwrap(), body).await;
        let is_it = matches!(&error, Error::StoreMisconfigured { fault, .. } if *fault == expected);
        assert!(is_it, "{status} {body}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_is_not_reported_as_wrong_settings() {
    for (status, body) in [(503, document("SlowDown")), (502, "<html>nginx</html>")] {
        let error = fault(StatusCode::from_u16(status).unwrap(), body).await;
        assert!(matches!(error, Error::StoreUnavailable { .. }), "{status}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_right_to_delete_is_a_warning_and_leaves_one_file() {
    let server = Server::start().await;
    server.faults.refuse(Method::DELETE, "");
    let store = Store::open(&server.settings("s3://school")).unwrap();
    for _ in 0..3 {
        let check = store.check().await.unwrap();
        assert_eq!(
            (check.can_delete, check.missing_feature()),
            (false, Some(MissingStoreFeature::Deletions))
        );
    }
    assert_eq!(store.everything().await.len(), 1);
    server.faults.refuse_nothing();
    assert_eq!(store.check().await.unwrap().missing_feature(), None);
    assert_eq!(store.everything().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_names_of_one_place_are_found() {
    let server = Server::start().await;
    let open = |archives| Store::open(&server.settings(archives)).unwrap();
    let store = open("s3://school/some/place");
    let probe = store.put_probe().await.unwrap();
    assert!(open("s3://school/some/place/").has_probe(&probe).await.unwrap());
    assert!(!open("s3://school/other").has_probe(&probe).await.unwrap());
    store.remove_probe(&probe).await.unwrap();
    assert_eq!(store.everything().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_without_conditional_writes_is_checked_before_each_write() {
    for lack in [Lack::Refuses, Lack::Ignores] {
        let server = Server::start().await;
        server.faults.lack_conditions(lack);
        let store = Store::open(&server.settings("s3://school")).unwrap();
        let check = store.check().await.unwrap();
        assert!(!check.has_conditions && check.warning().is_some());
        let manifest = store.keep(b"an archive").await;
        let changed = store.update(&manifest.id, |manifest| {
            manifest.label = Some("named".to_owned());
            Ok(())
        });
        assert_eq!(changed.await.unwrap().label.as_deref(), Some("named"));
        assert_eq!(store.listed().await, [manifest.id.as_str()]);
        store.put_manifest(&of_another_process(&manifest)).await.unwrap_err();
        store.delete(&manifest.id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabled_conditional_writes_are_not_used() {
    let server = Server::start().await;
    server.faults.lack_conditions(Lack::Refuses);
    let mut settings = server.settings("s3://school");
    let off = ("aws_conditional_put".to_owned(), "disabled".to_owned());
    settings.options.push(off);
    let store = Store::open(&settings).unwrap();
    assert!(!store.check().await.unwrap().has_conditions);
    let manifest = store.keep(b"an archive").await;
    store.put_manifest(&of_another_process(&manifest)).await.unwrap_err();
    store
        .update(&manifest.id, |manifest| {
            manifest.protected = true;
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn interrupted_check_is_swept() {
    let world = TestStore::folder();
    let store = world.open();
    store
        .put_raw(&store.new_id(Utc::now()), UNFINISHED, "is written to check the store")
        .await;
    store.sweep().await.unwrap();
    assert_eq!(store.everything().await, Vec::<String>::new());
}
