import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { ClosingLine } from "./scripts/closing-line.mjs";

// This folder is the template of `holdfast init`. Its test is for the test runner of Node.
const exclude = ["**/node_modules/**", "**/dist/**", "packages/cli/template/**"];
/** The files of a worker share the modules that they import, because to load them for each file takes CPU time. */
const isolate = false;
/** These tests mostly wait for the Docker engine, so they begin first and run beside the others. */
const compose = ["test/compose*.test.ts"];
/** These files run the test suites of the clients in other languages, which take longest. */
const clients = ["test/clients/**/*.test.mjs"];
/** These tests start whole systems and browsers, which need more than one core. They run after all others. */
const systems = [
  "test/browser/**/*.test.ts",
  "test/bare-metal/**/*.test.mjs",
  "test/proxy/**/*.test.ts",
  "test/monitoring/prometheus.redis.test.ts",
  "test/loadtest/**/*.test.mjs",
];
/** Of the last tests, two files run at the same time. */
const last = { maxWorkers: 2, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    // Most tests wait for Redis or for other processes, so there is one worker more than there are cores.
    maxWorkers: availableParallelism() + 1,
    reporters: ["default", new ClosingLine()],
    projects: [
      {
        test: {
          // The tests of this project need no Redis.
          name: "unit",
          include: ["{packages,services,examples,test,bench,loadtest,scripts}/**/*.test.{ts,mjs}"],
          exclude: [...exclude, ...compose, ...clients, ...systems, "**/*.redis.test.*"],
          isolate,
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: "redis",
          include: ["{packages,services,examples,test,bench,loadtest,scripts}/**/*.redis.test.{ts,mjs}"],
          exclude: [...exclude, ...systems],
          isolate,
          globalSetup: ["packages/holdfast/test/support/global-setup.ts"],
          testTimeout: 120_000,
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
      // The clients begin before the systems, so that the last minutes do not wait for them alone.
      { test: { name: "clients", include: clients, exclude, ...last } },
      {
        test: {
          name: "systems",
          include: systems,
          exclude,
          globalSetup: ["packages/holdfast/test/support/global-setup.ts"],
          ...last,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      "dashboard",
    ],
  },
});
