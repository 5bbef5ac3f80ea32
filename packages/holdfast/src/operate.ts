/**
 * The entry point for programs that operate queues, such as the services, the command line, or your own dashboard.
 * @module holdfast/operate
 */
export type { ActionFilter, ActionLog, ActionPage } from "./engine/action-log.ts";
export {
  type AlertConfig,
  type AlertStore,
  type AlertTurn,
  type AlertWrites,
  alertsOf,
  type HeldAlert,
  newNotification,
  type RuleState,
  type StoredRule,
  type StoredTarget,
  unknownRule,
  unknownTarget,
} from "./engine/alert-store.ts";
export type { OperationShare, OperationSpec, OperationStore } from "./engine/operation-store.ts";
export { EMPTIED_STATES } from "./observer/emptied.ts";
export { selectErrors } from "./observer/errors.ts";
export { matcherOf } from "./observer/filter.ts";
export { type Deploy, deployedOf, runsQueue } from "./observer/workers.ts";
export { finishHere } from "./operations/finish-here.ts";
export { OperationRunner, type OperationRunnerOptions } from "./operations/operation-runner.ts";
export { checkTask } from "./queue/task-checks.ts";
export { systemKeys } from "./redis/keys.ts";
export { mergeBuckets, type SeriesBucket } from "./series/bucket.ts";
export { quantileMs } from "./series/histogram.ts";
export { SeriesHistory } from "./series/series-history.ts";
export { addTypes, type TypeBucket, type TypeCounts } from "./series/type-series.ts";
