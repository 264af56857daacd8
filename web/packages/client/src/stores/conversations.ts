// The conversation list: one record per conversation, always sorted by pin and last activity. Holds the
// newest version it has seen of each and derives what is the viewer's own (unread, receipts of others).
// Never talks to the network, and never decides whether an event is due: `sync.ts` feeds it.

import type {
  Conversation,
  ConversationSettings,
  ConversationSummary,
  Member,
  Membership,
  Message,
  Role,
  UserSummary,
} from "../generated/protocol";
import { Store } from "../store";
import { type Change, changed } from "./changes";

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
  /** What the viewer has archived, which the list leaves out. */
  readonly archived = new Store<readonly ConversationView[]>([]);
  readonly #byId = new Map<string, Store<ConversationView | null>>();
  /** How often the viewer's own side of each was told by the server. */
  readonly #told = new Map<string, number>();
  #me = "";

  identify(userId: string): void {
    this.#me = userId;
  }

  isViewer(userId: string): boolean {
    return userId === this.#me;
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

  /** Takes a page of the newest state, unless something newer is held (rule 16). */
  take(loaded: readonly Conversation[], pendingReadSeq: (id: string) => number = () => 0): void {
    let changed = false;
    for (const conversation of loaded) {
      const held = this.get(conversation.id);
      if (held && held.version > conversation.version) continue;
      this.one(conversation.id).set(this.#view(conversation, held, pendingReadSeq));
      this.#tell(conversation.id);
      changed = true;
    }
    if (changed) this.#publish();
  }

  /** The first page of the list is here: what it shows can be used. */
  ready(): void {
    const held = this.list.getSnapshot();
    if (held.phase !== "ready") this.list.set({ ...held, phase: "ready" });
  }

  /** The whole list was read: what it does not hold, the viewer is no longer in. */
  keepOnly(ids: ReadonlySet<string>): string[] {
    const gone = [...this.#byId].flatMap(([id, store]) =>
      store.getSnapshot() !== null && !ids.has(id) ? [id] : [],
    );
    for (const id of gone) this.one(id).set(null);
    if (gone.length > 0) this.#publish();
    return gone;
  }

  /**
   * An event's summary carries nothing of the viewer: that part is derived from their member row. Answers
   * whether it could be; if not, the conversation has to be asked for.
   */
  takeSummary(summary: ConversationSummary): boolean {
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
    const last = summary.lastMessage;
    const counts = last !== null && last.senderId !== this.#me && last.deletedAt === null;
    const derived = counts ? Math.max(0, summary.lastSeq - me.readSeq) : 0;
    this.take([{ ...summary, me, unreadCount: held?.unreadCount ?? derived }]);
    // Among several unread ones may be own and deleted messages.
    return held !== null || (mine !== undefined && summary.lastSeq - me.readSeq <= 1);
  }

  /** Applies the next message of a conversation. */
  appendMessage(message: Message, version: number): void {
    const held = this.get(message.conversationId);
    if (!held) return;
    const counts =
      message.deletedAt === null && this.isUnread(held.id, message.senderId, message.seq);
    this.#replace({
      ...held,
      version,
      lastSeq: Math.max(held.lastSeq, message.seq),
      lastMessage: message.seq > held.lastSeq ? message : held.lastMessage,
      updatedAt: message.createdAt,
      unreadCount: held.unreadCount + (counts && message.seq > held.lastSeq ? 1 : 0),
    });
  }

  /** Whether a message that is not deleted counts as unread. */
  isUnread(id: string, senderId: string, seq: number): boolean {
    const held = this.get(id);
    return held !== null && senderId !== this.#me && seq > held.me.readSeq;
  }

  /** Applies an edit, a deletion or a reaction; `uncounts` when it takes away an unread message. */
  applyChange(id: string, change: Change, uncounts: boolean): void {
    const held = this.get(id);
    if (!held) return;
    const last = held.lastMessage;
    this.#replace({
      ...held,
      version: change.version,
      lastMessage: last?.seq === change.seq ? changed(last, change) : last,
      unreadCount: Math.max(0, held.unreadCount - (uncounts ? 1 : 0)),
    });
  }

  /** Applies who came or left. */
  applyMembers(id: string, version: number, memberCount: number, members: Member[]): void {
    const held = this.get(id);
    if (held) this.#replace({ ...held, version, memberCount, members });
  }

  /** Applies what everybody sees of it beside its members and messages. */
  applySettings(id: string, version: number, settings: ConversationSettings): void {
    const held = this.get(id);
    if (held) this.#replace({ ...held, ...settings, version });
  }

  /** Applies what a member may do from now on. */
  applyRole(id: string, version: number, userId: string, role: Role): void {
    const held = this.get(id);
    if (!held) return;
    const members = held.members.map((it) => (it.user.id === userId ? { ...it, role } : it));
    const me = userId === this.#me ? { ...held.me, role } : held.me;
    this.#replace({ ...held, version, members, me });
  }

  /** Somebody is called otherwise now. */
  applyUser(user: UserSummary): void {
    for (const store of this.#byId.values()) {
      const held = store.getSnapshot();
      const last = held?.lastMessage;
      const said = last?.senderId === user.id;
      if (!held || (!said && !held.members.some((it) => it.user.id === user.id))) continue;
      const members = held.members.map((it) => (it.user.id === user.id ? { ...it, user } : it));
      store.set({ ...held, members, ...(said && { lastMessage: { ...last, sender: user } }) });
    }
    this.#publish();
  }

  /** Applies the viewer's own side, which may set the read cursor back. */
  applyMembership(id: string, me: Membership, unreadCount: number): void {
    const held = this.get(id);
    if (!held) return;
    this.#tell(id);
    this.#replace({ ...held, me, unreadCount, members: this.#withOwn(held.members, me) });
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

  /**
   * Shows a change of the viewer's own side before the server knows it; answers how to take it back, which
   * does nothing once the server has said how it stands.
   */
  show(id: string, change: Partial<Membership>): () => void {
    const told = this.#told.get(id);
    const set = (fields: Partial<Membership>) => {
      const held = this.get(id);
      if (held) this.#replace({ ...held, me: { ...held.me, ...fields } });
    };
    const before = this.get(id)?.me;
    const names = Object.keys(change) as (keyof Membership)[];
    set(change);
    return () => {
      if (!before || this.#told.get(id) !== told) return;
      set(Object.fromEntries(names.map((name) => [name, before[name]])));
    };
  }

  drop(id: string): void {
    this.one(id).set(null);
    this.#publish();
  }

  forgetAll(): void {
    for (const store of this.#byId.values()) store.set(null);
    this.archived.set([]);
    this.list.set({ phase: "loading", items: [] });
  }

  #withOwn(members: readonly Member[], me: Membership): Member[] {
    return members.map((it) =>
      it.user.id === this.#me ? { ...it, readSeq: me.readSeq, deliveredSeq: me.deliveredSeq } : it,
    );
  }

  #view(
    next: Conversation,
    held: ConversationView | null,
    pendingReadSeq: (id: string) => number,
  ): ConversationView {
    const members = mergeMembers(held?.members ?? [], next.members);
    const others = members.filter((member) => member.user.id !== this.#me);
    // A read that is still on its way to the server counts here already.
    const readSeq = Math.max(next.me.readSeq, pendingReadSeq(next.id));
    const deliveredSeq = Math.max(next.me.deliveredSeq, readSeq);
    const me = { ...next.me, readSeq, deliveredSeq };
    return {
      ...next,
      members: this.#withOwn(members, me),
      me,
      unreadCount: readSeq >= next.lastSeq ? 0 : next.unreadCount,
      peerReadSeq: Math.max(held?.peerReadSeq ?? 0, ...others.map((it) => it.readSeq)),
      peerDeliveredSeq: Math.max(
        held?.peerDeliveredSeq ?? 0,
        ...others.map((it) => Math.max(it.deliveredSeq, it.readSeq)),
      ),
    };
  }

  #tell(id: string): void {
    this.#told.set(id, (this.#told.get(id) ?? 0) + 1);
  }

  #replace(next: ConversationView): void {
    this.one(next.id).set(next);
    this.#publish();
  }

  #publish(): void {
    const items: ConversationView[] = [];
    const archived: ConversationView[] = [];
    for (const store of this.#byId.values()) {
      const view = store.getSnapshot();
      if (view && !view.me.hidden) (view.me.archived ? archived : items).push(view);
    }
    const held = this.archived.getSnapshot();
    if (archived.length + held.length > 0) this.archived.set(archived.sort(byActivity));
    this.list.set({ ...this.list.getSnapshot(), items: items.sort(byActivity) });
  }
}
