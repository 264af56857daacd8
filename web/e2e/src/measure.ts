// Measures what a person feels: from Enter in one browser to the text in another, over the real server.
// Prints figures and judges none; how they compare belongs to the performance notes.

import { launchBrowser } from "./browser";
import { Person } from "./person";
import { Server } from "./server";

const DELIVERIES = 20;

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function report(name: string, values: readonly number[]): void {
  const sorted = [...values].sort((a, b) => a - b);
  const [median, p95, most] = [quantile(sorted, 0.5), quantile(sorted, 0.95), sorted.at(-1) ?? 0];
  console.log(
    `${name}: median ${median.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, max ${most.toFixed(1)} ms (n=${values.length})`,
  );
}

/** The first moment (ms since 1970) at which the conversation shows the text. */
function appearance(person: Person, text: string): Promise<number> {
  return person.page.evaluate(
    (wanted) =>
      new Promise<number>((resolve) => {
        const log = document.querySelector(".log");
        new MutationObserver((_, observer) => {
          if (!log?.textContent?.includes(wanted)) return;
          observer.disconnect();
          resolve(performance.timeOrigin + performance.now());
        }).observe(log ?? document.body, { subtree: true, childList: true, characterData: true });
      }),
    text,
  );
}

/** The moment at which the next key goes down. */
function keyPress(person: Person): Promise<number> {
  return person.page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        window.addEventListener(
          "keydown",
          () => resolve(performance.timeOrigin + performance.now()),
          { capture: true, once: true },
        );
      }),
  );
}

async function main(): Promise<void> {
  const [server, browser] = await Promise.all([Server.start(), launchBrowser()]);
  try {
    const ada = await Person.arrives(browser, server.url, "Ada");
    const grace = await Person.arrives(browser, server.url, "Grace");
    await ada.registers();
    await grace.registers();
    await ada.startsTalkingTo(grace);
    await ada.sends("first");
    await grace.opens("Ada");
    await grace.sees("first");

    const echoes: number[] = [];
    const deliveries: number[] = [];
    for (let count = 1; count <= DELIVERIES; count += 1) {
      const text = `delivery ${count}.`;
      await ada.composer.fill(text);
      // Together, so that a failure of any ends the run in order and leaves no server behind.
      const [seenAtMs, shownAtMs, pressedAtMs] = await Promise.all([
        appearance(grace, text),
        appearance(ada, text),
        keyPress(ada),
        ada.composer.press("Enter"),
      ]);
      echoes.push(shownAtMs - pressedAtMs);
      deliveries.push(seenAtMs - pressedAtMs);
    }
    report("Enter to own bubble", echoes);
    report("Enter to the other browser's bubble", deliveries);

    const startedAtMs = Date.now();
    await ada.page.goto("/");
    await ada.row("Grace").waitFor();
    console.log(`load to first list: ${Date.now() - startedAtMs} ms`);
  } finally {
    await browser.close();
    await server.stop();
  }
}

await main();
