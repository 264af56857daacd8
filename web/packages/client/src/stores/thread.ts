// One conversation's thread as it is shown: the window of stored messages, then what waits in the outbox.
// Stored and waiting messages have one shape and a key that does not change when a message is acked, so a
// view never remounts a row. Never talks to the network; `sync.ts` feeds it.

import type { Message, MessageKind, UserSummary } from "../generated/protocol";
import type { OutboxEntry } from "../outbox";
import { type Readable, Store } from "../store";
import type { ConversationView } from "./conversations";
import { firstSeqOf, lastSeqOf, merge, type Window } from "./window";

export type MessageStatus = "queued" | "sending" | "failed" | "sent" | "delivered" | "read";

export type ThreadMessage = {
  /** Stable from typing to reload: the clientId of own messages, else the id. */
  key: string;
  id: string | null;
  seq: number | null;
  clientId: string | null;
  kind: MessageKind;
  content: string;
  createdAt: string;
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

export class Thread implements Readable<ThreadSnapshot> {
  #window: Window = [];
  #waiting: readonly OutboxEntry[] = [];
  #meta: Meta = { phase: "idle", hasOlder: false, loadingOlder: false };
  #me: UserSummary | null = null;
  #peer = { readSeq: 0, deliveredSeq: 0 };
  #shown = new Map<string, ThreadMessage>();
  readonly #store = new Store<ThreadSnapshot>({ ...this.#meta, messages: [] });
  #watchers = 0;

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

  get lastSeq(): number {
    return lastSeqOf(this.#window);
  }

  get stored(): Window {
    return this.#window;
  }

  setMeta(meta: Partial<Meta>): void {
    this.#meta = { ...this.#meta, ...meta };
    this.#publish();
  }

  setViewer(me: UserSummary): void {
    this.#me = me;
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
    if (window !== this.#window) {
      this.#window = window;
      this.#publish();
    }
    return fits;
  }

  /** Drops the window for another one, when too much lies between them. */
  restart(items: readonly Message[], hasOlder: boolean): void {
    this.#window = [...items];
    this.#meta = { phase: "ready", hasOlder, loadingOlder: false };
    this.#publish();
  }

  reset(): void {
    this.#window = [];
    this.#meta = { phase: "idle", hasOlder: false, loadingOlder: false };
    this.#publish();
  }

  /** Others' messages after `seq`, or null when the window does not reach back that far. */
  unreadAfter(seq: number): number | null {
    if (this.#window.length === 0 || this.firstSeq > seq + 1) return null;
    const me = this.#me?.id;
    return this.#window.filter((it) => it.seq > seq && it.senderId !== me).length;
  }

  #publish(): void {
    const stored = new Set<string>();
    const shown = new Map<string, ThreadMessage>();
    const keep = (next: ThreadMessage) => {
      const held = this.#shown.get(next.key);
      shown.set(next.key, held && sameMessage(held, next) ? held : next);
    };
    for (const message of this.#window) {
      if (message.clientId) stored.add(message.clientId);
      keep(this.#fromStored(message));
    }
    for (const entry of this.#waiting) {
      if (!stored.has(entry.clientId)) keep(this.#fromWaiting(entry));
    }
    this.#shown = shown;
    this.#store.set({ ...this.#meta, messages: [...shown.values()] });
  }

  #fromStored(message: Message): ThreadMessage {
    const own = message.senderId === this.#me?.id;
    return {
      key: own && message.clientId ? message.clientId : message.id,
      id: message.id,
      seq: message.seq,
      clientId: message.clientId,
      kind: message.kind,
      content: message.content,
      createdAt: message.createdAt,
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
    return {
      key: entry.clientId,
      id: null,
      seq: null,
      clientId: entry.clientId,
      kind: "text",
      content: entry.content,
      createdAt: new Date(entry.createdAtMs).toISOString(),
      senderId: this.#me?.id ?? "",
      sender: this.#me,
      own: true,
      status: entry.state,
      code: entry.code,
    };
  }
}

/** Content changes only with an edit, which replaces the stored message; status is what moves. */
function sameMessage(a: ThreadMessage, b: ThreadMessage): boolean {
  return (
    a.id === b.id &&
    a.status === b.status &&
    a.content === b.content &&
    a.createdAt === b.createdAt &&
    a.code === b.code &&
    a.own === b.own
  );
}
