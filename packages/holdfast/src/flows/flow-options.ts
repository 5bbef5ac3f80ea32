import {
  FLOW_ID_PATTERN,
  FLOW_MOMENTS,
  FLOW_POLICIES,
  type FlowCallback,
  type FlowDefinition,
  type FlowMoment,
  type FlowNode,
  type FlowOptions,
  type FlowTaskOptions,
  HoldfastError,
  isQueueName,
  LIMITS,
  NODE_NAME_PATTERN,
  NODE_PATH_PATTERN,
} from "@holdfast/contracts";
import { taskHints, taskKinds, taskTypeKind } from "../engine/task-options.ts";
import { anything, isText, listOf, nested, oneOf, pattern } from "../options/kinds.ts";
import { checkShape, type Kind, shapeOf, shown } from "../options/shape.ts";

const FLOW_ID = new RegExp(FLOW_ID_PATTERN);
const NODE_NAME = new RegExp(NODE_NAME_PATTERN);
const NODE_PATH = new RegExp(NODE_PATH_PATTERN);

const { key, cost, priority, delayMs, runAt, maxRetries, backoff, timeoutMs, expiresAt } = taskKinds;
const { version, tags, keepPayload, keep, traceparent, tracestate } = taskKinds;

const optionsShape = shapeOf<FlowTaskOptions>({
  what: "a task of a flow",
  title: "Task of a flow",
  example: "{ maxRetries: 3 }",
  kinds: {
    ...{ key, cost, priority, delayMs, runAt, maxRetries, backoff, timeoutMs, expiresAt },
    ...{ version, tags, keepPayload, keep, traceparent, tracestate },
  },
  hints: {
    ...taskHints,
    id: "the id of a node is made of the id of its flow and of its name",
    unique: "a node has no unique key: give the flow an id, which is accepted once",
    partitionKey: "the id of a node decides its partition",
    durability: "the nodes of a flow have the durability of their queue",
  },
  rule: ({ delayMs, runAt, traceparent, tracestate }) =>
    delayMs !== undefined && runAt !== undefined
      ? "delayMs and runAt cannot be combined"
      : tracestate !== undefined && traceparent === undefined
        ? "tracestate needs a traceparent"
        : undefined,
});

const callbackKinds = {
  type: taskTypeKind,
  payload: anything,
  payloadText: { wants: "JSON text", is: isText },
  queue: pattern("the name of a queue", isQueueName),
  options: nested(optionsShape),
};
const callbackHints = { queueName: "queue" };
const onePayload = ({ payload, payloadText }: FlowCallback) =>
  payload !== undefined && payloadText !== undefined
    ? "payload and payloadText cannot be combined"
    : undefined;

const callbackShape = shapeOf<FlowCallback>({
  what: "a callback of a flow",
  title: "Callback of a flow",
  example: '{ type: "report.sent" }',
  kinds: callbackKinds,
  hints: callbackHints,
  required: ["type"],
  rule: onePayload,
});

const nodePath: Kind = pattern("the name of a node", (value) => NODE_PATH.test(value));

const nodeShape = shapeOf<FlowNode>({
  what: "a node of a flow",
  title: "Node of a flow",
  example: '{ name: "pay", type: "order.pay", payload: { id: 7 }, after: ["check"] }',
  kinds: {
    ...callbackKinds,
    name: pattern("1 to 64 of A-Z a-z 0-9 _ : -, the first a letter or digit", (value) =>
      NODE_NAME.test(value),
    ),
    after: listOf(nodePath, `a list of at most ${LIMITS.nodeAfter} names of nodes`, 0, LIMITS.nodeAfter),
    onDead: oneOf(...FLOW_POLICIES),
  },
  hints: {
    ...callbackHints,
    children: "name the nodes that come before: after",
    deps: "after",
    dependsOn: "after",
    data: "payload",
    failParentOnFailure: 'onDead: "fail", which is the default',
    ignoreDependencyOnFailure: 'onDead: "continue"',
  },
  required: ["name", "type"],
  rule: onePayload,
});

const callbacksShape = shapeOf<Partial<Record<FlowMoment, FlowCallback>>>({
  what: "the callbacks of a flow",
  title: "Callbacks of a flow",
  example: '{ done: { type: "report.done" } }',
  kinds: Object.fromEntries(FLOW_MOMENTS.map((moment) => [moment, nested(callbackShape)])) as Record<
    FlowMoment,
    Kind
  >,
  hints: { complete: "done", death: "dead", failed: "dead", error: "dead" },
});

const flowKinds = {
  id: pattern("1 to 48 of A-Z a-z 0-9 _ -", (value) => FLOW_ID.test(value)),
  on: nested(callbacksShape),
  sealBy: taskKinds.runAt,
};

export const openFlowShape = shapeOf<FlowOptions>({
  what: "an open flow",
  title: "Open flow",
  example: '{ id: "report-7" }',
  kinds: flowKinds,
  hints: { nodes: "add them with add(nodes), or store a whole flow with queue.flow({ nodes })" },
});

export const flowShape = shapeOf<FlowDefinition>({
  what: "a flow",
  title: "Flow",
  example: '{ nodes: [{ name: "a", type: "mail" }, { name: "b", type: "log", after: ["a"] }] }',
  kinds: { ...flowKinds, nodes: { wants: "a list of nodes", is: (value) => Array.isArray(value) } },
  required: ["nodes"],
});

/** Checks the id of a flow. @throws HoldfastError invalid_argument */
export function checkFlowId(id: string): string {
  if (typeof id === "string" && FLOW_ID.test(id)) return id;
  throw new HoldfastError(
    "invalid_argument",
    `${shown(id)} is not a valid flow id: 1 to 48 of A-Z a-z 0-9 _ -`,
  );
}

/** Checks each node. @throws HoldfastError invalid_argument that names the node */
export function checkNodes(nodes: readonly FlowNode[]): void {
  if (!Array.isArray(nodes))
    throw new HoldfastError("invalid_argument", `nodes has to be an array of nodes, got ${shown(nodes)}`);
  for (const [place, node] of nodes.entries()) {
    const name = typeof node?.name === "string" ? node.name : String(place);
    checkShape(nodeShape, node, `node ${name}: `);
  }
}

/**
 * Sorts nodes so that each one comes after the nodes in its `after`. Nodes that are in such an order already stay in
 * it.
 * @param isWhole true if these are all nodes of the flow, so that an unknown name in `after` is an error
 * @throws HoldfastError invalid_argument if a node occurs twice, a name is unknown, or there is a cycle
 */
export function inOrder(nodes: readonly FlowNode[], isWhole: boolean): readonly FlowNode[] {
  const places = new Map<string, number>();
  for (const [place, { name }] of nodes.entries()) {
    if (places.has(name)) throw new HoldfastError("invalid_argument", `node "${name}" is given twice`);
    places.set(name, place);
  }
  let isOrdered = true;
  for (const [place, { name, after = [] }] of nodes.entries())
    for (const before of after) {
      const at = places.get(before);
      if (at === undefined && isWhole) throw unknownNode(name, before);
      if (at !== undefined && at >= place) isOrdered = false;
    }
  return isOrdered ? nodes : sorted(nodes, places);
}

export function unknownNode(name: string, before: string): HoldfastError {
  return new HoldfastError(
    "invalid_argument",
    `node "${name}" is after "${before}", and the flow has no node of that name`,
  );
}

function sorted(nodes: readonly FlowNode[], places: ReadonlyMap<string, number>): FlowNode[] {
  const open = nodes.map(({ after = [] }) => new Set(after.filter((name) => places.has(name))).size);
  const behind = new Map<string, number[]>();
  for (const [place, { after = [] }] of nodes.entries())
    for (const before of new Set(after)) {
      const list = behind.get(before);
      if (list) list.push(place);
      else behind.set(before, [place]);
    }
  const ready = [...open.keys()].filter((place) => open[place] === 0);
  const order: FlowNode[] = [];
  for (let at = 0; at < ready.length; at++) {
    const node = nodes[ready[at] as number] as FlowNode;
    order.push(node);
    for (const place of behind.get(node.name) ?? []) if (--(open[place] as number) === 0) ready.push(place);
  }
  if (order.length < nodes.length) throw cycleOf(nodes, open, places);
  return order;
}

/** Returns an error that describes a cycle among the nodes `open`, which could not be sorted. */
function cycleOf(
  nodes: readonly FlowNode[],
  open: readonly number[],
  places: ReadonlyMap<string, number>,
): HoldfastError {
  const isLeft = (name: string) => (open[places.get(name) ?? -1] ?? 0) > 0;
  const path: string[] = [];
  let name = nodes[open.findIndex((count) => count > 0)]?.name as string;
  while (!path.includes(name)) {
    path.push(name);
    name = nodes[places.get(name) as number]?.after?.find(isLeft) as string;
  }
  const cycle = [...path.slice(path.indexOf(name)), name].reverse();
  return new HoldfastError("invalid_argument", `the nodes wait for one another: ${cycle.join(" -> ")}`);
}
