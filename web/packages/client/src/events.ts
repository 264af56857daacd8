// Which events change what is held, and whether one is due: by the version of its conversation (rule 14)
// or of the viewer's own stream (rule 15). Applies one event to the stores, or says why it can't be. Asks
// the server nothing: that is `sync.ts`.

import type { Member, Message, ServerFrame, User, UserSummary } from "./generated/protocol";
import { type ChangeFrame, changeOf } from "./stores/changes";
import type { Conversations, Receipt } from "./stores/conversations";
import type { Thread } from "./stores/thread";

/**
 * `applied` also when it was old news. `short`: applied, but it tells less than must be known. `missed`:
 * something before it is missing. `unknown`: a receipt in a conversation that is not held.
 */
export type Verdict = "applied" | "short" | "missed" | "unknown";

type Framed<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;

/** How many members travel with a conversation. */
const SHOWN_MEMBERS_MAX = 20;

export type EventDelegates = {
  /** The thread of a conversation, if anybody has asked for it. */
  thread(id: string): Thread | undefined;
  /** A new message was applied; `fits` when the thread's window holds it without a hole. */
  arrived(message: Message, fits: boolean): void;
  /** The read cursor of the viewer may have gone back. */
  lowered(conversationId: string, readSeq: number): void;
  /** Somebody is called otherwise now. */
  called(user: UserSummary): void;
  /** The viewer's own account is as this says. */
  account(user: User): void;
  /** The viewer is in it now. */
  came(conversationId: string): void;
  /** The viewer is no longer in it. */
  gone(conversationId: string): void;
};

export class Events {
  /** The viewer's own change counter; null before the first page. */
  #userVersion: number | null = null;

  constructor(
    private readonly conversations: Conversations,
    private readonly delegates: EventDelegates,
  ) {}

  /** A page tells everything up to here. */
  raise(userVersion: number): void {
    this.#userVersion = Math.max(this.#userVersion ?? 0, userVersion);
  }

  startOver(): void {
    this.#userVersion = null;
  }

  apply(frame: ServerFrame): Verdict {
    switch (frame.type) {
      case "message.new":
        return this.#versioned(frame, () => {
          this.conversations.appendMessage(frame.message, frame.version);
          const thread = this.delegates.thread(frame.conversationId);
          this.delegates.arrived(frame.message, thread?.take([frame.message]) ?? true);
        });
      case "message.updated":
      case "message.deleted":
      case "reaction.added":
      case "reaction.removed":
        return this.#change(frame);
      case "conversation.updated":
        return this.#versioned(frame, () => {
          const { conversationId, version, conversation } = frame;
          this.conversations.applySettings(conversationId, version, conversation);
        });
      case "member.joined":
        return this.#members(frame, (held) => {
          const joined = new Set(frame.members.map((member) => member.user.id));
          const stayed = held.filter((member) => !joined.has(member.user.id));
          return [...stayed, ...frame.members].slice(0, SHOWN_MEMBERS_MAX);
        });
      case "member.left":
        return this.#members(frame, (held) => {
          return held.filter((member) => member.user.id !== frame.userId);
        });
      case "member.updated":
        return this.#versioned(frame, () => {
          const { conversationId, version, userId, role } = frame;
          this.conversations.applyRole(conversationId, version, userId, role);
        });
      case "conversation.added":
        return this.#ofUser(frame, () => {
          const held = this.conversations.get(frame.conversationId);
          if (held && held.version >= frame.version) return "applied";
          const isKnown = this.conversations.takeSummary(frame.conversation);
          this.delegates.came(frame.conversationId);
          return isKnown ? "applied" : "short";
        });
      case "conversation.removed":
        return this.#ofUser(frame, () => {
          this.delegates.gone(frame.conversationId);
          return "applied";
        });
      case "account.updated":
        return this.#ofUser(frame, () => {
          this.delegates.account(frame.user);
          return "applied";
        });
      case "user.updated":
        this.delegates.called(frame.user);
        return "applied";
      case "membership.updated":
        // A read cursor that stands higher than an old set-back was raised by a read from before it, heard
        // again after the page: only the server knows.
        if (this.#isOld(frame)) return this.#stands(frame) > frame.me.readSeq ? "short" : "applied";
        return this.#ofUser(frame, () => {
          const { conversationId, me, unreadCount } = frame;
          if (!this.conversations.get(conversationId)) return "short";
          this.conversations.applyMembership(conversationId, me, unreadCount);
          this.delegates.lowered(conversationId, me.readSeq);
          return "applied";
        });
      case "message.read":
        return this.#receipt(frame, "read");
      case "message.delivered":
        return this.#receipt(frame, "delivered");
      default:
        // Newer servers may say more; what is not understood is not acted upon.
        return "applied";
    }
  }

  #versioned(
    frame: { conversationId: string; version: number },
    apply: () => void,
  ): "applied" | "missed" {
    const held = this.conversations.get(frame.conversationId);
    if (!held || frame.version > held.version + 1) return "missed";
    if (frame.version === held.version + 1) apply();
    return "applied";
  }

  #isOld(frame: { userVersion: number }): boolean {
    return this.#userVersion !== null && frame.userVersion <= this.#userVersion;
  }

  #stands(frame: { conversationId: string }): number {
    return this.conversations.get(frame.conversationId)?.me.readSeq ?? 0;
  }

  #ofUser(frame: { userVersion: number }, apply: () => Verdict): Verdict {
    const held = this.#userVersion;
    if (held === null || frame.userVersion > held + 1) return "missed";
    if (this.#isOld(frame)) return "applied";
    this.#userVersion = frame.userVersion;
    return apply();
  }

  #change(frame: ChangeFrame): Verdict {
    const change = changeOf(frame);
    const { conversationId } = frame;
    let verdict: Verdict = "applied";
    const due = this.#versioned(frame, () => {
      const held = this.conversations.get(conversationId);
      const thread = this.delegates.thread(conversationId);
      const last = held?.lastMessage?.seq === change.seq ? held.lastMessage : null;
      const before = last ?? thread?.window.find((message) => message.seq === change.seq) ?? null;
      const deletes = frame.type === "message.deleted";
      const uncounts =
        deletes && this.conversations.isUnread(conversationId, before?.senderId ?? "", change.seq);
      this.conversations.applyChange(conversationId, change, uncounts && before !== null);
      thread?.change(change);
      // Whose message it was decides whether one less is unread.
      if (uncounts && before === null && (held?.unreadCount ?? 0) > 0) verdict = "short";
    });
    return due === "missed" ? due : verdict;
  }

  #members(
    frame: Framed<"member.joined" | "member.left">,
    next: (held: readonly Member[]) => Member[],
  ): Verdict {
    const { conversationId, version, memberCount } = frame;
    return this.#versioned(frame, () => {
      const members = next(this.conversations.get(conversationId)?.members ?? []);
      this.conversations.applyMembers(conversationId, version, memberCount, members);
    });
  }

  #receipt(
    { conversationId, userId, seq }: Framed<"message.read" | "message.delivered">,
    kind: "read" | "delivered",
  ): Verdict {
    const held = this.conversations.get(conversationId);
    if (!held) return "unknown";
    return this.receipt(conversationId, { kind, userId, seq }) ? "applied" : "short";
  }

  /** Moves a member's cursor; answers whether it is known how much is unread after it. */
  receipt(conversationId: string, receipt: Receipt): boolean {
    const held = this.conversations.get(conversationId);
    if (!held) return true;
    const { lastSeq } = held;
    const thread = this.delegates.thread(conversationId);
    const unread = thread?.unreadAfter(receipt.seq, held) ?? null;
    const isOwnRead = receipt.kind === "read" && this.conversations.isViewer(receipt.userId);
    const isKnown = unread !== null || receipt.seq >= lastSeq || held.unreadCount === 0;
    this.conversations.applyReceipt(conversationId, receipt, unread);
    return !isOwnRead || isKnown;
  }
}
