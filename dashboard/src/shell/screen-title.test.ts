import { expect, it } from "vitest";
import { emptyFigures } from "../live/live-store.ts";
import { queueStats } from "../testing/render.tsx";
import { titleOf } from "../ui/title.ts";
import { troubleOf } from "./screen-title.ts";

const figures = (...queues: Parameters<typeof queueStats>[0][]) => ({
  ...emptyFigures,
  queues: queues.map(queueStats),
  workers: [],
});

it("names the worst problem of one queue or of all queues", () => {
  expect(troubleOf(figures({ queue: "a" }), undefined)).toBe(null);
  const bad = figures(
    { queue: "a", dead: 1_204 },
    { queue: "b", pending: 1 },
    { queue: "c", paused: true, pending: 1 },
  );
  expect(troubleOf(bad, undefined)).toBe("1 queue without workers, 1,204 dead");
  expect(troubleOf(bad, "a")).toBe("1,204 dead");
  expect(troubleOf(bad, "b")).toBe("no workers");
  expect(troubleOf(bad, "c")).toBe("paused");
  expect(troubleOf({ ...bad, redisUp: false }, "c")).toBe("Redis is down");
});

it("the title begins with the screen and ends with the environment", () => {
  expect(titleOf("Tasks of a", "3 dead", "production")).toBe("Tasks of a: 3 dead · Holdfast production");
  expect(titleOf("Workers", null, null)).toBe("Workers · Holdfast");
});
