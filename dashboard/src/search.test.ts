import { parseQuery } from "@holdfast/contracts";
import { expect, it } from "vitest";
import { deadLettersSearch, overviewSearch, tasksSearch } from "./search.ts";

it("keeps what it knows and drops the rest", () => {
  expect(tasksSearch({ state: "dead", query: 17, sort: "-type", evil: "x" })).toEqual({
    state: "dead",
    query: "17",
    sort: "-type",
  });
  expect(tasksSearch({ state: "jobs", query: { a: 1 } })).toEqual({});
  expect(overviewSearch({ sort: "dead" })).toEqual({ sort: "dead" });
  expect(deadLettersSearch({ view: "tree" })).toEqual({});
});

it("turns the fields of older addresses into clauses", () => {
  const old = { query: "a", q: "two words", type: "a.b", tag: "t:1", error: "no", within: "1h" };
  const { query = "" } = tasksSearch(old);
  expect(query).toBe('a "two words" type==a.b tag==t:1 error~no time:<1h');
  expect(parseQuery(query).ok).toBe(true);
  expect(tasksSearch({ ...old, query })).toEqual({ query });
  const dead = deadLettersSearch({ reason: "fatal", signature: "abcdef012345", view: "list" });
  expect(dead).toEqual({ view: "list", query: "reason:fatal signature==abcdef012345" });
  expect(deadLettersSearch({ reason: "bored", within: "2h" })).toEqual({});
});
