import { startRedisServer, until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { afterwards } from "../support/library.ts";
import { gate, setupSystem } from "./harness.ts";

test("the workers of a process share three connections, which end with the last of them", async () => {
  const server = await startRedisServer();
  afterwards(() => server.stop());
  const system = await setupSystem(server.url);
  const names = async () => {
    const clients = (await system.redis.call("CLIENT", "LIST")) as string;
    return [...clients.matchAll(/ name=(\S*) /g)].map(([, name]) => name).sort();
  };
  const before = await names();
  const workers = await Promise.all(
    Array.from({ length: 10 }, () => system.started("work", { t: () => "done" })),
  );
  const shared = [...before, "holdfast", "holdfast-heartbeat", "holdfast-wake"].sort();
  expect(await names()).toEqual(shared);

  const queue = system.queue();
  for (const { worker } of workers.slice(1)) await worker.stop();
  await queue.enqueue("t", 1);
  await until("the one that is left runs it", () => workers[0]?.settled.length === 1);
  expect(await names()).toEqual(shared);
  await workers[0]?.worker.stop();
  await until("all have ended", async () => (await names()).length === before.length);
});

test("a worker that is stopped at once leaves the calls and the messages of the others alone", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const end = gate();
  let begun = false;
  const busy = await system.started("work", {
    t: () => {
      begun = true;
      return end.opened;
    },
  });
  await queue.enqueue("t", 1);
  await until("it runs", () => begun);
  const other = await system.started("work", { t: () => "done" });
  await busy.worker.stop({ graceMs: 0 });
  end.open();
  await until("the other one runs it", () => other.settled.length === 1);
  // A message of the channel wakes the worker, not its poll of 10 s.
  await queue.enqueue("t", 2);
  await until("it is woken", () => other.settled.length === 2, 5_000);
  expect(other.errors).toEqual([]);
  expect(busy.errors).toEqual([]);
});
