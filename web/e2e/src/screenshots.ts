// Pictures of the app over demo data, for the docs and for judging the look:
// `npm run screenshots -- <folder>`.

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "./browser";
import { demoLinks } from "./demo";
import { rests } from "./rests";
import { Server } from "./server";
import { swipes } from "./touch";

const screens = [
  { name: "desktop", viewport: { width: 1440, height: 900 } },
  { name: "phone", viewport: { width: 390, height: 844 } },
] as const;

/** One login, carried into every context: a login link works once. */
async function signedIn(browser: Browser, link: string) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(link);
  await page.locator(".row").first().waitFor();
  const state = await context.storageState();
  await context.close();
  return state;
}

type Shoot = (screen: string) => Promise<void>;

/** Somebody who is here and writes. */
async function writing(page: Page, grace: Page, shoot: Shoot): Promise<void> {
  await grace.goto("/");
  await grace.locator(".row").filter({ hasText: "Summer kitchen" }).click();
  await page.goto("/");
  await page.locator(".row").filter({ hasText: "Summer kitchen" }).click();
  await page.locator(".bubble").last().waitFor();
  await grace.getByRole("textbox").last().pressSequentially("Bread");
  await page.locator(".dots").waitFor();
  await page.getByRole("button", { name: "Show details" }).waitFor();
  await shoot("writing");
  await grace.getByRole("textbox").last().fill("");
}

/** What is done to conversations and their people. */
async function groupScreens(page: Page, shoot: Shoot): Promise<void> {
  const isPhone = (page.viewportSize()?.width ?? 0) < 700;
  const row = page.locator(".row").filter({ hasText: "Summer kitchen" });
  await page.goto("/");
  await row.waitFor();
  if (isPhone) {
    for (const [side, byPx] of [
      ["start", 160],
      ["end", -200],
    ] as const) {
      await swipes(page, row, byPx);
      await page.locator(`.swipe-actions.${side}`).waitFor();
      await shoot(`swipe-${side}`);
      await page.locator(".list-head").tap();
    }
  }
  await row.dispatchEvent("contextmenu");
  await page.getByRole("menu").waitFor();
  await shoot("row-menu");
  await page.getByRole("menuitem", { name: "Mute…" }).click();
  await shoot("mute-menu");
  await page.keyboard.press("Escape");
  await row.click();
  await page.getByRole("button", { name: "Show details" }).click();
  await page.locator(".details").waitFor();
  if (!isPhone) await page.locator(".bubble").last().waitFor();
  await shoot("details");
  await page.getByRole("button", { name: "Actions for Grace", exact: true }).click();
  await page.getByRole("menu").waitFor();
  await shoot("member-menu");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Edit name and label" }).click();
  await shoot("edit");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Leave conversation" }).click();
  await page.getByText("need to be added or invited").scrollIntoViewIfNeeded();
  await shoot("leave");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await shoot("add-people");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByRole("button", { name: "Make link" }).click();
  const link = await page.getByRole("textbox", { name: "New link" }).inputValue();
  await page.getByText("Links that work").waitFor();
  await shoot("links");
  await page.keyboard.press("Escape");
  await page.goto(new URL(link).pathname);
  await page.getByRole("button", { name: "Open conversation" }).waitFor();
  await shoot("join-member");
  await page.goto("/join/nothing");
  await page.getByText("This link no longer works").waitFor();
  await shoot("join-gone");
  await signedOut(page, new URL(link).pathname, shoot);
  await page.goto("/");
  await page.getByRole("button", { name: "New conversation", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator(".person").first().click();
  await dialog.getByPlaceholder("Group name (optional)").fill("Farm news");
  await dialog.getByText("Channel", { exact: true }).click();
  await shoot("new-channel");
}

/** What is archived and muted, and the profile. */
async function ownScreens(page: Page, shoot: Shoot): Promise<void> {
  const asks = async (title: string, item: string) => {
    await page.locator(".row").filter({ hasText: title }).dispatchEvent("contextmenu");
    await page.getByRole("menuitem", { name: item }).click();
  };
  await page.goto("/");
  await asks("Grace", "Mute…");
  await page.getByRole("menuitem", { name: "For a week" }).click();
  await asks("Summer kitchen", "Pin");
  await asks("Reading circle", "Archive");
  await page.locator(".archive-row").waitFor();
  await shoot("list-archive-row");
  await page.locator(".archive-row").click();
  await page.getByRole("heading", { name: "Archived" }).waitFor();
  await shoot("archive");
  await asks("Reading circle", "Unarchive");
  await page.getByText("Nothing archived").waitFor();
  await shoot("archive-empty");
  await page.goto("/");
  await asks("Grace", "Unmute");
  await asks("Summer kitchen", "Unpin");
  await page.goto("/me");
  await page.getByRole("button", { name: "Edit profile" }).click();
  await shoot("profile");
}

/** The same link for who is not signed in. */
async function signedOut(page: Page, path: string, shoot: Shoot): Promise<void> {
  await page.evaluate(() => sessionStorage.setItem("parlor.active", ""));
  await page.goto(path);
  await page.getByText("Sign in or make an account to join.").waitFor();
  await page.getByText("Summer kitchen").waitFor();
  await shoot("join-signed-out");
  await page.evaluate(() => sessionStorage.clear());
}

async function main(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const server = await Server.start({ PARLOR_DEMO: "true" });
  const browser = await launchBrowser();
  try {
    const links = await demoLinks(server);
    const storageState = await signedIn(browser, links.ada);
    const grace = await (await browser.newContext({ baseURL: server.url })).newPage();
    await grace.goto(links.grace);
    await grace.locator(".row").first().waitFor();
    for (const { name, viewport } of screens) {
      for (const colorScheme of ["light", "dark"] as const) {
        const options = {
          baseURL: server.url,
          viewport,
          colorScheme,
          deviceScaleFactor: 2,
          hasTouch: name === "phone",
        };
        const context = await browser.newContext({ ...options, storageState, locale: "en-GB" });
        const page = await context.newPage();
        await page.goto("/");
        await page.locator(".row").first().waitFor();
        await page.screenshot({ path: join(folder, `${name}-list-${colorScheme}.png`) });
        await page.locator(".row").first().click();
        await page.locator(".bubble").last().waitFor();
        if (name === "desktop") {
          await page.getByRole("button", { name: "Show details" }).click();
          await page.locator(".details").waitFor();
        }
        await page.evaluate(() => document.fonts.ready);
        await page.screenshot({ path: join(folder, `${name}-thread-${colorScheme}.png`) });
        const shoot = async (screen: string) => {
          await rests(page);
          await page.screenshot({ path: join(folder, `${name}-${screen}-${colorScheme}.png`) });
        };
        await writing(page, grace, shoot);
        await groupScreens(page, shoot);
        await ownScreens(page, shoot);
        await context.close();
      }
    }
    console.log(`screenshots written to ${folder}`);
  } finally {
    await browser.close();
    await server.stop();
  }
}

await main(resolve(process.argv[2] ?? "screenshots"));
