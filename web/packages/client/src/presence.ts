// Who is here. Whoever shows somebody watches them for that long; the server is asked for all who are
// watched, once more after each reconnect, and for nobody twice.

import type { Environment } from "./environment";
import { isTransient } from "./errors";
import {
  type DeviceStatus,
  type PresenceStatus,
  type ServerFrame,
  WATCHED_MAX,
} from "./generated/protocol";
import { Store } from "./store";

export type PresenceView = { status: PresenceStatus; lastSeenAt: string | null };
export type Presences = ReadonlyMap<string, PresenceView>;

const RETRY_MS = 1_000;

export class Presence {
  /** Everybody of whom anything is known; who is missing may not be seen, or was not asked for. */
  readonly all = new Store<Presences>(new Map());
  /** How many watch each. */
  readonly #watched = new Map<string, number>();
  /** Whom the server was asked for on this connection. */
  #asked = "";
  #status: DeviceStatus = "online";
  #running = false;
  #busy = false;

  constructor(
    private readonly environment: Environment,
    private readonly ask: (userIds: string[]) => Promise<unknown>,
    private readonly say: (status: DeviceStatus) => void,
  ) {}

  /** Answers how to stop watching. Of more than the server allows, those asked for last are watched. */
  watch(userIds: readonly string[]): () => void {
    const count = (by: number) => {
      for (const id of userIds) {
        const left = (this.#watched.get(id) ?? 0) + by;
        if (left > 0) this.#watched.set(id, left);
        else this.#watched.delete(id);
      }
      void this.#flush();
    };
    count(1);
    let watches = true;
    return () => {
      if (watches) count(-1);
      watches = false;
    };
  }

  /** Whether this device is in use. */
  set(status: DeviceStatus): void {
    this.#status = status;
    if (this.#running) this.say(status);
  }

  receive(frame: ServerFrame): void {
    if (frame.type !== "presence.update") return;
    const { userId, status, lastSeenAt = null } = frame;
    this.all.set(new Map(this.all.getSnapshot()).set(userId, { status, lastSeenAt }));
  }

  start(): void {
    this.#running = true;
    this.#asked = "";
    // Of those who are watched it is told anew; what was heard of others may be over.
    const held = [...this.all.getSnapshot()].filter(([id]) => this.#watched.has(id));
    this.all.set(new Map(held));
    if (this.#status !== "online") this.say(this.#status);
    void this.#flush();
  }

  stop(): void {
    this.#running = false;
  }

  async #flush(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    // Whatever is shown or hidden together is asked for together.
    await Promise.resolve();
    while (this.#running) {
      const userIds = [...this.#watched.keys()].slice(-WATCHED_MAX);
      const asked = userIds.join(" ");
      if (asked === this.#asked) break;
      this.#asked = asked;
      try {
        await this.ask(userIds);
      } catch (error) {
        if (!isTransient(error)) continue;
        this.#asked = "";
        this.environment.after(RETRY_MS, () => void this.#flush());
        break;
      }
    }
    this.#busy = false;
  }
}
