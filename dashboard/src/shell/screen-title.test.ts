import { expect, it } from "vitest";
import { emptyFigures } from "../live/live-store.ts";
import { queueStats } from "../testing/render.tsx";
import { titleOf } from "../ui/title.ts";
import { troubleOf } from "./screen-title.ts";

const figures = (...queues: Parameters<typeof queueStats>[0][]) => ({
  ...emptyFigures,
  deadTotal: queues.reduce((sum, stats) => sum + (stats?.dead ?? 0), 0),
  queues: queues.map(queueStats),
  workers: [],
});

it("says how bad it is in one queue or in all queues", () => {
  expect(troubleOf(figures({ queue: "a" }), undefined)).toEqual({ dead: 0, words: null });
  const bad = figures(
    { queue: "a", dead: 1_204 },
    { queue: "b", pending: 1 },
    { queue: "c", paused: true, pending: 1, dead: 3 },
  );
  expect(troubleOf(bad, undefined)).toEqual({ dead: 1_207, words: "1 queue without workers" });
  expect(troubleOf(bad, "a")).toEqual({ dead: 1_204, words: null });
  expect(troubleOf(bad, "b")).toEqual({ dead: 0, words: "no workers" });
  expect(troubleOf(bad, "c")).toEqual({ dead: 3, words: "paused" });
  expect(troubleOf({ ...bad, redisUp: false }, "c")).toEqual({ dead: 3, words: "Redis is down" });
});

it("the title begins with the dead letters and the screen, and ends with the environment", () => {
  expect(titleOf("orders", { dead: 12, words: null }, null)).toBe("(12) orders – Holdfast");
  expect(titleOf("Tasks of a", { dead: 1_204, words: "paused" }, "production")).toBe(
    "(1,204) Tasks of a: paused – Holdfast production",
  );
  expect(titleOf("Workers", { dead: 0, words: null }, null)).toBe("Workers – Holdfast");
});
