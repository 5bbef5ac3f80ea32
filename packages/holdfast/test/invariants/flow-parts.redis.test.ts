import { describe, expect, test } from "vitest";
import { auditQueue } from "../../src/engine/audit.ts";
import { advanceAll, cancelFlow } from "../../src/engine/flow-mover.ts";
import { advanceFlows } from "../../src/engine/flows.ts";
import * as scripts from "../../src/redis/generated/index.ts";
import { abortAt } from "../support/abort.ts";
import { addSpread, runBoth, seen, settleAll, setupTwo, type TwoParts } from "../support/flow-parts.ts";
import { findViolations } from "../support/invariants.ts";
import { expectConserved, type Mutate } from "../support/setup.ts";
import { LEASE_MS, type TestQueue } from "../support/test-queue.ts";

const both = ({ home, away }: TwoParts): TestQueue[] => [home, away];

/**
 * Something that a process does with a flow whose nodes are in two queues: it creates the flow, or works on one that
 * `prepare` has created.
 */
interface Life {
  prepare?: (parts: TwoParts) => Promise<unknown>;
  live: (parts: TwoParts) => Promise<unknown>;
  /** The expected outcome of the flow, and how often each task may run at most. */
  outcome: RegExp;
}

const nodes = ["a", "b<a", "c", "d<b,c"];
const there = ["a", "d", "done"];
const add = (parts: TwoParts) => addSpread(parts, nodes, there, { on: ["dead", "success", "done"] });

const lives: Record<string, Life> = {
  "is made, and runs": {
    live: async (parts) => {
      await add(parts);
      await runBoth(parts);
    },
    outcome: /^ended success: a completed, b completed, c completed, d completed, on success done$/,
  },
  "has a dead node, which is replayed": {
    prepare: async (parts) => {
      await add(parts);
      await runBoth(parts, { a: "fatal" });
      await parts.away.engine.replay(["f.a", ""]);
    },
    live: runBoth,
    outcome: /^ended success: a completed, b completed, c completed, d completed, on dead success done$/,
  },
  "is cancelled": {
    prepare: async (parts) => {
      await add(parts);
      await advanceAll(parts.home.engine);
    },
    live: (parts) => cancelFlow(parts.home.engine, "f"),
    outcome: /^ended cancelled: a cancelled, b skipped, c cancelled, d skipped, on done$|^ended success/,
  },
  "is forgotten": {
    prepare: async (parts) => {
      for (const q of both(parts)) await q.engine.configure({ retentionMs: 1_000 });
      await add(parts);
      await runBoth(parts);
      for (const q of both(parts)) q.advance(1_001);
      await parts.away.engine.purge(200, 3_600_000);
    },
    live: settleAll,
    outcome: /^undefined undefined: none$/,
  },
};

/** Does the work of janitors and workers until nothing is left to do. */
async function goOn(parts: TwoParts): Promise<void> {
  for (const q of both(parts)) q.advance(LEASE_MS + 60_001);
  for (const q of both(parts)) await q.engine.reap(500);
  await runBoth(parts);
}

async function expectWhole(parts: TwoParts, { outcome }: Life): Promise<void> {
  expect(await seen(parts)).toMatch(outcome);
  // Messages that an aborted call has left are sent together with the next messages. So another flow is added.
  if ((await messagesIn(parts)).length > 0) {
    await addSpread(parts, ["x", "y<x"], ["x"], { id: "last", on: [] });
    await runBoth(parts);
  }
  expect(await messagesIn(parts)).toEqual([]);
  for (const q of both(parts)) {
    await expectConserved(q);
    expect((await q.redis.hget(q.keys.state, "#out")) ?? "").toBe("");
  }
  for (const id of ["f:dead", "f:success", "f:done"]) {
    const found = await Promise.all(both(parts).map((q) => q.view(id)));
    expect(found.filter((task) => task !== null).length).toBeLessThanOrEqual(1);
  }
}

async function messagesIn(parts: TwoParts): Promise<string[]> {
  const fields = await Promise.all(both(parts).map((q) => q.redis.hkeys(q.keys.state)));
  return fields.flat().filter((field) => /^\^\S+ \d+$/.test(field));
}

async function ready({ prepare }: Life, mutate?: Mutate): Promise<TwoParts> {
  const parts = await setupTwo();
  await prepare?.(parts);
  for (const q of both(parts)) q.mutate = mutate;
  return parts;
}

describe.each(Object.entries(lives))("a flow over two queues that %s", (name, life) => {
  test("heals if its process dies before any of its calls", async () => {
    for (let call = 1; ; call++) {
      let calls = 0;
      const parts = await ready(life, (_, source) =>
        ++calls >= call ? source.replace("\n", "\nerror('died')\n") : source,
      );
      const died = await life.live(parts).then(
        () => calls >= call,
        () => true,
      );
      for (const q of both(parts)) q.mutate = undefined;
      await goOn(parts);
      // If the process died before it stored anything, there is no flow to check.
      if (name !== "is made, and runs" || call > 1) await expectWhole(parts, life);
      if (!died) {
        expect(call).toBeGreaterThan(4);
        return;
      }
    }
  });

  test.each(["flowAdvance", "flowReceive", "flowSent"])(
    "heals if %s is aborted at any call",
    async (script) => {
      for (const place of [0, 1])
        for (let call = 1; ; call++) {
          const parts = await ready(life);
          const queue = both(parts)[place] as TestQueue;
          queue.mutate = abortAt(script, call);
          const aborted = await life.live(parts).then(
            () => false,
            (error: Error) => {
              expect(error.message).toContain(`aborted at call ${call}`);
              return true;
            },
          );
          queue.mutate = undefined;
          for (const q of both(parts)) await auditQueue(q.engine, { repair: true });
          for (const q of both(parts)) await expectConserved(q);
          await goOn(parts);
          await expectWhole(parts, life);
          // The last call of `cancelFlow` only delivers a message. If it is aborted, `cancelFlow` succeeds anyway.
          if (!aborted && (call > 12 || name !== "is cancelled")) break;
        }
    },
  );
});

/** The steps of a process that delivers the messages of one queue to the other. */
function mover(from: (parts: TwoParts) => TestQueue, to: (parts: TwoParts) => TestQueue) {
  let found: [part?: string, upTo?: number, ...texts: string[]] = [];
  return [
    async (parts: TwoParts) => {
      const { connection, keys } = from(parts).engine;
      found = await connection.script(scripts.flowOutboxScript, keys, { place: 1, limit: 2, bytes: 1_000 });
    },
    async (parts: TwoParts) => {
      const { connection, keys } = to(parts).engine;
      const [, , ...tail] = found;
      const args = { clockMs: to(parts).now, source: from(parts).name, tail };
      if (tail.length > 0) await connection.script(scripts.flowReceiveScript, keys, args);
    },
    async (parts: TwoParts) => {
      const { connection, keys } = from(parts).engine;
      const [part, upTo = 0, ...texts] = found;
      const [stamp = ""] = (texts.at(-2) ?? "").split(" ");
      if (part !== undefined)
        await connection.script(scripts.flowSentScript, keys, { part, upTo, stamp, lost: 0 });
    },
  ];
}

/** Returns every order in which the actors can take their steps. @param left how many steps each actor has left */
function ordersOf(left: number[]): string[] {
  const orders = left.flatMap((steps, actor) =>
    steps === 0 ? [] : ordersOf(left.with(actor, steps - 1)).map((rest) => `${actor}${rest}`),
  );
  return orders.length > 0 ? orders : [""];
}

test("in every order of two processes that deliver messages and of a worker, nodes run once and in order", async () => {
  const orders = ordersOf([3, 3, 2]);
  expect(orders).toHaveLength(560);
  for (const order of orders) {
    const parts = await setupTwo();
    const { home, away } = parts;
    await addSpread(parts, ["a", "b", "c", "d<a"], ["a", "b", "c", "d"], { on: ["success", "done"] });
    const actors = [
      mover(
        () => home,
        () => away,
      ),
      mover(
        () => home,
        () => away,
      ),
      [
        async () => {
          for (const grant of (await away.acquire(1)).grants) await away.ack(grant);
        },
        async () => {
          await advanceFlows(away.engine);
          await advanceAll(away.engine);
        },
      ],
    ];
    const next = [0, 0, 0];
    for (const actor of order) {
      const at = next[Number(actor)] ?? 0;
      next[Number(actor)] = at + 1;
      await actors[Number(actor)]?.[at]?.(parts);
      for (const q of both(parts))
        expect([order, await findViolations(q.redis, q.keys)]).toEqual([order, []]);
    }
    const ran = await runBoth(parts);
    expect(new Set(ran).size).toBe(ran.length);
    expect([order, await seen(parts)]).toEqual([
      order,
      "ended success: a completed, b completed, c completed, d completed, on success done",
    ]);
    for (const name of ["a", "b", "c", "d"])
      expect([order, name, (await away.view(`f.${name}`))?.attempts]).toEqual([order, name, 1]);
  }
});
