// Runs a worker of the library in a separate process. The payload of a task decides how its handler misbehaves.
import { setTimeout as sleep } from "node:timers/promises";
import { options, tell, tellTimeBy } from "./tell.mjs";

// The worker has handlers for the types in `only`, or for all types if `only` is missing. `library` is the main file
// of another version of the library.
const { queue, graceMs = 500, only, library = "holdfast", ...settings } = options;
const { batch, FatalError, Holdfast, Worker } = await import(library);
const client = new Holdfast({ redis: settings.redis, prefix: settings.prefix });
await client.check().catch(() => {});
tellTimeBy(client);

/** Task id -> token of the running attempt. Each history line about a verdict has to contain the token. */
const tokens = new Map();
const told = (handler) => async (task, ctx) => {
  const attempt = { id: task.id, token: ctx.token, attempt: task.attempt };
  tokens.set(`${task.id} ${task.attempt}`, ctx.token);
  tell("run", "invoke", attempt);
  ctx.signal.addEventListener("abort", () =>
    tell("abort", "info", { ...attempt, reason: ctx.signal.reason?.reason }),
  );
  return handler(task, ctx);
};
const aborted = (signal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", resolve, { once: true });
  });
function block(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const handlers = {
  sleep: told((task) => sleep(task.payload.ms ?? 0)),
  /** Fails in its first `failures` attempts. */
  flaky: told(async ({ payload, attempt }) => {
    await sleep(payload.ms ?? 0);
    if (attempt <= payload.failures) throw new Error(`attempt ${attempt} fails`);
  }),
  fatal: told(() => {
    throw new FatalError("fails for good");
  }),
  /** The first attempt blocks the event loop. */
  block: told(({ payload, attempt }) => (attempt === 1 ? block(payload.ms) : undefined)),
  /** The first attempt runs until its signal is aborted. Later attempts end at once. */
  hold: told(({ attempt }, ctx) => (attempt === 1 ? aborted(ctx.signal) : undefined)),
  /** The first attempt never ends, even if its signal is aborted. */
  deaf: told(({ attempt }) => (attempt === 1 ? new Promise(() => {}) : undefined)),
  /** Reports each step twice: when its function begins, and when its result is stored. */
  steps: told(async ({ id, payload }, ctx) => {
    for (let n = 1; n <= payload.steps; n++) {
      let ran = false;
      await ctx.step(`step ${n}`, async () => {
        ran = true;
        tell("step", "invoke", { id, n });
        await sleep(payload.ms);
        return { n };
      });
      if (ran) tell("step", "ok", { id, n });
    }
    return payload.steps;
  }),
  /** Works in units of `ms`, and stores a checkpoint after each `every` units. Reports each unit that is done. */
  long: told(async ({ id, payload }, ctx) => {
    let { done = 0 } = (await ctx.readCheckpoint()) ?? {};
    while (done < payload.units) {
      await sleep(payload.ms, undefined, { signal: ctx.signal });
      done++;
      tell("unit", "ok", { id, n: done });
      if (done % payload.every === 0) await ctx.checkpoint({ done });
    }
    return done;
  }),
  poison: told(async () => {
    await sleep(40);
    process.kill(process.pid, "SIGKILL");
    await sleep(60_000);
  }),
};
// A batch handler in which a task can kill the process. Only workers with this type in `only` get it. A worker with a
// batch handler takes no tasks ahead, and other tests need tasks that were taken ahead.
if (only?.includes("batched"))
  handlers.batched = batch({ max: 50 }, async (tasks, ctx) => {
    for (const task of tasks) {
      const { token, attempt } = ctx.of(task);
      tokens.set(`${task.id} ${attempt}`, token);
      tell("run", "invoke", { id: task.id, token, attempt, together: tasks.length });
    }
    await sleep(20);
    if (!tasks.some(({ payload }) => payload.kills)) return;
    process.kill(process.pid, "SIGKILL");
    await sleep(60_000);
  });
const version = only ? Object.fromEntries(only.map((type) => [type, handlers[type]])) : handlers;
const worker = new Worker(queue, version, settings);
worker.on("settled", ({ task, outcome, attempt }) => {
  const key = `${task.id} ${attempt}`;
  const phase = outcome === "stale" ? "info" : "ok";
  tell("settle", phase, { id: task.id, attempt, token: tokens.get(key) ?? null, outcome });
  tokens.delete(key);
});
worker.on("error", (error) => tell("error", "info", { code: error.code, message: error.message }));
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    tell("process", "info", { what: "stopping" });
    await worker.stop({ graceMs });
    await client.close();
    tell("process", "ok", { what: "stopped" });
    process.exit(0);
  });
}
for (;;) {
  try {
    await worker.start();
    break;
  } catch (error) {
    tell("error", "info", { code: error.code, message: error.message });
    await sleep(100);
  }
}
tell("process", "invoke", { what: "ready", workerId: worker.id });
