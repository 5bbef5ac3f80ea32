import type { FlowNode } from "@holdfast/contracts";

const withAfter = (node: FlowNode, names: readonly string[]): FlowNode => ({
  ...node,
  after: [...(node.after ?? []), ...names],
});

/** Returns the nodes with `after` set so that they run one after the other. */
export function chain(nodes: readonly FlowNode[]): FlowNode[] {
  return nodes.map((node, place) =>
    place === 0 ? node : withAfter(node, [nodes[place - 1]?.name as string]),
  );
}

/** Returns all nodes with `after` set so that `nodes` run at the same time, when `first` has ended. */
export function fanOut(first: FlowNode, nodes: readonly FlowNode[]): FlowNode[] {
  return [first, ...nodes.map((node) => withAfter(node, [first.name]))];
}

/** Returns all nodes with `after` set so that `last` runs when all of `nodes` have ended. */
export function fanIn(nodes: readonly FlowNode[], last: FlowNode): FlowNode[] {
  return [
    ...nodes,
    withAfter(
      last,
      nodes.map(({ name }) => name),
    ),
  ];
}
