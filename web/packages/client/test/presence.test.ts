// Who is here: asked for as long as it is shown, all at once, and anew on each connection.

import { expect, test } from "vitest";
import { ParlorError } from "../src/errors";
import { Presence } from "../src/presence";
import { FakeWorld, settle } from "./fake";

function open() {
  const world = new FakeWorld();
  const asked: string[][] = [];
  const said: string[] = [];
  const failing: string[] = [];
  const presence = new Presence(
    world.environment,
    async (userIds) => {
      asked.push(userIds);
      const code = failing.shift();
      if (code) throw new ParlorError(code, code);
    },
    (status) => said.push(status),
  );
  const hears = (userId: string, status: "online" | "away" | "offline") =>
    presence.receive({ type: "presence.update", userId, status, lastSeenAt: null });
  return { world, asked, said, failing, presence, hears };
}

test("what is shown together is asked for together, and nobody twice", async () => {
  const { asked, presence } = open();
  presence.start();
  presence.watch(["ada", "grace"]);
  const stop = presence.watch(["grace", "linus"]);
  await settle();
  expect(asked).toEqual([["ada", "grace", "linus"]]);
  stop();
  stop();
  await settle();
  expect(asked.slice(1)).toEqual([["ada", "grace"]]);
  presence.watch(["grace"]);
  await settle();
  expect(asked).toHaveLength(2);
});

test("a new connection is asked anew, and forgets whom nobody watches", async () => {
  const { asked, said, presence, hears } = open();
  presence.watch(["grace"]);
  presence.set("away");
  await settle();
  expect([asked, said]).toEqual([[], []]);
  presence.start();
  await settle();
  hears("grace", "online");
  hears("linus", "online");
  presence.stop();
  presence.start();
  await settle();
  expect(asked).toEqual([["grace"], ["grace"]]);
  expect(said).toEqual(["away", "away"]);
  expect([...presence.all.getSnapshot().keys()]).toEqual(["grace"]);
});

test("what is heard is a new snapshot", () => {
  const { presence, hears } = open();
  const before = presence.all.getSnapshot();
  hears("grace", "offline");
  expect(presence.all.getSnapshot().get("grace")).toEqual({ status: "offline", lastSeenAt: null });
  expect(presence.all.getSnapshot()).not.toBe(before);
});

test("of too many the last ones are watched", async () => {
  const { asked, presence } = open();
  presence.start();
  presence.watch(Array.from({ length: 250 }, (_, n) => `u${n}`));
  await settle();
  expect([asked[0]?.length, asked[0]?.[0]]).toEqual([200, "u50"]);
});

test("a passing refusal is asked again after a while, a final one is not", async () => {
  const { world, asked, failing, presence } = open();
  presence.start();
  failing.push("rate_limited");
  presence.watch(["grace"]);
  await settle();
  expect(asked).toHaveLength(1);
  await world.pass(1_000);
  expect(asked).toHaveLength(2);
  failing.push("invalid_request");
  presence.watch(["linus"]);
  await world.pass(10_000);
  expect(asked).toHaveLength(3);
});
