-- Letters, flags and limits that the scripts and the library share. The build puts the values into each script, and
-- writes them to packages/holdfast/src/engine/format.ts.

-- The first byte of a state record (lib/record.lua), which tells the state of the task.
local RECORD_PENDING = string.byte('p')
local RECORD_SCHEDULED = string.byte('s')
local RECORD_PROCESSING = string.byte('l')
local RECORD_COMPLETED = string.byte('c')
local RECORD_DEAD = string.byte('d')
local RECORD_CANCELLED = string.byte('x')
local RECORD_EXPIRED = string.byte('e')
local RECORD_DISCARDED = string.byte('k')
local RECORD_PURGED = string.byte('r')
local RECORD_WAITING = string.byte('w')
local RECORD_ELSEWHERE = string.byte('o')

-- The first byte of the envelope of a pending task without options.
local ENVELOPE_PLAIN = string.byte('.')
-- The first byte of the envelope of a pending task with options.
local ENVELOPE_OPTIONS = string.byte('+')
-- The first byte of the envelope of a scheduled task.
local ENVELOPE_SCHEDULED = string.byte('@')
-- The first byte of the envelope of a node of a flow. If such a node has no state record, its envelope was left by an
-- aborted call and does not count.
local ENVELOPE_NODE = string.byte('&')

-- Flag in a state record: a caller gave the id of the task.
local FLAG_GIVEN = 'h'
-- Flag in a state record: the task runs alone, because it crashed its workers.
local FLAG_ALONE = 'o'
-- Flag in a state record: a cancel of the running task is requested.
local FLAG_CANCEL = 'x'
-- Flag in a state record: the payload is removed when the task completes.
local FLAG_DROPS = 'k'
-- Flag in a state record: another task with the same unique key waits for the end of this one.
local FLAG_NEXT = 'n'
-- Flag in a state record: the task has the option `keep`.
local FLAG_KEEP = 'l'
-- Flag in a state record: the handler has slept or waited, so the task did not wait in the queue for all the time since its enqueue.
local FLAG_SUSPENDED = 'z'

-- Flag in a state record: the task is a node or a callback of a flow (lib/flows.lua).
local FLAG_NODE = 'f'
-- Flag of a node: its `onDead` is "continue".
local FLAG_CONTINUE = 'c'
-- Flag of a node: its `onDead` is "hold".
local FLAG_HOLD = 'w'
-- Flag of a node: it has ended and the nodes behind it may run, although the letter of its record does not say so.
local FLAG_PASSED = 'g'
-- Flag of a node: it failed, so the nodes behind it were skipped.
local FLAG_BLOCKED = 'b'

-- Flag in a reply to a worker: the queue is paused.
local REPLY_PAUSED = 1
-- Flag in a reply to a worker: a task has to run alone, so end the tasks that you hold and ask again.
local REPLY_MAKE_ROOM = 2
-- Flag in a reply to a worker: the granted task has to run alone.
local REPLY_ALONE = 4
-- Flag in a reply to a worker: ask again, because some entries that were looked at gave no task.
local REPLY_AGAIN = 8
-- Flag in a reply to a worker: the request is parked, so it waits in Redis until an enqueue grants tasks to it.
local REPLY_PARKED = 16
-- Flag in a reply to a worker: tasks wait for a worker that runs their type, so name the types that you run.
local REPLY_TYPED = 32
-- Flag in a reply to a worker: nodes of flows have ended, so call flow_advance.
local REPLY_ENDS = 64

-- After this many crashes of its workers, a task runs alone.
local ALONE_FROM_CRASHES = 2
-- A record keeps at most this many attempts of a task, the last ones.
local HISTORY_LINES = 32
-- If a worker hands a task back, the attempt is refunded. A task gets at most this many refunds.
local RELEASES_REFUNDED = 10
-- If a handler meets a rate limit, the task is handed back. After this many times it becomes a dead letter instead.
local RATE_LIMITED_MAX = 100
-- If a task starts late because no worker asked for it, the next one may start earlier by that delay, so that the rate
-- is reached. The delay counts up to this fraction of the time between two starts.
local RATE_LATE = 0.9
-- The end of a hold without end, ms since the epoch: the last date of JavaScript. An operator or a replay ends it.
local HELD_FOR_EVER = 8640000000000000
-- A running flow has the score HELD_FOR_EVER + LAST_CREATED - <its creation in ms since the epoch> in `flows_due`. So
-- the oldest flow has the highest score.
local LAST_CREATED = 10000000000000
-- If a worker has no handler for a task of a key in strict order, the key is held for this long, ms. Later tasks of the
-- key may not overtake it, and the same worker must not get it again at once.
local NO_HANDLER_HOLD_MS = 1000
-- How long a key in strict order pauses if the type of its next task has reached its limit and nobody knows when there
-- will be room, ms.
local FULL_TYPE_MS = 250
-- A longer text of a durable step is stored in a field of its own (lib/steps.lua).
local STEP_INLINE_BYTES = 1024
-- For a task, Redis keeps at most this many signals that its handler has not asked for. Each is kept for this long, ms.
local SIGNALS_KEPT = 100
local SIGNAL_KEPT_MS = 604800000
-- A queue counts failures under at most this many signatures (lib/errors.lua). A signature has this many hexadecimal
-- digits.
local ERRORS_KEPT = 500
local ERROR_DIGITS = 12
-- Failures of a signature are counted in spans of ERROR_BUCKET_MS. The last ERROR_BUCKETS spans are kept.
local ERROR_BUCKET_MS = 600000
local ERROR_BUCKETS = 144
-- At most this many tags and this many worker versions are kept for each signature.
local ERROR_WORDS = 10
-- A purge looks at ERRORS_LOOKED signatures. It forgets those without dead letters and without failures for
-- ERROR_KEPT_MS, or for ERROR_CROWDED_MS if the queue has nearly ERRORS_KEPT of them.
local ERRORS_LOOKED = 20
local ERROR_KEPT_MS = 2592000000
local ERROR_CROWDED_MS = 3600000
-- The time-out of an attempt if neither the task nor its type has one, ms.
local ATTEMPT_TIMEOUT_MS = 1800000

-- The first letter of a field name in a stream entry of events (lib/events.lua): what happened to the tasks.
local EVENT_ENQUEUED = 'e'
local EVENT_SCHEDULED = 's'
local EVENT_WAITING = 'a'
local EVENT_PROMOTED = 'q'
-- The task started. The id of its worker follows this letter.
local EVENT_STARTED = 'g'
local EVENT_COMPLETED = 'c'
-- The task completed and has a result.
local EVENT_RESULT = 'v'
local EVENT_RETRIED = 'r'
local EVENT_RELEASED = 'l'
local EVENT_REAPED = 'p'
-- The task died. The reason follows this letter.
local EVENT_DEAD = 'd'
local EVENT_CANCELLED = 'x'
local EVENT_EXPIRED = 'o'
local EVENT_REPLAYED = 'y'
local EVENT_REPLACED = 'w'
local EVENT_CHANGED = 'n'
local EVENT_DISCARDED = 'k'
local EVENT_RESTORED = 'b'
local EVENT_REMOVED = 'm'
-- A flow ended: the ids are names of flows, and the outcome follows this letter.
local EVENT_FLOW_ENDED = 'f'
