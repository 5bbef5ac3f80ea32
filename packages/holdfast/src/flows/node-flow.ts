import { type FlowNode, HoldfastError, TASK_STATES, type TaskState } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { homeOf, readFlowFrom } from "../engine/flow-reader.ts";
import type { FlowAdded } from "../engine/flows.ts";
import { queueOfPartition } from "../engine/names.ts";
import { either, listOf, nested, oneOf, whole } from "../options/kinds.ts";
import { checkShape, shapeOf } from "../options/shape.ts";
import { checkNodes, inOrder } from "./flow-options.ts";
import { FlowPlaces } from "./flow-places.ts";
import { FlowWriter } from "./flow-writer.ts";
import { countAdded, type NodesAdded } from "./open-flow.ts";

/** `ctx.flow`: the flow of the task that a handler runs. */
export interface TaskFlowContext {
  /** The id of the flow. */
  readonly id: string;
  /** The name of the running node. For a callback it is the moment, such as "done". */
  readonly name: string;
  /**
   * Adds nodes to the flow. They get the names `<own name>.<name>`, so that a retry of this handler does not add them
   * twice. Their `after` may name each other and this node. The nodes behind this node also wait for them.
   * @throws HoldfastError invalid_argument, payload_too_large, queue_full; conflict if the lease is lost or the flow
   * was cancelled
   */
  add(nodes: readonly FlowNode[]): Promise<NodesAdded>;
}

/** A node in the `after` of the running node. */
export interface FlowChild {
  /** The name of the node. */
  name: string;
  /** The id of the task of the node. */
  id: string;
  /** The state of the task of the node. */
  state: TaskState;
  /** If the node was skipped: the id of the task that did not complete; null otherwise. */
  skippedBy: string | null;
  /** The result, parsed from JSON; undefined if there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: what is in it is the business of the handlers
  result: any;
  /** The result as JSON text; null if there is none. */
  resultText: string | null;
}

/** Options for reading the nodes in the `after` of a node. */
export interface ChildrenOptions {
  /** Only nodes in this state, or in one of these states. @default all nodes */
  where?: { state?: TaskState | readonly TaskState[] | undefined } | undefined;
  /** How many nodes to read at once, 1 to 100. @default 100 */
  page?: number | undefined;
}

const CHILDREN_PAGE = 100;
const state = oneOf(...TASK_STATES);

const childrenShape = shapeOf<ChildrenOptions>({
  what: "the children",
  title: "Children of a node",
  example: '{ where: { state: "completed" } }',
  kinds: {
    where: nested(
      shapeOf<NonNullable<ChildrenOptions["where"]>>({
        what: "a choice of children",
        title: "Choice of children",
        example: '{ state: "completed" }',
        kinds: { state: either(state, listOf(state, "a list of states", 1, TASK_STATES.length)) },
      }),
    ),
    page: whole(1, CHILDREN_PAGE),
  },
});

/** Splits the id of a node, `<flow>.<name>`, or of a callback, `<flow>:<moment>`. */
export function placeOf(id: string): { flow: string; name: string; isNode: boolean } {
  const [, flow = "", sign, name = ""] = /^([\w-]+)([.:])(.*)$/.exec(id) ?? [];
  return { flow, name, isNode: sign === "." };
}

// The lease is extended by this time, ms: the default of a worker. The heartbeats of the worker extend it further.
const LEASE_MS = 30_000;

/** Throws if the node has lost its lease. If it runs in another queue or partition, its flow cannot check this. */
async function assertLeased({ id, fence, engine }: { id: string; fence: string; engine: Engine }) {
  if ((await engine.heartbeat([id, fence], LEASE_MS)) !== "l") return;
  throw new HoldfastError("conflict", "the lease of the node is lost, so another attempt may run");
}

export function flowOfTask(task: { id: string; fence: string; engine: Engine }): TaskFlowContext {
  const { flow, name, isNode } = placeOf(task.id);
  const add = async (nodes: readonly FlowNode[]) => {
    if (!isNode)
      throw new HoldfastError(
        "conflict",
        `flow "${flow}": a callback adds no nodes, because every node has ended`,
      );
    checkNodes(nodes);
    const named = inOrder(nodes, false).map((node) => ({
      ...node,
      name: `${name}.${node.name}`,
      after: node.after?.map((other) => (other === name ? other : `${name}.${other}`)),
    }));
    const addTo = (home: Engine) =>
      new FlowWriter(new FlowPlaces(home), flow, (call) => call()).addBy(task, named);
    // Most flows are in one queue without partitions, and need no look-up.
    const isSimple = queueOfPartition(task.engine.queue) === null && nodes.every(({ queue }) => !queue);
    const added = isSimple ? await addTo(task.engine) : null;
    if (added) return countAdded(added.letters);
    const home = (await homeOf(task.engine, flow)) ?? task.engine;
    if (home !== task.engine) await assertLeased(task);
    return countAdded(((await addTo(home)) as FlowAdded).letters);
  };
  return { id: flow, name, add };
}

/** A page of the nodes in the `after` of a node. */
export interface ChildrenPage {
  children: FlowChild[];
  /** The position at which the next page begins; negative after the last page. */
  next: number;
}

/** Reads a page of the nodes in the `after` of a node. A callback gets all nodes of its flow. */
export async function childrenPage(
  task: { id: string; engine: Engine },
  from: number,
  limit: number,
): Promise<ChildrenPage> {
  const { flow, isNode } = placeOf(task.id);
  const found = await readFlowFrom(task.engine, flow, { before: isNode ? task.id : "", from, limit });
  const children = (found?.nodes ?? []).map(({ name, id, state, skippedBy, resultText }) => {
    const result = resultText === null ? undefined : JSON.parse(resultText);
    return { name, id, state, skippedBy, result, resultText };
  });
  return { children, next: found?.next ?? -1 };
}

/** Yields the nodes in the `after` of a node, or all nodes for a callback, or none without a flow. */
export async function* childrenOf(
  task: { id: string; isNode: boolean; engine: Engine },
  options: ChildrenOptions = {},
): AsyncGenerator<FlowChild> {
  checkShape(childrenShape, options);
  if (!task.isNode) return;
  const { where, page = CHILDREN_PAGE } = options;
  const wanted = where?.state === undefined ? TASK_STATES : [where.state].flat();
  for (let from = 0; from >= 0; ) {
    const found = await childrenPage(task, from, page);
    yield* found.children.filter(({ state }) => wanted.includes(state));
    from = found.next;
  }
}
