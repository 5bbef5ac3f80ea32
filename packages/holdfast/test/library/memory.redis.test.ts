import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { Queue } from "../../src/index.ts";
import { library } from "../support/library.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

test("a client frees the memory of queues that are no longer used", async () => {
  const { name, client } = library();
  const used = client.engine(name);
  const use = async () => {
    const queue = new Queue(`${name}-once`, { client });
    await queue.get("x");
    await queue.close();
    return new WeakRef(client.engine(queue.name));
  };
  const engine = await use();
  await until("the garbage collector has freed the engine", async () => {
    collect();
    return engine.deref() === undefined;
  });
  // A client keeps the engine of a queue that is still in use.
  expect(client.engine(name)).toBe(used);
});
