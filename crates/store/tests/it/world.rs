//! A store with people and a conversation, for tests.

use parlor_core::{append::Send, conversation::decide_create};
use parlor_protocol::{
    ConversationId, ConversationKind, CreateConversation, MessageId, SessionId, Timestamp, UserId,
};
use parlor_store::{Created, NewUser, Store};
use parlor_testkit::{Engine, TestStore};
use uuid::Uuid;

pub(crate) struct World {
    pub(crate) store: Store,
    place: TestStore,
}

pub(crate) fn user(name: &str) -> UserId {
    name.parse().expect("a valid id")
}

pub(crate) fn conversation(n: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(n))
}

pub(crate) fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

pub(crate) fn message(n: u128) -> MessageId {
    MessageId(Uuid::from_u128(n))
}

pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser {
        id: user(name),
        handle: name.to_owned(),
        name: format!("{name} the person"),
        email: Some(format!("{name}@example.org")),
        bio: None,
        password_hash: Some("$hash".into()),
        created_at: Timestamp(1000),
    }
}

pub(crate) fn send(
    n: u128,
    to: ConversationId,
    from: &str,
    client_id: Option<&str>,
    content: &str,
) -> Send {
    Send {
        id: message(n),
        conversation_id: to,
        sender_id: user(from),
        client_id: client_id.map(str::to_owned),
        content: content.to_owned(),
        created_at: Timestamp(5000 + n as i64),
    }
}

impl World {
    pub(crate) async fn new(engine: Engine) -> Self {
        let place = TestStore::new(engine).await;
        let world = Self {
            store: place.open().await,
            place,
        };
        for name in ["ada", "grace", "linus"] {
            world
                .store
                .create_user(&new_user(name), None)
                .await
                .expect("stored");
        }
        world
    }

    /// A second handle on the same place, as another process would have.
    pub(crate) async fn reopened(&self) -> Store {
        self.place.open().await
    }

    pub(crate) async fn direct(&self, n: u128, maker: &str, other: &str) -> Created {
        self.create(n, maker, &[other], None).await
    }

    pub(crate) async fn group(&self, n: u128, maker: &str, others: &[&str]) -> ConversationId {
        self.create(n, maker, others, Some(ConversationKind::Group))
            .await
            .id
    }

    pub(crate) async fn channel(&self, n: u128, maker: &str, others: &[&str]) -> ConversationId {
        self.create(n, maker, others, Some(ConversationKind::Channel))
            .await
            .id
    }

    async fn create(
        &self,
        n: u128,
        maker: &str,
        others: &[&str],
        kind: Option<ConversationKind>,
    ) -> Created {
        let body = CreateConversation {
            kind,
            member_ids: others.iter().map(|name| user(name)).collect(),
            title: kind.map(|_| format!("Talk {n}")),
            label: None,
            metadata: None,
        };
        let new = decide_create(&user(maker), body).expect("allowed");
        self.store
            .create_conversation(conversation(n), &new, Timestamp(2000 + n as i64))
            .await
            .expect("made")
    }
}
