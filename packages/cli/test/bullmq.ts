import { until } from "@holdfast/testing";
import { FlowProducer, type JobsOptions, Queue, UnrecoverableError, Worker } from "bullmq";
import type { Redis } from "ioredis";

/** The jobs that the import has to move, by id, each with its data. */
export interface Seeded {
  byState: Record<"waiting" | "prioritized" | "delayed" | "failed", Map<string, string>>;
  close(): Promise<void>;
}

const CHUNK = 1_000;
const NASTY = ["", "é 你好 😀", '\u0000\u001f"\\/', "</script>", "\u2028", "\ufffd", "\ud800"];
/**
 * JSON texts that clients of BullMQ in other languages write. If Node parsed and wrote them again, they would change.
 */
const FOREIGN = [
  '{"n": 12345678901234567890, "f": 1.0}',
  '{ "a":1,"a":2 }',
  "[1e2,\t-0]",
  '"\\u00e9"',
  "null",
];

const dataOf = (i: number) => ({ i, text: NASTY[i % NASTY.length], nested: { list: [i, null, true, 1.5] } });

/**
 * Uses BullMQ itself to fill a queue with jobs in every state, and pauses the queue.
 * @param each how many jobs to add for each state that the import moves
 */
export async function seedBullMq(redis: Redis, url: string, name: string, each: number): Promise<Seeded> {
  const connection = { url, maxRetriesPerRequest: null };
  const queue = new Queue(name, { connection });
  const add = async (count: number, job: string, optsOf: (i: number) => JobsOptions) => {
    for (let at = 0; at < count; at += CHUNK) {
      const some = Array.from({ length: Math.min(CHUNK, count - at) }, (_, i) => at + i);
      await queue.addBulk(some.map((i) => ({ name: job, data: dataOf(i), opts: optsOf(i) })));
    }
  };
  await add(each, "fails", (i) => ({ attempts: 1 + (i % 2), stackTraceLimit: 3 }));
  await add(5, "completes", () => ({}));
  const flows = new FlowProducer({ connection });
  await flows.add({ name: "parent", queueName: name, children: [{ name: "child", queueName: name }] });
  const worker = new Worker(
    name,
    async (job) => {
      if (job.name === "fails")
        throw job.data.i % 5 === 0 ? new UnrecoverableError("never") : new Error(`no ${job.data.i}`);
    },
    { connection, concurrency: 100, autorun: false },
  );
  // The child job is removed from its list, so it never runs. Its parent waits for ever, which is the state that the
  // test needs.
  await redis.lrem(`bull:${name}:wait`, 0, await childOf(queue, redis, name));
  void worker.run();
  await until("the failing jobs have failed", async () => (await queue.getFailedCount()) === each, 300_000);
  await until("the other jobs are completed", async () => (await queue.getCompletedCount()) === 5);
  await worker.close();

  const taker = new Worker(name, null, { connection });
  await add(2, "held", () => ({}));
  for (let i = 0; i < 2; i++) await taker.getNextJob(`token-${i}`);
  await queue.pause();
  await add(each, "waits", (i) => ({ attempts: 4, backoff: { type: "exponential", delay: 1_000 + i } }));
  await add(each, "urgent", (i) => ({ priority: 1 + (i % 7), jobId: `custom ${i}/ü` }));
  await add(each, "later", (i) => ({ delay: 3_600_000 + i }));
  await queue.upsertJobScheduler(
    "nightly",
    { pattern: "0 3 * * *", tz: "Europe/Berlin" },
    { name: "report" },
  );
  for (const [i, id] of (await redis.lrange(`bull:${name}:wait`, -FOREIGN.length, -1)).entries())
    await redis.hset(`bull:${name}:${id}`, "data", FOREIGN[i] as string);
  const byState = await movable(redis, name);
  return {
    byState,
    async close() {
      await taker.close();
      await flows.close();
      await queue.close();
    },
  };
}

async function childOf(queue: Queue, redis: Redis, name: string): Promise<string> {
  const waiting = await redis.lrange(`bull:${name}:wait`, 0, -1);
  for (const id of waiting) if ((await queue.getJob(id))?.name === "child") return id;
  throw new Error("the child does not wait");
}

/** Reads the jobs that the import has to move, directly from the keys of BullMQ. */
export async function movable(redis: Redis, name: string): Promise<Seeded["byState"]> {
  const key = (part: string) => `bull:${name}:${part}`;
  const read = async (ids: string[]) => {
    const found = new Map<string, string>();
    for (const id of ids) {
      const [data, scheduler] = await redis.hmget(key(id), "data", "rjk");
      if (scheduler === null) found.set(id, data as string);
    }
    return found;
  };
  return {
    waiting: await read(await redis.lrange(key("wait"), 0, -1)),
    prioritized: await read(await redis.zrange(key("prioritized"), "0", "-1")),
    delayed: await read(await redis.zrange(key("delayed"), "0", "-1")),
    failed: await read(await redis.zrange(key("failed"), "0", "-1")),
  };
}
