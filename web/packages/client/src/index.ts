// The public surface of @parlor/client. What is not named here is not promised.

export { type Auth, createAuth } from "./auth";
export type { ConnectionStatus } from "./connection/connection";
export {
  browserEnvironment,
  type Environment,
  localTextStorage,
  memoryStorage,
  type TextStorage,
} from "./environment";
export { isRefused, isTransient, ParlorError } from "./errors";
export type {
  AuthReply,
  ChangeConversation,
  ChangeMembership,
  ChangeUser,
  Conversation,
  ConversationSummary,
  CreateConversation,
  CreatedLink,
  CreateLink,
  DeviceStatus,
  Link,
  LinkPreview,
  Member,
  Membership,
  Message,
  Page,
  Person,
  PresenceStatus,
  Reaction,
  Register,
  Role,
  ServerFrame,
  User,
  UserSummary,
} from "./generated/protocol";
export {
  CONTENT_BYTES_MAX,
  CONTENT_CHARS_MAX,
  LABEL_CHARS_MAX,
  NAME_CHARS_MAX,
  PASSWORD_CHARS_MIN,
  TITLE_CHARS_MAX,
} from "./generated/protocol";
export {
  type ConversationHandle,
  createParlor,
  type Parlor,
  type ParlorOptions,
} from "./parlor";
export type { Presences, PresenceView } from "./presence";
export { indexedRecords, type Records, textRecords } from "./records";
export type { Readable } from "./store";
export type { ConversationsSnapshot, ConversationView } from "./stores/conversations";
export type { MessageStatus, ThreadMessage, ThreadReaction, ThreadSnapshot } from "./stores/thread";
export type { Grant, TokenOption, TokenSource } from "./tokens";
