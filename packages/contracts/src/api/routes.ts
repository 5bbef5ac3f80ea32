import { type Static, type TSchema, Type } from "typebox";
import {
  AlertMuteBody,
  AlertNotificationSchema,
  AlertNotificationsQuery,
  AlertNotificationsReply,
  AlertRuleBody,
  AlertRuleSchema,
  AlertsReply,
  AlertTargetBody,
  AlertTargetSchema,
} from "./alerts.ts";
import { nullable } from "./common.ts";
import { ErrorsQuery, ErrorsReply, MuteBody, MuteReply } from "./errors.ts";
import {
  CancelFlowReply,
  FlowGraphSchema,
  FlowListQuery,
  FlowNodePageSchema,
  FlowNodesQuery,
  FlowPageSchema,
} from "./flow.ts";
import { HeaviestKeysQuery, HeaviestKeysReply } from "./heaviest-keys.ts";
import { LogInBody, SessionView } from "./identity.ts";
import {
  HoldBody,
  KeyLimitBody,
  KeysQuery,
  KeysReply,
  LimitsBody,
  LimitsReply,
  SharedLimitBody,
  SharedLimitSchema,
  SharedLimitsReply,
  TaskKeySchema,
} from "./limits.ts";
import { LimitsTrialReply, LimitsTryBody } from "./limits-trial.ts";
import {
  AuditList,
  AuditQuery,
  ChangeTasksBody,
  ChangeTasksReply,
  DiscardBody,
  DiscardReply,
  FailureQuery,
  OperationFailures,
  OperationList,
  OperationListQuery,
  OperationView,
  ReplayBody,
  ReplayReply,
} from "./operators.ts";
import {
  BurstBody,
  DeleteQueueQuery,
  EmptyBody,
  PauseBody,
  PauseReply,
  QueueList,
  QueueSettingsSchema,
  QueueStatsSchema,
  RemovedReply,
  SeriesQuery,
  SeriesReply,
  SettingsBody,
  TypesQuery,
  TypesReply,
} from "./queue.ts";
import { RedisListReply } from "./redis.ts";
import {
  ScheduleActionBody,
  ScheduleBody,
  ScheduleList,
  SchedulePreview,
  SchedulePreviewBody,
  ScheduleQuery,
  ScheduleRunReply,
  ScheduleViewSchema,
} from "./schedules.ts";
import { TaskDetailSchema } from "./steps.ts";
import {
  CancelReply,
  ChangeBody,
  ChangeReply,
  TaskListQuery,
  TaskPage,
  TaskReceipt,
  TaskSearchQuery,
  WhyView,
} from "./task.ts";
import { WorkerActionBody, WorkerDrainReply, WorkerList } from "./workers.ts";

interface Route {
  query?: TSchema;
  body?: TSchema;
  /** The schema of the reply, by status. */
  replies: Record<number, TSchema>;
}

const operationVerb = { body: PauseBody, replies: { 202: OperationView } };
const workerVerb = { body: WorkerActionBody, replies: { 200: WorkerDrainReply } };
const scheduleVerb = { body: ScheduleActionBody, replies: { 200: ScheduleViewSchema } };

/**
 * The routes that the dashboard calls, by method and path. A test compares them with the routes that the observability
 * service has. The dashboard imports only the types below, so that the table is not part of its code.
 */
export const DASHBOARD_ROUTES = {
  "GET /v1/session": { replies: { 200: SessionView } },
  "POST /v1/session": { body: LogInBody, replies: { 200: SessionView } },
  "DELETE /v1/session": { replies: { 200: SessionView } },

  "GET /v1/redis": { replies: { 200: RedisListReply } },

  "GET /v1/queues": { replies: { 200: QueueList } },
  "GET /v1/queues/:queue": { replies: { 200: QueueStatsSchema } },
  "PATCH /v1/queues/:queue": { body: SettingsBody, replies: { 200: QueueSettingsSchema } },
  "DELETE /v1/queues/:queue": { query: DeleteQueueQuery, replies: { 200: RemovedReply } },
  "GET /v1/queues/:queue/series": { query: SeriesQuery, replies: { 200: SeriesReply } },
  "GET /v1/queues/:queue/types": { query: TypesQuery, replies: { 200: TypesReply } },
  "POST /v1/queues/:queue/pause": { body: PauseBody, replies: { 200: PauseReply } },
  "POST /v1/queues/:queue/resume": { body: PauseBody, replies: { 200: PauseReply } },
  "POST /v1/queues/:queue/empty": { body: EmptyBody, replies: { 200: RemovedReply, 202: OperationView } },
  "POST /v1/queues/:queue/burst": { body: BurstBody, replies: { 202: OperationView } },

  "GET /v1/queues/:queue/limits": { replies: { 200: LimitsReply } },
  "PUT /v1/queues/:queue/limits": { body: LimitsBody, replies: { 200: LimitsReply } },
  "POST /v1/queues/:queue/limits/try": { body: LimitsTryBody, replies: { 200: LimitsTrialReply } },
  "GET /v1/queues/:queue/heaviest-keys": { query: HeaviestKeysQuery, replies: { 200: HeaviestKeysReply } },
  "GET /v1/queues/:queue/keys": { query: KeysQuery, replies: { 200: KeysReply } },
  "GET /v1/queues/:queue/keys/:key": { replies: { 200: TaskKeySchema } },
  "PUT /v1/queues/:queue/keys/:key/limit": {
    body: nullable(KeyLimitBody),
    replies: { 200: TaskKeySchema },
  },
  "POST /v1/queues/:queue/hold": { body: HoldBody, replies: { 200: LimitsReply } },
  "GET /v1/limits": { replies: { 200: SharedLimitsReply } },
  "PUT /v1/limits/:name": { body: SharedLimitBody, replies: { 200: SharedLimitSchema } },
  "DELETE /v1/limits/:name": { replies: { 204: Type.Null() } },

  "GET /v1/tasks": { query: TaskSearchQuery, replies: { 200: TaskPage } },
  "GET /v1/queues/:queue/tasks": { query: TaskListQuery, replies: { 200: TaskPage } },
  "POST /v1/queues/:queue/tasks": { replies: { 200: TaskReceipt, 201: TaskReceipt, 208: TaskReceipt } },
  "GET /v1/queues/:queue/tasks/:id": { replies: { 200: TaskDetailSchema } },
  "DELETE /v1/queues/:queue/tasks/:id": { replies: { 200: CancelReply, 202: CancelReply } },
  "PATCH /v1/queues/:queue/tasks/:id": { body: ChangeBody, replies: { 200: ChangeReply } },
  "POST /v1/queues/:queue/tasks/change": {
    body: ChangeTasksBody,
    replies: { 200: ChangeTasksReply, 202: OperationView },
  },
  "GET /v1/queues/:queue/tasks/:id/why": { replies: { 200: WhyView } },

  "GET /v1/queues/:queue/flows": { query: FlowListQuery, replies: { 200: FlowPageSchema } },
  "GET /v1/queues/:queue/flows/:flow/graph": { replies: { 200: FlowGraphSchema } },
  "GET /v1/queues/:queue/flows/:flow/nodes": { query: FlowNodesQuery, replies: { 200: FlowNodePageSchema } },
  "POST /v1/queues/:queue/flows/:flow/cancel": { replies: { 200: CancelFlowReply } },

  "GET /v1/errors": { query: ErrorsQuery, replies: { 200: ErrorsReply } },
  "GET /v1/queues/:queue/errors": { query: ErrorsQuery, replies: { 200: ErrorsReply } },
  "PUT /v1/queues/:queue/errors/:signature/mute": { body: MuteBody, replies: { 200: MuteReply } },
  "DELETE /v1/queues/:queue/errors/:signature/mute": { replies: { 200: MuteReply } },

  "POST /v1/queues/:queue/dead-letters/replay": {
    body: ReplayBody,
    replies: { 200: ReplayReply, 202: OperationView },
  },
  "POST /v1/queues/:queue/dead-letters/discard": {
    body: DiscardBody,
    replies: { 200: DiscardReply, 202: OperationView },
  },

  "GET /v1/operations": { query: OperationListQuery, replies: { 200: OperationList } },
  "GET /v1/operations/:id": { replies: { 200: OperationView } },
  "GET /v1/operations/:id/failures": { query: FailureQuery, replies: { 200: OperationFailures } },
  "POST /v1/operations/:id/pause": operationVerb,
  "POST /v1/operations/:id/resume": operationVerb,
  "POST /v1/operations/:id/cancel": operationVerb,
  "POST /v1/operations/:id/undo": operationVerb,
  "GET /v1/audit": { query: AuditQuery, replies: { 200: AuditList } },

  "GET /v1/workers": { replies: { 200: WorkerList } },
  "POST /v1/workers/:id/drain": workerVerb,
  "POST /v1/workers/:id/resume": workerVerb,

  "GET /v1/alerts": { replies: { 200: AlertsReply } },
  "GET /v1/alerts/notifications": {
    query: AlertNotificationsQuery,
    replies: { 200: AlertNotificationsReply },
  },
  "PUT /v1/alerts/rules/:name": {
    body: AlertRuleBody,
    replies: { 200: AlertRuleSchema, 201: AlertRuleSchema },
  },
  "DELETE /v1/alerts/rules/:name": { replies: { 204: Type.Null() } },
  "POST /v1/alerts/rules/:name/mute": { body: AlertMuteBody, replies: { 200: AlertRuleSchema } },
  "POST /v1/alerts/rules/:name/unmute": { replies: { 200: AlertRuleSchema } },
  "PUT /v1/alerts/targets/:name": {
    body: AlertTargetBody,
    replies: { 200: AlertTargetSchema, 201: AlertTargetSchema },
  },
  "DELETE /v1/alerts/targets/:name": { replies: { 204: Type.Null() } },
  "POST /v1/alerts/targets/:name/test": { replies: { 200: AlertNotificationSchema } },

  "GET /v1/schedules": { query: ScheduleQuery, replies: { 200: ScheduleList } },
  "PUT /v1/schedules/:id": {
    body: ScheduleBody,
    replies: { 200: ScheduleViewSchema, 201: ScheduleViewSchema },
  },
  "DELETE /v1/schedules/:id": { replies: { 204: Type.Null() } },
  "POST /v1/schedules/:id/run": { body: ScheduleActionBody, replies: { 201: ScheduleRunReply } },
  "POST /v1/schedules/:id/pause": scheduleVerb,
  "POST /v1/schedules/:id/resume": scheduleVerb,
  "POST /v1/schedules/preview": { body: SchedulePreviewBody, replies: { 200: SchedulePreview } },
} as const satisfies Record<string, Route>;

type Routes = typeof DASHBOARD_ROUTES;
export type DashboardRoute = keyof Routes;
/** The type of the values for `:queue`, `:id`, `:flow`, `:key` and `:name` in a path. */
export type RouteParams<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Record<Name, string> & RouteParams<Rest>
  : Path extends `${string}:${infer Name}`
    ? Record<Name, string>
    : unknown;
export type RouteQuery<R extends DashboardRoute> = Routes[R] extends { query: infer S extends TSchema }
  ? Static<S>
  : undefined;
export type RouteBody<R extends DashboardRoute> = Routes[R] extends { body: infer S extends TSchema }
  ? Static<S>
  : undefined;
export type RouteReply<R extends DashboardRoute> = Routes[R] extends { replies: infer S }
  ? S[keyof S] extends TSchema
    ? Static<S[keyof S]>
    : never
  : never;
