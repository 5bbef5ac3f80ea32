import { expect, test } from "vitest";
import { type OperationShare, type OperationSpec, OperationStore } from "../src/engine/operation-store.ts";
import { setup } from "./support/setup.ts";

const LEASE_MS = 10_000;
const by = {
  ...{ actor: "ops", keyId: null, role: "admin" as const, from: "::1" },
  ...{ requestId: "r1", clientRequestId: null, reason: null },
};

async function scene() {
  const q = await setup();
  const store = new OperationStore(q.engine.connection, q.name, () => q.now);
  const spec: OperationSpec = { kind: "replay", queue: q.name, selection: { filter: {} }, by };
  /** @returns the id, or the code of the refusal and the time to wait */
  const create = (who?: string, share: Partial<OperationShare> = {}) =>
    store
      .create(spec, 1, who === undefined ? undefined : { who, isSmall: false, most: 3, ...share })
      .then(({ id }) => id)
      .catch((error: { code: string; retryAfterMs: number }) => `${error.code} ${error.retryAfterMs}`);
  const many = async (count: number, who?: string, share?: Partial<OperationShare>) => {
    const made: string[] = [];
    for (let n = 0; n < count; n++) made.push(await create(who, share));
    return made;
  };
  /** Claims an operation, and writes what the process that runs it would write. */
  const write = async (id: string, phase: "pause" | "end") => {
    if (phase === "pause") await store.control(id, "pause");
    const claimed = await store.claim(`of ${id}`, LEASE_MS, { only: id });
    expect(claimed?.id).toBe(id);
    const { id: _id, startedAt: _startedAt, undoneAt: _undoneAt, ...view } = claimed?.view ?? {};
    expect(await store.write(id, `of ${id}`, LEASE_MS, phase, { view: JSON.stringify(view) })).not.toBeNull();
  };
  return { q, store, create, many, write };
}

const REFUSED = "rate_limited 5000";

test("each API key may have a limited number of open operations; small ones are counted separately", async () => {
  const { create, many, write } = await scene();
  const [first = "", second = ""] = await many(3, "key:a");
  expect(await create("key:a")).toBe(REFUSED);
  expect(await create("key:b")).toMatch(/^op_/);
  // Small operations are counted separately, although `who` is the same.
  const small = await many(3, "key:a", { isSmall: true });
  expect(small.every((id) => id.startsWith("op_"))).toBe(true);
  expect(await create("key:a", { isSmall: true })).toBe("rate_limited 1000");
  // A paused operation still counts as open. Otherwise a key could have any number of paused operations.
  await write(first, "pause");
  expect(await create("key:a")).toBe(REFUSED);
  await write(second, "end");
  expect(await create("key:a")).toMatch(/^op_/);
  expect(await create("key:a")).toBe(REFUSED);
});

test("small and paused operations do not count among those that run", async () => {
  const { create, many, write } = await scene();
  const ids = await many(50, "key:a", { most: 100 });
  await many(20, "key:a", { isSmall: true, most: 100 });
  expect(await create("key:b")).toBe(REFUSED);
  expect(await create()).toBe(REFUSED);
  expect(await create("key:b", { isSmall: true })).toMatch(/^op_/);
  await write(ids[0] as string, "pause");
  expect(await create("key:b")).toMatch(/^op_/);
  expect(await create("key:b")).toBe(REFUSED);
});

test("nobody claims a paused operation until it is resumed", async () => {
  const { store, create, write } = await scene();
  const id = await create("key:a");
  await write(id, "pause");
  expect(await store.claim("other", LEASE_MS)).toBeNull();
  await store.control(id, "resume");
  expect(await store.claim("other", LEASE_MS)).toMatchObject({ id, share: "large key:a", control: "resume" });
});

test("operations of shares that have enough are not claimed", async () => {
  const { store, many, create } = await scene();
  await many(60, "key:a", { isSmall: true, most: 100 });
  const last = await create("key:b");
  const passOver = ["small key:a", "large key:c"];
  expect(await store.claim("me", LEASE_MS, { passOver })).toMatchObject({ id: last, share: "large key:b" });
  expect(await store.claim("me", LEASE_MS, { passOver })).toBeNull();
  expect(await store.claim("me", LEASE_MS, { passOver: ["large key:b"] })).toMatchObject({
    share: "small key:a",
  });
});

test("thousands of open operations are counted", async () => {
  const { q, create, many } = await scene();
  await many(3, "key:a");
  const running = `${q.name}:{:system}:operations:running`;
  const others = Array.from({ length: 9_000 }, (_, n) => `op_${n}`);
  await q.redis.zadd(running, ...others.flatMap((id) => [0, id]));
  await q.redis.hset(`${q.name}:{:system}:operations`, ...others.flatMap((id) => [`${id}:share`, "small x"]));
  expect(await create("key:a")).toBe(REFUSED);
  expect(await create("key:b")).toMatch(/^op_/);
});
