// Who writes: little is said, and all of it ends by itself.

import { expect, test } from "vitest";
import { Typing } from "../src/typing";
import { ada, FakeWorld, grace } from "./fake";

function open() {
  const world = new FakeWorld();
  const said: string[] = [];
  const typing = new Typing(
    world.environment,
    (id, on) => said.push(`${on ? "start" : "stop"} ${id}`),
    (id) => id === ada.id,
  );
  const hears = (type: string, userId = grace.id) =>
    typing.receive({ type, conversationId: "c1", userId } as Parameters<Typing["receive"]>[0]);
  return { world, said, typing, hears, typists: () => typing.of("c1").getSnapshot() };
}

test("of many keystrokes one is told every three seconds, and a pause ends it", async () => {
  const { world, said, typing } = open();
  for (let n = 0; n < 70; n += 1) {
    typing.write("c1");
    await world.pass(100);
  }
  expect(said).toEqual(["start c1", "start c1", "start c1"]);
  await world.pass(3_000);
  expect(said.slice(3)).toEqual(["stop c1"]);
  await world.pass(10_000);
  expect(said).toHaveLength(4);
});

test("a message ends it without a word, and so does whoever never began", () => {
  const { said, typing } = open();
  typing.write("c1");
  typing.sent("c1");
  typing.rest("c1");
  typing.rest("c2");
  expect(said).toEqual(["start c1"]);
  typing.write("c1");
  typing.rest("c1");
  expect(said.slice(1)).toEqual(["start c1", "stop c1"]);
});

test("others are named while they write, and the viewer is not", () => {
  const { typists, hears } = open();
  const before = typists();
  hears("typing.start", ada.id);
  expect(typists()).toBe(before);
  hears("typing.start");
  hears("typing.start", "linus");
  const both = typists();
  expect(both).toEqual([grace.id, "linus"]);
  hears("typing.start");
  expect(typists()).toBe(both);
  hears("typing.stop");
  expect(typists()).toEqual(["linus"]);
});

test("a message of theirs, a lost stop, a lost connection: nobody writes for ever", async () => {
  const { world, typists, typing, hears } = open();
  hears("typing.start");
  const message = { senderId: grace.id };
  const frame = { type: "message.new", conversationId: "c1", message };
  typing.receive(frame as Parameters<Typing["receive"]>[0]);
  expect(typists()).toEqual([]);
  hears("typing.start");
  await world.pass(7_900);
  expect(typists()).toEqual([grace.id]);
  await world.pass(200);
  expect(typists()).toEqual([]);
  hears("typing.start");
  typing.clear();
  expect(typists()).toEqual([]);
});
