// Typical mistakes in the use of the library. Each line has to be an error for the compiler. The comment above the
// line allows this error, and has the part of the message that types.test.ts compares.
import {
  batch,
  defineTask,
  type HandlerContext,
  Holdfast,
  Janitor,
  Observer,
  Queue,
  RateLimited,
  RetryAfter,
  Schedules,
  Worker,
} from "holdfast";
import { testWorker } from "holdfast/testing";

const redis = "redis://127.0.0.1:6379";

export async function mistakes(queue: Queue, worker: Worker, ctx: HandlerContext): Promise<void> {
  // @ts-expect-error '{}' is not assignable to parameter of type 'QueueOptions'
  new Queue("mail", {});
  // @ts-expect-error Did you mean to write 'lingerMs'?
  new Queue("mail", { redis, lingerMS: 5 });
  // @ts-expect-error is not assignable to parameter of type 'QueueOptions'
  new Queue("mail", { redis, client: new Holdfast({ redis }) });
  // @ts-expect-error Property 'redis' is missing in type '{}' but required in type 'JanitorOptions'
  new Janitor({});
  // @ts-expect-error '{}' is not assignable to parameter of type 'ObserverOptions'
  new Observer({});

  // @ts-expect-error Did you mean to write 'delayMs'?
  await queue.enqueue("send", 1, { delay: 5 });
  // @ts-expect-error Type 'string' is not assignable to type 'number'
  await queue.enqueue("send", 1, { delayMs: "5s" });
  // @ts-expect-error Type '"urgent"' is not assignable to type '"high" | "low" | "normal" | undefined'
  await queue.enqueue("send", 1, { priority: "urgent" });
  // @ts-expect-error Type '"forever"' is not assignable to type '"unfinished" | "waiting" | "window" | undefined'
  await queue.enqueue("send", 1, { unique: { key: "a", scope: "forever" } });
  // @ts-expect-error Property 'type' is missing in type '{ payload: number; }' but required in type 'NewTask'
  await queue.enqueueMany([{ payload: 1 }]);
  // @ts-expect-error and '"done"' have no overlap
  (await queue.enqueue("send", 1)).state === "done";
  // @ts-expect-error is possibly 'null'
  (await queue.result("id")).resultText;

  // @ts-expect-error Type 'number' is not assignable to type 'Handler | HandlerOptions'
  new Worker("mail", { send: 5 }, { redis });
  // @ts-expect-error 'maxRetry' does not exist in type 'Handler | HandlerOptions'
  new Worker("mail", { send: { handler: () => 1, maxRetry: 3 } }, { redis });
  // @ts-expect-error Did you mean to write 'concurrency'?
  new Worker("mail", { send: () => 1 }, { redis, concurency: 5 });
  // @ts-expect-error Expected 3 arguments, but got 2
  new Worker("mail", { send: () => 1 });
  // @ts-expect-error '"setled"' is not assignable to parameter of type 'keyof WorkerEvents'
  worker.on("setled", () => {});
  // @ts-expect-error Type 'string' is not assignable to type 'number'
  batch({ max: "5" }, () => {});

  // @ts-expect-error '"3 days"' is not assignable to parameter of type 'Duration'
  await ctx.sleep("3 days");
  // @ts-expect-error 'string' is not assignable to parameter of type 'number'
  new RetryAfter("5s");
  // @ts-expect-error Type '"worker"' is not assignable to type '"key" | "queue" | "type" | undefined'
  new RateLimited(5, { scope: "worker" });

  const send = defineTask<{ to: string }, { ok: boolean }>("send");
  // @ts-expect-error 'too' does not exist in type '{ to: string; }'
  await send.enqueue(queue, { too: "x" });
  // @ts-expect-error Type 'number' is not assignable to type 'Promise<{ ok: boolean; }> | { ok: boolean; }'
  send.handler(() => 5);

  // @ts-expect-error Property 'okay' does not exist on type '{ ok: boolean; }'
  (await send.result(queue, "id"))?.result?.okay;
  // @ts-expect-error Did you mean to write 'waitMs'?
  await send.result(queue, "id", { waitMS: 5 });
  const handlers = { ...send.handler(() => ({ ok: true })) };
  // @ts-expect-error Type 'number' is not assignable to type 'string'
  await testWorker(handlers).run(send, { to: 5 });
  // @ts-expect-error Property 'okay' does not exist on type '{ ok: boolean; }'
  (await testWorker(handlers).run(send, { to: "x" })).result?.okay;
  // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'number'
  await worker.addQueue("bulk", "2");

  // @ts-expect-error Type 'number' is not assignable to type 'string'
  await new Schedules({ redis }).put("nightly", { queue: "mail", cron: 5, type: "send" });
  // @ts-expect-error Did you mean to write 'attempt'?
  await testWorker({ send: () => 1 }).run("send", 1, { atempt: 3 });
}
