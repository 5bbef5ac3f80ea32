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

/** The first byte of an envelope: a pending task without options; a pending task with options; a scheduled task; a node of a flow. An envelope of a node without a state record was left by an aborted call and does not count. */
export const ENVELOPE_PLAIN = ".";
export const ENVELOPE_OPTIONS = "+";
export const ENVELOPE_SCHEDULED = "@";
export const ENVELOPE_NODE = "&";

/** Flags in a state record: a caller gave the id; the task runs alone; a cancel is requested; the payload is removed when the task completes; another task with the same unique key waits for the end of this one; the task has the option `keep`. */
export const FLAG_GIVEN = "h";
export const FLAG_ALONE = "o";
export const FLAG_CANCEL = "x";
export const FLAG_DROPS = "k";
export const FLAG_NEXT = "n";
export const FLAG_KEEP = "l";

/** The handler has slept or waited, so the task did not wait in the queue for all the time since its enqueue. */
export const FLAG_SUSPENDED = "z";

/** Flags of a task of a flow (lib/flows.lua): it is a node or a callback; policy "continue"; policy "hold"; it failed and the nodes behind it ran nevertheless; it failed and the nodes behind it were skipped. */
export const FLAG_NODE = "f";
export const FLAG_CONTINUE = "c";
export const FLAG_HOLD = "w";
export const FLAG_PASSED = "g";
export const FLAG_BLOCKED = "b";

/** Flags in a reply to a worker: the queue is paused; a task has to run alone, so end the tasks that you hold and ask again; the granted task has to run alone; ask again, because some entries gave no task; the request is parked; tasks wait for their type, so name the types that you run; nodes of flows have ended, so call flow_advance. */
export const REPLY_PAUSED = 1;
export const REPLY_MAKE_ROOM = 2;
export const REPLY_ALONE = 4;
export const REPLY_AGAIN = 8;
export const REPLY_PARKED = 16;
export const REPLY_TYPED = 32;
export const REPLY_ENDS = 64;

/** After this many crashes of its workers, a task runs alone. */
export const ALONE_FROM_CRASHES = 2;

/** A record keeps the last attempts of a task, at most this many. */
export const HISTORY_LINES = 32;

/** If a worker hands a task back, the attempt is refunded, at most this many times per task. */
export const RELEASES_REFUNDED = 10;

/** If a handler meets a rate limit, the task is handed back, at most this many times. After that it becomes a dead letter. */
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

/** A task keeps at most this many signals that its handler has not asked for, each for this long, ms. */
export const SIGNALS_KEPT = 100;
export const SIGNAL_KEPT_MS = 604800000;

/** A queue counts failures under at most this many signatures (lib/errors.lua), each of this many hexadecimal digits. */
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
