import type { FlowPolicy } from "@holdfast/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { advanceFlows, cancelFlow, readFlow } from "../../src/engine/flows.ts";
import { ATTEMPT_TIMEOUT_MS } from "../../src/engine/format.ts";
import { addFlow, advance, flowStates } from "../support/flow.ts";
import { findViolations } from "../support/invariants.ts";
import { setup } from "../support/setup.ts";
import { LEASE_MS, type TestQueue } from "../support/test-queue.ts";

// Random flows and random calls. After each call the counts of all flows are compared with a recount of their nodes (I17), and with the
// lists and counters of the queue (I1, I2). At the end everything runs, and every flow that nothing holds has to end.

/** `seed/path`, as a failure prints it. */
const [seed, path] = (process.env.HOLDFAST_FLOW_SEED ?? "").split("/");
const RUNS = Number(process.env.HOLDFAST_FLOW_RUNS ?? 60);
const FLOWS = ["f", "g"];

interface World {
  q: TestQueue;
  names: Map<string, string[]>;
  /** How often each task was acked. */
  acked: Map<string, number>;
  held: Set<string>;
}

type Step = (world: World) => Promise<unknown>;

const pick = <Item>(items: readonly Item[], at: number): Item | undefined =>
  items[at % Math.max(1, items.length)];

/** Checks that every granted node comes behind nodes that have ended. */
async function expectOrder({ q }: World, ids: readonly string[]): Promise<void> {
  for (const id of ids.filter((id) => id.includes("."))) {
    const [flow = ""] = id.split(".");
    const before = (await q.redis.hget(q.keys.state, `<${id}`)) ?? "";
    for (const name of before.split(" ").filter((name) => name !== "")) {
      const record = (await q.redis.hget(q.keys.state, `${flow}.${name}`)) ?? "r";
      // A node with onDead "continue" may end in another way, and may run again after a replay, beside those behind it.
      const passes = /^\w[\d,]*,\w*(g|fc)/.test(record);
      expect([id, name, passes ? "c" : record.charAt(0)]).toEqual([
        id,
        name,
        expect.stringMatching(/^[cr]$/),
      ]);
    }
  }
}

async function grant(world: World, want: number) {
  const { grants } = await world.q.acquire(want, { maxRetries: 1 });
  await expectOrder(
    world,
    grants.map(({ id }) => id),
  );
  world.q.held.push(...grants);
}

async function settle(world: World, at: number, kind: "ack" | "fail" | "fatal" | "release") {
  const lease = pick(world.q.held, at);
  if (!lease) return;
  world.q.held = world.q.held.filter((held) => held !== lease);
  const { id, fence } = lease;
  const of = { id, fence };
  const outcome = await world.q.settleOne(
    kind === "ack" || kind === "release"
      ? { kind, ...of }
      : ({ kind, ...of, error: "no", ...(kind === "fail" ? { delayMs: 0 } : {}) } as never),
  );
  if (outcome === "acked") world.acked.set(id, (world.acked.get(id) ?? 0) + 1);
}

const policies: FlowPolicy[] = ["fail", "fail", "continue", "hold"];

/** Adds nodes behind random nodes of the flow, or behind nodes of the same call. */
const add =
  (flow: string, count: number, edges: number[], policy: number, seal: boolean, how: "open" | "task"): Step =>
  async (world) => {
    const names = world.names.get(flow) ?? [];
    const task = world.q.held.find(({ id }) => id.startsWith(`${flow}.`));
    if (how === "task" && !task) return;
    const own = task?.id.slice(flow.length + 1) ?? "";
    const fresh: string[] = [];
    const texts: string[] = [];
    for (let i = 0; i < count; i++) {
      const name = how === "task" ? `${own}.n${names.length + i}` : `n${names.length + i}`;
      const all = [...names, ...fresh];
      // A running node adds nodes behind itself and behind those that it added.
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
      ...{ id: flow, seal: seal && how === "open", onDead, how },
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
    if (id) await act(world.q, id);
  };

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
      )
      .map(
        ([id, count, edges, policy, seal, how]) =>
          [
            `add ${id} ${count} ${edges} ${policy} ${seal} ${how}`,
            add(id, count, edges, policy, seal, how),
          ] as const,
      ),
  },
  {
    weight: 6,
    arbitrary: fc
      .integer({ min: 1, max: 4 })
      .map((want) => [`acquire ${want}`, (world: World) => grant(world, want)] as const),
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
      .integer({ min: 1, max: 4 })
      .map((limit) => [`flow_advance ${limit}`, ({ q }: World) => advanceFlows(q.engine, limit)] as const),
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
  { weight: 1, arbitrary: fc.constant(["reap", ({ q }: World) => q.crash()] as const) },
  {
    weight: 1,
    arbitrary: fc.constant([
      "purge",
      async ({ q }: World) => {
        q.advance(1_000);
        await q.engine.purge(200, 3_600_000);
      },
    ] as const),
  },
  {
    weight: 1,
    arbitrary: fc.constant(["empty", ({ q }: World) => q.engine.empty("pending", "pending", 3)] as const),
  },
);

async function runOut(world: World): Promise<void> {
  const { q } = world;
  for (let round = 0; round < 200; round++) {
    await advance(q, 3);
    q.advance(LEASE_MS + ATTEMPT_TIMEOUT_MS);
    await q.engine.reap(500);
    await grant(world, 500);
    if (q.held.length === 0 && !(await advanceFlows(q.engine)).more) return;
    while (q.held.length > 0) await settle(world, 0, "ack");
  }
  throw new Error("it does not end");
}

test("the counts of flows are those of their nodes after each call, and every flow ends", {
  timeout: 60_000 + RUNS * 3_000,
}, async () => {
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 5, maxLength: 50, size: "max" }),
    async (steps) => {
      const q = await setup();
      await q.engine.configure({ retentionMs: 500 });
      const world: World = { q, names: new Map(), acked: new Map(), held: new Set() };
      for (const [name, act] of steps) {
        await act(world);
        expect([name, await findViolations(q.redis, q.keys)]).toEqual([name, []]);
      }
      for (const id of FLOWS) if (world.names.has(id)) await addFlow(q, [], { id, how: "add" });
      await runOut(world);
      expect(await findViolations(q.redis, q.keys)).toEqual([]);
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
      // A callback is enqueued once, and no call replays one.
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
