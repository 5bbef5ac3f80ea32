import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { ClosingLine } from "./scripts/closing-line.mjs";

// This folder is the template of `holdfast init`. Its test is for the test runner of Node.
const exclude = ["**/node_modules/**", "**/dist/**", "packages/cli/template/**"];
/** The files of a worker share the modules that they import, because to load them for each file takes CPU time. */
const isolate = false;
/** These tests mostly wait for the Docker engine, so they begin first and run beside the others. */
const compose = ["test/compose*.test.ts"];
/** These tests start whole systems and browsers, which need more than one core. They run after all others. */
const systems = [
  "test/browser/**/*.test.ts",
  "test/bare-metal/**/*.test.mjs",
  "test/proxy/**/*.test.ts",
  "test/monitoring/prometheus.redis.test.ts",
  "test/loadtest/**/*.test.mjs",
  "test/clients/**/*.test.mjs",
];

export default defineConfig({
  test: {
    // By default one core stays free, which is half of a machine with two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ["default", new ClosingLine()],
    projects: [
      {
        test: {
          // The tests of this project need no Redis.
          name: "unit",
          include: ["{packages,services,examples,test,bench,loadtest,scripts}/**/*.test.{ts,mjs}"],
          exclude: [...exclude, ...compose, ...systems, "**/*.redis.test.*"],
          isolate,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "redis",
          include: ["{packages,services,examples,test,bench,loadtest,scripts}/**/*.redis.test.{ts,mjs}"],
          exclude: [...exclude, ...systems],
          isolate,
          globalSetup: ["packages/holdfast/test/support/global-setup.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          // The projects run in the order of their names.
          name: "compose",
          include: compose,
          exclude,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "systems",
          include: systems,
          exclude,
          globalSetup: ["packages/holdfast/test/support/global-setup.ts"],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      "dashboard",
    ],
  },
});
