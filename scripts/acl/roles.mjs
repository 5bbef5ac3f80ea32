/**
 * The Redis rights of each role. `make generate` writes infra/redis/acl from this table, and test/security lets each
 * role do its whole work with these rights.
 *
 * `scripts`: the scripts in lua/ that the role runs, which name their commands and keys.
 * `commands`: commands that the library itself sends, by key: a part of a queue, or `:part` of the system.
 * `only`: a selector for `keys`, or for the keys of the script `keysOf`. The role may send only these `commands` to
 * these keys, and run only these `scripts` on them. With `channels` it is a selector for these channels.
 * `reads`: like `commands`, for keys that the role must not write.
 */
const REGISTRY = {
  ":queues": ["SISMEMBER"],
  ":partitions": ["HGETALL"],
};

/**
 * Commands that register a queue. Every role that enqueues, works or configures registers a queue that is new or was
 * deleted.
 */
const OPEN = ["open", "queueAdd"];

// A role that could write API keys could make itself an admin. Only the user admin may run `holdfast key create`.
const API_KEYS = { ":keys": ["HGET", "HGETALL"] };
/** The time of the last use of each API key. */
const KEY_USES = { ":key_uses": ["HSET"] };

/** Whoever waits for a result or reads events is told of new events on this channel, and may listen to no other. */
const EVENTS_CHANNEL = { channels: ["wake:#events"], commands: ["SSUBSCRIBE", "SUNSUBSCRIBE"] };

/** Every script that a role runs. */
export const scriptsOf = ({ scripts, only = [] }) => [
  ...scripts,
  ...only.flatMap((part) => part.scripts ?? []),
];

export const ROLES = {
  producer: {
    text: "Queue and producer-api",
    // `partition` is here because a producer may set the number of partitions of its queue.
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
      ...["flowAdd", "flowAdvance", "flowCancel", "flowNodes"],
    ],
    commands: { ...REGISTRY, ...KEY_USES, state: ["HGET", "EXISTS"], results: ["HMGET"] },
    reads: API_KEYS,
    keyless: ["WAIT", "WAITAOF"],
    only: [EVENTS_CHANNEL],
    listens: false,
  },
  worker: {
    text: "Worker with its heartbeat thread, and of the worker service",
    scripts: [
      ...[...OPEN, "acquire", "settle", "heartbeat", "register", "timings", "progress", "get"],
      // Running nodes add nodes and read results.
      ...["flowAdvance", "flowAdd", "flowNodes"],
    ],
    commands: {
      ":queues": ["SISMEMBER"],
      ":partitions": ["HGETALL"],
      progress: ["HGET"],
      stale_verdicts: ["LPUSH", "LTRIM"],
    },
    keyless: [],
    listens: true,
  },
  janitor: {
    text: "Janitor and the janitor service",
    scripts: [
      ...["reap", "promote", "expire", "purge", "reject", "freeKeys", "audit", "epoch", "auditTrim"],
      "flowAdvance",
      // The janitor divides shared limits among their queues.
      ...["share", "sharedLimit", "stats"],
      // The janitor enqueues the tasks of due schedules.
      ...["schedulesDue", "schedulePlan", "scheduleSettle", ...OPEN, "enqueue", "replace", "get"],
    ],
    commands: {
      ":queues": ["SMEMBERS"],
      // A task of a due schedule may go to a partitioned queue.
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
        "pause",
        "configure",
        "empty",
        "delete",
        ...["flowAdd", "flowAdvance", "flowCancel", "flowNodes"],
      ],
      ...["operationCreate", "operationClaim", "operationWrite", "operationControl"],
      ...["schedulePut", "scheduleDelete", "scheduleSettle", "drain", "seriesWrite"],
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
      ...KEY_USES,
      stale_verdicts: ["LRANGE"],
      results: ["HMGET"],
      state: ["HGET", "HSCAN"],
      timings: ["HGETALL"],
      series: ["LRANGE"],
      series_long: ["LRANGE"],
      series_last: ["GET"],
    },
    only: [
      // The role can append records but not remove them, and so has no XADD, whose MAXLEN removes records.
      { keys: [":audit_log"], scripts: ["auditAppend"], commands: ["LLEN", "LRANGE"] },
      // The deletion of a queue deletes whole keys. The selector excludes the keys of the system.
      { keysOf: "delete", commands: ["UNLINK"] },
      EVENTS_CHANNEL,
    ],
    reads: { ...API_KEYS, ":janitors": ["ZRANGEBYSCORE"], ":audit_dropped": ["GET"] },
    keyless: [],
    listens: false,
  },
};

/** Commands of every connection. AUTH and HELLO need no permission. SELECT is for a database number in the URL. */
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

/** Commands that are only sent to a Cluster. */
export const CLUSTER = ["CLUSTER|SLOTS", "CLUSTER|INFO"];

/** Commands that Redis has since 7.2. An older Redis refuses a user with a command that it does not know. */
export const SINCE_7_2 = ["WAITAOF", "CLIENT|SETINFO"];

/** Scripts that get their index as an argument, with the possible indexes. */
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
