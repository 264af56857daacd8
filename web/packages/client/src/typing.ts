// Who writes: what this device says of its viewer, and what it hears of others. Both are over by themselves
// after a while, for a word may be lost.

import type { Environment, Timer } from "./environment";
import { type ServerFrame, TYPING_MS, TYPING_REPEAT_MS } from "./generated/protocol";
import { Store } from "./store";

/** What the server's own end of it may be late, in milliseconds. */
const LATE_MS = 2_000;
const NOBODY: readonly string[] = [];

export class Typing {
  readonly #typists = new Map<string, Store<readonly string[]>>();
  /** When others count as silent, by conversation and user. */
  readonly #timers = new Map<string, Timer>();
  /** Where the viewer writes: when that was said, and the timer that ends it. */
  readonly #own = new Map<string, { saidMs: number; idle: Timer }>();

  constructor(
    private readonly environment: Environment,
    private readonly say: (conversationId: string, on: boolean) => void,
    private readonly isViewer: (userId: string) => boolean,
  ) {}

  /** The others who write in a conversation, in the order in which they began. */
  of(conversationId: string): Store<readonly string[]> {
    const held = this.#typists.get(conversationId) ?? new Store(NOBODY);
    this.#typists.set(conversationId, held);
    return held;
  }

  /** To be called with each keystroke: says so now and then, and says the end after a pause. */
  write(conversationId: string): void {
    const own = this.#own.get(conversationId);
    own?.idle.cancel();
    let saidMs = own?.saidMs ?? 0;
    const nowMs = this.environment.nowMs();
    if (nowMs >= saidMs + TYPING_REPEAT_MS) {
      saidMs = nowMs;
      this.say(conversationId, true);
    }
    const idle = this.environment.after(TYPING_REPEAT_MS, () => this.rest(conversationId));
    this.#own.set(conversationId, { saidMs, idle });
  }

  rest(conversationId: string): void {
    if (this.sent(conversationId)) this.say(conversationId, false);
  }

  /** What was written is on its way, and says itself that the writing is over. */
  sent(conversationId: string): boolean {
    this.#own.get(conversationId)?.idle.cancel();
    return this.#own.delete(conversationId);
  }

  receive(frame: ServerFrame): void {
    if (frame.type === "typing.start") this.#begins(frame.conversationId, frame.userId);
    if (frame.type === "typing.stop") this.#stops(frame.conversationId, frame.userId);
    if (frame.type === "message.new") this.#stops(frame.conversationId, frame.message.senderId);
  }

  /** The connection is gone: nobody is known to write, and nothing was said. */
  clear(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    for (const store of this.#typists.values()) store.set(NOBODY);
    for (const id of [...this.#own.keys()]) this.sent(id);
  }

  #begins(conversationId: string, userId: string): void {
    if (this.isViewer(userId)) return;
    const key = `${conversationId} ${userId}`;
    this.#timers.get(key)?.cancel();
    const end = () => this.#stops(conversationId, userId);
    this.#timers.set(key, this.environment.after(TYPING_MS + LATE_MS, end));
    const store = this.of(conversationId);
    const held = store.getSnapshot();
    if (!held.includes(userId)) store.set([...held, userId]);
  }

  #stops(conversationId: string, userId: string): void {
    const key = `${conversationId} ${userId}`;
    this.#timers.get(key)?.cancel();
    if (!this.#timers.delete(key)) return;
    const store = this.of(conversationId);
    store.set(store.getSnapshot().filter((id) => id !== userId));
  }
}
