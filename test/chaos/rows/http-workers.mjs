import { setTimeout as sleep } from "node:timers/promises";
import { LEASE_MS } from "../harness/context.mjs";
import { httpWorkers, missingLanguage, workerApi } from "../harness/http-workers.mjs";

// `HTTP_MINUTES=10 make chaos ROW=http-workers` is the long run.
const RUN_MS = Number(process.env.HTTP_MINUTES ?? 0.5) * 60_000;
const KILL_MS = 1_000;
const RATE = 150;

/** A process that is killed and started again, over and over. */
class Killed {
  kills = 0;
  #start;
  #current;

  constructor(start) {
    this.#start = start;
  }

  async start() {
    this.#current = await this.#start();
  }

  async kill() {
    await this.#current.kill();
    this.kills++;
    await this.start();
  }
}

export const row = {
  order: 38,
  name: "http-workers",
  fault: `kill -9 of a worker in Node, in Python or in Go, or of one of two worker-apis, every ${KILL_MS / 1_000} s for ${RUN_MS / 1_000} s`,
  expected: "no task is lost; no verdict with a stale token is accepted; the audit finds nothing",
  timeoutMs: RUN_MS + 120_000,
  skip: missingLanguage,
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await view.observer.configure(ctx.queueName, { retentionCount: 10_000_000 });
    await ctx.janitor(url).ready();
    const programs = httpWorkers(ctx);
    const served = [await workerApi(ctx, url, "worker-api-1"), await workerApi(ctx, url, "worker-api-2")];
    const apis = served.map(({ start }) => new Killed(start));
    const http = (language, { url: api }) => {
      const options = { api, leaseMs: LEASE_MS, concurrency: 20 };
      const where = { program: programs[language] };
      return new Killed(() => ctx.actor(`http-worker-${language}`, options, where));
    };
    const workers = [
      new Killed(() => ctx.worker(url, { concurrency: 2, aheadMs: 0 })),
      http("python", served[0]),
      http("go", served[1]),
    ];
    const all = [...workers, ...apis];
    for (const one of [...apis, ...workers]) await one.start();
    const load = { ratePerSecond: RATE, options: { backoff: { kind: "fixed", baseMs: 50, jitter: "none" } } };
    const producers = [
      ctx.producer(url, { ...load, type: "sleep", payload: { ms: 5 } }),
      ctx.producer(url, { ...load, ratePerSecond: RATE / 3, type: "flaky", payload: { ms: 5, failures: 2 } }),
    ];
    const end = performance.now() + RUN_MS;
    for (let turn = 0; performance.now() < end; turn++) {
      await sleep(KILL_MS);
      await all[turn % all.length].kill();
    }
    for (const producer of producers) await producer.finish();
    const { acknowledged, lost, stale, duplicated, tasks } = await ctx.settle(view, { drainMs: 90_000 });
    const ran = (kind) => {
      const lines = ctx.actors.filter((actor) => actor.kind === kind).flatMap((actor) => actor.heard("run"));
      return new Set(lines.map(({ id }) => id)).size;
    };
    const counts = {
      Node: ran("worker"),
      Python: ran("http-worker-python"),
      Go: ran("http-worker-go"),
    };
    for (const [language, count] of Object.entries(counts))
      ctx.expect(count > acknowledged / 20, `workers in ${language} ran only ${count} tasks`);
    const dead = [...tasks.values()].filter(({ state }) => state === "dead");
    ctx.expect(
      dead.every(
        ({ deadReason }) => deadReason === "crashes_exhausted" || deadReason === "retries_exhausted",
      ),
      `dead letters for other reasons: ${[...new Set(dead.map(({ deadReason }) => deadReason))].join(", ")}`,
    );
    const kills = all.map((one) => one.kills).reduce((sum, count) => sum + count, 0);
    const shares = Object.entries(counts).map(([language, count]) => `${language} ${count}`);
    return `${kills} kills; ${acknowledged} tasks (${shares.join(", ")}), ${duplicated} ran again, ${stale} verdicts were stale; ${lost} lost`;
  },
};
