// Messages on their way: queued → sending → sent (and gone once seen in the conversation) or failed. Each
// is shown at once and stored under its own key before it is sent, until it is acked: a reload loses
// nothing and two tabs never overwrite each other. Within a conversation one message is in flight at a
// time: order survives refusals and reconnects. A message keeps its clientId through every attempt, which
// is what makes sending it again harmless.

import { backoffMs } from "./connection/backoff";
import type { Environment, Timer } from "./environment";
import { isUnsettled, ParlorError } from "./errors";
import type { AckedMessage } from "./generated/protocol";
import { uuidv7 } from "./ids";
import { outboxKey } from "./records";
import { Store } from "./store";

export type OutboxEntry = {
  readonly clientId: string;
  readonly conversationId: string;
  readonly content: string;
  readonly createdAtMs: number;
  /** Place in the queue; breaks ties within one millisecond. */
  readonly order: number;
  readonly state: "queued" | "sending" | "sent" | "failed";
  /** Why it failed, as the server's code. */
  readonly code: string | null;
  /** Set when `sent`: stored on the server, not yet seen in the conversation. */
  readonly ack: AckedMessage | null;
};

export type OutboxDelegates = {
  send(entry: OutboxEntry): Promise<AckedMessage>;
  /** Whether the acked message is in its conversation already; if not, its event is still to come. */
  acked(entry: OutboxEntry, ack: AckedMessage): boolean;
};

/** A storage that hangs must not hold messages back: after this they go out all the same. */
const STORAGE_WITHIN_MS = 3_000;
/** Longer than another tab's attempt takes; a tab that sleeps with the lock is then passed by. */
const LOCK_WITHIN_MS = 20_000;

const inOrder = (a: OutboxEntry, b: OutboxEntry): number =>
  a.createdAtMs - b.createdAtMs || a.order - b.order;

export class Outbox {
  /** Every waiting message, oldest first. */
  readonly entries = new Store<readonly OutboxEntry[]>([]);
  #running = false;
  #order = 0;
  readonly #attempts = new Map<string, number>();
  readonly #pauses = new Map<string, Timer>();
  /** What storage was asked to keep, by clientId: before that an entry is not sent. */
  readonly #asked = new Set<string>();
  /** What storage is known to hold: when it is gone from there, another tab has sent or discarded it. */
  readonly #stored = new Set<string>();
  /** Null until it is known whose messages these are: one person's must never go out as another's. */
  #userId: string | null = null;
  /** Whether what earlier pages left was read; newer messages wait for it. */
  #loaded = false;

  constructor(
    private readonly environment: Environment,
    private readonly delegates: OutboxDelegates,
  ) {}

  /** Loads what this person left waiting, and keeps from now on what they write. */
  open(userId: string): void {
    if (this.#userId !== null) return;
    this.#userId = userId;
    for (const entry of this.entries.getSnapshot()) void this.#keep(entry);
    void this.#load();
  }

  add(conversationId: string, content: string): OutboxEntry {
    const createdAtMs = this.environment.nowMs();
    this.#order += 1;
    const entry: OutboxEntry = {
      clientId: uuidv7(createdAtMs, this.#order, this.environment.random),
      conversationId,
      content,
      createdAtMs,
      order: this.#order,
      state: "queued",
      code: null,
      ack: null,
    };
    this.entries.set([...this.entries.getSnapshot(), entry]);
    void this.#keep(entry);
    return entry;
  }

  /** Tries a failed message again, with its clientId, in its old place. */
  retry(clientId: string): void {
    const entry = this.#find(clientId);
    if (entry?.state !== "failed") return;
    this.#put({ ...entry, state: "queued", code: null });
    this.#pump(entry.conversationId);
  }

  /** Forgets a message: the person discarded it, or it was seen in its conversation. */
  remove(clientId: string): void {
    if (this.#find(clientId)) this.#unstore(clientId);
    this.#drop(clientId);
  }

  /** The conversation is known up to `lastSeq`: what was acked up to there is in it. */
  settle(conversationId: string, lastSeq: number): void {
    for (const entry of this.entries.getSnapshot()) {
      const isIn = entry.ack !== null && entry.ack.seq <= lastSeq;
      if (isIn && entry.conversationId === conversationId) this.#drop(entry.clientId);
    }
  }

  /** Another history has begun: what was acked in the old one is told by the new one, or lost with it. */
  startOver(): void {
    this.entries.set(this.entries.getSnapshot().filter((entry) => entry.state !== "sent"));
  }

  /** The connection is live: everything queued goes out, also what closed tabs have left. */
  start(): void {
    this.#running = true;
    for (const timer of this.#pauses.values()) timer.cancel();
    this.#pauses.clear();
    if (this.#loaded) void this.#load();
  }

  stop(): void {
    this.#running = false;
  }

  /** Takes over what storage holds, and lets go what another tab has sent or discarded. */
  async #load(): Promise<void> {
    const userId = this.#userId;
    if (userId === null) return;
    const stored = new Set(this.#stored);
    const found = await this.#soon(this.environment.records.entries(outboxKey(userId)), null);
    if (found) {
      const read = found.flatMap(([key, text]) => this.#read(key, text));
      const ids = new Set(read.map((entry) => entry.clientId));
      const held = this.entries.getSnapshot().filter((entry) => {
        return !stored.has(entry.clientId) || ids.has(entry.clientId) || entry.state === "sent";
      });
      const known = new Set(held.map((entry) => entry.clientId));
      // What was removed while storage was being read must not come back.
      const fresh = read.filter(({ clientId }) => {
        return !known.has(clientId) && stored.has(clientId) === this.#stored.has(clientId);
      });
      for (const { clientId } of fresh) {
        this.#asked.add(clientId);
        this.#stored.add(clientId);
      }
      this.#order = Math.max(this.#order, ...fresh.map((entry) => entry.order));
      if (fresh.length > 0 || held.length < this.entries.getSnapshot().length) {
        this.entries.set([...held, ...fresh].sort(inOrder));
      }
    }
    this.#loaded = true;
    this.#pumpAll();
  }

  #pumpAll(): void {
    const waiting = new Set(this.entries.getSnapshot().map((entry) => entry.conversationId));
    for (const conversationId of waiting) this.#pump(conversationId);
  }

  #pump(conversationId: string): void {
    if (!this.#running || !this.#loaded || this.#pauses.has(conversationId)) return;
    const mine = this.entries.getSnapshot().filter((it) => it.conversationId === conversationId);
    if (mine.some((entry) => entry.state === "sending")) return;
    const next = mine.find((entry) => entry.state === "queued");
    if (next && this.#asked.has(next.clientId)) void this.#deliver(next);
  }

  async #deliver(queued: OutboxEntry): Promise<void> {
    const { clientId, conversationId } = queued;
    const entry = this.#put({ ...queued, state: "sending" });
    try {
      await this.environment.lock(`parlor.outbox.${clientId}`, LOCK_WITHIN_MS, () =>
        this.#attempt(entry),
      );
    } catch (error) {
      if (this.#find(clientId)) this.#refused(entry, error);
    }
    this.#pump(conversationId);
  }

  async #attempt(entry: OutboxEntry): Promise<void> {
    const { clientId } = entry;
    if (this.#stored.has(clientId)) {
      const text = await this.#soon(this.environment.records.get(this.#key(clientId)), "");
      // Another tab has sent or discarded it meanwhile.
      if (text === null) return this.#drop(clientId);
    }
    const ack = await this.delegates.send(entry);
    this.#unstore(clientId);
    // First into the thread, then out of the queue: the message never blinks.
    if (this.delegates.acked(entry, ack)) this.#drop(clientId);
    else if (this.#find(clientId)) this.#put({ ...entry, state: "sent", ack });
  }

  #refused(entry: OutboxEntry, error: unknown): void {
    if (!isUnsettled(error)) {
      const code = error instanceof ParlorError ? error.code : "unknown";
      this.#put({ ...entry, state: "failed", code });
      return;
    }
    const attempt = this.#attempts.get(entry.clientId) ?? 0;
    this.#attempts.set(entry.clientId, attempt + 1);
    const named = error instanceof ParlorError ? error.retryAfterMs : null;
    // The pause comes first: the change below must not start another attempt.
    const { conversationId } = entry;
    const pause = this.environment.after(
      named ?? backoffMs(attempt, this.environment.random()),
      () => {
        this.#pauses.delete(conversationId);
        this.#pump(conversationId);
      },
    );
    this.#pauses.set(conversationId, pause);
    this.#put({ ...entry, state: "queued" });
  }

  #find(clientId: string): OutboxEntry | undefined {
    return this.entries.getSnapshot().find((entry) => entry.clientId === clientId);
  }

  #put(entry: OutboxEntry): OutboxEntry {
    const held = this.#find(entry.clientId);
    this.entries.set(
      this.entries.getSnapshot().map((it) => (it.clientId === entry.clientId ? entry : it)),
    );
    // Only a refusal is worth remembering: whatever else was under way begins anew after a reload.
    if ((held?.state === "failed") !== (entry.state === "failed")) void this.#keep(entry);
    return entry;
  }

  #drop(clientId: string): void {
    this.#attempts.delete(clientId);
    this.#asked.delete(clientId);
    this.#stored.delete(clientId);
    const held = this.entries.getSnapshot();
    const left = held.filter((entry) => entry.clientId !== clientId);
    if (left.length !== held.length) this.entries.set(left);
  }

  #key(clientId: string): string {
    return outboxKey(this.#userId ?? "", clientId);
  }

  /** Stores an entry, then lets it go out. A full or forbidden storage must not stop a message. */
  async #keep(entry: OutboxEntry): Promise<void> {
    if (this.#userId === null) return;
    const { clientId, conversationId } = entry;
    const text = JSON.stringify({ ...entry, ack: null });
    const write = this.environment.records.set(this.#key(clientId), text).then(() => true);
    const isStored = await this.#soon(write, false);
    if (!this.#find(clientId)) return;
    this.#asked.add(clientId);
    if (isStored) this.#stored.add(clientId);
    this.#pump(conversationId);
  }

  #unstore(clientId: string): void {
    this.#stored.delete(clientId);
    if (this.#userId === null) return;
    // What stays behind is sent once more after a reload, which is harmless.
    this.environment.records.remove(this.#key(clientId)).catch(() => undefined);
  }

  /** What storage answers, or `otherwise` when it fails or hangs. */
  #soon<T, O>(task: Promise<T>, otherwise: O): Promise<T | O> {
    return new Promise((resolve) => {
      const timer = this.environment.after(STORAGE_WITHIN_MS, () => resolve(otherwise));
      const finish = (value: T | O) => {
        timer.cancel();
        resolve(value);
      };
      task.then(finish, () => finish(otherwise));
    });
  }

  #read(key: string, text: string): OutboxEntry[] {
    try {
      const entry = JSON.parse(text) as OutboxEntry;
      const whole = typeof entry.clientId === "string" && typeof entry.conversationId === "string";
      const state = entry.state === "failed" ? "failed" : "queued";
      return whole ? [{ ...entry, state, ack: null }] : [];
    } catch {
      // Unreadable: written by another version. It can't be sent, so it must not stay.
      this.environment.records.remove(key).catch(() => undefined);
      return [];
    }
  }
}
