// For how long a conversation is silent.

import { expect, test } from "vitest";
import { endOf, isMuted } from "../src/text/mute";

const now = Date.parse("2026-05-14T09:00:00.000Z");

test("a silence ends when it was said to, and one without an end does not", () => {
  expect(endOf("hours", now)).toBe("2026-05-14T17:00:00.000Z");
  expect(endOf("week", now)).toBe("2026-05-21T09:00:00.000Z");
  expect(isMuted({ mutedUntil: endOf("hour", now) }, now)).toBe(true);
  expect(isMuted({ mutedUntil: endOf("hour", now) }, now + 3_600_000)).toBe(false);
  expect(isMuted({ mutedUntil: endOf("forever", now) }, now * 2)).toBe(true);
  expect(isMuted({ mutedUntil: null }, now)).toBe(false);
});
