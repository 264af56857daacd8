//! Every bound that a client can run into, with its unit in its name and its reason beside it.
//!
//! The values are part of the contract's documentation (`docs/PROTOCOL.md` lists them) and are used
//! by the gateway (sizes), by `parlor-core` (counts and lengths) and by clients (to refuse early).

/// Largest WebSocket message accepted, in bytes. The contract's number.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Largest REST body accepted, in bytes: a full frame and room for its envelope.
pub const BODY_BYTES_MAX: usize = 128 * 1024;
/// Deepest nesting of objects and arrays accepted in JSON.
pub const JSON_DEPTH_MAX: usize = 32;
/// Longest message text, in Unicode scalar values.
pub const CONTENT_CHARS_MAX: usize = 16_384;
/// Longest message text, in UTF-8 bytes: leaves a frame room for its envelope and JSON escapes.
pub const CONTENT_BYTES_MAX: usize = 48 * 1024;
/// Most combining marks in a row: natural scripts stay below ten, stacked "zalgo" text does not.
pub const COMBINING_RUN_MAX: usize = 16;
/// Longest `clientId`, in bytes: room for a UUID with a prefix.
pub const CLIENT_ID_BYTES_MAX: usize = 128;
/// Longest `ref` of a command, in bytes: it is echoed, so it must stay small.
pub const REF_BYTES_MAX: usize = 64;
/// Longest conversation title, in Unicode scalar values.
pub const TITLE_CHARS_MAX: usize = 128;
/// Longest conversation label, in Unicode scalar values.
pub const LABEL_CHARS_MAX: usize = 64;
/// Largest conversation metadata, in bytes of JSON.
pub const METADATA_BYTES_MAX: usize = 8 * 1024;
/// Most `memberIds` in one request; larger groups are filled in several.
pub const MEMBER_IDS_MAX: usize = 500;
/// Members that a conversation object carries; the rest are paged.
pub const MEMBERS_INLINE_MAX: usize = 20;
/// Default number of items on a page.
pub const PAGE_DEFAULT: u32 = 50;
/// Most items on a page.
pub const PAGE_MAX: u32 = 200;
/// Shortest handle, in bytes (handles are ASCII).
pub const HANDLE_BYTES_MIN: usize = 2;
/// Longest handle, in bytes (handles are ASCII).
pub const HANDLE_BYTES_MAX: usize = 32;
/// Longest display name, in Unicode scalar values.
pub const NAME_CHARS_MAX: usize = 64;
/// Longest e-mail address, in bytes (RFC 5321 path length).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Shortest password, in Unicode scalar values (NIST SP 800-63B).
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Longest password, in bytes: hashing time must not be the caller's choice.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// Longest search text, in Unicode scalar values.
pub const QUERY_CHARS_MAX: usize = 128;
/// Time a socket may stay without a credential, in milliseconds. The contract's number.
pub const AUTH_DEADLINE_MS: u64 = 10_000;
/// Time between heartbeats, in milliseconds; a socket silent for two of them is closed.
pub const HEARTBEAT_MS: u64 = 25_000;
/// Longest `userId` taken from a host app's token, in bytes. The contract's number.
pub const USER_ID_BYTES_MAX: usize = 64;
/// Longest emoji of a reaction, in bytes: families of people with skin tones stay below it.
pub const EMOJI_BYTES_MAX: usize = 64;
/// Different emoji on one message.
pub const EMOJI_PER_MESSAGE_MAX: usize = 50;
/// People named for one emoji on a message; the rest are counted.
pub const REACTION_USERS_MAX: usize = 20;
/// Changed messages of one conversation in a sync; beyond it the page says `gap`.
pub const SYNC_MESSAGES_MAX: usize = 100;
/// Spread of the heartbeat, in percent: sockets that opened together must not ping together.
pub const HEARTBEAT_JITTER_PERCENT: u64 = 20;
/// Shortest and longest life of a join link, in milliseconds: a minute, a year.
pub const LINK_EXPIRES_IN_MS: std::ops::RangeInclusive<u64> = 60_000..=365 * 24 * 60 * 60 * 1000;
/// People who may join by one link.
pub const LINK_USES_MAX: u32 = 100_000;
/// Links of one conversation that are good at once.
pub const LINKS_PER_CONVERSATION_MAX: usize = 100;
/// Longest line about oneself, in Unicode scalar values.
pub const BIO_CHARS_MAX: usize = 280;
/// Members of a conversation up to which all of them are told of each one's name, presence and typing:
/// the words for one grow with the members, and those of all with their square.
pub const BIG_ROOM_MEMBERS: usize = 200;
/// People whose presence one socket watches.
pub const WATCHED_MAX: usize = 200;
/// How long somebody writes after they last said so, in milliseconds.
pub const TYPING_MS: u64 = 6_000;
/// How often a client says that somebody still writes, in milliseconds: often enough that one word may
/// be lost.
pub const TYPING_REPEAT_MS: u64 = 3_000;
