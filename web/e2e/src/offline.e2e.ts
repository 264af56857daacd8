// The promise of the outbox, as people meet it: the network goes away in the middle of a burst, messages are
// written, the page is reloaded, the network comes back. Everything is there once and in order.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "./browser";
import { Network } from "./network";
import { Person } from "./person";
import { writesOver } from "./rest";
import { Server } from "./server";
import { until } from "./until";

const BURST = 60;
const WITHIN_MS = 30_000;

let server: Server;
let browser: Browser;
let ada: Person;
let grace: Person;
let network: Network;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launchBrowser()]);
  ada = await Person.arrives(browser, server.url, "Ada");
  grace = await Person.arrives(browser, server.url, "Grace");
  network = await Network.of(grace.context);
  await ada.registers();
  await grace.registers();
  await ada.startsTalkingTo(grace);
  await ada.sends("hello");
  await grace.opens("Ada");
  await grace.sees("hello");
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const numbered = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${name} ${index + 1}.`);

/** All of `wanted`, each once, in this order; other messages may stand between them. */
async function seesInOrder(person: Person, wanted: readonly string[]): Promise<void> {
  await until(`${person.name} sees ${wanted.length} messages in order`, WITHIN_MS, async () => {
    const shown = await person.page.locator(".bubble .paragraph").allTextContents();
    const found = shown.filter((text) => wanted.includes(text));
    return JSON.stringify(found) === JSON.stringify(wanted);
  });
}

test("offline in a burst, five messages, a reload: all once and in order", async () => {
  const conversationId = new URL(ada.page.url()).pathname.split("/").at(-1) ?? "";
  // Tall enough that a virtual list shows all of it.
  for (const { page } of [ada, grace]) await page.setViewportSize({ width: 1280, height: 6_000 });
  const burst = numbered("burst", BURST);
  const writing = writesOver(server.url, "ada", conversationId, burst);
  await grace.sees("burst 5.");

  await network.cut();
  await grace.page
    .getByText(/Reconnecting/)
    .filter({ visible: true })
    .waitFor();
  const own = numbered("from grace", 5);
  for (const text of own) await grace.sends(text);
  await grace.seesTick("from grace 5.", "Waiting to be sent");
  await writing;

  await grace.page.reload();
  await grace.page
    .getByText(/Reconnecting/)
    .filter({ visible: true })
    .waitFor();
  network.mend();

  await seesInOrder(grace, [...burst, ...own]);
  await seesInOrder(ada, [...burst, ...own]);
  await grace.seesTick("from grace 5.", "Read");
  for (const text of own) {
    await grace.seesBubbles(text, 1);
    await ada.seesBubbles(text, 1);
  }
});

test("offline and back without a reload: nothing is lost, nothing doubled", async () => {
  await network.cut();
  await grace.sends("into the void");
  await grace.seesTick("into the void", "Waiting to be sent");
  await ada.sends("are you still there?");
  network.mend();
  await seesInOrder(grace, ["are you still there?", "into the void"]);
  await seesInOrder(ada, ["are you still there?", "into the void"]);
});

test("two tabs of one person: what one wrote offline arrives once, and both show it", async () => {
  const second = await grace.context.newPage();
  await second.goto(grace.page.url());
  await second.locator(".bubble").filter({ hasText: "into the void" }).waitFor();
  await server.pause();
  await grace.page
    .getByText(/Reconnecting/)
    .filter({ visible: true })
    .waitFor();
  await grace.sends("from the first tab");
  await grace.seesTick("from the first tab", "Waiting to be sent");
  await server.resume();
  await ada.sees("from the first tab");
  await second.locator(".bubble").filter({ hasText: "from the first tab" }).waitFor();
  await ada.seesBubbles("from the first tab", 1);
  await grace.seesBubbles("from the first tab", 1);
  await second.close();
});

test("nothing threw in either page", () => {
  expect([...ada.pageErrors, ...grace.pageErrors]).toEqual([]);
});
