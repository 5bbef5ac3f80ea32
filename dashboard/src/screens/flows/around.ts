import type { FlowGroup } from "@holdfast/contracts";

/**
 * Returns a graph of the group that contains the node and of the groups directly before and after it. The graph is empty
 * if no group names the node.
 */
export function around(groups: readonly FlowGroup[], name: string): FlowGroup[] {
  const here = groups.findIndex((group) => group.names.includes(name));
  if (here === -1) return [];
  const before = groups[here]?.after ?? [];
  const kept = groups
    .map((_, at) => at)
    .filter((at) => at === here || before.includes(at) || groups[at]?.after.includes(here) === true);
  const placeOf = new Map(kept.map((at, place) => [at, place]));
  return kept.map((at) => {
    const group = groups[at] as FlowGroup;
    // Only lines to and from the node itself belong to its surroundings.
    const after = at === here ? before : group.after.filter((other) => other === here);
    return { ...group, after: after.map((other) => placeOf.get(other) as number) };
  });
}
