// A group's life with three people, one of them on a phone: made, joined by a link, handed over, muted,
// left, joined again. In the end all three see the same.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { violations } from "./axe";
import { launchBrowser } from "./browser";
import { Person } from "./person";
import { adds, registers } from "./rest";
import { Server } from "./server";
import { until } from "./until";

const GROUP = "Summer kitchen";
const WITHIN_MS = 15_000;

let server: Server;
let browser: Browser;
let ada: Person;
let grace: Person;
let linus: Person;
let link = "";

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launchBrowser()]);
  ada = await Person.arrives(browser, server.url, "Ada");
  grace = await Person.arrives(browser, server.url, "Grace");
  linus = await Person.arrives(browser, server.url, "Linus");
  await linus.page.setViewportSize({ width: 390, height: 844 });
  await ada.registers();
  await grace.registers();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** The members as somebody's open details show them: names and roles. */
async function members(person: Person): Promise<string[]> {
  const rows = await person.details.locator(".members li").allInnerTexts();
  return rows.map((row) => row.replace(" (you)", "").split("\n").slice(1).join(" ").trim());
}

async function seesMembers(person: Person, expected: readonly string[]): Promise<void> {
  let seen: string[] = [];
  const what = () => `${person.name} sees ${expected.join(", ")}, but it was ${seen.join(", ")}`;
  await until(what, WITHIN_MS, async () => {
    seen = await members(person);
    return seen.join() === expected.join();
  });
}

test("a group is made, named anew and given a label, and the other sees it live", async () => {
  await ada.makes("Group", "Kitchen", [grace]);
  await ada.sends("first");
  await grace.opens("Kitchen");
  await ada.opensDetails();
  await ada.details.getByRole("button", { name: "Edit name and label" }).click();
  await ada.details.getByLabel("Name").fill(GROUP);
  await ada.details.getByLabel("Label").fill("Lisbon");
  await ada.details.getByRole("button", { name: "Save" }).click();
  await ada.page.getByRole("heading", { name: GROUP, level: 1 }).waitFor();
  await grace.page.getByRole("heading", { name: GROUP, level: 1 }).waitFor();
  await grace.row(GROUP).getByText("Lisbon").waitFor();
  await grace.sees("first");
});

test("a name that is refused is told at its field", async () => {
  await ada.details.getByRole("button", { name: "Edit name and label" }).click();
  await ada.details.getByLabel("Name").fill("\u202e");
  await ada.details.getByRole("button", { name: "Save" }).click();
  await ada.details.getByText("Use visible characters only.").waitFor();
  await ada.details.getByRole("button", { name: "Cancel" }).click();
});

test("a link is made, shown once and listed", async () => {
  await ada.details.getByRole("button", { name: "Invite" }).click();
  const dialog = ada.page.getByRole("dialog", { name: "Invite with a link" });
  await dialog.getByText("1 day", { exact: true }).click();
  await dialog.getByText("10", { exact: true }).click();
  await dialog.getByRole("button", { name: "Make link" }).click();
  link = await dialog.getByRole("textbox", { name: "New link" }).inputValue();
  expect(new URL(link).pathname).toMatch(/^\/join\/.{20,}$/);
  await dialog.getByText(/0 of 10 joined · until/).waitFor();
  expect(await violations(ada.page)).toEqual([]);
  await dialog.getByRole("button", { name: "Close" }).click();
  await ada.details.getByRole("button", { name: "Invite" }).click();
  await dialog.getByText(/0 of 10 joined/).waitFor();
  expect(await dialog.getByRole("textbox", { name: "New link" }).count()).toBe(0);
  await ada.page.keyboard.press("Escape");
});

test("whoever has the link makes an account first, comes back to it and joins", async () => {
  await linus.page.goto(link);
  await linus.page.getByRole("heading", { name: GROUP }).waitFor();
  await linus.page.getByText("2 members").waitFor();
  expect(await violations(linus.page)).toEqual([]);
  await linus.page.getByRole("link", { name: "Make an account" }).click();
  await linus.makesAccount();
  await linus.page.getByRole("button", { name: "Join group" }).waitFor();
  expect(linus.page.url()).toBe(link);
  expect(await violations(linus.page)).toEqual([]);
  await linus.page.getByRole("button", { name: "Join group" }).click();
  await linus.page.getByRole("heading", { name: GROUP, level: 1 }).waitFor();
  await linus.sees("first");
  await linus.sends("hello from outside");
  await ada.sees("hello from outside");
  await seesMembers(ada, ["Ada owner", "Grace", "Linus"]);
});

test("a member looks at a link to where they are already", async () => {
  await linus.page.goto(link);
  await linus.page.getByText("You are already in").waitFor();
  await linus.page.getByRole("button", { name: "Open conversation" }).click();
  await linus.sees("first");
});

test("an admin is made, and may do what admins do", async () => {
  await grace.opensDetails();
  expect(await grace.details.getByRole("button", { name: "Invite" }).count()).toBe(0);
  await ada.choosesFor("Grace", "Make admin");
  await seesMembers(grace, ["Ada owner", "Grace admin", "Linus"]);
  await grace.details.getByRole("button", { name: "Invite" }).waitFor();
  await seesMembers(ada, ["Ada owner", "Grace admin", "Linus"]);
});

test("the only owner can't leave, and is told what to do", async () => {
  await ada.details.getByRole("button", { name: "Leave conversation" }).click();
  await ada.details.getByRole("button", { name: "Leave", exact: true }).click();
  await ada.details.getByText("You are the only owner.").waitFor();
  await ada.details.getByRole("button", { name: "Cancel" }).click();
  await ada.choosesFor("Ada", "Step down to member");
  await ada.page.getByRole("button", { name: "Step down", exact: true }).click();
  await ada.details.getByText("You are the only owner.").waitFor();
});

test("the group is handed over: another owner, and the first steps down", async () => {
  await ada.choosesFor("Grace", "Make owner");
  await seesMembers(ada, ["Ada owner", "Grace owner", "Linus"]);
  await ada.choosesFor("Ada", "Step down to admin");
  await ada.page.getByRole("button", { name: "Step down", exact: true }).click();
  for (const person of [ada, grace]) {
    await seesMembers(person, ["Ada admin", "Grace owner", "Linus"]);
  }
});

test("muted by one, it is quiet for them alone", async () => {
  await linus.opensDetails();
  await linus.details.getByRole("button", { name: "Mute" }).click();
  expect(await violations(linus.page)).toEqual([]);
  await linus.page.getByRole("menuitem", { name: "For 8 hours" }).click();
  await linus.details.getByRole("button", { name: "Unmute" }).waitFor();
  await linus.closesDetails();
  await linus.page.getByRole("button", { name: "Back" }).click();
  await linus.row(GROUP).getByRole("img", { name: "Muted" }).waitFor();
  await ada.sends("shh");
  await linus.seesUnread(GROUP, 1);
  await linus.seesTitle("Parlor");
  expect(await ada.row(GROUP).getByRole("img", { name: "Muted" }).count()).toBe(0);
});

test("who leaves is gone from the group, and the group from their list", async () => {
  await linus.opens(GROUP);
  await linus.opensDetails();
  await linus.details.getByRole("button", { name: "Leave conversation" }).click();
  await linus.details.getByRole("button", { name: "Leave", exact: true }).click();
  await linus.page.getByText("No conversations yet").waitFor();
  for (const person of [ada, grace]) await seesMembers(person, ["Ada admin", "Grace owner"]);
  await ada.sends("while you were out");
});

test("they come again by the same link, and so does what is said from then on", async () => {
  await linus.page.goto(link);
  await linus.page.getByRole("button", { name: "Join group" }).click();
  await linus.page.getByRole("heading", { name: GROUP, level: 1 }).waitFor();
  await linus.sends("back again");
  for (const person of [ada, grace]) await person.sees("back again");
});

test("a link that was revoked leads nowhere, and says so", async () => {
  await grace.details.getByRole("button", { name: "Invite" }).click();
  const dialog = grace.page.getByRole("dialog", { name: "Invite with a link" });
  await dialog.getByText(/2 of 10 joined/).waitFor();
  await dialog.getByRole("button", { name: "Revoke link" }).click();
  await dialog.getByText("Links that work").waitFor({ state: "detached" });
  await grace.page.keyboard.press("Escape");
  const stranger = await browser.newContext({ locale: "en-GB" });
  const page = await stranger.newPage();
  await page.goto(link);
  await page.getByRole("heading", { name: "This link no longer works" }).waitFor();
  expect(await violations(page)).toEqual([]);
  await stranger.close();
});

test("all three see the same in the end, as it came and after a reload", async () => {
  await linus.opensDetails();
  const shown = ["Ada admin", "Grace owner", "Linus"];
  const same = async () => {
    const rows = await Promise.all(
      [ada, grace, linus].map(async (person) => {
        await seesMembers(person, shown);
        return {
          title: await person.page.getByRole("heading", { level: 1 }).last().innerText(),
          label: await person.details.locator(".details-hero p").innerText(),
          count: await person.details.getByText("3 members").count(),
        };
      }),
    );
    for (const row of rows) expect(row).toEqual({ title: GROUP, label: "Lisbon", count: 1 });
  };
  await same();
  for (const person of [ada, grace, linus]) {
    await person.page.reload();
    await person.sees("back again");
    await person.opensDetails();
  }
  await same();
});

test("a person is added and removed by who looks after the group", async () => {
  await ada.choosesFor("Linus", "Remove");
  await ada.page.getByRole("button", { name: "Remove", exact: true }).click();
  await seesMembers(grace, ["Ada admin", "Grace owner"]);
  await linus.page.getByText("This conversation doesn't exist, or you are not in it.").waitFor();
  await ada.details.getByRole("button", { name: "Add", exact: true }).click();
  const dialog = ada.page.getByRole("dialog", { name: "Add people" });
  await dialog.getByPlaceholder("Search by name or handle").fill("linus");
  await dialog.getByRole("button", { name: "@linus" }).click();
  expect(await violations(ada.page)).toEqual([]);
  await dialog.getByRole("button", { name: "Add 1 person" }).click();
  await seesMembers(grace, ["Ada admin", "Grace owner", "Linus"]);
  await linus.page.getByRole("heading", { name: GROUP, level: 1 }).waitFor();
});

test("in a channel only admins write", async () => {
  await ada.makes("Channel", "Farm news", [grace]);
  await ada.sends("strawberries");
  await grace.opens("Farm news");
  await grace.sees("strawberries");
  await grace.page.getByText("Only admins write in this channel.").waitFor();
  await ada.opensDetails();
  await ada.choosesFor("Grace", "Make admin");
  await grace.composer.waitFor();
});

test("who changes their name is called so by everybody at once, also over what they said", async () => {
  await linus.page.goto("/me");
  await linus.page.getByRole("button", { name: "Edit profile" }).click();
  expect(await violations(linus.page)).toEqual([]);
  const handle = linus.page.getByLabel("Handle");
  await handle.fill("grace");
  await linus.page.getByRole("button", { name: "Save" }).click();
  await linus.page.getByText("Someone already has this handle.").waitFor();
  await handle.fill("linus");
  await linus.page.getByLabel("Name", { exact: true }).fill("Linus T.");
  await linus.page.getByLabel("About").fill("Boats");
  await linus.page.getByRole("button", { name: "Save" }).click();
  await linus.page.getByRole("heading", { name: "Linus T." }).waitFor();
  await linus.page.getByText("Boats").waitFor();
  await ada.opens(GROUP);
  await ada.page.locator(".sender").filter({ hasText: "Linus T." }).first().waitFor();
  await linus.page.reload();
  await linus.page.getByRole("heading", { name: "Linus T." }).waitFor();
});

test("more members than come with a conversation are all listed, and who comes or goes is followed", async () => {
  const handles = Array.from({ length: 21 }, (_, at) => `guest-${String(at).padStart(2, "0")}`);
  const ids = await registers(server.url, handles);
  await ada.makes("Group", "Market", [grace]);
  const conversationId = new URL(ada.page.url()).pathname.split("/")[2] ?? "";
  await adds(server.url, "ada", conversationId, ids.slice(0, 20));
  await ada.opensDetails();
  const rows = ada.details.locator(".members li");
  const counts = (count: number) =>
    until(`${count} members are listed`, WITHIN_MS, async () => (await rows.count()) === count);
  await counts(22);
  await adds(server.url, "ada", conversationId, ids.slice(20));
  await counts(23);
  await ada.choosesFor("guest-20", "Make admin");
  await rows.filter({ hasText: "guest-20" }).getByText("admin").waitFor();
  await ada.choosesFor("guest-19", "Remove");
  await ada.page.getByRole("button", { name: "Remove", exact: true }).click();
  await counts(22);
  await ada.details.getByText("22 members").waitFor();
});

test("nothing threw in any page", () => {
  expect([ada, grace, linus].flatMap((person) => person.pageErrors)).toEqual([]);
});
