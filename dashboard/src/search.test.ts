import { expect, it } from "vitest";
import { deadLettersSearch, overviewSearch, tasksSearch } from "./search.ts";

it("keeps what it knows and drops the rest", () => {
  expect(tasksSearch({ state: "dead", type: "a.b", q: 17, evil: "x" })).toEqual({
    state: "dead",
    type: "a.b",
    q: "17",
  });
  expect(tasksSearch({ state: "jobs", q: { a: 1 } })).toEqual({});
  expect(overviewSearch({ sort: "dead" })).toEqual({ sort: "dead" });
  expect(deadLettersSearch({ view: "tree" })).toEqual({});
});
