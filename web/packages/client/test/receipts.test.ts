// Receipts: only the furthest counts, one frame in flight, and a broken connection loses none.

import { expect, test } from "vitest";
import { ParlorError } from "../src/errors";
import { Receipts } from "../src/receipts";
import { settle } from "./fake";

type Frame = { said: string; ack(): void; fail(code: string): void };

function open() {
  const frames: Frame[] = [];
  const receipts = new Receipts(
    (kind, conversationId, seq) =>
      new Promise((resolve, reject) => {
        const fail = (code: string) => reject(new ParlorError(code, code));
        const ack = () => resolve(undefined);
        frames.push({ said: `${kind} ${conversationId} ${seq}`, ack, fail });
      }),
  );
  return { receipts, frames, said: () => frames.map((frame) => frame.said) };
}

test("what gathers while one frame is in flight leaves as one", async () => {
  const { receipts, frames, said } = open();
  receipts.start();
  receipts.note("read", "c1", 1);
  await settle();
  for (const seq of [2, 4, 3]) receipts.note("read", "c1", seq);
  frames[0]?.ack();
  await settle();
  expect(said()).toEqual(["read c1 1", "read c1 4"]);
});

test("nothing is said twice, and never backwards", async () => {
  const { receipts, frames, said } = open();
  receipts.start();
  receipts.note("delivered", "c1", 5);
  await settle();
  frames[0]?.ack();
  await settle();
  receipts.note("delivered", "c1", 5);
  receipts.note("delivered", "c1", 3);
  await settle();
  expect(said()).toEqual(["delivered c1 5"]);
});

test("what was read needs no delivered receipt", async () => {
  const { receipts, frames, said } = open();
  receipts.start();
  receipts.note("read", "c1", 5);
  await settle();
  receipts.note("delivered", "c1", 5);
  frames[0]?.ack();
  await settle();
  expect(said()).toEqual(["read c1 5"]);
});

test("a receipt that the connection cut off is said again, a refused one is not", async () => {
  const { receipts, frames, said } = open();
  receipts.start();
  receipts.note("read", "c1", 5);
  await settle();
  receipts.stop();
  frames[0]?.fail("disconnected");
  await settle();
  expect(said()).toEqual(["read c1 5"]);
  receipts.start();
  await settle();
  expect(said()).toEqual(["read c1 5", "read c1 5"]);
  frames[1]?.fail("not_found");
  await settle();
  receipts.start();
  await settle();
  expect(said().length).toBe(2);
});

test("a read cursor that was set back is said again, and a read on its way is known", async () => {
  const { receipts, frames, said } = open();
  receipts.start();
  receipts.note("read", "c1", 5);
  expect(receipts.pending("read", "c1")).toBe(5);
  await settle();
  expect(receipts.pending("read", "c1")).toBe(5);
  frames[0]?.ack();
  await settle();
  expect(receipts.pending("read", "c1")).toBe(0);
  receipts.lowered("c1", 2);
  receipts.note("read", "c1", 5);
  await settle();
  expect(said()).toEqual(["read c1 5", "read c1 5"]);
});

test("a read cursor set back while its receipt is in flight can be said again", async () => {
  const { receipts, frames, said } = open();
  receipts.start();
  receipts.note("read", "c1", 5);
  await settle();
  frames[0]?.ack();
  receipts.lowered("c1", 2);
  await settle();
  receipts.note("read", "c1", 5);
  await settle();
  expect(said()).toEqual(["read c1 5", "read c1 5"]);
});
