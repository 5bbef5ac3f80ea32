import type { FlowGroup } from "@holdfast/contracts";

/**
 * Returns the part of a graph around a node: its group, and the groups directly before and after it. The result is
 * empty if no group contains the node.
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
    // Only lines from and to the group of the node are kept.
    const after = at === here ? before : group.after.filter((other) => other === here);
    return { ...group, after: after.map((other) => placeOf.get(other) as number) };
  });
}
