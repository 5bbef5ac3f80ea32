// Made from lua/lib/format.lua by scripts/generate-bindings.mjs. Do not edit.

/** The first byte of a state record (lib/record.lua), which tells the state of the task. */
export const RECORD_PENDING = "p";
export const RECORD_SCHEDULED = "s";
export const RECORD_PROCESSING = "l";
export const RECORD_COMPLETED = "c";
export const RECORD_DEAD = "d";
export const RECORD_CANCELLED = "x";
export const RECORD_EXPIRED = "e";
export const RECORD_DISCARDED = "k";
export const RECORD_PURGED = "r";
export const RECORD_WAITING = "w";
export const RECORD_ELSEWHERE = "o";

/** The first byte of the envelope of a pending task without options. */
export const ENVELOPE_PLAIN = ".";

/** The first byte of the envelope of a pending task with options. */
export const ENVELOPE_OPTIONS = "+";

/** The first byte of the envelope of a scheduled task. */
export const ENVELOPE_SCHEDULED = "@";

/** The first byte of the envelope of a node of a flow. If such a node has no state record, its envelope was left by an aborted call and does not count. */
export const ENVELOPE_NODE = "&";

/** Flag in a state record: a caller gave the id of the task. */
export const FLAG_GIVEN = "h";

/** Flag in a state record: the task runs alone, because it crashed its workers. */
export const FLAG_ALONE = "o";

/** Flag in a state record: a cancel of the running task is requested. */
export const FLAG_CANCEL = "x";

/** Flag in a state record: the payload is removed when the task completes. */
export const FLAG_DROPS = "k";

/** Flag in a state record: another task with the same unique key waits for the end of this one. */
export const FLAG_NEXT = "n";

/** Flag in a state record: the task has the option `keep`. */
export const FLAG_KEEP = "l";

/** Flag in a state record: the handler has slept or waited, so the task did not wait in the queue for all the time since its enqueue. */
export const FLAG_SUSPENDED = "z";

/** Flag in a state record: the task is a node or a callback of a flow (lib/flows.lua). */
export const FLAG_NODE = "f";

/** Flag of a node: its `onDead` is "continue". */
export const FLAG_CONTINUE = "c";

/** Flag of a node: its `onDead` is "hold". */
export const FLAG_HOLD = "w";

/** Flag of a node: it has ended and the nodes behind it may run, although the letter of its record does not say so. */
export const FLAG_PASSED = "g";

/** Flag of a node: it failed, so the nodes behind it were skipped. */
export const FLAG_BLOCKED = "b";

/** Flag in a reply to a worker: the queue is paused. */
export const REPLY_PAUSED = 1;

/** Flag in a reply to a worker: a task has to run alone, so end the tasks that you hold and ask again. */
export const REPLY_MAKE_ROOM = 2;

/** Flag in a reply to a worker: the granted task has to run alone. */
export const REPLY_ALONE = 4;

/** Flag in a reply to a worker: ask again, because some entries that were looked at gave no task. */
export const REPLY_AGAIN = 8;

/** Flag in a reply to a worker: the request is parked, so it waits in Redis until an enqueue grants tasks to it. */
export const REPLY_PARKED = 16;

/** Flag in a reply to a worker: tasks wait for a worker that runs their type, so name the types that you run. */
export const REPLY_TYPED = 32;

/** Flag in a reply to a worker: nodes of flows have ended, so call flow_advance. */
export const REPLY_ENDS = 64;

/** After this many crashes of its workers, a task runs alone. */
export const ALONE_FROM_CRASHES = 2;

/** A record keeps at most this many attempts of a task, the last ones. */
export const HISTORY_LINES = 32;

/** If a worker hands a task back, the attempt is refunded. A task gets at most this many refunds. */
export const RELEASES_REFUNDED = 10;

/** If a handler meets a rate limit, the task is handed back. After this many times it becomes a dead letter instead. */
export const RATE_LIMITED_MAX = 100;

/** If a task starts late because no worker asked for it, the next one may start earlier by that delay, so that the rate is reached. The delay counts up to this fraction of the time between two starts. */
export const RATE_LATE = 0.9;

/** The end of a hold without end, ms since the epoch: the last date of JavaScript. An operator or a replay ends it. */
export const HELD_FOR_EVER = 8640000000000000;

/** A running flow has the score HELD_FOR_EVER + LAST_CREATED - <its creation in ms since the epoch> in `flows_due`. So the oldest flow has the highest score. */
export const LAST_CREATED = 10000000000000;

/** If a worker has no handler for a task of a key in strict order, the key is held for this long, ms. Later tasks of the key may not overtake it, and the same worker must not get it again at once. */
export const NO_HANDLER_HOLD_MS = 1000;

/** How long a key in strict order pauses if the type of its next task has reached its limit and nobody knows when there will be room, ms. */
export const FULL_TYPE_MS = 250;

/** A longer text of a durable step is stored in a field of its own (lib/steps.lua). */
export const STEP_INLINE_BYTES = 1024;

/** For a task, Redis keeps at most this many signals that its handler has not asked for. Each is kept for this long, ms. */
export const SIGNALS_KEPT = 100;
export const SIGNAL_KEPT_MS = 604800000;

/** A queue counts failures under at most this many signatures (lib/errors.lua). A signature has this many hexadecimal digits. */
export const ERRORS_KEPT = 500;
export const ERROR_DIGITS = 12;

/** Failures of a signature are counted in spans of ERROR_BUCKET_MS. The last ERROR_BUCKETS spans are kept. */
export const ERROR_BUCKET_MS = 600000;
export const ERROR_BUCKETS = 144;

/** At most this many tags and this many worker versions are kept for each signature. */
export const ERROR_WORDS = 10;

/** A purge looks at ERRORS_LOOKED signatures. It forgets those without dead letters and without failures for ERROR_KEPT_MS, or for ERROR_CROWDED_MS if the queue has nearly ERRORS_KEPT of them. */
export const ERRORS_LOOKED = 20;
export const ERROR_KEPT_MS = 2592000000;
export const ERROR_CROWDED_MS = 3600000;

/** The time-out of an attempt if neither the task nor its type has one, ms. */
export const ATTEMPT_TIMEOUT_MS = 1800000;

/** The first letter of a field name in a stream entry of events (lib/events.lua): what happened to the tasks. */
export const EVENT_ENQUEUED = "e";
export const EVENT_SCHEDULED = "s";
export const EVENT_WAITING = "a";
export const EVENT_PROMOTED = "q";

/** The task started. The id of its worker follows this letter. */
export const EVENT_STARTED = "g";
export const EVENT_COMPLETED = "c";

/** The task completed and has a result. */
export const EVENT_RESULT = "v";
export const EVENT_RETRIED = "r";
export const EVENT_RELEASED = "l";
export const EVENT_REAPED = "p";

/** The task died. The reason follows this letter. */
export const EVENT_DEAD = "d";
export const EVENT_CANCELLED = "x";
export const EVENT_EXPIRED = "o";
export const EVENT_REPLAYED = "y";
export const EVENT_REPLACED = "w";
export const EVENT_CHANGED = "n";
export const EVENT_DISCARDED = "k";
export const EVENT_RESTORED = "b";
export const EVENT_REMOVED = "m";

/** A flow ended: the ids are names of flows, and the outcome follows this letter. */
export const EVENT_FLOW_ENDED = "f";
