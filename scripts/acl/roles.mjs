/**
 * Who calls what in Redis, in one place: `make generate` writes infra/redis/acl from it, and
 * test/security lets each role do its whole job with nothing else.
 *
 * `scripts`: those of lua/ that the role runs; what they call and touch is read out of them.
 * `commands`: sent by the library itself, with the keys that they are sent for: parts of a queue, or `:part` of the system.
 * `only`: commands for these keys alone, which stand in a selector of their own: the user may send nothing else to them.
 * `scripts` are run on them, `keysOf` names a script whose keys they are.
 * `reads`: the same, for keys that the role must not write, whatever else it may send.
 */
const REGISTRY = {
  ":queues": ["SISMEMBER"],
  ":partitions": ["HGETALL", "HSETNX", "HDEL"],
};

/** What registers a queue: each role that enqueues, works or configures does that where it is new, or was deleted. */
const OPEN = ["open", "queueAdd"];

// Whoever could write there could make himself an admin: `holdfast key create` is for the user admin.
const API_KEYS = { ":keys": ["HGET", "HGETALL"] };
/** When a key was used last. */
const KEY_USES = { ":key_uses": ["HSET"] };

/** Every script that a role runs. */
export const scriptsOf = ({ scripts, only = [] }) => [
  ...scripts,
  ...only.flatMap((part) => part.scripts ?? []),
];

export const ROLES = {
  producer: {
    text: "Queue, producer-api",
    scripts: [...OPEN, "enqueue", "enqueueAgain", "confirm", "get", "cancel"],
    commands: { ...REGISTRY, ...KEY_USES, state: ["HGET", "EXISTS"] },
    reads: API_KEYS,
    keyless: ["WAIT", "WAITAOF"],
    listens: false,
  },
  worker: {
    text: "Worker with its heartbeat thread, the worker service",
    scripts: [...OPEN, "acquire", "settle", "heartbeat", "register", "timings", "progress", "get"],
    commands: { ...REGISTRY, stale_verdicts: ["LPUSH", "LTRIM"] },
    keyless: [],
    listens: true,
  },
  janitor: {
    text: "Janitor, the janitor service",
    scripts: [
      ...["reap", "promote", "expire", "purge", "reject", "audit", "epoch", "auditTrim"],
      // For what schedules have due.
      ...["schedulesDue", "schedulePlan", "scheduleSettle", ...OPEN, "enqueue", "get"],
    ],
    commands: {
      ":queues": ["SMEMBERS"],
      // It enqueues what schedules have due, in partitioned queues too.
      ":partitions": ["HGETALL"],
      tasks: ["HEXISTS"],
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
    text: "Observer, Schedules, observability with the dashboard",
    scripts: [
      ...["stats", "get", "list", "audit"],
      ...[...OPEN, "queueRemove"],
      ...[
        "enqueue",
        "enqueueAgain",
        "replay",
        "discard",
        "restore",
        "cancel",
        "pause",
        "configure",
        "empty",
        "delete",
      ],
      ...["operationCreate", "operationClaim", "operationWrite", "operationControl"],
      ...["schedulePut", "scheduleDelete", "scheduleSettle", "drain", "seriesWrite"],
    ],
    commands: {
      ...REGISTRY,
      ":queues": [...REGISTRY[":queues"], "SMEMBERS"],
      ":deleting": ["HSET"],
      ":workers": ["HVALS"],
      ":worker_tasks": ["HGETALL"],
      ":schedules": ["HMGET", "HGETALL"],
      ":operations": ["HMGET"],
      ":operations:index": ["ZSCORE", "ZREVRANGE", "ZREVRANK"],
      ":log_outs": ["XADD", "XRANGE"],
      ...KEY_USES,
      stale_verdicts: ["LRANGE"],
      timings: ["HGETALL"],
      series: ["LRANGE"],
      series_long: ["LRANGE"],
      series_last: ["GET"],
    },
    only: [
      // Appended to: nothing here takes a record away (XADD could, by its MAXLEN).
      { keys: [":audit_log"], scripts: ["auditAppend"], commands: ["LLEN", "LRANGE"] },
      // Whole keys go with their queue, and none of the system's.
      { keysOf: "delete", commands: ["UNLINK"] },
    ],
    reads: { ...API_KEYS, ":janitors": ["ZRANGEBYSCORE"], ":audit_dropped": ["GET"] },
    keyless: [],
    listens: false,
  },
};

/** Of every connection. AUTH and HELLO need no permission. SELECT is for a database number in the URL. */
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

/** Sent to a Cluster only. */
export const CLUSTER = ["CLUSTER|SLOTS", "CLUSTER|INFO"];

/** Redis refuses a user with a command that it does not know: these came with 7.2. */
export const SINCE_7_2 = ["WAITAOF", "CLIENT|SETINFO"];

/** Scripts that are given the index to work on, and which it can be. */
export const INDEXES = {
  list: [
    ...["pending:high", "pending", "pending:low", "pending:solo", "pending:typed", "processing", "scheduled"],
    ...["dead_letters", "completed", "cancelled", "expired", "discarded"],
  ],
  empty: [
    ...["pending:high", "pending", "pending:low", "pending:solo", "pending:typed", "scheduled"],
    ...["dead_letters", "completed", "cancelled", "expired"],
  ],
};
