// Random histories against the model: people write, edit, react, read, hide, join; frames, answers and
// pages arrive in any order that a connection allows; connections break. In the end the client holds what
// the model holds, and every message once. A failing run names its seed; it repeats that run.

import { expect, test } from "vitest";
import { createParlor } from "../src/parlor";
import { ada, FakeWorld, grace } from "./fake";
import { Line, ModelServer } from "./model";

const RUNS = 60;
const STEPS = 120;
const ids = ["c1", "c2", "c3", "c4"];
const emoji = ["👍", "❤️", "🎉"];
const linus = { id: "u-linus", handle: "linus", name: "Linus", avatarUrl: null };

/** Mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

class Run {
  readonly world = new FakeWorld();
  readonly server = new ModelServer();
  readonly parlor = createParlor({
    url: "http://x",
    token: "t1",
    user: ada,
    environment: this.world.environment,
  });
  readonly #random: () => number;
  line: Line | null = null;
  #written = 0;
  /** Sockets that a server has met. */
  #met = 0;
  readonly own: string[] = [];

  constructor(seed: number) {
    this.#random = randomOf(seed);
    this.world.environment.random = this.#random;
    this.server.pageSize = 2;
    this.world.held = [];
    this.world.answer = (...request) =>
      this.#random() < 0.1 ? "unreachable" : this.server.answer(...request);
    for (const id of ids.slice(0, 3)) this.server.makes(id);
    this.parlor.connect().catch(() => undefined);
    for (const id of ids.slice(0, 2)) {
      this.parlor.conversation(id).messages.subscribe(() => undefined);
    }
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[this.#below(from.length)];
  }

  /** Something happens on the server. */
  #happens(): void {
    const { server } = this;
    const known = [...server.rooms.keys()];
    const id = this.#pick(known) ?? "c1";
    const seq = 1 + this.#below(Math.max(1, server.view(id).lastSeq));
    const sender = this.#pick([ada, grace, grace]) ?? grace;
    switch (this.#below(18)) {
      case 0:
        return server.edits(id, seq, `edited ${this.#written++}`);
      case 1:
        return server.deletes(id, seq);
      case 2:
      case 3:
        return server.reacts(id, seq, this.#pick(emoji) ?? "👍", sender.id, this.#below(3) > 0);
      case 4:
        return server.renames(id, `title ${this.#written++}`);
      case 5:
        return this.#below(2) ? server.joins(id, linus) : server.leaves(id, linus.id);
      case 6:
        return server.reads(id, sender.id, seq);
      case 7:
        return server.unreads(id, seq);
      case 8:
        return this.#below(3) === 0 ? server.hides(id) : undefined;
      case 9:
        return known.includes("c4") ? undefined : server.makes("c4");
      case 10:
        for (let count = this.#below(130); count > 0; count -= 1) {
          server.writes(id, grace, `burst ${this.#written++}`);
        }
        return;
      case 11:
        return server.promotes(id, sender.id, this.#pick(["member", "admin", "owner"]) ?? "admin");
      case 12:
        return server.sets(id, { pinned: this.#below(2) > 0, archived: this.#below(3) === 0 });
      default:
        server.writes(id, sender, `message ${this.#written++}`);
    }
  }

  /** The viewer does something on this device. */
  #acts(): void {
    const handle = this.parlor.conversation(this.#pick(ids.slice(0, 3)) ?? "c1");
    const shown = handle.messages.getSnapshot().messages;
    const message = this.#pick(shown);
    const settle = (task: Promise<void>) => void task.catch(() => undefined);
    switch (this.#below(8)) {
      case 7:
        return settle(handle.settings({ archived: this.#below(3) === 0 }));
      case 0:
        return handle.markRead(message?.seq ?? undefined);
      case 1:
        return message?.id
          ? settle(handle.react(message.id, this.#pick(emoji) ?? "👍"))
          : undefined;
      case 2:
        return message?.id ? settle(handle.unreact(message.id, "👍")) : undefined;
      case 3:
        return message?.id ? settle(handle.edit(message.id, `mine ${this.#written++}`)) : undefined;
      case 4:
        return settle(handle.loadOlder());
      default: {
        this.own.push(handle.send(`own ${this.#written++}`));
      }
    }
  }

  /** A server answers a socket that the client has opened, and notices when the client leaves. */
  #meets(): void {
    const { sockets } = this.world;
    const socket = sockets.at(-1);
    if (socket?.isClosed || this.#met < sockets.length) this.line = null;
    if (this.line !== null || !socket || this.#met === sockets.length) return;
    this.#met = sockets.length;
    if (!socket.isClosed) this.line = new Line(this.server, socket, (count) => this.#below(count));
  }

  async step(): Promise<void> {
    const { world } = this;
    const roll = this.#random();
    this.#meets();
    if (this.line === null) {
      await world.pass(1_000 * this.#below(5));
    } else if (roll < 0.05) {
      this.line.breaks(this.#below(8) === 0 ? 4007 : 1006);
      this.line = null;
    } else if (roll < 0.4) {
      this.line.delivers(1 + this.#below(4));
    } else if (roll < 0.5) {
      world.held?.shift()?.();
    } else if (roll < 0.55) {
      world.network("found");
    } else if (roll < 0.62) {
      await world.pass(this.#below(3_000));
    }
    if (this.#random() < 0.5) this.#happens();
    if (this.#random() < 0.25) this.#acts();
    if (this.#random() < 0.7) await world.pass();
    this.showsEachOnce();
  }

  /** No message twice and no hole, at any moment. */
  showsEachOnce(): void {
    for (const id of ids) {
      const { messages } = this.parlor.conversation(id).messages.getSnapshot();
      expect(new Set(messages.map((it) => it.key)).size).toBe(messages.length);
      const seqs = messages.flatMap((it) => (it.id !== null && it.seq !== null ? [it.seq] : []));
      expect(new Set(seqs).size).toBe(seqs.length);
    }
  }

  /** Nothing more happens; everything under way arrives. */
  async rests(): Promise<void> {
    const { world } = this;
    world.answer = (...request) => this.server.answer(...request);
    // Longer than any wait before another try, in steps that a connection lives through.
    for (let second = 0; second < 60; second += 5) {
      for (let turn = 0; turn < 20; turn += 1) {
        for (const release of world.held?.splice(0) ?? []) release();
        await world.pass();
        this.#meets();
        this.line?.delivers();
        await world.pass();
      }
      if (second < 55) await world.pass(5_000);
    }
  }

  holdsWhatTheServerHolds(): void {
    const { server, parlor } = this;
    expect(parlor.status.getSnapshot().state).toBe("live");
    const listed = [...server.rooms.keys()].filter((id) => server.room(id).listed).sort();
    const { archived } = parlor.conversations;
    const items = [...parlor.conversations.getSnapshot().items, ...archived.getSnapshot()];
    expect(items.map((it) => it.id).sort()).toEqual(listed);
    for (const held of items) {
      const { peerReadSeq: _, peerDeliveredSeq: __, members, ...view } = held;
      const { members: expected, ...truth } = server.view(held.id);
      expect(view).toEqual(truth);
      const roles = (from: typeof members) => from.map(({ user, role }) => [user.id, role]);
      expect(roles(members)).toEqual(roles(expected));
    }
    for (const id of ids.slice(0, 2).filter((it) => listed.includes(it))) {
      const { messages, phase, hasOlder } = parlor.conversation(id).messages.getSnapshot();
      expect(phase).toBe("ready");
      const stored = server.visible(id);
      if (!hasOlder) expect(messages.length).toBe(stored.length);
      expect(
        messages.map(({ id, seq, content, editedAt, deletedAt, reactions }) => {
          const plain = reactions.map(({ mine: _, ...reaction }) => reaction);
          return { id, seq, content, editedAt, deletedAt, reactions: plain };
        }),
      ).toEqual(
        stored.slice(-messages.length || stored.length).map((it) => {
          const { id, seq, content, editedAt, deletedAt, reactions } = it;
          return { id, seq, content, editedAt, deletedAt, reactions };
        }),
      );
    }
    for (const clientId of this.own) {
      const copies = [...server.rooms.values()].flatMap((room) => {
        return room.messages.filter((it) => it.clientId === clientId);
      });
      expect(copies.length).toBe(1);
    }
    expect(this.world.storage.keys("outbox/")).toEqual([]);
  }
}

const seeds = Array.from({ length: RUNS }, (_, index) => index + 1);

test.each(seeds)("seed %i: the client ends with what the server holds", async (seed) => {
  const run = new Run(seed);
  for (let step = 0; step < STEPS; step += 1) await run.step();
  await run.rests();
  run.showsEachOnce();
  run.holdsWhatTheServerHolds();
});
