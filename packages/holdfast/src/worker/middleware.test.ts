import { expect, test } from "vitest";
import { testWorker } from "../testing/index.ts";
import type { Middleware } from "./middleware.ts";

/** Makes middleware and a handler that write into `seen` in which order they run. */
function traced() {
  const seen: string[] = [];
  const layer =
    (name: string): Middleware =>
    async (task, _ctx, next) => {
      seen.push(`${name} before ${task.type}`);
      const result = await next();
      seen.push(`${name} after ${result}`);
      return result;
    };
  const worker = testWorker({
    t: () => {
      seen.push("handler");
      return 1;
    },
  });
  return { seen, layer, worker };
}

test("middleware runs around the handler, the first outermost", async () => {
  const { seen, layer, worker } = traced();
  worker.use(layer("a"));
  worker.use(layer("b"));
  expect(await worker.run("t", 0)).toMatchObject({ outcome: "acked", result: 1 });
  expect(seen).toEqual(["a before t", "b before t", "handler", "b after 1", "a after 1"]);
});

test("middleware decides the result and the error, and can leave out the handler", async () => {
  const { seen, worker } = traced();
  worker.use(async (task, _ctx, next) => {
    if (task.payload === "skip") return "skipped";
    if (task.payload === "throw") throw new Error("refused");
    return [await next()];
  });
  expect(await worker.run("t", "skip")).toMatchObject({ outcome: "acked", result: "skipped" });
  expect(await worker.run("t", "throw")).toMatchObject({ outcome: "retried", error: new Error("refused") });
  expect(seen).toEqual([]);
  expect(await worker.run("t", "run")).toMatchObject({ outcome: "acked", result: [1] });
});

test("a second call of next() fails the attempt, and the handler runs once", async () => {
  const { seen, worker } = traced();
  worker.use(async (_task, _ctx, next) => {
    await next();
    return next();
  });
  const run = await worker.run("t", 0);
  expect(run).toMatchObject({ outcome: "retried" });
  expect(String(run.error)).toContain("called next() twice");
  expect(seen).toEqual(["handler"]);
});

test("an attempt keeps the middleware that it began with", async () => {
  const { seen, layer, worker } = traced();
  worker.use(async (_task, _ctx, next) => {
    worker.use(layer("late"));
    return next();
  });
  await worker.run("t", 0);
  expect(seen).toEqual(["handler"]);
});

test("a value that is not a function is refused", () => {
  expect(() => testWorker({}).use("log" as never)).toThrow(
    'the middleware of a worker has to be a function, got "log"',
  );
});
