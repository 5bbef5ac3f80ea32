import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  test: { name: "dashboard", environment: "jsdom", testTimeout: 60_000, include: ["src/**/*.test.{ts,tsx}"] },
});
