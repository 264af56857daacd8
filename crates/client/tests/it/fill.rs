//! Adds to the frames and replies of scenarios what they leave out, as `scenarios/README.md` says.

use serde_json::{Map, Value};

/// What `defaults.json` holds.
pub(crate) struct Defaults(Value);

impl Defaults {
    pub(crate) fn read(text: &str) -> Self {
        Self(serde_json::from_str(text).expect("defaults.json is JSON"))
    }

    pub(crate) fn frame(&self, frame: &mut Value) {
        let kind = frame["type"]
            .as_str()
            .expect("a frame has a type")
            .to_owned();
        let id = frame["conversationId"].clone();
        let version = frame["version"].clone();
        if kind == "connected" {
            self.add("connected", frame);
        }
        if let Some(page) = frame.get_mut("page") {
            self.page(page);
        }
        if let Some(conversation) = frame.get_mut("conversation") {
            self.add("conversation", conversation);
        }
        if let Some(message) = frame.get_mut("message") {
            self.message(message, &id, &version);
        }
        if kind == "message.deleted" || kind.starts_with("reaction.") {
            let message_id = message_id(&id, &frame["seq"]);
            let fields = fields(frame);
            fields.entry("messageId").or_insert(message_id);
            fields
                .entry("deletedAt")
                .or_insert(self.0["deletedAt"].clone());
        }
    }

    fn page(&self, page: &mut Value) {
        self.add("page", page);
        for entry in page["conversations"].as_array_mut().expect("a list") {
            let flat = fields(entry);
            let mut messages = flat.remove("messages").unwrap_or(Value::Array(Vec::new()));
            let gap = flat.remove("gap").unwrap_or(Value::Bool(false));
            self.add("conversation", entry);
            for message in messages.as_array_mut().expect("a list") {
                self.message(message, &entry["id"], &Value::Null);
            }
            *entry = serde_json::json!({ "conversation": entry, "messages": messages, "gap": gap });
        }
    }

    pub(crate) fn history(&self, page: &mut Value, conversation_id: &str) {
        for message in page["items"].as_array_mut().expect("a list") {
            self.message(message, &conversation_id.into(), &Value::Null);
        }
    }

    fn message(&self, message: &mut Value, conversation_id: &Value, version: &Value) {
        self.add("message", message);
        let seq = message["seq"].clone();
        let version = if version.is_null() { &seq } else { version };
        let mut sender = self.0["sender"].clone();
        fields(&mut sender).insert("id".into(), message["senderId"].clone());
        let fields = fields(message);
        fields
            .entry("conversationId")
            .or_insert(conversation_id.clone());
        fields.entry("version").or_insert(version.clone());
        fields.entry("content").or_insert(format!("m{seq}").into());
        fields.entry("sender").or_insert(sender);
        let id = message_id(&fields["conversationId"], &seq);
        fields.entry("id").or_insert(id);
    }

    fn add(&self, name: &str, value: &mut Value) {
        let given = fields(value);
        for (key, default) in self.0[name].as_object().expect("known defaults") {
            given.entry(key).or_insert(default.clone());
        }
    }
}

fn fields(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("an object")
}

fn message_id(conversation_id: &Value, seq: &Value) -> Value {
    let prefix = &conversation_id.as_str().expect("a conversation")[..24];
    let seq = seq.as_i64().expect("a seq");
    format!("{prefix}{seq:012}").into()
}
