import { Type } from "typebox";
import {
  FLOW_MOMENTS,
  FLOW_POLICIES,
  type FlowGraph,
  type FlowNodePage,
  type FlowPage,
  type FlowReceipt,
  type FlowView,
} from "../flow.ts";
import { LIMITS } from "../limits.ts";
import { TASK_STATES } from "../states.ts";
import { type Assert, Count, FlowId, nullable, oneOf, QueueName, type Same, Timestamp } from "./common.ts";

export const FlowParams = Type.Object({ queue: QueueName, flow: FlowId });
export type FlowParams = Type.Static<typeof FlowParams>;

/** JSON Schema of `FlowReceipt`; `Assert` keeps the two equal. */
export const FlowReceiptSchema = Type.Object({
  id: Type.String(),
  nodes: Count("How many nodes the flow has"),
  duplicate: Type.Boolean({ description: "True: it was stored and sealed before, and nothing was added" }),
});
export type FlowReceiptMatches = Assert<Same<typeof FlowReceiptSchema, FlowReceipt>>;

/** The reply to a request that adds nodes to a flow. */
export const NodesAddedReply = Type.Object({
  id: Type.String(),
  added: Count("How many nodes are new"),
  known: Count("How many nodes were there already, by their names, and were left as they are"),
});
export type NodesAddedReply = Type.Static<typeof NodesAddedReply>;

export const CancelFlowReply = Type.Object({ id: Type.String(), outcome: oneOf(["cancelled"]) });
export type CancelFlowReply = Type.Static<typeof CancelFlowReply>;

const FlowCountsSchema = Type.Object(
  {
    total: Count(),
    waiting: Count("Wait for other nodes"),
    active: Count("Pending, scheduled or processing"),
    completed: Count(),
    dead: Count(),
    cancelled: Count("Each was cancelled itself or emptied"),
    expired: Count(),
    skipped: Count("Ended as cancelled because of another node, or with their flow"),
  },
  { description: "How many nodes are in each state" },
);

/** JSON Schema of `FlowView`; `Assert` keeps the two equal. */
export const FlowViewSchema = Type.Object({
  id: Type.String(),
  queue: Type.String(),
  state: oneOf(["open", "running", "ended"], {
    description: "open: nodes can be added. running: it is sealed. ended: every node has ended",
  }),
  outcome: nullable(oneOf(["success", "failed", "cancelled"], { description: "Null until it has ended" })),
  cancelRequested: Type.Boolean(),
  counts: FlowCountsSchema,
  createdAt: Timestamp("Created"),
  sealBy: nullable(Timestamp("When it is cancelled unless it is sealed; null once it is sealed")),
  endedAt: nullable(Timestamp("Ended")),
  callbacks: Type.Array(
    Type.Object({
      moment: oneOf(FLOW_MOMENTS),
      taskId: Type.String(),
      enqueued: Type.Boolean({ description: "Whether the task of the callback was enqueued" }),
    }),
  ),
});
export type FlowViewMatches = Assert<Same<typeof FlowViewSchema, FlowView>>;

const FlowNodeViewSchema = Type.Object({
  name: Type.String(),
  id: Type.String({ description: "Id of its task" }),
  queue: Type.String({ description: "The queue in which its task runs" }),
  type: nullable(Type.String({ description: "Null if its task was purged" })),
  state: oneOf(TASK_STATES),
  onDead: oneOf(FLOW_POLICIES),
  after: Type.Array(Type.String(), { description: "Names of the nodes that have to end before it" }),
  waitsFor: Count("While it waits: how many of `after` have not ended"),
  startedAt: nullable(Timestamp("When the attempt began that runs or that completed")),
  endedAt: nullable(Timestamp("When it ended")),
  skippedBy: nullable(Type.String({ description: "Id of the task because of which it was skipped" })),
  resultText: nullable(Type.String({ description: "The exact JSON text that its handler returned" })),
});

const NodeStateSchema = oneOf([...TASK_STATES, "skipped"]);
const FlowGroupSchema = Type.Object(
  {
    layer: Count(
      "Its first layer. The layer of a node is the length of the longest chain of nodes before it",
    ),
    lastLayer: Count("Its last layer"),
    type: nullable(Type.String({ description: "Null: several types, or purged tasks" })),
    types: Count("How many types its nodes have, as far as they are known"),
    total: Count("How many nodes it has"),
    states: Type.Array(Type.Object({ state: NodeStateSchema, count: Count() })),
    names: Type.Array(Type.String(), {
      description: "A few of its nodes. Nodes that have not ended come first",
    }),
    after: Type.Array(Count(), { description: "The groups before it, by their places in the list" }),
    isOnPath: Type.Boolean({ description: "Whether a node of the critical path is in it" }),
  },
  { description: "A node or, in a large flow, the nodes of one type in neighbouring layers" },
);
const FlowStepSchema = Type.Object({
  name: Type.String(),
  id: Type.String({ description: "Id of its task" }),
  type: nullable(Type.String()),
  state: NodeStateSchema,
  startedAt: nullable(Timestamp("When the attempt began that runs or that completed")),
  endedAt: nullable(Timestamp("When it ended")),
});
const steps = Type.Array(FlowStepSchema, { description: "At most 20" });

/** JSON Schema of `FlowGraph`; `Assert` keeps the two equal. */
export const FlowGraphSchema = Type.Object({
  flow: FlowViewSchema,
  groups: Type.Array(FlowGroupSchema),
  path: Type.Object(
    { by: oneOf(["length", "time"]), total: Count("How many nodes it has"), nodes: steps },
    {
      description:
        "The critical path. length: the longest chain of nodes that have not ended. time, of a flow that has ended: the nodes that ended last, each before the one that waited for it",
    },
  ),
  waitsFor: Type.Object(
    { total: Count(), nodes: steps },
    {
      description:
        "The nodes that the flow waits for: they run, may run, or are dead letters that hold other nodes",
    },
  ),
  scanned: Count("How many nodes were looked at: at most 10,000, fewer if they come after very many others"),
});
export type FlowGraphMatches = Assert<Same<typeof FlowGraphSchema, FlowGraph>>;

const cursor = nullable(Type.String({ description: "Cursor of the next page; null on the last page" }));

/** JSON Schema of `FlowNodePage`; `Assert` keeps the two equal. */
export const FlowNodePageSchema = Type.Object({ nodes: Type.Array(FlowNodeViewSchema), cursor });
export type FlowNodePageMatches = Assert<Same<typeof FlowNodePageSchema, FlowNodePage>>;

/** JSON Schema of `FlowPage`; `Assert` keeps the two equal. */
export const FlowPageSchema = Type.Object({ flows: Type.Array(FlowViewSchema), cursor });
export type FlowPageMatches = Assert<Same<typeof FlowPageSchema, FlowPage>>;

const page = {
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 512, description: "`cursor` of the last page" }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.pageTasks, default: 50 })),
};

export const FlowListQuery = Type.Object(page, { additionalProperties: false });
export type FlowListQuery = Type.Static<typeof FlowListQuery>;

export const FlowNodesQuery = Type.Object(
  {
    state: Type.Optional(
      oneOf(TASK_STATES, {
        description: "Only nodes in this state. A page can then be short although it has a cursor",
      }),
    ),
    ...page,
  },
  { additionalProperties: false },
);
export type FlowNodesQuery = Type.Static<typeof FlowNodesQuery>;
