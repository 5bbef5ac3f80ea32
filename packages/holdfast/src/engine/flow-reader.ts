import type { FlowNodeView, FlowView } from "@holdfast/contracts";
import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";
import { flowView, nodeView, placeOfRecord, type RawNode } from "./flow-text.ts";
import { queueOfPartition } from "./names.ts";

export interface FlowFound {
  flow: FlowView;
  nodes: FlowNodeView[];
  /** The position at which the next page begins; -1 after the last page. */
  next: number;
  /** How many nodes all pages have together. */
  total: number;
}

/** Which nodes of a flow to read, and how much of each. */
export interface FlowPageOptions {
  /** The id of a node. If given, only the nodes in its `after` are read. */
  before?: string;
  from?: number;
  /** How many nodes to read: 0 to 100; with "open" 0 to 2,000. @default 0 */
  limit?: number;
  /**
   * "graph": without histories and results. "open": only nodes that have not ended, or are dead with the policy "hold",
   * and only their names and records. @default "all"
   */
  look?: "all" | "graph" | "open";
}

const TEXTS_OF_NODE = 5;
const OPEN_NODES = 2_000;

/**
 * What the script flow_nodes returned: null for an unknown flow, the queue or partition in which the flow was created
 * if that is another one (`home`), or the flow and its nodes.
 */
type Found =
  | null
  | { home: string }
  | { text: string; moments: string; next: number; total: number; nodes: RawNode[] };

async function read(
  engine: Engine,
  id: string,
  { before = "", from = 0, limit = 0, look = "all" }: FlowPageOptions,
  names: readonly string[] = [],
): Promise<Found> {
  const [text, moments = "", next = -1, total = 0, ...rest] = await engine.connection.script<
    scripts.FlowNodesArgs,
    [text?: string, moments?: string, next?: number, total?: number, ...texts: string[]]
  >(scripts.flowNodesScript, engine.keys, { flow: id, taskId: before, from, limit, look, tail: names });
  if (text === undefined) return null;
  if (text.startsWith("@")) return { home: text.slice(1) };
  const nodes: RawNode[] = [];
  for (let at = 0; at < rest.length; at += TEXTS_OF_NODE) {
    const [name = "", record = "", header = "", result = "", after = ""] = rest.slice(at, at + TEXTS_OF_NODE);
    nodes.push({ name, record, header, result, after });
  }
  return { text, moments, next, total, nodes };
}

/** Returns the engine of the queue or partition that created a flow; null if `engine` does not know the flow. */
export async function homeOf(engine: Engine, id: string): Promise<Engine | null> {
  const found = await read(engine, id, {});
  if (found === null) return null;
  return "home" in found ? engine.peers.engine(found.home) : engine;
}

/**
 * Reads a flow that was created in this queue or partition, and a page of its nodes, also those that are elsewhere.
 * Returns null if no such flow was created here.
 */
export async function readFlow(
  engine: Engine,
  queue: string,
  id: string,
  page: FlowPageOptions = {},
): Promise<FlowFound | null> {
  return viewOf(engine, queue, id, await read(engine, id, page), page.look);
}

async function viewOf(
  engine: Engine,
  queue: string,
  id: string,
  found: Found,
  look: FlowPageOptions["look"],
): Promise<FlowFound | null> {
  if (found === null || "home" in found) return null;
  const { text, moments, next, total, nodes } = found;
  await readElsewhere(engine, id, nodes, look === "open" ? "graph" : look);
  return {
    flow: flowView(queue, id, text, moments),
    nodes: nodes.map((raw) => nodeView(queue, id, raw)),
    next,
    total,
  };
}

/** Like `readFlow`, also for a flow that was created elsewhere and has only some of its nodes here. */
export async function readFlowFrom(
  engine: Engine,
  id: string,
  page: FlowPageOptions,
): Promise<FlowFound | null> {
  const here = await read(engine, id, page);
  const isAway = here !== null && "home" in here;
  const home = isAway ? engine.peers.engine(here.home) : engine;
  const queue = queueOfPartition(home.queue) ?? home.queue;
  return isAway ? readFlow(home, queue, id, page) : viewOf(home, queue, id, here, page.look);
}

/**
 * Returns the open nodes of a flow that were sent to other queues or partitions, with their records there. If the
 * record there is missing, the node has the record that the flow keeps.
 */
export async function openElsewhere(
  engine: Engine,
  id: string,
): Promise<{ part: string; name: string; record: string }[]> {
  const open: { part: string; name: string; record: string }[] = [];
  for (let from = 0; from >= 0; ) {
    const found = await read(engine, id, { from, limit: OPEN_NODES, look: "open" });
    if (found === null || "home" in found) return [];
    const away = found.nodes.filter(({ record }) => placeOfRecord(record)?.state === "pending");
    await readElsewhere(engine, id, away, "graph");
    for (const { part = "", name, record } of away) open.push({ part, name, record });
    from = found.next;
  }
  return open;
}

/** Reads nodes from the queues and partitions to which they were sent. Only these know the state of their tasks. */
async function readElsewhere(
  engine: Engine,
  id: string,
  nodes: readonly RawNode[],
  look: FlowPageOptions["look"],
): Promise<void> {
  const byPart = new Map<string, RawNode[]>();
  for (const node of nodes) {
    const part = placeOfRecord(node.record)?.part;
    if (part === undefined) continue;
    node.part = part;
    byPart.set(part, [...(byPart.get(part) ?? []), node]);
  }
  const readPart = async ([part, own]: [string, RawNode[]]) => {
    const names = own.map(({ name }) => name);
    const found = await read(engine.peers.engine(part), id, { ...(look ? { look } : {}) }, names);
    if (found === null || "home" in found) return;
    for (const [place, { record, header, result }] of found.nodes.entries()) {
      // If there is no record, the node has not arrived yet, or that queue was deleted.
      if (record !== "") Object.assign(own[place] as RawNode, { record, header, result });
    }
  };
  await Promise.all([...byPart].map(readPart));
}
