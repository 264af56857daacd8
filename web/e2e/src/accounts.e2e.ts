// Two accounts side by side in one browser profile, and the demo's login links.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "./browser";
import { demoLinks } from "./demo";
import { Server } from "./server";

let server: Server;
let browser: Browser;
/** Grace's tab; her link works once, so the tests share it. */
let grace: Page;

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
  const ada = await context.newPage();
  grace = await context.newPage();
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

  // A tab that signs out stays signed out, and offers the other account instead of becoming it.
  await ada.getByRole("button", { name: "Sign out" }).click();
  await ada.getByRole("heading", { name: "Welcome back" }).waitFor();
  await ada.goto(server.url);
  await ada.getByRole("heading", { name: "Welcome back" }).waitFor();
  await ada.getByRole("button", { name: "Switch to Grace" }).click();
  await ada.getByRole("heading", { name: "Chats" }).waitFor();

  const third = await context.newPage();
  await third.goto(links.ada);
  await third.getByText("This login link was used before or has expired.").waitFor();
  await third.getByLabel("Handle or email").waitFor();
});

test("the channel says who may write, the dialog begins in its search, and a broken address is no blank page", async () => {
  const page = grace;
  await page.goto(server.url);
  await page.getByRole("link", { name: /Farm market/ }).click();
  await page.getByText("Only admins write in this channel.").waitFor();
  expect(await page.getByRole("textbox", { name: /^Write to/ }).count()).toBe(0);

  await page.getByRole("button", { name: "New conversation", exact: true }).click();
  await page.keyboard.type("leyla");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByTitle("Remove Leyla").waitFor();
  await page.keyboard.press("Escape");

  await page.goto(`${server.url}/c/%E0%A4%A`);
  await page.getByRole("button", { name: "Go to chats" }).waitFor();
});
