import { expect, test } from "vitest";
import { Holdfast, type HoldfastError, Observer, Queue } from "../../src/index.ts";
import { Process } from "../support/process.ts";
import { type System, setupSystem } from "../worker/harness.ts";

/** Makes a client whose calls to Redis each wait for a step of the test. */
function processOf({ url, prefix, client }: System) {
  const process = new Process(client.connection);
  return { process, client: new Holdfast({ redis: url, prefix }, process.calls) };
}

/** Reads a task and the stats through a new client, which knows nothing about the partitions yet. */
async function look({ url, prefix, client }: System, id: string) {
  const observer = new Observer({ client: new Holdfast({ redis: url, prefix }, client.connection) });
  return { task: await observer.task("hot", id), stats: await observer.stats("hot") };
}

const SCENES = [true, false].flatMap((isRegistered) =>
  [true, false].flatMap((isEmpty) => [true, false].map((isKilled) => ({ isRegistered, isEmpty, isKilled }))),
);

test.each(SCENES)(
  "no task is lost when an operator gives a queue partitions, in any order of the calls (producer ready: $isRegistered, queue empty: $isEmpty, operator killed: $isKilled)",
  async ({ isRegistered, isEmpty, isKilled }) => {
    const system = await setupSystem();
    const seen = { partitioned: 0, refused: 0 };
    const meet = async (producerCalls: number, operatorCalls: number): Promise<boolean> => {
      await system.redis.unlink(`${system.prefix}:-`, ...(await system.redis.keys(`${system.prefix}:*`)));
      await system.queue("hot").ready();
      if (!isEmpty) await system.queue("hot").enqueue("t", 0, { id: "first" });
      const [producer, operator] = [processOf(system), processOf(system)];
      const queue = new Queue("hot", { client: producer.client });
      if (isRegistered) {
        producer.process.run(queue.ready());
        await producer.process.end();
      }
      const stored = queue.enqueue("t", 1);
      producer.process.run(stored);
      for (let n = 0; n < producerCalls; n++) await producer.process.step();
      const outcome = new Observer({ client: operator.client }).partition("hot", 2).then(
        () => "partitioned",
        (error: HoldfastError) => error.code,
      );
      operator.process.run(outcome);
      let isOver = false;
      for (let n = 0; n < operatorCalls; n++) isOver = !(await operator.process.step());
      await producer.process.end();
      const order = `${producerCalls} calls of the producer, ${operatorCalls} of the operator`;
      if (!isKilled) {
        await operator.process.end();
        if ((await outcome) === "partitioned") seen.partitioned++;
        else {
          expect([order, await outcome]).toEqual([order, "conflict"]);
          seen.refused++;
        }
      }
      const { task, stats } = await look(system, (await stored).id);
      const pending = isEmpty ? 1 : 2;
      expect([order, task?.state, stats.pending, stats.paused]).toEqual([order, "pending", pending, false]);
      return isOver;
    };
    for (let operatorCalls = 0, isOver = false; !isOver; operatorCalls++) {
      isOver = true;
      for (let producerCalls = 0; producerCalls <= 8; producerCalls++)
        isOver = (await meet(producerCalls, operatorCalls)) && isOver;
    }
    if (isKilled) return;
    expect(seen.partitioned > 0).toBe(isEmpty);
    expect(seen.refused).toBeGreaterThan(0);
  },
);

test("a task that is enqueued while a partitioned queue is deleted is found, deleted with the queue, or ends the deletion, in any order of the calls", async () => {
  const system = await setupSystem();
  const seen = { deleted: 0, refused: 0 };
  const meet = async (producerCalls: number, operatorCalls: number): Promise<boolean> => {
    await system.redis.unlink(`${system.prefix}:-`, ...(await system.redis.keys(`${system.prefix}:*`)));
    const [producer, operator] = [processOf(system), processOf(system)];
    await system.observer.partition("hot", 2);
    await system.observer.pause("hot");
    const queue = new Queue("hot", { client: producer.client });
    producer.process.run(queue.ready());
    await producer.process.end();
    const stored = queue.enqueue("t", 1);
    producer.process.run(stored);
    for (let n = 0; n < producerCalls; n++) await producer.process.step();
    const outcome = new Observer({ client: operator.client }).deleteQueue("hot").then(
      ({ removed }) => removed,
      (error: HoldfastError) => error.code,
    );
    operator.process.run(outcome);
    let isOver = false;
    for (let n = 0; n < operatorCalls; n++) isOver = !(await operator.process.step());
    await producer.process.end();
    await operator.process.end();
    const order = `${producerCalls} calls of the producer, ${operatorCalls} of the operator: ${await outcome}`;
    if (typeof (await outcome) === "number") seen.deleted++;
    else seen.refused++;
    const { id } = await stored;
    if ((await outcome) === 1) expect([order, await system.observer.queues()]).toEqual([order, []]);
    else {
      const { task, stats } = await look(system, id);
      expect([order, task?.state, stats.pending]).toEqual([order, "pending", 1]);
    }
    return isOver;
  };
  for (let operatorCalls = 0, isOver = false; !isOver; operatorCalls++) {
    isOver = true;
    for (let producerCalls = 0; producerCalls <= 4; producerCalls++)
      isOver = (await meet(producerCalls, operatorCalls)) && isOver;
  }
  expect(seen).toEqual({ deleted: expect.toSatisfy((n) => n > 0), refused: expect.toSatisfy((n) => n > 0) });
});

test.each([
  { from: null, wasPaused: false },
  { from: 2, wasPaused: false },
  { from: null, wasPaused: true },
  { from: 2, wasPaused: true },
])(
  "a pause or resume while a queue gets partitions holds for all of them, in any order of the calls (partitions before: $from, paused before: $wasPaused)",
  async ({ from, wasPaused }) => {
    const system = await setupSystem();
    const meet = async (pauserCalls: number, makerCalls: number): Promise<boolean> => {
      await system.redis.unlink(`${system.prefix}:-`, ...(await system.redis.keys(`${system.prefix}:*`)));
      const [pauser, maker] = [processOf(system), processOf(system)];
      if (from === null) await system.queue("hot").ready();
      else await system.observer.partition("hot", from);
      if (wasPaused) await system.observer.pause("hot");
      const observer = new Observer({ client: pauser.client });
      const done = wasPaused ? observer.resume("hot") : observer.pause("hot");
      pauser.process.run(done);
      for (let n = 0; n < pauserCalls; n++) await pauser.process.step();
      const made = new Observer({ client: maker.client }).partition("hot", 3);
      maker.process.run(made);
      let isOver = false;
      for (let n = 0; n < makerCalls; n++) isOver = !(await maker.process.step());
      await pauser.process.end();
      await maker.process.end();
      await Promise.all([done, made]);
      const order = `${pauserCalls} calls of the pauser, ${makerCalls} of the maker`;
      const paused = await Promise.all(
        [0, 1, 2].map(async (n) => (await system.observer.stats(`hot/${n}`)).paused),
      );
      expect([order, ...paused]).toEqual([order, ...Array(3).fill(!wasPaused)]);
      return isOver;
    };
    for (let makerCalls = 0, isOver = false; !isOver; makerCalls++) {
      isOver = true;
      for (let pauserCalls = 0; pauserCalls <= 6; pauserCalls++)
        isOver = (await meet(pauserCalls, makerCalls)) && isOver;
    }
  },
);
