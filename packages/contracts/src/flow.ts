import type { TaskState } from "./states.ts";
import type { TaskOptions } from "./task.ts";

/** What happens to the nodes behind a node that does not complete. */
export const FLOW_POLICIES = ["fail", "continue", "hold"] as const;

/**
 * What happens to the nodes behind a node that does not complete. "fail": they are skipped. "continue": they run.
 * "hold": they wait for its replay.
 */
export type FlowPolicy = (typeof FLOW_POLICIES)[number];

/** The moments at which a flow can enqueue a callback, in their order. */
export const FLOW_MOMENTS = ["dead", "cancelled", "success", "done"] as const;

/** When a flow enqueues a callback: a node died, the flow was cancelled, every node completed, or every node ended. */
export type FlowMoment = (typeof FLOW_MOMENTS)[number];

/**
 * The options of the task of a node or callback: all task options, except those about its id, its partition and its
 * durability.
 */
export type FlowTaskOptions = Omit<
  TaskOptions,
  "id" | "ifEnded" | "partitionKey" | "unique" | "durability" | "replicas"
>;

/** A task that a flow enqueues at one of its moments (`FlowMoment`). Its id is `<flow>:<moment>`. */
export interface FlowCallback {
  /** The task type, which selects the handler. */
  type: string;
  /** Any JSON value. Alternatively, `payloadText` has the JSON text. @default null */
  payload?: unknown;
  /** The exact JSON text of the payload, stored byte for byte. It is not checked. */
  payloadText?: string | undefined;
  /** The queue of the task, which has to exist. @default the queue of the flow */
  queue?: string | undefined;
  /** The options of the task. @default none */
  options?: FlowTaskOptions | undefined;
}

/** One task of a flow. Its id is `<flow>.<name>`. */
export interface FlowNode extends FlowCallback {
  /**
   * 1 to 64 of A-Z a-z 0-9 _ : -, beginning with a letter or digit. If the flow has a node with this name already, the
   * new node is not added.
   */
  name: string;
  /** The names of the nodes that have to end before this one starts. At most 10,000. @default none */
  after?: readonly string[] | undefined;
  /**
   * What happens to the nodes behind this one if it does not complete. "fail": they are skipped, which means that they
   * end as cancelled and name this node as the cause, and the flow fails. "continue": they run as if this node had
   * completed. "hold": if this node becomes a dead letter, they wait until it is replayed; if it is discarded,
   * cancelled or expires, "hold" is the same as "fail". @default "fail"
   */
  onDead?: FlowPolicy | undefined;
}

/** The options of a flow. */
export interface FlowOptions {
  /**
   * 1 to 48 of A-Z a-z 0-9 _ -. If a flow with this id exists already, no second one is created. @default a new id of
   * 14 characters
   */
  id?: string | undefined;
  /**
   * Callbacks: tasks that the flow enqueues, each at most once. "dead": when the first node becomes a dead letter. The
   * others come when all nodes have ended. "done": always. "success": if every node without `onDead: "continue"` has
   * completed. "cancelled": if the flow was cancelled.
   */
  on?: Partial<Record<FlowMoment, FlowCallback>> | undefined;
  /**
   * If an open flow is not sealed (closed for new nodes) by this time, it is cancelled. Milliseconds since the epoch,
   * by the clock of Redis. @default an hour from now
   */
  sealBy?: number | undefined;
}

/** A flow with all its nodes. */
export interface FlowDefinition extends FlowOptions {
  /** At most 1,000,000 nodes. A flow without nodes succeeds at once. */
  nodes: readonly FlowNode[];
}

/** The answer to a request that stored a flow. */
export interface FlowReceipt {
  /** The id of the flow. */
  id: string;
  /** How many nodes the flow has. */
  nodes: number;
  /** Whether the flow existed before this call and was sealed. Then the call added nothing. */
  duplicate: boolean;
}

/** How many nodes of a flow are in each state. The other numbers add up to `total`. */
export interface FlowCounts {
  /** All nodes. */
  total: number;
  /** Nodes that wait for other nodes. */
  waiting: number;
  /** Nodes that are pending, scheduled or processing. */
  active: number;
  /** Nodes that have completed. */
  completed: number;
  /** Nodes that are dead letters. */
  dead: number;
  /** Nodes that were cancelled, or removed when an operator emptied the queue. */
  cancelled: number;
  /** Nodes that have expired. */
  expired: number;
  /**
   * Nodes that ended as cancelled without having run, because another node did not complete or the flow was cancelled.
   */
  skipped: number;
}

/** A flow for display. Times are milliseconds since the epoch, by the clock of Redis. */
export interface FlowView {
  /** The id of the flow. */
  id: string;
  /** The queue in which the flow was created. */
  queue: string;
  /**
   * "open": producers can add nodes. "running": the flow is sealed, so only its own running nodes can add some.
   * "ended": every node has ended. If a node is replayed, the flow is "running" again.
   */
  state: "open" | "running" | "ended";
  /** How the flow ended; null until then. */
  outcome: "success" | "failed" | "cancelled" | null;
  /** Whether the flow was cancelled. */
  cancelRequested: boolean;
  /** How many nodes are in each state. */
  counts: FlowCounts;
  /** When the flow was created. */
  createdAt: number;
  /** If the flow is not sealed by this time, it is cancelled. Null if it is sealed. */
  sealBy: number | null;
  /** When the flow ended; null before that. */
  endedAt: number | null;
  /** The callbacks of the flow. Each has its task id before its task is enqueued. */
  callbacks: { moment: FlowMoment; taskId: string; enqueued: boolean }[];
}

/** A node of a flow for display. */
export interface FlowNodeView {
  /** The name of the node, unique in its flow. */
  name: string;
  /** The id of the task of the node. */
  id: string;
  /** The queue in which the task of the node runs. */
  queue: string;
  /** The type of the task of the node; null if the task was purged. */
  type: string | null;
  /** The state of the task of the node. If the task was purged, the state in which it ended. */
  state: TaskState;
  /** What happens to the nodes behind this one if it does not complete. */
  onDead: FlowPolicy;
  /** The names of the nodes that have to end before this one starts. */
  after: string[];
  /** How many of the nodes in `after` have not ended yet; 0 if the node does not wait. */
  waitsFor: number;
  /** When the running or the completed attempt began, ms since the epoch; null if there is neither. */
  startedAt: number | null;
  /** When the node ended, ms since the epoch; null if it has not ended. */
  endedAt: number | null;
  /**
   * If the node was skipped: the id of the task that did not complete. Null if the node was not skipped, or if its flow
   * was cancelled.
   */
  skippedBy: string | null;
  /** The result as JSON text, exactly as the handler returned it. It is kept as long as the flow. */
  resultText: string | null;
}

/** A page of the nodes of a flow. */
export interface FlowNodePage {
  /** The nodes in the order in which they were added. */
  nodes: FlowNodeView[];
  /** The cursor of the next page; null at the end. */
  cursor: string | null;
}

/** The state of a node in a graph. A skipped node has the state "skipped" there, and not "cancelled". */
export type NodeState = TaskState | "skipped";

/**
 * Nodes that the dashboard draws as one box. In a small flow each node has a box. In a large one, nodes of the same
 * type in neighbouring layers share a box.
 */
export interface FlowGroup {
  /**
   * The first layer of the nodes in this box. Nodes without `after` are in layer 0. Any other node is one layer above
   * the highest node in its `after`.
   */
  layer: number;
  /** The last layer of the nodes in this box. */
  lastLayer: number;
  /** The type of the nodes in this box; null if there are several types, or if the tasks were purged. */
  type: string | null;
  /** How many different types the nodes in this box have. Purged tasks are not counted. */
  types: number;
  /** How many nodes the group has. */
  total: number;
  /** The states of the nodes in this box; the most frequent state comes first. */
  states: { state: NodeState; count: number }[];
  /** The names of a few nodes of this box; nodes that have not ended come first. */
  names: string[];
  /** The groups with nodes that have to end before nodes of this group, as indexes in the list of groups. */
  after: number[];
  /** Whether the group has a node of the critical path. */
  isOnPath: boolean;
}

/** A node in the list of nodes that the flow waits for, or of its critical path. */
export type FlowStep = Pick<FlowNodeView, "name" | "id" | "type" | "startedAt" | "endedAt"> & {
  state: NodeState;
};

/** A graph of a flow, whose size is limited however many nodes the flow has. */
export interface FlowGraph {
  /** The flow itself. */
  flow: FlowView;
  /** The boxes of the graph. */
  groups: FlowGroup[];
  /**
   * The critical path. For a running flow ("length"), the longest chain of nodes that have not ended. For an ended flow
   * ("time"), the chain that ended last: the last node, the node in its `after` that ended last, and so on back.
   * `total`: how many nodes the chain has; `nodes`: the first 20 of them.
   */
  path: { by: "length" | "time"; total: number; nodes: FlowStep[] };
  /**
   * The nodes that the flow waits for now: running ones, those that may start, and dead letters with the policy "hold".
   * `nodes` has at most 20 of them.
   */
  waitsFor: { total: number; nodes: FlowStep[] };
  /**
   * How many nodes of the flow were read for this graph: at most 10,000, and fewer if their `after` lists are very
   * long.
   */
  scanned: number;
}

/** A page of the flows of a queue, running ones first. */
export interface FlowPage {
  /** The flows of this page. */
  flows: FlowView[];
  /** The cursor of the next page; null at the end. */
  cursor: string | null;
}
