// A world for the client under test: a clock that moves when told, sockets the test answers, a fetch that
// asks the test, and randomness without surprise.

import { type Environment, memoryStorage, type SocketHandlers } from "../src/environment";
import type {
  Conversation,
  Member,
  Message,
  ServerFrame,
  UserSummary,
} from "../src/generated/protocol";
import { textRecords } from "../src/records";

type SentFrame = { type: string; ref?: string; [field: string]: unknown };

export class FakeSocket {
  readonly sent: SentFrame[] = [];
  isClosed = false;
  /** Set by a test whose server answers by itself. */
  onSent: ((frame: SentFrame) => void) | null = null;

  constructor(private readonly handlers: SocketHandlers) {}

  send(text: string): void {
    const frame = JSON.parse(text) as SentFrame;
    this.sent.push(frame);
    this.onSent?.(frame);
  }

  close(): void {
    this.isClosed = true;
  }

  opens(): void {
    this.handlers.open();
  }

  says(frame: ServerFrame | { type: string }): void {
    this.handlers.message(JSON.stringify(frame));
  }

  greets(epoch = "e1", resumed = false): void {
    this.says({
      type: "connected",
      userId: ada.id,
      sessionId: "s1",
      epoch,
      cursor: "c1",
      heartbeatMs: 25_000,
      resumed,
    });
  }

  breaks(code: number): void {
    this.handlers.close(code);
  }

  sentOf(type: string): SentFrame[] {
    return this.sent.filter((frame) => frame.type === type);
  }
}

export type Reply = { status?: number; body?: unknown } | "unreachable";

export class FakeWorld {
  nowMs = 1_760_000_000_000;
  /** What `random` answers; full jitter with 0.5 waits half of the ceiling. */
  luck = 0.5;
  readonly sockets: FakeSocket[] = [];
  readonly requests: string[] = [];
  readonly storage = memoryStorage();
  visible = true;
  readonly #locks = new Map<string, Promise<unknown>>();
  /** While set, replies of fetch wait here until the test lets them go. */
  held: (() => void)[] | null = null;
  answer: (method: string, path: string, query: URLSearchParams, body: string) => Reply = () =>
    "unreachable";
  #timers: { atMs: number; fn: () => void }[] = [];
  readonly #network = new Set<(hint: "lost" | "found") => void>();

  readonly environment: Environment = {
    openSocket: (_url, handlers) => {
      const socket = new FakeSocket(handlers);
      this.sockets.push(socket);
      return socket;
    },
    fetch: async (url, init) => {
      const { pathname, searchParams, search } = new URL(url);
      const path = pathname.replace("/api/v1", "");
      this.requests.push(`${init.method} ${path}${search}`);
      const reply = this.answer(init.method ?? "GET", path, searchParams, String(init.body ?? ""));
      if (this.held) await new Promise<void>((resolve) => this.held?.push(resolve));
      if (reply === "unreachable") throw new TypeError("fetch failed");
      const { status = 200, body } = reply;
      // A real body is read in a task of its own, which no fake clock can move.
      const text = JSON.stringify(body ?? {});
      return Object.assign(new Response(null, { status }), { json: async () => JSON.parse(text) });
    },
    nowMs: () => this.nowMs,
    after: (delayMs, fn) => {
      const timer = { atMs: this.nowMs + delayMs, fn };
      this.#timers.push(timer);
      return {
        cancel: () => {
          this.#timers = this.#timers.filter((held) => held !== timer);
        },
      };
    },
    random: () => this.luck,
    records: textRecords(this.storage),
    lock: async (name, _withinMs, task) => {
      // One after another, as the browser's locks let tabs go.
      const run = (this.#locks.get(name) ?? Promise.resolve()).then(task);
      this.#locks.set(
        name,
        run.catch(() => undefined),
      );
      return run;
    },
    isVisible: () => this.visible,
    onNetwork: (fn) => {
      this.#network.add(fn);
      return () => this.#network.delete(fn);
    },
  };

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  network(hint: "lost" | "found"): void {
    for (const fn of this.#network) fn(hint);
  }

  /** Lets promises settle, then moves the clock, firing what is due in order. */
  async pass(ms = 0): Promise<void> {
    await settle();
    const untilMs = this.nowMs + ms;
    for (;;) {
      const due = this.#timers
        .filter((it) => it.atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((it) => it !== due);
      this.nowMs = due.atMs;
      due.fn();
      await settle();
    }
    this.nowMs = untilMs;
  }
}

/** Enough turns of the microtask queue for any chain in this package. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
}

const person = (id: string, name: string): UserSummary => ({
  id,
  handle: name.toLowerCase(),
  name,
  avatarUrl: null,
});

export const ada = person("u-ada", "Ada");
export const grace = person("u-grace", "Grace");

export function memberOf(user: UserSummary, readSeq = 0, deliveredSeq = readSeq): Member {
  return { user, role: "member", readSeq, deliveredSeq, joinedAt: "2026-01-01T00:00:00.000Z" };
}

export function messageOf(
  seq: number,
  sender: UserSummary,
  fields: Partial<Message> = {},
): Message {
  return {
    id: `m${seq}`,
    conversationId: "c1",
    seq,
    version: seq,
    senderId: sender.id,
    sender,
    clientId: null,
    kind: "text",
    content: `message ${seq}`,
    attachments: [],
    replyTo: null,
    threadId: null,
    mentions: [],
    reactions: [],
    createdAt: new Date(1_759_000_000_000 + seq * 1000).toISOString(),
    editedAt: null,
    deletedAt: null,
    ...fields,
  };
}

/** A direct conversation of ada and grace that holds `messages`. */
export function conversationOf(
  messages: readonly Message[],
  fields: Partial<Conversation> = {},
): Conversation {
  const last = messages.at(-1) ?? null;
  return {
    id: "c1",
    kind: "direct",
    title: null,
    label: null,
    metadata: {},
    avatarUrl: null,
    encrypted: false,
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
    lastSeq: last?.seq ?? 0,
    version: last?.version ?? 0,
    lastMessage: last,
    memberCount: 2,
    members: [memberOf(ada), memberOf(grace)],
    unreadCount: 0,
    me: {
      role: "member",
      readSeq: 0,
      deliveredSeq: 0,
      mutedUntil: null,
      pinned: false,
      archived: false,
      hidden: false,
    },
    ...fields,
  };
}

export type Sent = SentFrame;
