// Uses callgrind to count the instructions of Redis per task, with events and without.
//
//   node loadtest/events-cost.mjs [--batches 250,1] [--calls 20] [--before <folder of another version, built>]
//
// The counts are for the enqueue of a batch, and for the call that settles a batch and acquires the next one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { AOF, startRedis } from "../test/chaos/harness/redis.mjs";
import { Hands } from "../test/flow-control/harness/hands.mjs";
import { count, needValgrind, startCounted } from "../test/flow-control/harness/instructions.mjs";

const { values } = parseArgs({
  options: {
    batches: { type: "string", default: "250,1" },
    calls: { type: "string", default: "20" },
    before: { type: "string", default: "" },
  },
});
const calls = Number(values.calls);

/** @returns the instructions per task for the enqueue, and for the call that settles it and acquires another task */
async function costs(batch, { maxEvents = 0, root = "" }) {
  const { Holdfast, Observer, Queue } = await import(
    root === "" ? "holdfast" : `${root}/packages/holdfast/dist/index.js`
  );
  const folder = mkdtempSync(join(tmpdir(), "holdfast-events-cost-"));
  const ctx = {
    folder,
    path: (name) => join(folder, name),
    startRedis: (options) => startRedis({ folder, track: (child) => child, ...options }),
  };
  // With these settings the server does less periodic work. On a busy machine, that work would add instructions.
  const redis = await startCounted(ctx, { args: [...AOF.none, "--hz", "1", "--dynamic-hz", "no"] });
  const client = new Holdfast({ redis: redis.url });
  try {
    await client.check();
    if (maxEvents > 0) await new Observer({ client }).configure("q", { maxEvents });
    const queue = new Queue("q", { client });
    await queue.ready();
    let next = 0;
    const enqueue = () =>
      queue.enqueueMany(
        Array.from({ length: batch }, () => ({
          type: "t",
          payload: "x".repeat(94),
          id: `task${String(next++).padStart(10, "0")}`,
        })),
      );
    const hands = new Hands(client.engine("q"));
    for (let warm = 0; warm < 4; warm++) await enqueue();
    let held = await hands.ack(await hands.acquire(batch), batch);
    const enqueued = await count(ctx, redis, async () => {
      for (let call = 0; call < calls; call++) await enqueue();
    });
    const both = await count(ctx, redis, async () => {
      for (let call = 0; call < calls; call++) held = await hands.ack(held, batch);
    });
    if (held.length !== batch) throw new Error(`${held.length} granted`);
    const [first, second] = [enqueued, both].map((instructions) => instructions / (calls * batch));
    return { enqueue: first, settle: second };
  } finally {
    await client.close();
    await redis.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

needValgrind();
const percent = (now, before) => `${(100 * (now / before - 1)).toFixed(2)}%`;
for (const batch of values.batches.split(",").map(Number)) {
  const off = await costs(batch, {});
  const on = await costs(batch, { maxEvents: 100_000 });
  for (const what of ["enqueue", "settle"])
    console.log(
      `${what} of ${batch}: ${Math.round(off[what])} instructions per task, with events ${Math.round(on[what])}: ${percent(on[what], off[what])} more`,
    );
  if (values.before === "") continue;
  const before = await costs(batch, { root: values.before });
  for (const what of ["enqueue", "settle"])
    console.log(
      `${what} of ${batch}, before: ${Math.round(before[what])}; without events ${percent(off[what], before[what])} more`,
    );
}
