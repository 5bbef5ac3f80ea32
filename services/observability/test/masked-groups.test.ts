import { createMasker, parsePointers } from "@holdfast/service";
import type { DeadLetterGroup, TaskView } from "holdfast";
import { expect, test } from "vitest";
import { groupsFor, listFor } from "../src/operators/masked-list.ts";

const mask = createMasker(parsePointers(["/name"]));
const dead = (id: string, name: string): TaskView =>
  ({
    ...{
      id,
      type: "mail",
      state: "dead",
      deadReason: "fatal",
      tags: [`of:${name}`, "blue"],
      payloadText: JSON.stringify({ name }),
    },
    lastError: `Error: no mailbox of ${name}`,
  }) as unknown as TaskView;
const group = (signature: string, count: number, sampleIds: string[]): DeadLetterGroup => ({
  ...{ signature, type: "mail", reason: "fatal", count, diedAgain: 0, firstAt: 1, lastAt: count },
  ...{ trend: [count, 0], sampleIds },
});

const tasks = [dead("a", "alexandra"), dead("b", "benedict"), dead("c", "alexandra")];
const observer = {
  deadLetterGroups: async () => ({
    groups: [
      group("Error: no mailbox of alexandra", 2, ["a", "c"]),
      group("Error: no mailbox of benedict", 1, ["b"]),
      group("Error: something of carolina", 1, ["gone"]),
    ],
    ...{ scanned: 4, total: 4, trendFrom: 0, trendTo: 2 },
  }),
  task: async (_queue: string, id: string) => tasks.find((task) => task.id === id) ?? null,
  list: async () => ({ tasks, cursor: null, scanned: 3, total: 3 }),
};

test("groups show masked errors, and are merged if their masked errors are equal", async () => {
  const { groups } = await groupsFor(observer, "q", {}, mask);
  expect(groups.map(({ signature, count, sampleIds }) => [signature, count, sampleIds])).toEqual([
    ["Error: no mailbox of ***", 3, ["a", "c", "b"]],
    ["***", 1, ["gone"]],
  ]);
  expect(JSON.stringify(groups)).not.toMatch(/alexandra|benedict|carolina/);
  expect((await groupsFor(observer, "q", {}, undefined)).groups).toHaveLength(3);
});

test("a filter by signature compares the masked error, so it reveals nothing", async () => {
  const find = async (signature: string) =>
    (await listFor(observer, "q", { state: "dead", signature }, mask)).tasks.map(({ id }) => id);
  expect(await find("Error: no mailbox of ***")).toEqual(["a", "b", "c"]);
  expect(await find("Error: no mailbox of alexandra")).toEqual([]);
});

test("a filter by tag compares the masked tag, so a guess at its masked part finds nothing", async () => {
  const find = async (tag: string, by: typeof mask | undefined) =>
    (await listFor(filtering, "q", { state: "dead", tag }, by)).tasks.map(({ id }) => id);
  // The library compares the unmasked tag, because it does not know that a viewer asks.
  const filtering = {
    list: async (_queue: string, { tag }: { tag?: string }) => ({
      tasks: tasks.filter(({ tags }) => tag === undefined || tags.includes(tag)),
      ...{ cursor: null, scanned: 3, total: 3 },
    }),
  };
  expect(await find("of:alexandra", mask)).toEqual([]);
  expect(await find("of:carolina", mask)).toEqual([]);
  expect(await find("of:***", mask)).toEqual(["a", "b", "c"]);
  expect(await find("blue", mask)).toEqual(["a", "b", "c"]);
  expect(await find("of:alexandra", undefined)).toEqual(["a", "c"]);
});
