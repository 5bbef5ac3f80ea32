import type { FlowNode } from "@holdfast/contracts";

const withAfter = (node: FlowNode, names: readonly string[]): FlowNode => ({
  ...node,
  after: [...(node.after ?? []), ...names],
});

/** Nodes that run one after the other. */
export function chain(nodes: readonly FlowNode[]): FlowNode[] {
  return nodes.map((node, place) =>
    place === 0 ? node : withAfter(node, [nodes[place - 1]?.name as string]),
  );
}

/** A node, and nodes that run when it has ended, all at the same time. */
export function fanOut(first: FlowNode, nodes: readonly FlowNode[]): FlowNode[] {
  return [first, ...nodes.map((node) => withAfter(node, [first.name]))];
}

/** Nodes that run at the same time, and a node that runs when all of them have ended. */
export function fanIn(nodes: readonly FlowNode[], last: FlowNode): FlowNode[] {
  return [
    ...nodes,
    withAfter(
      last,
      nodes.map(({ name }) => name),
    ),
  ];
}
