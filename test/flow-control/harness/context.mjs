import { taskView } from "../../../packages/holdfast/dist/engine/task-view.js";
import { Context } from "../../chaos/harness/context.mjs";
import { until } from "../../chaos/harness/until.mjs";
import { Hands } from "./hands.mjs";
import { gapsOf } from "./starts.mjs";

const actors = new URL("../actors/", import.meta.url);
/** The most tasks that one call enqueues (BATCH), and that one call reads (READ). */
const BATCH = 1_000;
const READ = 100;
/** If a PING takes longer than this, ms, the machine counts as stalled. */
const STALL_MS = 10;

/** Starts everything that a check needs. */
export class FlowContext extends Context {
  queueName = "flow";

  /** Starts a worker process whose handler `sleep` takes `payload.ms`. The options are those of actors/worker.mjs. */
  slots(redis, options = {}) {
    return this.actor("worker", { redis, leaseMs: 1_000, ...options }, { actors });
  }

  /** Starts `count` worker processes and waits until they are ready. */
  async startSlots(redis, count, options = {}) {
    const all = Array.from({ length: count }, () => this.slots(redis, options));
    await Promise.all(all.map((worker) => worker.ready()));
    return all;
  }

  program(kind, options) {
    return this.actor(kind, options, { actors });
  }

  /**
   * Makes a client for the check itself, with the engine of the queue. The engine lets the check decide the order and
   * size of calls.
   */
  client(redis, queue = this.queueName) {
    const view = super.client(redis);
    const engine = view.client.engine(queue);
    return { ...view, engine, hands: new Hands(engine) };
  }

  /** Makes the queue keep all ended tasks, so that the check can read them at the end. */
  async keepAll({ queue, observer }, settings = {}) {
    await queue.ready();
    await observer.configure(this.queueName, { retentionCount: 1_000_000, ...settings });
  }

  /** Enqueues tasks without writing a history. @returns their ids */
  async put({ queue }, tasks) {
    const ids = [];
    for (let at = 0; at < tasks.length; at += BATCH) {
      const results = await queue.enqueueMany(tasks.slice(at, at + BATCH));
      for (const result of results) {
        if (!result.ok) throw result.error;
        ids.push(result.receipt.id);
      }
    }
    return ids;
  }

  /** Reads the records of tasks. @throws if one of the tasks was purged */
  async records({ engine }, ids) {
    const views = [];
    const readFrom = async (at) => {
      const raw = await engine.get(ids.slice(at, at + READ));
      return raw.map((task) => taskView(engine.queue, task));
    };
    for (let at = 0; at < ids.length; at += 8 * READ) {
      const pages = Array.from({ length: 8 }, (_, page) => readFrom(at + page * READ));
      for (const page of await Promise.all(pages)) views.push(...page);
    }
    const gone = views.indexOf(null);
    if (gone >= 0) throw new Error(`the record of ${ids[gone]} is gone`);
    return views;
  }

  /**
   * Expects that the audit finds nothing: the indexes agree with the records, and the accounts of keys with the
   * leases.
   */
  async expectAudit({ observer }, when = "at the end") {
    const { violations } = await observer.audit(this.queueName);
    for (const { invariant, detail } of violations.slice(0, 3))
      this.expect(false, `the audit ${when}: ${invariant} ${detail}`);
    return violations.length;
  }

  /**
   * Detects stalls, in which no process of the machine runs. A process with a high priority sends a PING every
   * millisecond for this.
   */
  async watchMachine(redis) {
    const pinger = await this.pinger(redis.port).ready();
    return {
      /**
       * @returns the spans without an answer to PING, by the clock of the machine, which is also the clock of Redis
       */
      async stalls() {
        await pinger.kill("SIGTERM");
        return gapsOf(
          pinger.heard("ping").map(({ redisMs }) => redisMs),
          STALL_MS,
        );
      },
    };
  }

  async untilCompleted({ observer }, count, timeoutMs = 60_000) {
    await until(
      `${count} tasks are completed`,
      async () => (await observer.stats(this.queueName)).totals.acked >= count,
      timeoutMs,
      50,
    );
  }
}

/** Returns `count` tasks that each sleep for `ms`. */
export const sleeps = (count, ms, more = {}) =>
  Array.from({ length: count }, () => ({ type: "sleep", payload: { ms }, ...more }));

/** Returns the time of Redis, ms. */
export async function redisNow(redis) {
  const [seconds, micros] = (await redis.cli("time")).split("\n");
  return Number(seconds) * 1_000 + Number(micros) / 1_000;
}
