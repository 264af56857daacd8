//! Runs `scenarios/*.json`, which the TypeScript client runs too. The format is described beside them.

use std::{collections::BTreeMap, path::PathBuf};

use parlor_client::{
    Event, Status,
    session::{Entry, Input, Output, Read, Session},
};
use parlor_protocol::{ConversationId, UserId};
use serde_json::{Value, json};

use crate::fill::Defaults;

/// Timers that one `advance` may set off: more is a client that spins.
const TIMERS_MAX: usize = 1000;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).expect("the file is there")
}

#[test]
fn every_scenario() {
    let defaults = Defaults::read(&read("defaults.json"));
    let prologues: Value = serde_json::from_str(&read("prologues.json")).expect("JSON");
    let mut ran = 0;
    let mut failed = Vec::new();
    for entry in std::fs::read_dir(folder()).expect("the folder is there") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("a plain name");
        if ["README.md", "defaults.json", "prologues.json"].contains(&name) {
            continue;
        }
        let file: Value = serde_json::from_str(&read(name)).expect("JSON");
        for scenario in file["scenarios"].as_array().expect("scenarios") {
            let result = std::panic::catch_unwind(|| {
                let mut bench = Bench::new(&defaults, &prologues["prologues"]);
                bench.steps(&scenario["steps"]);
                assert!(bench.reads.is_empty(), "unanswered: {:?}", bench.reads);
            });
            if result.is_err() {
                failed.push(scenario["name"].as_str().expect("a name").to_owned());
            }
            ran += 1;
        }
    }
    assert!(failed.is_empty(), "failed: {failed:#?}");
    assert!(ran >= 20, "only {ran} scenarios were found");
}

struct Bench<'a> {
    defaults: &'a Defaults,
    prologues: &'a Value,
    session: Option<Session>,
    now_ms: u64,
    token: String,
    opening: bool,
    written: Vec<Value>,
    reads: Vec<Read>,
    /// What outlives a reload.
    outbox: Vec<Entry>,
    owner: Option<UserId>,
    failed: Vec<String>,
    names: BTreeMap<String, Value>,
}

impl<'a> Bench<'a> {
    fn new(defaults: &'a Defaults, prologues: &'a Value) -> Self {
        let conversation = |n| json!(format!("0190b2c8-000{n}-7000-8000-000000000000"));
        let names =
            ["A", "B", "C"].map(|name| (name.to_owned(), conversation(name.to_lowercase())));
        Self {
            defaults,
            prologues,
            session: None,
            now_ms: 0,
            token: "t".to_owned(),
            opening: false,
            written: Vec::new(),
            reads: Vec::new(),
            outbox: Vec::new(),
            owner: None,
            failed: Vec::new(),
            names: names.into(),
        }
    }

    fn steps(&mut self, steps: &Value) {
        for step in steps.as_array().expect("steps") {
            if step.get("only").is_none_or(|only| only == "rust") {
                println!("{step}");
                self.step(step);
            }
        }
    }

    fn step(&mut self, step: &Value) {
        let fields = step.as_object().expect("a step is an object");
        let (kind, given) = fields
            .iter()
            .find(|(key, _)| *key != "only")
            .expect("a kind");
        let mut value = given.clone();
        if kind != "written" {
            value = self.named(&value);
            let unbound = value.to_string().contains("\"$");
            assert!(!unbound || kind == "do", "a name is not bound: {value}");
        }
        match kind.as_str() {
            "do" => {
                let prologue = &self.prologues[value.as_str().expect("a name")];
                self.steps(prologue);
            }
            "connect" => {
                let mut out = Vec::new();
                let owner = self.owner.clone();
                self.session = Some(Session::new(
                    &self.token,
                    self.outbox.clone(),
                    owner,
                    &mut out,
                ));
                self.perform(out);
            }
            "opened" => {
                assert!(std::mem::take(&mut self.opening), "no socket was asked for");
                self.on(Input::Opened);
            }
            "closed" => {
                self.opening = false;
                let code = value.as_u64().expect("a code") as u16;
                self.on(Input::Closed(Some(code)));
            }
            "server" => {
                self.defaults.frame(&mut value);
                let frame = serde_json::from_value(value.clone());
                let frame = frame.unwrap_or_else(|error| panic!("{error} in {value:#}"));
                self.on(Input::Frame(frame));
            }
            "advance" => self.advance(value.as_u64().expect("milliseconds")),
            "send" => {
                let name = value["as"].as_str().expect("a name").to_owned();
                let client_id = format!("client-id-{name}");
                self.names.insert(name, json!(client_id));
                self.on(Input::Send(Entry {
                    client_id,
                    conversation_id: id(&value["conversationId"]),
                    content: value["content"].as_str().expect("a text").to_owned(),
                }));
            }
            "open" => self.on(Input::Open(id(&value))),
            "token" => {
                value.as_str().expect("a token").clone_into(&mut self.token);
                let token = self.token.clone();
                self.on(Input::Renew { token });
            }
            "reload" => {
                self.session = None;
                self.opening = false;
                self.reads.clear();
            }
            "http" => self.http(&mut value),
            "written" => self.check_written(&value),
            "state" => self.check_state(&value),
            other => panic!("no such step: {other}"),
        }
    }

    fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("connected before")
    }

    fn on(&mut self, input: Input) {
        let now_ms = self.now_ms;
        let mut out = Vec::new();
        self.session().handle(input, now_ms, 0.5, &mut out);
        self.perform(out);
    }

    fn perform(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Open => {
                    assert!(!self.opening, "two sockets at once");
                    self.opening = true;
                }
                Output::Write(frame) => self.note(serde_json::to_value(frame).expect("JSON")),
                Output::Close => self.opening = false,
                Output::Store(entry) => {
                    let client_id = entry.client_id.clone();
                    self.outbox.push(entry);
                    self.on(Input::Stored { client_id });
                }
                Output::Forget(client_id) => self.outbox.retain(|it| it.client_id != client_id),
                Output::Claim(owner) => self.owner = Some(owner),
                Output::Fetch(read) => self.reads.push(read),
                Output::Tell(Event::Failed { client_id, .. }) => self.failed.push(client_id),
                Output::Tell(_) => {}
            }
        }
    }

    fn note(&mut self, frame: Value) {
        if frame["type"] == "sync" {
            self.names.insert("sync".to_owned(), frame["ref"].clone());
        }
        let names = self.names.clone();
        let named = names.iter().find(|(_, value)| **value == frame["clientId"]);
        if let (Some((name, _)), true) = (named, frame["type"] == "message.send") {
            self.names
                .insert(format!("{name}.ref"), frame["ref"].clone());
        }
        self.written.push(frame);
    }

    fn advance(&mut self, by_ms: u64) {
        let until_ms = self.now_ms + by_ms;
        for _ in 0..TIMERS_MAX {
            let now_ms = self.now_ms;
            match self.session().deadline(now_ms) {
                Some(at_ms) if at_ms <= until_ms => {
                    self.now_ms = self.now_ms.max(at_ms);
                    self.on(Input::Timer);
                }
                _ => {
                    self.now_ms = until_ms;
                    return;
                }
            }
        }
        panic!("the client spins");
    }

    fn http(&mut self, value: &mut Value) {
        let url = |read: &Read| {
            let query = read
                .after
                .map_or(String::new(), |after| format!("?after={after}"));
            format!(
                "GET /conversations/{}/messages{query}",
                read.conversation_id
            )
        };
        let asked: Vec<String> = self.reads.iter().map(url).collect();
        let at = asked.iter().rposition(|url| *url == value["expect"]);
        let read = self.reads[at.unwrap_or_else(|| panic!("asked only for {asked:?}"))];
        self.reads.retain(|other| url(other) != url(&read));
        let failed = value.get("status").is_some();
        let page = value.get_mut("reply").map(|reply| {
            let id = read.conversation_id.to_string();
            self.defaults.history(reply, &id);
            serde_json::from_value(reply.clone()).expect("a page")
        });
        assert!(failed == page.is_none(), "a reply or a status");
        self.on(Input::Fetched { read, page });
    }

    fn check_written(&mut self, expected: &Value) {
        let expected = expected.as_array().expect("frames");
        let is_expected = |kind: &Value| expected.iter().any(|frame| frame["type"] == *kind);
        let mut written = std::mem::take(&mut self.written);
        let incidental = |kind: &str| kind == "ping" || kind.starts_with("receipt.");
        written.retain(|frame| {
            let kind = &frame["type"];
            !incidental(kind.as_str().expect("a type")) || is_expected(kind)
        });
        assert_eq!(written.len(), expected.len(), "written: {written:#?}");
        for (frame, expected) in written.iter().zip(expected) {
            self.check(expected, frame);
        }
    }

    fn check_state(&mut self, expected: &Value) {
        let session = self.session.as_ref().expect("connected before");
        let replica = session.replica();
        let mut state = json!({
            "status": match session.status() {
                Status::Connecting => "connecting",
                Status::Live => "live",
                Status::Waiting => "waiting",
                Status::TokenNeeded => "token_needed",
                Status::Stopped => "stopped",
            },
            "cursor": session.cursor(),
            "waiting": session.waiting(),
            "failed": self.failed,
            "reading": self.reads.len(),
            "conversations": replica.conversations().map(|it| it.summary.id).collect::<Vec<_>>(),
        });
        if let Some(wanted) = expected["conversation"].as_object() {
            let wanted_id = id(&wanted["id"]);
            let mut found = replica
                .conversations()
                .filter(|it| it.summary.id == wanted_id);
            let found = found.next().expect("the conversation is known");
            let mut conversation = serde_json::to_value(found).expect("JSON");
            let messages: Vec<_> = replica.messages(wanted_id).collect();
            let seqs: Vec<_> = messages.iter().map(|it| it.seq).collect();
            let contents: Vec<_> = messages.iter().map(|it| it.content.clone()).collect();
            conversation["seqs"] = json!(seqs);
            conversation["contents"] = json!(contents);
            conversation["messages"] = json!(messages);
            state["conversation"] = conversation;
        }
        self.check(expected, &state);
    }

    /// Matches partially; a name that is not bound yet is bound.
    fn check(&mut self, expected: &Value, actual: &Value) {
        match (self.named(expected), actual) {
            (Value::String(name), actual) if name.starts_with('$') => {
                self.names.insert(name[1..].to_owned(), actual.clone());
            }
            (Value::Object(fields), actual) => {
                for (key, field) in &fields {
                    self.check(field, actual.get(key).unwrap_or(&Value::Null));
                }
            }
            (Value::Array(items), Value::Array(actual)) => {
                assert_eq!(items.len(), actual.len(), "{items:?} is not {actual:?}");
                for (item, actual) in items.iter().zip(actual) {
                    self.check(item, actual);
                }
            }
            (expected, actual) => assert_eq!(expected, *actual),
        }
    }

    /// Puts the values of names in their places.
    fn named(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('$').and_then(|it| self.names.get(it)) {
                Some(bound) => bound.clone(),
                None => self
                    .names
                    .iter()
                    .rev()
                    .fold(text.clone(), |text, (name, bound)| match bound.as_str() {
                        Some(bound) => text.replace(&format!("${name}"), bound),
                        None => text,
                    })
                    .into(),
            },
            Value::Array(items) => items.iter().map(|item| self.named(item)).collect(),
            Value::Object(fields) => {
                let named = fields
                    .iter()
                    .map(|(key, field)| (key.clone(), self.named(field)));
                Value::Object(named.collect())
            }
            other => other.clone(),
        }
    }
}

fn id(value: &Value) -> ConversationId {
    value.as_str().expect("an id").parse().expect("an id")
}
