// What is offered to whom is what the server would allow.

import type { Member, Role } from "@parlor/client";
import { expect, test } from "vitest";
import { rightsOver } from "../src/details/rights";

const someone = (role: Role): Member => ({
  user: { id: "u-1", handle: "grace", name: "Grace", avatarUrl: null },
  role,
  readSeq: 0,
  deliveredSeq: 0,
  joinedAt: "2026-01-01T00:00:00.000Z",
});

const as = (role: Role, kind: "group" | "direct" = "group") => ({
  kind,
  me: {
    role,
    readSeq: 0,
    deliveredSeq: 0,
    mutedUntil: null,
    pinned: false,
    archived: false,
    hidden: false,
  },
});

test("an owner gives every role and removes everybody", () => {
  expect(rightsOver(as("owner"), someone("member"), false)).toEqual({
    roles: ["owner", "admin"],
    mayRemove: true,
  });
  expect(rightsOver(as("owner"), someone("owner"), false)).toEqual({
    roles: ["admin", "member"],
    mayRemove: true,
  });
});

test("an admin removes members and gives no roles", () => {
  expect(rightsOver(as("admin"), someone("member"), false)).toEqual({ roles: [], mayRemove: true });
  expect(rightsOver(as("admin"), someone("admin"), false)).toEqual({ roles: [], mayRemove: false });
});

test("a member changes nobody, and everybody may step down", () => {
  const nothing = { roles: [], mayRemove: false };
  expect(rightsOver(as("member"), someone("member"), false)).toEqual(nothing);
  expect(rightsOver(as("member"), someone("member"), true)).toEqual(nothing);
  expect(rightsOver(as("owner"), someone("owner"), true).roles).toEqual(["admin", "member"]);
  expect(rightsOver(as("admin"), someone("admin"), true).roles).toEqual(["member"]);
});

test("a direct conversation has no roles", () => {
  expect(rightsOver(as("owner", "direct"), someone("member"), false).roles).toEqual([]);
});
