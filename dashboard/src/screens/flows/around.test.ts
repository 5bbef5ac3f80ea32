import type { FlowGroup } from "@holdfast/contracts";
import { expect, it } from "vitest";
import { around } from "./around.ts";

const group = (name: string, layer: number, after: number[]): FlowGroup => ({
  ...{ layer, lastLayer: layer, after, names: [name], total: 1, types: 1, type: "t" },
  ...{ states: [{ state: "completed", count: 1 }], isOnPath: false },
});

const GRAPH = [
  group("a", 0, []),
  group("b", 1, [0]),
  group("c", 1, [0]),
  group("d", 2, [1, 2]),
  group("e", 3, [0, 3]),
];
const told = (name: string) => around(GRAPH, name).map(({ names, after }) => `${names} after ${after}`);

it("the surroundings of a node are the nodes next to it, with only the lines to and from the node", () => {
  expect(told("d")).toEqual(["b after ", "c after ", "d after 0,1", "e after 2"]);
  expect(told("a")).toEqual(["a after ", "b after 0", "c after 0", "e after 0"]);
});

it("a node that no group names has no surroundings", () => expect(told("f")).toEqual([]));
