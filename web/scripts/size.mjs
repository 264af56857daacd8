// Weighs what a browser downloads, gzipped, and fails when it is over its budget: the client core by
// itself, and every script the chat route loads.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const CLIENT_BYTES_MAX = 17_000;
const CHAT_ROUTE_BYTES_MAX = 150_000;

const gzipBytes = (text) => gzipSync(text, { level: 9 }).byteLength;

async function clientBytes() {
  const [result] = await build({
    root,
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      lib: { entry: `${root}packages/client/src/index.ts`, formats: ["es"] },
      // A library build keeps its line breaks unless it is told; what a browser loads has none.
      rolldownOptions: { output: { minify: true } },
    },
  });
  return gzipBytes(result.output[0].code);
}

function chatRouteBytes() {
  const folder = `${root}app/dist/assets/`;
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
  return scripts.reduce((sum, name) => sum + gzipBytes(readFileSync(folder + name)), 0);
}

let isOver = false;
for (const [name, bytes, most] of [
  ["@parlor/client", await clientBytes(), CLIENT_BYTES_MAX],
  ["chat route", chatRouteBytes(), CHAT_ROUTE_BYTES_MAX],
]) {
  console.log(`${name}: ${bytes} bytes gzipped of ${most}`);
  isOver ||= bytes > most;
}
process.exit(isOver ? 1 : 0);
