import {
  FLOW_ID_PATTERN,
  type FLOW_MOMENTS,
  FLOW_POLICIES,
  LIMITS,
  NODE_NAME_PATTERN,
  NODE_PATH_PATTERN,
  QUEUE_NAME_PATTERN,
} from "@holdfast/contracts";
import { type Static, Type } from "typebox";
import { OneOf } from "../http/validation.ts";
import { newTaskSchema, taskOptionsSchema } from "../tasks/schema.ts";

const strict = { additionalProperties: false };

const {
  type,
  priority,
  delayMs,
  runAt,
  maxRetries,
  backoff,
  timeoutMs,
  expiresAt,
  tags,
  keepPayload,
  key,
  cost,
} = taskOptionsSchema.properties;
const options = {
  ...{ type, priority, delayMs, runAt, maxRetries, backoff, timeoutMs, expiresAt },
  ...{ tags, keepPayload, key, cost },
};
const { payload } = newTaskSchema.properties;

const queue = Type.Optional(
  Type.String({
    pattern: QUEUE_NAME_PATTERN,
    description:
      "The queue in which the task runs. It has to exist, and the key has to have access to it. Default: the queue of the flow.",
  }),
);

const ofNode = {
  name: Type.String({
    pattern: NODE_NAME_PATTERN,
    description: "Names the node within its flow. The id of its task is <flow>.<name>.",
  }),
  after: Type.Optional(
    Type.Array(Type.String({ pattern: NODE_PATH_PATTERN }), {
      maxItems: LIMITS.nodeAfter,
      description: "The names of the nodes that have to end before this one may run. Default: none.",
    }),
  ),
  onDead: Type.Optional(
    OneOf(FLOW_POLICIES, {
      description:
        "The nodes behind this one, if it does not complete. fail: they are skipped. continue: they run as if it had completed. hold: they wait until its dead letter is replayed.",
      default: "fail",
    }),
  ),
};

/** All fields of a callback except the payload, which this service never parses. */
export const callbackFieldsSchema = Type.Object({ queue, ...options }, strict);
export type CallbackJson = Static<typeof callbackFieldsSchema>;

/** All fields of a node except the payload. */
export const nodeFieldsSchema = Type.Object({ ...ofNode, queue, ...options }, strict);
export type NodeJson = Static<typeof nodeFieldsSchema>;

const nodeSchema = Type.Object({ ...ofNode, queue, ...options, payload }, strict);
const callbackSchema = Type.Optional(Type.Object({ queue, ...options, payload }, strict));

/** The body of a request that adds nodes, for the API description. */
export const nodesSchema = Type.Array(nodeSchema, { maxItems: LIMITS.batchTasks });

const head = {
  id: Type.Optional(
    Type.String({ pattern: FLOW_ID_PATTERN, description: "Makes the request idempotent. Minted if absent." }),
  ),
  open: Type.Optional(
    Type.Boolean({
      default: false,
      description: "True: nodes can be added later, until the flow is sealed.",
    }),
  ),
  sealBy: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 8_640_000_000_000_000,
      description:
        "The flow is cancelled unless it is sealed by this moment, ms since the epoch. Default: an hour from now.",
    }),
  ),
};

/** The fields of a flow except its nodes and its callbacks. */
export const flowFieldsSchema = Type.Object(head, strict);
export type FlowJson = Static<typeof flowFieldsSchema>;

/** The body of a whole flow, for the API description. */
export const flowSchema = Type.Object(
  {
    ...head,
    on: Type.Optional(
      Type.Object(
        {
          dead: callbackSchema,
          cancelled: callbackSchema,
          success: callbackSchema,
          done: callbackSchema,
        } satisfies Record<(typeof FLOW_MOMENTS)[number], unknown>,
        {
          ...strict,
          description:
            "Tasks that the flow enqueues, each at most once. dead: at its first dead letter. done: when its last node has ended. success: the same, if every node has completed. cancelled: the same, if the flow was cancelled.",
        },
      ),
    ),
    nodes: Type.Optional(nodesSchema),
  },
  strict,
);
