// The outbox: order, clientId, what is retried and what fails, and what a reload keeps.

import { expect, test } from "vitest";
import { memoryStorage } from "../src/environment";
import { ParlorError } from "../src/errors";
import type { AckedMessage } from "../src/generated/protocol";
import { Outbox, type OutboxEntry } from "../src/outbox";
import { movedRecords, textRecords } from "../src/records";
import { FakeWorld } from "./fake";

type Attempt = { entry: OutboxEntry; ack(seq: number): void; fail(error: ParlorError): void };

function open(world = new FakeWorld(), userId = "u-ada") {
  const attempts: Attempt[] = [];
  const acked: string[] = [];
  const outbox = new Outbox(world.environment, {
    send: (entry) =>
      new Promise<AckedMessage>((resolve, reject) => {
        const ack = (seq: number) =>
          resolve({ id: `m${seq}`, seq, version: seq, createdAt: "2026-01-01T00:00:00.000Z" });
        attempts.push({ entry, ack, fail: reject });
      }),
    acked: (entry) => acked.push(entry.content) > 0,
  });
  outbox.open(userId);
  const states = () => outbox.entries.getSnapshot().map((it) => `${it.content}:${it.state}`);
  const last = (): Attempt => {
    const attempt = attempts.at(-1);
    if (!attempt) throw new Error("nothing was sent");
    return attempt;
  };
  return { world, outbox, attempts, acked, states, last };
}

const refusal = (code: string, retryAfterMs: number | null = null) =>
  new ParlorError(code, code, 0, retryAfterMs);

test("what is written while away waits, then goes out in order, one at a time", async () => {
  const { world, outbox, attempts, acked, states, last } = open();
  for (const content of ["one", "two", "three"]) outbox.add("c1", content);
  await world.pass();
  expect(attempts.length).toBe(0);
  expect(states()).toEqual(["one:queued", "two:queued", "three:queued"]);
  outbox.start();
  await world.pass();
  for (const seq of [1, 2, 3]) {
    expect(attempts.length).toBe(seq);
    last().ack(seq);
    await world.pass();
  }
  expect(acked).toEqual(["one", "two", "three"]);
  expect(states()).toEqual([]);
  expect(world.storage.keys("outbox/")).toEqual([]);
});

test("conversations do not wait for each other", async () => {
  const { world, outbox, attempts } = open();
  outbox.start();
  outbox.add("c1", "one");
  outbox.add("c2", "two");
  await world.pass();
  expect(attempts.map((it) => it.entry.content)).toEqual(["one", "two"]);
});

test("a lost answer is asked for again with the same clientId", async () => {
  const { world, outbox, attempts, last } = open();
  outbox.start();
  outbox.add("c1", "one");
  await world.pass();
  outbox.stop();
  last().fail(refusal("disconnected"));
  await world.pass(60_000);
  expect(attempts.length).toBe(1);
  outbox.start();
  await world.pass();
  expect(attempts.length).toBe(2);
  expect(attempts[1]?.entry.clientId).toBe(attempts[0]?.entry.clientId);
});

test("a busy server is given the time it asked for, and later messages stay behind", async () => {
  const { world, outbox, attempts, last } = open();
  outbox.start();
  outbox.add("c1", "one");
  outbox.add("c1", "two");
  await world.pass();
  last().fail(refusal("rate_limited", 5_000));
  await world.pass(4_999);
  expect(attempts.length).toBe(1);
  await world.pass(1);
  expect(attempts.map((it) => it.entry.content)).toEqual(["one", "one"]);
});

test.each([
  "invalid_request",
  "client_id_reused",
  "forbidden",
  "not_found",
  "payload_too_large",
  "message_deleted",
  "internal",
  "bad_frame",
])("%s marks the message failed and lets the next one go", async (code) => {
  const { world, outbox, attempts, states, last } = open();
  outbox.start();
  const { clientId } = outbox.add("c1", "one");
  outbox.add("c1", "two");
  await world.pass();
  last().fail(refusal(code));
  await world.pass();
  expect(states()).toEqual(["one:failed", "two:sending"]);
  expect(outbox.entries.getSnapshot()[0]?.code).toBe(code);
  last().ack(1);
  await world.pass();
  outbox.retry(clientId);
  await world.pass();
  expect(last().entry.clientId).toBe(clientId);
  expect(attempts.length).toBe(3);
});

test.each([
  "unknown_outcome",
  "unavailable",
  "storage_full",
  "rate_limited",
  "request_timeout",
  "timeout",
  "network",
])("r21: after %s the message stays and is sent again", async (code) => {
  const { world, outbox, attempts, states, last } = open();
  outbox.start();
  outbox.add("c1", "one");
  await world.pass();
  last().fail(refusal(code));
  await world.pass();
  expect(states()).toEqual(["one:queued"]);
  await world.pass(500);
  expect(attempts.map((it) => it.entry.clientId)).toEqual(
    Array(2).fill(attempts[0]?.entry.clientId),
  );
});

test("r20: a message is shown at once, and sent only when it is stored", async () => {
  const world = new FakeWorld();
  let store = () => {};
  const records = { ...world.environment.records };
  world.environment.records = {
    ...records,
    set: async (key, text) => {
      await new Promise<void>((resolve) => {
        store = resolve;
      });
      await records.set(key, text);
    },
  };
  const { outbox, attempts, states } = open(world);
  outbox.start();
  await world.pass();
  outbox.add("c1", "one");
  expect(states()).toEqual(["one:queued"]);
  await world.pass();
  expect(attempts.length).toBe(0);
  store();
  await world.pass();
  expect(attempts.length).toBe(1);
});

test("a storage that fails or hangs does not hold a message back, nor loses it at a reconnect", async () => {
  for (const set of [() => Promise.reject(new Error("full")), () => new Promise<void>(() => {})]) {
    const world = new FakeWorld();
    world.environment.records = { ...world.environment.records, set };
    const { outbox, attempts, states } = open(world);
    outbox.start();
    outbox.add("c1", "one");
    await world.pass(3_000);
    expect(attempts.length).toBe(1);
    outbox.stop();
    attempts[0]?.fail(refusal("disconnected"));
    await world.pass();
    outbox.start();
    await world.pass();
    expect(states()).toEqual(["one:sending"]);
    expect(attempts.length).toBe(2);
  }
});

test("an acked message is shown as sent until it is seen in its conversation, and stored no more", async () => {
  const world = new FakeWorld();
  const outbox = new Outbox(world.environment, {
    send: async () => ({ id: "m7", seq: 7, version: 9, createdAt: "2026-01-01T00:00:00.000Z" }),
    acked: () => false,
  });
  outbox.open("u-ada");
  outbox.start();
  outbox.add("c1", "one");
  await world.pass();
  expect(outbox.entries.getSnapshot()).toMatchObject([{ state: "sent", ack: { seq: 7 } }]);
  expect(world.storage.keys("outbox/")).toEqual([]);
  outbox.settle("c1", 6);
  expect(outbox.entries.getSnapshot().length).toBe(1);
  outbox.settle("c1", 7);
  expect(outbox.entries.getSnapshot()).toEqual([]);
});

test("a reload keeps what waits and what failed, in order", async () => {
  const before = open();
  before.outbox.start();
  before.outbox.add("c1", "refused");
  await before.world.pass();
  before.last().fail(refusal("forbidden"));
  await before.world.pass(10);
  before.outbox.add("c1", "sending");
  before.outbox.add("c1", "queued");
  await before.world.pass();
  const after = open(before.world);
  await after.world.pass();
  expect(after.states()).toEqual(["refused:failed", "sending:queued", "queued:queued"]);
  const ids = before.outbox.entries.getSnapshot().map((it) => it.clientId);
  expect(after.outbox.entries.getSnapshot().map((it) => it.clientId)).toEqual(ids);
});

test("one person's messages never go out as another's", async () => {
  const { world, outbox } = open(new FakeWorld(), "u-ada");
  outbox.add("c1", "from ada");
  await world.pass();
  for (const userId of ["u-grace", "u-ad", "u", "u-ada."]) {
    const other = open(world, userId);
    await world.pass();
    expect(other.states()).toEqual([]);
  }
});

test("a discarded message is gone for good", async () => {
  const { world, outbox, states } = open();
  const { clientId } = outbox.add("c1", "one");
  outbox.remove(clientId);
  await world.pass();
  expect(states()).toEqual([]);
  const after = open(world);
  await world.pass();
  expect(after.states()).toEqual([]);
});

test("what was written before it is known by whom is kept once it is", async () => {
  const world = new FakeWorld();
  const outbox = new Outbox(world.environment, {
    send: () => Promise.reject(refusal("network")),
    acked: () => true,
  });
  outbox.add("c1", "early");
  await world.pass();
  expect(world.storage.keys("outbox/")).toEqual([]);
  outbox.open("u-ada");
  await world.pass();
  const after = open(world);
  await world.pass();
  expect(after.states()).toEqual(["early:queued"]);
});

test("two tabs of one person send each message once, and neither loses the other's", async () => {
  const world = new FakeWorld();
  const first = open(world);
  first.outbox.add("c1", "from the first");
  await world.pass(1);
  // Tabs do not draw the same ids.
  world.luck = 0.4;
  const second = open(world);
  second.outbox.add("c1", "from the second");
  await world.pass();
  expect(second.states()).toEqual(["from the first:queued", "from the second:queued"]);
  first.outbox.start();
  second.outbox.start();
  for (let seq = 1; seq <= 2; seq += 1) {
    await world.pass();
    for (const { entry, ack } of [...first.attempts, ...second.attempts]) {
      if (entry.state === "sending") ack(seq);
    }
  }
  await world.pass();
  const sent = [...first.attempts, ...second.attempts].map((it) => it.entry.content).sort();
  expect(sent).toEqual(["from the first", "from the second"]);
  expect([...first.states(), ...second.states()]).toEqual([]);
  expect(world.storage.keys("outbox/")).toEqual([]);
});

test("what a closed tab has left goes out with the next connection of another", async () => {
  const world = new FakeWorld();
  const living = open(world);
  await world.pass();
  open(world).outbox.add("c1", "left behind");
  await world.pass();
  living.outbox.start();
  await world.pass();
  expect(living.last().entry.content).toBe("left behind");
});

test("what an older version left in its storage moves over, once", async () => {
  const world = new FakeWorld();
  const clientId = "0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee";
  const old = { clientId, conversationId: "c1", content: "old", createdAtMs: 1, order: 1 };
  world.storage.set(`parlor.outbox.u.with.dots.${clientId}`, JSON.stringify(old));
  world.environment.records = movedRecords(textRecords(memoryStorage()), world.storage);
  const { states, outbox } = open(world, "u.with.dots");
  await world.pass();
  expect(states()).toEqual(["old:queued"]);
  expect(world.storage.keys("")).toEqual([]);
  outbox.remove(clientId);
  const after = open(world, "u.with.dots");
  await world.pass();
  expect(after.states()).toEqual([]);
});
