// The whole client against a small server that remembers: live events, gaps, resumes, and that every
// message is shown and sent once. Tests named after a rule of docs/PROTOCOL.md show that rule.

import { expect, test } from "vitest";
import type { SyncPage } from "../src/generated/protocol";
import { createParlor } from "../src/parlor";
import { ada, FakeWorld, grace } from "./fake";
import { Line, ModelServer } from "./model";

/** Ada's client, and the server with one conversation in which grace has written. */
class Room {
  readonly world = new FakeWorld();
  readonly server = new ModelServer();
  readonly parlor = createParlor({
    url: "http://x",
    token: "t1",
    user: ada,
    environment: this.world.environment,
  });
  line!: Line;

  constructor(count: number) {
    this.server.makes("c1");
    this.writes(count);
    this.world.answer = (...request) => this.server.answer(...request);
  }

  get handle() {
    return this.parlor.conversation("c1");
  }

  get view() {
    return this.handle.state.getSnapshot();
  }

  get messages() {
    return this.handle.messages.getSnapshot().messages;
  }

  get shown(): (number | null)[] {
    return this.messages.map((it) => it.seq);
  }

  writes(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      const { lastSeq } = this.server.view("c1");
      this.server.writes("c1", grace, `message ${lastSeq + 1}`);
    }
  }

  /** Lets everything that is on its way arrive, both ways, until nothing is. */
  async settles(): Promise<void> {
    await this.world.pass();
    while (this.line.waits > 0) {
      this.line.delivers();
      await this.world.pass();
    }
  }

  async connects(): Promise<void> {
    await this.world.pass();
    this.line = new Line(this.server, this.world.socket);
    await this.settles();
  }

  async reconnects(): Promise<void> {
    await this.world.pass(250);
    await this.connects();
  }

  async opensThread(): Promise<void> {
    this.handle.messages.subscribe(() => undefined);
    await this.settles();
  }

  syncs(): number {
    return this.world.sockets.reduce((sum, socket) => sum + socket.sentOf("sync").length, 0);
  }
}

async function liveRoom(count: number): Promise<Room> {
  const room = new Room(count);
  room.parlor.connect().catch(() => undefined);
  await room.connects();
  await room.opensThread();
  return room;
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

test("a thread is read when somebody looks, and live messages follow without another request", async () => {
  const room = await liveRoom(3);
  const requests = room.world.requests.length;
  room.writes(1);
  await room.settles();
  expect(room.shown).toEqual(upTo(4));
  expect(room.world.requests.length).toBe(requests);
  expect(room.syncs()).toBe(1);
});

test("a thread that is asked for before the first connection is read once", async () => {
  const room = new Room(3);
  room.handle.messages.subscribe(() => undefined);
  room.parlor.connect().catch(() => undefined);
  await room.connects();
  expect(room.shown).toEqual(upTo(3));
  expect(room.world.requests).toEqual(["GET /conversations/c1/messages?limit=50"]);
});

test("r9: without a cursor the list comes page by page and can be used from the first", async () => {
  const room = new Room(1);
  room.server.pageSize = 2;
  for (const id of ["c2", "c3", "c4", "c5"]) room.server.makes(id);
  room.parlor.connect().catch(() => undefined);
  await room.world.pass();
  room.line = new Line(room.server, room.world.socket);
  room.line.delivers(2);
  await room.world.pass();
  expect(room.parlor.conversations.getSnapshot()).toMatchObject({
    phase: "ready",
    items: { length: 2 },
  });
  expect(room.parlor.status.getSnapshot().state).toBe("catching_up");
  await room.settles();
  expect(room.parlor.conversations.getSnapshot().items.length).toBe(5);
  expect(room.parlor.status.getSnapshot().state).toBe("live");
  const cursors = room.world.socket.sentOf("sync").map((frame) => frame.cursor);
  expect(cursors[0]).toBeUndefined();
  expect(new Set(cursors).size).toBe(3);
});

test("r8: a resume carries the cursor, and pages come without being asked for", async () => {
  const room = await liveRoom(3);
  room.line.breaks();
  room.writes(57);
  const requests = room.world.requests.length;
  await room.reconnects();
  expect(room.world.socket.sentOf("auth")[0]?.cursor).toMatch(/^e1:/);
  expect(room.shown).toEqual(upTo(60));
  expect(room.world.requests.length).toBe(requests);
  expect(room.world.socket.sentOf("sync")).toEqual([]);
  expect(room.view).toMatchObject({ lastSeq: 60, unreadCount: 60 });
});

test("r10: a pong's cursor is kept, but not while something is missing", async () => {
  const room = await liveRoom(3);
  const pings = async () => {
    room.world.network("found");
    await room.settles();
  };
  room.writes(1);
  await room.settles();
  await pings();
  const reached = room.server.cursor;
  room.line.breaks();
  await room.reconnects();
  expect(room.world.socket.sentOf("auth")[0]?.cursor).toBe(reached);

  room.writes(1);
  room.line.loses();
  room.writes(1);
  room.line.delivers(1);
  room.world.socket.says({ type: "pong", cursor: "beyond what was applied" });
  room.line.breaks();
  await room.reconnects();
  expect(room.world.socket.sentOf("auth")[0]?.cursor).not.toBe("beyond what was applied");
  expect(room.shown).toEqual(upTo(6));
});

test("r14: a missed event is noticed by its version and asked for once, with the cursor", async () => {
  const room = await liveRoom(3);
  room.writes(2);
  room.line.loses();
  room.writes(2);
  await room.settles();
  expect(room.shown).toEqual(upTo(7));
  expect(room.syncs()).toBe(2);
  expect(room.world.socket.sentOf("sync")[1]?.cursor).toMatch(/^e1:/);
  expect(room.view).toMatchObject({ version: room.server.view("c1").version, lastSeq: 7 });
});

test("r14: never two syncs at once, and one more when something newer was missed meanwhile", async () => {
  const room = await liveRoom(3);
  room.writes(1);
  room.line.loses();
  room.writes(1);
  room.line.delivers(1);
  await room.world.pass();
  expect(room.syncs()).toBe(2);
  room.server.makes("c2");
  room.line.loses();
  room.server.writes("c2", grace, "in a conversation not heard of");
  room.line.delivers();
  await room.world.pass();
  await room.settles();
  expect(room.world.socket.sentOf("sync").length).toBe(3);
  expect(room.parlor.conversation("c2").state.getSnapshot()?.unreadCount).toBe(1);
});

test("r14: the same event twice changes nothing", async () => {
  const room = await liveRoom(3);
  room.writes(1);
  const frame = room.server.log.at(-1) ?? { type: "nothing" };
  await room.settles();
  room.world.socket.says(frame);
  await room.settles();
  expect(room.shown).toEqual(upTo(4));
  expect(room.view?.unreadCount).toBe(4);
  expect(room.syncs()).toBe(1);
});

test("r15: a gap in the viewer's own stream is asked for", async () => {
  const room = await liveRoom(3);
  room.server.reads("c1", ada.id, 3);
  await room.settles();
  room.server.makes("c2");
  room.line.loses();
  room.server.unreads("c1", 2);
  await room.settles();
  expect(room.syncs()).toBe(2);
  expect(room.view).toMatchObject({ unreadCount: 2, me: { readSeq: 1 } });
  expect(room.parlor.conversations.getSnapshot().items.length).toBe(2);
});

test("r16: after a gap the window is dropped and the newest page read", async () => {
  const room = await liveRoom(3);
  room.line.breaks();
  room.writes(300);
  await room.reconnects();
  expect(room.shown.at(-1)).toBe(303);
  expect(room.shown[0]).toBeGreaterThan(3);
  expect(room.handle.messages.getSnapshot().hasOlder).toBe(true);
  const seqs = room.shown.map(Number);
  expect(seqs).toEqual(seqs.map((_, index) => (seqs[0] ?? 0) + index));
});

test("r16: removed conversations are forgotten, and a reset forgets all", async () => {
  const room = await liveRoom(3);
  room.line.breaks();
  room.server.hides("c1");
  room.server.makes("c2");
  await room.reconnects();
  expect(room.parlor.conversations.getSnapshot().items.map((it) => it.id)).toEqual(["c2"]);
  expect(room.view).toBeNull();
});

test("r17: a message beyond the window's end is led up to by reading after it", async () => {
  const room = await liveRoom(3);
  room.writes(2);
  room.line.loses();
  const message = room.server.visible("c1")[4];
  // By its version it is the next one; by its seq it is not.
  const version = (room.view?.version ?? 0) + 1;
  room.world.socket.says({ type: "message.new", conversationId: "c1", version, message });
  await room.settles();
  expect(room.shown).toEqual(upTo(5));
  expect(room.world.requests.at(-1)).toBe("GET /conversations/c1/messages?limit=200&after=3");
});

test("a reading that fails is tried again by itself while the thread is looked at", async () => {
  const room = await liveRoom(3);
  const answer = room.world.answer;
  room.world.answer = () => "unreachable";
  room.line.breaks();
  room.writes(150);
  await room.reconnects();
  expect(room.parlor.status.getSnapshot().state).toBe("live");
  expect(room.shown).toEqual(upTo(3));
  room.world.answer = answer;
  await room.world.pass(250);
  expect(room.shown.at(-1)).toBe(153);
});

test("r13: 4007 forgets everything and begins from nothing; what waits stays", async () => {
  const room = await liveRoom(3);
  room.handle.send("still here");
  await room.world.pass();
  room.line.breaks(4007);
  expect(room.parlor.conversations.getSnapshot().items).toEqual([]);
  await room.reconnects();
  expect(room.world.socket.sentOf("auth")[0]?.cursor).toBeUndefined();
  expect(room.shown).toEqual(upTo(4));
  expect(room.messages.at(-1)?.content).toBe("still here");
});

test("a cursor that a sync refuses is dropped, and all is read from nothing", async () => {
  const room = await liveRoom(3);
  const { socket } = room.world;
  socket.onSent = null;
  room.writes(2);
  room.line.delivers();
  socket.says({ type: "conversation.removed", conversationId: "c9", userVersion: 99 } as const);
  await room.world.pass();
  const asked = socket.sentOf("sync").at(-1);
  socket.says({ type: "error", ref: asked?.ref ?? "", code: "cursor_not_usable", detail: "" });
  await room.world.pass();
  const anew = socket.sentOf("sync").at(-1);
  expect(anew?.cursor).toBeUndefined();
  socket.says({ type: "ack", ref: anew?.ref ?? "", page: room.server.page(null) });
  await room.world.pass();
  expect(room.shown).toEqual(upTo(5));
});

test("a busy server is asked for the page again after the time it named", async () => {
  const room = await liveRoom(3);
  const { socket } = room.world;
  socket.onSent = null;
  socket.says({ type: "conversation.removed", conversationId: "c9", userVersion: 99 } as const);
  await room.world.pass();
  const ref = socket.sentOf("sync").at(-1)?.ref ?? "";
  const refusal = { type: "error", code: "rate_limited", detail: "", retryAfterMs: 3_000 } as const;
  socket.says({ ...refusal, ref });
  await room.world.pass(2_999);
  expect(socket.sentOf("sync").length).toBe(2);
  await room.world.pass(1);
  expect(socket.sentOf("sync").length).toBe(3);
});

test("events that come while catching up are applied after it, each once", async () => {
  const room = new Room(3);
  room.parlor.connect().catch(() => undefined);
  room.handle.messages.subscribe(() => undefined);
  await room.world.pass();
  room.line = new Line(room.server, room.world.socket);
  room.line.delivers(1);
  room.writes(2);
  await room.settles();
  expect(room.shown).toEqual(upTo(5));
  expect(room.view?.unreadCount).toBe(5);
});

test("r19: another epoch drops what was held, and sends what waits", async () => {
  const room = await liveRoom(5);
  room.line.breaks(1012);
  const clientId = room.handle.send("written meanwhile");
  room.server.rooms.clear();
  room.server.epoch = "e2";
  room.server.makes("c1");
  room.server.writes("c1", grace, "restored");
  await room.reconnects();
  expect(room.messages.map((it) => it.content)).toEqual(["restored", "written meanwhile"]);
  expect(room.messages[1]).toMatchObject({ clientId, seq: 2, status: "sent" });
});

test("older pages go before the first, and a second call waits for the first", async () => {
  const room = await liveRoom(320);
  expect(room.shown[0]).toBe(121);
  const requests = room.world.requests.length;
  await Promise.all([room.handle.loadOlder(), room.handle.loadOlder()]);
  expect(room.world.requests.length).toBe(requests + 1);
  while (room.handle.messages.getSnapshot().hasOlder) await room.handle.loadOlder();
  expect(room.shown).toEqual(upTo(320));
});

test.each(["ack first", "event first"])("r18: an own message is shown once: %s", async (order) => {
  const room = await liveRoom(3);
  const { socket } = room.world;
  socket.onSent = null;
  const clientId = room.handle.send("hello");
  await room.world.pass();
  const [frame] = socket.sentOf("message.send");
  expect(frame).toMatchObject({ conversationId: "c1", content: "hello", clientId });
  const { id, seq, version, createdAt } = room.server.writes("c1", ada, "hello", clientId);
  const ack = async () => {
    socket.says({ type: "ack", ref: frame?.ref ?? "", message: { id, seq, version, createdAt } });
    await room.world.pass();
    expect(room.messages.length).toBe(4);
  };
  if (order === "ack first") await ack();
  room.line.delivers();
  if (order !== "ack first") await ack();
  await room.settles();
  expect(room.messages.map((it) => [it.seq, it.status]).at(-1)).toEqual([4, "sent"]);
  expect(room.messages.length).toBe(4);
  expect(room.messages.at(-1)?.key).toBe(clientId);
});

test("r18: an ack that overtakes another's message does not count as a gap", async () => {
  const room = await liveRoom(3);
  const { socket } = room.world;
  socket.onSent = null;
  const clientId = room.handle.send("mine");
  await room.world.pass();
  room.writes(1);
  const { id, seq, version, createdAt } = room.server.writes("c1", ada, "mine", clientId);
  const ref = socket.sentOf("message.send")[0]?.ref ?? "";
  socket.says({ type: "ack", ref, message: { id, seq, version, createdAt } });
  await room.world.pass();
  expect(room.messages.map((it) => it.status).at(-1)).toBe("sent");
  room.line.delivers();
  await room.world.pass();
  expect(room.shown).toEqual(upTo(5));
  expect(room.messages.at(-1)?.content).toBe("mine");
  expect(room.syncs()).toBe(1);
});

test("r20: what was stored before the connection broke is not sent as a second message", async () => {
  const room = await liveRoom(3);
  const clientId = room.handle.send("hello");
  await room.world.pass();
  room.line.breaks();
  await room.reconnects();
  expect(room.world.sockets[0]?.sentOf("message.send")[0]).toMatchObject({ clientId });
  expect(room.shown).toEqual(upTo(4));
  expect(room.server.visible("c1").length).toBe(4);
});

test("received messages are acknowledged together, reading goes out once", async () => {
  const room = await liveRoom(3);
  const delivered = room.world.socket.sentOf("receipt.delivered");
  expect(delivered.map((frame) => frame.seq)).toEqual([3]);
  room.handle.markRead();
  room.handle.markRead();
  await room.settles();
  expect(room.world.socket.sentOf("receipt.read").map((frame) => frame.seq)).toEqual([3]);
  expect(room.view?.me.readSeq).toBe(3);
});

test("stream yields what comes from now on, in order, each once, across a reconnect", async () => {
  const room = await liveRoom(2);
  const stream = room.handle.stream();
  const heard: number[] = [];
  const listening = (async () => {
    for await (const message of stream) {
      heard.push(message.seq);
      if (message.seq === 5) break;
    }
  })();
  room.writes(1);
  await room.settles();
  room.line.breaks();
  room.writes(1);
  await room.reconnects();
  room.writes(1);
  await room.settles();
  await listening;
  expect(heard).toEqual([3, 4, 5]);
});

test.each(["live", "after a break"])(
  "edits, deletions and reactions are seen: %s",
  async (when) => {
    const room = await liveRoom(3);
    if (when === "after a break") room.line.breaks();
    room.server.edits("c1", 1, "edited");
    room.server.reacts("c1", 2, "👍", grace.id, true);
    room.server.reacts("c1", 2, "👍", ada.id, true);
    room.server.deletes("c1", 3);
    if (when === "after a break") await room.reconnects();
    else await room.settles();
    const [first, second, third] = room.messages;
    expect(first).toMatchObject({ content: "edited", editedAt: expect.any(String) });
    expect(second?.reactions).toEqual([
      { emoji: "👍", count: 2, userIds: [grace.id, ada.id], mine: true },
    ]);
    expect(third).toMatchObject({ content: "", deletedAt: expect.any(String) });
    expect(room.view?.lastMessage).toMatchObject({ content: "", seq: 3 });
    expect(room.view?.unreadCount).toBe(2);
    expect(room.syncs()).toBe(1);
  },
);

test("a deletion far up, by whom is not known, is counted by asking", async () => {
  const room = await liveRoom(320);
  room.server.deletes("c1", 2);
  await room.settles();
  expect(room.view?.unreadCount).toBe(319);
});

test("an own edit, deletion and reaction show at once, and go back when refused", async () => {
  const room = await liveRoom(3);
  room.server.writes("c1", ada, "mine");
  await room.settles();
  const [theirs, , , mine] = room.messages;
  const edited = room.handle.edit(mine?.id ?? "", "mine, better");
  const refused = room.handle.edit(theirs?.id ?? "", "not mine");
  const reacted = room.handle.react(theirs?.id ?? "", "🎉");
  expect(room.messages.map((it) => it.content)).toEqual([
    "not mine",
    "message 2",
    "message 3",
    "mine, better",
  ]);
  expect(room.messages[0]?.reactions).toMatchObject([{ emoji: "🎉", mine: true }]);
  const answers = Promise.allSettled([edited, refused, reacted]);
  await room.settles();
  expect((await answers).map((it) => it.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(room.messages[0]).toMatchObject({ content: "message 1", reactions: [{ count: 1 }] });
  expect(room.server.visible("c1")[3]?.content).toBe("mine, better");

  const unreacted = room.handle.unreact(theirs?.id ?? "", "🎉");
  const removed = room.handle.remove(mine?.id ?? "");
  expect(room.messages[0]?.reactions).toEqual([]);
  expect(room.messages[3]?.deletedAt).not.toBeNull();
  await room.settles();
  await Promise.all([unreacted, removed]);
  expect(room.server.visible("c1")[3]?.deletedAt).not.toBeNull();
});

test("an own change is refused at once without a connection, and shown no more", async () => {
  const room = await liveRoom(1);
  room.line.breaks();
  const id = room.messages[0]?.id ?? "";
  await expect(room.handle.react(id, "👍")).rejects.toMatchObject({ code: "disconnected" });
  expect(room.messages[0]?.reactions).toEqual([]);
});

test("unread again: the badge comes back, and reading on says so again", async () => {
  const room = await liveRoom(3);
  room.handle.markRead();
  await room.settles();
  expect(room.view?.unreadCount).toBe(0);
  await room.handle.markUnread(2);
  await room.settles();
  expect(room.view).toMatchObject({ unreadCount: 2, me: { readSeq: 1 } });
  room.handle.markRead();
  await room.settles();
  expect(room.server.view("c1").me.readSeq).toBe(3);
});

test("a read from before it was set back elsewhere is not raised over the page that knows of both", async () => {
  const room = await liveRoom(3);
  const { socket } = room.world;
  socket.onSent = null;
  room.server.makes("c2");
  room.line.loses();
  room.server.writes("c2", grace, "in a conversation not heard of");
  room.line.delivers();
  await room.world.pass();
  // The page was asked for before these two, and is read after them.
  room.server.reads("c1", ada.id, 3);
  room.server.unreads("c1", 2);
  room.line.delivers();
  const ref = socket.sentOf("sync").at(-1)?.ref ?? "";
  socket.says({ type: "ack", ref, page: room.server.page("e1:0") });
  await room.world.pass();
  expect(room.view).toMatchObject({ unreadCount: 2, me: { readSeq: 1 } });
});

test("a hidden conversation leaves the list at once and returns with its next message", async () => {
  const room = await liveRoom(3);
  const hidden = room.handle.hide();
  expect(room.parlor.conversations.getSnapshot().items).toEqual([]);
  await hidden;
  await room.settles();
  expect(room.view).toBeNull();
  room.writes(1);
  await room.settles();
  expect(room.view).toMatchObject({ unreadCount: 1, lastSeq: 4 });
  expect(room.shown).toEqual([4]);
});

test("a hide that is refused shows the conversation again", async () => {
  const room = await liveRoom(3);
  room.world.answer = () => ({ status: 503, body: { code: "unavailable" } });
  await expect(room.handle.hide()).rejects.toMatchObject({ code: "unavailable" });
  expect(room.parlor.conversations.getSnapshot().items.length).toBe(1);
});

test("an own setting shows at once and is told; refused, it goes back", async () => {
  const room = await liveRoom(1);
  const muted = room.handle.settings({ pinned: true, mutedUntil: "2030-01-01T00:00:00.000Z" });
  expect(room.view?.me).toMatchObject({ pinned: true, mutedUntil: "2030-01-01T00:00:00.000Z" });
  await muted;
  await room.settles();
  expect(room.server.view("c1").me.pinned).toBe(true);
  expect(room.world.requests.at(-1)).toBe("PATCH /conversations/c1/me");
  room.world.answer = () => ({ status: 503, body: { code: "unavailable" } });
  await expect(room.handle.settings({ pinned: false })).rejects.toMatchObject({
    code: "unavailable",
  });
  expect(room.view?.me.pinned).toBe(true);
});

test("an archived conversation is in its own list, also with its next message", async () => {
  const room = await liveRoom(1);
  await room.handle.settings({ archived: true });
  room.writes(1);
  await room.settles();
  expect(room.parlor.conversations.getSnapshot().items).toEqual([]);
  expect(room.parlor.conversations.archived.getSnapshot()).toMatchObject([
    { id: "c1", unreadCount: 2 },
  ]);
});

test("a role is given, and seen by who has it", async () => {
  const room = await liveRoom(1);
  await room.handle.setRole(grace.id, "owner");
  room.server.promotes("c1", ada.id, "admin");
  await room.settles();
  expect(room.view?.members.map((it) => it.role)).toEqual(["admin", "owner"]);
  expect(room.view?.me.role).toBe("admin");
  expect(room.syncs()).toBe(1);
});

test("who has another name has it everywhere: in the list, among the members, over what they said", async () => {
  const room = await liveRoom(2);
  const user = { ...grace, name: "Grace H." };
  room.world.socket.says({ type: "user.updated", user } as const);
  await room.settles();
  expect(room.view?.lastMessage?.sender.name).toBe("Grace H.");
  expect(room.view?.members.map((it) => it.user.name)).toEqual(["Ada", "Grace H."]);
  expect(room.messages.map((it) => it.sender?.name)).toEqual(["Grace H.", "Grace H."]);
});

test("the own account is told by pages, by events and by the answer to a change of it", async () => {
  const room = await liveRoom(1);
  expect(room.parlor.me.getSnapshot()).toMatchObject({ name: "Ada", bio: null });
  const account = { ...ada, email: null, bio: "Kitchens", createdAt: "2026-01-01T00:00:00.000Z" };
  room.world.answer = () => ({ body: account });
  await room.parlor.me.update({ bio: "Kitchens" });
  expect(room.parlor.me.getSnapshot()).toEqual(account);
  room.handle.send("hello");
  await room.settles();
  room.server.userVersion += 1;
  const user = { ...account, name: "Ada L." };
  const { userVersion } = room.server;
  room.world.socket.says({ type: "account.updated", userVersion, user } as const);
  await room.settles();
  expect(room.parlor.me.getSnapshot()?.name).toBe("Ada L.");
  expect(room.messages.at(-1)?.sender?.name).toBe("Ada L.");
  expect(room.view?.members[0]?.user.name).toBe("Ada L.");
  expect(room.syncs()).toBe(1);
});

test("a link is made, looked at and followed; who joins has the conversation at once", async () => {
  const room = await liveRoom(1);
  const { requests } = room.world;
  room.world.answer = () => ({ status: 201, body: { id: "l1", token: "t/1" } });
  expect(await room.handle.links.create({ maxUses: 5 })).toMatchObject({ token: "t/1" });
  const joined = { ...room.server.view("c1"), id: "c9" };
  room.world.answer = (method) => ({
    body: method === "POST" ? joined : { conversation: { id: "c9" } },
  });
  expect(await room.parlor.links.preview("t/1")).toEqual({ conversation: { id: "c9" } });
  await room.parlor.links.join("t/1");
  expect(requests.slice(-3)).toEqual([
    "POST /conversations/c1/links",
    "GET /links/t%2F1",
    "POST /links/t%2F1/join",
  ]);
  expect(room.parlor.conversation("c9").state.getSnapshot()).toMatchObject({ id: "c9" });
});

test("members who come and leave, and a new title, are seen", async () => {
  const room = await liveRoom(1);
  const linus = { id: "u-linus", handle: "linus", name: "Linus", avatarUrl: null };
  room.server.joins("c1", linus);
  room.server.renames("c1", "Summer kitchen");
  await room.settles();
  expect(room.view).toMatchObject({ memberCount: 3, title: "Summer kitchen" });
  expect(room.view?.members.map((it) => it.user.name)).toEqual(["Ada", "Grace", "Linus"]);
  room.server.leaves("c1", linus.id);
  await room.settles();
  expect(room.view?.members.length).toBe(2);
  expect(room.syncs()).toBe(1);
});

test("a frame of an unknown type is ignored", async () => {
  const room = await liveRoom(1);
  room.world.socket.says({ type: "hologram.wave" });
  expect(room.parlor.status.getSnapshot().state).toBe("live");
});

test("a resume that stops half-way is given up and begun again", async () => {
  const room = await liveRoom(1);
  room.line.breaks();
  await room.world.pass(250);
  const { socket } = room.world;
  socket.opens();
  socket.greets("e1", true);
  const half: SyncPage = { ...room.server.page(room.server.cursor), hasMore: true };
  socket.says({ type: "sync", page: half } as const);
  for (let second = 0; second < 30; second += 10) {
    socket.says({ type: "pong" });
    await room.world.pass(10_000);
  }
  expect(socket.isClosed).toBe(true);
  await room.world.pass(500);
  await room.connects();
  expect(room.parlor.status.getSnapshot().state).toBe("live");
});

test("a string token that ended stops the connection and rejects connect", async () => {
  const room = new Room(1);
  const connected = room.parlor.connect();
  await room.world.pass();
  room.world.socket.opens();
  room.world.socket.breaks(4003);
  const refused = expect(connected).rejects.toMatchObject({ code: "session_ended" });
  await room.world.pass(1_000);
  await refused;
});

test("who writes is shown until their message comes, and one's own message ends one's own writing", async () => {
  const room = await liveRoom(1);
  const { socket } = room.world;
  const typists = () => room.handle.typists.getSnapshot();
  for (const userId of [grace.id, ada.id]) {
    socket.says({ type: "typing.start", conversationId: "c1", userId });
  }
  expect(typists()).toEqual([grace.id]);
  room.writes(1);
  await room.settles();
  expect(typists()).toEqual([]);
  room.handle.typing();
  room.handle.typing();
  room.handle.send("done");
  await room.settles();
  await room.world.pass(5_000);
  expect(socket.sentOf("typing.start")).toHaveLength(1);
  expect(socket.sentOf("typing.stop")).toHaveLength(0);
});

test("who is watched is asked for on each connection, and whoever wrote when it broke does not write", async () => {
  const room = await liveRoom(1);
  const stop = room.parlor.presence.watch([grace.id]);
  await room.settles();
  const { socket } = room.world;
  expect(socket.sentOf("presence.watch")).toMatchObject([{ userIds: [grace.id] }]);
  socket.says({ type: "presence.update", userId: grace.id, status: "online", lastSeenAt: null });
  socket.says({ type: "typing.start", conversationId: "c1", userId: grace.id });
  const presence = () => room.parlor.presence.getSnapshot().get(grace.id);
  expect(presence()).toEqual({ status: "online", lastSeenAt: null });
  room.line.breaks();
  expect(room.handle.typists.getSnapshot()).toEqual([]);
  await room.reconnects();
  expect(room.world.socket).not.toBe(socket);
  expect(room.world.socket.sentOf("presence.watch")).toMatchObject([{ userIds: [grace.id] }]);
  stop();
  await room.settles();
  expect(room.world.socket.sentOf("presence.watch").at(-1)).toMatchObject({ userIds: [] });
});
