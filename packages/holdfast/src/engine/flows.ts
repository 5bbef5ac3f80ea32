import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";

/** A node, as the script flow_add takes it. */
export interface NewNode {
  name: string;
  envelope: string;
  /** Its letters of lua/lib/format.lua: that it is a node, and its policy. */
  flags: string;
  /** The queue or partition in which it runs; "" for the one in which the flow was created. */
  part: string;
  /** The names of the nodes that it comes after, each once. */
  after: readonly string[];
}

/** The nodes that one script call adds to a flow. */
export interface FlowAddition {
  flow: string;
  /** "open" creates the flow if needed. "add": the flow has to exist. "task": a node adds nodes to its own flow. */
  how: "open" | "add" | "task";
  seal: boolean;
  sealBy: number;
  /** Two texts per callback: its moment and its envelope. */
  callbacks: readonly string[];
  nodes: readonly NewNode[];
  /** With "task": the running node that adds nodes. */
  task?: { id: string; fence: string } | undefined;
}

export interface FlowAdded {
  /** A letter that lua/transitions/flow_add.lua explains. */
  verdict: string;
  total: number;
  /** A letter per node: n new, d known already. With the verdict m: the node whose `after` has an unknown name. */
  letters: string;
  /** With the verdict m: the unknown name. */
  missing: string;
}

const FLOW_NODES = 1_000_000;
/** One call handles this many ended nodes and nodes behind them. */
const ADVANCE_NODES = 500;

/** Returns the arguments of flow_add: first the nodes that new nodes come after, then the new nodes. */
function textsOf(nodes: readonly NewNode[]): { befores: number; texts: string[] } {
  const behind = new Map<string, string>();
  const own: string[] = [];
  for (const { name, envelope, flags, part, after } of nodes) {
    for (const before of after) behind.set(before, `${behind.get(before) ?? ""} ${name}`);
    const place = part === "" ? "" : `>${part}`;
    own.push(name, envelope, `${flags}${after.length}${place}`, after.join(" "));
  }
  return { befores: behind.size, texts: [...behind].flat().concat(own) };
}

/** Adds nodes to a flow. Registers the queue first if needed. */
export async function addToFlow(engine: Engine, addition: FlowAddition): Promise<FlowAdded> {
  const { flow, how, seal, sealBy, callbacks, nodes, task } = addition;
  const { befores, texts } = textsOf(nodes);
  for (;;) {
    const [verdict, total, letters = "", missing = ""] = await engine.runRequest<
      scripts.FlowAddArgs,
      [verdict: string, total: number, letters?: string, missing?: string]
    >(scripts.flowAddScript, {
      ...{ flow, how, sealBy, taskId: task?.id ?? "", fence: task?.fence ?? "", most: FLOW_NODES },
      seal: seal ? 1 : 0,
      callbacks: callbacks.length / 2,
      befores,
      tail: callbacks.length > 0 ? [...callbacks, ...texts] : texts,
    });
    if (verdict === "o") await engine.open();
    else if (verdict === "b") await advanceFlows(engine);
    else return { verdict, total, letters, missing };
  }
}

/**
 * Counts the ended nodes, and makes the nodes that waited only for them pending.
 * @returns `more`: whether to call again; `released`: how many nodes may run now; `hasMessages`: whether messages for
 * other queues or partitions wait
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

/** Asks whether a queue or partition accepts nodes of a flow of another one. @returns a letter of flow_target.lua */
export function askTarget(engine: Engine, args: scripts.FlowTargetArgs): Promise<string> {
  return engine.connection.script(scripts.flowTargetScript, engine.keys, args);
}
