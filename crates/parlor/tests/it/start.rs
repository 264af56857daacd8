//! Starting in surroundings that cannot work: one clear sentence and exit code 2.

use std::{fs, net::TcpListener, path::Path};

use parlor_testkit::{Engine, Launch, TestStore, refused};

use crate::process::{serve, serve_on};

fn sentence(launch: &Launch, must_say: &[&str]) {
    let (code, said) = refused(launch.command());
    assert_eq!(code, Some(2), "{said}");
    let sentences: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("parlor: "))
        .collect();
    assert_eq!(sentences.len(), 1, "one sentence, not: {said}");
    for word in must_say {
        assert!(
            sentences[0].contains(word),
            "{word:?} is missing in: {said}"
        );
    }
}

#[test]
fn a_port_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("binds");
    let mut launch = serve(folder.path());
    launch.port = taken.local_addr().expect("an address").port();
    let port = launch.port.to_string();
    sentence(&launch, &["cannot listen", &port, "in use", "PORT"]);
}

#[test]
fn a_data_folder_that_cannot_be_written() {
    // Not a matter of permissions, which root ignores: a file stands where the folder should be.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    sentence(&serve(&file), &["data folder", "PARLOR_DATA_DIR"]);
    sentence(
        &serve(&file.join("below")),
        &["data folder", "PARLOR_DATA_DIR"],
    );
    sentence(
        &serve(Path::new("/proc/parlor")),
        &["data folder", "PARLOR_DATA_DIR"],
    );
}

#[test]
fn a_data_folder_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let _first = serve(folder.path()).start();
    sentence(
        &serve(folder.path()),
        &["another Parlor", "PARLOR_DATA_DIR"],
    );
}

#[test]
fn a_damaged_key_or_database() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("token.key"), "short").expect("written");
    sentence(&serve(folder.path()), &["token.key", "32 bytes"]);
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("parlor.db"),
        "this is no database, but it is long enough to be read as one".repeat(100),
    )
    .expect("written");
    sentence(&serve(folder.path()), &["parlor.db", "not a database"]);
}

#[test]
fn a_postgres_that_does_not_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch =
        serve(folder.path()).with_env("DATABASE_URL", "postgres://ada:secret@127.0.0.1:1/x");
    let (_, said) = refused(launch.command());
    assert!(!said.contains("secret"), "{said}");
    sentence(&launch, &["PostgreSQL", "127.0.0.1:1", "refused"]);
}

#[test]
fn settings_that_do_not_fit() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, value, must_say) in [
        ("PORT", "http", "0 to 65535"),
        ("HOST", "nowhere", "IP address"),
        ("DATABASE_URL", "mysql://x", "postgres://"),
        ("PARLOR_LOG_FORMAT", "xml", "text or json"),
        ("PARLOR_CONFIG", "/no/such/file", "cannot read"),
    ] {
        let launch = serve(folder.path()).with_env(name, value);
        let words: &[&str] = if name == "PARLOR_CONFIG" {
            &["/no/such/file", must_say]
        } else {
            &[name, must_say]
        };
        sentence(&launch, words);
    }
}

#[tokio::test]
async fn sigterm_ends_it_well_on_both_engines() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let store = TestStore::new(engine).await;
        let server = serve_on(&store).start();
        let api = parlor_client::Api::new(server.url());
        api.register("ada", "correct horse", None)
            .await
            .expect("registers");
        assert_eq!(server.terminate(), Some(0));
    }
}

#[cfg(unix)]
#[test]
fn what_it_makes_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let _server = serve(&data).start();
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("token.key")), 0o600);
    assert_eq!(mode(&data.join("parlor.db")), 0o600);
}

#[tokio::test]
async fn no_token_reaches_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let mut launch = serve(&folder.path().join("data"))
        .with_env("PARLOR_LOG_FILTER", "trace")
        .with_env("PARLOR_LOG_FORMAT", "json");
    launch.log = Some(log.clone());
    let server = launch.start();
    let api = parlor_client::Api::new(server.url());
    let auth = api
        .register("ada", "correct horse", None)
        .await
        .expect("registers");
    let query = format!(
        "{}/api/v1/ws?token={}",
        server.url().replacen("http", "ws", 1),
        auth.access_token
    );
    let (socket, _) = tokio_tungstenite::connect_async(query)
        .await
        .expect("opens");
    api.with_token(&auth.access_token)
        .me()
        .await
        .expect("answers");
    api.refresh(&auth.refresh_token).await.expect("rotates");
    drop(socket);
    let mut live = parlor_client::Live::connect(server.url(), &auth.access_token);
    let nowhere = "0190b2c8-0000-7000-8000-000000000001"
        .parse()
        .expect("an id");
    live.send(nowhere, "a secret message").await.expect("taken");
    while !matches!(live.next().await, Some(parlor_client::Event::Failed { .. })) {}
    drop(live);
    assert_eq!(server.terminate(), Some(0));
    let said = fs::read_to_string(&log).expect("a log");
    assert!(
        said.contains("/api/v1/ws") && said.contains("\"id\":"),
        "requests are logged with an id"
    );
    for secret in [
        &auth.access_token,
        &auth.refresh_token,
        "correct horse",
        "a secret message",
    ] {
        assert!(!said.contains(secret), "a secret stands in the log");
    }
}
