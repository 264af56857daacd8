// Two people talk: accounts, a conversation, live delivery, unread and ticks, and what a reload or a
// restart of the server must not change.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "./browser";
import { PASSWORD, Person } from "./person";
import { Server } from "./server";

let server: Server;
let browser: Browser;
let ada: Person;
let grace: Person;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launchBrowser()]);
  ada = await Person.arrives(browser, server.url, "Ada");
  grace = await Person.arrives(browser, server.url, "Grace");
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test("people make accounts, and a taken handle is explained", async () => {
  await ada.registers();
  await grace.registers();
  const other = await Person.arrives(browser, server.url, "Ada");
  await other.page.goto("/register");
  await other.page.getByLabel("Handle").fill("ada");
  await other.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await other.page.getByRole("button", { name: "Make account" }).click();
  await other.page.getByText("Someone already has this handle.").waitFor();
  await other.context.close();
});

test("one signs out and in again, and a wrong password is refused", async () => {
  await ada.signsOut();
  await ada.signsIn("not the password");
  await ada.page.getByText("Handle or password is wrong.").waitFor();
  await ada.signsIn();
  await ada.seesChats();
});

test("a message arrives live, is counted unread, and its ticks follow", async () => {
  await ada.startsTalkingTo(grace);
  await ada.sends("hello grace");
  await ada.sees("hello grace");
  await grace.row("Ada").getByText("hello grace").waitFor();
  await grace.seesUnread("Ada", 1);
  await grace.seesTitle("(1) Parlor");
  await ada.seesTick("hello grace", "Delivered");

  await grace.opens("Ada");
  await grace.sees("hello grace");
  await ada.seesTick("hello grace", "Read");
  await grace.seesTitle("Parlor");

  await grace.sends("hello ada");
  await ada.sees("hello ada");
  await grace.seesTick("hello ada", "Read");
  await ada.seesBubbles("hello grace", 1);
});

test("links are links, markup is text, and a draft outlives a reload", async () => {
  await ada.sends("<b>see</b> https://example.org/a?b=1.");
  const link = grace.page.getByRole("link", { name: "https://example.org/a?b=1", exact: true });
  await link.waitFor();
  expect(await link.getAttribute("rel")).toContain("noopener");
  await grace.sees("<b>see</b>");

  await ada.composer.fill("not yet sent");
  await ada.page.reload();
  await ada.sees("hello ada");
  expect(await ada.composer.inputValue()).toBe("not yet sent");
  await ada.page.getByRole("link", { name: "Me", exact: true }).first().click();
  await ada.row("Grace").getByText("Draft:").waitFor();
  await ada.opens("Grace");
  await ada.composer.fill("");
});

test("after a restart both come back, and what was written meanwhile arrives once", async () => {
  await server.pause();
  await ada.page
    .getByText(/Reconnecting/)
    .filter({ visible: true })
    .waitFor();
  await ada.sends("written while away");
  await ada.seesTick("written while away", "Waiting to be sent");
  await server.resume();

  await grace.sees("written while away");
  await ada.seesTick("written while away", "Read");
  await grace.seesBubbles("written while away", 1);
  await ada.seesBubbles("written while away", 1);
  await grace.sees("hello grace");

  await grace.sends("and we are back");
  await ada.sees("and we are back");
});

test("a thread that was opened while the server was away loads by itself", async () => {
  const linus = await Person.arrives(browser, server.url, "Linus");
  await linus.registers();
  await ada.startsTalkingTo(linus);
  await ada.sends("hello linus");
  await linus.row("Ada").getByText("hello linus").waitFor();
  await server.pause();
  await linus.row("Ada").click();
  await linus.page.getByText("The messages could not be loaded.").waitFor();
  await server.resume();
  await linus.sees("hello linus");
  await linus.context.close();
  await ada.opens("Grace");
});

test("a reload shows the same history", async () => {
  await grace.page.reload();
  await grace.sees("hello grace");
  await grace.sees("and we are back");
  await grace.seesBubbles("written while away", 1);
});

test("nothing threw in either page", () => {
  expect(ada.pageErrors).toEqual([]);
  expect(grace.pageErrors).toEqual([]);
});
