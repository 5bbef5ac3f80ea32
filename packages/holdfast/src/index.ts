/**
 * The main entry point (docs/library.md). Programs that enqueue or run tasks need no other.
 * @module holdfast
 */
export {
  type AttemptOutcome,
  type AttemptView,
  type Backoff,
  type BulkChange,
  CancelTask,
  type ChangedField,
  type ChangeOutcome,
  type ChangeResult,
  type ChangesView,
  type CurrentTask,
  type DeadReason,
  type Durability,
  type ErrorCode,
  type ErrorMute,
  type ErrorsView,
  type ErrorView,
  FatalError,
  type FlowCallback,
  type FlowCounts,
  type FlowDefinition,
  type FlowGraph,
  type FlowGroup,
  type FlowMoment,
  type FlowNode,
  type FlowNodePage,
  type FlowNodeView,
  type FlowOptions,
  type FlowPage,
  type FlowPolicy,
  type FlowReceipt,
  type FlowTaskOptions,
  type FlowView,
  type GapEvent,
  HoldfastError,
  type HoldScope,
  type Keep,
  type KeyLimits,
  type Limit,
  type LimitShare,
  type LimitsTrial,
  type LimitsView,
  type ListedState,
  type LogLevel,
  type LogMark,
  type MissedPolicy,
  type OverlapPolicy,
  Postpone,
  type Priority,
  type QueueEvent,
  type QueueFlow,
  type QueueLimits,
  type QueueSettings,
  type QueueStats,
  type QueueTotals,
  type Rate,
  RateLimited,
  type RateLimitedOptions,
  type ReplayView,
  RetryAfter,
  type RunOutcome,
  type ScheduledTaskOptions,
  type ScheduleInput,
  type ScheduleRun,
  type ScheduleView,
  type SharedLimitView,
  type StaleVerdict,
  type TaskChange,
  type TaskEvent,
  type TaskEventType,
  type TaskFlow,
  type TaskKeyView,
  type TaskOptions,
  type TaskSchedule,
  type TaskState,
  type TaskSteps,
  type TaskStepView,
  type TaskView,
  type TrialRun,
  type Unique,
  type UniqueConflict,
  type UniqueScope,
  type UniqueView,
  type WaitTimes,
  type WorkerView,
} from "@holdfast/contracts";
export type { TaskColumns } from "@holdfast/contracts/task-json";
export { Holdfast, type HoldfastOptions } from "./client.ts";
export {
  type BatchResults,
  defineTask,
  type StandardSchema,
  type TaskDefinition,
  type TaskDefinitionOptions,
} from "./define-task.ts";
export type { AuditReport } from "./engine/audit.ts";
export type { SignalOutcome } from "./engine/steps.ts";
export type { NewTask } from "./engine/task-options.ts";
export type { EventsOptions } from "./events/events-options.ts";
export type { QueueEvents } from "./events/queue-events.ts";
export { chain, fanIn, fanOut } from "./flows/build.ts";
export type { ChildrenOptions, FlowChild, TaskFlowContext } from "./flows/node-flow.ts";
export type { NodesAdded, OpenFlow } from "./flows/open-flow.ts";
export type { FlowNodesOptions, FlowsOptions } from "./flows/read-flow.ts";
export type { StopOptions } from "./grace.ts";
export { HandlerKilled, type KillReason } from "./isolation/handler-killed.ts";
export { loadHandlerModule, loadHandlerModules } from "./isolation/handler-module.ts";
export { type IsolatedHandlers, type IsolationOptions, isolated } from "./isolation/isolated.ts";
export { Janitor } from "./janitor/janitor.ts";
export type { JanitorEvents, JanitorOptions, SweptEvent } from "./janitor/janitor-options.ts";
export type { RewoundEvent } from "./janitor/rewind.ts";
export type { HeaviestKeys, KeyOrder } from "./limits/heaviest-keys.ts";
export type { DiscardResult, ReplayResult } from "./observer/dead-letters.ts";
export type { EmptiedState } from "./observer/emptied.ts";
export type { MuteOptions } from "./observer/errors.ts";
export type { DeadLetterFilter, TaskFilter } from "./observer/filter.ts";
export type { GivenUp, GiveUpResult } from "./observer/give-up.ts";
export { type BulkOptions, Observer, type ObserverOptions } from "./observer/observer.ts";
export type { SearchOptions } from "./observer/search.ts";
export type { ListOptions, TaskPage } from "./observer/task-list.ts";
export type { Why } from "./observer/why.ts";
export type { ColumnsResult } from "./queue/columns.ts";
export { Queue } from "./queue/queue.ts";
export type { EnqueueManyOptions, QueueOptions, WaitOptions } from "./queue/queue-options.ts";
export type { EnqueueReceipt, EnqueueResult } from "./queue/receipt.ts";
export type { ConnectionSettings } from "./redis/connection-settings.ts";
export { describeRedis, type RedisOption } from "./redis/settings.ts";
export type { ScheduleRunEvent } from "./schedules/firing.ts";
export { Schedules, type SchedulesOptions } from "./schedules/schedules.ts";
export { CallFailed } from "./steps/called-task.ts";
export type { Duration } from "./steps/duration.ts";
export type { CallOptions, Signal, SleepOptions, StepOptions, WaitForOptions } from "./steps/step-options.ts";
export { TaskSuspended } from "./steps/task-suspended.ts";
export { type TraceContext, traceContextOf } from "./tracing/trace-context.ts";
export type {
  AttemptAbout,
  AttemptSpan,
  EnqueueAbout,
  EnqueueSpan,
  Tracing,
} from "./tracing/tracing.ts";
export { batch } from "./worker/batch.ts";
export type { BatchContext, BatchHandler, BatchKey, BatchOptions } from "./worker/batch-handler.ts";
export type {
  BackoffFunction,
  Handler,
  HandlerContext,
  HandlerOptions,
  Handlers,
  HandlerTask,
  IsFailure,
  LogOptions,
} from "./worker/handler.ts";

export { JsonText } from "./worker/json-text.ts";
export {
  type AcquiredTask,
  type AcquireOptions,
  ManualWorker,
  type ManualWorkerOptions,
} from "./worker/manual-worker.ts";
export type { Middleware } from "./worker/middleware.ts";
export { Worker } from "./worker/worker.ts";
export type { SettledEvent, WorkerEvents } from "./worker/worker-events.ts";
export type { WorkerOptions } from "./worker/worker-options.ts";
