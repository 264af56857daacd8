// Pictures of the app over demo data, for the docs and for judging the look:
// `npm run screenshots -- <folder>`.

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Browser } from "playwright-core";
import { launchBrowser } from "./browser";
import { demoLinks } from "./demo";
import { Server } from "./server";

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

async function main(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const server = await Server.start({ PARLOR_DEMO: "true" });
  const browser = await launchBrowser();
  try {
    const storageState = await signedIn(browser, (await demoLinks(server)).ada);
    for (const { name, viewport } of screens) {
      for (const colorScheme of ["light", "dark"] as const) {
        const options = { baseURL: server.url, viewport, colorScheme, deviceScaleFactor: 2 };
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
