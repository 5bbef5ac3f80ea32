import type { AttemptView } from "@holdfast/contracts";
import { describe, expect, it } from "vitest";
import { deadTask } from "../../testing/render.tsx";
import { timelineOf } from "./timeline-entries.ts";

const attempt = (
  generation: number,
  number: number,
  startedAt: number,
  endedAt: number | null,
): AttemptView => ({
  attempt: number,
  generation,
  outcome: endedAt === null ? "running" : "failed",
  workerId: "w",
  fence: `${generation}-${number}`,
  startedAt,
  endedAt,
  error: null,
});

/** Returns each entry as a short text, such as `enqueued`, `replayed 1 at 5000` or `0.1 waited 10, ran 20`. */
const told = (part: Parameters<typeof deadTask>[1], now = 0) =>
  timelineOf(deadTask("a", { enqueuedAt: 1_000, ...part }), now).map((entry) => {
    if (entry.kind === "replayed") return `replayed ${entry.generation} at ${entry.at}`;
    if (entry.kind !== "attempt") return entry.kind;
    const { wait, runMs, attempt } = entry;
    const waited = wait === null ? "" : `${wait.what} ${wait.ms}, `;
    return `${attempt.generation}.${attempt.attempt} ${waited}ran ${runMs}`;
  });

describe("the time line", () => {
  it("shows the wait of a replayed task since its replay, not since its death", () => {
    const history = [attempt(0, 1, 1_500, 1_600), attempt(1, 1, 7_200_250, 7_200_300)];
    expect(told({ generation: 1, history, replays: [{ generation: 1, at: 7_200_000 }] })).toEqual([
      "enqueued",
      "0.1 waited 500, ran 100",
      "replayed 1 at 7200000",
      "1.1 waited since the replay 250, ran 50",
    ]);
  });

  it("shows no wait if its beginning is unknown", () => {
    const history = [attempt(0, 1, 1_500, 1_600), attempt(1, 1, 9_000, 9_100), attempt(1, 2, 9_300, 9_350)];
    expect(told({ generation: 1, history })).toEqual([
      "enqueued",
      "0.1 waited 500, ran 100",
      "replayed 1 at null",
      "1.1 ran 100",
      "1.2 backoff and wait 200, ran 50",
    ]);
  });

  it("does not count a wait from the enqueue if older attempts were dropped", () => {
    const history = [attempt(2, 3, 5_000, 5_100), attempt(3, 1, 9_050, null)];
    expect(told({ generation: 3, history, replays: [{ generation: 3, at: 9_000 }] }, 9_150)).toEqual([
      "enqueued",
      "missing",
      "replayed 2 at null",
      "2.3 ran 100",
      "replayed 3 at 9000",
      "3.1 waited since the replay 50, ran 100",
    ]);
  });

  it("shows a replay whose attempt has not begun yet", () => {
    const history = [attempt(0, 1, 1_500, 1_600)];
    const replays = [{ generation: 1, at: 4_000 }];
    expect(told({ state: "pending", generation: 1, history, replays }).at(-1)).toBe("replayed 1 at 4000");
    expect(told({ history: [], generation: 0 })).toEqual(["enqueued"]);
  });
});
