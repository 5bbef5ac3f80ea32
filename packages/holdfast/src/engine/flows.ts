import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";

/** The nodes that one script call adds to a flow. */
export interface FlowAddition {
  flow: string;
  /**
   * "open": the flow is made if it does not exist. "add": it has to exist. "task": a running node adds nodes to its own
   * flow.
   */
  how: "open" | "add" | "task";
  seal: boolean;
  sealBy: number;
  /** Moment and envelope in turn. */
  callbacks: readonly string[];
  /** Name, envelope, flags and the names in `after` of each node in turn. */
  nodes: readonly string[];
  /** The running node that adds nodes, with "task". */
  task?: { id: string; fence: string } | undefined;
}

export interface FlowAdded {
  /** See lua/transitions/flow_add.lua. */
  verdict: string;
  total: number;
  /**
   * A letter per node: n if it is new, d if the flow has it already. With the verdict m: the name of the node that
   * comes after an unknown one.
   */
  letters: string;
  /** With the verdict m: the unknown name that this node comes after. */
  missing: string;
}

const FLOW_NODES = 1_000_000;
/** How many ends of nodes, and nodes behind them, one call handles. */
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

/**
 * Counts the ends of nodes, and releases the nodes that waited for them.
 * @returns `more`: whether to call again; `released`: how many nodes may run now; `hasMessages`: whether messages wait
 * for other parts
 */
export async function advanceFlows(
  engine: Engine,
  limit = ADVANCE_NODES,
): Promise<{ more: boolean; released: number; ended: number; hasMessages: boolean }> {
  const [more, released, ended, messages] = await engine.connection.script<
    scripts.FlowAdvanceArgs,
    [number, number, number, number]
  >(scripts.flowAdvanceScript, engine.keys, { clockMs: engine.clockMs(), limit });
  return { more: more === 1, released, ended, hasMessages: messages === 1 };
}

/**
 * Asks a part whether it takes nodes of a flow that was made in another part.
 * @returns see lua/queries/flow_target.lua
 */
export function askTarget(engine: Engine, args: scripts.FlowTargetArgs): Promise<string> {
  return engine.connection.script(scripts.flowTargetScript, engine.keys, args);
}
