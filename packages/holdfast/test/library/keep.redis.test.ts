import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { defineTask, FatalError, Worker } from "../../src/index.ts";
import { library, started } from "../support/library.ts";

const KEEP = { keep: { completedMs: 3_600_000 } };

test("keep of defineTask, of a batch and of a replay into another queue is kept", async () => {
  const parts = library();
  const { name, queue, observer } = parts;
  const send = defineTask("t", { defaults: KEEP });
  const { id } = await send.enqueue(queue, 1);
  const own = await send.enqueue(queue, 1, { keep: { count: 2 } });
  const [batch] = await queue.enqueueMany([{ type: "t", payload: 1, keep: { deadMs: 5_000 } }]);
  expect((await queue.get(id))?.keep).toEqual(KEEP.keep);
  expect((await queue.get(own.id))?.keep).toEqual({ count: 2 });
  const worker = await started(
    new Worker(
      name,
      {
        t() {
          throw new FatalError("no");
        },
      },
      { redis: parts.redis },
    ),
  );
  await until("all tasks are dead", async () => (await observer.stats(name)).dead === 3);
  await worker.stop();
  if (!batch?.ok) throw new Error("the batch was refused");
  const dead = await queue.get(batch.receipt.id);
  expect(dead?.keptUntil).toBe((dead?.endedAt ?? 0) + 5_000);
  const other = `${name}-other`;
  const [moved] = await observer.replay(name, [batch.receipt.id], { to: other });
  expect((await observer.task(other, moved?.newId ?? ""))?.keep).toEqual({ deadMs: 5_000 });
});

test("an empty of completed tasks removes those with keep as well", async () => {
  const { name, redis, queue, observer } = library();
  await queue.enqueue("t", 1, KEEP);
  const worker = await started(new Worker(name, { t: () => 1 }, { redis }));
  await until("the task is completed", async () => (await observer.stats(name)).completed === 1);
  await worker.stop();
  expect(await observer.empty(name, ["completed"])).toEqual({ removed: 1 });
  expect(await observer.stats(name)).toMatchObject({ completed: 0 });
});
