// Wire types of Parlor, generated from crates/protocol by `cargo xtask codegen`.
// Never edit by hand: a stale file fails the tests.

/**
 * What an ack says of a message that is now stored.
 */
export type AckedMessage = { 
/**
 * The message.
 */
id: MessageId, 
/**
 * Its place in the conversation.
 */
seq: number, 
/**
 * The conversation's version with it.
 */
version: number, 
/**
 * When it was stored.
 */
createdAt: Timestamp, };

/**
 * `POST /conversations/{id}/members`.
 */
export type AddMembers = { 
/**
 * Who becomes a member. At most 500.
 */
userIds: Array<UserId>, 
/**
 * What they may do; `member` when absent.
 */
role?: Role, };

/**
 * The reply to register, login, link and refresh.
 */
export type AuthReply = { 
/**
 * Who signed in.
 */
user: User, 
/**
 * Bearer token for REST and sockets.
 */
accessToken: string, 
/**
 * Exchanged for the next pair of tokens; works once.
 */
refreshToken: string, 
/**
 * The same as `accessToken`, under the name that older apps read.
 */
token: string, 
/**
 * How long the access token lives, in milliseconds.
 */
expiresInMs: number, 
/**
 * The session that was opened or continued.
 */
sessionId: SessionId, };

/**
 * `PATCH /conversations/{id}`. What is absent stays.
 */
export type ChangeConversation = { 
/**
 * 1–128 characters.
 */
title?: string, 
/**
 * At most 64 characters; null takes it away.
 */
label?: string | null, 
/**
 * At most 8 KiB of JSON, in place of what was there.
 */
metadata?: { [key in string]: JsonValue }, };

/**
 * `PATCH /conversations/{id}/members/{userId}`.
 */
export type ChangeMember = { 
/**
 * What they may do.
 */
role: Role, };

/**
 * `PATCH /conversations/{id}/me`. What is absent stays.
 */
export type ChangeMembership = { 
/**
 * No notifications before this moment; null ends it.
 */
mutedUntil?: Timestamp | null, 
/**
 * Kept at the top of the list.
 */
pinned?: boolean, 
/**
 * Put away until looked for.
 */
archived?: boolean, };

/**
 * `PATCH /users/me`. What is absent stays.
 */
export type ChangeUser = { 
/**
 * 1–64 characters.
 */
name?: string, 
/**
 * 2–32 of `a-z0-9_.-`; nobody else's.
 */
handle?: string, 
/**
 * At most 280 characters; null takes it away.
 */
bio?: string | null, };

/**
 * A frame from the client.
 */
export type ClientFrame = { "type": "auth", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * The access token.
 */
token: string, 
/**
 * Where to resume.
 */
cursor?: string, } | { "type": "message.send", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Where to.
 */
conversationId: ConversationId, 
/**
 * The text.
 */
content: string, 
/**
 * The sender's own id for it.
 */
clientId?: string, 
/**
 * Reserved; must be empty for now.
 */
attachments?: Array<JsonValue>, 
/**
 * Reserved; must be absent for now.
 */
replyTo?: MessageId, 
/**
 * Reserved; must be absent for now.
 */
threadId?: MessageId, 
/**
 * Reserved; must be empty for now.
 */
mentions?: Array<UserId>, } | { "type": "message.edit", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * Which message.
 */
messageId: MessageId, 
/**
 * The new text.
 */
content: string, } | { "type": "message.delete", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * Which message.
 */
messageId: MessageId, } | { "type": "reaction.add", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * Which message.
 */
messageId: MessageId, 
/**
 * The emoji.
 */
emoji: string, } | { "type": "reaction.remove", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * Which message.
 */
messageId: MessageId, 
/**
 * The emoji.
 */
emoji: string, } | { "type": "receipt.delivered", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * Up to which message.
 */
seq: number, } | { "type": "receipt.read", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * Up to which message.
 */
seq: number, } | { "type": "typing.start", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Where.
 */
conversationId: ConversationId, } | { "type": "typing.stop", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Where.
 */
conversationId: ConversationId, } | { "type": "presence.set", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * What the device says of itself.
 */
status: DeviceStatus, } | { "type": "presence.watch", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Whose; at most 200.
 */
userIds: Array<UserId>, } | { "type": "sync", 
/**
 * Echoed in the answer.
 */
ref?: Ref, 
/**
 * Where the client stands; absent to begin from nothing.
 */
cursor?: string, } | { "type": "ping", 
/**
 * Echoed in the `pong`.
 */
ref?: Ref, };

/**
 * The stable word for a refusal, the same on every transport.
 */
export type Code = "invalid_request" | "payload_too_large" | "unsupported_media_type" | "unauthorized" | "token_expired" | "session_revoked" | "request_timeout" | "invalid_credentials" | "link_used" | "forbidden" | "not_found" | "method_not_allowed" | "handle_taken" | "email_taken" | "client_id_reused" | "message_deleted" | "last_owner" | "cursor_not_usable" | "rate_limited" | "not_supported" | "unavailable" | "unknown_outcome" | "storage_full" | "internal";

/**
 * A conversation as the caller sees it.
 */
export type Conversation = { 
/**
 * Messages of others after the caller's `readSeq`.
 */
unreadCount: number, 
/**
 * The caller's own side.
 */
me: Membership, 
/**
 * The conversation.
 */
id: ConversationId, 
/**
 * What kind it is.
 */
kind: ConversationKind, 
/**
 * Its name; null for direct ones, which show the other member.
 */
title: string | null, 
/**
 * A short tag beside the name.
 */
label: string | null, 
/**
 * The app's own fields.
 */
metadata: { [key in string]: JsonValue }, 
/**
 * A picture, if there is one.
 */
avatarUrl: string | null, 
/**
 * Whether messages are end-to-end encrypted.
 */
encrypted: boolean, 
/**
 * When it was made.
 */
createdAt: Timestamp, 
/**
 * When it last changed.
 */
updatedAt: Timestamp, 
/**
 * `seq` of the newest message; 0 when there is none.
 */
lastSeq: number, 
/**
 * The change counter.
 */
version: number, 
/**
 * The newest message, if there is one.
 */
lastMessage: Message | null, 
/**
 * How many members it has.
 */
memberCount: number, 
/**
 * The first 20 members by the time they joined.
 */
members: Array<Member>, };

/**
 * A conversation.
 */
export type ConversationId = string;

/**
 * What kind of conversation it is.
 */
export type ConversationKind = "direct" | "group" | "channel";

/**
 * What of a conversation its admins change.
 */
export type ConversationSettings = { 
/**
 * The name.
 */
title: string | null, 
/**
 * A short tag beside the name.
 */
label: string | null, 
/**
 * The app's own fields.
 */
metadata: { [key in string]: JsonValue }, 
/**
 * The picture.
 */
avatarUrl: string | null, 
/**
 * When it was changed.
 */
updatedAt: Timestamp, };

/**
 * A conversation as every member sees it.
 */
export type ConversationSummary = { 
/**
 * The conversation.
 */
id: ConversationId, 
/**
 * What kind it is.
 */
kind: ConversationKind, 
/**
 * Its name; null for direct ones, which show the other member.
 */
title: string | null, 
/**
 * A short tag beside the name.
 */
label: string | null, 
/**
 * The app's own fields.
 */
metadata: { [key in string]: JsonValue }, 
/**
 * A picture, if there is one.
 */
avatarUrl: string | null, 
/**
 * Whether messages are end-to-end encrypted.
 */
encrypted: boolean, 
/**
 * When it was made.
 */
createdAt: Timestamp, 
/**
 * When it last changed.
 */
updatedAt: Timestamp, 
/**
 * `seq` of the newest message; 0 when there is none.
 */
lastSeq: number, 
/**
 * The change counter.
 */
version: number, 
/**
 * The newest message, if there is one.
 */
lastMessage: Message | null, 
/**
 * How many members it has.
 */
memberCount: number, 
/**
 * The first 20 members by the time they joined.
 */
members: Array<Member>, };

/**
 * `POST /conversations`. `participantIds` is accepted for `memberIds`.
 */
export type CreateConversation = { 
/**
 * `direct` when there is one other member and no kind is given, else `group`.
 */
kind?: ConversationKind, 
/**
 * The other members; the caller is always one. At most 500.
 */
memberIds: Array<UserId>, 
/**
 * At most 128 characters; not for direct ones.
 */
title?: string, 
/**
 * At most 64 characters.
 */
label?: string, 
/**
 * At most 8 KiB of JSON.
 */
metadata?: { [key in string]: JsonValue }, };

/**
 * `POST /conversations/{id}/links`.
 */
export type CreateLink = { 
/**
 * How long it works, in milliseconds: a minute to a year. For ever when absent.
 */
expiresInMs?: number, 
/**
 * How many people may join by it: 1–100,000. Any number when absent.
 */
maxUses?: number, };

/**
 * A link that was just made. Its token is shown this once.
 */
export type CreatedLink = { 
/**
 * Whoever has it may join.
 */
token: string, 
/**
 * The page on which they do.
 */
url: string, 
/**
 * The link.
 */
id: LinkId, 
/**
 * Who made it.
 */
createdBy: UserId, 
/**
 * When it was made.
 */
createdAt: Timestamp, 
/**
 * When it ends, if it does.
 */
expiresAt: Timestamp | null, 
/**
 * How many people may join by it; any number when null.
 */
maxUses: number | null, 
/**
 * How many have.
 */
uses: number, };

/**
 * What a device says of itself. It is offline when it is gone, and cannot say so.
 */
export type DeviceStatus = "away" | "online";

/**
 * `PATCH /conversations/{id}/messages/{messageId}`.
 */
export type EditMessage = { 
/**
 * The new text: 1–16,384 characters, at most 48 KiB.
 */
content: string, };

/**
 * A field that made a request invalid.
 */
export type FieldError = { 
/**
 * The field's name as it stands in the request.
 */
field: string, 
/**
 * What would be right.
 */
message: string, };

/**
 * A join link as the admins of its conversation see it.
 */
export type Link = { 
/**
 * The link.
 */
id: LinkId, 
/**
 * Who made it.
 */
createdBy: UserId, 
/**
 * When it was made.
 */
createdAt: Timestamp, 
/**
 * When it ends, if it does.
 */
expiresAt: Timestamp | null, 
/**
 * How many people may join by it; any number when null.
 */
maxUses: number | null, 
/**
 * How many have.
 */
uses: number, };

/**
 * A join link.
 */
export type LinkId = string;

/**
 * `POST /auth/link`: sign in with the code of a login link.
 */
export type LinkLogin = { 
/**
 * The code after `#code=`. Works once.
 */
code: string, };

/**
 * What a link leads to, for whoever has it.
 */
export type LinkPreview = { 
/**
 * The conversation.
 */
conversation: LinkedConversation, };

/**
 * A conversation as whoever has a link to it sees it.
 */
export type LinkedConversation = { 
/**
 * The conversation.
 */
id: ConversationId, 
/**
 * What kind it is.
 */
kind: ConversationKind, 
/**
 * Its name.
 */
title: string | null, 
/**
 * A short tag beside the name.
 */
label: string | null, 
/**
 * How many members it has.
 */
memberCount: number, };

/**
 * `POST /auth/login`. `handle` or `email` are accepted for `login`.
 */
export type Login = { 
/**
 * Handle or e-mail address.
 */
login: string, 
/**
 * The password.
 */
password: string, };

/**
 * A member as every member sees them.
 */
export type Member = { 
/**
 * Who it is.
 */
user: UserSummary, 
/**
 * What they may do.
 */
role: Role, 
/**
 * Up to which `seq` they have read.
 */
readSeq: number, 
/**
 * Up to which `seq` a device of theirs has received.
 */
deliveredSeq: number, 
/**
 * When they joined.
 */
joinedAt: Timestamp, };

/**
 * The caller's own side of a conversation.
 */
export type Membership = { 
/**
 * What the caller may do.
 */
role: Role, 
/**
 * Up to which `seq` the caller has read.
 */
readSeq: number, 
/**
 * Up to which `seq` a device of the caller has received.
 */
deliveredSeq: number, 
/**
 * No notifications before this moment.
 */
mutedUntil: Timestamp | null, 
/**
 * Kept at the top of the list.
 */
pinned: boolean, 
/**
 * Put away until looked for.
 */
archived: boolean, 
/**
 * Not listed until the next message.
 */
hidden: boolean, };

/**
 * A message. The same bytes for every reader.
 */
export type Message = { 
/**
 * The message.
 */
id: MessageId, 
/**
 * Where it stands.
 */
conversationId: ConversationId, 
/**
 * Its place in the conversation: 1, 2, 3 … without gaps.
 */
seq: number, 
/**
 * The conversation's version at its last change.
 */
version: number, 
/**
 * Who sent it.
 */
senderId: UserId, 
/**
 * The sender as everyone sees them.
 */
sender: UserSummary, 
/**
 * The sender's own id for it, if one was given.
 */
clientId: string | null, 
/**
 * What kind of message it is.
 */
kind: MessageKind, 
/**
 * The text.
 */
content: string, 
/**
 * Files; none yet.
 */
attachments: Array<JsonValue>, 
/**
 * The message that this one answers.
 */
replyTo: MessageId | null, 
/**
 * The thread that it belongs to.
 */
threadId: MessageId | null, 
/**
 * People named in it.
 */
mentions: Array<UserId>, 
/**
 * Emoji on it.
 */
reactions: Array<Reaction>, 
/**
 * When it was stored.
 */
createdAt: Timestamp, 
/**
 * When it was last edited.
 */
editedAt: Timestamp | null, 
/**
 * When it was deleted; its content is then empty.
 */
deletedAt: Timestamp | null, };

/**
 * A message.
 */
export type MessageId = string;

/**
 * What kind of message it is.
 */
export type MessageKind = "text" | "system";

/**
 * A window of a conversation's history in ascending `seq`.
 */
export type MessagePage = { 
/**
 * The messages.
 */
items: Array<Message>, 
/**
 * Whether there are more beyond this window in the direction asked for.
 */
hasMore: boolean, };

/**
 * `POST /conversations/{id}/read`.
 */
export type MoveCursor = { 
/**
 * Up to which message.
 */
seq: number, };

/**
 * One person, and whether they are here where the caller may see it.
 */
export type Person = { 
/**
 * Absent for those who share no conversation with them.
 */
status?: PresenceStatus, 
/**
 * When their last device went; absent while one is here, and where nobody knows.
 */
lastSeenAt?: Timestamp, 
/**
 * The user.
 */
id: UserId, 
/**
 * The unique handle, 2–32 of `a-z0-9_.-`.
 */
handle: string, 
/**
 * The name to show.
 */
name: string, 
/**
 * A picture, if there is one.
 */
avatarUrl: string | null, };

/**
 * Whether somebody is here, over all their devices.
 */
export type PresenceStatus = "offline" | "away" | "online";

/**
 * The body of every refusal over HTTP: `application/problem+json`.
 */
export type Problem = { 
/**
 * `urn:parlor:problem:` and the code.
 */
type: string, 
/**
 * A short sentence for the code.
 */
title: string, 
/**
 * The HTTP status.
 */
status: number, 
/**
 * The stable word to program against.
 */
code: Code, 
/**
 * What happened this time.
 */
detail: string, 
/**
 * Finds this request in the server's log.
 */
requestId: string, 
/**
 * The fields at fault, if any.
 */
errors?: Array<FieldError>, };

/**
 * One emoji on a message and who chose it.
 */
export type Reaction = { 
/**
 * The emoji.
 */
emoji: string, 
/**
 * How many people chose it.
 */
count: number, 
/**
 * The first 20 of them.
 */
userIds: Array<UserId>, };

/**
 * Which cursor is moved.
 */
export type ReceiptStatus = "delivered" | "read";

/**
 * The client's own name for a command; echoed in its answer. A string of at most 64 bytes or a number.
 */
export type Ref = number | string;

/**
 * `POST /auth/refresh`.
 */
export type Refresh = { 
/**
 * The newest refresh token. A token that was used before revokes the session.
 */
refreshToken: string, };

/**
 * `POST /auth/register`.
 */
export type Register = { 
/**
 * 2–32 of `a-z0-9_.-`, unique.
 */
handle: string, 
/**
 * At least 8 characters, at most 1024 bytes.
 */
password: string, 
/**
 * The name to show; the handle if absent.
 */
name?: string, 
/**
 * An e-mail address to sign in with.
 */
email?: string, };

/**
 * What a member may do.
 */
export type Role = "member" | "admin" | "owner";

/**
 * `POST /conversations/{id}/messages`.
 */
export type SendMessage = { 
/**
 * The text: 1–16,384 characters, at most 48 KiB.
 */
content: string, 
/**
 * The sender's own id for it, 1–128 bytes: the same one again makes no second message.
 */
clientId?: string, 
/**
 * Reserved; must be empty for now.
 */
attachments?: Array<JsonValue>, 
/**
 * Reserved; must be absent for now.
 */
replyTo?: MessageId, 
/**
 * Reserved; must be absent for now.
 */
threadId?: MessageId, 
/**
 * Reserved; must be empty for now.
 */
mentions?: Array<UserId>, };

/**
 * A frame from the server. Events are the same bytes for every recipient.
 */
export type ServerFrame = { "type": "connected", 
/**
 * Who is connected.
 */
userId: UserId, 
/**
 * The session; null for a host app's token, which has none.
 */
sessionId?: SessionId | null, 
/**
 * Names the store's history; another one means: start over.
 */
epoch: string, 
/**
 * Where this connection starts. Opaque.
 */
cursor: string, 
/**
 * Send something at least this often, in milliseconds.
 */
heartbeatMs: number, 
/**
 * Whether what was missed since the given cursor follows, as `sync` frames, before anything live.
 */
resumed: boolean, } | { "type": "ack", 
/**
 * The command's `ref`.
 */
ref?: Ref, 
/**
 * The stored message, for `message.send`.
 */
message?: AckedMessage, 
/**
 * What has changed, for `sync`.
 */
page?: SyncPage, } | { "type": "error", 
/**
 * The command's `ref`.
 */
ref?: Ref, 
/**
 * The stable word.
 */
code: Code, 
/**
 * What happened this time.
 */
detail: string, 
/**
 * Wait this long before the next try, in milliseconds.
 */
retryAfterMs?: number, } | { "type": "pong", 
/**
 * The ping's `ref`.
 */
ref?: Ref, 
/**
 * Everything before this cursor was sent on this socket: whoever has applied all frames up
 * to here may resume from it.
 */
cursor?: string, } | { "type": "sync", 
/**
 * The part.
 */
page: SyncPage, } | { "type": "message.new", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * The conversation's version with it.
 */
version: number, 
/**
 * The message.
 */
message: Message, } | { "type": "message.updated", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * The conversation's version with it.
 */
version: number, 
/**
 * The message as it is now.
 */
message: Message, } | { "type": "message.deleted", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * The conversation's version with it.
 */
version: number, 
/**
 * Which message.
 */
messageId: MessageId, 
/**
 * Its place.
 */
seq: number, 
/**
 * When.
 */
deletedAt: Timestamp, } | { "type": "reaction.added", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * The conversation's version with it.
 */
version: number, 
/**
 * Which message.
 */
messageId: MessageId, 
/**
 * Its place.
 */
seq: number, 
/**
 * The emoji.
 */
emoji: string, 
/**
 * Who.
 */
userId: UserId, } | { "type": "reaction.removed", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * The conversation's version with it.
 */
version: number, 
/**
 * Which message.
 */
messageId: MessageId, 
/**
 * Its place.
 */
seq: number, 
/**
 * The emoji.
 */
emoji: string, 
/**
 * Who.
 */
userId: UserId, } | { "type": "message.delivered", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * Whose cursor.
 */
userId: UserId, 
/**
 * Up to which message.
 */
seq: number, } | { "type": "message.read", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * Whose cursor.
 */
userId: UserId, 
/**
 * Up to which message.
 */
seq: number, } | { "type": "typing.start", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * Who.
 */
userId: UserId, } | { "type": "typing.stop", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * Who.
 */
userId: UserId, } | { "type": "presence.update", 
/**
 * Who.
 */
userId: UserId, 
/**
 * Over all their devices.
 */
status: PresenceStatus, 
/**
 * When their last device went; null while one is here, and where nobody knows.
 */
lastSeenAt?: Timestamp | null, } | { "type": "conversation.added", 
/**
 * Which.
 */
conversationId: ConversationId, 
/**
 * Its version.
 */
version: number, 
/**
 * The recipient's own change counter with it.
 */
userVersion: number, 
/**
 * What every member sees of it.
 */
conversation: ConversationSummary, } | { "type": "conversation.updated", 
/**
 * Which.
 */
conversationId: ConversationId, 
/**
 * Its version.
 */
version: number, 
/**
 * As they are now.
 */
conversation: ConversationSettings, } | { "type": "conversation.removed", 
/**
 * Which.
 */
conversationId: ConversationId, 
/**
 * The recipient's own change counter with it.
 */
userVersion: number, } | { "type": "member.joined", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * The conversation's version with it.
 */
version: number, 
/**
 * Who; at most as many as one request adds.
 */
members: Array<Member>, 
/**
 * How many members there are now.
 */
memberCount: number, } | { "type": "member.left", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * The conversation's version with it.
 */
version: number, 
/**
 * Who.
 */
userId: UserId, 
/**
 * How many members there are now.
 */
memberCount: number, } | { "type": "member.updated", 
/**
 * Where.
 */
conversationId: ConversationId, 
/**
 * The conversation's version with it.
 */
version: number, 
/**
 * Whose.
 */
userId: UserId, 
/**
 * What they may do now.
 */
role: Role, } | { "type": "membership.updated", 
/**
 * Which.
 */
conversationId: ConversationId, 
/**
 * The recipient's own change counter with it.
 */
userVersion: number, 
/**
 * Their side as it is now; the read cursor may have gone back.
 */
me: Membership, 
/**
 * Messages of others after it.
 */
unreadCount: number, } | { "type": "user.updated", 
/**
 * As everyone sees them.
 */
user: UserSummary, } | { "type": "account.updated", 
/**
 * The recipient's own change counter with it.
 */
userVersion: number, 
/**
 * As they see themselves.
 */
user: User, } | { "type": "reconnect", 
/**
 * How long to wait, in milliseconds; different for each socket.
 */
afterMs: number, };

/**
 * One signed-in device of a user.
 */
export type SessionId = string;

/**
 * An open session of the caller.
 */
export type SessionInfo = { 
/**
 * The session.
 */
id: SessionId, 
/**
 * Whether it is the one that asks.
 */
current: boolean, 
/**
 * The client's own description of itself (`User-Agent`), cut to 200 characters.
 */
device: string | null, 
/**
 * When it was opened.
 */
createdAt: Timestamp, 
/**
 * When it was last refreshed.
 */
lastUsedAt: Timestamp, };

/**
 * `POST /conversations/{id}/messages/status`: `seq` or `messageId`, not both.
 */
export type SetStatus = { 
/**
 * Which cursor.
 */
status: ReceiptStatus, 
/**
 * Up to which message, by place.
 */
seq?: number, 
/**
 * Up to which message, by id.
 */
messageId?: MessageId, };

/**
 * `POST /conversations/{id}/typing`.
 */
export type SetTyping = { 
/**
 * Whether the caller is writing.
 */
typing: boolean, };

/**
 * One page of what has changed. State, not a log: each thing stands here as it is now.
 */
export type SyncPage = { 
/**
 * Where the client stands once it has applied this page. Opaque, and good for this user only.
 */
cursor: string, 
/**
 * Names the store's history.
 */
epoch: string, 
/**
 * The client drops what it holds first: its cursor was of another history.
 */
reset: boolean, 
/**
 * More follows at `cursor`.
 */
hasMore: boolean, 
/**
 * The caller.
 */
user: SyncedUser, 
/**
 * Conversations that have changed: by last activity when there was no cursor, in no order else.
 */
conversations: Array<SyncedConversation>, 
/**
 * Conversations that the caller is no longer in, or has hidden.
 */
removed: Array<ConversationId>, };

/**
 * One conversation that has changed.
 */
export type SyncedConversation = { 
/**
 * As it is now.
 */
conversation: Conversation, 
/**
 * Messages that are new or have changed, in ascending `seq`, each as it is now.
 */
messages: Array<Message>, 
/**
 * More than 100 messages have changed: the client drops its window and reads the newest page.
 */
gap: boolean, };

/**
 * The caller, and their own change counter.
 */
export type SyncedUser = { 
/**
 * Counts the changes that concern the caller everywhere.
 */
userVersion: number, 
/**
 * The user.
 */
id: UserId, 
/**
 * The unique handle, 2–32 of `a-z0-9_.-`.
 */
handle: string, 
/**
 * The name to show.
 */
name: string, 
/**
 * A picture, if there is one.
 */
avatarUrl: string | null, 
/**
 * The e-mail address, if one was given.
 */
email: string | null, 
/**
 * A line about oneself.
 */
bio: string | null, 
/**
 * When the account was made.
 */
createdAt: Timestamp, };

/**
 * A point in time, in milliseconds since the Unix epoch.
 */
export type Timestamp = string;

/**
 * A user as they see themselves.
 */
export type User = { 
/**
 * The user.
 */
id: UserId, 
/**
 * The unique handle, 2–32 of `a-z0-9_.-`.
 */
handle: string, 
/**
 * The name to show.
 */
name: string, 
/**
 * A picture, if there is one.
 */
avatarUrl: string | null, 
/**
 * The e-mail address, if one was given.
 */
email: string | null, 
/**
 * A line about oneself.
 */
bio: string | null, 
/**
 * When the account was made.
 */
createdAt: Timestamp, };

/**
 * A user: Parlor's own UUID, or the `sub` of the host app's token verbatim.
 * 1–64 characters of `A-Za-z0-9._:@|-`.
 */
export type UserId = string;

/**
 * A user as everyone sees them.
 */
export type UserSummary = { 
/**
 * The user.
 */
id: UserId, 
/**
 * The unique handle, 2–32 of `a-z0-9_.-`.
 */
handle: string, 
/**
 * The name to show.
 */
name: string, 
/**
 * A picture, if there is one.
 */
avatarUrl: string | null, };

/**
 * Any JSON value.
 */
export type JsonValue =
	| string
	| number
	| boolean
	| null
	| JsonValue[]
	| { [key: string]: JsonValue };

/**
 * One page of a list, in the list's own order.
 */
export type Page<T> = { 
/**
 * The items of this page.
 */
items: Array<T>, 
/**
 * Pass as `cursor` to get the next page; null at the end. Opaque.
 */
nextCursor: string | null, };

export const FRAME_BYTES_MAX = 65536;

export const CONTENT_CHARS_MAX = 16384;

export const CONTENT_BYTES_MAX = 49152;

export const TITLE_CHARS_MAX = 128;

export const LABEL_CHARS_MAX = 64;

export const NAME_CHARS_MAX = 64;

export const PASSWORD_CHARS_MIN = 8;

export const MEMBER_IDS_MAX = 500;

export const HEARTBEAT_MS = 25000;

export const TYPING_MS = 6000;

export const TYPING_REPEAT_MS = 3000;

export const WATCHED_MAX = 200;
