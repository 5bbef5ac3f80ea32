import { createMasker, parsePointers } from "@holdfast/service";
import type { TaskView } from "holdfast";
import { expect, test } from "vitest";
import { listFor } from "../src/operators/masked-list.ts";

const mask = createMasker(parsePointers(["/name"]));
const dead = (id: string, name: string): TaskView =>
  ({
    ...{
      id,
      type: "mail",
      state: "dead",
      deadReason: "fatal",
      signature: "abcdef012345",
      tags: [`of:${name}`, "blue"],
      payloadText: JSON.stringify({ name }),
    },
    lastError: `Error: no mailbox of ${name}`,
  }) as unknown as TaskView;
const tasks = [dead("a", "alexandra"), dead("b", "benedict"), dead("c", "alexandra")];
const search = async () => ({ tasks: [], cursor: null, scanned: 0, total: 0 });
const observer = {
  list: async () => ({ tasks, cursor: null, scanned: 3, total: 3 }),
  search,
};

test("a filter by signature finds no masked task, because a caller could try signatures of guesses", async () => {
  const find = async (signature: string) =>
    (await listFor(observer, "q", { state: "dead", signature }, mask)).tasks.map(({ id }) => id);
  expect(await find("abcdef012345")).toEqual([]);
  expect(await find("other")).toEqual([]);
});

test("a filter by tag compares the masked tag, so a guess at its masked part finds nothing", async () => {
  const find = async (tag: string, by: typeof mask | undefined) =>
    (await listFor(filtering, "q", { state: "dead", tag }, by)).tasks.map(({ id }) => id);
  // The library compares the unmasked tag, because it does not know that the caller is a viewer.
  const filtering = {
    search,
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

test("a query finds only what a caller sees, and the library gets the clauses that reveal nothing", async () => {
  const asked: unknown[] = [];
  const asking = {
    ...observer,
    list: async (_queue: string, { query }: { query?: string }) => {
      asked.push(query);
      return { tasks, cursor: null, scanned: 3, total: 3 };
    },
  };
  const find = async (query: string) =>
    (await listFor(asking, "q", { state: "dead", query }, mask)).tasks.map(({ id }) => id);
  for (const hidden of [
    "alexandra",
    "payload.name=alexandra",
    "error~alexandra",
    "tag:of:alexandra",
    "payload~alex",
  ])
    expect([hidden, await find(`type:mail ${hidden} -reason:no_handler`)]).toEqual([hidden, []]);
  expect(asked).toEqual(Array(5).fill("type:mail -reason:no_handler"));
  expect(await find('payload.name="***" error~mailbox')).toEqual(["a", "b", "c"]);
  // A negated clause would also reveal whether a guess is right.
  expect(await find("-payload.name=alexandra")).toEqual(["a", "b", "c"]);
  expect(await find("type:mail")).toEqual(["a", "b", "c"]);
  expect(asked.at(-1)).toBe("type:mail");
});
