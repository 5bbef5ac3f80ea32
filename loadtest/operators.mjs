// Measures how much the work of an operator slows down other clients. The real observability service lists, searches,
// groups, exports, discards, restores and replays 100,000 dead letters. Meanwhile another thread sends PINGs to the
// same Redis.
//
//   node loadtest/operators.mjs [--tasks 100000]        exit code 1 if the p99 of PING reaches 20 ms
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort } from "../test/chaos/harness/ports.mjs";
import { startRedis } from "../test/chaos/harness/redis.mjs";
import { Service } from "../test/chaos/harness/service.mjs";
import { percentile, until } from "../test/chaos/harness/until.mjs";
import { startPings } from "./pings.mjs";

const BOUND_MS = 20;
const QUEUE = "operators";

await main();

async function main() {
  const { values } = parseArgs({ options: { tasks: { type: "string", default: "100000" } } });
  const tasks = Number(values.tasks);
  const folder = mkdtempSync(join(tmpdir(), "holdfast-operators-"));
  const children = [];
  const track = (child) => {
    children.push(child);
    return child;
  };
  process.chdir(fileURLToPath(new URL("..", import.meta.url)));
  const { Holdfast, Observer, Queue } = await import("holdfast");
  let failed = true;
  let pings;
  try {
    const redis = await startRedis({ folder, track });
    const url = `redis://127.0.0.1:${redis.port}`;
    const client = new Holdfast({ redis: url });
    const observer = new Observer({ client });
    await makeDeadLetters(client, Queue, tasks);
    const port = await freePort();
    const env = { REDIS_URL: url, OBSERVABILITY_PORT: String(port), PATH: process.env.PATH };
    const service = track(new Service("observability", port, env, { folder, label: "observability" }));
    await service.turns(200, 30_000);
    pings = startPings(redis.port);
    const call = async (path, body) => {
      const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      const response = await fetch(`${service.url}${path}`, {
        ...init,
        headers: { "content-type": "application/json" },
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response;
    };
    const json = async (path, body) => (await call(path, body)).json();
    const ended = async (id) => {
      for (let seen = -1; ; ) {
        const view = await json(`/v1/operations/${id}`);
        if (view.endedAt !== null) return view;
        if (process.stdout.isTTY && view.done !== seen)
          process.stdout.write(`\r  ${view.done} of ${view.total}   `);
        seen = view.done;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    };
    const report = [];
    const measure = async (what, act) => {
      await pings.since();
      const started = performance.now();
      const told = await act();
      const seconds = (performance.now() - started) / 1_000;
      const took = await pings.since();
      const row = {
        what,
        seconds: Number(seconds.toFixed(2)),
        told,
        pings: took.length,
        p50: Number(percentile(took, 0.5).toFixed(2)),
        p99: Number(percentile(took, 0.99).toFixed(2)),
        max: Number(percentile(took, 1).toFixed(2)),
      };
      report.push(row);
      console.log(
        `${what.padEnd(34)} ${row.seconds.toFixed(2).padStart(7)} s   PING p50 ${row.p50} p99 ${row.p99} max ${row.max} ms   ${told}`,
      );
    };
    const base = `/v1/queues/${QUEUE}`;
    console.log(`${tasks} dead letters`);
    await measure(
      "first page",
      async () => `${(await json(`${base}/dead-letters?limit=100`)).tasks.length} rows`,
    );
    await measure("search of all dead letters, page by page", async () => {
      let [scanned, requests] = [0, 0];
      for (let cursor = ""; cursor !== null; requests++) {
        const more = cursor === "" ? "" : `&cursor=${cursor}`;
        const page = await json(`${base}/tasks?state=dead&limit=100&q=nowhere${more}`);
        scanned += page.scanned;
        cursor = page.cursor;
      }
      return `${scanned} scanned in ${requests} requests`;
    });
    await measure("errors of all dead letters", async () => {
      const { total, dead } = await json(`${base}/errors`);
      return `${total} errors of ${dead} dead letters`;
    });
    await measure("export of all dead letters", async () => {
      let lines = 0;
      for await (const chunk of (await call(`${base}/tasks/export?state=dead`)).body)
        for (const byte of chunk) if (byte === 10) lines++;
      return `${lines} lines`;
    });
    await measure("discard of all dead letters", async () => {
      const { id } = await json(`${base}/dead-letters/discard`, { all: true });
      return `${id} ${(await ended(id)).result.discarded}`;
    });
    const discard = report.at(-1).told.split(" ")[0];
    await measure("undo of the discard", async () => {
      const { id } = await json(`/v1/operations/${discard}/undo`, {});
      return `${(await ended(id)).result.restored} restored`;
    });
    await measure("replay of all dead letters by a filter", async () => {
      const { id } = await json(`${base}/dead-letters/replay`, { filter: { reason: "fatal" } });
      return `${(await ended(id)).result.replayed} replayed`;
    });
    const stats = await observer.stats(QUEUE);
    const { violations } = await observer.audit(QUEUE);
    await client.close();
    const wrong = report
      .filter(({ p99 }) => p99 >= BOUND_MS)
      .map(({ what, p99 }) => `${what}: p99 ${p99} ms`);
    if (stats.pending !== tasks || stats.totals.replayed !== tasks)
      wrong.push(`${stats.pending} are pending`);
    if (violations.length > 0) wrong.push(`the audit found ${violations[0].detail}`);
    console.log(JSON.stringify({ tasks, boundMs: BOUND_MS, report, wrong }));
    failed = wrong.length > 0;
  } finally {
    await pings?.stop();
    for (const child of children.reverse()) await child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit(failed ? 1 : 0);
}

/** Makes dead letters quickly, without a worker: acquires tasks through the engine and fails them. */
async function makeDeadLetters(client, Queue, count) {
  const queue = new Queue(QUEUE, { client });
  const engine = client.engine(QUEUE);
  const base = { held: 0, leaseMs: 60_000, maxRetries: 0, workerId: "w", nonce: "n", noHandlerAfterMs: 1 };
  for (let from = 0; from < count; from += 500) {
    const size = Math.min(500, count - from);
    await queue.enqueueMany(
      Array.from({ length: size }, (_, i) => ({
        type: "mail.send",
        payload: { to: `user-${from + i}@example.com` },
      })),
    );
    const { grants } = await engine.acquire({ ...base, want: size });
    const verdicts = grants.map(({ id, fence }, i) => ({
      kind: "fatal",
      id,
      fence,
      error: `Error: mailbox ${from + i} of ${["alpha", "beta", "gamma"][i % 3]} is full`,
    }));
    await engine.settle(verdicts, { ...base, want: 0 });
  }
  await until(
    "all tasks are dead",
    async () => (await engine.list("deadLetters", "first", "", 1)).length === count,
  );
}
