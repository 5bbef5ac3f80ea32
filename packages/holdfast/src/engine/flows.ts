import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";

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

/**
 * Counts ends of nodes.
 * @returns more: there is more to do; released: nodes that may run now; hasMessages: messages wait for other parts
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

/** Asks a part whether it takes nodes of a flow of another part. @returns see lua/queries/flow_target.lua */
export function askTarget(engine: Engine, args: scripts.FlowTargetArgs): Promise<string> {
  return engine.connection.script(scripts.flowTargetScript, engine.keys, args);
}
