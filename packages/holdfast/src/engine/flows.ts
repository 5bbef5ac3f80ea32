import type { FlowNodeView, FlowView } from "@holdfast/contracts";
import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";
import { flowView, nodeView } from "./flow-text.ts";

/** One addition of nodes to a flow, by one script call. */
export interface FlowAddition {
  flow: string;
  /** "open" makes the flow if it does not exist. "task": a running node adds them. */
  how: "open" | "add" | "task";
  seal: boolean;
  sealBy: number;
  /** Moment and envelope in turn. */
  callbacks: readonly string[];
  /** Name, envelope, flags and names before it in turn. */
  nodes: readonly string[];
  /** The running node. */
  task?: { id: string; fence: string } | undefined;
}

export interface FlowAdded {
  /** See lua/transitions/flow_add.lua. */
  verdict: string;
  total: number;
  /** A letter per node: n new, d there already. With the verdict m: the name of the node at fault. */
  letters: string;
  /** With the verdict m: the name that it comes after. */
  missing: string;
}

const FLOW_NODES = 1_000_000;
/** Ends and nodes that one call looks at. */
const ADVANCE_NODES = 500;

/** Adds nodes to a flow, and registers the queue if it is not registered. */
export async function addToFlow(engine: Engine, addition: FlowAddition): Promise<FlowAdded> {
  const { flow, how, seal, sealBy, callbacks, nodes, task } = addition;
  for (;;) {
    const [verdict, total, letters = "", missing = ""] = await engine.runRequest<
      scripts.FlowAddArgs,
      [verdict: string, total: number, letters?: string, missing?: string]
    >(scripts.flowAddScript, {
      ...{ flow, how, sealBy, taskId: task?.id ?? "", fence: task?.fence ?? "", most: FLOW_NODES },
      seal: seal ? 1 : 0,
      callbacks: callbacks.length / 2,
      tail: [...callbacks, ...nodes],
    });
    if (verdict === "o") await engine.open();
    else if (verdict === "b") await advanceFlows(engine);
    else return { verdict, total, letters, missing };
  }
}

/** Counts ends of nodes. @returns more: there is more to do; released: nodes that may run now */
export async function advanceFlows(
  engine: Engine,
  limit = ADVANCE_NODES,
): Promise<{ more: boolean; released: number; ended: number }> {
  const [more, released, ended] = await engine.connection.script<
    scripts.FlowAdvanceArgs,
    [number, number, number]
  >(scripts.flowAdvanceScript, engine.keys, { clockMs: engine.clockMs(), limit });
  return { more: more === 1, released, ended };
}

export type FlowCancelled = "cancelled" | "too_late" | "not_found";

export function cancelFlow(engine: Engine, flow: string): Promise<FlowCancelled> {
  return engine.connection.script<scripts.FlowCancelArgs, FlowCancelled>(
    scripts.flowCancelScript,
    engine.keys,
    { flow },
  );
}

export interface FlowFound {
  flow: FlowView;
  nodes: FlowNodeView[];
  /** The place of the next page; -1 at the end. */
  next: number;
  /** How many nodes there are on all pages. */
  total: number;
}

const TEXTS_OF_NODE = 5;

interface FlowLook {
  before?: string;
  from?: number;
  limit?: number;
  look?: "all" | "graph" | "open";
}

/**
 * Reads a flow and a page of its nodes; null if there is no such flow.
 * @param page.before the id of a node: only the nodes that it came after
 * @param page.limit 0 to 100; with "open" 0 to 2,000
 * @param page.look "graph": without histories and results. "open": only nodes that are waited for, with their names and records.
 */
export async function readFlow(
  engine: Engine,
  queue: string,
  id: string,
  { before = "", from = 0, limit = 0, look = "all" }: FlowLook = {},
): Promise<FlowFound | null> {
  const [text, moments = "", next = -1, total = 0, ...rest] = await engine.connection.script<
    scripts.FlowNodesArgs,
    [text?: string, moments?: string, next?: number, total?: number, ...texts: string[]]
  >(scripts.flowNodesScript, engine.keys, { flow: id, taskId: before, from, limit, look });
  if (text === undefined) return null;
  const nodes: FlowNodeView[] = [];
  for (let at = 0; at < rest.length; at += TEXTS_OF_NODE) {
    const [name = "", record = "", header = "", result = "", after = ""] = rest.slice(at, at + TEXTS_OF_NODE);
    nodes.push(nodeView(id, { name, record, header, result, after }));
  }
  return { flow: flowView(queue, id, text, moments), nodes, next, total };
}
