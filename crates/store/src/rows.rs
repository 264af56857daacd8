//! Rows as both engines return them, and how they become wire types.

use parlor_protocol::{
    ConversationId, ConversationKind, Member, Message, MessageId, MessageKind, Role, Timestamp,
    User, UserId, UserSummary,
};
use uuid::Uuid;

use crate::StoreError;

/// A struct of columns that reads itself from either engine's rows by their names.
///
/// What sqlx's derive would do; without it the drivers and their C libraries need not be built a
/// second time for the compiler's own host.
macro_rules! row {
    ($vis:vis struct $name:ident { $($field_vis:vis $field:ident: $type:ty),+ $(,)? }) => {
        #[derive(Debug)]
        $vis struct $name { $($field_vis $field: $type),+ }

        impl<'r, R> sqlx::FromRow<'r, R> for $name
        where
            R: sqlx::Row,
            for<'c> &'c str: sqlx::ColumnIndex<R>,
            $($type: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>),+
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: row.try_get(stringify!($field))?),+ })
            }
        }

        impl $name {
            /// The same from a row of the appending connection, whose columns stand in the same order.
            #[allow(dead_code, reason = "not every row is read there")]
            $vis fn from_sqlite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                let mut columns = 0..;
                let mut next = || columns.next().unwrap_or(usize::MAX);
                Ok(Self { $($field: row.get(next())?),+ })
            }
        }
    };
}
pub(crate) use row;

/// The columns of a [`MessageRow`], from `messages m JOIN users u`.
macro_rules! message_columns {
    () => {
        "m.id, m.conversation_id, m.seq, m.version, m.sender_id, m.client_id, m.kind, m.content, m.created_at, \
         m.edited_at, m.deleted_at, m.reactions, u.handle, u.name, u.avatar_url"
    };
}
pub(crate) use message_columns;

row! {
    pub(crate) struct UserRow {
        pub(crate) id: String,
        pub(crate) handle: String,
        pub(crate) name: String,
        pub(crate) email: Option<String>,
        pub(crate) bio: Option<String>,
        pub(crate) avatar_url: Option<String>,
        pub(crate) created_at: i64,
    }
}

impl UserRow {
    pub(crate) fn into_user(self) -> Result<User, StoreError> {
        Ok(User {
            id: user_id(&self.id)?,
            handle: self.handle,
            name: self.name,
            avatar_url: self.avatar_url,
            email: self.email,
            bio: self.bio,
            created_at: Timestamp(self.created_at),
        })
    }
}

row! {
    pub(crate) struct MemberRow {
        pub(crate) conversation_id: Uuid,
        pub(crate) user_id: String,
        pub(crate) role: String,
        pub(crate) joined_at: i64,
        pub(crate) read_seq: i64,
        pub(crate) delivered_seq: i64,
        pub(crate) handle: String,
        pub(crate) name: String,
        pub(crate) avatar_url: Option<String>,
    }
}

impl MemberRow {
    pub(crate) fn into_member(self) -> Result<Member, StoreError> {
        Ok(Member {
            user: UserSummary {
                id: user_id(&self.user_id)?,
                handle: self.handle,
                name: self.name,
                avatar_url: self.avatar_url,
            },
            role: role(&self.role)?,
            read_seq: self.read_seq,
            delivered_seq: self.delivered_seq,
            joined_at: Timestamp(self.joined_at),
        })
    }
}

row! {
    pub(crate) struct MessageRow {
        id: Uuid,
        conversation_id: Uuid,
        seq: i64,
        version: i64,
        sender_id: String,
        client_id: Option<String>,
        kind: String,
        content: String,
        created_at: i64,
        edited_at: Option<i64>,
        deleted_at: Option<i64>,
        reactions: Option<String>,
        handle: String,
        name: String,
        avatar_url: Option<String>,
    }
}

impl MessageRow {
    pub(crate) fn content_bytes(&self) -> usize {
        self.content.len()
    }

    pub(crate) fn into_message(self) -> Result<Message, StoreError> {
        let sender_id = user_id(&self.sender_id)?;
        Ok(Message {
            id: MessageId(self.id),
            conversation_id: ConversationId(self.conversation_id),
            seq: self.seq,
            version: self.version,
            sender: UserSummary {
                id: sender_id.clone(),
                handle: self.handle,
                name: self.name,
                avatar_url: self.avatar_url,
            },
            sender_id,
            client_id: self.client_id,
            kind: match self.kind.as_str() {
                "text" => MessageKind::Text,
                "system" => MessageKind::System,
                other => return Err(StoreError::Corrupt(format!("message kind {other:?}"))),
            },
            content: self.content,
            attachments: Vec::new(),
            reply_to: None,
            thread_id: None,
            mentions: Vec::new(),
            reactions: match self.reactions {
                None => Vec::new(),
                Some(text) => serde_json::from_str(&text)
                    .map_err(|e| StoreError::Corrupt(format!("reactions of {}: {e}", self.id)))?,
            },
            created_at: Timestamp(self.created_at),
            edited_at: self.edited_at.map(Timestamp),
            deleted_at: self.deleted_at.map(Timestamp),
        })
    }
}

pub(crate) fn user_id(text: &str) -> Result<UserId, StoreError> {
    text.parse()
        .map_err(|_| StoreError::Corrupt(format!("user id {text:?}")))
}

pub(crate) fn role(text: &str) -> Result<Role, StoreError> {
    match text {
        "member" => Ok(Role::Member),
        "admin" => Ok(Role::Admin),
        "owner" => Ok(Role::Owner),
        other => Err(StoreError::Corrupt(format!("role {other:?}"))),
    }
}

pub(crate) fn role_text(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
        Role::Owner => "owner",
    }
}

pub(crate) fn kind(text: &str) -> Result<ConversationKind, StoreError> {
    match text {
        "direct" => Ok(ConversationKind::Direct),
        "group" => Ok(ConversationKind::Group),
        "channel" => Ok(ConversationKind::Channel),
        other => Err(StoreError::Corrupt(format!("conversation kind {other:?}"))),
    }
}

pub(crate) fn kind_text(kind: ConversationKind) -> &'static str {
    match kind {
        ConversationKind::Direct => "direct",
        ConversationKind::Group => "group",
        ConversationKind::Channel => "channel",
    }
}
