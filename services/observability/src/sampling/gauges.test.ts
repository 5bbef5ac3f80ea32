import { createMetrics } from "@holdfast/service";
import type { WorkerView } from "holdfast";
import { expect, test } from "vitest";
import { statsOf } from "../../test/fakes.ts";
import { createGauges } from "./gauges.ts";
import type { Sample } from "./sampler.ts";
import { SeriesStore } from "./series.ts";

function setup() {
  const metrics = createMetrics({ service: "observability", version: "0.0.0" });
  const gauges = createGauges(metrics, new SeriesStore());
  const update = (sample: Partial<Sample>) =>
    gauges.update({ at: 1, sampledAt: 1, redisUp: true, queues: [], workers: [], ...sample });
  return { update, text: () => metrics.registry.metrics() };
}

const workerOf = (state: WorkerView["state"], queues: string[]) => ({ state, queues }) as WorkerView;

test("gauges show counts, ages, pauses and workers of each queue", async () => {
  const { update, text } = setup();
  update({
    queues: [
      statsOf("q", {
        pending: 5,
        dead: 2,
        paused: true,
        oldestPendingAgeMs: 1_500,
        oldestFlowAgeMs: 2_500,
        suspended: 3,
      }),
      statsOf("idle"),
    ],
    workers: [workerOf("running", ["q", "idle"]), workerOf("lost", ["q"])],
  });
  const lines = await text();
  for (const line of [
    'holdfast_queue_tasks{queue="q",state="pending"} 5',
    'holdfast_queue_tasks{queue="q",state="dead"} 2',
    'holdfast_queue_tasks{queue="q",state="scheduled"} 0',
    'holdfast_queue_suspended_tasks{queue="q"} 3',
    'holdfast_queue_suspended_tasks{queue="idle"} 0',
    'holdfast_queue_paused{queue="q"} 1',
    'holdfast_queue_paused{queue="idle"} 0',
    'holdfast_queue_oldest_pending_age_seconds{queue="q"} 1.5',
    'holdfast_queue_oldest_flow_age_seconds{queue="q"} 2.5',
    'holdfast_queue_oldest_flow_age_seconds{queue="idle"} 0',
    'holdfast_queue_drain_seconds{queue="q"} +Inf',
    'holdfast_queue_drain_seconds{queue="idle"} 0',
    'holdfast_workers{queue="q",state="running"} 1',
    'holdfast_workers{queue="q",state="lost"} 1',
    'holdfast_workers{queue="idle",state="draining"} 0',
    'holdfast_dead_letters_replayed_total{queue="q",outcome="replayed"} 0',
    "holdfast_redis_up 1",
  ]) {
    expect(lines.split("\n")).toContain(line);
  }
});

test("gauges show how many tasks limits hold back, and a queue without a limit has no gauge of a limit", async () => {
  const { update, text } = setup();
  const flow = { keysReady: 3, keysResting: 2, keysHeld: 1 };
  update({
    queues: [
      statsOf("q", {
        ...{ at: 1_000, pending: 9, pendingKeyed: 8 },
        flow: { ...flow, runnable: 4, concurrency: 5, heldUntil: 8_500 },
      }),
      statsOf("free"),
    ],
  });
  const lines = (await text()).split("\n");
  for (const line of [
    'holdfast_queue_runnable_tasks{queue="q"} 4',
    'holdfast_queue_keyed_tasks{queue="q"} 8',
    'holdfast_queue_keys{queue="q",state="ready"} 3',
    'holdfast_queue_keys{queue="q",state="resting"} 2',
    'holdfast_queue_keys{queue="q",state="held"} 1',
    'holdfast_queue_concurrency_limit{queue="q"} 5',
    'holdfast_queue_hold_seconds{queue="q"} 7.5',
    'holdfast_queue_hold_seconds{queue="free"} 0',
  ])
    expect(lines).toContain(line);
  expect(lines.join("\n")).not.toContain('holdfast_queue_concurrency_limit{queue="free"}');
});

test("a second sample replaces the first, and a deleted queue disappears", async () => {
  const { update, text } = setup();
  update({ queues: [statsOf("a", { pending: 5 }), statsOf("b")] });
  update({ queues: [statsOf("a", { pending: 3 })] });
  expect(await text()).toContain('holdfast_queue_tasks{queue="a",state="pending"} 3');
  expect(await text()).not.toContain('holdfast_queue_tasks{queue="b"');
});

test("while Redis does not answer, the gauges of queues have no values", async () => {
  const { update, text } = setup();
  update({ queues: [statsOf("a", { pending: 5 })] });
  update({ redisUp: false, queues: [statsOf("a", { pending: 5 })] });
  expect(await text()).toContain("holdfast_redis_up 0");
  expect(await text()).not.toContain("holdfast_queue_tasks{");
});

test("queues above the cap are added up under one label, with the highest age", async () => {
  const { update, text } = setup();
  const queues = Array.from({ length: 70 }, (_, index) =>
    statsOf(`q${index}`, { pending: 1, oldestPendingAgeMs: index === 66 ? 9_000 : 1_000 }),
  );
  update({ queues });
  expect(await text()).toContain('holdfast_queue_tasks{queue="__other__",state="pending"} 6');
  expect(await text()).toContain('holdfast_queue_oldest_pending_age_seconds{queue="__other__"} 9');
});
