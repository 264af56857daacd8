// What one does to a conversation in the list, by mouse, keyboard and finger: pin, mute, archive, unread,
// hide. It is the viewer's own and the same on their other device.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { violations } from "./axe";
import { launchBrowser } from "./browser";
import { PASSWORD, Person } from "./person";
import { Server } from "./server";
import { swipes } from "./touch";
import { until } from "./until";

const WITHIN_MS = 15_000;

let server: Server;
let browser: Browser;
let ada: Person;
let phone: Person;
let grace: Person;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launchBrowser()]);
  ada = await Person.arrives(browser, server.url, "Ada");
  phone = await Person.arrives(browser, server.url, "Ada");
  grace = await Person.arrives(browser, server.url, "Grace");
  await ada.registers();
  await grace.registers();
  for (const title of ["Kitchen", "Garden", "Garage"]) {
    await grace.makes("Group", title, [ada]);
    await grace.sends(`hello ${title}`);
  }
  await ada.row("Garage").getByText("hello Garage").waitFor();
  await phone.page.setViewportSize({ width: 390, height: 844 });
  await phone.signsIn(PASSWORD);
  await phone.row("Garage").waitFor();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function seesOrder(person: Person, expected: readonly string[]): Promise<void> {
  await until(`${person.name} sees ${expected.join(", ")}`, WITHIN_MS, async () => {
    return (await person.page.locator(".row-title").allInnerTexts()).join() === expected.join();
  });
}

test("a pinned conversation stands first, on every device", async () => {
  await seesOrder(ada, ["Garage", "Garden", "Kitchen"]);
  await ada.chooses("Kitchen", "Pin");
  for (const person of [ada, phone]) await seesOrder(person, ["Kitchen", "Garage", "Garden"]);
  await ada.chooses("Kitchen", "Unpin");
  for (const person of [ada, phone]) await seesOrder(person, ["Garage", "Garden", "Kitchen"]);
});

test("a right click asks for the menu, and mutes", async () => {
  await ada.row("Garden").click({ button: "right" });
  await ada.page.getByRole("menuitem", { name: "Mute…" }).click();
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.getByRole("menuitem", { name: "For an hour" }).click();
  for (const person of [ada, phone]) {
    await person.row("Garden").getByRole("img", { name: "Muted" }).waitFor();
  }
  await ada.seesTitle("(2) Parlor");
  await ada.chooses("Garden", "Unmute");
  await ada.seesTitle("(3) Parlor");
});

test("read and unread again, without opening it", async () => {
  await ada.chooses("Garage", "Mark as read");
  await phone
    .row("Garage")
    .getByRole("img", { name: /unread/ })
    .waitFor({ state: "detached" });
  await ada.chooses("Garage", "Mark as unread");
  for (const person of [ada, phone]) await person.seesUnread("Garage", 1);
});

test("the menu is reached and left by keyboard alone", async () => {
  const { page } = ada;
  await ada.row("Garage").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const menu = page.getByRole("menu", { name: "Conversation actions" });
  await menu.waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "For an hour" }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  expect(await focused()).toBe("For an hour");
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "detached" });
  const label = await page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  expect(label).toBe("Conversation actions for Garden");
  await page.keyboard.press("ArrowDown");
  expect(await focused()).toContain("Kitchen");
});

test("what is archived is behind the last row, and stays there", async () => {
  await ada.chooses("Kitchen", "Archive");
  for (const person of [ada, phone]) await seesOrder(person, ["Garage", "Garden"]);
  await grace.opens("Kitchen");
  await grace.sends("anybody?");
  await ada.page.getByRole("link", { name: /^Archived/ }).click();
  await ada.page.getByRole("heading", { name: "Archived" }).waitFor();
  expect(new URL(ada.page.url()).pathname).toBe("/archive");
  await ada.seesUnread("Kitchen", 2);
  expect(await violations(ada.page)).toEqual([]);
  await ada.opens("Kitchen");
  await ada.sees("anybody?");
  await ada.page.getByRole("heading", { name: "Archived" }).waitFor();
  await ada.page.reload();
  await ada.sees("anybody?");

  await phone.page.getByRole("link", { name: /^Archived/ }).click();
  await phone.opens("Kitchen");
  await phone.page.getByRole("button", { name: "Back" }).click();
  await phone.page.getByRole("heading", { name: "Archived" }).waitFor();
  await phone.page.getByRole("button", { name: "Go to chats" }).click();
  await phone.seesChats();
});

test("a finger uncovers what can be done, to both sides", async () => {
  const { page } = phone;
  await swipes(page, phone.row("Garden"), 160);
  expect(await violations(page)).toEqual([]);
  await page.getByRole("button", { name: "Pin", exact: true }).click();
  for (const person of [ada, phone]) await seesOrder(person, ["Garden", "Garage"]);

  await swipes(page, phone.row("Garage"), -200);
  await page.getByRole("button", { name: "Archive", exact: true }).click();
  await seesOrder(phone, ["Garden"]);
  // A pull that stops half-way does nothing, and no conversation was opened by any of this.
  await swipes(page, phone.row("Garden"), -40);
  await page.getByRole("button", { name: "Archive", exact: true }).waitFor({ state: "detached" });
  expect(new URL(page.url()).pathname).toBe("/");

  await swipes(page, phone.row("Garden"), -200);
  await page.getByRole("button", { name: "Hide", exact: true }).click();
  await page.getByText("Your history of it is cleared.").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await seesOrder(phone, ["Garden"]);
});

test("a search finds what is archived, and the menu brings it back", async () => {
  await ada.page.goto("/");
  await ada.page.getByPlaceholder("Search chats").fill("kitch");
  await ada.chooses("Kitchen", "Unarchive");
  await ada.page.getByPlaceholder("Search chats").fill("");
  await seesOrder(ada, ["Garden", "Kitchen"]);
});

test("what the server refuses goes back, with a sentence", async () => {
  await server.pause();
  await ada.page
    .getByText(/Reconnecting/)
    .filter({ visible: true })
    .waitFor();
  await ada.chooses("Kitchen", "Pin");
  await ada.page.getByText("The server can't be reached.").waitFor();
  await seesOrder(ada, ["Garden", "Kitchen"]);
  await server.resume();
});

test("nothing threw in any page", () => {
  expect([ada, phone, grace].flatMap((person) => person.pageErrors)).toEqual([]);
});
