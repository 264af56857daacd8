// What people do to messages after they are sent, seen on the other side live and after a reload: edits,
// deletions, reactions, unread again, hiding.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { violations } from "./axe";
import { launchBrowser } from "./browser";
import { Person } from "./person";
import { Server } from "./server";

let server: Server;
let browser: Browser;
let ada: Person;
let grace: Person;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launchBrowser()]);
  ada = await Person.arrives(browser, server.url, "Ada");
  grace = await Person.arrives(browser, server.url, "Grace");
  await ada.registers();
  await grace.registers();
  await ada.startsTalkingTo(grace);
  for (const text of ["first", "secnd", "third"]) await ada.sends(text);
  await grace.opens("Ada");
  await grace.sees("third");
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** Live first, then from a page that reads everything anew. */
async function graceSees(check: () => Promise<void>): Promise<void> {
  await check();
  await grace.page.reload();
  await check();
}

test("an own message is edited from its menu, and is marked as edited", async () => {
  await ada.asksFor("secnd", "Edit");
  const field = ada.page.getByRole("textbox", { name: "Editing your message" });
  expect(await field.inputValue()).toBe("secnd");
  await field.fill("second");
  await field.press("Enter");
  await ada.sees("second");
  await ada.composer.waitFor();
  await graceSees(async () => {
    await grace.bubble("second").getByText("edited").waitFor();
    await grace.seesBubbles("secnd", 0);
  });
});

test("ArrowUp takes up the last own message, Escape leaves it as it was", async () => {
  await ada.composer.focus();
  await ada.composer.press("ArrowUp");
  const field = ada.page.getByRole("textbox", { name: "Editing your message" });
  expect(await field.inputValue()).toBe("third");
  await field.fill("something else");
  await field.press("Escape");
  await ada.composer.waitFor();
  expect(await ada.composer.inputValue()).toBe("");
  await ada.sees("third");
  await ada.seesBubbles("something else", 0);
});

test("a reaction is counted on both sides, and a click on it takes one's own back", async () => {
  await grace.asksFor("first", "React with 👍", "menuitemcheckbox");
  const chip = (person: Person, name: string) =>
    person.page.getByRole("button", { name, exact: true });
  await chip(grace, "👍 from You").waitFor();
  await chip(ada, "👍 from Grace").click();
  await chip(ada, "👍 from Grace, You").waitFor();
  expect(await chip(ada, "👍 from Grace, You").getAttribute("aria-pressed")).toBe("true");
  await graceSees(async () => chip(grace, "👍 from You, Ada").waitFor());
  await chip(grace, "👍 from You, Ada").click();
  await chip(ada, "👍 from You").waitFor();
});

test("the menu is reached and left by keyboard", async () => {
  const { page } = ada;
  const buttons = page.getByRole("button", { name: "Message actions" });
  await buttons.last().focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.getByRole("menu", { name: "Message actions" }).waitFor();
  await page.keyboard.press("End");
  await page.keyboard.press("Home");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe(
    "menuitemcheckbox",
  );
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "detached" });
  expect(await page.evaluate(() => document.activeElement?.className)).toContain("bubble-menu");
});

test("on a phone a long press opens the menu, and letting go chooses nothing", async () => {
  const { page } = ada;
  const session = await ada.context.newCDPSession(page);
  const touch = (type: "touchStart" | "touchEnd", touchPoints: { x: number; y: number }[]) =>
    session.send("Input.dispatchTouchEvent", { type, touchPoints });
  await page.setViewportSize({ width: 390, height: 844 });
  const box = await ada.bubble("first").boundingBox();
  await touch("touchStart", [{ x: (box?.x ?? 0) + 20, y: (box?.y ?? 0) + 15 }]);
  const menu = page.getByRole("menu", { name: "Message actions" });
  await menu.waitFor();
  await touch("touchEnd", []);
  await menu.getByRole("menuitem", { name: "Copy text" }).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await menu.waitFor({ state: "detached" });
  await page.setViewportSize({ width: 1280, height: 800 });
  await session.detach();
});

test("a deep link reads its newest page once", async () => {
  const read: string[] = [];
  grace.page.on("request", (request) => {
    if (/messages\?/.test(request.url())) read.push(request.url());
  });
  await grace.page.reload();
  await grace.sees("third");
  await grace.seesTitle("Parlor");
  expect(read.length).toBe(1);
});

test("deleting asks once, and leaves a line in its place", async () => {
  await ada.asksFor("third", "Delete");
  await ada.page.getByText("Delete this message for everyone?").waitFor();
  await ada.page.getByRole("button", { name: "Delete", exact: true }).click();
  const line = (person: Person) =>
    person.page.locator(".message-row").getByText("This message was deleted");
  await line(ada).waitFor();
  await graceSees(async () => {
    await line(grace).waitFor();
    await grace.seesBubbles("third", 0);
    await grace.row("Ada").getByText("This message was deleted").waitFor();
  });
});

test("unread from here: the badge is back and stays until one comes back", async () => {
  await grace.asksFor("second", "Mark unread from here");
  await grace.seesUnread("Ada", 1);
  await grace.page.locator(".new-line").waitFor();
  await grace.page.getByRole("link", { name: "Me", exact: true }).first().click();
  await grace.seesUnread("Ada", 1);
  await grace.opens("Ada");
  await grace
    .row("Ada")
    .getByRole("img", { name: /unread/ })
    .waitFor({ state: "detached" });
});

test("a change that can't be made now is refused with a sentence and shown no more", async () => {
  await server.pause();
  await ada.page
    .getByText(/Reconnecting/)
    .filter({ visible: true })
    .waitFor();
  await ada.asksFor("first", "React with 🎉", "menuitemcheckbox");
  await ada.page.getByText("There is no connection right now.").waitFor();
  expect(await ada.page.getByRole("button", { name: /^🎉 from/ }).count()).toBe(0);
  await server.resume();
  await ada.page.locator(".connection-pill").first().waitFor({ state: "detached" });
});

test("a hidden conversation is gone, also after a reload, and returns with the next message", async () => {
  await grace.page.getByRole("button", { name: "Show details" }).click();
  await grace.page.getByRole("button", { name: "Hide conversation" }).click();
  await grace.page.getByText("Your history of it is cleared.").waitFor();
  await grace.page.getByRole("button", { name: "Hide", exact: true }).click();
  await grace.page.getByText("No conversations yet").waitFor();
  await grace.page.reload();
  await grace.page.getByText("No conversations yet").waitFor();
  await ada.sends("are you there?");
  await grace.row("Ada").getByText("are you there?").waitFor();
  await grace.opens("Ada");
  await grace.sees("are you there?");
  await grace.seesBubbles("first", 0);
});

test("an address that names nothing says so", async () => {
  await grace.page.goto("/nosuch/page");
  await grace.page.getByText("Nothing at this address").waitFor();
  await grace.page.getByRole("button", { name: "Go to chats" }).click();
  await grace.seesChats();
  expect(new URL(grace.page.url()).pathname).toBe("/");
});

test("nothing threw in either page", () => {
  expect([...ada.pageErrors, ...grace.pageErrors]).toEqual([]);
});
