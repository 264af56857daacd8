// Writes a `.br` and a `.gz` beside every built file over 1 kB, so the server never compresses at run
// time. Formats that are compressed already (woff2, png) are left alone.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const WORTH_BYTES_MIN = 1024;
const compressible = /\.(js|css|html|svg|json|webmanifest|txt)$/;

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

export function precompress(): Plugin {
  let outDir = "dist";
  return {
    name: "parlor-precompress",
    apply: "build",
    configResolved(config) {
      outDir = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const path of filesUnder(outDir)) {
        const content = readFileSync(path);
        if (!compressible.test(path) || content.byteLength <= WORTH_BYTES_MIN) continue;
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(`${path}.br`, brotliCompressSync(content, { params }));
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}
