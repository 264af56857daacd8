// Who is here and who writes, as the others see it at once.

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
  await ada.sends("hello");
  await grace.opens("Ada");
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const bar = (person: Person) => person.page.locator(".thread-names p");

test("who is here has a mark in the list, and it is said over the thread", async () => {
  await ada.row("Grace").getByRole("img", { name: "online" }).waitFor();
  await bar(ada).getByText("online").waitFor();
  expect(await violations(ada.page)).toEqual([]);
});

test("who writes is seen writing, in the list, over and under the thread, until it is sent", async () => {
  const foot = grace.page.locator(".dots");
  await ada.composer.pressSequentially("on my way");
  await bar(grace).getByText("typing…").waitFor();
  await foot.waitFor();
  await grace.row("Ada").getByText("typing…").waitFor();
  await ada.composer.press("Enter");
  await grace.sees("on my way");
  await foot.waitFor({ state: "detached" });
  await bar(grace).getByText("online").waitFor();
});

test("the dots take no room: nothing moves when they come and go", async () => {
  const foot = grace.page.locator(".dots");
  const place = () => grace.bubble("on my way").boundingBox();
  const before = await place();
  await ada.composer.pressSequentially("hm");
  await foot.waitFor();
  expect(await place()).toEqual(before);
  await ada.composer.fill("");
  await foot.waitFor({ state: "detached" });
  expect(await place()).toEqual(before);
});

test("in a group the writer is named, and those who are here are counted", async () => {
  await ada.makes("Group", "Kitchen", [grace]);
  await ada.sends("what is for dinner?");
  await grace.opens("Kitchen");
  await grace.sees("what is for dinner?");
  await bar(grace).getByText("2 members, 2 online").waitFor();
  await ada.composer.pressSequentially("soup");
  await bar(grace).getByText("Ada is typing").waitFor();
  await grace.page.locator(".typists").getByText("Ada is typing").waitFor();
});

test("who goes is gone after a moment, and when they were last here is told", async () => {
  await grace.opens("Ada");
  await ada.page.close();
  await bar(grace)
    .getByText(/^last seen/)
    .waitFor();
  await grace.row("Ada").getByRole("img", { name: "online" }).waitFor({ state: "detached" });
});

test("nothing threw in either page", () => {
  expect([...ada.pageErrors, ...grace.pageErrors]).toEqual([]);
});
