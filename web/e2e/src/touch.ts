// A finger on the page, as the browser's own input hears it.

import type { Locator, Page } from "playwright-core";

const STEPS = 8;

/** Pulls a row aside and lets go. */
export async function swipes(page: Page, row: Locator, byPx: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const box = await row.boundingBox();
  if (!box) throw new Error("there is no row to swipe");
  const y = box.y + box.height / 2;
  const from = box.x + box.width / 2;
  await session.send("Input.dispatchTouchEvent", {
    type: "touchStart",
    touchPoints: [{ x: from, y }],
  });
  for (let step = 1; step <= STEPS; step += 1) {
    await session.send("Input.dispatchTouchEvent", {
      type: "touchMove",
      touchPoints: [{ x: from + (byPx * step) / STEPS, y }],
    });
  }
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await session.detach();
}
