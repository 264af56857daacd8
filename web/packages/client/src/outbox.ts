// Messages on their way: queued → sending → acked (and gone) or failed. Each is kept in storage under its
// own key until then, so two tabs never overwrite each other and a reload loses nothing. Within a
// conversation one message is in flight at a time: order survives refusals and reconnects. A message keeps
// its clientId through every attempt, which is what makes sending it again harmless.

import { backoffMs } from "./connection/backoff";
import type { Environment, Timer } from "./environment";
import { isTransient, ParlorError } from "./errors";
import type { AckedMessage } from "./generated/protocol";
import { uuidv7 } from "./ids";
import { Store } from "./store";

export type OutboxEntry = {
  readonly clientId: string;
  readonly conversationId: string;
  readonly content: string;
  readonly createdAtMs: number;
  /** Place in the queue; breaks ties within one millisecond. */
  readonly order: number;
  readonly state: "queued" | "sending" | "failed";
  /** Why it failed, as the server's code. */
  readonly code: string | null;
};

export type OutboxDelegates = {
  send(entry: OutboxEntry): Promise<AckedMessage>;
  /** Puts the stored message into its thread; the entry leaves the queue when this resolves. */
  acked(entry: OutboxEntry, ack: AckedMessage): Promise<void> | void;
};

const inOrder = (a: OutboxEntry, b: OutboxEntry): number =>
  a.createdAtMs - b.createdAtMs || a.order - b.order;

export class Outbox {
  /** Every waiting message, oldest first. */
  readonly entries = new Store<readonly OutboxEntry[]>([]);
  #running = false;
  #order = 0;
  readonly #attempts = new Map<string, number>();
  readonly #pauses = new Map<string, Timer>();

  /** Null until it is known whose messages these are: one person's must never go out as another's. */
  #prefix: string | null = null;

  constructor(
    private readonly environment: Environment,
    private readonly delegates: OutboxDelegates,
  ) {}

  /** Loads what this person left waiting, and keeps from now on what they write. */
  open(userId: string): void {
    if (this.#prefix !== null) return;
    this.#prefix = `parlor.outbox.${userId}.`;
    const written = this.entries.getSnapshot();
    const found = this.environment.storage.keys(this.#prefix).flatMap((key) => this.#read(key));
    for (const entry of written) this.#store(entry);
    this.entries.set([...found, ...written].sort(inOrder));
    this.#order = Math.max(this.#order, ...found.map((entry) => entry.order));
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
    };
    this.#store(entry);
    this.entries.set([...this.entries.getSnapshot(), entry]);
    this.#pump(conversationId);
    return entry;
  }

  /** Tries a failed message again, with its clientId, in its old place. */
  retry(clientId: string): void {
    const entry = this.#find(clientId);
    if (entry?.state !== "failed") return;
    this.#put({ ...entry, state: "queued", code: null });
    this.#pump(entry.conversationId);
  }

  /** Forgets a message: the person discarded it, or it arrived. */
  remove(clientId: string): void {
    if (this.#prefix !== null) this.environment.storage.remove(this.#prefix + clientId);
    this.#attempts.delete(clientId);
    const held = this.entries.getSnapshot();
    const left = held.filter((entry) => entry.clientId !== clientId);
    if (left.length !== held.length) this.entries.set(left);
  }

  /** The connection is live: everything queued goes out. */
  start(): void {
    this.#running = true;
    for (const timer of this.#pauses.values()) timer.cancel();
    this.#pauses.clear();
    const waiting = new Set(this.entries.getSnapshot().map((entry) => entry.conversationId));
    for (const conversationId of waiting) this.#pump(conversationId);
  }

  stop(): void {
    this.#running = false;
  }

  #pump(conversationId: string): void {
    if (!this.#running || this.#pauses.has(conversationId)) return;
    const mine = this.entries.getSnapshot().filter((it) => it.conversationId === conversationId);
    if (mine.some((entry) => entry.state === "sending")) return;
    const next = mine.find((entry) => entry.state === "queued");
    if (next) void this.#deliver(next);
  }

  async #deliver(queued: OutboxEntry): Promise<void> {
    const entry = this.#put({ ...queued, state: "sending" });
    try {
      const ack = await this.delegates.send(entry);
      // First into the thread, then out of the queue: the message never blinks.
      await this.delegates.acked(entry, ack);
      this.remove(entry.clientId);
    } catch (error) {
      if (this.#find(entry.clientId)) this.#refused(entry, error);
    }
    this.#pump(entry.conversationId);
  }

  #refused(entry: OutboxEntry, error: unknown): void {
    if (!isTransient(error)) {
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
    if (entry.state !== "sending") this.#store(entry);
    this.entries.set(
      this.entries.getSnapshot().map((held) => (held.clientId === entry.clientId ? entry : held)),
    );
    return entry;
  }

  #store(entry: OutboxEntry): void {
    if (this.#prefix === null) return;
    this.environment.storage.set(this.#prefix + entry.clientId, JSON.stringify(entry));
  }

  #read(key: string): OutboxEntry[] {
    try {
      const entry = JSON.parse(this.environment.storage.get(key) ?? "") as OutboxEntry;
      const whole = typeof entry.clientId === "string" && typeof entry.conversationId === "string";
      return whole ? [{ ...entry, state: entry.state === "failed" ? "failed" : "queued" }] : [];
    } catch {
      // Unreadable: written by another version. It can't be sent, so it must not stay.
      this.environment.storage.remove(key);
      return [];
    }
  }
}
