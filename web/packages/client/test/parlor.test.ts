// The whole client against a small server that remembers messages: live events, gaps, reconnects, and
// that every message is shown and sent once.

import { expect, test } from "vitest";
import type { Message } from "../src/generated/protocol";
import { createParlor } from "../src/parlor";
import { ada, conversationOf, FakeWorld, grace, messageOf, type Reply } from "./fake";

/** Answers REST from its list of messages, and tells what happened over the socket when asked. */
class Room {
  readonly world = new FakeWorld();
  messages: Message[] = [];
  readonly parlor = createParlor({
    url: "http://x",
    token: "t1",
    user: ada,
    environment: this.world.environment,
  });

  constructor(count: number) {
    for (let seq = 1; seq <= count; seq += 1) this.messages.push(messageOf(seq, grace));
    this.world.answer = (_method, path, query) => this.#answer(path, query);
  }

  #answer(path: string, query: URLSearchParams): Reply {
    if (path === "/conversations")
      return { body: { items: [this.conversation], nextCursor: null } };
    if (path === "/conversations/c1") return { body: this.conversation };
    if (path !== "/conversations/c1/messages") return { status: 404 };
    const [limit, after, before] = ["limit", "after", "before"].map((it) => Number(query.get(it)));
    const inside = this.messages.filter(
      ({ seq }) => (!after || seq > after) && (!before || seq < before),
    );
    const items = after ? inside.slice(0, limit) : inside.slice(-(limit ?? 50));
    return { body: { items, hasMore: inside.length > items.length } };
  }

  get conversation() {
    return conversationOf(this.messages);
  }

  stores(message: Message): Message {
    this.messages.push(message);
    return message;
  }

  tells(message: Message): void {
    const { version } = message;
    this.world.socket.says({ type: "message.new", conversationId: "c1", version, message });
  }

  async connects(): Promise<void> {
    await this.world.pass();
    this.world.socket.opens();
    this.world.socket.greets();
    await this.world.pass();
  }

  get shown(): (number | null)[] {
    return this.parlor
      .conversation("c1")
      .messages.getSnapshot()
      .messages.map((it) => it.seq);
  }

  async opensThread(): Promise<void> {
    this.parlor.conversation("c1").messages.subscribe(() => undefined);
    await this.world.pass();
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
  room.tells(room.stores(messageOf(4, grace)));
  await room.world.pass();
  expect(room.shown).toEqual(upTo(4));
  expect(room.world.requests.length).toBe(requests);
});

test("a missed event is noticed by its version and read over REST, once", async () => {
  const room = await liveRoom(3);
  room.stores(messageOf(4, grace));
  room.stores(messageOf(5, grace));
  room.tells(room.stores(messageOf(6, grace)));
  await room.world.pass();
  expect(room.shown).toEqual(upTo(6));
  expect(room.parlor.conversation("c1").state.getSnapshot()).toMatchObject({
    version: 6,
    lastSeq: 6,
  });
});

test("the same event twice changes nothing", async () => {
  const room = await liveRoom(3);
  const message = room.stores(messageOf(4, grace));
  room.tells(message);
  room.tells(message);
  await room.world.pass();
  expect(room.shown).toEqual(upTo(4));
  expect(room.parlor.conversation("c1").state.getSnapshot()?.unreadCount).toBe(1);
});

test("after a break the thread is filled from where it ended, over several pages", async () => {
  const room = await liveRoom(3);
  room.world.socket.breaks(1006);
  for (let seq = 4; seq <= 260; seq += 1) room.stores(messageOf(seq, grace));
  await room.world.pass(250);
  await room.connects();
  expect(room.shown).toEqual(upTo(260));
  expect(room.world.requests).toContain("GET /conversations/c1/messages?limit=200&after=3");
});

test("events that come while catching up are applied after it, each once", async () => {
  const room = new Room(3);
  room.parlor.connect().catch(() => undefined);
  room.parlor.conversation("c1").messages.subscribe(() => undefined);
  await room.world.pass();
  room.world.socket.opens();
  room.world.socket.greets();
  room.tells(room.stores(messageOf(4, grace)));
  room.tells(room.stores(messageOf(5, grace)));
  await room.world.pass();
  expect(room.shown).toEqual(upTo(5));
});

test("another epoch drops what was held", async () => {
  const room = await liveRoom(5);
  room.world.socket.breaks(1012);
  room.messages = [messageOf(1, grace, { id: "other", content: "restored" })];
  await room.world.pass(250);
  room.world.socket.opens();
  room.world.socket.greets("e2");
  await room.world.pass();
  const { messages } = room.parlor.conversation("c1").messages.getSnapshot();
  expect(messages.map((it) => it.content)).toEqual(["restored"]);
});

test("older pages go before the first, and a second call waits for the first", async () => {
  const room = await liveRoom(120);
  expect(room.shown[0]).toBe(71);
  const handle = room.parlor.conversation("c1");
  const requests = room.world.requests.length;
  await Promise.all([handle.loadOlder(), handle.loadOlder()]);
  expect(room.world.requests.length).toBe(requests + 1);
  expect(room.shown[0]).toBe(21);
  await handle.loadOlder();
  expect(room.shown).toEqual(upTo(120));
  expect(handle.messages.getSnapshot().hasOlder).toBe(false);
});

test.each(["ack first", "event first"])("an own message is shown once: %s", async (order) => {
  const room = await liveRoom(3);
  const clientId = room.parlor.conversation("c1").send("hello");
  await room.world.pass();
  const [frame] = room.world.socket.sentOf("message.send");
  expect(frame).toMatchObject({ conversationId: "c1", content: "hello", clientId });
  const stored = room.stores(messageOf(4, ada, { clientId, content: "hello" }));
  const { id, seq, version, createdAt } = stored;
  const ack = () =>
    room.world.socket.says({
      type: "ack",
      ref: frame?.ref ?? "",
      message: { id, seq, version, createdAt },
    });
  if (order === "ack first") ack();
  room.tells(stored);
  if (order !== "ack first") ack();
  await room.world.pass();
  const { messages } = room.parlor.conversation("c1").messages.getSnapshot();
  expect(messages.map((it) => [it.seq, it.status]).at(-1)).toEqual([4, "sent"]);
  expect(messages.length).toBe(4);
  expect(messages.at(-1)?.key).toBe(clientId);
});

test("what was stored before the connection broke is not sent as a second message", async () => {
  const room = await liveRoom(3);
  const clientId = room.parlor.conversation("c1").send("hello");
  await room.world.pass();
  room.stores(messageOf(4, ada, { clientId, content: "hello" }));
  room.world.socket.breaks(1006);
  await room.world.pass(250);
  await room.connects();
  const [again] = room.world.socket.sentOf("message.send");
  expect(again).toMatchObject({ clientId });
  const message = { id: "m4", seq: 4, version: 4, createdAt: messageOf(4, ada).createdAt };
  room.world.socket.says({ type: "ack", ref: again?.ref ?? "", message });
  await room.world.pass();
  expect(room.shown).toEqual(upTo(4));
});

test("received messages are acknowledged together, reading goes out once", async () => {
  const room = await liveRoom(3);
  const delivered = room.world.socket.sentOf("receipt.delivered");
  expect(delivered.map((frame) => frame.seq)).toEqual([3]);
  room.world.socket.says({ type: "ack", ref: delivered[0]?.ref ?? "" });
  await room.world.pass();
  const handle = room.parlor.conversation("c1");
  handle.markRead();
  handle.markRead();
  await room.world.pass();
  expect(room.world.socket.sentOf("receipt.read").map((frame) => frame.seq)).toEqual([3]);
  expect(handle.state.getSnapshot()?.me.readSeq).toBe(3);
});

test("stream yields what comes from now on, in order, each once, across a reconnect", async () => {
  const room = await liveRoom(2);
  const stream = room.parlor.conversation("c1").stream();
  const heard: number[] = [];
  const listening = (async () => {
    for await (const message of stream) {
      heard.push(message.seq);
      if (message.seq === 5) break;
    }
  })();
  room.tells(room.stores(messageOf(3, grace)));
  await room.world.pass();
  room.world.socket.breaks(1006);
  room.stores(messageOf(4, grace));
  await room.world.pass(250);
  await room.connects();
  room.tells(room.stores(messageOf(5, grace)));
  await listening;
  expect(heard).toEqual([3, 4, 5]);
});

test("a frame of an unknown type is ignored", async () => {
  const room = await liveRoom(1);
  room.world.socket.says({ type: "hologram.wave" });
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
