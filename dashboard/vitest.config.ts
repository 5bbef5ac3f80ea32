import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { language } from "./dev/language.mjs";

export default defineConfig({
  plugins: [language(), react()],
  test: { name: "dashboard", environment: "jsdom", testTimeout: 60_000, include: ["src/**/*.test.{ts,tsx}"] },
});
