// Who writes, by name while there are few.

import type { Member } from "@parlor/client";
import { expect, test } from "vitest";
import { en } from "../src/i18n/en";
import { typingSentence } from "../src/text/typists";

const member = (id: string, name: string): Member => ({
  user: { id, handle: id, name, avatarUrl: null },
  role: "member",
  readSeq: 0,
  deliveredSeq: 0,
  joinedAt: "2026-01-01T00:00:00.000Z",
});
const members = [member("a", "Ada"), member("g", "Grace")];
const group = { kind: "group", members } as const;

test("one and two are named, more are counted", () => {
  expect(typingSentence(group, [], en)).toBeNull();
  expect(typingSentence(group, ["g"], en)).toBe("Grace is typing");
  expect(typingSentence(group, ["g", "a"], en)).toBe("Grace and Ada are typing");
  expect(typingSentence(group, ["g", "a", "x"], en)).toBe("3 people are typing");
});

test("who is not among the known members is counted", () => {
  expect(typingSentence(group, ["x"], en)).toBe("1 person is typing");
  expect(typingSentence(group, ["g", "x"], en)).toBe("2 people are typing");
});

test("a direct conversation needs no name", () => {
  expect(typingSentence({ kind: "direct", members }, ["g"], en)).toBe("typing…");
});
