import type { SeriesReply } from "@holdfast/contracts/api";
import { until } from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { SeriesHistory } from "holdfast/operate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, startRunning } from "./running.ts";

let running: Running;
beforeAll(async () => {
  running = await startRunning();
  await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
});
afterAll(async () => running?.stop());

test("a series has the buckets of an earlier process first, and then the seconds of this process", async () => {
  const client = new Holdfast({ redis: running.redis.url });
  try {
    await new Queue("kept", { client }).enqueue("t", 1);
    const stats = await new Observer({ client }).stats("kept");
    const earlier = new SeriesHistory(client);
    const begin = Math.floor(stats.at / 10_000) * 10_000 - 300_000;
    for (let seconds = 0; seconds < 120; seconds += 10) {
      const totals = { ...stats.totals, acked: seconds * 5 };
      await client.engine("kept").timings(["w20", 3, "r30", 4]);
      await earlier.keep({ ...stats, at: begin + seconds * 1_000, totals }, 0.75);
    }
    const series = async (query = "") =>
      (await running.call("GET", `/v1/queues/kept/series${query}`)).json() as unknown as SeriesReply;
    await until("the series has seconds of this process", async () =>
      (await series()).points.some(({ spanMs }) => spanMs === 1_000),
    );
    const { points, source, stepMs } = await series();
    expect([source, stepMs]).toEqual(["both", 1_000]);
    // The last bucket that `earlier` wrote is left out, because the running process may have added to it.
    const kept = points.filter(({ at }) => at < begin + 110_000);
    expect(kept.length).toBe(10);
    expect(kept.every(({ completedPerSecond }) => completedPerSecond === 5)).toBe(true);
    expect(kept[0]).toMatchObject({ spanMs: 10_000, utilisation: 0.75 });
    expect(kept[0]?.runP50Ms).toBeGreaterThan(0);
    expect(kept[0]?.waitP99Ms).toBeLessThan(kept[0]?.runP50Ms ?? 0);
    for (let i = 1; i < points.length; i++) expect(points[i]?.at).toBeGreaterThan(points[i - 1]?.at ?? 0);
    expect(await series("?windowMs=86400000")).toMatchObject({ stepMs: 87_000, windowMs: 86_400_000 });
    expect((await series("?windowMs=600000&stepMs=60000")).points.length).toBeLessThanOrEqual(11);
    expect((await running.call("GET", "/v1/queues/none/series")).status).toBe(404);
  } finally {
    await client.close();
  }
});
