/**
 * The Redis rights of each role. `make generate` writes infra/redis/acl from this table. The tests in test/security
 * check that each role can do all of its work with these rights.
 *
 * - `scripts`: the scripts of lua/ that the role runs. The commands and keys that they need are read from the
 *   scripts.
 * - `commands`: key -> the commands that the library sends for this key outside of scripts. The key is a part of a
 *   queue, or `:part` of the system.
 * - `only`: narrower rights. For the keys in `keys`, or the keys of the script `keysOf`, the role may send only these
 *   `commands` and run only these `scripts`. `channels` does the same for channels.
 * - `reads`: like `commands`, for keys that the role must not write.
 */
const REGISTRY = {
  ":queues": ["SISMEMBER"],
  ":partitions": ["HGETALL"],
};

/**
 * The scripts that register a queue. Every role that enqueues tasks, runs tasks or changes settings needs them,
 * because the queue may be new or deleted.
 */
const OPEN = ["open", "queueAdd"];

/**
 * The scripts that count the ended nodes of flows. A process that runs them also delivers messages to other queues.
 */
const FLOW_ENDS = ["flowAdvance", "flowOutbox", "flowReceive", "flowSent"];

// No role may write API keys, because it could make itself an admin. So only the user admin can run `holdfast key
// create`.
const API_KEYS = { ":keys": ["HGET", "HGETALL"] };
/** The Redis key that stores when each API key was last used. */
const KEY_USES = { ":key_uses": ["HSET"] };

/**
 * The channel that announces new events. A role that only waits for results or reads events may listen to no other
 * channel.
 */
const EVENTS_CHANNEL = { channels: ["wake:#events"], commands: ["SSUBSCRIBE", "SUNSUBSCRIBE"] };

/** Returns every script that the role runs, including those in `only`. */
export const scriptsOf = ({ scripts, only = [] }) => [
  ...scripts,
  ...only.flatMap((part) => part.scripts ?? []),
];

/** The rights for running tasks, in a worker of the library or through worker-api. */
const RUN = {
  scripts: [
    ...[...OPEN, "acquire", "settle", "heartbeat", "register", "timings", "typeTimings", "progress", "get"],
    // A running node of a flow reads the results of other nodes.
    ...[...FLOW_ENDS, "flowNodes"],
    // A step may call another task. The called task tells its caller when it has ended.
    ...["step", "steps", "waitFor", "enqueue", "signal"],
  ],
  commands: {
    ...REGISTRY,
    progress: ["HGET"],
    steps: ["HGET"],
    stale_verdicts: ["LPUSH", "LTRIM"],
  },
};

export const ROLES = {
  producer: {
    text: "Queue and producer-api",
    // A producer may set the number of partitions of its queue.
    scripts: [
      ...OPEN,
      "partition",
      "enqueue",
      "enqueueAgain",
      "replace",
      "confirm",
      "get",
      "cancel",
      "change",
      "key",
      "events",
      ...[...FLOW_ENDS, "flowAdd", "flowCancel", "flowNodes", "flowTarget"],
      "signal",
    ],
    commands: { ...REGISTRY, ...KEY_USES, state: ["HGET", "EXISTS"], results: ["HMGET"] },
    reads: API_KEYS,
    keyless: ["WAIT", "WAITAOF"],
    only: [EVENTS_CHANNEL],
    listens: false,
  },
  worker: {
    text: "Worker with its heartbeat thread, and of the worker service",
    // A running node may add nodes.
    scripts: [...RUN.scripts, "flowAdd", "flowTarget"],
    commands: RUN.commands,
    keyless: [],
    listens: true,
  },
  "worker-api": {
    text: "worker-api, which serves workers of other languages",
    scripts: RUN.scripts,
    // The record in `state` shows whether a task still has the lease that its worker names.
    commands: { ...RUN.commands, ...KEY_USES, state: ["HGET"] },
    reads: API_KEYS,
    keyless: [],
    listens: true,
  },
  dispatcher: {
    text: "the dispatcher service",
    // The dispatcher runs tasks like a worker. Nothing that it runs adds nodes to a flow.
    scripts: [
      ...[...OPEN, "acquire", "settle", "heartbeat", "register", "timings", "typeTimings", "get"],
      ...FLOW_ENDS,
      // If an endpoint answers 202, its task waits for a signal that carries the report.
      ...["step", "steps", "waitFor", "signal"],
      // The dispatcher reads events, and enqueues a task for each webhook that has to be sent.
      ...["events", "enqueue"],
    ],
    commands: {
      ":queues": ["SISMEMBER"],
      ":partitions": ["HGETALL"],
      ":webhook_cursors": ["HGET", "HSET"],
      steps: ["HGET"],
      stale_verdicts: ["LPUSH", "LTRIM"],
      results: ["HMGET"],
    },
    keyless: [],
    listens: true,
  },
  janitor: {
    text: "Janitor and the janitor service",
    scripts: [
      ...[
        "reap",
        "promote",
        "expire",
        "purge",
        "reject",
        "freeKeys",
        "freeSteps",
        "audit",
        "epoch",
        "auditTrim",
      ],
      ...FLOW_ENDS,
      // The janitor divides shared limits among the queues.
      ...["share", "sharedLimit", "stats"],
      // The janitor enqueues the tasks of due schedules.
      ...["schedulesDue", "schedulePlan", "scheduleSettle", ...OPEN, "enqueue", "replace", "get"],
    ],
    commands: {
      ":queues": ["SMEMBERS", "SISMEMBER"],
      // A due schedule may enqueue into a partitioned queue.
      ":partitions": ["HGETALL"],
      tasks: ["HEXISTS"],
      state: ["HGET"],
      ":shared_limits": ["HGETALL"],
      ":workers": ["HVALS", "HDEL"],
      ":worker_tasks": ["HDEL"],
      ":draining": ["SREM"],
      ":schedules": ["HMGET"],
      ":janitors": ["ZREM"],
    },
    keyless: [],
    listens: false,
  },
  observer: {
    text: "Observer, Schedules, and observability with the dashboard",
    scripts: [
      ...[
        "stats",
        "get",
        "errors",
        "mute",
        "events",
        "list",
        "audit",
        "limits",
        "key",
        "openKeys",
        "keys",
        "share",
        "sharedLimit",
      ],
      ...[...OPEN, "partition", "queueRemove"],
      ...[
        "enqueue",
        "enqueueAgain",
        "replace",
        "replay",
        "discard",
        "restore",
        "giveUp",
        "cancel",
        "change",
        "signal",
        "steps",
        "pause",
        "configure",
        "empty",
        "delete",
        ...[...FLOW_ENDS, "flowAdd", "flowCancel", "flowNodes", "flowTarget"],
      ],
      ...["operationCreate", "operationClaim", "operationWrite", "operationControl"],
      ...["schedulePut", "scheduleDelete", "scheduleSettle", "drain", "seriesWrite"],
      ...["alertPut", "alertTurn", "alertWrite"],
    ],
    commands: {
      ...REGISTRY,
      ":queues": [...REGISTRY[":queues"], "SMEMBERS"],
      ":deleting": ["HSET"],
      ":shared_limits": ["HGETALL", "HGET"],
      ":workers": ["HVALS"],
      ":worker_tasks": ["HGETALL"],
      ":schedules": ["HMGET", "HGETALL"],
      ":operations": ["HMGET"],
      ":operations:index": ["ZSCORE", "ZREVRANGE", "ZREVRANK"],
      ":log_outs": ["XADD", "XRANGE"],
      ":alerts": ["HGET", "HGETALL"],
      ":alert_rules": ["HGETALL"],
      ":alert_targets": ["HGETALL"],
      ":alert_history": ["LRANGE"],
      ...KEY_USES,
      stale_verdicts: ["LRANGE"],
      results: ["HMGET"],
      state: ["HGET", "HSCAN"],
      timings: ["HGETALL"],
      series: ["LRANGE"],
      series_long: ["LRANGE"],
      series_last: ["GET"],
      type_timings: ["HGETALL"],
      series_types: ["LRANGE"],
    },
    only: [
      // The role may add records to the audit log, but not remove any. So XADD is not allowed, because its MAXLEN
      // removes records.
      { keys: [":audit_log"], scripts: ["auditAppend"], commands: ["LLEN", "LRANGE"] },
      // When a queue is deleted, its keys are unlinked. This right covers only keys of queues, and not keys of the
      // system.
      { keysOf: "delete", commands: ["UNLINK"] },
      EVENTS_CHANNEL,
    ],
    reads: { ...API_KEYS, ":janitors": ["ZRANGEBYSCORE"], ":audit_dropped": ["GET"] },
    keyless: [],
    listens: false,
  },
};

/**
 * The commands that every connection sends. AUTH and HELLO need no right. SELECT is needed if the URL has a database
 * number.
 */
export const CONNECTION = [
  "EVALSHA",
  "EVAL",
  "INFO",
  "TIME",
  "PING",
  "SELECT",
  "CLIENT|SETNAME",
  "CLIENT|SETINFO",
];

/** Commands that are sent only to a Cluster. */
export const CLUSTER = ["CLUSTER|SLOTS", "CLUSTER|INFO"];

/**
 * Commands that exist since Redis 7.2. An older Redis refuses a user whose rules name a command that it does not know.
 */
export const SINCE_7_2 = ["WAITAOF", "CLIENT|SETINFO"];

/**
 * Some scripts read an index whose name they get as an argument. For each of these scripts, the indexes that it may
 * read.
 */
export const INDEXES = {
  list: [
    ...["pending:high", "pending", "pending:low", "pending:solo", "pending:typed", "pending:keyed"],
    ...["processing", "scheduled"],
    ...["dead_letters", "completed", "cancelled", "expired", "discarded", "flows_due"],
  ],
  empty: [
    ...[
      "pending:high",
      "pending",
      "pending:low",
      "pending:solo",
      "pending:typed",
      "pending:keyed",
      "scheduled",
    ],
    ...["dead_letters", "completed", "cancelled", "expired"],
  ],
};
