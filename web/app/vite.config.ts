// Builds the app into dist/: hashed names under /assets/, no source maps, and a compressed twin of every
// asset for the server to embed.

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { precompress } from "./build/precompress.ts";

export default defineConfig({
  plugins: [react(), precompress()],
  build: {
    // Browsers that know light-dark(), so tokens stay one value each.
    target: ["chrome125", "edge125", "firefox128", "safari17.5"],
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { "/api": { target: "http://localhost:4600", ws: true, changeOrigin: true } },
  },
});
