// Made from lua/lib/format.lua by scripts/generate-bindings.mjs. Do not edit.

/** The first byte of a state record (lib/record.lua): where the task is. */
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

/** The first byte of an envelope: a pending task without options, a pending task with options, a scheduled task, a node of a flow. An envelope of a node without a state record was left by an aborted call, and counts as no task. */
export const ENVELOPE_PLAIN = ".";
export const ENVELOPE_OPTIONS = "+";
export const ENVELOPE_SCHEDULED = "@";
export const ENVELOPE_NODE = "&";

/** The flags of a state record, in the order below: the id was given by a caller; the task runs alone; a cancel was requested; the payload is removed when the task completes; another task with the same unique key waits for the end of this one; the task has the option `keep`. */
export const FLAG_GIVEN = "h";
export const FLAG_ALONE = "o";
export const FLAG_CANCEL = "x";
export const FLAG_DROPS = "k";
export const FLAG_NEXT = "n";
export const FLAG_KEEP = "l";

/** The handler of the task slept or waited, so the time since the enqueue is not the time for which the task waited. */
export const FLAG_SUSPENDED = "z";

/** The flags of a node of a flow (lib/flows.lua), in the order below: the task is a node or a callback of a flow; the policy "continue"; the policy "hold"; the node did not complete, and the nodes behind it treat it as completed; the node did not complete, and the nodes behind it were skipped. */
export const FLAG_NODE = "f";
export const FLAG_CONTINUE = "c";
export const FLAG_HOLD = "w";
export const FLAG_PASSED = "g";
export const FLAG_BLOCKED = "b";

/** What the flags of a reply tell a worker, in the order below: the queue is paused; make room (end the tasks that you hold and ask again), because a task has to run alone; the granted task has to run alone; ask again, because entries were dropped; the request is parked; tasks were put aside because of their types, so send the types that you run; nodes of flows ended, so call flow_advance. */
export const REPLY_PAUSED = 1;
export const REPLY_MAKE_ROOM = 2;
export const REPLY_ALONE = 4;
export const REPLY_AGAIN = 8;
export const REPLY_PARKED = 16;
export const REPLY_TYPED = 32;
export const REPLY_ENDS = 64;

/** A task that has crashed its workers this many times runs alone. */
export const ALONE_FROM_CRASHES = 2;

/** A record keeps at most this many ended attempts. */
export const HISTORY_LINES = 32;

/** When a worker hands a task back, the attempt is refunded, but at most this many times for each task. */
export const RELEASES_REFUNDED = 10;

/** A handler may hand a task back because of a rate limit this many times. After that the task dies. */
export const RATE_LIMITED_MAX = 100;

/** If a task starts late because no worker asked in time, the next one may start that much earlier, so that the rate is reached. This holds for delays up to this part of the time between two starts. */
export const RATE_LATE = 0.9;

/** A hold that ends at this time, ms since the epoch, ends only by an operator or a replay. JavaScript has no later date. */
export const HELD_FOR_EVER = 8640000000000000;

/** The score in `flows_due` of a flow that runs is HELD_FOR_EVER + LAST_CREATED - the time when it was created, ms since the epoch. So the oldest flow has the highest score. */
export const LAST_CREATED = 10000000000000;

/** If a worker has no handler for a task in strict order, the tasks behind it may not overtake it. The key of the task is held for this long, ms, so that the same worker does not get the task again and again. */
export const NO_HANDLER_HOLD_MS = 1000;

/** A task in strict order may have a type that is full. If nobody knows when the type has room again, the key of the task rests for this long, ms. */
export const FULL_TYPE_MS = 250;

/** A text of a durable step that is longer than this has a field of its own (lib/steps.lua). */
export const STEP_INLINE_BYTES = 1024;

/** A task keeps this many signals for which its handler has not waited yet, each for this long, ms. */
export const SIGNALS_KEPT = 100;
export const SIGNAL_KEPT_MS = 604800000;

/** A queue counts failures by at most this many signatures (lib/errors.lua). A signature has this many hexadecimal digits. */
export const ERRORS_KEPT = 500;
export const ERROR_DIGITS = 12;

/** For each signature, failures are counted in buckets of this many ms. The last ERROR_BUCKETS buckets are kept. */
export const ERROR_BUCKET_MS = 600000;
export const ERROR_BUCKETS = 144;

/** For each signature, at most this many tags are kept, and as many versions of workers. */
export const ERROR_WORDS = 10;

/** A purge looks at this many errors, and forgets those without dead letters that were not seen for ERROR_KEPT_MS, or for ERROR_CROWDED_MS if the queue has nearly ERRORS_KEPT of them. */
export const ERRORS_LOOKED = 20;
export const ERROR_KEPT_MS = 2592000000;
export const ERROR_CROWDED_MS = 3600000;

/** The time-out of an attempt, ms, if neither the task nor its type has one. */
export const ATTEMPT_TIMEOUT_MS = 1800000;

/** The first byte of a field in an entry of the stream of events (lib/events.lua): what happened to the tasks in it. */
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

/** A flow ended: the ids are names of flows. The outcome follows this letter. */
export const EVENT_FLOW_ENDED = "f";
