import type { FlowMoment, FlowNode, FlowPolicy, TaskOptions } from "@holdfast/contracts";
import { encodeEnvelope } from "../../src/engine/envelope.ts";
import { readFlow } from "../../src/engine/flow-reader.ts";
import { addToFlow, advanceFlows, type FlowAdded } from "../../src/engine/flows.ts";
import type { TestQueue } from "./test-queue.ts";

const FLAGS = { fail: "f", continue: "fc", hold: "fw" };

/** A node, with the nodes that have to end before it: "a" waits for none, "b<a" for a, and "c<a,b" for both. */
export type NodeText = string;

export interface FlowOptionsOfTest {
  id?: string;
  on?: readonly FlowMoment[];
  seal?: boolean;
  sealBy?: number;
  onDead?: Record<string, FlowPolicy>;
  options?: TaskOptions;
  how?: "open" | "add" | "task";
  task?: { id: string; fence: string };
  /** The nodes and callbacks that go to another queue. */
  there?: readonly string[];
  part?: string;
}

const MOMENTS: readonly FlowMoment[] = ["dead", "cancelled", "success", "done"];

function nodesOf(texts: readonly NodeText[]): FlowNode[] {
  return texts.map((text) => {
    const [name = "", after] = text.split("<");
    return { name, type: "t", after: after === undefined ? [] : after.split(",") };
  });
}

/** Stores a flow by one script call, or adds nodes to it. */
export function addFlow(
  q: Pick<TestQueue, "engine" | "now">,
  texts: readonly NodeText[],
  given: FlowOptionsOfTest = {},
): Promise<FlowAdded> {
  const { id = "f", on = MOMENTS, seal = true, sealBy = 0, onDead = {}, options, how = "open", task } = given;
  const { there = [], part = "" } = given;
  const envelope = (type: string) => `&${encodeEnvelope(type, q.now, "{}", options).slice(1)}`;
  return addToFlow(q.engine, {
    ...{ flow: id, how, seal, sealBy, task },
    callbacks:
      how === "open"
        ? on.flatMap((moment) => [moment, (there.includes(moment) ? `>${part} ` : "") + envelope("t")])
        : [],
    nodes: nodesOf(texts).map(({ name, after = [] }) => ({
      ...{ name, after, envelope: envelope("t"), flags: FLAGS[onDead[name] ?? "fail"] },
      part: there.includes(name) ? part : "",
    })),
  });
}

/** Counts the ends of all nodes in their flows. */
export async function advance(q: TestQueue, limit = 500): Promise<number> {
  for (let calls = 1; ; calls++) if (!(await advanceFlows(q.engine, limit)).more) return calls;
}

/**
 * Returns the states of the nodes of a flow, such as "a completed, b skipped". Callbacks that were enqueued are
 * listed too.
 */
export async function flowStates(q: TestQueue, id = "f"): Promise<string> {
  const found = await readFlow(q.engine, q.name, id, { limit: 100 });
  if (!found) return "none";
  const { flow, nodes } = found;
  const isSkipped = new Set<string>();
  for (const node of nodes)
    if (/^x\S+ \d+ \S/.test((await q.redis.hget(q.keys.state, node.id)) ?? "")) isSkipped.add(node.name);
  const came = flow.callbacks.filter(({ enqueued }) => enqueued).map(({ moment }) => moment);
  return [
    ...nodes.map(({ name, state }) => `${name} ${isSkipped.has(name) ? "skipped" : state}`),
    ...(came.length > 0 ? [`on ${came.join(" ")}`] : []),
  ].join(", ");
}

/**
 * Runs all pending tasks one after the other, until none is left. @param ends how a node with this name ends; other
 * nodes complete
 */
export async function runAll(q: TestQueue, ends: Record<string, "fatal" | "ack"> = {}): Promise<string[]> {
  const ran: string[] = [];
  for (;;) {
    const { grants } = await q.acquire(500);
    if (grants.length === 0) return ran;
    for (const grant of grants) {
      ran.push(grant.id.replace(/^f[.:]/, ""));
      const end = ends[grant.id.replace(/^f\./, "")] ?? "ack";
      if (end === "fatal") await q.fatal(grant);
      else await q.ack(grant, JSON.stringify(grant.id));
    }
    await advance(q);
  }
}
