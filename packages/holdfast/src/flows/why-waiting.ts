import type { FlowNodeView, TaskView } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { readFlow } from "../engine/flows.ts";
import type { Why } from "../observer/why.ts";

const PAGE = 100;
const SHOWN = 5;
/** In these states a node has ended for those behind it, or lets them run. */
const OPEN = new Set(["waiting", "pending", "scheduled", "processing"]);

/** Why a node waits: the nodes before it that have not ended, of which the first few are named. */
export async function whyWaiting(engine: Engine, queue: string, task: TaskView): Promise<Why> {
  const { id = "", waitsFor = 0 } = task.flow ?? {};
  const open: FlowNodeView[] = [];
  let total = 0;
  for (let from = 0; from >= 0; ) {
    const found = await readFlow(engine, queue, id, { before: task.id, from, limit: PAGE });
    const nodes = found?.nodes ?? [];
    total += nodes.length;
    const isHeld = ({ state, onDead }: FlowNodeView) => state === "dead" && onDead === "hold";
    open.push(...nodes.filter((node) => OPEN.has(node.state) || isHeld(node)));
    from = found?.next ?? -1;
  }
  const named = open
    .slice(0, SHOWN)
    .map(({ name, state }) =>
      state === "dead" ? `${name} (dead: replay or discard it)` : `${name} (${state})`,
    );
  const more = open.length > SHOWN ? ` and ${open.length - SHOWN} more` : "";
  const which = named.length === 0 ? "" : `: ${named.join(", ")}${more}`;
  return {
    state: task.state,
    reason: "after",
    detail: `it waits for ${waitsFor} of the ${total} nodes before it in flow ${id}${which}`,
    position: null,
    positionIsEstimate: false,
    expectedStartAt: null,
  };
}
