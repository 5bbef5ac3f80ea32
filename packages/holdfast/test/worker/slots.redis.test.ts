import { setTimeout as delay } from "node:timers/promises";
import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { gate, type System, setupSystem } from "./harness.ts";

const tasks = (count: number, type: string) =>
  Array.from({ length: count }, (_, n) => ({ type, payload: n }));

test("no more than `concurrency` handlers run at a time, and no fewer while tasks wait", async () => {
  const system = await setupSystem();
  let running = 0;
  let most = 0;
  const seven = gate();
  await system.started(
    "work",
    {
      step: async () => {
        most = Math.max(most, ++running);
        if (running === 7) seven.open();
        await seven.opened;
        await delay(1);
        running--;
      },
    },
    { concurrency: 7 },
  );
  const queue = system.queue();
  await queue.enqueueMany(tasks(300, "step"));
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 300);
  expect(most).toBe(7);
});

/** Makes handlers that count, for each queue, how many of them run, and a list of the queues in the order of starts. */
function counted(system: System, weights: Record<string, number>, concurrency: number) {
  const running: Record<string, number> = { a: 0, b: 0 };
  const started: string[] = [];
  const step = async (task: { queue: string }) => {
    started.push(task.queue);
    running[task.queue] = (running[task.queue] ?? 0) + 1;
    await delay(5);
    running[task.queue] = (running[task.queue] ?? 0) - 1;
  };
  return { running, started, watched: system.worker(weights, { step }, { concurrency }) };
}

test("a queue that fills every slot shares the slots, by weight, with a queue whose tasks come later", async () => {
  const system = await setupSystem();
  const { running, started, watched } = counted(system, { a: 3, b: 1 }, 8);
  await watched.worker.start();
  await system.queue("a").enqueueMany(tasks(2_000, "step"));
  await until("queue a has every slot", () => running.a === 8);
  const before = started.length;
  await system.queue("b").enqueueMany(tasks(200, "step"));
  await until("queue b has had 100 starts", () => started.filter((name) => name === "b").length >= 100);
  expect((await system.observer.stats("a")).pending).toBeGreaterThan(0);
  // A queue may use a slot of the other for a moment, until the other one has its next tasks. So starts are compared.
  const since = started.slice(before);
  const ratio = since.filter((name) => name === "a").length / since.filter((name) => name === "b").length;
  expect(ratio).toBeGreaterThan(2);
  expect(ratio).toBeLessThan(4.5);
});

test("two queues take turns at a single slot", async () => {
  const system = await setupSystem();
  const { started, watched } = counted(system, { a: 1, b: 1 }, 1);
  await system.queue("a").enqueueMany(tasks(100, "step"));
  await system.queue("b").enqueueMany(tasks(100, "step"));
  await watched.worker.start();
  await until("forty tasks have started", () => started.length >= 40);
  const first = started.slice(0, 40);
  expect(first.filter((name) => name === "a").length).toBeGreaterThanOrEqual(18);
  expect(first.filter((name) => name === "b").length).toBeGreaterThanOrEqual(18);
});

test("the slots of a queue without tasks go to the other queue", async () => {
  const system = await setupSystem();
  const { running, watched } = counted(system, { a: 1, b: 1 }, 8);
  await system.queue("a").enqueueMany(tasks(500, "step"));
  await system.queue("b").enqueueMany(tasks(10, "step"));
  await watched.worker.start();
  await until("queue b has no tasks and queue a has every slot", () => running.a === 8);
});

/** Enqueues a task and lets it crash two workers, so that it has to run alone from then on. */
async function enqueueSolo(system: System, queue: string, type: string): Promise<string> {
  const { id } = await system.queue(queue).enqueue(type, null);
  for (let crash = 1; crash <= 2; crash++) {
    expect(await system.grantToNobody(queue, 1, 1)).toEqual([id]);
    await until("the task is taken back", async () => (await system.engine(queue).reap(10)).requeued === 1);
  }
  expect(await system.queue(queue).get(id)).toMatchObject({ state: "pending", crashes: 2, solo: true });
  return id;
}

test.each([
  ["before the others", true],
  ["among running others", false],
])(
  "a task that has to run alone runs without any other task of its worker, over all queues: it comes %s",
  async (_, first) => {
    const system = await setupSystem();
    const beside = new Set<string>();
    let running = 0;
    let startsMeanwhile = 0;
    let alone = false;
    const release = gate();
    const soloRuns = gate();
    const { worker } = system.worker(
      ["work", "other"],
      {
        step: async (task) => {
          running++;
          if (alone) startsMeanwhile++;
          await delay(5);
          running--;
          beside.add(task.queue);
        },
        solo: async () => {
          if (running > 0) startsMeanwhile++;
          alone = true;
          soloRuns.open();
          await release.opened;
          alone = false;
        },
      },
      { concurrency: 10, leaseMs: 300 },
    );
    const others = async () => {
      await system.queue("other").enqueueMany(tasks(400, "step"));
      await system.queue("work").enqueueMany(tasks(400, "step"));
    };
    let id: string;
    if (first) {
      id = await enqueueSolo(system, "work", "solo");
      await others();
      await worker.start();
    } else {
      id = await enqueueSolo(system, "work", "solo");
      await system.observer.pause("work");
      await others();
      await worker.start();
      await until("tasks of the other queue run", () => running > 0);
      await system.observer.resume("work");
    }
    await soloRuns.opened;
    expect(worker.busy).toBe(1);
    // Other tasks are still pending. So the worker made room for the task that runs alone, and did not finish all
    // others first.
    expect((await system.observer.stats("work")).pending).toBeGreaterThan(0);
    // Waits for a wake-up by the other queue and for two heartbeats. After these, no other task may run.
    let renewals = 0;
    worker.on("renewal", () => renewals++);
    await system.queue("other").enqueue("step", null);
    await until("two heartbeats were sent", () => renewals >= 2);
    expect(worker.busy).toBe(1);
    release.open();
    await until("all tasks are completed", async () => {
      const [work, other] = [await system.observer.stats("work"), await system.observer.stats("other")];
      return work.completed === 401 && other.completed === 401;
    });
    expect(startsMeanwhile).toBe(0);
    expect(await system.queue().get(id)).toMatchObject({ state: "completed", attempts: 3, crashes: 2 });
    expect((await system.observer.stats("work")).totals.crashed).toBe(2);
  },
);

test("with three queues and one slot, tasks that were granted while the slot was taken are begun or handed back, and the worker continues", async () => {
  const system = await setupSystem();
  const first = gate();
  const started: string[] = [];
  const { worker } = await system.started(
    ["a", "b", "c"],
    {
      hold: async ({ queue }) => {
        started.push(queue);
        await first.opened;
      },
      step: ({ queue }) => {
        started.push(queue);
      },
    },
    { concurrency: 1 },
  );
  const queues = ["a", "b", "c"].map((name) => system.queue(name));
  const parked = async () =>
    Promise.all(["a", "b", "c"].map((name) => system.redis.hexists(system.keys(name).state, "#parked")));
  await until("all three requests are parked", async () => (await parked()).every((there) => there === 1));
  await queues[0]?.enqueue("hold", 1);
  await until("the slot is taken", () => started.length === 1);
  await Promise.all([queues[1]?.enqueue("step", 1), queues[2]?.enqueue("step", 1)]);
  await until("both other tasks were handed back", async () => {
    const stats = await system.observer.snapshot();
    return stats.filter(({ pending, totals }) => pending === 1 && totals.released === 1).length === 2;
  });
  first.open();
  await until("all tasks ran", () => started.length === 3);
  await Promise.all(queues.map((queue) => queue.enqueue("step", 2)));
  await until("three more tasks have started", () => started.length === 6);
  expect(worker.stalledMs()).toBe(0);
});

test("with 60 queues on 5 slots, all tasks of bursts run", async () => {
  const system = await setupSystem();
  const names = Array.from({ length: 60 }, (_, n) => `tenant-${n}`);
  let ran = 0;
  const step = async () => {
    await delay(2);
    ran++;
  };
  const { worker } = await system.started(names, { step }, { concurrency: 5 });
  const queues = names.map((name) => system.queue(name));
  for (let burst = 0; burst < 3; burst++) {
    await Promise.all(queues.map((queue) => queue.enqueueMany(tasks(4, "step"))));
    await until(`burst ${burst} ran`, () => ran === 240 * (burst + 1));
  }
  expect(worker.stalledMs()).toBe(0);
});
