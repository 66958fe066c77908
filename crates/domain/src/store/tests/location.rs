//! Addresses of stores. Stores of Google and Azure are only created, because the tests can't reach them.

use super::*;

fn with(archives: &str, options: &[(&str, &str)]) -> Result<Store> {
    let mut settings = StoreSettings::new(archives)?;
    settings.reads_environment = false;
    settings.options = options
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    Store::open(&settings)
}

#[tokio::test]
async fn invalid_addresses_are_refused() {
    for archives in [
        "",
        "file:",
        "file://elsewhere/archives",
        "s3:bucket",
        "s3://",
        "s3:///archives",
        "s3://key:secret@bucket/archives",
        "s3://bucket/archives?region=x",
        "s3://bucket:9000/archives",
        "https://bucket.example/archives",
        "ftp://host/archives",
        "memory:///",
        "gs://",
        "az:container",
    ] {
        let refused = StoreSettings::new(archives).map(drop).unwrap_err();
        assert!(
            matches!(refused, Error::Invalid { field: "archives", .. }),
            "{archives}"
        );
        assert!(!refused.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn settings_that_do_not_fit_are_refused() {
    let account = ("azure_storage_account_name", "school");
    for (archives, options) in [
        ("s3://bucket", vec![("aws_endpoint", "http://10.0.0.1:9000")]),
        ("s3://bucket", vec![("aws_access_key_id", "only-half")]),
        ("s3://bucket", vec![("aws_endpoint", "minio.example:9000")]),
        ("s3://bucket", vec![("aws_endpoint", "/s3")]),
        ("s3://bucket", vec![("aws_endpoint_url_s3", "ftp://minio.example")]),
        ("s3://bucket", vec![("aws_region", "eu-central-1\n")]),
        (
            "s3://bucket",
            vec![("aws_access_key_id", "x"), ("aws_secret_access_key", "from a file\n")],
        ),
        (
            "s3://bucket",
            vec![("aws_access_key_id", "schlüssel"), ("aws_secret_access_key", "y")],
        ),
        ("gs://bucket", vec![("google_service_account_key", "{")]),
        (
            "az://container",
            vec![account, ("azure_storage_account_key", "not base64")],
        ),
    ] {
        let refused = with(archives, &options).map(drop).unwrap_err();
        assert!(
            matches!(refused, Error::Invalid { field: "archives", .. }),
            "{archives}: {refused}"
        );
    }
}

#[tokio::test]
async fn folders_are_named_by_path_or_address() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for archives in [
        format!("{path}/a b"),
        format!("file:{path}/a b"),
        format!("file://{path}/a%20b"),
    ] {
        let store = with(&archives, &[]).unwrap();
        let root = store.0.backend.folder().unwrap().root().to_owned();
        assert_eq!(root, folder.path().canonicalize().unwrap().join("a b"));
    }
}

#[tokio::test]
async fn each_provider_is_built_of_its_address() {
    let keys = [("aws_access_key_id", "x"), ("aws_secret_access_key", "y")];
    let loopback = [&keys[..], &[("aws_endpoint", "http://localhost:9000")]].concat();
    let allowed = [
        &keys[..],
        &[("aws_endpoint", "http://10.0.0.1:9"), ("aws_allow_http", "true")],
    ]
    .concat();
    let azure = [
        ("azure_storage_account_name", "school"),
        ("azure_storage_account_key", "c2VjcmV0"),
    ];
    for (archives, options, shown, prefix) in [
        ("s3://bucket/of/school", &keys[..], "AmazonS3(bucket)", "of/school"),
        ("s3://bucket", &loopback, "AmazonS3(bucket)", ""),
        ("s3://bucket/", &allowed, "AmazonS3(bucket)", ""),
        (
            "gs://bucket/x",
            &[("google_skip_signature", "true")],
            "GoogleCloudStorage(bucket)",
            "x",
        ),
        (
            "az://container/x/",
            &azure,
            "MicrosoftAzure { account: school, container: container }",
            "x",
        ),
    ] {
        let store = with(archives, options).unwrap();
        assert_eq!(format!("{store:?}"), format!("Store({shown})"));
        assert_eq!(store.prefix().as_ref(), prefix, "{archives}");
        assert_eq!(store.room().await.unwrap(), None);
    }
}

/// A host that is an address is never resolved, so the resolver does not see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn destination_connects_to_no_local_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for endpoint in [
        format!("http://127.0.0.1:{port}"),
        format!("http://[::ffff:127.0.0.1]:{port}"),
    ] {
        let access = |credentials| StoreAccess {
            endpoint: Some(endpoint.clone()),
            credentials,
            ..StoreAccess::default()
        };
        let credentials = StoreCredentials {
            access_key_id: Some("x".to_owned()),
            secret_access_key: "y".into(),
        };
        let mut settings = StoreSettings::new("s3://bucket")
            .unwrap()
            .with_access(access(Some(credentials)));
        settings.reads_environment = false;
        settings.options.push(("aws_allow_http".to_owned(), "true".to_owned()));
        let error = Store::open(&settings).unwrap().check().await.unwrap_err();
        let Error::StoreUnavailable { source, .. } = &error else {
            panic!("{error:?}");
        };
        let causes = crate::notify::causes(source.as_ref());
        assert!(causes.contains("--allow-local-targets"), "{causes}");
    }
    let accepted = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(accepted.is_err(), "it got a connection");
}
