import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { predictCase } from "./cases.mjs";
import { fullestShare, slotOf, tagsOf } from "./cluster-slots.mjs";
import { readInput } from "./input.mjs";
import { costAt, growing, perTask, plan, predict, tasksPerCall } from "./model.mjs";
import { MARK, pageText } from "./page.mjs";
import { limitLine, planText } from "./print.mjs";

/** Costs with round numbers, so that the expected results can be computed by hand. */
const costs = {
  payloadBytes: 100,
  ingest: [
    { calls: 0.002, redisUs: 2, nodeUs: 3 },
    { calls: 0.1, redisUs: 4, nodeUs: 10 },
    { calls: 1, redisUs: 50, nodeUs: 100 },
  ],
  process: [
    { calls: 0.005, redisUs: 8, nodeUs: 9 },
    { calls: 0.125, redisUs: 20, nodeUs: 30 },
    { calls: 1, redisUs: 100, nodeUs: 150 },
  ],
  perKb: {
    ingestRedisUs: 2,
    ingestNodeUs: 4,
    processRedisUs: 2,
    processNodeUs: 4,
    bytes: 1_100,
    wireBytes: 2_048,
  },
  key: { redisUs: 20, oneAtATimePerS: 1_000 },
  bytes: { waiting: 200, kept: 350 },
  wireBytes: 300,
  idlePerPart: { redisUsPerS: 60, nodeUsPerS: 100 },
  perQueue: { sweepMs: 1, sweepRedisUs: 100, lookMs: 0.2, lookRedisUs: 25 },
  rssMb: { producer: 100, worker: 110, janitor: 80, observer: 90 },
};
const measuredOn = { date: "d", machine: "m", node: "n", redis: "r", rounds: 3, load: 0.1, stolen: 0.01 };
const inputOf = (env) => {
  const { input, problems } = readInput(env);
  expect(problems).toEqual([]);
  return input;
};
const planOf = (env) => plan(costs, inputOf({ HANDLER_MS: "0", PAYLOAD: "100", ...env }));

test("a hash tag has the Cluster slot that Redis computes, and the share of a node is its share of the parts", () => {
  expect(slotOf("123456789")).toBe(0x31c3);
  expect(slotOf("foo")).toBe(12_182);
  expect(tagsOf(1, 2, "orders")).toEqual(["orders/0", "orders/1"]);
  expect(tagsOf(2, 0, "q")).toEqual(["q-0", "q-1"]);
  expect(fullestShare([0, 1, 16_383], 1)).toBe(1);
  expect(fullestShare([0, 1, 16_383], 2)).toBeCloseTo(2 / 3);
});

test("a cost between two measured ones is on the line through both", () => {
  expect(costAt(costs.process, 0.001).redisUs).toBe(8);
  expect(costAt(costs.process, 0.125)).toEqual({ redisUs: 20, nodeUs: 30 });
  expect(costAt(costs.process, 0.5625)).toEqual({ redisUs: 60, nodeUs: 90 });
  expect(costAt(costs.process, 1.995).redisUs).toBeCloseTo(192);
});

test("a measured cost that does not grow with the calls is left out", () => {
  const [few, some, many] = costs.process;
  expect(growing([many, few, some])).toEqual([few, some, many]);
  const disturbed = { calls: 0.1, redisUs: 30, nodeUs: 20 };
  expect(growing([few, disturbed, some, many])).toEqual([few, disturbed, many]);
  expect(growing([few, some, { calls: 0.15, redisUs: 40, nodeUs: 60 }])).toEqual([few, some]);
});

test("partitions and slow handlers make the calls of a worker smaller, and full load makes them larger", () => {
  const load = { handlerMs: 0, concurrency: 50, partitions: 1, rttMs: 0.5, busy: 0.6 };
  expect(tasksPerCall(costs, load)).toEqual([200, 200]);
  // In 5 ms a worker ends 5,000 / nodeUs tasks. It takes that many ahead, in total over all partitions.
  expect(tasksPerCall(costs, { ...load, partitions: 8 })[0]).toBeCloseTo(5_000 / costs.process[0].nodeUs / 8);
  expect(tasksPerCall(costs, { ...load, partitions: 256, concurrency: 2_560 })[0]).toBe(10);
  const [planned, full] = tasksPerCall(costs, { ...load, handlerMs: 20 });
  expect(planned).toBe(1);
  expect(full).toBe(25);
});

test("ten times the load needs ten times as much, while no limit is near", () => {
  const [small, large] = ["100000", "1000000"].map((RATE) => planOf({ RATE, QUEUES: "64", EVEN: "1" }).needs);
  for (const what of ["redisCores", "nodeCores"]) expect(large[what] / small[what]).toBeCloseTo(10);
  for (const what of ["nodes", "workers"])
    expect(Math.abs(large[what] - 10 * small[what])).toBeLessThanOrEqual(10);
});

test("more load, larger payloads, slower handlers and a longer retention never need less", () => {
  const series = {
    RATE: ["1000", "5000", "20000", "100000", "400000", "1000000"],
    PAYLOAD: ["100", "1000", "10000", "100000"],
    HANDLER_MS: ["1", "5", "20", "100", "1000"],
    RETENTION: ["10s", "10m", "1h", "24h"],
    BACKLOG_S: ["0", "60", "3600"],
  };
  const least = { nodes: 1, workers: 1, redisCores: 0, nodeCores: 0, bytes: 0 };
  for (const [name, values] of Object.entries(series)) {
    let before = least;
    for (const value of values) {
      const { needs, fullestShare: share } = planOf({
        RATE: "50000",
        HANDLER_MS: "10",
        EVEN: "1",
        [name]: value,
      });
      const now = { ...needs, bytes: Math.round(needs.memoryMbPerNode / share) };
      for (const what of Object.keys(least))
        expect(now[what], `${what} at ${name}=${value}`).toBeGreaterThanOrEqual(before[what]);
      before = now;
    }
  }
});

test.each([
  [{ RATE: "50000" }, "Redis' one thread on each node"],
  [{ RATE: "200000", PARTITIONS: "1", NODES: "3" }, "Redis' one thread on each node"],
  [{ RATE: "1000", QUEUES: "10000" }, "the reading of all queues by observability"],
  [{ RATE: "5000", KEYS: "1", KEY_CONCURRENCY: "1" }, "the limit of one key"],
  [
    { RATE: "20000", PAYLOAD: "200000", NODES: "1000", NETWORK_GBIT: "0.1", EVEN: "1" },
    "the network of the fullest node",
  ],
  [{ RATE: "1000000", HANDLER_MS: "1000", CONCURRENCY: "10", QUEUES: "100" }, "connections of one node"],
])("the answer names the limit of %j", (env, name) => {
  const made = planOf(env);
  expect(made.limit.name).toBe(name);
  expect(limitLine(made)).toContain(`The nearest limit is ${name}: `);
  expect(planText(made, measuredOn)).toContain(made.limit.wayOut);
});

test("a queue without partitions cannot use a second node, and partitions lift that limit", () => {
  const used = (env, name) =>
    planOf({ RATE: "300000", ...env }).limits.find((limit) => limit.name.startsWith(name)).used;
  expect(used({ PARTITIONS: "1", NODES: "10" }, "the one node of a queue")).toBeGreaterThan(1);
  expect(used({ PARTITIONS: "64", NODES: "20" }, "the 256 partitions")).toBeLessThan(0.2);
  expect(used({ PARTITIONS: "1", NODES: "10" }, "Redis'")).toBe(
    used({ PARTITIONS: "1", NODES: "2" }, "Redis'"),
  );
});

test("if the names put many parts on one node, EVEN=1 needs fewer nodes", () => {
  const { needs } = planOf({ RATE: "500000", PARTITIONS: "64" });
  expect(needs.nodesIfEven).toBeLessThan(needs.nodes);
  expect(planOf({ RATE: "500000", PARTITIONS: "64", EVEN: "1" }).needs.nodes).toBe(needs.nodesIfEven);
});

test("a call pays once for each key of its tasks", () => {
  const input = inputOf({ RATE: "1000", HANDLER_MS: "0", PAYLOAD: "100" });
  const us = (keys) => perTask(costs, { ...input, partitions: 1, keys }).processRedisUs;
  expect(us(0)).toBeCloseTo(8);
  expect(us(10)).toBeCloseTo(9);
  expect(us(1_000)).toBeCloseTo(28);
});

test("the processes of one machine share its cores, and a single thread can be the limit before the cores are", () => {
  const load = { ...inputOf({ RATE: "1", HANDLER_MS: "0", PAYLOAD: "100", BATCH: "1000" }), partitions: 1 };
  // Redis takes 2 + 8 µs, and Node 3 + 9 µs.
  expect(predict(costs, { cores: 2, ...load }).perS).toBeCloseTo((0.8 * 2e6) / 22);
  expect(predict(costs, { cores: 2, ...load }).limit).toContain("cores");
  expect(predict(costs, { cores: 8, ...load })).toMatchObject({
    limit: "Redis' one thread on the fullest node",
    perS: 80_000,
  });
  expect(predict(costs, { cores: 8, share: 0.5, ...load }).limit).toBe("the thread of a worker");
  expect(predict(costs, { cores: 8, share: 0.5, workers: 4, ...load }).perS).toBe(160_000);
  const slow = { ...load, handlerMs: 20 };
  expect(predict(costs, { cores: 2, ...slow })).toMatchObject({
    limit: "the slots of the workers",
    perS: 2_500,
  });
  expect(predictCase(costs, { nodes: 3, partitions: 8 }, 2).perS).toBeLessThan(
    predictCase(costs, { nodes: 3, partitions: 1 }, 2).perS,
  );
});

test.each([
  [{}, "RATE is missing: set it to the tasks per second, from 1 to 10,000,000, for example RATE=50000"],
  [{ RATE: "0" }, 'RATE has to be a number from 1 to 10,000,000 (tasks per second), got "0"'],
  [{ RATE: "1e5" }, 'RATE has to be a number from 1 to 10,000,000 (tasks per second), got "1e5"'],
  [
    { RATE: "1", PARTITIONS: "2.5" },
    'PARTITIONS has to be a whole number from 1 to 256 (partitions of each queue; 1 means that it is not partitioned), got "2.5"',
  ],
  [{ RATE: "1", RETENTION: "2y" }, "RETENTION has to be a number of tasks"],
  [{ RATE: "1", HANDLER_MS: "5", HANDLER_CPU_MS: "6" }, "HANDLER_CPU_MS cannot be more than HANDLER_MS (5)"],
  [{ RATE: "1", KEY_CONCURRENCY: "2" }, "KEY_CONCURRENCY needs KEYS"],
])("%j is refused, and the message says what the variable has to be", (env, message) => {
  const { problems } = readInput(env);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(message);
});

test("all bad variables are named at once, and an empty variable counts as not set", () => {
  expect(readInput({ RATE: "x", PAYLOAD: "1", NODES: "" }).problems).toHaveLength(2);
  expect(inputOf({ RATE: "5", RETENTION: "24h" })).toMatchObject({
    retention: { seconds: 86_400 },
    payload: 500,
    nodes: undefined,
  });
  expect(inputOf({ RATE: "5", RETENTION: "500" }).retention).toEqual({ tasks: 500 });
});

test("the page has every figure, and says which case of the check was not within 20%", () => {
  const result = (name, difference) => ({
    ...{ name, difference, predicted: 100_000, limit: "the cores", predictedUs: 20, measuredUs: 25 },
    measured: { median: 100_000 * (1 + difference), min: 1, max: 2 },
  });
  const check = [result("one node", -0.05), result("Cluster of 3", 0.31)];
  const discovery = { queues: 10_000, sweepMs: 9_000, lookMs: 2_000 };
  const text = pageText({ ...costs, discovery, pushed: { redisUs: 1, nodeUs: 2 }, measuredOn, check });
  expect(text).not.toMatch(/NaN|undefined|Infinity/);
  expect(text).toContain("| 200,000   |");
  expect(text).toMatch(/\| -5\.0% +\| yes +\| 20, 25 +\|/);
  expect(text).toMatch(/\| \+31% +\| NO +\|/);
});

test("the page and the costs are written as the formatter wants them, and the page is that of the costs", () => {
  const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
  const text = read("costs.json");
  expect(`${JSON.stringify(JSON.parse(text), null, 2)}\n`).toBe(text);
  const [, figures] = read("../../docs/scaling.md").split(`${MARK}\n`);
  expect(pageText(JSON.parse(text))).toBe(figures);
});
