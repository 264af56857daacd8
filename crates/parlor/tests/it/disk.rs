//! A disk that is full, and a disk that fails under a commit. Linux only: a small file system of its
//! own is mounted, and the system's fsync is made to fail.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use parlor_client::{Api, ApiError};
use parlor_protocol::{Code, ConversationId, CreateConversation, SendMessage};
use parlor_testkit::{HostApp, Launch, Process, soon};
use serde_json::json;
use tempfile::TempDir;

/// Room for the database and its log, and little more.
const DISK: &str = "size=8m";

/// A file system of its own; unmounted when dropped.
struct Disk(TempDir);

impl Disk {
    /// `None` where mounting is not allowed: the test says so and proves nothing there.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", DISK, "tmpfs"])
            .arg(folder.path())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            Some(Self(folder))
        } else {
            eprintln!("skipped: mounting a file system needs root");
            None
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room that is left.
    fn fill(&self) -> PathBuf {
        let filler = self.path().join("filler");
        let mut file = fs::File::create(&filler).expect("made");
        let block = [0; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        filler
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(
            Command::new("umount")
                .arg("--lazy")
                .arg(self.path())
                .status(),
        );
    }
}

/// Ada on a server, with a group to write in.
struct Ada {
    api: Api,
    token: String,
    talk: ConversationId,
    acked: Vec<String>,
}

impl Ada {
    async fn on(server: &Process) -> Self {
        let api = Api::new(server.url());
        let auth = api
            .register("ada", "correct horse", None)
            .await
            .expect("registers");
        let grace = api
            .register("grace", "correct horse", None)
            .await
            .expect("registers");
        let api = api.with_token(&auth.access_token);
        let body = CreateConversation {
            kind: None,
            member_ids: vec![grace.user.id],
            title: None,
            label: None,
            metadata: None,
        };
        let talk = api.create_conversation(&body).await.expect("made");
        Self {
            api,
            token: auth.access_token,
            talk: talk.summary.id,
            acked: Vec::new(),
        }
    }

    /// The same on the server that took over: the old one's connections are dead.
    fn again_on(&mut self, server: &Process) {
        self.api = Api::new(server.url()).with_token(&self.token);
    }

    /// The code of a refusal.
    async fn sends(&mut self, n: usize) -> Result<(), Code> {
        let client_id = format!("c{n}");
        let body = SendMessage {
            content: "x".repeat(8_000),
            client_id: Some(client_id.clone()),
            ..SendMessage::default()
        };
        match self.api.send(self.talk, &body).await {
            Ok(_) => {
                self.acked.push(client_id);
                Ok(())
            }
            Err(ApiError::Refused(problem)) => Err(problem.code),
            Err(error) => panic!("{error}"),
        }
    }

    /// Every acked message is stored once; an unacked one may be.
    async fn finds_everything(&self) {
        let mut stored = Vec::new();
        loop {
            let after = Some(stored.len() as i64);
            let page = self.api.history(self.talk, after, 200).await.expect("read");
            let ids = page.items.into_iter().map(|message| message.client_id);
            stored.extend(ids.map(|id| id.expect("a clientId")));
            if !page.has_more {
                break;
            }
        }
        for client_id in &self.acked {
            let count = stored.iter().filter(|id| *id == client_id).count();
            assert_eq!(count, 1, "{client_id} of {} acked", self.acked.len());
        }
    }
}

fn parlor(data_dir: &Path) -> Launch {
    Launch::new(Path::new(env!("CARGO_BIN_EXE_parlor")), data_dir)
}

#[tokio::test]
async fn a_full_disk_refuses_and_heals_when_there_is_room_again() {
    let Some(disk) = Disk::mount() else { return };
    let launch = parlor(disk.path());
    let server = launch.start();
    let mut ada = Ada::on(&server).await;
    for n in 0..20 {
        ada.sends(n).await.expect("there is room");
    }
    let filler = disk.fill();
    let mut n = 20;
    let refused = soon("no room", async {
        loop {
            n += 1;
            if let Err(code) = ada.sends(n).await {
                return code;
            }
        }
    })
    .await;
    assert_eq!(refused, Code::StorageFull);
    assert_eq!(Code::StorageFull.status(), 507);
    // Reading goes on, and refusing too.
    ada.finds_everything().await;
    assert_eq!(ada.sends(n).await, Err(Code::StorageFull));
    assert_eq!(ada.api.me().await.expect("answers").handle, "ada");

    fs::remove_file(filler).expect("removed");
    soon("healing", async { while ada.sends(n).await.is_err() {} }).await;
    ada.sends(n + 1).await.expect("as before");
    ada.finds_everything().await;
    let port = server.port();
    server.kill();
    let server = Launch { port, ..launch }.start();
    ada.again_on(&server);
    ada.finds_everything().await;
}

#[tokio::test]
async fn a_full_disk_keeps_out_nobody_who_is_known() {
    let Some(disk) = Disk::mount() else { return };
    let settings = HostApp.environment().into_iter();
    let launch = settings.fold(parlor(disk.path()), |launch, (name, value)| {
        launch.with_env(name, value)
    });
    let server = launch.start();
    let named = async |id: &str, name: &str| {
        let token = HostApp.token_with(id, json!({"name": name}));
        Api::new(server.url()).with_token(&token).me().await
    };
    named("ada", "Ada").await.expect("made");
    let filler = disk.fill();
    let refused = soon("no room", async {
        let mut n = 0;
        loop {
            n += 1;
            if let Err(error) = named(&format!("user-{n}"), "Somebody").await {
                return error;
            }
        }
    })
    .await;
    let ApiError::Refused(problem) = refused else {
        panic!("{refused}")
    };
    assert_eq!(problem.code, Code::StorageFull);
    // A name that cannot be stored is left for later.
    let left = soon("a name that is not stored", async {
        let mut n = 0;
        loop {
            n += 1;
            let name = format!("Ada {n}");
            if named("ada", &name).await.expect("let in").name != name {
                return name;
            }
        }
    })
    .await;
    fs::remove_file(filler).expect("removed");
    soon("healing", async {
        while named("grace", "Grace").await.is_err() {}
    })
    .await;
    assert_eq!(named("ada", &left).await.expect("let in").name, left);
}

/// Makes `fsync` and `fdatasync` fail while a file is there.
const FAILING_SYNC: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int fails(void) {
    const char *flag = getenv("FAILING_SYNC");
    return flag && access(flag, F_OK) == 0;
}
int fsync(int fd) {
    if (fails()) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
int fdatasync(int fd) {
    if (fails()) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
"#;

#[tokio::test]
async fn after_a_failed_fsync_nothing_is_acked_and_the_server_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("sync.c");
    let library = folder.path().join("sync.so");
    fs::write(&source, FAILING_SYNC).expect("written");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status()
        .expect("a C compiler builds this project too");
    assert!(compiled.success());
    let flag = folder.path().join("fails");
    let data = folder.path().join("data");
    let launch = parlor(&data)
        .with_env("LD_PRELOAD", library.to_str().expect("UTF-8"))
        .with_env("FAILING_SYNC", flag.to_str().expect("UTF-8"));
    let mut server = launch.start();
    let port = server.port();
    let mut ada = Ada::on(&server).await;
    for n in 0..10 {
        ada.sends(n).await.expect("stored");
    }
    fs::write(&flag, "").expect("written");
    let body = SendMessage {
        content: "on its way".into(),
        client_id: Some("unsure".into()),
        ..SendMessage::default()
    };
    match ada.api.send(ada.talk, &body).await {
        // The answer, or the end of the server before it: both say that the outcome is not known.
        Err(ApiError::Refused(problem)) => assert_eq!(problem.code, Code::UnknownOutcome),
        Err(ApiError::Unreachable(_)) => {}
        Ok(_) => panic!("acked although the disk failed"),
    }
    let code = soon("the end of the server", async {
        loop {
            if let Some(status) = server.ended() {
                return status.code();
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(code, Some(1));

    fs::remove_file(flag).expect("removed");
    let server = Launch { port, ..launch }.start();
    ada.again_on(&server);
    ada.finds_everything().await;
    ada.api
        .send(ada.talk, &body)
        .await
        .expect("the retry decides");
}
