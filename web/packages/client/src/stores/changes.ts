// What an event makes of a stored message: an edit, a deletion, an emoji put on or taken off. Pure
// functions; a change carries the conversation's version, so applying it twice changes nothing.

import type { Message, Reaction, ServerFrame } from "../generated/protocol";

export type Change = {
  seq: number;
  version: number;
  apply(message: Message): Message;
  /** Of a new message: what it adds where the message is not held. */
  added?: Message;
};

export type ChangeFrame = Extract<
  ServerFrame,
  { type: "message.updated" | "message.deleted" | "reaction.added" | "reaction.removed" }
>;

/** How many of those who chose an emoji the server names. */
const NAMED_USERS_MAX = 20;

export function withReaction(message: Message, emoji: string, userId: string): Message {
  const held = message.reactions.find((reaction) => reaction.emoji === emoji);
  if (held?.userIds.includes(userId)) return message;
  const next: Reaction = {
    emoji,
    count: (held?.count ?? 0) + 1,
    userIds:
      held && held.userIds.length >= NAMED_USERS_MAX
        ? held.userIds
        : [...(held?.userIds ?? []), userId],
  };
  const reactions = held
    ? message.reactions.map((reaction) => (reaction === held ? next : reaction))
    : [...message.reactions, next];
  return { ...message, reactions };
}

export function withoutReaction(message: Message, emoji: string, userId: string): Message {
  const reactions = message.reactions.flatMap((reaction) => {
    if (reaction.emoji !== emoji) return [reaction];
    const userIds = reaction.userIds.filter((id) => id !== userId);
    return reaction.count > 1 ? [{ ...reaction, count: reaction.count - 1, userIds }] : [];
  });
  return { ...message, reactions };
}

export function asDeleted(message: Message, deletedAt: string): Message {
  return { ...message, content: "", attachments: [], mentions: [], reactions: [], deletedAt };
}

export function changeOf(frame: ChangeFrame): Change {
  const { version } = frame;
  switch (frame.type) {
    case "message.updated":
      return { seq: frame.message.seq, version, apply: () => frame.message };
    case "message.deleted":
      return { seq: frame.seq, version, apply: (it) => asDeleted(it, frame.deletedAt) };
    case "reaction.added":
      return {
        seq: frame.seq,
        version,
        apply: (it) => withReaction(it, frame.emoji, frame.userId),
      };
    case "reaction.removed":
      return {
        seq: frame.seq,
        version,
        apply: (it) => withoutReaction(it, frame.emoji, frame.userId),
      };
  }
}

/** The message with the change on it, or itself when it holds that change already. */
export function changed(message: Message, change: Change): Message {
  if (message.version >= change.version) return message;
  return { ...change.apply(message), version: change.version };
}

/** An own change that is shown before the server has said yes. */
export type Draft = {
  messageId: string;
  apply(message: Message): Message;
  /** Whether the stored message shows it already. */
  isIn(message: Message): boolean;
};

/** Nothing is done to a deleted message. */
const unlessDeleted = (draft: Draft): Draft => ({
  ...draft,
  apply: (it) => (it.deletedAt === null ? draft.apply(it) : it),
});

export const draftOf = {
  edit: (messageId: string, content: string, editedAt: string): Draft =>
    unlessDeleted({
      messageId,
      apply: (it) => ({ ...it, content, editedAt }),
      isIn: (it) => it.content === content,
    }),
  remove: (messageId: string, deletedAt: string): Draft =>
    unlessDeleted({
      messageId,
      apply: (it) => asDeleted(it, deletedAt),
      isIn: (it) => it.deletedAt !== null,
    }),
  react: (messageId: string, emoji: string, userId: string): Draft =>
    unlessDeleted({
      messageId,
      apply: (it) => withReaction(it, emoji, userId),
      isIn: (it) => hasReaction(it, emoji, userId),
    }),
  unreact: (messageId: string, emoji: string, userId: string): Draft =>
    unlessDeleted({
      messageId,
      apply: (it) => (hasReaction(it, emoji, userId) ? withoutReaction(it, emoji, userId) : it),
      isIn: (it) => !hasReaction(it, emoji, userId),
    }),
};

function hasReaction(message: Message, emoji: string, userId: string): boolean {
  return message.reactions.some((it) => it.emoji === emoji && it.userIds.includes(userId));
}
