-- The letters, flags and limits that the scripts and the library share. The build replaces these names by their values
-- in each script, and writes the values to packages/holdfast/src/engine/format.ts.

-- The first byte of a state record (lib/record.lua): where the task is.
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

-- The first byte of an envelope: a pending task without options, a pending task with options, a scheduled task, a node
-- of a flow. An envelope of a node without a state record was left by an aborted call, and counts as no task.
local ENVELOPE_PLAIN = string.byte('.')
local ENVELOPE_OPTIONS = string.byte('+')
local ENVELOPE_SCHEDULED = string.byte('@')
local ENVELOPE_NODE = string.byte('&')

-- The flags of a state record, in the order below: the id was given by a caller; the task runs alone; a cancel was
-- requested; the payload is removed when the task completes; another task with the same unique key waits for the end of
-- this one; the task has the option `keep`.
local FLAG_GIVEN = 'h'
local FLAG_ALONE = 'o'
local FLAG_CANCEL = 'x'
local FLAG_DROPS = 'k'
local FLAG_NEXT = 'n'
local FLAG_KEEP = 'l'
-- The handler of the task slept or waited, so the time since the enqueue is not the time for which the task waited.
local FLAG_SUSPENDED = 'z'

-- The flags of a node of a flow (lib/flows.lua), in the order below: the task is a node or a callback of a flow; the
-- policy "continue"; the policy "hold"; the node did not complete, and the nodes behind it treat it as completed; the
-- node did not complete, and the nodes behind it were skipped.
local FLAG_NODE = 'f'
local FLAG_CONTINUE = 'c'
local FLAG_HOLD = 'w'
local FLAG_PASSED = 'g'
local FLAG_BLOCKED = 'b'

-- What the flags of a reply tell a worker, in the order below: the queue is paused; make room (end the tasks that you
-- hold and ask again), because a task has to run alone; the granted task has to run alone; ask again, because entries
-- were dropped; the request is parked; tasks were put aside because of their types, so send the types that you run;
-- nodes of flows ended, so call flow_advance.
local REPLY_PAUSED = 1
local REPLY_MAKE_ROOM = 2
local REPLY_ALONE = 4
local REPLY_AGAIN = 8
local REPLY_PARKED = 16
local REPLY_TYPED = 32
local REPLY_ENDS = 64

-- A task that has crashed its workers this many times runs alone.
local ALONE_FROM_CRASHES = 2
-- A record keeps at most this many ended attempts.
local HISTORY_LINES = 32
-- When a worker hands a task back, the attempt is refunded, but at most this many times for each task.
local RELEASES_REFUNDED = 10
-- A handler may hand a task back because of a rate limit this many times. After that the task dies.
local RATE_LIMITED_MAX = 100
-- If a task starts late because no worker asked in time, the next one may start that much earlier, so that the rate is
-- reached. This holds for delays up to this part of the time between two starts.
local RATE_LATE = 0.9
-- A hold that ends at this time, ms since the epoch, ends only by an operator or a replay. JavaScript has no later
-- date.
local HELD_FOR_EVER = 8640000000000000
-- The score in `flows_due` of a flow that runs is HELD_FOR_EVER + LAST_CREATED - the time when it was created, ms since
-- the epoch. So the oldest flow has the highest score.
local LAST_CREATED = 10000000000000
-- If a worker has no handler for a task in strict order, the tasks behind it may not overtake it. The key of the task
-- is held for this long, ms, so that the same worker does not get the task again and again.
local NO_HANDLER_HOLD_MS = 1000
-- A task in strict order may have a type that is full. If nobody knows when the type has room again, the key of the
-- task rests for this long, ms.
local FULL_TYPE_MS = 250
-- A text of a durable step that is longer than this has a field of its own (lib/steps.lua).
local STEP_INLINE_BYTES = 1024
-- A task keeps this many signals for which its handler has not waited yet, each for this long, ms.
local SIGNALS_KEPT = 100
local SIGNAL_KEPT_MS = 604800000
-- A queue counts failures by at most this many signatures (lib/errors.lua). A signature has this many hexadecimal digits.
local ERRORS_KEPT = 500
local ERROR_DIGITS = 12
-- For each signature, failures are counted in buckets of this many ms. The last ERROR_BUCKETS buckets are kept.
local ERROR_BUCKET_MS = 600000
local ERROR_BUCKETS = 144
-- For each signature, at most this many tags are kept, and as many versions of workers.
local ERROR_WORDS = 10
-- A purge looks at this many errors, and forgets those without dead letters that were not seen for ERROR_KEPT_MS, or for
-- ERROR_CROWDED_MS if the queue has nearly ERRORS_KEPT of them.
local ERRORS_LOOKED = 20
local ERROR_KEPT_MS = 2592000000
local ERROR_CROWDED_MS = 3600000
-- The time-out of an attempt, ms, if neither the task nor its type has one.
local ATTEMPT_TIMEOUT_MS = 1800000

-- The first byte of a field in an entry of the stream of events (lib/events.lua): what happened to the tasks in it.
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
-- A flow ended: the ids are names of flows. The outcome follows this letter.
local EVENT_FLOW_ENDED = 'f'
