import type { AttemptView } from "@holdfast/contracts";
import { describe, expect, it } from "vitest";
import { deadTask } from "../../testing/render.tsx";
import { type BarRow, barRows, scaleOf, ticksOf } from "./bars.ts";

const attempt = (number: number, startedAt: number, endedAt: number | null, generation = 0): AttemptView => ({
  ...{ attempt: number, generation, workerId: "w", fence: `${generation}-${number}`, startedAt, endedAt },
  ...{ outcome: endedAt === null ? "running" : "failed", error: null },
});

const told = (part: Parameters<typeof deadTask>[1], now = 100_000) =>
  barRows(deadTask("a", { enqueuedAt: 1_000, ...part }), now).map(({ label, spans, moments, note }) => {
    const bars = spans.map(
      ({ kind, from, to, isOpen, until }) =>
        `${kind} ${from}-${isOpen ? `now ${to}` : to}${until === null ? "" : ` until ${until}`}`,
    );
    const points = moments.map(({ kind, at }) => `${kind} ${at}`);
    return `${label}: ${[...bars, ...points, ...(note === null ? [] : [note])].join(", ")}`;
  });

const step = (kind: "step" | "sleep" | "wait" | "call", name: string, at: number) =>
  ({ ...{ kind, name, at }, outcome: "done", bytes: 2, calledId: null }) as const;

describe("the bars of a task", () => {
  it("are the wait and the run of each attempt, the time as a dead letter, and each replay", () => {
    const history = [attempt(1, 1_500, 1_600), attempt(2, 4_000, 4_100), attempt(1, 9_050, 9_100, 1)];
    expect(told({ generation: 1, history, replays: [{ generation: 1, at: 9_000 }] })).toEqual([
      "Attempt 1: queued 1000-1500, run 1500-1600",
      "Attempt 2: backoff 1600-4000, run 4000-4100",
      "Replay 1: dead 4100-9000, replayed 9000",
      "Attempt 1: queued 9000-9050, run 9050-9100",
    ]);
  });

  it("grow until now while the task runs or waits", () => {
    expect(told({ state: "processing", history: [attempt(1, 1_500, null)] }, 7_000)).toEqual([
      "Attempt 1: queued 1000-1500, run 1500-now 7000",
    ]);
    expect(told({ state: "pending", endedAt: null }, 7_000)).toEqual(["Now: queued 1000-now 7000"]);
    expect(told({ state: "waiting", endedAt: null }, 7_000)).toEqual(["Now: flow 1000-now 7000"]);
    const retry = {
      state: "scheduled" as const,
      runAt: 9_000,
      endedAt: null,
      history: [attempt(1, 1_500, 1_600)],
    };
    expect(told(retry, 7_000).at(-1)).toBe("Now: backoff 1600-now 7000 until 9000");
    const later = { state: "scheduled", runAt: 9_000, endedAt: null } as const;
    expect(told(later, 7_000)).toEqual(["Now: delayed 1000-now 7000 until 9000"]);
  });

  it("tell the delay of a task from its wait in the queue", () => {
    expect(told({ runAt: 3_000, history: [attempt(1, 3_500, 3_600)] })).toEqual([
      "Attempt 1: delayed 1000-3000, queued 3000-3500, run 3500-3600",
    ]);
  });

  it("show the sleeps and waits of a handler between its steps", () => {
    const steps = {
      ...{ count: 5, bytes: 10, signals: [] },
      steps: [
        step("step", "charge", 1_200),
        step("step", "mail", 1_300),
        step("sleep", "cool down", 5_000),
        { ...step("wait", "the boss", 90_000), outcome: "open" as const },
      ],
    };
    const waits = {
      state: "scheduled" as const,
      endedAt: null,
      waitsFor: ["approved"],
      runAt: 90_000,
      steps,
    };
    expect(told(waits, 7_000)).toEqual([
      "Now: step 1000-1300, suspended 1300-5000, suspended 5000-now 7000 until 90000",
    ]);
    expect(told({ steps, history: [attempt(1, 6_000, 6_100)] })).toEqual([
      "Attempt 1: step 1000-1300, suspended 1300-5000, queued 5000-6000, run 6000-6100",
    ]);
  });

  it("end with the task, and show when it was changed", () => {
    const changes = { count: 2, firstAt: 1_500, lastAt: 2_000, by: "api-1", fields: ["payload" as const] };
    expect(told({ state: "cancelled", endedAt: 3_000, changes })).toEqual([
      "Until its end: queued 1000-3000",
      "Changed: changed 2000",
    ]);
  });

  it("say what is not known", () => {
    expect(told({ generation: 1, history: [attempt(3, 5_000, 5_100), attempt(1, 9_000, 9_100, 1)] })).toEqual(
      [
        "Earlier attempts: not kept any more",
        "Attempt 3: run 5000-5100",
        "Replay 1: at an unknown time",
        "Attempt 1: run 9000-9100",
      ],
    );
  });
});

const DAY = 86_400_000;
const rowsOf = (...lengths: number[]): BarRow[] => {
  let at = 0;
  const spans = lengths.map((ms) => {
    const from = at;
    at += ms;
    const rest = { isOpen: false, until: null, attempt: null };
    return { kind: "run" as const, what: "ran", from, to: at, ...rest };
  });
  return [{ key: "1", label: "1", spans, moments: [], note: null }];
};
const widths = (rows: BarRow[], isExact = false) => {
  const scale = scaleOf(rows, isExact);
  return rows[0]?.spans.map(({ from, to }) => scale.at(to) - scale.at(from)) ?? [];
};

describe("the scale of the bars", () => {
  it("is exact if every bar can be seen", () => {
    expect(scaleOf(rowsOf(1_000, 3_000), false).isToScale).toBe(true);
    expect(widths(rowsOf(1_000, 3_000))).toEqual([0.25, 0.75]);
  });

  it("shows 20 ms beside 3 days, and a longer time is never drawn shorter", () => {
    const rows = rowsOf(500, 3 * DAY, 20, 60_000);
    expect(scaleOf(rows, false).isToScale).toBe(false);
    const [half = 0, days = 0, blink = 0, minute = 0] = widths(rows);
    expect(blink).toBeGreaterThanOrEqual(0.0199);
    expect([blink < half, half < minute, minute < days]).toEqual([true, true, true]);
    expect(half + days + blink + minute).toBeCloseTo(1);
    expect(widths(rows, true)[2]).toBeLessThan(0.000_001);
  });

  it("never leaves the width, whatever the durations are", () => {
    for (let round = 0; round < 200; round++) {
      const lengths = Array.from(
        { length: 1 + (round % 64) },
        (_, n) => ((round * 7_919 + n * 104_729) % 9) ** n % DAY,
      );
      const rows = rowsOf(...lengths);
      const scale = scaleOf(rows, false);
      let before = 0;
      for (const { to } of rows[0]?.spans ?? []) {
        expect(scale.at(to)).toBeGreaterThanOrEqual(before - 1e-9);
        before = scale.at(to);
      }
      expect(before).toBeLessThanOrEqual(1 + 1e-9);
    }
  });

  it("names times that are far enough from one another", () => {
    const rows = rowsOf(10, 10, 500, 10, 470);
    expect(ticksOf(rows, scaleOf(rows, true), 0.2)).toEqual([520]);
    expect(ticksOf(rowsOf(0), scaleOf(rowsOf(0), false), 0.2)).toEqual([]);
  });
});
