// Every language says everything, in its own words; times and lengths are told as people tell them.

import { describe, expect, test } from "vitest";
import { de } from "../src/i18n/de";
import { en } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";
import { charactersLeft, messageOf } from "../src/text/length";
import { hueOf, initialsOf } from "../src/text/people";
import { timeFormat } from "../src/text/time";

/** Every sentence of a dictionary by its path; functions are asked with a number and with words. */
function sentences(entry: unknown, path = ""): [string, string][] {
  if (typeof entry === "string") return [[path, entry]];
  if (typeof entry === "function") return [[path, String(entry(2, "x"))]];
  return Object.entries(entry ?? {}).flatMap(([key, value]) => sentences(value, `${path}.${key}`));
}

describe.each([
  ["de", de],
  ["zh", zh],
] as const)("%s", (_, dictionary) => {
  test("says everything that English says", () => {
    const own = sentences(dictionary);
    expect(own.map(([path]) => path).sort()).toEqual(
      sentences(en)
        .map(([path]) => path)
        .sort(),
    );
    for (const [path, text] of own) expect(text.trim(), path).not.toBe("");
  });

  test("carries the numbers and names it is given", () => {
    expect(dictionary.members(7)).toContain("7");
    expect(dictionary.writeTo("Ada")).toContain("Ada");
    expect(dictionary.said("Ada", "hi")).toContain("hi");
  });

  test("does not fall back to English", () => {
    const english = new Map(sentences(en));
    // Words which are the same in both languages.
    const shared = /chats|draft|details|admin|themeSystem|nameLabel|said|initial/;
    const same = sentences(dictionary).filter(
      ([path, text]) => english.get(path) === text && !shared.test(path),
    );
    expect(same).toEqual([]);
  });
});

test("English counts one and many", () => {
  expect([en.unread(1), en.unread(2)]).toEqual(["1 unread message", "2 unread messages"]);
});

describe("times", () => {
  const format = timeFormat("en-GB", { today: "Today", yesterday: "Yesterday" });
  const now = new Date(2026, 4, 14, 9, 0).getTime();
  const at = (day: number, hour = 14, month = 4, year = 2026) =>
    new Date(year, month, day, hour, 5).toISOString();

  test("the list tells less the longer ago it was", () => {
    expect(format.listTime(at(14, 7), now)).toBe("07:05");
    expect(format.listTime(at(13, 23), now)).toBe("Yesterday");
    expect(format.listTime(at(11), now)).toBe("Mon");
    expect(format.listTime(at(2), now)).toBe("2 May");
    expect(format.listTime(at(2, 14, 4, 2024), now)).toBe("02/05/24");
  });

  test("what was lately is told by how long ago it was", () => {
    const seen = (minutesAgo: number) => new Date(now - minutesAgo * 60_000).toISOString();
    expect(format.ago(seen(0), now)).toBe("this minute");
    expect(format.ago(seen(5), now)).toBe("5 min ago");
    expect(format.ago(seen(130), now)).toBe("2 hr ago");
    expect(format.ago(at(13), now)).toBe("yesterday");
    expect(format.ago(at(2), now)).toBe("2 May");
  });

  test("a clock ahead of ours says today", () => {
    expect(format.day(at(15), now)).toBe("Today");
  });

  test("day lines name the day", () => {
    expect(format.day(at(13), now)).toBe("Yesterday");
    expect(format.day(at(11), now)).toBe("Monday");
    expect(format.day(at(2), now)).toBe("Saturday 2 May");
  });
});

describe("length", () => {
  test("is silent until the end is near, then counts characters", () => {
    expect(charactersLeft("a".repeat(15_000))).toBeNull();
    expect(charactersLeft("a".repeat(16_000))).toBe(384);
    expect(charactersLeft("a".repeat(16_390))).toBe(-6);
  });

  test("an emoji is one character, and bytes have a limit too", () => {
    expect(charactersLeft("🎉".repeat(12_288))).toBe(0);
    expect(charactersLeft("🎉".repeat(12_300))).toBeLessThan(0);
    expect(charactersLeft("美".repeat(16_384))).toBe(0);
  });

  test("blank lines around a message are not sent, indentation is", () => {
    expect(messageOf("\n \n  code\n\n")).toBe("  code");
    expect(messageOf(" \n ")).toBe("");
  });
});

describe("people", () => {
  test("initials are letters of any script", () => {
    expect(initialsOf("Summer kitchen", 2)).toBe("SK");
    expect(initialsOf("grace", 1)).toBe("G");
    expect(initialsOf("美咲", 1)).toBe("美");
    expect(initialsOf("…", 1)).toBe("?");
  });

  test("the hue is a stable angle", () => {
    expect(hueOf("u-1")).toBe(hueOf("u-1"));
    const hues = Array.from({ length: 200 }, (_, index) => hueOf(`user-${index}`));
    expect(hues.every((hue) => hue >= 0 && hue < 360)).toBe(true);
    expect(new Set(hues).size).toBeGreaterThan(20);
  });
});
