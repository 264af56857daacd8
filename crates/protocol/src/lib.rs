//! Wire types of Parlor: identifiers, request and reply bodies, socket frames, error and close codes.
//!
//! Everything that a client can see is spelled here once; REST, the WebSocket, the served OpenAPI
//! and AsyncAPI documents, the TypeScript types and the Rust client all come from these types.
//!
//! Never here: I/O, a clock, a rule. A type says what can be *written*; whether it may be *done* is
//! decided in `parlor-core`.
#![warn(missing_docs)]

mod auth;
mod close;
mod conversation;
mod error;
mod frame;
mod ids;
mod json;
pub mod limits;
mod link;
mod message;
mod page;
mod present;
mod receipt;
pub mod schema;
mod shared;
mod state;
mod sync;
mod time;
mod user;

pub use auth::{AuthReply, LinkLogin, Login, Refresh, Register, SessionInfo};
pub use close::CloseCode;
pub use conversation::{
    AddMembers, ChangeConversation, ChangeMember, ChangeMembership, Conversation, ConversationKind,
    ConversationSettings, ConversationSummary, CreateConversation, Member, Membership, Role,
};
pub use error::{Code, FieldError, Problem};
pub use frame::{AckedMessage, ClientFrame, FrameError, Ref, ServerFrame};
pub use ids::{ConversationId, InvalidId, LinkId, MessageId, SessionId, UserId};
pub use json::{Malformed, inspect};
pub use link::{CreateLink, CreatedLink, Link, LinkPreview, LinkedConversation};
pub use message::{EditMessage, Message, MessageKind, MessagePage, Reaction, SendMessage};
pub use page::Page;
pub use receipt::{MoveCursor, ReceiptStatus, SetStatus};
pub use shared::SharedMessage;
pub use state::{DeviceStatus, Person, PresenceStatus, SetTyping};
pub use sync::{SyncPage, SyncedConversation, SyncedUser};
pub use time::Timestamp;
pub use user::{ChangeUser, User, UserSummary};
