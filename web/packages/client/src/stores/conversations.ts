// The conversation list: one record per conversation, always sorted by pin and last activity. Holds the
// newest version it has seen of each and derives what is the viewer's own (unread, receipts of others).
// Never talks to the network; `sync.ts` feeds it.

import type {
  Conversation,
  ConversationSummary,
  Member,
  Membership,
  Message,
} from "../generated/protocol";
import { Store } from "../store";

/** A conversation as the viewer sees it. */
export type ConversationView = Conversation & {
  /** The furthest any other member has read or received: what one's own ticks show. */
  peerReadSeq: number;
  peerDeliveredSeq: number;
};

export type ConversationsSnapshot = {
  phase: "loading" | "ready";
  items: readonly ConversationView[];
};

export type Receipt = { kind: "read" | "delivered"; userId: string; seq: number };

const activityOf = (it: Conversation): string => it.lastMessage?.createdAt ?? it.createdAt;

function byActivity(a: ConversationView, b: ConversationView): number {
  if (a.me.pinned !== b.me.pinned) return a.me.pinned ? -1 : 1;
  const [left, right] = [activityOf(a), activityOf(b)];
  return left === right ? (a.id < b.id ? 1 : -1) : left < right ? 1 : -1;
}

/** Merges rising cursors of members: a reply may be older than an event that overtook it. */
function mergeMembers(held: readonly Member[], next: readonly Member[]): Member[] {
  const before = new Map(held.map((member) => [member.user.id, member]));
  return next.map((member) => {
    const old = before.get(member.user.id);
    if (!old) return member;
    const readSeq = Math.max(old.readSeq, member.readSeq);
    return { ...member, readSeq, deliveredSeq: Math.max(old.deliveredSeq, member.deliveredSeq) };
  });
}

export class Conversations {
  readonly list = new Store<ConversationsSnapshot>({ phase: "loading", items: [] });
  readonly #byId = new Map<string, Store<ConversationView | null>>();
  #me = "";

  identify(userId: string): void {
    this.#me = userId;
  }

  /** The observable record of one conversation; null until it is known. */
  one(id: string): Store<ConversationView | null> {
    let store = this.#byId.get(id);
    if (!store) {
      store = new Store<ConversationView | null>(null);
      this.#byId.set(id, store);
    }
    return store;
  }

  get(id: string): ConversationView | null {
    return this.#byId.get(id)?.getSnapshot() ?? null;
  }

  /** Takes what REST said, unless something newer is held already. */
  take(loaded: readonly Conversation[]): void {
    let changed = false;
    for (const conversation of loaded) {
      const held = this.get(conversation.id);
      if (held && held.version > conversation.version) continue;
      this.one(conversation.id).set(this.#view(conversation, held));
      changed = true;
    }
    if (changed) this.#publish();
  }

  /** A whole list was read: what it does not hold, the viewer is no longer in. */
  settle(ids: ReadonlySet<string>): void {
    for (const [id, store] of this.#byId) if (!ids.has(id)) store.set(null);
    this.list.set({ ...this.list.getSnapshot(), phase: "ready" });
    this.#publish();
  }

  /** An event's summary carries nothing of the viewer: that part is derived from their member row. */
  takeSummary(summary: ConversationSummary): void {
    const held = this.get(summary.id);
    const mine = summary.members.find((member) => member.user.id === this.#me);
    const me: Membership = held?.me ?? {
      role: mine?.role ?? "member",
      readSeq: mine?.readSeq ?? 0,
      deliveredSeq: mine?.deliveredSeq ?? 0,
      mutedUntil: null,
      pinned: false,
      archived: false,
      hidden: false,
    };
    const fromOthers = summary.lastMessage !== null && summary.lastMessage.senderId !== this.#me;
    const derived = fromOthers ? Math.max(0, summary.lastSeq - me.readSeq) : 0;
    this.take([{ ...summary, me, unreadCount: held?.unreadCount ?? derived }]);
  }

  /** Applies the next message of a conversation whose version is exactly one less. */
  appendMessage(message: Message, version: number): void {
    const held = this.get(message.conversationId);
    if (!held || message.seq <= held.lastSeq) return;
    const own = message.senderId === this.#me;
    this.#replace({
      ...held,
      version,
      lastSeq: message.seq,
      lastMessage: message,
      updatedAt: message.createdAt,
      unreadCount: held.unreadCount + (own || message.seq <= held.me.readSeq ? 0 : 1),
    });
  }

  applyReceipt(conversationId: string, receipt: Receipt, unreadAfter: number | null): void {
    const held = this.get(conversationId);
    if (!held) return;
    const read = receipt.kind === "read" ? receipt.seq : 0;
    const raise = <T extends { readSeq: number; deliveredSeq: number }>(it: T): T =>
      it.readSeq >= read && it.deliveredSeq >= receipt.seq
        ? it
        : {
            ...it,
            readSeq: Math.max(it.readSeq, read),
            deliveredSeq: Math.max(it.deliveredSeq, receipt.seq),
          };
    const members = held.members.map((it) => (it.user.id === receipt.userId ? raise(it) : it));
    if (receipt.userId !== this.#me) {
      const peerReadSeq = Math.max(held.peerReadSeq, read);
      const peerDeliveredSeq = Math.max(held.peerDeliveredSeq, receipt.seq);
      return this.#replace({ ...held, members, peerReadSeq, peerDeliveredSeq });
    }
    const unreadCount =
      receipt.kind === "delivered"
        ? held.unreadCount
        : receipt.seq >= held.lastSeq
          ? 0
          : Math.min(held.unreadCount, unreadAfter ?? held.lastSeq - receipt.seq);
    this.#replace({ ...held, members, unreadCount, me: raise(held.me) });
  }

  drop(id: string): void {
    this.one(id).set(null);
    this.#publish();
  }

  forgetAll(): void {
    for (const store of this.#byId.values()) store.set(null);
    this.list.set({ phase: "loading", items: [] });
  }

  #view(next: Conversation, held: ConversationView | null): ConversationView {
    const members = mergeMembers(held?.members ?? [], next.members);
    const others = members.filter((member) => member.user.id !== this.#me);
    const readSeq = Math.max(next.me.readSeq, held?.me.readSeq ?? 0);
    const deliveredSeq = Math.max(next.me.deliveredSeq, held?.me.deliveredSeq ?? 0);
    return {
      ...next,
      members,
      me: { ...next.me, readSeq, deliveredSeq },
      // A read that the server had not seen when it answered still counts here.
      unreadCount: readSeq >= next.lastSeq ? 0 : next.unreadCount,
      peerReadSeq: Math.max(held?.peerReadSeq ?? 0, ...others.map((it) => it.readSeq)),
      peerDeliveredSeq: Math.max(
        held?.peerDeliveredSeq ?? 0,
        ...others.map((it) => Math.max(it.deliveredSeq, it.readSeq)),
      ),
    };
  }

  #replace(next: ConversationView): void {
    this.one(next.id).set(next);
    this.#publish();
  }

  #publish(): void {
    const items: ConversationView[] = [];
    for (const store of this.#byId.values()) {
      const view = store.getSnapshot();
      if (view && !view.me.hidden && !view.me.archived) items.push(view);
    }
    this.list.set({ ...this.list.getSnapshot(), items: items.sort(byActivity) });
  }
}
