import type { FlowNodeView, TaskView } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { readFlow } from "../engine/flow-reader.ts";
import { spanOf, type Why } from "../observer/why.ts";

// One call reads this many nodes. A node has at most 10,000 others in its `after`, so five calls are enough.
const LOOKED_AT = 2_000;
const SHOWN = 5;

/**
 * Explains why a node waits: counts the nodes before it that have not ended, and names the first few. If these are all,
 * it also names the one that has run longest.
 */
export async function whyWaiting(engine: Engine, queue: string, task: TaskView): Promise<Why> {
  const { id = "", waitsFor = 0 } = task.flow ?? {};
  const open: FlowNodeView[] = [];
  let total = 0;
  for (let from = 0; from >= 0 && open.length < Math.min(waitsFor, SHOWN); ) {
    const look = { before: task.id, from, limit: LOOKED_AT, look: "open" } as const;
    const found = await readFlow(engine, queue, id, look);
    open.push(...(found?.nodes ?? []));
    total = found?.total ?? 0;
    from = found?.next ?? -1;
  }
  const named = open
    .slice(0, SHOWN)
    .map(({ name, state }) =>
      state === "dead" ? `${name} (dead: replay or discard it)` : `${name} (${state})`,
    );
  const more = waitsFor > named.length ? ` and ${waitsFor - named.length} more` : "";
  const slowest = open.length < waitsFor ? "" : slowestOf(open, engine.connection.now());
  const which = named.length === 0 ? "" : `: ${named.join(", ")}${more}${slowest}`;
  return {
    state: task.state,
    reason: "after",
    detail: `it waits for ${waitsFor} of the ${total} nodes before it in flow ${id}${which}`,
    position: null,
    positionIsEstimate: false,
    expectedStartAt: null,
  };
}

/** Returns a sentence about the node that has run longest. The name is left out if only one node is open. */
function slowestOf(open: readonly FlowNodeView[], now: number): string {
  const running = open.filter(({ state }) => state === "processing");
  const [slowest] = running.sort((a, b) => (a.startedAt ?? now) - (b.startedAt ?? now));
  if (!slowest?.startedAt) return "";
  return `; ${open.length > 1 ? `the slowest, ${slowest.name},` : "it"} has run for ${spanOf(now - slowest.startedAt)}`;
}
