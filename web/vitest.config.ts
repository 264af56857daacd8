// The unit tests of all packages. They run in Node: nothing here needs a browser, and what does is in e2e.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "app/test/**/*.test.ts"],
    environment: "node",
  },
});
