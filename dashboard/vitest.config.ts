import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { language } from "./dev/language.mjs";

export default defineConfig({
  plugins: [language(), react()],
  test: {
    name: "dashboard",
    environment: "jsdom",
    // The files share the modules that they import. To load them for each file would take longer than the tests.
    isolate: false,
    setupFiles: ["src/testing/after-each.ts"],
    testTimeout: 60_000,
    include: ["src/**/*.test.{ts,tsx}"],
  },
});
