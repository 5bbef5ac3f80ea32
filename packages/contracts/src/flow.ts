import type { TaskState } from "./states.ts";
import type { TaskOptions } from "./task.ts";

/** What becomes of the nodes behind a node that does not complete. */
export const FLOW_POLICIES = ["fail", "continue", "hold"] as const;
export type FlowPolicy = (typeof FLOW_POLICIES)[number];

/** The moments of a flow at which a task can be enqueued, in the order in which they can come. */
export const FLOW_MOMENTS = ["dead", "cancelled", "success", "done"] as const;
export type FlowMoment = (typeof FLOW_MOMENTS)[number];

/**
 * The options of a node or of a callback: those of a task, except the ones about its id (a node has a name) and its place. A flow has a
 * durability as a whole.
 */
export type FlowTaskOptions = Omit<
  TaskOptions,
  "id" | "ifEnded" | "partitionKey" | "unique" | "durability" | "replicas"
>;

/** A task that a flow enqueues at one of its moments. Its id is `<flow>:<moment>`. */
export interface FlowCallback {
  type: string;
  /** Any JSON value. `payloadText` can be given instead. @default null */
  payload?: unknown;
  /** The exact JSON text of the payload, kept byte by byte. The caller vouches that it is JSON. */
  payloadText?: string | undefined;
  /** The queue in which it runs. It has to exist. @default the queue of the flow */
  queue?: string | undefined;
  options?: FlowTaskOptions | undefined;
}

/** One task of a flow. Its id is `<flow>.<name>`. */
export interface FlowNode extends FlowCallback {
  /** 1 to 64 of A-Z a-z 0-9 _ : -, the first a letter or digit. Unique within the flow: a node with a name that is there already is not added. */
  name: string;
  /** The names of the nodes that have to end before this node may run. At most 10,000. @default none */
  after?: readonly string[] | undefined;
  /**
   * What becomes of the nodes behind this one if it does not complete. "fail": they are skipped, which means that they end as cancelled and
   * name the node at fault; the flow fails. "continue": they run as if it had completed. "hold": they wait until the dead letter is replayed;
   * if it is discarded, and if the node was cancelled or expired, "hold" is the same as "fail". @default "fail"
   */
  onDead?: FlowPolicy | undefined;
}

/** What a flow is opened with. */
export interface FlowOptions {
  /** 1 to 48 of A-Z a-z 0-9 _ -. The same flow twice is the same flow. @default minted, 14 characters */
  id?: string | undefined;
  /**
   * Tasks that the flow enqueues. "dead": at its first dead letter. "done": when its last node has ended. "success": then, if every node has
   * completed, except those with `onDead: "continue"`. "cancelled": then, if the flow was cancelled. Each comes at most once.
   */
  on?: Partial<Record<FlowMoment, FlowCallback>> | undefined;
  /**
   * If the flow is not sealed by this moment, it is cancelled. Milliseconds since the epoch, Redis time. @default an hour from now
   */
  sealBy?: number | undefined;
}

/** A whole flow. */
export interface FlowDefinition extends FlowOptions {
  /** At most 1,000,000. Without a node the flow succeeds at once. */
  nodes: readonly FlowNode[];
}

/** The result of a flow that was stored. */
export interface FlowReceipt {
  id: string;
  /** How many nodes the flow has. */
  nodes: number;
  /** The flow was there before this call, and had been sealed. Nothing was added. */
  duplicate: boolean;
}

/** How many nodes of a flow are in each state. Their sum is `total`. */
export interface FlowCounts {
  total: number;
  /** They wait for other nodes. */
  waiting: number;
  /** They are pending, scheduled or processing. */
  active: number;
  completed: number;
  dead: number;
  /** Each was cancelled itself or emptied. */
  cancelled: number;
  expired: number;
  /** They ended as cancelled because of another node, or with their flow. */
  skipped: number;
}

/** A flow as it is shown. Times are milliseconds since the epoch, Redis time. */
export interface FlowView {
  id: string;
  queue: string;
  /** "open": nodes can be added from outside. "running": it is sealed. "ended": every node has ended; a replay makes it run again. */
  state: "open" | "running" | "ended";
  /** Null until it has ended. */
  outcome: "success" | "failed" | "cancelled" | null;
  cancelRequested: boolean;
  counts: FlowCounts;
  createdAt: number;
  /** Null once it is sealed. */
  sealBy: number | null;
  endedAt: number | null;
  /** The callbacks that it has, with the ids of their tasks. */
  callbacks: { moment: FlowMoment; taskId: string; enqueued: boolean }[];
}

/** A node of a flow as it is shown. */
export interface FlowNodeView {
  name: string;
  /** The id of its task. */
  id: string;
  /** The queue in which its task runs. */
  queue: string;
  /** Null if its task was purged. */
  type: string | null;
  /** A node that was purged has the state in which it ended. */
  state: TaskState;
  onDead: FlowPolicy;
  after: string[];
  /** While it waits: how many of `after` have not ended. Otherwise 0. */
  waitsFor: number;
  /** When its attempt began, ms since the epoch: the one that runs, or the one that completed. Otherwise null. */
  startedAt: number | null;
  /** When it ended, ms since the epoch; null until then. */
  endedAt: number | null;
  /** The id of the task because of which it was skipped; null if it was not, or if the whole flow was cancelled. */
  skippedBy: string | null;
  /** The exact JSON text that its handler returned. It is kept as long as the flow. */
  resultText: string | null;
}

export interface FlowNodePage {
  nodes: FlowNodeView[];
  /** The cursor of the next page; null at the end. */
  cursor: string | null;
}

/** How a node is counted: its state, or that it was skipped. */
export type NodeState = TaskState | "skipped";

/** Nodes that are drawn as one box: a single node or, in a large flow, the nodes of one type in neighbouring layers. */
export interface FlowGroup {
  /**
   * Its first layer. The nodes of layer 0 come after no other nodes, and every other node is one layer behind the last of
   * those that it comes after.
   */
  layer: number;
  /** Its last layer. */
  lastLayer: number;
  /** Null if its nodes have several types, or if their tasks were purged. */
  type: string | null;
  /** How many types its nodes have, as far as they are known. */
  types: number;
  total: number;
  /** Most nodes first. */
  states: { state: NodeState; count: number }[];
  /** A few of its nodes, those that have not ended first. */
  names: string[];
  /** The groups before it, by their places in the list. */
  after: number[];
  /** Whether a node of the critical path is in it. */
  isOnPath: boolean;
}

/** A node that decides how long a flow takes. */
export type FlowStep = Pick<FlowNodeView, "name" | "id" | "type" | "startedAt" | "endedAt"> & {
  state: NodeState;
};

/** The graph of a flow. Its size does not grow with the flow. */
export interface FlowGraph {
  flow: FlowView;
  groups: FlowGroup[];
  /**
   * The critical path. "length": the longest chain of nodes that have not ended, of a flow that runs. "time": of a flow that has
   * ended, the node that ended last, before it the last of those that it had to wait for, and so on. `nodes` are the first of
   * them in order, at most 20.
   */
  path: { by: "length" | "time"; total: number; nodes: FlowStep[] };
  /** The nodes that it waits for: they run, may run, or hold others as dead letters. `nodes` are at most 20 of them. */
  waitsFor: { total: number; nodes: FlowStep[] };
  /** How many nodes were looked at, of `flow.counts.total`: at most 10,000, and fewer if they come after very many others. */
  scanned: number;
}

export interface FlowPage {
  flows: FlowView[];
  /** The cursor of the next page; null at the end. */
  cursor: string | null;
}
