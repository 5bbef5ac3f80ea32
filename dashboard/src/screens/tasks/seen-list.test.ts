import { afterEach, expect, it } from "vitest";
import { neighboursOf, rememberList, rowOf } from "./seen-list.ts";

afterEach(() => sessionStorage.clear());

it("knows the neighbours of a task in the last list, over several queues", () => {
  const list = {
    name: "Dead letters",
    href: "/queues/a/dead-letters?q=x",
    rows: [rowOf("a", "1"), rowOf("b", "1"), rowOf("b", "2")],
  };
  rememberList(list);
  expect(neighboursOf("b", "1")).toEqual({
    list,
    place: 2,
    before: { queue: "a", id: "1" },
    after: { queue: "b", id: "2" },
  });
  expect(neighboursOf("a", "1")?.before).toBeNull();
  expect(neighboursOf("b", "2")?.after).toBeNull();
});

it("a task has no neighbours if it is not in the last list, or if there is none", () => {
  expect(neighboursOf("a", "1")).toBeNull();
  rememberList({ name: "Tasks", href: "/", rows: [rowOf("a", "1")] });
  expect(neighboursOf("b", "1")).toBeNull();
  sessionStorage.setItem("holdfast.list", "not JSON");
  expect(neighboursOf("a", "1")).toBeNull();
});
