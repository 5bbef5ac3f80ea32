import type { FlowNodeView } from "@holdfast/contracts";
import { expect, test } from "vitest";
import { graphOf } from "./graph.ts";

/** Makes a node: "c<a,b" is the node c with a and b in its `after`. */
function nodeOf(text: string, more: Partial<FlowNodeView> = {}): FlowNodeView {
  const [name = "", after] = text.split("<");
  return {
    ...{ name, id: `f.${name}`, queue: "q", type: "t", state: "completed", onDead: "fail", waitsFor: 0 },
    ...{ after: after === undefined ? [] : after.split(","), skippedBy: null, resultText: null },
    ...{ startedAt: null, endedAt: null },
    ...more,
  };
}

const shapeOf = (nodes: readonly FlowNodeView[], hasEnded = false) =>
  graphOf(nodes, hasEnded).groups.map(({ layer, names, after }) => [layer, names.join(" "), after]);

test("a small flow has a group per node, in the layer behind the last node that it comes after", () => {
  const nodes = ["a", "b<a", "c<a", "d<b,c,a", "alone"].map((text) => nodeOf(text));
  expect(shapeOf(nodes)).toEqual([
    [0, "a", []],
    [1, "b", [0]],
    [1, "c", [0]],
    [2, "d", [1, 2, 0]],
    [0, "alone", []],
  ]);
});

test("nodes that a running node added are in order, although they come last", () => {
  expect(shapeOf(["list", "index<list,list.a", "list.a<list"].map((text) => nodeOf(text)))).toEqual([
    [0, "list", []],
    [2, "index", [0, 2]],
    [1, "list.a", [0]],
  ]);
});

test("a large flow is folded by layer and type, with counts by state; the open nodes are named first", () => {
  const parts = Array.from({ length: 100 }, (_, at) =>
    nodeOf(`p${at}<first`, {
      type: at % 2 === 0 ? "even" : "odd",
      ...(at === 99 ? { state: "processing" } : at === 98 ? { state: "cancelled", skippedBy: "f.x" } : {}),
    }),
  );
  const last = nodeOf(`last<${parts.map(({ name }) => name).join(",")}`, { state: "waiting" });
  const { groups } = graphOf([nodeOf("first"), ...parts, last], false);
  expect(groups).toMatchObject([
    { layer: 0, lastLayer: 0, type: "t", total: 1, after: [] },
    {
      ...{ layer: 1, type: "even", types: 1, total: 50, after: [0] },
      states: [
        { state: "completed", count: 49 },
        { state: "skipped", count: 1 },
      ],
    },
    {
      ...{ layer: 1, type: "odd", total: 50, after: [0], names: ["p99", "p1", "p3", "p5", "p7"] },
      states: [
        { state: "completed", count: 49 },
        { state: "processing", count: 1 },
      ],
    },
    { layer: 2, type: "t", total: 1, after: [1, 2] },
  ]);
});

test("a chain of 10,000 nodes, 10,000 types and purged nodes have a bounded number of groups, and lose no node", () => {
  const chain = Array.from({ length: 10_000 }, (_, at) => nodeOf(at === 0 ? "n0" : `n${at}<n${at - 1}`));
  const long = graphOf(chain, false).groups;
  expect(long).toHaveLength(24);
  expect(long.map(({ after }) => after)).toEqual([[], ...Array.from({ length: 23 }, (_, at) => [at])]);
  expect([long[0]?.layer, long[0]?.lastLayer, long[23]?.lastLayer]).toEqual([0, 416, 9_999]);

  const wide = Array.from({ length: 10_000 }, (_, at) =>
    nodeOf(`n${at}`, { type: at < 100 ? "most" : `t${at}` }),
  );
  const { groups } = graphOf(
    [...wide, ...Array.from({ length: 200 }, (_, at) => nodeOf(`r${at}`, { type: null }))],
    false,
  );
  expect(groups).toHaveLength(8);
  expect(groups.map(({ total }) => total).reduce((sum, total) => sum + total)).toBe(10_200);
  expect(groups.find(({ total }) => total === 200)).toMatchObject({ type: null, types: 0 });
  expect(groups.find(({ type }) => type === "most")).toMatchObject({ total: 100, types: 1 });
  expect(groups.find(({ types }) => types > 1)).toMatchObject({ type: null, total: 9_895, types: 9_895 });
});

test("the critical path of a flow that runs is the longest chain of nodes that have not ended", () => {
  const nodes = [
    nodeOf("a"),
    nodeOf("b<a", { state: "processing", startedAt: 7 }),
    nodeOf("c<b", { state: "waiting" }),
    nodeOf("x<a", { state: "dead", onDead: "hold" }),
    nodeOf("y<x", { state: "waiting" }),
    nodeOf("z<y,c", { state: "waiting" }),
    nodeOf("end<z", { state: "waiting" }),
    nodeOf("gone", { state: "dead" }),
    nodeOf("next", { state: "pending" }),
  ];
  const { path, waitsFor, groups } = graphOf(nodes, false);
  expect([path.by, path.total, path.nodes.map(({ name }) => name)]).toEqual([
    "length",
    4,
    ["x", "y", "z", "end"],
  ]);
  expect(groups.filter(({ isOnPath }) => isOnPath).map(({ names }) => names[0])).toEqual([
    "x",
    "y",
    "z",
    "end",
  ]);
  expect([waitsFor.total, waitsFor.nodes.map(({ name }) => name)]).toEqual([3, ["b", "x", "next"]]);
});

test("the critical path of a flow that has ended leads to the node that ended last, without skipped ones", () => {
  const ended = (text: string, endedAt: number, more: Partial<FlowNodeView> = {}) =>
    nodeOf(text, { startedAt: endedAt - 1, endedAt, ...more });
  const skipped = { state: "cancelled", skippedBy: "f.slow" } as const;
  const nodes = [ended("a", 10), ended("quick<a", 20), ended("slow<a", 90), ended("b<quick,slow", 95)];
  const { path } = graphOf([...nodes, ended("late<b", 99, skipped)], true);
  expect([path.by, path.nodes.map(({ name }) => name)]).toEqual(["time", ["a", "slow", "b"]]);
  const atOnce = [ended("a", 10), ended("b<a", 10), ended("c<a,b", 10)];
  expect(graphOf(atOnce, true).path.nodes.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  expect(graphOf([], true)).toMatchObject({ groups: [], path: { total: 0 }, waitsFor: { total: 0 } });
});

test("a path of thousands of nodes is cut, and its length is not", () => {
  const chain = Array.from({ length: 3_000 }, (_, at) =>
    nodeOf(at === 0 ? "n0" : `n${at}<n${at - 1}`, { state: at === 0 ? "pending" : "waiting" }),
  );
  const { path } = graphOf(chain, false);
  expect([path.total, path.nodes.length, path.nodes[19]?.name]).toEqual([3_000, 20, "n19"]);
});
