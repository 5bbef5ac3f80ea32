/**
 * The Redis rights of each role, in one place: `make generate` writes infra/redis/acl from it, and test/security lets
 * each role do its whole work with these rights.
 *
 * `scripts`: the scripts in lua/ that the role runs. Their commands and keys are read from the scripts. `commands`:
 * commands that the library itself sends, with their keys: parts of a queue, or `:part` of the system. `only`: commands
 * for these keys alone. They are in a selector of their own, so the user may send nothing else to these keys; `scripts`
 * are run on them, and `keysOf` names a script whose keys they are. `reads`: the same for keys that the role must not
 * write by any command.
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

// A role that could write there could make itself an admin. Only the user admin may run `holdfast key create`.
const API_KEYS = { ":keys": ["HGET", "HGETALL"] };
/** The last use of a key. */
const KEY_USES = { ":key_uses": ["HSET"] };

/** Every script that a role runs. */
export const scriptsOf = ({ scripts, only = [] }) => [
  ...scripts,
  ...only.flatMap((part) => part.scripts ?? []),
];

export const ROLES = {
  producer: {
    text: "Queue, producer-api",
    // A producer may say how many partitions its queue has.
    scripts: [...OPEN, "partition", "enqueue", "enqueueAgain", "confirm", "get", "cancel"],
    commands: { ...REGISTRY, ...KEY_USES, state: ["HGET", "EXISTS"] },
    reads: API_KEYS,
    keyless: ["WAIT", "WAITAOF"],
    listens: false,
  },
  worker: {
    text: "Worker with its heartbeat thread, the worker service",
    scripts: [...OPEN, "acquire", "settle", "heartbeat", "register", "timings", "progress", "get"],
    commands: { ":queues": ["SISMEMBER"], ":partitions": ["HGETALL"], stale_verdicts: ["LPUSH", "LTRIM"] },
    keyless: [],
    listens: true,
  },
  janitor: {
    text: "Janitor, the janitor service",
    scripts: [
      ...["reap", "promote", "expire", "purge", "reject", "audit", "epoch", "auditTrim"],
      // For due schedules.
      ...["schedulesDue", "schedulePlan", "scheduleSettle", ...OPEN, "enqueue", "get"],
    ],
    commands: {
      ":queues": ["SMEMBERS"],
      // The janitor enqueues tasks of due schedules, also in partitioned queues.
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
      ...[...OPEN, "partition", "queueRemove"],
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
      // Records are only appended. The role cannot remove one (XADD could, by its MAXLEN).
      { keys: [":audit_log"], scripts: ["auditAppend"], commands: ["LLEN", "LRANGE"] },
      // Whole keys are deleted with their queue, but no key of the system.
      { keysOf: "delete", commands: ["UNLINK"] },
    ],
    reads: { ...API_KEYS, ":janitors": ["ZRANGEBYSCORE"], ":audit_dropped": ["GET"] },
    keyless: [],
    listens: false,
  },
};

/** For every connection. AUTH and HELLO need no permission. SELECT is for a database number in the URL. */
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

/** Only sent to a Cluster. */
export const CLUSTER = ["CLUSTER|SLOTS", "CLUSTER|INFO"];

/** Redis refuses a user with an unknown command; these came with 7.2. */
export const SINCE_7_2 = ["WAITAOF", "CLIENT|SETINFO"];

/** Scripts that get their index as an argument, with the possible indexes. */
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
