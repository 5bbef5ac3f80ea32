import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { FatalError, Worker } from "../src/index.ts";
import { library, started } from "./support/library.ts";

const node = (name: string, more: object = {}) => ({ name, type: "t", ...more });

test("why a node was skipped: the task at fault, also behind another skipped one, and what opens it again", async () => {
  const { queue, observer, name, redis } = library();
  const nodes = [node("a"), node("b", { after: ["a"] }), node("c", { after: ["b"] })];
  await queue.flow({ id: "f", nodes });
  await started(new Worker(name, { t: () => Promise.reject(new FatalError("no")) }, { redis }));
  await until("the last node was skipped", async () => (await queue.get("f.c"))?.state === "cancelled");
  for (const id of ["f.b", "f.c"])
    expect(await observer.why(name, id)).toEqual({
      state: "cancelled",
      reason: "skipped",
      detail:
        "it was skipped because of task f.a, which is dead (fatal): a replay of that dead letter opens this task again",
      ...{ position: null, positionIsEstimate: false, expectedStartAt: null },
    });
});

test("why a node was skipped that came after a cancelled one, and after one that is gone", async () => {
  const { queue, observer, name } = library();
  await queue.flow({ id: "f", nodes: [node("a"), node("b", { after: ["a"] })] });
  await queue.cancel("f.a");
  await queue.flow({ nodes: [] }); // counts the ends, as a worker or a janitor would
  await until("the node was skipped", async () => (await queue.get("f.b"))?.state === "cancelled");
  const why = async () => (await observer.why(name, "f.b"))?.detail;
  expect(await why()).toBe("it was skipped because of task f.a, which is cancelled");
  await observer.empty(name, ["cancelled"]);
  expect(await why()).toBe("it was skipped because of task f.a, which did not complete");
});
