// Message text becomes parts, never HTML.

import { describe, expect, test } from "vitest";
import { isEmojiOnly, parseInline, parseMessage, previewOf, trimLink } from "../src/text/markup";

const links = (text: string) =>
  parseInline(text).flatMap((part) => (part.type === "link" ? [part.text] : []));

describe("links", () => {
  test.each([
    ["see https://example.org/a.", "https://example.org/a"],
    ["(https://example.org/a)", "https://example.org/a"],
    ["https://en.wikipedia.org/wiki/Ada_(name)", "https://en.wikipedia.org/wiki/Ada_(name)"],
    ["https://example.org/?q=a&b=c#d!", "https://example.org/?q=a&b=c#d"],
    ["看 https://example.org/路径。", "https://example.org/路径"],
  ])("%s", (text, link) => expect(links(text)).toEqual([link]));

  test.each([
    "javascript:alert(1)",
    "data:text/html,<b>",
    "ftp://example.org",
    "www.example.org",
    "https://",
  ])("%s is no link", (text) => {
    expect(links(text)).toEqual([]);
    expect(parseInline(text)).toEqual([{ type: "text", text }]);
  });

  test("the address is what the browser will open", () => {
    const [part] = parseInline("HTTPS://EXAMPLE.org/x");
    expect(part).toMatchObject({ type: "link", href: "https://example.org/x" });
  });

  test("markup in an address stays text", () => {
    expect(links('https://example.org/"><img src=x>')).toEqual(["https://example.org/"]);
  });

  test("a bracket opened inside is kept", () => {
    expect(trimLink("https://x/a_(b))")).toBe("https://x/a_(b)");
  });
});

describe("code", () => {
  test("between single ticks, and links in it stay text", () => {
    expect(parseInline("run `curl https://example.org` now")).toEqual([
      { type: "text", text: "run " },
      { type: "code", text: "curl https://example.org" },
      { type: "text", text: " now" },
    ]);
  });

  test("a fence keeps its indentation and language, and text around it", () => {
    expect(parseMessage("look:\n```rust\n  fn main() {}\n```\ndone")).toEqual([
      { type: "paragraph", parts: [{ type: "text", text: "look:" }] },
      { type: "code", language: "rust", text: "  fn main() {}" },
      { type: "paragraph", parts: [{ type: "text", text: "done" }] },
    ]);
  });

  test("an open fence and a lone tick are text", () => {
    expect(parseMessage("```not closed")).toEqual([
      { type: "paragraph", parts: [{ type: "text", text: "```not closed" }] },
    ]);
    expect(parseInline("it`s")).toEqual([{ type: "text", text: "it`s" }]);
  });
});

test("HTML is text", () => {
  expect(parseInline("<b>hi</b> &amp;")).toEqual([{ type: "text", text: "<b>hi</b> &amp;" }]);
});

test("a long line without an end is parsed in an instant", () => {
  const startedAtMs = performance.now();
  parseMessage("`".repeat(16_384));
  parseMessage(`https://example.org/${"(".repeat(16_000)}`);
  expect(performance.now() - startedAtMs).toBeLessThan(500);
});

describe("emoji only", () => {
  test.each(["🎉", "🐟🎉", "👩‍🚀 👍🏽", "🇵🇹", "❤️", "1️⃣"])("%s is large", (text) => {
    expect(isEmojiOnly(text)).toBe(true);
  });

  test.each(["", " ", "1", "ok 🎉", "🎉🎉🎉🎉🎉🎉🎉", "#"])("%j is not", (text) => {
    expect(isEmojiOnly(text)).toBe(false);
  });
});

test("a preview is one line", () => {
  expect(previewOf("one\n\ntwo ```\ncode\n```")).toBe("one two code");
});
