import { until } from "@holdfast/testing";
import { afterEach, describe, expect, test } from "vitest";
import { readSteps } from "../../src/engine/steps.ts";
import {
  batch,
  type HandlerContext,
  type Handlers,
  type HandlerTask,
  type IsolatedHandlers,
  isolated,
  Queue,
  type TaskView,
} from "../../src/index.ts";
import { testWorker } from "../../src/testing/index.ts";
import { gate, setupSystem } from "./harness.ts";

const MODULE = new URL("./steps.mjs", import.meta.url);
const { handlers } = (await import(MODULE.href)) as { handlers: Handlers };
const soon = { backoff: { kind: "fixed", baseMs: 1, jitter: "none" } } as const;

const pools: IsolatedHandlers[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

const RUNS: Record<string, () => Promise<Handlers>> = {
  Worker: async () => handlers,
  "isolated()": async () => {
    const pool = await isolated(MODULE, { processes: 1 });
    pools.push(pool);
    return pool.handlers;
  },
};

describe.each(Object.keys(RUNS))("steps in %s", (name) => {
  const setup = async () => {
    const system = await setupSystem();
    await system.janitor({ sweepIntervalMs: 20 }).start();
    const given = await (RUNS[name] as () => Promise<Handlers>)();
    const watched = await system.started("work", given, { concurrency: 1 });
    return { system, queue: system.queue(), ...watched };
  };

  test("run once each, over a sleep and a wait, during which the task has no lease", async () => {
    const { queue, system } = await setup();
    const { id } = await queue.enqueue("order", null);
    let asleep: TaskView | null = null;
    await until("the task sleeps", async () => {
      asleep = await queue.get(id);
      return asleep?.state === "scheduled";
    });
    expect(asleep).toMatchObject({ attempts: 0, leaseExpiresAt: null, log: ["charge"] });
    await until("the task waits for a signal", async () => {
      const task = await queue.get(id);
      return task?.state === "scheduled" && task.log.length === 4;
    });
    expect((await system.observer.stats("work"))?.processing).toBe(0);
    expect(await system.observer.why("work", id)).toMatchObject({
      detail: 'its handler waits for the signal "approved" or "refused"',
    });
    const step = { kind: "step", outcome: "done", calledId: null };
    expect(await system.observer.steps("work", id)).toMatchObject({
      ...{ count: 6, signals: [] },
      steps: [
        { ...step, name: "charge" },
        { kind: "sleep", outcome: "done", name: "sleep", bytes: 0 },
        ...["part", "part#2", "part#3"].map((name) => ({ ...step, name, bytes: 1 })),
        { kind: "wait", outcome: "open", name: "approved,refused" },
      ],
    });
    expect(await system.observer.signal("work", id, "approved", { by: "Ada" })).toBe("delivered");
    const task = await queue.result(id, { waitMs: 10_000 });
    expect(JSON.parse(task?.resultText ?? "")).toEqual({
      payment: { id: 7, at: "1970-01-01T00:00:00.000Z" },
      parts: [1, 2, 3],
      answer: { event: "approved", data: { by: "Ada" } },
      ...{ long: 3_000, attempt: 1 },
    });
    expect(task?.log.toSorted()).toEqual(["charge", "end", "long", "part 1", "part 2", "part 3"]);
    expect(await queue.signal(id, "approved")).toBe("ended");
  });

  test("are remembered by the next attempt after an error", async () => {
    const { queue } = await setup();
    const { id } = await queue.enqueue("fails", null, soon);
    expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({
      ...{ state: "completed", resultText: "true", attempts: 2, log: ["first", "second"] },
    });
  });

  test("call other tasks, and enqueue each of them once", async () => {
    const { queue, system, settled } = await setup();
    const { id } = await queue.enqueue("calls", null);
    const task = await queue.result(id, { waitMs: 10_000 });
    const doubled = (n: number) => ({ doubled: n });
    expect(JSON.parse(task?.resultText ?? "")).toEqual({
      ...{ first: doubled(2), both: [doubled(4), doubled(6)], nothing: null },
    });
    expect(task).toMatchObject({ attempts: 1, failures: 0 });
    const completed = settled.filter((event) => event.task.type === "child" && event.outcome === "acked");
    expect(completed).toHaveLength(4);
    expect((await readSteps(system.engine(), id)).signals).toEqual([]);
  });

  test("fail with their name if the result is too large, or if they sleep inside of a step", async () => {
    const { queue } = await setup();
    const large = await queue.enqueue("large", null, { maxRetries: 0 });
    expect(await queue.result(large.id, { waitMs: 10_000 })).toMatchObject({
      ...{
        state: "dead",
        lastError: expect.stringContaining('the result of step "too much" has 262145 bytes'),
      },
    });
    const inside = await queue.enqueue("inside", null, { maxRetries: 0 });
    expect((await queue.result(inside.id, { waitMs: 10_000 }))?.lastError).toContain(
      "ctx.sleep cannot be called in the function of a step",
    );
  });

  test("retry a function that fails, and a wait times out", async () => {
    const { queue } = await setup();
    const { id } = await queue.enqueue("retries", null, { maxRetries: 0 });
    expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({ state: "completed", resultText: "2" });
    const timed = await queue.enqueue("timesOut", null);
    expect(await queue.result(timed.id, { waitMs: 10_000 })).toMatchObject({ resultText: "[null,null]" });
  });
});

test("a suspended handler ends, its result does not count, and it runs no further step", async () => {
  const system = await setupSystem();
  const said: unknown[] = [];
  await system.started("work", {
    t: async (_: HandlerTask, ctx: HandlerContext) => {
      try {
        await ctx.sleep(1_100);
        return "slept";
      } catch (error) {
        said.push(error, await ctx.step("repair", () => 1).catch((refused: unknown) => refused));
        return "swallowed";
      } finally {
        said.push("finally");
      }
    },
  });
  const { id } = await system.queue().enqueue("t", null);
  expect(await system.queue().result(id, { waitMs: 10_000 })).toMatchObject({ resultText: '"slept"' });
  const suspended = expect.objectContaining({ name: "TaskSuspended" });
  expect(said).toEqual([suspended, suspended, "finally", "finally"]);
});

test("a step in parallel to a sleep ends before the attempt is suspended", async () => {
  const system = await setupSystem();
  const opened = gate();
  const ran: string[] = [];
  await system.started("work", {
    t: async (_: HandlerTask, ctx: HandlerContext) => {
      const slow = async () => {
        await ctx.step("quick", () => void ran.push("quick"));
        // This step begins in the same turn of the event loop in which the other step has ended.
        return ctx.step("slow", async () => {
          await opened.opened;
          ran.push("slow");
          return "done";
        });
      };
      const [, last] = await Promise.all([ctx.sleep(1_100), slow()]);
      return last;
    },
  });
  const { id } = await system.queue().enqueue("t", null);
  await until("the quick step ran", () => ran.length === 1);
  const isStored = async () => (await readSteps(system.engine(), id)).steps.some(({ kind }) => kind === "z");
  await until("the sleep is stored", isStored);
  await system.queue().get(id);
  opened.open();
  expect(await system.queue().result(id, { waitMs: 10_000 })).toMatchObject({ resultText: '"done"' });
  expect(ran).toEqual(["quick", "slow"]);
});

test("steps that are inserted, removed or moved between attempts do not run again", async () => {
  const system = await setupSystem();
  const ran: string[] = [];
  const orders = [
    ["a", "b", "c"],
    ["new", "c", "a"],
    ["b", "new", "a", "c", "last"],
  ];
  await system.started("work", {
    t: async ({ attempt }: HandlerTask, ctx: HandlerContext) => {
      for (const name of orders[attempt - 1] ?? []) await ctx.step(name, () => ran.push(`${attempt}${name}`));
      if (attempt < 3) throw new Error("again");
    },
  });
  const { id } = await system.queue().enqueue("t", null, soon);
  expect(await system.queue().result(id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
  expect(ran).toEqual(["1a", "1b", "1c", "2new", "3last"]);
});

test("a step is not stored, and its attempt fails, when the lease is lost", async () => {
  const system = await setupSystem();
  const [running, lost] = [gate(), gate()];
  let caught: unknown;
  await system.started("work", {
    t: async (_: HandlerTask, ctx: HandlerContext) => {
      await ctx
        .step("slow", async () => {
          running.open();
          await lost.opened;
        })
        .catch((error: unknown) => {
          caught = error;
        });
    },
  });
  const { id } = await system.queue().enqueue("t", null);
  await running.opened;
  const [record] = await system.engine().get([id]);
  await system.redis.hset(system.keys().state, id, record?.record.replace(/ \S+/, " 9-other") ?? "");
  lost.open();
  await until("the step was refused", () => caught !== undefined);
  expect(caught).toMatchObject({ code: "conflict", message: expect.stringContaining('step "slow"') });
  await system.redis.hset(system.keys().state, id, record?.record ?? "");
});

test("a task has at most 1,000 steps, and 4 MiB in them", async () => {
  const system = await setupSystem();
  const said: string[] = [];
  let ran = 0;
  await system.started("work", {
    many: async (_: HandlerTask, ctx: HandlerContext) => {
      const all = Array.from({ length: 1_001 }, (_, i) => ctx.step(`s${i}`, () => ++ran));
      for (const end of await Promise.allSettled(all))
        if (end.status === "rejected") said.push(end.reason.message);
    },
    much: async (_: HandlerTask, ctx: HandlerContext) => {
      for (let i = 0; i < 17; i++) await ctx.step(`s${i}`, () => "x".repeat(250_000));
    },
  });
  const many = await system.queue().enqueue("many", null);
  expect(await system.queue().result(many.id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
  expect(ran).toBe(1_000);
  expect(said).toEqual([expect.stringMatching(/step "s1000" of task .* at most 1000/)]);
  const much = await system.queue().enqueue("much", null, { maxRetries: 0 });
  expect((await system.queue().result(much.id, { waitMs: 10_000 }))?.lastError).toMatch(
    /step "s16" the steps of task .* would have 4250034 bytes/,
  );
});

test("if two signals are there for one wait, the second one stays for a later wait", async () => {
  const system = await setupSystem();
  await system.started("work", {
    t: async (_: HandlerTask, ctx: HandlerContext) => [
      (await ctx.waitFor(["a", "b", "c"]))?.event,
      (await ctx.waitFor("a"))?.data,
    ],
  });
  const queue = system.queue();
  const { id } = await queue.enqueue("t", null);
  await until("the task waits for a signal", async () => (await queue.get(id))?.state === "scheduled");
  await queue.signal(id, "b");
  await queue.signal(id, "a", 1);
  expect((await queue.result(id, { waitMs: 10_000 }))?.resultText).toBe('["b",1]');
});

test("calls with the same idempotency key give a task one signal", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const { id } = await queue.enqueue("t", null);
  const other = await queue.enqueue("t", null);
  const sent = [queue.signal(id, "a", 1, "k"), queue.signal(id, "a", 2, "k"), queue.signal(id, "a", 3, "l")];
  expect(await Promise.all(sent)).toEqual(["kept", "kept", "kept"]);
  expect(await queue.signal(other.id, "a", 1, "k")).toBe("kept");
  expect((await system.observer.steps("work", id))?.signals).toHaveLength(2);
  expect((await system.observer.steps("work", other.id))?.signals).toHaveLength(1);
});

test("a task of a batch has steps, but cannot sleep", async () => {
  const system = await setupSystem();
  const said: unknown[] = [];
  await system.started("work", {
    t: batch({ max: 2, waitMs: 0 }, async ([task], ctx) => {
      const of = ctx.of(task as HandlerTask);
      said.push(await of.step("a", () => 1));
      said.push(await of.sleep("2s").catch(({ message }: Error) => message));
    }),
  });
  const { id } = await system.queue().enqueue("t", null);
  expect(await system.queue().result(id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
  expect(said).toEqual([1, expect.stringContaining("ctx.sleep cannot be called in a batch handler")]);
});

test("a called task that dies fails its caller; its replay repairs the caller, and nothing is called twice", async () => {
  const system = await setupSystem();
  let isBroken = true;
  let calls = 0;
  await system.started("work", {
    parent: async (_: HandlerTask, ctx: HandlerContext) => ctx.call("child", null, { maxRetries: 0 }),
    child: () => {
      calls++;
      if (isBroken) throw new Error("no paper");
      return "printed";
    },
  });
  const queue = system.queue();
  const { id } = await queue.enqueue("parent", null, { maxRetries: 0 });
  const dead = await queue.result(id, { waitMs: 10_000 });
  expect(dead).toMatchObject({
    state: "dead",
    lastError: expect.stringMatching(
      /CallFailed: task \S+ \(child\), which was called, is dead: retries_exhausted: Error: no paper/,
    ),
  });
  isBroken = false;
  const child = /task (\S+)/.exec(dead?.lastError ?? "")?.[1] ?? "";
  await system.observer.replay("work", [child]);
  expect(await queue.result(child, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
  await system.observer.replay("work", [id]);
  expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({
    state: "completed",
    resultText: '"printed"',
  });
  expect(calls).toBe(2);
});

test("a caller that was not told of the end of the called task looks for it by itself", async () => {
  const system = await setupSystem();
  await system.started("work", { parent: (_: HandlerTask, ctx: HandlerContext) => ctx.call("child", null) });
  const queue = system.queue();
  const { id } = await queue.enqueue("parent", null);
  await until("the task waits for the called task", async () => (await queue.get(id))?.state === "scheduled");
  const child = (await readSteps(system.engine(), id)).steps[0]?.text?.slice(3) ?? "";
  // An operator cancels the called task. So no worker wakes the task that called it.
  expect(await queue.cancel(child)).toBe("cancelled");
  await queue.runNow(id);
  await until("the task has failed once", async () => (await queue.get(id))?.failures === 1);
  expect((await queue.get(id))?.lastError).toContain(`task ${child} (child), which was called, is cancelled`);
});

test("a called task of a partition is in the same partition", async () => {
  const system = await setupSystem();
  const queue = new Queue("split", { client: system.client, partitions: 3 });
  await queue.partitions();
  await system.started("split", {
    parent: (_: HandlerTask, ctx: HandlerContext) => ctx.call("child", null),
    child: ({ id }: HandlerTask) => id,
  });
  const { id } = await queue.enqueue("parent", null);
  const child = JSON.parse((await queue.result(id, { waitMs: 10_000 }))?.resultText ?? "");
  expect(child.split(":")[1]).toBe(id.split(":")[1]);
  expect(await queue.get(child)).toMatchObject({ state: "completed" });
});

test("a task with a version waits for a worker that has a handler for it", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  await system.started("work", { order: () => "old" });
  const old = await queue.enqueue("order", 1);
  const { id } = await queue.enqueue("order", 1, { version: 2 });
  expect(await queue.result(old.id, { waitMs: 10_000 })).toMatchObject({ resultText: '"old"' });
  await until("the task is put aside", async () => (await queue.get(id))?.unroutedSince !== null);
  expect(await queue.get(id)).toMatchObject({ type: "order@2", state: "pending", attempts: 0 });
  await system.started("work", { order: () => "old", "order@2": ({ type }: HandlerTask) => type });
  expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({ resultText: '"order@2"', attempts: 1 });
  for (const options of [{ version: 0 }, { version: 1.5 }])
    await expect(queue.enqueue("order", 1, options)).rejects.toMatchObject({ code: "invalid_argument" });
  await expect(queue.enqueue("order@1", 1, { version: 2 })).rejects.toMatchObject({
    code: "invalid_task_type",
  });
});

test("wrong names, durations, events and data are refused", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const invalid = { code: "invalid_argument" };
  for (const event of ["", "a b", "=x", 1 as never])
    await expect(queue.signal("x", event)).rejects.toMatchObject(invalid);
  await expect(queue.signal("x", "e", 5n)).rejects.toMatchObject(invalid);
  await expect(queue.signal("x", "e", "x".repeat(65_536))).rejects.toMatchObject({
    code: "payload_too_large",
  });
  expect(await queue.signal("nobody", "e")).toBe("not_found");
  const { errors, ...run } = await testWorker({
    t: async (_: HandlerTask, ctx: HandlerContext) => {
      const calls = [
        () => ctx.step("", () => 1),
        () => ctx.step("a#2", () => 1),
        () => ctx.step("a", 1 as never),
        () => ctx.step("a", () => 1, { retries: -1 }),
        () => ctx.step("a", () => Symbol("s")),
        () => ctx.sleep("1 day" as never),
        () => ctx.sleep(-1),
        () => ctx.waitFor([]),
        () => ctx.waitFor("a b"),
        () => ctx.waitFor("a", { timeoutMs: "400d" }),
        () => ctx.call("a", undefined),
        () => ctx.call("a", null, { id: "x" } as never),
      ];
      const codes = [];
      for (const call of calls) codes.push(await call().catch(({ code }: { code: string }) => code));
      return codes;
    },
  }).run("t", null);
  expect(run.result).toEqual(Array.from({ length: 12 }, () => "invalid_argument"));
  expect(errors).toEqual([]);
});

test("testWorker runs steps, sleeps and waits without Redis", async () => {
  const worker = testWorker(handlers);
  const first = await worker.run("order", null);
  expect(first).toMatchObject({ outcome: "suspended", steps: ["charge"], attempts: 0 });
  expect(first.delayMs).toBeGreaterThan(1_000);
  const signals = [{ event: "refused", data: "too dear" }];
  const all = await worker.run("order", null, { signals, untilSettled: true });
  expect(all).toMatchObject({ outcome: "acked", result: { answer: signals[0], long: 3_000, attempt: 1 } });
  expect(all.steps).toEqual(["charge", "part", "part#2", "part#3", "approved,refused", "long"]);
  const calls = { child: ({ n }: { n: number }) => (n === 0 ? undefined : n) };
  expect(await worker.run("calls", null, { calls, untilSettled: true })).toMatchObject({
    result: { first: 1, both: [2, 3], nothing: null },
    steps: ["child", "child#2", "child#3", "nothing"],
  });
  expect(await worker.run("timesOut", null, { untilSettled: true })).toMatchObject({ result: [null, null] });
});
