import { Redis } from "ioredis";
import { nanoid } from "nanoid";
import { afterAll, beforeAll, expect, test } from "vitest";
import { auditQueue } from "../../src/engine/audit.ts";
import { Connection } from "../../src/redis/connection.ts";
import { type QueueSnapshot, readQueue, violationsOf } from "../support/invariants.ts";
import { redisUrl } from "../support/setup.ts";
import { ToldStates } from "../support/told-states.ts";
import { type ActorSet, actorSets, World } from "./actors.ts";
import { illegalMoves } from "./ledger.ts";

// How many interleavings run at the same time, each in its own queue, so that Redis is never idle.
const AT_ONCE = 24;
const ENDED = /^(completed|dead|discarded|cancelled|expired)$/;

/** Returns every order of the steps of three actors with three steps each: 9! / (3! 3! 3!). */
function allOrders(left = [3, 3, 3]): string[] {
  const orders = left.flatMap((steps, actor) =>
    steps === 0 ? [] : allOrders(left.with(actor, steps - 1)).map((rest) => `${actor}${rest}`),
  );
  return orders.length > 0 ? orders : [""];
}

let redis: Redis;
let connection: Connection;

beforeAll(async () => {
  redis = new Redis(redisUrl());
  connection = new Connection(redisUrl());
  await connection.check();
});

afterAll(async () => {
  redis.disconnect();
  await connection.close();
});

/**
 * @param seen the state of the queue after each beginning of an order. Orders with the same beginning are checked
 * there only once.
 */
async function runOrder(set: ActorSet, order: string, seen: Map<string, QueueSnapshot>): Promise<void> {
  const world = new World(connection, redis, `i-${nanoid(12).replaceAll(/[^A-Za-z0-9]/g, "x")}`);
  const { engine } = world;
  // In a third of the orders the queue keeps events. At the end, the events have to tell a reader the state of each
  // task.
  const told = order.endsWith("2") ? new ToldStates(engine, String(world.nowMs)) : undefined;
  if (told) await engine.configure({ maxEvents: 1_000_000 });
  await set.prepare(world);
  let before = seen.get("") ?? (await readQueue(redis, engine.keys));
  seen.set("", before);
  const next = [0, 0, 0];
  let beginning = "";
  for (const actor of order) {
    const steps = set.actors[Number(actor)] ?? [];
    const at = next[Number(actor)] ?? 0;
    next[Number(actor)] = at + 1;
    await steps[at]?.(world);
    beginning += actor;
    let now = seen.get(beginning);
    if (!now) {
      now = await readQueue(redis, engine.keys);
      expect([...violationsOf(now), ...illegalMoves(before, now)]).toEqual([]);
      const leased = [...now.taskKeys.values()].map((key) => key.leased);
      expect(Math.max(0, ...leased)).toBeLessThanOrEqual(set.most ?? 0);
      seen.set(beginning, now);
    }
    before = now;
  }
  await world.drain();
  const end = await readQueue(redis, engine.keys);
  const left = [...end.tasks].filter(([, { state }]) => !ENDED.test(state));
  expect([...violationsOf(end), ...left]).toEqual([]);
  await told?.read();
  expect([
    told?.missed ?? 0,
    told?.wrong([...end.tasks].map(([id, { state }]) => [id, state] as const)) ?? [],
  ]).toEqual([0, []]);
  expect((await engine.audit(false)).violations).toEqual([]);
  await redis.unlink(...Object.values(engine.keys));
}

const orders = allOrders();

test("three actors of three scripts have 1,680 orders", () => {
  expect(orders.length).toBe(1_680);
  expect(new Set(orders).size).toBe(1_680);
});

test.each(Object.entries(actorSets))(
  "$0: I1, I2, I5, I6 and I7 hold after every step of all orders",
  { timeout: 120_000 },
  async (_, set) => {
    const waiting = [...orders];
    const seen = new Map<string, QueueSnapshot>();
    const work = async () => {
      for (let order = waiting.pop(); order !== undefined; order = waiting.pop()) {
        await runOrder(set, order, seen).catch((error: Error) => {
          waiting.length = 0;
          error.message = `in the order ${order}: ${error.message}`;
          throw error;
        });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  },
);

test("an audit of a queue in the middle of an order finds nothing", async () => {
  const set = Object.values(actorSets)[0] as ActorSet;
  const world = new World(connection, redis, `i-${nanoid(12).replaceAll(/[^A-Za-z0-9]/g, "x")}`);
  await set.prepare(world);
  for (const steps of set.actors) {
    await steps[0]?.(world);
    expect((await auditQueue(world.engine)).violations).toEqual([]);
  }
  await redis.unlink(...Object.values(world.engine.keys));
});
