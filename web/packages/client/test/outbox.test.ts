// The outbox: order, clientId, what is retried and what fails, and what a reload keeps.

import { expect, test } from "vitest";
import { ParlorError } from "../src/errors";
import type { AckedMessage } from "../src/generated/protocol";
import { Outbox, type OutboxEntry } from "../src/outbox";
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
    acked: (entry) => void acked.push(entry.content),
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
  for (const seq of [1, 2, 3]) {
    expect(attempts.length).toBe(seq);
    last().ack(seq);
    await world.pass();
  }
  expect(acked).toEqual(["one", "two", "three"]);
  expect(states()).toEqual([]);
  expect(world.storage.keys("parlor.outbox.")).toEqual([]);
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
  "bad_frame",
])("%s marks the message failed and lets the next one go", async (code) => {
  const { world, outbox, attempts, states, last } = open();
  outbox.start();
  const { clientId } = outbox.add("c1", "one");
  outbox.add("c1", "two");
  last().fail(refusal(code));
  await world.pass();
  expect(states()).toEqual(["one:failed", "two:sending"]);
  expect(outbox.entries.getSnapshot()[0]?.code).toBe(code);
  last().ack(1);
  await world.pass();
  outbox.retry(clientId);
  expect(last().entry.clientId).toBe(clientId);
  expect(attempts.length).toBe(3);
});

test("a reload keeps what waits and what failed, in order", async () => {
  const before = open();
  before.outbox.start();
  before.outbox.add("c1", "refused");
  before.last().fail(refusal("forbidden"));
  await before.world.pass(10);
  before.outbox.add("c1", "sending");
  before.outbox.add("c1", "queued");
  const after = open(before.world);
  expect(after.states()).toEqual(["refused:failed", "sending:queued", "queued:queued"]);
  const ids = before.outbox.entries.getSnapshot().map((it) => it.clientId);
  expect(after.outbox.entries.getSnapshot().map((it) => it.clientId)).toEqual(ids);
});

test("one person's messages never go out as another's", () => {
  const { world, outbox } = open();
  outbox.add("c1", "from ada");
  expect(open(world, "u-grace").states()).toEqual([]);
});

test("a discarded message is gone for good", async () => {
  const { world, outbox, states } = open();
  const { clientId } = outbox.add("c1", "one");
  outbox.remove(clientId);
  expect(states()).toEqual([]);
  expect(open(world).states()).toEqual([]);
});
