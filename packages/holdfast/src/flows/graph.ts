import type { FlowGraph, FlowGroup, FlowNodeView, FlowStep, NodeState } from "@holdfast/contracts";

type Node = Omit<FlowNodeView, "resultText">;

/** In a flow with more nodes than this, nodes of the same type share a box. */
const SINGLE_NODES = 60;
/** If nodes share boxes: the most columns of the graph, and the most boxes of a column. */
const COLUMNS = 24;
const BOXES = 8;
const NAMES = 5;
const STEPS = 20;

const OPEN: ReadonlySet<string> = new Set(["waiting", "pending", "scheduled", "processing"]);

/** Returns whether the nodes behind this node still wait for it. */
const isOpen = ({ state, onDead }: Node) => OPEN.has(state) || (state === "dead" && onDead === "hold");

const stateOf = ({ state, skippedBy }: Node): NodeState => (skippedBy === null ? state : "skipped");

const stepOf = (node: Node): FlowStep => {
  const { name, id, type, startedAt, endedAt } = node;
  return { name, id, type, state: stateOf(node), startedAt, endedAt };
};

/** The nodes of a graph by number, and an order in which each node comes after the nodes in its `after`. */
interface Ordered {
  nodes: readonly Node[];
  before: number[][];
  order: number[];
  layers: number[];
}

function ordered(nodes: readonly Node[]): Ordered {
  const numbers = new Map(nodes.map(({ name }, number) => [name, number]));
  // In a very large flow some nodes were not read. Their names are left out.
  const before = nodes.map(({ after }) =>
    after.map((name) => numbers.get(name)).filter((number) => number !== undefined),
  );
  const behind: number[][] = nodes.map(() => []);
  for (const [number, list] of before.entries()) for (const other of list) behind[other]?.push(number);
  const left = before.map((list) => list.length);
  const layers = nodes.map(() => 0);
  const order = [...left.keys()].filter((number) => left[number] === 0);
  for (let at = 0; at < order.length; at++) {
    const number = order[at] as number;
    for (const next of behind[number] as number[]) {
      layers[next] = Math.max(layers[next] as number, (layers[number] as number) + 1);
      left[next] = (left[next] as number) - 1;
      if (left[next] === 0) order.push(next);
    }
  }
  return { nodes, before, order, layers };
}

/** Returns the chain that ends with `last`, first node first. `previous`: the node before each node in its chain. */
function chainTo(last: number | undefined, previous: readonly (number | undefined)[]): number[] {
  const chain: number[] = [];
  for (let at = last; at !== undefined; at = previous[at]) chain.push(at);
  return chain.reverse();
}

/** Returns the longest chain of nodes that have not ended. */
function longestChain({ nodes, before, order }: Ordered): number[] {
  const lengths = nodes.map(() => 0);
  const previous: (number | undefined)[] = [];
  let last: number | undefined;
  for (const number of order) {
    if (!isOpen(nodes[number] as Node)) continue;
    for (const other of before[number] as number[])
      if (
        (lengths[other] as number) >
        (previous[number] === undefined ? 0 : (lengths[previous[number]] as number))
      )
        previous[number] = other;
    lengths[number] = 1 + (previous[number] === undefined ? 0 : (lengths[previous[number]] as number));
    if (last === undefined || (lengths[number] as number) > (lengths[last] as number)) last = number;
  }
  return chainTo(last, previous);
}

/**
 * Returns the chain that decided when the flow ended: the node that ended last, before it the node in its `after` that
 * ended last, and so on. Among equal times, the highest layer counts as the last.
 */
function slowestChain({ nodes, before, layers }: Ordered): number[] {
  const endOf = (number: number) => {
    const node = nodes[number] as Node;
    return stateOf(node) === "skipped" ? 0 : (node.endedAt ?? 0);
  };
  const isLater = (one: number, other: number) =>
    endOf(one) > endOf(other) ||
    (endOf(one) === endOf(other) && (layers[one] as number) > (layers[other] as number));
  const lastOf = (numbers: Iterable<number>) => {
    let last: number | undefined;
    for (const number of numbers)
      if (endOf(number) > 0 && (last === undefined || isLater(number, last))) last = number;
    return last;
  };
  const previous = before.map(lastOf);
  return chainTo(lastOf(nodes.keys()), previous);
}

/** Returns the number of its group for each node. */
function fold({ nodes, layers }: Ordered): number[] {
  if (nodes.length <= SINGLE_NODES) return nodes.map((_, number) => number);
  const count = layers.reduce((most, layer) => Math.max(most, layer), 0) + 1;
  const columns = layers.map((layer) => (count <= COLUMNS ? layer : Math.floor((layer * COLUMNS) / count)));
  const sizes = new Map<string, number>();
  const keys = nodes.map(({ type }, number) => `${columns[number]} ${type ?? ""}`);
  for (const key of keys) sizes.set(key, (sizes.get(key) ?? 0) + 1);
  // In each column, the types with the most nodes have a box each, and the other types share one.
  const boxes = new Map<string, number>();
  const own = new Set(
    [...sizes.entries()]
      .sort(([, a], [, b]) => b - a)
      .flatMap(([key]) => {
        const column = key.slice(0, key.indexOf(" "));
        boxes.set(column, (boxes.get(column) ?? 0) + 1);
        return (boxes.get(column) as number) < BOXES ? [key] : [];
      }),
  );
  const groups = new Map<string, number>();
  return keys.map((key, number) => {
    const box = own.has(key) ? key : `${columns[number]}`;
    if (!groups.has(box)) groups.set(box, groups.size);
    return groups.get(box) as number;
  });
}

function groupOf(
  numbers: readonly number[],
  { nodes, layers }: Ordered,
): Omit<FlowGroup, "after" | "isOnPath"> {
  const counts = new Map<NodeState, number>();
  const types = new Set<string>();
  let [layer, lastLayer] = [Number.POSITIVE_INFINITY, 0];
  for (const number of numbers) {
    const node = nodes[number] as Node;
    counts.set(stateOf(node), (counts.get(stateOf(node)) ?? 0) + 1);
    if (node.type !== null) types.add(node.type);
    layer = Math.min(layer, layers[number] as number);
    lastLayer = Math.max(lastLayer, layers[number] as number);
  }
  const mine = numbers.map((number) => nodes[number] as Node);
  const some = [
    ...mine.filter(isOpen).slice(0, NAMES),
    ...mine.filter((node) => !isOpen(node)).slice(0, NAMES),
  ];
  const states = [...counts].map(([state, count]) => ({ state, count })).sort((a, b) => b.count - a.count);
  const [only = null] = types;
  return {
    ...{ layer, lastLayer, types: types.size, type: types.size > 1 ? null : only },
    ...{ total: numbers.length, states, names: some.slice(0, NAMES).map(({ name }) => name) },
  };
}

/** Makes a graph of limited size from the nodes of a flow, and finds the critical path. */
export function graphOf(nodes: readonly Node[], hasEnded: boolean): Omit<FlowGraph, "flow" | "scanned"> {
  const graph = ordered(nodes);
  const groupAt = fold(graph);
  const members: number[][] = [];
  for (const [number, group] of groupAt.entries()) {
    members[group] ??= [];
    members[group].push(number);
  }
  const after = members.map(() => new Set<number>());
  for (const [number, list] of graph.before.entries()) {
    const group = groupAt[number] as number;
    for (const other of list) if (groupAt[other] !== group) after[group]?.add(groupAt[other] as number);
  }
  const path = hasEnded ? slowestChain(graph) : longestChain(graph);
  const onPath = new Set(path.map((number) => groupAt[number]));
  const waited = nodes.filter((node) => isOpen(node) && node.state !== "waiting");
  const since = ({ startedAt }: Node) => startedAt ?? Number.POSITIVE_INFINITY;
  const slowest = waited.toSorted((a, b) => since(a) - since(b) || 0);
  return {
    groups: members.map((numbers, group) => ({
      ...groupOf(numbers, graph),
      after: [...(after[group] ?? [])],
      isOnPath: onPath.has(group),
    })),
    path: {
      by: hasEnded ? "time" : "length",
      total: path.length,
      nodes: path.slice(0, STEPS).map((number) => stepOf(nodes[number] as Node)),
    },
    waitsFor: { total: waited.length, nodes: slowest.slice(0, STEPS).map(stepOf) },
  };
}
