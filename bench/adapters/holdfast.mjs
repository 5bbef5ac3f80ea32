import { createRequire } from "node:module";
import { batch, Holdfast, Janitor, Observer, Queue, Worker } from "../../packages/holdfast/dist/index.js";

// The same ioredis that the library uses, so that the benchmark can count the calls of the library.
const { Redis } = createRequire(new URL("../../packages/holdfast/package.json", import.meta.url))("ioredis");

/** The method with which a client sends every command, as [object, method]. */
export const clientCalls = [[Redis.prototype, "sendCommand"]];

/**
 * All features are on, and every option has its default: retention, counters, request slots, leases, heartbeat thread,
 * janitor.
 */
export async function open({ url, queue }) {
  const client = new Holdfast({ redis: url });
  await client.check();
  const producer = new Queue(queue, { client });
  // The client connects before the measurement begins, like the clients of the other libraries.
  await producer.ready();
  const observer = new Observer({ client });
  // Retries have no delay, because the other libraries in this benchmark also retry at once.
  const optionsOf = ({ retries, delayMs, keepPayload }) =>
    retries === undefined && delayMs === undefined && keepPayload === undefined
      ? undefined
      : {
          ...(keepPayload === undefined ? {} : { keepPayload }),
          ...(retries === undefined
            ? {}
            : { maxRetries: retries, backoff: { kind: "fixed", baseMs: 0, jitter: "none" } }),
          ...(delayMs === undefined ? {} : { delayMs }),
        };

  return {
    one: (payload, options = {}) => producer.enqueue("bench", payload, optionsOf(options)),
    async bulk(payloads, { keyOf, ...wanted } = {}) {
      const options = optionsOf(wanted);
      const taskOf = (payload) =>
        options ? { type: "bench", payload, ...options } : { type: "bench", payload };
      const results = await producer.enqueueMany(
        payloads.map(keyOf ? (payload) => ({ ...taskOf(payload), key: keyOf(payload) }) : taskOf),
      );
      const refused = results.find((result) => !result.ok);
      if (refused) throw refused.error;
    },
    /** Adds a flow of children, and a task that runs when all children have completed. */
    flow: (children, last) =>
      producer.flow({
        nodes: children.map((payload, n) => ({ name: `n${n}`, type: "bench", payload })),
        on: { success: { type: "bench", payload: last } },
      }),
    limit: (limits) => observer.limits.set(queue, limits),
    async worker({ concurrency, handler, onDone, batchOf }) {
      // A batch handler that does as little as the single handler: it only counts its tasks.
      const bench = batchOf
        ? batch({ max: batchOf }, (tasks) => {
            for (const { payload } of tasks) void handler(payload);
          })
        : (task) => handler(task.payload);
      const worker = new Worker(queue, { bench }, { redis: url, concurrency });
      const janitor = new Janitor({ redis: url });
      worker.on("error", (error) => console.error("holdfast:", error.message));
      janitor.on("error", (error) => console.error("holdfast:", error.message));
      // The event is emitted after Redis has confirmed the verdict.
      worker.on("settled", ({ outcome }) => {
        if (outcome === "acked") onDone(false);
        else if (outcome === "dead") onDone(true);
      });
      await worker.start();
      return {
        start: () => void janitor.start(),
        async stop() {
          await worker.stop();
          await janitor.stop();
        },
      };
    },
    async counts() {
      const { totals, ...stats } = await observer.stats(queue);
      return {
        waiting: stats.pending + stats.scheduled,
        active: stats.processing,
        completed: totals.acked,
        failed: stats.dead,
      };
    },
    async close() {
      await producer.close();
      await client.close();
    },
  };
}
