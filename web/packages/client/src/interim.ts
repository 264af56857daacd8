// Wire types that the server is about to name: they go when the generated ones hold them.

import type { Conversation, Role, ServerFrame, Timestamp } from "./generated/protocol";

export type ChangeConversation = {
  title?: string;
  label?: string | null;
  metadata?: Conversation["metadata"];
};

export type ChangeMembership = {
  mutedUntil?: Timestamp | null;
  pinned?: boolean;
  archived?: boolean;
};

export type CreateLink = { expiresInMs?: number; maxUses?: number };

export type Link = {
  id: string;
  createdBy: string;
  createdAt: Timestamp;
  expiresAt: Timestamp | null;
  maxUses: number | null;
  uses: number;
};

export type NewLink = Omit<Link, "createdBy"> & { token: string; url: string };

export type LinkPreview = {
  conversation: Pick<Conversation, "id" | "kind" | "title" | "label" | "memberCount">;
  isMember?: boolean;
};

export type ConversationSettings = Pick<
  Conversation,
  "title" | "label" | "metadata" | "avatarUrl" | "updatedAt"
>;

type Versioned = { conversationId: string; version: number };
type Told =
  | (Versioned & { type: "conversation.updated"; conversation: ConversationSettings })
  | (Versioned & { type: "member.updated"; userId: string; role: Role });

export type Frame = Exclude<ServerFrame, { type: "conversation.updated" }> | Told;
