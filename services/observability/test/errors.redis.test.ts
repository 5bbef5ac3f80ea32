import { randomBytes, randomUUID } from "node:crypto";
import { until } from "@holdfast/testing";
import { FatalError, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { masked } from "../src/routes/errors.ts";
import { type Running, startRunning } from "./running.ts";

let running: Running;
beforeAll(async () => {
  running = await startRunning();
  await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
});
afterAll(async () => running.stop());

interface ErrorOf {
  queue: string;
  signature: string;
  title: string;
  dead: number;
  failures: number;
  trend: number[];
  mute: { by: string; until: number | null } | null;
}
interface Reply {
  errors: ErrorOf[];
  total: number;
  dead: number;
  other: { queue: string; dead: number }[];
}
const read = async (path: string) => (await running.call("GET", path)).json() as unknown as Reply;
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** Makes dead letters, each with the error that the function `message` returns. */
async function die(queue: string, count: number, message: (n: number) => string, type = "test.dies") {
  for (let from = 0; from < count; from += 1_000) {
    const tasks = Array.from({ length: Math.min(1_000, count - from) }, (_, n) => ({
      ...{ type, payload: from + n },
    }));
    const { status } = await running.call("POST", `/v1/queues/${queue}/tasks/batch`, tasks);
    expect(status).toBe(207);
  }
  const before = (await read(`/v1/queues/${queue}/errors`)).dead;
  const handlers = {
    [type]: ({ payload }: { payload: unknown }) => {
      throw new FatalError(message(Number(payload)));
    },
  };
  const worker = new Worker(queue, handlers, { redis: running.redis.url, concurrency: 200 });
  await worker.start();
  await until(
    "all tasks are dead",
    async () => (await read(`/v1/queues/${queue}/errors`)).dead === before + count,
    120_000,
  );
  await worker.stop({ graceMs: 1_000 });
}

const hex = (bytes: number) => randomBytes(bytes).toString("hex");
const KINDS: ((n: number) => string)[] = [
  (n) => `order ${n} not found`,
  (n) => `timed out after ${n} ms`,
  () => `duplicate key ${randomUUID()}`,
  () => `object 0x${hex(4)} is gone`,
  () => `commit ${hex(20)} has no parent`,
  (n) => `GET https://api.example.com/v1/users/${n}?token=${hex(8)} answered 503`,
  (n) => `cannot open /var/data/${hex(4)}/part-${n}.csv`,
  (n) => `no field '${n % 7 === 0 ? "a b" : hex(3)}' in the answer`,
  (n) => `mail to user.${n}@example.com bounced`,
  (n) => `connect ECONNREFUSED 10.0.${n % 255}.7:${n}`,
  (n) => `value ${n / 7} is out of range`,
  (n) => `lock "${hex(3)}" was taken at ${new Date(n * 1e6).toISOString()}`,
  () => `request id=${hex(16)} span=${hex(8)} failed`,
  (n) => `line ${n % 100}, column ${n % 80}: unexpected token`,
];

test("20,000 dead letters of 14 kinds are 14 errors, whose counts add up", { timeout: 300_000 }, async () => {
  const count = 20_000;
  await die("kinds", count, (n) => KINDS[n % KINDS.length]?.(n) ?? "");
  const { errors, other, dead, total } = await read("/v1/queues/kinds/errors?sort=dead");
  expect([total, dead, other]).toEqual([14, count, []]);
  expect(sum(errors.map((error) => error.dead))).toBe(count);
  expect(sum(errors.map((error) => error.failures))).toBe(count);
  expect(sum(errors.flatMap(({ trend }) => trend))).toBe(count);
  expect(new Set(errors.map((error) => error.dead))).toEqual(new Set([1_428, 1_429]));

  // The signature selects all dead letters of one error, on every page.
  const [first] = errors as [ErrorOf];
  const path = "/v1/queues/kinds/dead-letters";
  const filter = { signature: first.signature };
  const counted = await running.call("POST", `${path}/discard`, { filter, dryRun: true });
  expect(counted.json()).toMatchObject({ matched: first.dead });
  const { status, json } = await running.call("POST", `${path}/discard`, { filter });
  expect(status).toBe(202);
  const operation = `/v1/operations/${String(json().id)}`;
  await until(
    "the operation has ended",
    async () => (await running.call("GET", operation)).json().state === "succeeded",
    60_000,
  );
  const left = await read("/v1/queues/kinds/errors?kind=dead");
  expect([left.total, left.dead]).toEqual([13, count - first.dead]);
});

test("the errors of all queues are listed, searched, ordered and muted", async () => {
  await die("one", 3, (n) => `small ${n}`);
  await die("two", 5, (n) => `large ${n}`);
  const all = await read("/v1/errors?sort=dead&q=Fatal");
  const own = all.errors.filter(({ queue }) => queue === "one" || queue === "two");
  expect(own.map(({ queue, title, dead }) => [queue, title, dead])).toEqual([
    ["two", "FatalError: large <n>", 5],
    ["one", "FatalError: small <n>", 3],
  ]);
  expect((await read("/v1/errors?q=small")).errors.map(({ queue }) => queue)).toEqual(["one"]);
  expect((await read("/v1/queues/two/errors?type=other")).total).toBe(0);
  const [, small] = own as [ErrorOf, ErrorOf];
  const mute = `/v1/queues/one/errors/${small.signature}/mute`;
  const muted = await running.call("PUT", mute, { forMs: 3_600_000, failures: 2, reason: "known" });
  expect(muted.json()).toMatchObject({ mute: { by: "anonymous", untilFailures: 5 } });
  expect((await read("/v1/queues/one/errors")).total).toBe(0);
  expect((await read("/v1/queues/one/errors?kind=muted")).total).toBe(1);
  // With two more failures the muted error has failed often enough to end the mute.
  await die("one", 2, (n) => `small ${n}`);
  expect((await read("/v1/queues/one/errors")).errors).toMatchObject([{ mute: null, dead: 5 }]);
  await running.call("PUT", mute, {});
  expect((await read("/v1/queues/one/errors")).total).toBe(0);
  expect((await running.call("DELETE", mute)).json()).toMatchObject({ mute: null });
  expect((await read("/v1/queues/one/errors")).total).toBe(1);
  const unknown = mute.replace(small.signature, "000000000000");
  expect((await running.call("PUT", unknown, {})).status).toBe(404);
  const audit = await running.call("GET", "/v1/audit?action=error.mute");
  expect(audit.json().records).toMatchObject([
    { outcome: "refused" },
    { subject: small.signature },
    { subject: small.signature, reason: "known", queue: "one" },
  ]);
});

test("a caller who sees masked tasks sees the name of an error only", () => {
  const error = {
    ...{ queue: "q", signature: "abcdef012345", type: "t", dead: 1, failures: 2, firstAt: 1, lastAt: 2 },
    ...{ isNew: false, versions: ["1"], tags: ["alexandra"], trend: [], mute: null },
    title: "TypeError: no user alexandra",
    error: "TypeError: no user alexandra\n    at x",
  };
  expect(masked(error)).toMatchObject({ title: "TypeError: ***", signature: null, error: null, tags: [] });
  expect(masked({ ...error, title: "alexandra: no" })).toMatchObject({ title: "***" });
  expect(JSON.stringify(masked(error))).not.toContain("alexandra");
});
