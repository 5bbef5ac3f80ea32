import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("waiting tasks are paged from the head, and the last page has no cursor", async () => {
  const q = await setup();
  await q.add(["a", "b", "c", "d", "e"]);
  const first = await q.engine.list("pending", "waiting", "", 2);
  expect(first).toMatchObject({ ids: ["a", "b"], length: 5 });
  const second = await q.engine.list("pending", "waiting", first.cursor, 2);
  expect(second.ids).toEqual(["c", "d"]);
  expect(await q.engine.list("pending", "waiting", second.cursor, 2)).toEqual({
    ids: ["e"],
    length: 5,
    cursor: "",
  });
});

test("no waiting task is skipped or listed twice while tasks leave the head and join the end", async () => {
  const q = await setup();
  await q.add(["a", "b", "c", "d", "e", "f"]);
  const first = await q.engine.list("pending", "waiting", "", 3);
  await q.acquire(2);
  await q.add("g");
  expect((await q.engine.list("pending", "waiting", first.cursor, 10)).ids).toEqual(["d", "e", "f", "g"]);
  // The last task on the first page is gone by now, so the next page starts with the tasks that are left.
  await q.acquire(2);
  expect((await q.engine.list("pending", "waiting", first.cursor, 10)).ids).toEqual(["e", "f", "g"]);
});

test("no ended task is skipped or listed twice while others end and the oldest are purged", async () => {
  const q = await setup();
  const complete = async (ids: string[]) => {
    await q.add(ids);
    for (const grant of (await q.acquire(ids.length)).grants) await q.ack(grant);
  };
  await complete(["a", "b"]);
  q.advance(10);
  // All tasks ended in the same millisecond, so the cursor has to name the task as well.
  await complete(["c", "d", "e", "f"]);
  const first = await q.engine.list("completed", "ended", "", 2);
  expect(first.ids).toEqual(["f", "e"]);
  q.advance(10);
  await complete(["g", "h"]);
  const second = await q.engine.list("completed", "ended", first.cursor, 2);
  expect(second.ids).toEqual(["d", "c"]);
  await q.engine.configure({ retentionCount: 7 });
  await q.engine.purge(100, 3_600_000);
  const third = await q.engine.list("completed", "ended", second.cursor, 2);
  expect(third).toEqual({ ids: ["b"], length: 7, cursor: "" });
  // A page can begin at the tasks that ended before a given time.
  expect((await q.engine.list("completed", "ended", `${q.now}:`, 10)).ids).toEqual(["f", "e", "d", "c", "b"]);
});

test("no ended task is skipped or listed twice after the clock was set back", async () => {
  const q = await setup();
  const complete = async (name: string, count: number) => {
    const ids = Array.from({ length: count }, (_, i) => `${name}${i}`);
    await q.add(ids);
    for (const grant of (await q.acquire(count)).grants) {
      await q.ack(grant);
      q.advance(1);
    }
    return ids;
  };
  const before = await complete("before", 12);
  q.advance(-120_000);
  const set = await complete("set", 30);
  q.advance(120_000);
  const since = await complete("since", 2);
  const seen: string[] = [];
  for (let cursor = ""; ; ) {
    const page = await q.engine.list("completed", "ended", cursor, 5);
    seen.push(...page.ids);
    cursor = page.cursor;
    if (cursor === "") break;
    expect(seen.length).toBeLessThanOrEqual(44);
  }
  expect(seen).toEqual([...before, ...set, ...since].reverse());
});

test("a page of ended tasks continues if the last entry is gone and its record is not", async () => {
  const q = await setup();
  q.corrupted = true;
  for (const id of ["a", "b", "c", "d"]) {
    await q.add(id);
    await q.ack(await q.grant());
    q.advance(1);
  }
  const first = await q.engine.list("completed", "ended", "", 2);
  expect(first.ids).toEqual(["d", "c"]);
  await q.redis.lrem(q.keys.completed, 1, "c");
  expect((await q.engine.list("completed", "ended", first.cursor, 2)).ids).toEqual(["b", "a"]);
});

test("a page of a sorted set begins at a score, and skips an entry with an equal score that has left", async () => {
  const q = await setup();
  for (const id of ["b", "a", "d", "c"]) await q.addDead(id);
  const first = await q.engine.list("deadLetters", "first", "", 2);
  expect(first.ids).toEqual(["a", "b"]);
  await q.engine.discard(["b", ""]);
  expect((await q.engine.list("deadLetters", "first", first.cursor, 5)).ids).toEqual(["c", "d"]);
  const last = await q.engine.list("deadLetters", "last", "", 2);
  await q.engine.discard(["c", ""]);
  expect((await q.engine.list("deadLetters", "last", last.cursor, 5)).ids).toEqual(["a"]);
  expect((await q.engine.list("deadLetters", "last", `${q.now}:`, 5)).ids).toEqual([]);
  expect((await q.engine.list("deadLetters", "last", `${q.now + 1}:`, 5)).ids).toEqual(["d", "a"]);
});

test.each(["first", "last"] as const)("a sorted set is paged from its %s, each id once", async (order) => {
  const q = await setup();
  // Several tasks have the same score, so the cursor has to name the id as well.
  const ids = ["a", "b", "c", "d", "e", "f:g", "h"];
  for (const [i, id] of ids.entries()) {
    await q.addDead(id);
    q.advance(i % 2 === 0 ? 0 : 10);
  }
  const seen: string[] = [];
  for (let cursor = ""; ; ) {
    const page = await q.engine.list("deadLetters", order, cursor, 2);
    seen.push(...page.ids);
    cursor = page.cursor;
    if (cursor === "") break;
  }
  const lowestFirst = await q.redis.zrange(q.keys.deadLetters, "0", "-1");
  expect(seen).toEqual(order === "first" ? lowestFirst : lowestFirst.reverse());
  expect([...seen].sort()).toEqual(ids);
});

test.each(["first", "last"] as const)(
  "paging from the %s skips no task, even if the task of the cursor has left",
  async (order) => {
    const q = await setup();
    for (const id of ["a", "b", "c", "d"]) {
      await q.addDead(id);
      q.advance(10);
    }
    const page = await q.engine.list("deadLetters", order, "", 2);
    await q.engine.discard([page.ids[1] ?? "", ""]);
    const rest = await q.engine.list("deadLetters", order, page.cursor, 10);
    expect(rest.ids).toEqual(order === "first" ? ["c", "d"] : ["b", "a"]);
  },
);

test("an empty index is one empty page", async () => {
  const q = await setup();
  for (const [index, order] of [
    ["completed", "ended"],
    ["processing", "first"],
    ["deadLetters", "last"],
  ] as const) {
    expect(await q.engine.list(index, order, "", 10)).toEqual({ ids: [], length: 0, cursor: "" });
  }
});
