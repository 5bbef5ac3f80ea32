import {
  type FlowGraph,
  type FlowNodePage,
  type FlowPage,
  type FlowView,
  HoldfastError,
  LIMITS,
  TASK_STATES,
  type TaskState,
} from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { cancelFlow, type FlowCancelled } from "../engine/flow-mover.ts";
import { readFlow } from "../engine/flow-reader.ts";
import { oneOf, text, whole } from "../options/kinds.ts";
import { checkShape, shapeOf } from "../options/shape.ts";
import type { Parts } from "../partitions/parts.ts";
import { checkFlowId } from "./flow-options.ts";
import { graphOf } from "./graph.ts";

/** Options of a page of the nodes of a flow. */
export interface FlowNodesOptions {
  /**
   * Only nodes in this state. Then a page may have fewer nodes than `limit` although more pages follow.
   * @default every state
   */
  state?: TaskState | undefined;
  /** The `cursor` of the previous page. */
  cursor?: string | undefined;
  /** How many nodes a page has, 1 to 100. @default 50 */
  limit?: number | undefined;
}

/** Options of a page of flows. */
export interface FlowsOptions {
  /** The `cursor` of the previous page. */
  cursor?: string | undefined;
  /** How many flows a page has, 1 to 100. @default 50 */
  limit?: number | undefined;
}

const cursor = text(1, 512);
const limit = whole(1, LIMITS.pageTasks);

const flowNodesShape = shapeOf<FlowNodesOptions>({
  what: "a page of nodes",
  title: "Page of nodes",
  example: '{ state: "waiting" }',
  kinds: { state: oneOf(...TASK_STATES), cursor, limit },
});

const flowsShape = shapeOf<FlowsOptions>({
  what: "a page of flows",
  title: "Page of flows",
  example: "{ limit: 10 }",
  kinds: { cursor, limit },
});

const DEFAULT_LIMIT = 50;
// One request for nodes in a state reads at most this many nodes. Its cursor continues the search.
const SCANNED = 1_000;

/** Returns the engine of the queue or partition in which a flow was created. @throws HoldfastError invalid_argument */
function engineOf(parts: Parts, id: string): Engine {
  return (parts.ofId(checkFlowId(id)) as Parts["all"][number]).engine;
}

export async function getFlow(parts: Parts, id: string): Promise<FlowView | null> {
  const found = await readFlow(engineOf(parts, id), parts.queue, id);
  return found?.flow ?? null;
}

export async function cancelFlowIn(parts: Parts, id: string): Promise<FlowCancelled> {
  return cancelFlow(engineOf(parts, id), id);
}

export async function flowNodes(parts: Parts, id: string, options: FlowNodesOptions): Promise<FlowNodePage> {
  checkShape(flowNodesShape, options);
  const { state, limit = DEFAULT_LIMIT } = options;
  const engine = engineOf(parts, id);
  const page: FlowNodePage = { nodes: [], cursor: null };
  let from = placeOf(options.cursor);
  for (let scanned = 0; ; ) {
    const wanted = limit - page.nodes.length;
    const found = await readFlow(engine, parts.queue, id, { from, limit: wanted });
    if (!found) throw new HoldfastError("not_found", `queue "${parts.queue}" has no flow "${id}"`);
    page.nodes.push(...found.nodes.filter((node) => state === undefined || node.state === state));
    if (found.next < 0) return page;
    scanned += found.nodes.length;
    from = found.next;
    if (page.nodes.length >= limit || scanned >= SCANNED) return { ...page, cursor: String(from) };
  }
}

function placeOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (/^\d{1,7}$/.test(cursor)) return Number(cursor);
  throw new HoldfastError("invalid_cursor", "this cursor is not valid: start again without one");
}

// Limits of a graph: the most nodes, about the most names in `after`, and how many pages are read at once.
const GRAPH_NODES = 10_000;
const GRAPH_NAMES = 500_000;
const PAGES_AT_ONCE = 4;

/** Reads the graph of a flow. @throws HoldfastError not_found */
export async function flowGraph(parts: Parts, id: string): Promise<FlowGraph> {
  const engine = engineOf(parts, id);
  const pageFrom = async (from: number) => {
    const found = await readFlow(engine, parts.queue, id, { from, limit: LIMITS.pageTasks, look: "graph" });
    if (!found) throw new HoldfastError("not_found", `queue "${parts.queue}" has no flow "${id}"`);
    return found;
  };
  let last = await pageFrom(0);
  const nodes = last.nodes;
  let names = 0;
  while (last.next >= 0 && last.next < GRAPH_NODES && names < GRAPH_NAMES) {
    const starts = Array.from({ length: PAGES_AT_ONCE }, (_, at) => last.next + at * LIMITS.pageTasks);
    const pages = await Promise.all(
      starts.filter((from) => from < Math.min(last.total, GRAPH_NODES)).map(pageFrom),
    );
    for (const page of pages) {
      nodes.push(...page.nodes);
      names += page.nodes.reduce((sum, { after }) => sum + after.length, 0);
      last = page;
    }
  }
  const { flow } = last;
  return { flow, ...graphOf(nodes, flow.state === "ended"), scanned: nodes.length };
}

// A cursor: in a queue with partitions, the number of the partition and "~"; then the position in the list.
const FLOWS_CURSOR = /^(?:(\d{1,3})~)?((?:\d{1,17}(?:\.\d{1,12})?:[\w-]{1,48})?)$/;

/**
 * Lists the flows of a queue: first the running ones, oldest first, then those that have ended with dead letters. The
 * others are sorted by the time at which they are forgotten or, if they are open, have to be sealed. The flows of
 * partitions come one partition after the other.
 */
export async function listFlows({ all, queue }: Parts, options: FlowsOptions): Promise<FlowPage> {
  checkShape(flowsShape, options);
  const { cursor = "", limit = DEFAULT_LIMIT } = options;
  const [, first = "0", inner = ""] = FLOWS_CURSOR.exec(cursor) ?? [];
  if (!FLOWS_CURSOR.test(cursor) || Number(first) >= all.length)
    throw new HoldfastError("invalid_cursor", "this cursor is not valid: start again without one");
  const flows: FlowView[] = [];
  let after = inner;
  for (let place = Number(first); ; ) {
    const { engine } = all[place] as Parts["all"][number];
    const page = await engine.list("flowsDue", "last", after, limit - flows.length);
    const found = await Promise.all(page.ids.map((id) => readFlow(engine, queue, id)));
    flows.push(...found.flatMap((one) => (one ? [one.flow] : [])));
    after = page.cursor;
    if (after === "" && ++place >= all.length) return { flows, cursor: null };
    if (flows.length >= limit || after !== "")
      return { flows, cursor: all.length === 1 ? after : `${place}~${after}` };
  }
}
