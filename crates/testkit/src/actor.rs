//! A person in a test: an account, a live device, and verbs.

use parlor_client::{Api, Event, Live, Status};
use parlor_protocol::{
    AuthReply, ConversationId, CreateConversation, Message, SendMessage, ServerFrame, UserId,
};
use tokio::sync::Mutex;

use crate::{TestServer, soon};

/// The password of everyone in tests.
const PASSWORD: &str = "correct horse battery";

/// A person in a test.
pub struct Actor {
    /// What signing in answered.
    pub auth: AuthReply,
    /// Their REST API.
    pub api: Api,
    live: Mutex<Live>,
}

impl Actor {
    pub(crate) async fn register(server: &TestServer, handle: &str) -> Self {
        let auth = server
            .api()
            .register(handle, PASSWORD, None)
            .await
            .expect("registers");
        let actor = Self {
            api: server.api().with_token(&auth.access_token),
            live: Mutex::new(Live::connect(&server.url(), &auth.access_token)),
            auth,
        };
        actor.is_live().await;
        actor
    }

    /// Their id.
    pub fn id(&self) -> UserId {
        self.auth.user.id.clone()
    }

    /// Waits until their device is connected (again).
    pub async fn is_live(&self) {
        self.event("the connection", |event| {
            (*event == Event::Status(Status::Live)).then_some(())
        })
        .await;
    }

    /// Starts a direct conversation.
    pub async fn starts_direct(&self, other: &Actor) -> ConversationId {
        self.starts(None, None, &[other]).await
    }

    /// Starts a group.
    pub async fn starts_group(&self, title: &str, others: &[&Actor]) -> ConversationId {
        self.starts(None, Some(title), others).await
    }

    async fn starts(
        &self,
        kind: Option<parlor_protocol::ConversationKind>,
        title: Option<&str>,
        others: &[&Actor],
    ) -> ConversationId {
        let body = CreateConversation {
            kind,
            member_ids: others.iter().map(|other| other.id()).collect(),
            title: title.map(str::to_owned),
            label: None,
            metadata: None,
        };
        self.api
            .create_conversation(&body)
            .await
            .expect("makes a conversation")
            .summary
            .id
    }

    /// Sends over the live connection and waits for the ack.
    pub async fn sends(&self, conversation_id: ConversationId, content: &str) -> i64 {
        let client_id = self
            .live
            .lock()
            .await
            .send(conversation_id, content)
            .await
            .expect("takes the message");
        self.event("the ack", |event| match event {
            Event::Sent {
                client_id: id,
                message,
            } if *id == client_id => Some(message.seq),
            Event::Failed {
                client_id: id,
                code,
                detail,
            } if *id == client_id => panic!("refused: {code:?} {detail}"),
            _ => None,
        })
        .await
    }

    /// Sends over REST.
    pub async fn posts(&self, conversation_id: ConversationId, content: &str) -> Message {
        let body = SendMessage {
            content: content.to_owned(),
            ..SendMessage::default()
        };
        self.api.send(conversation_id, &body).await.expect("sends")
    }

    /// Waits until a message with this text arrives live.
    pub async fn sees(&self, conversation_id: ConversationId, content: &str) -> Message {
        self.frame(&format!("{content:?}"), |frame| match frame {
            ServerFrame::MessageNew {
                conversation_id: id,
                message,
                ..
            } if *id == conversation_id && message.content == content => {
                Some(Message::clone(message))
            }
            _ => None,
        })
        .await
    }

    /// Waits until an event frame fits.
    pub async fn frame<T>(&self, what: &str, mut fits: impl FnMut(&ServerFrame) -> Option<T>) -> T {
        self.event(what, |event| match event {
            Event::Frame(frame) => fits(frame),
            _ => None,
        })
        .await
    }

    async fn event<T>(&self, what: &str, mut fits: impl FnMut(&Event) -> Option<T>) -> T {
        let mut live = self.live.lock().await;
        let what = format!("{what} at {}", self.auth.user.handle);
        soon(&what, async {
            loop {
                let event = live.next().await.expect("the connection goes on");
                if let Some(value) = fits(&event) {
                    return value;
                }
            }
        })
        .await
    }
}
