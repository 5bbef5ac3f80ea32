import type { TaskState } from "./states.ts";
import type { TaskOptions } from "./task.ts";

/** What becomes of the nodes behind a node that does not complete. */
export const FLOW_POLICIES = ["fail", "continue", "hold"] as const;

/**
 * What becomes of the nodes behind a node that does not complete: they are skipped, they run, or they wait for a
 * replay.
 */
export type FlowPolicy = (typeof FLOW_POLICIES)[number];

/** The moments at which a flow can enqueue a callback, in the order in which they can come. */
export const FLOW_MOMENTS = ["dead", "cancelled", "success", "done"] as const;

/** When a flow enqueues a callback: a node died, the flow was cancelled, every node completed, or every node ended. */
export type FlowMoment = (typeof FLOW_MOMENTS)[number];

/**
 * The options of a node or of a callback: the options of a task, except those about its id (a node has a name instead),
 * its partition, and its durability.
 */
export type FlowTaskOptions = Omit<
  TaskOptions,
  "id" | "ifEnded" | "partitionKey" | "unique" | "durability" | "replicas"
>;

/** A task that a flow enqueues at one of its moments. Its id is `<flow>:<moment>`. */
export interface FlowCallback {
  /** Chooses the handler. */
  type: string;
  /** Any JSON value. `payloadText` can be given instead. @default null */
  payload?: unknown;
  /** The exact JSON text of the payload, kept byte for byte. The caller vouches that it is JSON. */
  payloadText?: string | undefined;
  /** The queue in which it runs. It has to exist. @default the queue of the flow */
  queue?: string | undefined;
  /** The options of the task. @default none */
  options?: FlowTaskOptions | undefined;
}

/** One task of a flow. Its id is `<flow>.<name>`. */
export interface FlowNode extends FlowCallback {
  /**
   * 1 to 64 of A-Z a-z 0-9 _ : -, the first a letter or digit. If the flow already has a node with this name, the new
   * node is not added.
   */
  name: string;
  /** The names of the nodes that have to end before this node may run. At most 10,000. @default none */
  after?: readonly string[] | undefined;
  /**
   * What becomes of the nodes behind this one if it does not complete. "fail": they are skipped, which means that they
   * end as cancelled and name this node as the cause; the flow fails. "continue": they run as if this node had
   * completed. "hold": if this node becomes a dead letter, they wait until it is replayed. If it is discarded, or if
   * this node is cancelled or expires, "hold" is the same as "fail". @default "fail"
   */
  onDead?: FlowPolicy | undefined;
}

/** The options of a flow. */
export interface FlowOptions {
  /**
   * 1 to 48 of A-Z a-z 0-9 _ -. If a flow with this id exists, no second one is made. @default a new id of 14
   * characters
   */
  id?: string | undefined;
  /**
   * Tasks that the flow enqueues, each at most once. "dead": at its first dead letter. The others come when the last
   * node has ended. "done": in any case. "success": if every node without `onDead: "continue"` has completed.
   * "cancelled": if the flow was cancelled.
   */
  on?: Partial<Record<FlowMoment, FlowCallback>> | undefined;
  /**
   * An open flow that is not sealed by this moment is cancelled. Milliseconds since the epoch, Redis time. @default an
   * hour from now
   */
  sealBy?: number | undefined;
}

/** A flow with all its nodes. */
export interface FlowDefinition extends FlowOptions {
  /** At most 1,000,000. A flow without nodes succeeds at once. */
  nodes: readonly FlowNode[];
}

/** The answer to a producer that stored a flow. */
export interface FlowReceipt {
  /** The id of the flow. */
  id: string;
  /** How many nodes the flow has. */
  nodes: number;
  /** True if the flow existed before this call and was sealed already. Then the call added nothing. */
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
   * Nodes that waited, and ended as cancelled because another node did not complete or because their flow was
   * cancelled.
   */
  skipped: number;
}

/** A flow as it is shown. Times are milliseconds since the epoch, Redis time. */
export interface FlowView {
  /** The id of the flow. */
  id: string;
  /** The queue in which it was made. */
  queue: string;
  /**
   * "open": a producer can add nodes. "running": the flow is sealed, so only its own nodes can add some. "ended": every
   * node has ended. The replay of a node makes the flow "running" again.
   */
  state: "open" | "running" | "ended";
  /** Null until the flow has ended. */
  outcome: "success" | "failed" | "cancelled" | null;
  /** Whether the flow was cancelled. */
  cancelRequested: boolean;
  /** How many nodes are in each state. */
  counts: FlowCounts;
  /** When the flow was made. */
  createdAt: number;
  /** The flow is cancelled if it is not sealed by this time. Null if it is sealed. */
  sealBy: number | null;
  /** When the flow ended; null before that. */
  endedAt: number | null;
  /** The callbacks of the flow. A callback has no task until it is enqueued; its id is known before. */
  callbacks: { moment: FlowMoment; taskId: string; enqueued: boolean }[];
}

/** A node of a flow as it is shown. */
export interface FlowNodeView {
  /** The name of the node, unique in its flow. */
  name: string;
  /** The id of the task that the node is. */
  id: string;
  /** The queue in which its task runs. */
  queue: string;
  /** Null if the task was purged. */
  type: string | null;
  /** If the task was purged, the state in which it ended. */
  state: TaskState;
  /** What becomes of the nodes behind it if it does not complete. */
  onDead: FlowPolicy;
  /** The names of the nodes that it comes after. */
  after: string[];
  /** How many of the nodes that this node comes after have not ended yet; 0 if it does not wait. */
  waitsFor: number;
  /**
   * When the attempt that runs, or the attempt that completed the node, began, ms since the epoch. Null if there is
   * neither.
   */
  startedAt: number | null;
  /** When the node ended, ms since the epoch; null if it has not ended. */
  endedAt: number | null;
  /**
   * If the node was skipped, the id of the task that did not complete. Null if it was not skipped, or was skipped
   * because its flow was cancelled.
   */
  skippedBy: string | null;
  /** The exact JSON text that its handler returned. The result is kept as long as the flow. */
  resultText: string | null;
}

/** A page of the nodes of a flow. */
export interface FlowNodePage {
  /** In the order in which they were added. */
  nodes: FlowNodeView[];
  /** The cursor of the next page; null at the end. */
  cursor: string | null;
}

/** The state of a node in a graph. There a node that was skipped is not "cancelled" but "skipped". */
export type NodeState = TaskState | "skipped";

/**
 * Nodes that the dashboard draws as one box. A small flow has one box per node. In a large one, the nodes of one type
 * in neighbouring layers share a box.
 */
export interface FlowGroup {
  /**
   * The first layer of the nodes in this group. Layer 0 has the nodes that come after no others. The layer of every
   * other node is one more than the highest layer among the nodes that it comes after.
   */
  layer: number;
  /** The last layer of the nodes in this group. */
  lastLayer: number;
  /** The type of the nodes. Null if they have several types, or if their tasks were purged. */
  type: string | null;
  /** How many types the nodes have. The types of purged tasks are not known and do not count. */
  types: number;
  /** How many nodes the group has. */
  total: number;
  /** The state of most nodes comes first. */
  states: { state: NodeState; count: number }[];
  /** The names of a few nodes. Nodes that have not ended come first. */
  names: string[];
  /** The groups that this group comes after, as indexes in the list of groups. */
  after: number[];
  /** Whether the group has a node of the critical path. */
  isOnPath: boolean;
}

/** A node that decides how long a flow takes. */
export type FlowStep = Pick<FlowNodeView, "name" | "id" | "type" | "startedAt" | "endedAt"> & {
  state: NodeState;
};

/** The graph of a flow. Its size does not grow with the flow. */
export interface FlowGraph {
  /** The flow itself. */
  flow: FlowView;
  /** The boxes of the graph. */
  groups: FlowGroup[];
  /**
   * The critical path. For a flow that runs ("length") it is the longest chain of nodes that have not ended. For a flow
   * that has ended ("time") it is found backwards: the node that ended last, then of the nodes which that one waited
   * for the one that ended last, and so on. `total` is the number of nodes in the path, and `nodes` are the first 20 of
   * them.
   */
  path: { by: "length" | "time"; total: number; nodes: FlowStep[] };
  /**
   * The nodes that the flow waits for now: those that run, those that may run, and dead letters that hold other nodes.
   * `nodes` are at most 20 of them.
   */
  waitsFor: { total: number; nodes: FlowStep[] };
  /**
   * How many of the `flow.counts.total` nodes the graph was made from: at most 10,000, and fewer if the nodes come
   * after very many others.
   */
  scanned: number;
}

/** A page of the flows of a queue. Those that run come first. */
export interface FlowPage {
  /** The flows of this page. */
  flows: FlowView[];
  /** The cursor of the next page; null at the end. */
  cursor: string | null;
}
