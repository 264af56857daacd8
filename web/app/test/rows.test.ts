// How messages become rows: runs of one sender, day lines, and the line above what is new.

import type { ThreadMessage } from "@parlor/client";
import { describe, expect, test } from "vitest";
import { threadRows } from "../src/text/rows";

const noon = new Date(2026, 4, 12, 12, 0).getTime();
const MINUTE_MS = 60_000;

function said(senderId: string, seq: number | null, minute: number, fields = {}): ThreadMessage {
  return {
    key: `k${seq ?? minute}`,
    id: `m${seq}`,
    seq,
    clientId: null,
    kind: "text",
    content: "hi",
    reactions: [],
    createdAt: new Date(noon + minute * MINUTE_MS).toISOString(),
    editedAt: null,
    deletedAt: null,
    senderId,
    sender: null,
    own: senderId === "ada",
    status: "sent",
    code: null,
    ...fields,
  };
}

const shape = (messages: ThreadMessage[], newAfter: number | null = null, hasOlder = false) =>
  threadRows(messages, newAfter, hasOlder).map((row) =>
    [row.day && "day", row.isNewLine && "new", row.startsRun && "starts", row.endsRun && "ends"]
      .filter(Boolean)
      .join(" "),
  );

describe("runs", () => {
  test("one sender within five minutes is one run", () => {
    expect(shape([said("ada", 1, 0), said("ada", 2, 5), said("ada", 3, 9)])).toEqual([
      "day starts",
      "",
      "ends",
    ]);
  });

  test("more than five minutes, or another sender, begin a new one", () => {
    expect(shape([said("ada", 1, 0), said("ada", 2, 6), said("grace", 3, 6)])).toEqual([
      "day starts ends",
      "starts ends",
      "starts ends",
    ]);
  });

  test("a system message stands alone", () => {
    const system = said("ada", 2, 1, { kind: "system" });
    expect(shape([said("ada", 1, 0), system, said("ada", 3, 1)])).toEqual([
      "day starts ends",
      "starts ends",
      "starts ends",
    ]);
  });
});

describe("lines", () => {
  test("midnight breaks a run and draws a day line", () => {
    const night = 12 * 60;
    expect(shape([said("ada", 1, night - 1), said("ada", 2, night + 1)])).toEqual([
      "day starts ends",
      "day starts ends",
    ]);
  });

  test("a first message whose predecessor is not loaded waits for it", () => {
    const loaded = [said("ada", 7, 0), said("ada", 8, 1), said("ada", 9, 2)];
    expect(shape(loaded, null, true)).toEqual(["", "ends"]);
    expect(shape([said("ada", 6, -1), ...loaded], null, true)).toEqual(["", "", "ends"]);
  });

  test("the new line stands above the first unread message of another", () => {
    const messages = [
      said("grace", 1, 0),
      said("ada", 2, 1),
      said("grace", 3, 1),
      said("grace", 4, 2),
    ];
    expect(shape(messages, 1)).toEqual(["day starts ends", "starts ends", "new starts", "ends"]);
    expect(shape(messages, null).some((it) => it.includes("new"))).toBe(false);
    expect(shape(messages, 4).some((it) => it.includes("new"))).toBe(false);
  });
});

test("a row is a message, so older pages shift every index by their length", () => {
  const messages = [said("ada", 1, 0), said("grace", 2, 1), said("ada", null, 2)];
  expect(threadRows(messages, 0, false).map((row) => row.message)).toEqual(messages);
});
