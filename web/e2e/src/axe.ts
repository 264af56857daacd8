// What axe finds wrong with a page, one line for each broken rule.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { rests } from "./rests";

type AxeResult = { violations: { id: string; nodes: { target: string[] }[] }[] };

export async function violations(page: Page): Promise<string[]> {
  // A colour on its way to another is neither.
  await rests(page);
  const path = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  // Evaluated, not added as a script: the page's policy forbids foreign scripts, as it should.
  await page.evaluate(await readFile(path, "utf8"));
  const result = (await page.evaluate("axe.run(document)")) as AxeResult;
  return result.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.target.join(" ")}`);
}
