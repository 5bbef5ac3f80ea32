/**
 * All Redis keys of one queue. They share a hash tag, `{<name>}`, so that a script may use them together on a Cluster.
 * docs/keys.md says what each key holds.
 */
export interface QueueKeys {
  readonly pendingHigh: string;
  readonly pending: string;
  readonly pendingLow: string;
  readonly pendingSolo: string;
  readonly pendingTyped: string;
  readonly pendingKeyed: string;
  readonly ready: string;
  readonly resting: string;
  readonly processing: string;
  readonly scheduled: string;
  readonly deadLetters: string;
  readonly completed: string;
  readonly kept: string;
  readonly keptTypes: string;
  readonly keptDead: string;
  readonly cancelled: string;
  readonly expired: string;
  readonly remembered: string;
  readonly discarded: string;
  readonly errors: string;
  readonly tasks: string;
  readonly state: string;
  readonly results: string;
  readonly progress: string;
  readonly steps: string;
  readonly stepsRemoved: string;
  readonly requests: string;
  readonly unique: string;
  readonly wake: string;
  readonly events: string;
  readonly staleVerdicts: string;
  readonly timings: string;
  readonly series: string;
  readonly seriesLong: string;
  readonly seriesLast: string;
  readonly typeTimings: string;
  readonly seriesTypes: string;
  readonly flowsDue: string;
}

/** The keys of no queue. No queue can have their hash tag `{:system}`, because its name may not begin with a colon. */
export interface SystemKeys {
  readonly queues: string;
  readonly workers: string;
  readonly partitions: string;
  readonly deleting: string;
  readonly queueMakers: string;
  readonly sharedLimits: string;
  readonly apiKeys: string;
  readonly apiKeyUses: string;
  readonly logOuts: string;
  readonly workerTasks: string;
  readonly draining: string;
  readonly schedules: string;
  readonly schedulesDue: string;
  readonly janitors: string;
  readonly operations: string;
  readonly operationsIndex: string;
  readonly operationsRunning: string;
  readonly auditLog: string;
  readonly auditDropped: string;
  readonly webhookCursors: string;
  readonly alerts: string;
  readonly alertRules: string;
  readonly alertTargets: string;
  readonly alertHistory: string;
}

export function queueKeys(prefix: string, queue: string): QueueKeys {
  const key = (part: string) => `${prefix}:{${queue}}:${part}`;
  return {
    pendingHigh: key("pending:high"),
    pending: key("pending"),
    pendingLow: key("pending:low"),
    pendingSolo: key("pending:solo"),
    pendingTyped: key("pending:typed"),
    pendingKeyed: key("pending:keyed"),
    ready: key("ready"),
    resting: key("resting"),
    processing: key("processing"),
    scheduled: key("scheduled"),
    deadLetters: key("dead_letters"),
    completed: key("completed"),
    kept: key("kept"),
    keptTypes: key("kept:types"),
    keptDead: key("kept:dead"),
    cancelled: key("cancelled"),
    expired: key("expired"),
    remembered: key("remembered"),
    discarded: key("discarded"),
    errors: key("errors"),
    tasks: key("tasks"),
    state: key("state"),
    results: key("results"),
    progress: key("progress"),
    steps: key("steps"),
    stepsRemoved: key("steps:removed"),
    requests: key("requests"),
    unique: key("unique"),
    wake: key("wake"),
    events: key("events"),
    staleVerdicts: key("stale_verdicts"),
    timings: key("timings"),
    series: key("series"),
    seriesLong: key("series_long"),
    seriesLast: key("series_last"),
    typeTimings: key("type_timings"),
    seriesTypes: key("series_types"),
    flowsDue: key("flows_due"),
  };
}

/** The channel on which a worker gets tasks that were granted to its parked request. */
export function workerChannel(wake: string, workerId: string): string {
  return `${wake}:${workerId}`;
}

/** The channel for readers of events that have read all events. A message on it says that there are new events. */
export function eventsChannel(wake: string): string {
  return `${wake}:#events`;
}

/** Returns the keys that belong to no queue. */
export function systemKeys(prefix: string): SystemKeys {
  const key = (part: string) => `${prefix}:{:system}:${part}`;
  return {
    queues: key("queues"),
    workers: key("workers"),
    partitions: key("partitions"),
    deleting: key("deleting"),
    queueMakers: key("queue_makers"),
    sharedLimits: key("shared_limits"),
    apiKeys: key("keys"),
    apiKeyUses: key("key_uses"),
    logOuts: key("log_outs"),
    workerTasks: key("worker_tasks"),
    draining: key("draining"),
    schedules: key("schedules"),
    schedulesDue: key("schedules_due"),
    janitors: key("janitors"),
    operations: key("operations"),
    operationsIndex: key("operations:index"),
    operationsRunning: key("operations:running"),
    auditLog: key("audit_log"),
    auditDropped: key("audit_dropped"),
    webhookCursors: key("webhook_cursors"),
    alerts: key("alerts"),
    alertRules: key("alert_rules"),
    alertTargets: key("alert_targets"),
    alertHistory: key("alert_history"),
  };
}
