// Two accounts side by side in one browser profile, and the demo's login links.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "./browser";
import { demoLinks } from "./demo";
import { Server } from "./server";

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start({ PARLOR_DEMO: "true" }), launchBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test("two login links open two people in two tabs, and each survives a reload", async () => {
  const links = await demoLinks(server);
  const context = await browser.newContext({ locale: "en-GB" });
  const [ada, grace] = [await context.newPage(), await context.newPage()];
  await ada.goto(links.ada);
  await ada.getByRole("heading", { name: "Chats" }).waitFor();
  await grace.goto(links.grace);
  await grace.getByRole("heading", { name: "Chats" }).waitFor();
  expect(new URL(ada.url()).hash).toBe("");

  for (const [page, handle] of [
    [ada, "@ada"],
    [grace, "@grace"],
  ] as const) {
    await page.goto(`${server.url}/me`);
    await page.locator(".me-hero").getByText(handle).waitFor();
    await page.reload();
    await page.locator(".me-hero").getByText(handle).waitFor();
  }

  const third = await context.newPage();
  await third.goto(links.ada);
  await third.getByText("This login link was used before or has expired.").waitFor();
  await third.getByLabel("Handle or email").waitFor();
  await context.close();
});
