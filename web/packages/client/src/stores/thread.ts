// One conversation's thread as it is shown: the window of stored messages, then what waits in the outbox.
// Stored and waiting messages have one shape and a key that does not change when a message is acked, so a
// view never remounts a row. Never talks to the network; `sync.ts` feeds it.

import type { Message, MessageKind, Reaction, UserSummary } from "../generated/protocol";
import type { OutboxEntry } from "../outbox";
import { type Readable, Store } from "../store";
import type { Change, Draft } from "./changes";
import type { ConversationView } from "./conversations";
import { firstSeqOf, lastSeqOf, merge, put, type Window } from "./window";

export type MessageStatus = "queued" | "sending" | "failed" | "sent" | "delivered" | "read";

/** An emoji on a message; `mine` when the viewer is among those who chose it. */
export type ThreadReaction = Reaction & { mine: boolean };

export type ThreadMessage = {
  /** Stable from typing to reload: the clientId of own messages, else the id. */
  key: string;
  id: string | null;
  seq: number | null;
  clientId: string | null;
  kind: MessageKind;
  content: string;
  reactions: readonly ThreadReaction[];
  createdAt: string;
  editedAt: string | null;
  /** When it was deleted; its content is then empty. */
  deletedAt: string | null;
  senderId: string;
  sender: UserSummary | null;
  own: boolean;
  /** Of own messages; those of others are always `read` or `sent` and show no tick. */
  status: MessageStatus;
  /** Why an own message failed. */
  code: string | null;
};

export type ThreadSnapshot = {
  phase: "idle" | "loading" | "ready" | "failed";
  messages: readonly ThreadMessage[];
  /** Older messages exist before the first. */
  hasOlder: boolean;
  loadingOlder: boolean;
};

type Meta = Pick<ThreadSnapshot, "phase" | "hasOlder" | "loadingOlder">;

/** Changes kept for a page on its way; with more the page is simply read again. */
const LATE_MAX = 1_000;

type Shown = { source: Message | OutboxEntry; view: ThreadMessage };
/** A draft and the version of the stored message that it was made on. */
type HeldDraft = { draft: Draft; version: number; isSettled: boolean };

export class Thread implements Readable<ThreadSnapshot> {
  #window: Window = [];
  #waiting: readonly OutboxEntry[] = [];
  #meta: Meta = { phase: "idle", hasOlder: false, loadingOlder: false };
  #me: UserSummary | null = null;
  #peer = { readSeq: 0, deliveredSeq: 0 };
  #shown = new Map<string, Shown>();
  #drafts: readonly HeldDraft[] = [];
  readonly #store = new Store<ThreadSnapshot>({ ...this.#meta, messages: [] });
  #watchers = 0;
  /** Raised by `reset`: a page asked for before it is of no use after it. */
  #generation = 0;
  /** Reads under way, and what happened since the first of them began. */
  #reads = 0;
  #late: Change[] = [];
  #stale = false;
  /** The conversation's end when a page was read that holds less: the rest is not there for this viewer. */
  #floorSeq = 0;

  constructor(
    readonly conversationId: string,
    /** Called when a reader comes to a thread that is neither loaded nor loading. */
    private readonly wanted: () => void,
  ) {}

  getSnapshot = (): ThreadSnapshot => this.#store.getSnapshot();

  subscribe = (listener: () => void): (() => void) => {
    this.#watchers += 1;
    const stop = this.#store.subscribe(listener);
    // One that failed is tried again when somebody comes back to it.
    if (this.#meta.phase === "idle" || this.#meta.phase === "failed") this.wanted();
    return () => {
      this.#watchers -= 1;
      stop();
    };
  };

  get watched(): boolean {
    return this.#watchers > 0;
  }

  get loaded(): boolean {
    return this.#meta.phase === "ready";
  }

  get firstSeq(): number {
    return firstSeqOf(this.#window);
  }

  /** Up to here nothing is missing. More than the window's end where history was cleared. */
  get lastSeq(): number {
    return Math.max(this.#floorSeq, lastSeqOf(this.#window));
  }

  get window(): Window {
    return this.#window;
  }

  get generation(): number {
    return this.#generation;
  }

  /** The window must be read anew from its end. */
  get stale(): boolean {
    return this.#stale;
  }

  markStale(): void {
    if (this.loaded || this.#reads > 0) this.#stale = true;
  }

  /** A page is asked for; what happens until `endRead` is put on top of what it holds. */
  beginRead(kind: "newest" | "more"): void {
    if (kind === "newest") this.#stale = false;
    this.#reads += 1;
  }

  endRead(): void {
    this.#reads -= 1;
    if (this.#reads === 0) this.#late = [];
  }

  setMeta(meta: Partial<Meta>): void {
    this.#meta = { ...this.#meta, ...meta };
    this.#publish();
  }

  setViewer(me: UserSummary): void {
    this.#me = me;
    this.#shown.clear();
    this.#publish();
  }

  setPeers(view: ConversationView | null): void {
    const [readSeq, deliveredSeq] = [view?.peerReadSeq ?? 0, view?.peerDeliveredSeq ?? 0];
    if (readSeq === this.#peer.readSeq && deliveredSeq === this.#peer.deliveredSeq) return;
    this.#peer = { readSeq, deliveredSeq };
    this.#publish();
  }

  setWaiting(entries: readonly OutboxEntry[]): void {
    const same =
      entries.length === this.#waiting.length &&
      entries.every((entry, index) => entry === this.#waiting[index]);
    if (same) return;
    this.#waiting = entries;
    this.#publish();
  }

  /** Adds messages next to or over the window; false when a hole would remain. */
  merge(items: readonly Message[]): boolean {
    const { window, fits } = merge(this.#window, items);
    this.#replace(this.#onTop(window));
    return fits;
  }

  /** Adds new or changed messages; false when something between them and the window is missing. */
  take(items: readonly Message[]): boolean {
    for (const message of items) this.#keepLate(asChange(message));
    if (!this.loaded) return true;
    const inside = items.filter((message) => message.seq >= this.firstSeq);
    const next = inside.filter((message) => message.seq > this.lastSeq);
    const touches = next.every((message, index) => message.seq === this.lastSeq + 1 + index);
    let window = touches ? merge(this.#window, next).window : this.#window;
    for (const message of inside) window = put(window, asChange(message));
    this.#replace(window);
    return touches;
  }

  /** Puts an edit, a deletion or an emoji on the message it concerns, if that is loaded. */
  change(change: Change): void {
    this.#keepLate(change);
    this.#replace(put(this.#window, change));
  }

  /** Somebody is called otherwise now. */
  called(user: UserSummary): void {
    const own = (message: Message) => message.senderId === user.id;
    if (!this.#window.some(own)) return;
    this.#replace(this.#window.map((it) => (own(it) ? { ...it, sender: user } : it)));
  }

  /** Drops the window for another one, when too much lies between them. */
  restart(items: readonly Message[], hasOlder: boolean, floorSeq = 0): void {
    this.#floorSeq = floorSeq;
    this.#meta = { phase: "ready", hasOlder, loadingOlder: false };
    this.#window = this.#onTop(items);
    this.#publish();
  }

  reset(): void {
    this.#generation += 1;
    this.#stale = false;
    this.#floorSeq = 0;
    this.#late = [];
    this.#drafts = [];
    this.#window = [];
    this.#meta = { phase: "idle", hasOlder: false, loadingOlder: false };
    this.#publish();
  }

  stored(messageId: string): Message | null {
    return this.#window.find((message) => message.id === messageId) ?? null;
  }

  /** Shows an own change at once, until `settle` or `withdraw`. */
  show(draft: Draft): void {
    const version = this.stored(draft.messageId)?.version ?? 0;
    this.#drafts = [...this.#drafts, { draft, version, isSettled: false }];
    this.#publish();
  }

  /** The server said yes: the draft goes when the stored message shows it, or has moved on. */
  settle(draft: Draft): void {
    this.#drafts = this.#drafts.map((held) =>
      held.draft === draft ? { ...held, isSettled: true } : held,
    );
    this.#publish();
  }

  /** The server said no: what is stored is shown again. */
  withdraw(draft: Draft): void {
    this.#drafts = this.#drafts.filter((held) => held.draft !== draft);
    this.#publish();
  }

  /**
   * Others' messages after `seq` as the conversation was at `lastSeq` and `version`, or null when the window
   * does not hold them all. A page may have told more than the events so far: what they will add or take
   * away is not counted yet.
   */
  unreadAfter(
    seq: number,
    { lastSeq, version }: { lastSeq: number; version: number },
  ): number | null {
    if (!this.loaded || this.lastSeq < lastSeq) return null;
    if (this.#window.length > 0 && this.firstSeq > seq + 1) return null;
    const counted = this.#window.filter((it) => {
      const isThere = it.seq > seq && it.seq <= lastSeq && it.senderId !== this.#me?.id;
      return isThere && (it.deletedAt === null || it.version > version);
    });
    return counted.length;
  }

  #keepLate(change: Change): void {
    if (this.#reads === 0) return;
    this.#late.push(change);
    if (this.#late.length <= LATE_MAX) return;
    this.#late = [];
    this.#stale = true;
  }

  #onTop(window: Window): Window {
    return this.#late.reduce(put, window);
  }

  #replace(window: Window): void {
    if (window === this.#window) return;
    this.#window = window;
    this.#publish();
  }

  #publish(): void {
    this.#drafts = this.#drafts.filter((held) => !this.#isOver(held));
    const stored = new Set<string>();
    const shown = new Map<string, Shown>();
    const keep = (key: string, source: Shown["source"], make: () => ThreadMessage) => {
      const held = this.#shown.get(key);
      const next = make();
      const same = held?.source === source && sameAround(held.view, next);
      shown.set(key, same ? held : { source, view: next });
    };
    for (const message of this.#window) {
      if (message.clientId) stored.add(message.clientId);
      const drafted = this.#withDrafts(message);
      keep(this.#keyOf(message), drafted, () => this.#fromStored(drafted));
    }
    for (const entry of this.#waiting) {
      if (!stored.has(entry.clientId)) keep(entry.clientId, entry, () => this.#fromWaiting(entry));
    }
    this.#shown = shown;
    const messages = Array.from(shown.values(), (it) => it.view);
    const held = this.#store.getSnapshot().messages;
    const same =
      held.length === messages.length && messages.every((message, at) => message === held[at]);
    this.#store.set({ ...this.#meta, messages: same ? held : messages });
  }

  #isOver({ draft, version, isSettled }: HeldDraft): boolean {
    if (!isSettled) return false;
    const message = this.stored(draft.messageId);
    return message === null || message.version > version || draft.isIn(message);
  }

  #withDrafts(message: Message): Message {
    return this.#drafts.reduce(
      (it, { draft }) => (draft.messageId === message.id ? draft.apply(it) : it),
      message,
    );
  }

  #keyOf(message: Message): string {
    const own = message.senderId === this.#me?.id;
    return own && message.clientId ? message.clientId : message.id;
  }

  #fromStored(message: Message): ThreadMessage {
    const me = this.#me?.id ?? "";
    const own = message.senderId === me;
    return {
      key: this.#keyOf(message),
      id: message.id,
      seq: message.seq,
      clientId: message.clientId,
      kind: message.kind,
      content: message.content,
      reactions: message.reactions.map((it) => ({ ...it, mine: it.userIds.includes(me) })),
      createdAt: message.createdAt,
      editedAt: message.editedAt,
      deletedAt: message.deletedAt,
      senderId: message.senderId,
      sender: message.sender,
      own,
      status: !own ? "sent" : this.#statusOf(message.seq),
      code: null,
    };
  }

  #statusOf(seq: number): MessageStatus {
    if (seq <= this.#peer.readSeq) return "read";
    return seq <= this.#peer.deliveredSeq ? "delivered" : "sent";
  }

  #fromWaiting(entry: OutboxEntry): ThreadMessage {
    const { ack } = entry;
    return {
      key: entry.clientId,
      id: ack?.id ?? null,
      seq: ack?.seq ?? null,
      clientId: entry.clientId,
      kind: "text",
      content: entry.content,
      reactions: [],
      createdAt: ack?.createdAt ?? new Date(entry.createdAtMs).toISOString(),
      editedAt: null,
      deletedAt: null,
      senderId: this.#me?.id ?? "",
      sender: this.#me,
      own: true,
      status: entry.state,
      code: entry.code,
    };
  }
}

function asChange(message: Message): Change {
  return { seq: message.seq, version: message.version, apply: () => message, added: message };
}

/** Of one source; the rest of a shown message follows from it. */
function sameAround(a: ThreadMessage, b: ThreadMessage): boolean {
  return a.status === b.status && a.own === b.own;
}
