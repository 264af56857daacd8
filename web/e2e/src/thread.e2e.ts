// Long threads and small screens: history comes in above without moving what is read, what comes in below
// is counted, a phone has one page at a time, and no page breaks a rule of accessibility.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { violations } from "./axe";
import { launchBrowser } from "./browser";
import { Person } from "./person";
import { writesOver } from "./rest";
import { Server } from "./server";
import { until } from "./until";

const HISTORY = 140;
const PAGE = 50;

let server: Server;
let browser: Browser;
let ada: Person;
let grace: Person;
let conversationId: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launchBrowser()]);
  ada = await Person.arrives(browser, server.url, "Ada");
  grace = await Person.arrives(browser, server.url, "Grace");
  await ada.registers();
  await grace.registers();
  await ada.startsTalkingTo(grace);
  conversationId = new URL(ada.page.url()).pathname.split("/").at(-1) ?? "";
  const lines = Array.from({ length: HISTORY }, (_, index) => {
    return `line ${index + 1} ${"and a little more ".repeat(index % 7)}`;
  });
  await writesOver(server.url, "grace", conversationId, lines);
  await ada.sees(`line ${HISTORY} `);
  await ada.page.reload();
  await ada.sees(`line ${HISTORY} `);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

function place(page: Page, text: string): Promise<number | null> {
  return page.evaluate((wanted) => {
    const found = [...document.querySelectorAll(".bubble")].find((it) => {
      return it.textContent?.startsWith(wanted);
    });
    return found ? Math.round(found.getBoundingClientRect().top) : null;
  }, text);
}

/** Where the message stands once nothing moves any more. */
async function placeAtRest(page: Page, text: string): Promise<number> {
  let last: number | null = null;
  await until("the thread rests", 5_000, async () => {
    const before = last;
    last = await place(page, text);
    return last !== null && last === before;
  });
  return last ?? Number.NaN;
}

test("older pages come in above without moving what is read", async () => {
  // The oldest loaded message is not shown before its predecessor is known.
  const oldest = HISTORY - PAGE + 2;
  // The page of older messages is held back until the reader rests at the top.
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await ada.page.route(/messages\?.*before=/, async (route) => {
    await held;
    await route.continue();
  });
  await ada.page.locator(".log").hover();
  await ada.page.mouse.wheel(0, -100_000);
  await ada.sees(`line ${oldest} `);
  const mark = `line ${oldest + 2} `;
  const before = await placeAtRest(ada.page, mark);
  release();
  await ada.sees(`line ${oldest - 1} `);
  expect(Math.abs((await placeAtRest(ada.page, mark)) - before)).toBeLessThanOrEqual(1);
  await ada.page.unroute(/messages\?.*before=/);
});

test("what comes in below is counted, and one press leads to it", async () => {
  await writesOver(server.url, "grace", conversationId, ["below one", "below two"]);
  const button = ada.page.getByRole("button", { name: "2 new messages below" });
  await button.click();
  await ada.sees("below two");
  await button.waitFor({ state: "detached" });
});

test("a text that is too long is refused with a sentence and kept", async () => {
  await ada.composer.fill("a".repeat(16_390));
  await ada.page.getByText("6 characters too long.").waitFor();
  await ada.composer.press("Enter");
  expect((await ada.composer.inputValue()).length).toBe(16_390);
  expect(await ada.page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
  await ada.composer.fill("");
});

test("a phone shows one page at a time, with a way back", async () => {
  await ada.page.setViewportSize({ width: 390, height: 844 });
  await ada.page.goto("/");
  await ada.row("Grace").click();
  await ada.sees("below two");
  expect(await ada.row("Grace").isVisible()).toBe(false);
  await ada.page.getByRole("button", { name: "Back" }).click();
  await ada.row("Grace").waitFor();
  expect(new URL(ada.page.url()).pathname).toBe("/");

  await ada.page.goto(`/c/${conversationId}`);
  await ada.sees("below two");
  await ada.page.getByRole("button", { name: "Back" }).click();
  await ada.row("Grace").waitFor();
  await ada.page.setViewportSize({ width: 1280, height: 800 });
});

test("a conversation one is not in is explained", async () => {
  await ada.page.goto("/c/0198c0de-0000-7000-8000-000000000001");
  await ada.page.getByText("This conversation doesn't exist, or you are not in it.").waitFor();
  await ada.page.getByRole("button", { name: "Go to chats" }).click();
  await ada.seesChats();
});

test.each(["light", "dark"] as const)("axe finds nothing in the %s pages", async (colorScheme) => {
  await ada.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await ada.page.goto(`/c/${conversationId}`);
  await ada.sees("below two");
  await ada.page.getByRole("button", { name: "Show details" }).click();
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.getByRole("button", { name: "New conversation", exact: true }).click();
  await ada.page.getByRole("dialog").getByRole("button", { name: "@grace" }).click();
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.goto("/me");
  await ada.page.getByRole("button", { name: "Sign out" }).waitFor();
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.goto("/register");
  await ada.page.getByRole("heading", { name: "Make an account" }).waitFor();
  expect(await violations(ada.page)).toEqual([]);
});

test("nothing threw in either page", () => {
  expect([...ada.pageErrors, ...grace.pageErrors]).toEqual([]);
});
