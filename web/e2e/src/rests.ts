// Waits until nothing on the page moves that will ever come to rest.

import type { Page } from "playwright-core";

export async function rests(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const ending = document.getAnimations().filter((it) => {
      return it.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY;
    });
    // One that is taken away with its element has ended too.
    await Promise.allSettled(ending.map((it) => it.finished));
  });
}
