import type { FlowNode } from "@holdfast/contracts";

const withAfter = (node: FlowNode, names: readonly string[]): FlowNode => ({
  ...node,
  after: [...(node.after ?? []), ...names],
});

/** Returns the nodes as a chain: each node has the one before it in its `after`. */
export function chain(nodes: readonly FlowNode[]): FlowNode[] {
  return nodes.map((node, place) =>
    place === 0 ? node : withAfter(node, [nodes[place - 1]?.name as string]),
  );
}

/** Returns all nodes, with `first` in the `after` of each of `nodes`, which then run at the same time. */
export function fanOut(first: FlowNode, nodes: readonly FlowNode[]): FlowNode[] {
  return [first, ...nodes.map((node) => withAfter(node, [first.name]))];
}

/** Returns all nodes, with all of `nodes` in the `after` of `last`, which then runs when they have ended. */
export function fanIn(nodes: readonly FlowNode[], last: FlowNode): FlowNode[] {
  return [
    ...nodes,
    withAfter(
      last,
      nodes.map(({ name }) => name),
    ),
  ];
}
