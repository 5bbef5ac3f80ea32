import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("a list is paged from its head, the cursor ends with it", async () => {
  const q = await setup();
  await q.add(["a", "b", "c", "d", "e"]);
  const first = await q.engine.list("pending", "list", "", 2);
  expect(first.ids).toEqual(["a", "b"]);
  const second = await q.engine.list("pending", "list", first.cursor, 2);
  expect(second.ids).toEqual(["c", "d"]);
  expect(await q.engine.list("pending", "list", second.cursor, 2)).toEqual({ ids: ["e"], cursor: "" });
});

test.each(["first", "last"] as const)("a sorted set is paged from its %s, each id once", async (order) => {
  const q = await setup();
  // Several with the same score: the cursor has to name the id as well.
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
  "paging from the %s skips nobody, though the task of the cursor has left meanwhile",
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
    ["completed", "list"],
    ["processing", "first"],
    ["deadLetters", "last"],
  ] as const) {
    expect(await q.engine.list(index, order, "", 10)).toEqual({ ids: [], cursor: "" });
  }
});
