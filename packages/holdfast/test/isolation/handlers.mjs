// Handlers for the isolation tests. Only child processes load them.
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { FatalError, JsonText, Postpone, RetryAfter } from "../../dist/index.js";

const aborted = (signal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });

const untilExists = async (file) => {
  while (!existsSync(file)) await delay(10);
};

/** Writes the pid of this process to a file for the test, before the handler misbehaves. */
const toldPid = (task) => writeFileSync(task.payload.file, String(process.pid));

export const handlers = {
  pid: () => process.pid,
  bytes: (task) => new JsonText(task.payloadText),
  value: (task) => ({ read: task.payload }),
  nothing: () => undefined,
  big: () => "x".repeat(100_000),
  circular: () => {
    const self = {};
    self.self = self;
    return self;
  },
  context: async (task, ctx) => {
    await ctx.progress({ done: 3 });
    await ctx.log("one line");
    return {
      id: task.id,
      queue: task.queue,
      type: task.type,
      tags: task.tags,
      attempt: ctx.attempt,
      token: ctx.token,
    };
  },
  keeps: async ({ payload, attempt }, ctx) => {
    const before = await ctx.readCheckpoint();
    await ctx.checkpoint({ attempt });
    const refused = await ctx.checkpoint(undefined).catch(({ code }) => code);
    if (before === undefined) throw new Postpone(payload);
    return { before, refused };
  },
  badProgress: (_task, ctx) => ctx.progress(undefined),
  fails: () => {
    class PaymentError extends Error {
      name = "PaymentError";
    }
    throw new PaymentError("card refused");
  },
  text: () => {
    throw "only text";
  },
  fatal: () => {
    throw new FatalError("no such user");
  },
  later: () => {
    throw new RetryAfter(12_345);
  },
  exit: () => process.exit(3),
  uncaught: () =>
    new Promise(() => {
      setImmediate(() => {
        throw new TypeError("thrown where nobody awaits");
      });
    }),
  spin: (task) => {
    toldPid(task);
    for (;;);
  },
  eatHeap: () => {
    const kept = [];
    for (;;) kept.push(new Array(1_000).fill({}));
  },
  eatBuffers: async () => {
    const kept = [];
    for (;;) {
      kept.push(Buffer.alloc(8_000_000, 1));
      await delay(5);
    }
  },
  heeds: async (task, { signal }) => {
    toldPid(task);
    const reason = await aborted(signal);
    writeFileSync(task.payload.heard, reason.reason);
    return "stopped in time";
  },
  ignores: async (task) => {
    toldPid(task);
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  },
  waits: async (task) => {
    toldPid(task);
    await untilExists(task.payload.open);
    return "went on";
  },
  grandchild: async (task) => {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 600000)"], { stdio: "ignore" });
    writeFileSync(task.payload.file, String(child.pid));
    await delay(600_000);
  },
};
