import type { FlowPolicy } from "@holdfast/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { advanceAll, cancelFlow } from "../../src/engine/flow-mover.ts";
import { readFlow } from "../../src/engine/flow-reader.ts";
import { advanceFlows } from "../../src/engine/flows.ts";
import { ATTEMPT_TIMEOUT_MS } from "../../src/engine/format.ts";
import { addFlow, advance, flowStates } from "../support/flow.ts";
import { setupTwo } from "../support/flow-parts.ts";
import { findViolations } from "../support/invariants.ts";
import { LEASE_MS, type TestQueue } from "../support/test-queue.ts";

// Random calls on random flows, whose nodes are in one queue or in two. After each call, the counts of all flows are
// compared with a recount of their nodes (I17 in docs/guarantees.md), and with the lists and counters of the queues
// (I1, I2). Messages between the queues are delivered at random moments, and sometimes twice. At the end all tasks
// run, and every flow that nothing holds back has to end.

/** The text `seed/path` that a failed run prints, to repeat that run. */
const [seed, path] = (process.env.HOLDFAST_FLOW_SEED ?? "").split("/");
const RUNS = Number(process.env.HOLDFAST_FLOW_RUNS ?? 60);
const FLOWS = ["f", "g"];

interface World {
  /** The queue in which the flows are created. */
  q: TestQueue;
  away: TestQueue;
  names: Map<string, string[]>;
  /** How often each task was acknowledged: id -> count. */
  acked: Map<string, number>;
  held: Set<string>;
}

type Step = (world: World) => Promise<unknown>;

const pick = <Item>(items: readonly Item[], at: number): Item | undefined =>
  items[at % Math.max(1, items.length)];

/** Checks that every granted node comes after nodes that have ended. */
async function expectOrder({ q }: World, ids: readonly string[]): Promise<void> {
  for (const id of ids.filter((id) => id.includes("."))) {
    const [flow = ""] = id.split(".");
    const before = (await q.redis.hget(q.keys.state, `<${id}`)) ?? "";
    for (const name of before.split(" ").filter((name) => name !== "")) {
      const record = (await q.redis.hget(q.keys.state, `${flow}.${name}`)) ?? "r";
      // A node with onDead "continue" may end without completing. It may also run again after a replay, at the same
      // time as the nodes after it.
      const passes = /^\w[\d,]+[a-z]*(g|fc)/.test(record);
      expect([id, name, passes ? "c" : record.charAt(0)]).toEqual([
        id,
        name,
        expect.stringMatching(/^[cr]$/),
      ]);
    }
  }
}

async function grant(world: World, want: number, q = world.q) {
  const { grants } = await q.acquire(want, { maxRetries: 1 });
  await expectOrder(
    world,
    grants.map(({ id }) => id),
  );
  q.held.push(...grants);
}

async function settle(
  world: World,
  at: number,
  kind: "ack" | "fail" | "fatal" | "release",
  q = world.q.held.length > 0 && (at % 2 === 0 || world.away.held.length === 0) ? world.q : world.away,
) {
  const lease = pick(q.held, at);
  if (!lease) return;
  q.held = q.held.filter((held) => held !== lease);
  const { id, fence } = lease;
  const of = { id, fence };
  const outcome = await q.settleOne(
    kind === "ack" || kind === "release"
      ? { kind, ...of }
      : ({ kind, ...of, error: "no", ...(kind === "fail" ? { delayMs: 0 } : {}) } as never),
  );
  if (outcome === "acked") world.acked.set(id, (world.acked.get(id) ?? 0) + 1);
}

const policies: FlowPolicy[] = ["fail", "fail", "continue", "hold"];

/** Returns a running node of a flow, with its lease. */
async function runningNode({ q, away }: World, flow: string) {
  const isOf = ({ id }: { id: string }) => id.startsWith(`${flow}.`);
  const there = away.held.find(isOf);
  if (there && (await away.engine.heartbeat([there.id, there.fence], LEASE_MS)) !== "l") return there;
  return q.held.find(isOf);
}

/**
 * Adds nodes that come after random nodes of the flow, or after nodes of the same call.
 * @param spread if bit i is set, the i-th new node goes to the other queue
 */
const add =
  (
    flow: string,
    count: number,
    edges: number[],
    policy: number,
    seal: boolean,
    how: "open" | "task",
    spread: number,
  ): Step =>
  async (world) => {
    const names = world.names.get(flow) ?? [];
    const task = await runningNode(world, flow);
    if (how === "task" && !task) return;
    const own = task?.id.slice(flow.length + 1) ?? "";
    const fresh: string[] = [];
    const texts: string[] = [];
    for (let i = 0; i < count; i++) {
      const name = how === "task" ? `${own}.n${names.length + i}` : `n${names.length + i}`;
      const all = [...names, ...fresh];
      // A running node may add nodes that come after itself or after nodes that it has added.
      const known = how === "task" ? all.filter((one) => one === own || one.startsWith(`${own}.`)) : all;
      const before = new Set(
        edges.map((edge) => pick(known, edge * (i + 1))).filter((one) => one !== undefined),
      );
      texts.push(before.size > 0 && i + edges.length > 1 ? `${name}<${[...before].join(",")}` : name);
      fresh.push(name);
    }
    const onDead = Object.fromEntries(
      fresh.map((name, i) => [name, policies[(policy + i) % policies.length] as FlowPolicy]),
    );
    const { verdict } = await addFlow(world.q, texts, {
      ...{ id: flow, seal: seal && how === "open", onDead, how, part: world.away.name },
      there: [...fresh.filter((_, i) => (spread >> i) & 1), ...(spread & 1 ? ["dead", "done"] : [])],
      ...(how === "task" && task ? { task } : {}),
    });
    if (verdict === "n") world.names.set(flow, [...names, ...fresh]);
  };

const anId = (world: World, at: number) =>
  pick(
    FLOWS.flatMap((flow) => (world.names.get(flow) ?? []).map((name) => `${flow}.${name}`)),
    at,
  );

const onNode =
  (at: number, act: (q: TestQueue, id: string) => Promise<unknown>): Step =>
  async (world) => {
    const id = anId(world, at);
    // The node is in one of the two queues. A call to the other one does nothing.
    if (id) for (const q of [world.q, world.away]) await act(q, id);
  };

const onQueueOf =
  (at: number, act: (world: World, q: TestQueue) => Promise<unknown>): Step =>
  (world) =>
    act(world, at % 2 === 0 ? world.q : world.away);

const onQueue =
  (at: number, act: (q: TestQueue) => Promise<unknown>): Step =>
  (world) =>
    act(at % 2 === 0 ? world.q : world.away);

/** Delivers messages. With `twice`, the messages are not removed, so the next delivery delivers them again. */
async function deliver(q: TestQueue, twice: boolean): Promise<void> {
  q.mutate = (name, source) =>
    twice && name === "flowSent" ? source.replace("\n", "\ndo return { 1, 0 } end\n") : source;
  await advanceAll(q.engine);
  q.mutate = undefined;
}

const flow = fc.constantFrom(...FLOWS);
const at = fc.nat({ max: 40 });
const step: fc.Arbitrary<readonly [string, Step]> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        flow,
        fc.integer({ min: 0, max: 4 }),
        fc.array(at, { maxLength: 3 }),
        at,
        fc.boolean(),
        fc.constantFrom("open", "open", "task") as fc.Arbitrary<"open" | "task">,
        fc.oneof(fc.constant(0), fc.nat({ max: 15 })),
      )
      .map(
        ([id, count, edges, policy, seal, how, spread]) =>
          [
            `add ${id} ${count} ${edges} ${policy} ${seal} ${how} ${spread}`,
            add(id, count, edges, policy, seal, how, spread),
          ] as const,
      ),
  },
  {
    weight: 6,
    arbitrary: fc
      .integer({ min: 1, max: 8 })
      .map((want) => [`acquire ${want}`, onQueueOf(want, (world, q) => grant(world, want, q))] as const),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        at,
        fc.constantFrom("ack", "ack", "ack", "fail", "fatal", "fatal", "release") as fc.Arbitrary<"ack">,
      )
      .map(([i, kind]) => [`${kind} ${i}`, (world: World) => settle(world, i, kind)] as const),
  },
  {
    weight: 6,
    arbitrary: fc
      .integer({ min: 1, max: 8 })
      .map(
        (limit) =>
          [`flow_advance ${limit}`, onQueue(limit, (q) => advanceFlows(q.engine, (limit + 1) >> 1))] as const,
      ),
  },
  {
    weight: 5,
    arbitrary: fc
      .nat({ max: 3 })
      .map((how) => [`deliver ${how}`, onQueue(how, (q) => deliver(q, how > 1))] as const),
  },
  {
    weight: 2,
    arbitrary: at.map((i) => [`cancel ${i}`, onNode(i, (q, id) => q.engine.cancel(id))] as const),
  },
  {
    weight: 4,
    arbitrary: at.map((i) => [`replay ${i}`, onNode(i, (q, id) => q.engine.replay([id, ""]))] as const),
  },
  {
    weight: 2,
    arbitrary: at.map(
      (i) =>
        [
          `discard ${i}`,
          onNode(i, (q, id) => q.engine.discard([id, ""], undefined, { discard: "d" })),
        ] as const,
    ),
  },
  {
    weight: 2,
    arbitrary: at.map((i) => [`restore ${i}`, onNode(i, (q, id) => q.engine.restore([id], "d"))] as const),
  },
  {
    weight: 1,
    arbitrary: flow.map((id) => [`cancel flow ${id}`, ({ q }: World) => cancelFlow(q.engine, id)] as const),
  },
  {
    weight: 1,
    arbitrary: at.map((i) => [`reap ${i}`, onQueue(i, (q) => q.crash())] as const),
  },
  {
    weight: 1,
    arbitrary: fc.constant([
      "purge",
      async ({ q, away }: World) => {
        for (const each of [q, away]) each.advance(1_000);
        for (const each of [q, away]) await each.engine.purge(200, 3_600_000);
      },
    ] as const),
  },
  {
    weight: 1,
    arbitrary: at.map(
      (i) => [`empty ${i}`, onQueue(i, (q) => q.engine.empty("pending", "pending", 3))] as const,
    ),
  },
);

async function runOut(world: World): Promise<void> {
  const { q, away } = world;
  const both = [q, away];
  for (let round = 0; round < 200; round++) {
    for (const each of both) await advance(each, 3);
    for (const each of both) await advanceAll(each.engine);
    for (const each of both) each.advance(LEASE_MS + ATTEMPT_TIMEOUT_MS);
    for (const each of both) {
      await each.engine.reap(500);
      await grant(world, 500, each);
    }
    if (q.held.length + away.held.length === 0) {
      const left = await Promise.all(both.map((each) => advanceFlows(each.engine)));
      if (!left.some(({ more, hasMessages }) => more || hasMessages)) return;
    }
    for (const each of both) while (each.held.length > 0) await settle(world, 0, "ack", each);
  }
  throw new Error("it does not end");
}

test("the counts of flows are those of their nodes after each call, and every flow ends", {
  timeout: 60_000 + RUNS * 3_000,
}, async () => {
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 5, maxLength: 50, size: "max" }),
    async (steps) => {
      const { home: q, away } = await setupTwo();
      for (const each of [q, away]) await each.engine.configure({ retentionMs: 500 });
      const world: World = { q, away, names: new Map(), acked: new Map(), held: new Set() };
      const findAll = async () => [
        ...(await findViolations(q.redis, q.keys)),
        ...(await findViolations(away.redis, away.keys)),
      ];
      for (const [name, act] of steps) {
        await act(world);
        expect([name, await findAll()]).toEqual([name, []]);
      }
      for (const id of FLOWS) if (world.names.has(id)) await addFlow(q, [], { id, how: "add" });
      await runOut(world);
      expect(await findAll()).toEqual([]);
      // No message may be left, and every node that still has a record has to be in the queue that its flow names.
      for (const each of [q, away]) {
        const fields = await each.redis.hkeys(each.keys.state);
        expect(fields.filter((field) => /^\^\S+ \d+$/.test(field))).toEqual([]);
      }
      for (const id of FLOWS) {
        const found = await readFlow(q.engine, q.name, id, { limit: 100 });
        const isHeld = found?.nodes.some(({ state, onDead }) => state === "dead" && onDead === "hold");
        if (found && !isHeld)
          expect([id, found.flow.state, await flowStates(q, id)]).toEqual([
            id,
            "ended",
            expect.not.stringContaining("waiting"),
          ]);
      }
      // A callback is enqueued once, and no call replays it.
      for (const [id, count] of world.acked) if (id.includes(":")) expect([id, count]).toEqual([id, 1]);
    },
  );
  await fc.assert(property, {
    numRuns: RUNS,
    ...(seed ? { seed: Number(seed) } : {}),
    ...(path ? { path } : {}),
    reporter: (details) => {
      if (!details.failed) return;
      const names = (details.counterexample?.[0] ?? []).map(([name]) => name).join("\n  ");
      throw new Error(
        `${(details.errorInstance as Error)?.message}\nHOLDFAST_FLOW_SEED=${details.seed}/${details.counterexamplePath}, after\n  ${names}`,
      );
    },
  });
});
