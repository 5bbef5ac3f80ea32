import type { QueueStats, WorkerView } from "holdfast";
import { expect, test } from "vitest";
import { frameLines, plainLines, type Sight } from "./frame.ts";
import { RateWatch } from "./rates.ts";

function stats(queue: string, at: number, acked: number, pending = 0): QueueStats {
  const totals = { enqueued: acked, acked, failed: 0, deadLettered: 0 };
  return {
    queue,
    at,
    pending,
    partitions: null,
    oldestPendingAgeMs: 0,
    processing: 0,
    scheduled: 0,
    dead: 0,
    totals,
  } as QueueStats;
}

const worker = (id: string, state = "running") =>
  ({
    id,
    state,
    busy: 1,
    slots: 50,
    queues: ["q"],
    version: "1",
    host: "h",
    pid: 1,
    heartbeatAgeMs: 10,
  }) as WorkerView;

function sight(queues: number, workers: number): Sight {
  return {
    where: "127.0.0.1:6379",
    at: 0,
    queues: Array.from({ length: queues }, (_, at) => stats(`queue-${at}`, 0, 0, at)),
    rates: new Map(),
    workers: Array.from({ length: workers }, (_, at) => worker(`worker-${at}`)),
    error: null,
  };
}

test.each([
  [0, 0, 80, 24],
  [3, 2, 80, 24],
  [500, 200, 100, 30],
  [500, 0, 20, 8],
  [5, 5, 40, 3],
])("%i queues and %i workers fit into %i columns and %i rows", (queues, workers, columns, rows) => {
  const lines = frameLines(sight(queues, workers), columns, rows);
  expect(lines.length).toBeLessThanOrEqual(rows);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
  expect(lines.at(-1)).toContain("q quits");
});

test("rows that do not fit are counted, and the fullest queues come first", () => {
  const lines = frameLines(sight(500, 200), 120, 30);
  expect(lines[3]).toMatch(/^queue-499 /);
  const shown = (name: string) => lines.filter((line) => line.startsWith(name)).length;
  expect(lines.at(-1)).toContain(
    `${500 - shown("queue-")} more queues  ${200 - shown("worker-")} more workers`,
  );
});

test("rates come from the totals and the time of Redis, and the rate of a queue that was created again begins at zero", () => {
  const watch = new RateWatch();
  expect(watch.next([stats("q", 1_000, 100)]).get("q")).toBeNull();
  expect(watch.next([stats("q", 3_000, 300)]).get("q")).toMatchObject({ acked: 100, failed: 0 });
  expect(watch.next([stats("q", 4_000, 7)]).get("q")).toMatchObject({ acked: 0 });
  expect(watch.next([stats("q", 4_000, 7)]).get("q")).toBeNull();
});

test("the screen shows an error, whose text cannot send commands to the terminal", () => {
  const broken = { ...sight(1, 0), error: "gone \u001b[2J" };
  expect(frameLines(broken, 80, 24)[1]).toBe("! gone \\u001b[2J");
  expect(plainLines(broken)).toEqual(['1970-01-01T00:00:00.000Z error="gone \\\\u001b[2J"']);
});
