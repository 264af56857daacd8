// Runs crates/client/scenarios/*.json, which the Rust client runs too. The format is described beside them.

/// <reference types="vite/client" />
import { expect, test } from "vitest";
import { tokenSource } from "../src/tokens";
import { wire } from "../src/wiring";
import { FakeWorld } from "./fake";

type Json = null | boolean | number | string | Json[] | { [field: string]: Json };
type Fields = { [field: string]: Json };
type Step = Fields & { only?: string };
type Scenario = { name: string; only?: string; steps: Step[] };

const files = import.meta.glob<Fields>("../../../../crates/client/scenarios/*.json", {
  eager: true,
  import: "default",
});
const fileNamed = (name: string): Fields => {
  const found = Object.entries(files).find(([path]) => path.endsWith(`/${name}.json`));
  if (!found) throw new Error(`${name}.json is not among the scenarios`);
  return found[1];
};
const defaults = fileNamed("defaults");
const prologues = fileNamed("prologues").prologues as unknown as Record<string, Step[]>;
const scenarios = Object.values(files).flatMap((file) => {
  return (file.scenarios ?? []) as unknown as Scenario[];
});

const isFields = (value: Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const fields = (value: Json | undefined): Fields => (isFields(value) ? value : {});
const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);
const idOf = (letter: string) => `0190b2c8-000${letter}-7000-8000-000000000000`;

/** Says what `defaults.json` leaves out. */
const fill = {
  message(given: Json, conversationId: string, version?: Json): Fields {
    const message = fields(given);
    const { seq } = message;
    const senderId = message.senderId ?? fields(defaults.message).senderId ?? "";
    return {
      ...fields(defaults.message),
      id: conversationId.slice(0, -12) + String(seq).padStart(12, "0"),
      conversationId,
      version: version ?? seq ?? 0,
      content: `m${seq}`,
      senderId,
      sender: { id: senderId, ...fields(defaults.sender) },
      ...message,
    };
  },
  conversation: (given: Json): Fields => ({ ...fields(defaults.conversation), ...fields(given) }),
  page(given: Json): Fields {
    const page = { ...fields(defaults.page), ...fields(given) };
    const conversations = list(page.conversations).map((entry) => {
      const { messages, gap, ...conversation } = fields(entry);
      const id = String(conversation.id);
      return {
        conversation: fill.conversation(conversation),
        messages: list(messages).map((message) => fill.message(message, id)),
        gap: gap ?? false,
      };
    });
    return { ...page, conversations };
  },
  frame(given: Fields): Fields {
    const id = String(given.conversationId);
    const messageId = id.slice(0, -12) + String(given.seq).padStart(12, "0");
    switch (given.type) {
      case "connected":
        return { ...fields(defaults.connected), ...given };
      case "sync":
        return { ...given, page: fill.page(given.page ?? {}) };
      case "ack": {
        const { page, message } = given;
        const where = String(fields(message).conversationId);
        return {
          ...given,
          ...(page !== undefined && { page: fill.page(page) }),
          ...(message !== undefined && { message: fill.message(message, where) }),
        };
      }
      case "message.new":
      case "message.updated":
        return { ...given, message: fill.message(given.message ?? {}, id, given.version) };
      case "message.deleted":
        return { messageId, deletedAt: defaults.deletedAt ?? "", ...given };
      case "reaction.added":
      case "reaction.removed":
        return { messageId, ...given };
      case "conversation.added":
        return { ...given, conversation: fill.conversation(given.conversation ?? {}) };
      default:
        return given;
    }
  },
};

type Request = { line: string; answer(status: number, body: Json): void };

/** One client, driven without a network. */
class Bench {
  world = new FakeWorld();
  #token = "t";
  #parts = this.#starts();
  #names = new Map<string, string>(["a", "b", "c"].map((it) => [it.toUpperCase(), idOf(it)]));
  /** Sockets and frames that were looked at. */
  #opened = 0;
  #written = 0;
  #requests: Request[] = [];
  #sent = new Map<string, string>();

  #starts() {
    const { world } = this;
    // Nobody looks at a page here: the waits are the protocol's own.
    world.visible = false;
    world.environment.fetch = (url, init) => {
      const { pathname, searchParams } = new URL(url);
      searchParams.delete("limit");
      const query = searchParams.size > 0 ? `?${searchParams}` : "";
      return new Promise((resolve) => {
        this.#requests.push({
          line: `${init.method} ${pathname.replace("/api/v1", "")}${query}`,
          answer: (status, body) => {
            const reply = new Response(null, { status });
            resolve(Object.assign(reply, { json: async () => structuredClone(body) }));
          },
        });
      });
    };
    const source = () => Promise.resolve({ token: this.#token, expiresAtMs: null });
    const token = tokenSource({ current: source, renew: source });
    return wire({ url: "http://x", token, environment: world.environment }, () => undefined);
  }

  get unanswered(): string[] {
    return this.#requests.map((request) => request.line);
  }

  async steps(steps: readonly Step[]): Promise<void> {
    for (const { only, ...step } of steps) {
      if (only !== undefined && only !== "web") continue;
      const [entry] = Object.entries(step);
      if (entry) await this.#step(entry[0], entry[1]);
      await this.world.pass();
    }
  }

  async #step(kind: string, given: Json): Promise<void> {
    const value = kind === "written" ? given : this.#named(given);
    const { world } = this;
    switch (kind) {
      case "do":
        return this.steps(prologues[String(value)] ?? []);
      case "connect":
        return this.#parts.connection.connect();
      case "opened":
        expect(world.sockets.length).toBeGreaterThan(this.#opened);
        this.#opened = world.sockets.length;
        return world.socket.opens();
      case "closed":
        this.#opened = world.sockets.length;
        return world.socket.breaks(Number(value));
      case "server":
        return world.socket.says(fill.frame(fields(value)) as { type: string });
      case "advance":
        return world.pass(Number(value));
      case "send": {
        const { as, conversationId, content } = fields(value);
        const { clientId } = this.#parts.outbox.add(String(conversationId), String(content));
        this.#sent.set(clientId, String(as));
        this.#names.set(String(as), clientId);
        return;
      }
      case "open":
        this.#parts.sync.thread(String(value)).subscribe(() => undefined);
        return;
      case "token":
        this.#token = String(value);
        return;
      case "reload":
        return this.#reload();
      case "http":
        return this.#http(fields(value));
      case "written":
        return this.#expectWritten(list(value));
      case "state":
        return this.#expectState(fields(value));
      default:
        throw new Error(`unknown step ${kind}`);
    }
  }

  /** The page dies as it stands; what comes next finds what was stored. */
  #reload(): void {
    const { records } = this.world.environment;
    this.world = new FakeWorld();
    this.world.environment.records = records;
    this.#opened = 0;
    this.#written = 0;
    this.#requests = [];
    this.#parts = this.#starts();
  }

  #http({ expect: line, reply, status }: Fields): void {
    const at = this.#requests.findIndex((request) => request.line === line);
    expect(at, `${line} among ${this.unanswered.join(", ")}`).toBeGreaterThanOrEqual(0);
    const [request] = this.#requests.splice(at, 1);
    const id = String(line).split("/")[2] ?? "";
    const items = list(fields(reply).items).map((message) => fill.message(message, id));
    const code = Number(status ?? 200);
    request?.answer(code, code === 200 ? { ...fields(reply), items } : { code: "unavailable" });
  }

  #expectWritten(wanted: Json[]): void {
    const named = new Set(wanted.map((frame) => String(fields(frame).type)));
    const all = this.world.sockets.flatMap((socket) => socket.sent as Fields[]);
    const frames = all.slice(this.#written).filter(({ type }) => {
      return named.has(String(type)) || !/^(ping|receipt\..*)$/.test(String(type));
    });
    this.#written = all.length;
    expect(frames.map((frame) => frame.type)).toEqual(wanted.map((frame) => fields(frame).type));
    for (const [index, frame] of frames.entries()) {
      const asked = fields(wanted[index]);
      for (const [name, value] of Object.entries(asked)) {
        const unbound = typeof value === "string" && /^\$(\w+)$/.exec(value)?.[1];
        if (unbound && !this.#names.has(unbound)) this.#names.set(unbound, String(frame[name]));
      }
      expectPartly(frame, this.#named(asked), String(frame.type));
    }
  }

  #expectState(wanted: Fields): void {
    const { connection, conversations, outbox, sync } = this.#parts;
    const { state } = connection.status.getSnapshot();
    const entries = outbox.entries.getSnapshot();
    const idsWith = (...states: string[]) =>
      entries.filter((entry) => states.includes(entry.state)).map((entry) => entry.clientId);
    for (const [name, value] of Object.entries(wanted)) {
      switch (name) {
        case "status":
          expect(state === "catching_up" ? "connecting" : state).toBe(value);
          break;
        case "cursor":
          expect(sync.cursor).toBe(value);
          break;
        case "conversations": {
          const { items } = conversations.list.getSnapshot();
          expect(items.map((item) => item.id).sort()).toEqual(value);
          break;
        }
        case "waiting":
          expect(idsWith("queued", "sending")).toEqual(value);
          break;
        case "failed":
          expect(idsWith("failed")).toEqual(value);
          break;
        case "conversation": {
          const { seqs, contents, messages, ...rest } = fields(value);
          const id = String(rest.id);
          const window = sync.thread(id).window as unknown as Fields[];
          if (seqs) expect(window.map((message) => message.seq)).toEqual(seqs);
          if (contents) expect(window.map((message) => message.content)).toEqual(contents);
          if (messages) expectPartly(window as Json, messages, "messages");
          expectPartly(conversations.get(id) as unknown as Json, rest, id);
          break;
        }
        default:
          throw new Error(`unknown state ${name}`);
      }
    }
  }

  #named<T extends Json>(value: T): T {
    const replaced = (text: string): string =>
      text.replace(/\$(\w+)(\.ref)?/g, (whole, name: string, ref?: string) => {
        if (name === "sync") return this.#refOf("sync");
        const held = this.#names.get(name);
        if (ref && held) return this.#refOf("message.send", held);
        return held ?? whole;
      });
    const text = JSON.stringify(value);
    return JSON.parse(text, (_, it: unknown) => (typeof it === "string" ? replaced(it) : it)) as T;
  }

  /** The `ref` of the newest such command. */
  #refOf(type: string, clientId?: string): string {
    const frames = this.world.sockets.flatMap((socket) => socket.sentOf(type));
    const found = frames.findLast((frame) => !clientId || frame.clientId === clientId);
    return found?.ref ?? "";
  }
}

function expectPartly(actual: Json | undefined, wanted: Json | undefined, path: string): void {
  if (Array.isArray(wanted)) {
    expect(list(actual).length, path).toBe(wanted.length);
    for (const [index, item] of wanted.entries()) {
      expectPartly(list(actual)[index], item, `${path}[${index}]`);
    }
  } else if (isFields(wanted)) {
    for (const [name, value] of Object.entries(wanted)) {
      expectPartly(fields(actual)[name], value, `${path}.${name}`);
    }
  } else {
    expect(actual ?? null, path).toEqual(wanted ?? null);
  }
}

test("the scenarios are there", () => {
  expect(scenarios.length).toBeGreaterThan(30);
});

test.each(
  scenarios
    .filter(({ only }) => only === undefined || only === "web")
    .map(({ name, steps }) => [name, steps] as const),
)("%s", async (_, steps) => {
  const bench = new Bench();
  await bench.steps(steps);
  expect(bench.unanswered).toEqual([]);
});
