import { defineConfig } from "vitest/config";
import { ClosingLine } from "./scripts/closing-line.mjs";

const exclude = ["**/node_modules/**", "**/dist/**"];

export default defineConfig({
  test: {
    reporters: ["default", new ClosingLine()],
    projects: [
      {
        test: {
          name: "node",
          include: [
            "{packages,services,examples}/**/*.test.ts",
            "{test,loadtest,scripts}/**/*.test.{ts,mjs}",
          ],
          exclude,
          globalSetup: ["packages/holdfast/test/support/global-setup.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      "dashboard",
    ],
  },
});
