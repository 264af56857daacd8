// The login links that a server with demo data prints.

import type { Server } from "./server";
import { until } from "./until";

const LINKS_WITHIN_MS = 30_000;

export async function demoLinks(server: Server): Promise<{ ada: string; grace: string }> {
  let links: string[] = [];
  await until("the server prints two login links", LINKS_WITHIN_MS, async () => {
    links = [...server.output.matchAll(/https?:\/\/\S+\/sign-in#code=[\w.~-]+/g)].map(([it]) => it);
    return links.length >= 2;
  });
  const [ada = "", grace = ""] = links.map((link) => {
    const { pathname, hash } = new URL(link);
    return server.url + pathname + hash;
  });
  return { ada, grace };
}
