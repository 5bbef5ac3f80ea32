import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { Queue, Schedules } from "../../src/index.ts";
import { gate, setupSystem } from "./harness.ts";

test("a running worker gets a queue, runs its tasks, and the registry names the queue", async () => {
  const system = await setupSystem();
  const { worker, errors } = await system.started("first", { say: (task) => task.queue });
  const [before, after] = [system.queue("first"), system.queue("second")];
  const early = await after.enqueue("say", 1);

  await worker.addQueue("second");
  expect((await after.result(early.id, { waitMs: 30_000 }))?.resultText).toBe('"second"');
  // A push or a wake-up brings a later task to the worker, long before its next poll.
  const late = await after.enqueue("say", 2);
  expect((await after.result(late.id, { waitMs: 9_000 }))?.state).toBe("completed");
  const { id } = await before.enqueue("say", 3);
  expect((await before.result(id, { waitMs: 30_000 }))?.resultText).toBe('"first"');
  await until("the registry names both queues", async () => {
    const [view] = await system.observer.workers();
    return view?.queues.join() === "first,second";
  });
  expect(errors).toEqual([]);
});

test("the lease of a task of an added queue is renewed, and a cancel reaches its handler", async () => {
  const system = await setupSystem();
  const { worker, settled } = await system.started(
    "first",
    { wait: (_task, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", reject)) },
    { leaseMs: 600 },
  );
  let renewed = 0;
  worker.on("renewal", ({ outcome }) => {
    if (outcome === "renewed") renewed++;
  });
  await worker.addQueue("second");
  const queue = system.queue("second");
  const { id } = await queue.enqueue("wait", 1);
  await until("the lease is renewed some times", () => renewed >= 4, 30_000);
  expect(await queue.cancel(id)).toBe("requested");
  await until("the task is cancelled", () => settled.length === 1, 30_000);
  expect(settled[0]).toMatchObject({ outcome: "cancelled", attempt: 1 });
});

test("a queue that is added before the start, or several at once, are worked on like the others", async () => {
  const system = await setupSystem();
  const { worker } = system.worker("first", { say: (task) => task.queue });
  await worker.addQueue("second");
  await worker.start();
  await Promise.all(["third", "fourth"].map((name) => worker.addQueue(name)));
  for (const name of ["second", "third", "fourth"]) {
    const queue = system.queue(name);
    const { id } = await queue.enqueue("say", 1);
    expect((await queue.result(id, { waitMs: 30_000 }))?.resultText).toBe(`"${name}"`);
  }
});

test("all partitions of an added queue are worked on", async () => {
  const system = await setupSystem();
  const queue = new Queue("many", { client: system.client, partitions: 3 });
  await queue.ready();
  const { worker } = await system.started("first", { say: (task) => task.payload });
  await worker.addQueue("many");
  const receipts = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => queue.enqueue("say", n)));
  const results = await Promise.all(receipts.map(({ id }) => queue.result(id, { waitMs: 30_000 })));
  expect(results.map((task) => task?.resultText)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
});

test("with strict order, an added queue comes last, also after it was removed and added again", async () => {
  const system = await setupSystem();
  const { opened, open } = gate();
  const ran: string[] = [];
  const handlers = {
    block: () => opened,
    say: (task: { queue: string }) => void ran.push(task.queue),
  };
  const names = ["urgent", "normal"];
  const { worker } = await system.started(names, handlers, {
    concurrency: 1,
    queueOrder: "strict",
    aheadMs: 0,
  });
  await worker.addQueue("bulk");
  worker.removeQueue("normal");
  await worker.addQueue("normal");
  await system.queue("urgent").enqueue("block", 1);
  await until("the only slot is taken", () => worker.busy === 1);
  for (const name of ["normal", "bulk", "urgent"])
    await system.queue(name).enqueueMany(Array.from({ length: 3 }, () => ({ type: "say", payload: 1 })));
  open();
  await until("all tasks ran", () => ran.length === 9, 30_000);
  expect(ran).toEqual([...Array(3).fill("urgent"), ...Array(3).fill("bulk"), ...Array(3).fill("normal")]);
});

test("a removed queue gets no new task, its running task ends, and it can be added again", async () => {
  const system = await setupSystem();
  const { opened, open } = gate();
  const { worker } = await system.started(["first", "second"], { wait: () => opened, say: () => "ran" });
  const queue = system.queue("second");
  const running = await queue.enqueue("wait", 1);
  await until("the task runs", () => worker.busy === 1, 30_000);

  worker.removeQueue("second");
  const left = await queue.enqueue("say", 1);
  open();
  expect((await queue.result(running.id, { waitMs: 30_000 }))?.state).toBe("completed");
  await until("the registry does not name the queue", async () => {
    const [view] = await system.observer.workers();
    return view?.queues.join() === "first";
  });
  expect((await queue.get(left.id))?.state).toBe("pending");
  await worker.addQueue("second");
  expect((await queue.result(left.id, { waitMs: 30_000 }))?.resultText).toBe('"ran"');
});

test("what cannot be added or removed is refused, and changes nothing", async () => {
  const system = await setupSystem();
  const { worker } = await system.started("first", { say: () => 1 });
  await expect(worker.addQueue("no spaces")).rejects.toMatchObject({ code: "invalid_queue_name" });
  await expect(worker.addQueue("second", 0)).rejects.toMatchObject({ code: "invalid_argument" });
  await expect(worker.addQueue("first")).rejects.toThrow('has the queue "first" already');
  expect(() => worker.removeQueue("second")).toThrow('does not have a queue "second"');
  expect(() => worker.removeQueue("first")).toThrow("needs at least one queue");

  const strict = await system.started(["a", "b"], { say: () => 1 }, { queueOrder: "strict" });
  await expect(strict.worker.addQueue("c", 2)).rejects.toThrow("does not use weights");
  await strict.worker.stop();
  await expect(strict.worker.addQueue("c")).rejects.toMatchObject({ code: "closed" });
});

test("a queue with too many partitions is not added, and the worker goes on with the others", async () => {
  const system = await setupSystem();
  for (const name of ["large", "larger"])
    await new Queue(name, { client: system.client, partitions: 200 }).ready();
  const { worker, errors } = await system.started("first", { say: () => "ran" }, { watchMs: 60_000 });
  await worker.addQueue("large");
  await expect(worker.addQueue("larger")).rejects.toThrow("more than 257 parts");
  await worker.addQueue("second");
  const queue = system.queue("second");
  const { id } = await queue.enqueue("say", 1);
  expect((await queue.result(id, { waitMs: 30_000 }))?.resultText).toBe('"ran"');
  expect(errors).toEqual([]);
});

test("a worker with the option janitor promotes due tasks, and enqueues the tasks of schedules", async () => {
  const system = await setupSystem();
  const { worker, errors } = await system.started(
    "work",
    { say: (task) => task.schedule?.id },
    { janitor: true },
  );
  const schedules = new Schedules({ client: system.client });
  await schedules.put("soon", { queue: "work", type: "say", cron: "@every 1s", limit: 1 });
  const queue = system.queue("work");
  // The janitor also sweeps queues without workers.
  const { id } = await system.queue("unattended").enqueue("say", 1, { delayMs: 10 });
  await until(
    "the task of a queue without workers is pending",
    async () => (await system.queue("unattended").get(id))?.state === "pending",
    30_000,
  );
  let run: string | undefined;
  await until(
    "the schedule ran",
    async () => {
      run = (await schedules.get("soon"))?.runs[0]?.taskId ?? undefined;
      return run !== undefined;
    },
    30_000,
  );
  expect((await queue.result(run as string, { waitMs: 30_000 }))?.resultText).toBe('"soon"');
  await worker.stop();
  expect(errors).toEqual([]);
  expect(await system.observer.janitors()).toEqual([]);
});

test("setLimits of a queue sets the limits that an observer reads", async () => {
  const system = await setupSystem();
  const limits = { queue: { concurrency: 2, rate: { limit: 5, periodMs: 1_000 } } };
  await system.queue("limited").setLimits(limits);
  expect((await system.observer.limits.get("limited")).limits).toMatchObject(limits);
  await expect(system.queue("limited").setLimits({ queue: { concurrency: 0 } })).rejects.toMatchObject({
    code: "invalid_argument",
  });
});
