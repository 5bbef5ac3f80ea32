// The faults that `make mutants` puts into a copy of the code, one at a time. A change is [file, from, to]. The text
// `from` must occur exactly once in the file. At least one of the `tests` has to fail. This file has more than 500
// lines, because it has an entry for every fault.

const test = (name) => `packages/holdfast/test/${name}.redis.test.ts`;
const interleavings = test("invariants/interleavings");
const abort = test("invariants/abort");
const model = test("invariants/model");
const push = test("push");
const typed = test("typed");
const types = test("worker/types");
const keys = test("keys");
const typeLimits = test("type-limits");
const policies = test("key-policies");
const shared = test("shares");
const dealt = "packages/holdfast/src/shares/deal.test.ts";
const runners = "packages/holdfast/src/worker/runners.test.ts";
const runner = "packages/holdfast/src/worker/queue-runner.test.ts";
const settle = test("settle");
const ownTerms = test("own-terms");
const keepPayload = test("keep-payload");
const keep = test("keep");
const sessions = "services/observability/test/session.test.ts";
const logOut = "services/observability/test/log-out.redis.test.ts";
const shares = test("operation-shares");
const reads = "services/observability/test/audit-reads.test.ts";
const keyRing = "packages/service/src/identity/key-ring.test.ts";
const authors = "services/observability/test/audit-authors.test.ts";
const deletion = test("invariants/deletion");
const userCode = test("worker/user-code");
const texts = test("library/texts");
const loss = test("heartbeat/loss");
const heartbeat = "packages/holdfast/src/worker/heartbeat.test.ts";
const again = test("enqueue-again");
const flows = test("flows");
const flowsLibrary = test("library/flows");
const flowViews = test("flow-views");
const eventsLibrary = test("library/events");
const flowModel = test("invariants/flow-model");
const flowsSpread = test("flows-spread");
const flowsSpreadLibrary = test("library/flows-spread");
const unique = test("unique");
const uniqueLibrary = test("library/unique");
const uniqueReplace = test("unique-replace");
const scheduledTasks = test("schedules/tasks");
const changing = test("change");
const changeLibrary = test("library/change");
const handBack = "packages/holdfast/test/invariants/hand-back.test.ts";
const connecting = test("library/connecting");
const args = test("library/arguments");
const stopping = test("worker/stopping");
const partitionOrders = test("invariants/partitions");
const partitions = test("partitions/partitions");
const deletedQueue = test("library/deleted-queue");
const fill = test("fill");
const batchCall = "packages/holdfast/src/worker/batch-call.test.ts";
const testBatch = "packages/holdfast/src/testing/test-worker.test.ts";
const linkMember = "packages/holdfast/src/redis/link-member.ts";
const link = "packages/holdfast/src/redis/link.ts";
const connections = test("worker/connections");
const purge = test("purge");
const errors = test("errors");
const events = test("events");
const remoteTokens = "packages/holdfast/src/remote/token.test.ts";
const remote = test("remote");
const abortEvents = test("invariants/abort-events");
const libraryEvents = test("library/events");
const steps = test("steps");
const workerSteps = test("worker/steps");

export const mutants = [
  {
    name: "steps: a step is stored under any token",
    changes: [["lua/transitions/step.lua", "parseLease(record) ~= fence", "false"]],
    tests: [steps],
  },
  {
    name: "steps: a wait is answered under any token",
    changes: [["lua/transitions/wait_for.lua", "parseLease(record) ~= fence", "false"]],
    tests: [steps],
  },
  {
    name: "steps: a signal that was used is not removed",
    changes: [["lua/transitions/wait_for.lua", "table.remove(head.signals, at)", "head.signals[at]"]],
    tests: [steps],
  },
  {
    name: "steps: the time of a wait begins again in each attempt",
    changes: [["lua/transitions/wait_for.lua", "kind == 'w' and old and", "false and"]],
    tests: [steps],
  },
  {
    name: "steps: a signal does not wake the task that waits for it",
    changes: [["lua/transitions/signal.lua", "promoteDue(1, { taskId })", ""]],
    tests: [steps],
  },
  {
    name: "steps: a signal wakes a task that waits for another event",
    changes: [
      [
        "lua/transitions/signal.lua",
        "string.find(',' .. waitsFor .. ',', ',' .. event .. ',', 1, true)",
        "true",
      ],
    ],
    tests: [steps],
  },
  {
    name: "steps: a repeated signal is stored twice",
    changes: [["lua/transitions/signal.lua", "previousReply(stored)", "previousReply(false)"]],
    tests: [steps],
  },
  {
    name: "steps: the repeat of a signal that was aborted leaves the task waiting",
    changes: [
      [
        "lua/transitions/signal.lua",
        "isAwaited = isAwaited and isSignalKept",
        "isAwaited = false and isSignalKept",
      ],
    ],
    tests: [steps],
  },
  {
    name: "steps: the repeat of a signal that was used wakes the task",
    changes: [
      [
        "lua/transitions/signal.lua",
        "isAwaited = isAwaited and isSignalKept(head, string.match(previous, '%S+$'))",
        "isAwaited = isAwaited",
      ],
    ],
    tests: [steps],
  },
  {
    name: "steps: the requests of signals are never forgotten",
    changes: [["lua/transitions/purge.lua", "hash == 'p' and stepsKey or stateKey", "stateKey"]],
    tests: [steps],
  },
  {
    name: "steps: a task that has ended gets a signal",
    changes: [["lua/transitions/signal.lua", "endedAtOf(record)", "false"]],
    tests: [steps],
  },
  {
    name: "remote workers: a repeated request is a new one",
    changes: [
      [
        "packages/holdfast/src/remote/poll.ts",
        "sequence: requestId }",
        "sequence: requestId * 1e6 + Math.floor(Math.random() * 1e6) }",
      ],
    ],
    tests: [remote],
  },
  {
    name: "remote workers: another key may settle a task",
    changes: [
      [
        "packages/holdfast/src/remote/poll.ts",
        "return nonce.length === owner.length + NONCE_CHARACTERS && nonce.startsWith(owner);",
        "return true;",
      ],
    ],
    tests: [remoteTokens],
  },
  {
    name: "remote workers: the request of a poll stays parked in the other partitions",
    changes: [
      [
        "packages/holdfast/src/remote/remote-queue.ts",
        "      deaf();\n      await this.#withdraw(parked, exchange);\n",
        "      deaf();\n",
      ],
    ],
    tests: [remote],
  },
  {
    name: "remote workers: a worker that drains keeps its parked request",
    changes: [
      [
        "packages/holdfast/src/remote/remote-queue.ts",
        "          await this.#withdraw(parked, exchange);\n          got.dueInMs",
        "          got.dueInMs",
      ],
    ],
    tests: [remote],
  },
  {
    name: "remote workers: a task is kept for a client that is gone",
    changes: [
      ["packages/holdfast/src/remote/remote-queue.ts", "if (signal.aborted) await", "if (false) await"],
    ],
    tests: [remote],
  },
  {
    name: "remote workers: a worker gets tasks of types that it does not run",
    changes: [["packages/holdfast/src/remote/remote-queue.ts", "if (!routes.runs(type))", "if (false)"]],
    tests: [remote],
  },
  {
    name: "remote workers: a worker that drains gets tasks",
    changes: [["packages/holdfast/src/remote/remote-queue.ts", "if (isDraining) {", "if (false) {"]],
    tests: [remote],
  },
  {
    name: "remote workers: steps are read after the lease was lost",
    changes: [
      [
        "packages/holdfast/src/remote/remote-attempt.ts",
        "|| fence !== this.#fence) throw this.#lost();",
        "&& false) throw this.#lost();",
      ],
    ],
    tests: [remote],
  },
  {
    name: "remote workers: the nodes behind a node of a flow are not enqueued",
    changes: [["packages/holdfast/src/remote/remote-part.ts", "if (trip.ends) this.#ends.advance();", ""]],
    tests: [remote],
  },
  {
    name: "steps: a signal that comes before the suspension does not wake the task",
    changes: [["lua/lib/suspend.lua", "waitsFor ~= '' and", "false and"]],
    tests: [steps],
  },
  {
    name: "steps: every scheduled task counts as suspended",
    changes: [["lua/queries/stats.lua", "record and string.find(record, '^s%S+ %d+ ~')", "record"]],
    tests: [steps],
  },
  {
    name: "steps: a sleep that has ended is shown as open",
    changes: [["packages/holdfast/src/engine/steps.ts", 'kind === "z" && at <= now ?', "false ?"]],
    tests: [workerSteps],
  },
  {
    name: "steps: a suspension uses up the attempt",
    changes: [["lua/lib/suspend.lua", "c.attempts = c.attempts - 1", ""]],
    tests: [steps],
  },
  {
    name: "steps: a change of a waiting task forgets its events",
    changes: [
      ["lua/transitions/change.lua", "(string.match(plan.record or '', '^s%S+ %d+( ~%S*)') or '')", "''"],
    ],
    tests: [steps],
  },
  {
    name: "steps: a purge leaves the steps of its tasks",
    changes: [["lua/lib/purge.lua", "    forgetSteps(ids)\n", ""]],
    tests: [steps],
  },
  {
    name: "steps: a new life of a task has the steps of the old one",
    changes: [["lua/transitions/enqueue_again.lua", "forgetSteps(again)", ""]],
    tests: [steps],
  },
  {
    name: "steps: a signal that comes while the only step is a sleep is lost",
    changes: [["lua/lib/steps.lua", "head.places == 1 and head.number == 0", "head.places == 1"]],
    tests: [steps],
  },
  {
    name: "steps: a sleep with a name of its own is stored as if it had none",
    changes: [["lua/lib/steps.lua", " and sleep and sleep.name == 'sleep'", " and sleep"]],
    tests: [steps, workerSteps],
  },
  {
    name: "steps: the old text of a step that is stored again is still counted",
    changes: [["lua/lib/steps.lua", "head.bytes - before + #step.text", "head.bytes + #step.text"]],
    tests: [steps],
  },
  {
    name: "steps: a called task is enqueued before its id is stored, and again in each attempt",
    changes: [
      ["packages/holdfast/src/steps/call-task.ts", "known?.text ? decodeWord(known.text) : await", "await"],
    ],
    tests: [workerSteps],
  },
  {
    name: "steps: the caller is not told that the called task has ended",
    changes: [["packages/holdfast/src/worker/reports.ts", "if (task.caller !== null)", "if (false)"]],
    tests: [workerSteps],
  },
  {
    name: "steps: a caller does not look for the end of the called task by itself",
    changes: [
      [
        "packages/holdfast/src/steps/call-task.ts",
        'if (answer.kind === "open" && !looks)',
        'if (answer.kind === "open")',
      ],
    ],
    tests: [workerSteps],
  },
  {
    name: "steps: an attempt is suspended while a step runs",
    changes: [
      [
        "packages/holdfast/src/steps/steps.ts",
        "      if (this.#busy > 0 || this.#waiting.length === 0 || this.#suspended) return;",
        "      if (this.#suspended) return;",
      ],
    ],
    tests: [workerSteps],
  },
  {
    name: "steps: the result of a step is returned as JSON text, and not parsed",
    changes: [
      [
        "packages/holdfast/src/steps/steps.ts",
        "      return parsed(text);\n    });",
        "      return text;\n    });",
      ],
    ],
    tests: [workerSteps],
  },
  {
    name: "events: events are counted after the commit, so a script that fails before the commit leaves no gap",
    changes: [
      ["lua/lib/events.lua", "local function numberEvents()", "local function countEvents()"],
      [
        "lua/lib/events.lua",
        "  if events.count == 0 then\n    return\n  end\n",
        "  if events.count == 0 then\n    return\n  end\n  countEvents()\n",
      ],
      ["lua/lib/events.lua", "number = numberEvents", "number = function() end"],
    ],
    tests: [abortEvents],
  },
  {
    name: "errors: a replayed dead letter is still counted",
    changes: [["lua/transitions/replay.lua", "    countDead(errors, record, -1)\n", ""]],
    tests: [errors, model],
  },
  {
    name: "errors: a discarded dead letter is still counted",
    changes: [["lua/transitions/discard.lua", "    countDead(errors, record, -1)\n", ""]],
    tests: [errors, model],
  },
  {
    name: "errors: a restored dead letter is not counted",
    changes: [["lua/transitions/restore.lua", "countDead(errors, record, 1)", "true"]],
    tests: [errors, model],
  },
  {
    name: "errors: a restored dead letter keeps a signature that was forgotten",
    changes: [["lua/transitions/restore.lua", "      reason = string.match(reason, '^%S+')\n", ""]],
    tests: [errors],
  },
  {
    name: "errors: a dead letter that is emptied is still counted",
    changes: [["lua/transitions/empty.lua", "    countDead(errors, record, -1)\n", ""]],
    tests: [errors, model],
  },
  {
    name: "errors: a dead letter that a cap drops is still counted",
    changes: [["lua/transitions/purge.lua", "      countDead(errors, record, -1)\n", ""]],
    tests: [errors, model],
  },
  {
    name: "errors: the dead letter of an id with a new life is still counted",
    changes: [["lua/transitions/enqueue_again.lua", "      countDead(errors, record, -1)\n", ""]],
    tests: [errors, model],
  },
  {
    name: "errors: a purge forgets an error that has dead letters",
    changes: [["lua/transitions/purge.lua", "dead == '0' and lastAt", "lastAt"]],
    tests: [errors],
  },
  {
    name: "errors: a queue counts more signatures than it may",
    changes: [["lua/lib/errors.lua", "errors.size < ERRORS_KEPT", "true"]],
    tests: [errors],
  },
  {
    name: "errors: the counters are written before the commit",
    changes: [
      [
        "lua/transitions/reap.lua",
        "planErrors(errors, commit)\n",
        "local early = {}\nplanErrors(errors, early)\nif #early > 0 then\n  redis.call('HSET', stateKey, unpack(early))\nend\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "events: a trim leaves only the events of the last call",
    changes: [["lua/lib/events.lua", "events.first - events.most", "events.first"]],
    tests: [events],
  },
  {
    name: "events: no event is written for a task that is pushed to a worker",
    changes: [
      [
        "lua/lib/push.lua",
        "table.concat(ids, ' '), pushed)\n    events.number()",
        "'', 0)\n    events.number()",
      ],
    ],
    tests: [events],
  },
  {
    name: "events: no event is written for a change of a waiting task",
    changes: [["lua/transitions/change.lua", "    events.note(EVENT_CHANGED, plan.id)\n", ""]],
    tests: [abortEvents],
  },
  {
    name: "events: no event is written for a task that a worker hands back",
    changes: [["lua/lib/settled_events.lua", "l = EVENT_RELEASED, ", ""]],
    tests: [events],
  },
  {
    name: "events: a reader does not notice that events were trimmed",
    changes: [
      [
        "packages/holdfast/src/events/part-reader.ts",
        "batch.missed = entry.first - next;",
        "batch.missed = 0;",
      ],
    ],
    tests: [events],
  },
  {
    name: "events: a wait for the end of a task misses the first event after the task was read",
    changes: [
      [
        "packages/holdfast/src/events/end-watch.ts",
        "new PartReader(this.#engine, mark)",
        "new PartReader(this.#engine, { ...mark, last: mark.last + 1 })",
      ],
    ],
    tests: [libraryEvents],
  },
  {
    name: "settle: an ack with any token is accepted",
    changes: [["lua/lib/acks.lua", "if current ~= fence then", "if not current then"]],
    tests: [settle, interleavings],
  },
  {
    name: "settle: an ack is accepted for a record with another lease",
    changes: [["lua/lib/acks.lua", "    if record ~= leased then\n", "    if not leased then\n"]],
    tests: [settle],
  },
  {
    name: "settle: only the first task of a grant drops its payload",
    changes: [
      [
        "lua/lib/acks.lua",
        "local needsMore = drops or hasNext or keeps",
        "local needsMore = hasNext or keeps",
      ],
    ],
    tests: [keepPayload],
  },
  {
    name: "keep: if a task also has another flag, its option keep is ignored",
    changes: [["lua/lib/acks.lua", "string.find(counts, '[xknlf@]')", "string.find(counts, '[xknf@]')"]],
    tests: [keep],
  },
  {
    name: "keep: only the first task of a grant is kept by its own option",
    changes: [
      [
        "lua/lib/acks.lua",
        "local needsMore = drops or hasNext or keeps",
        "local needsMore = drops or hasNext",
      ],
    ],
    tests: [keep],
  },
  {
    name: "keep: one completed task too many of a type is kept",
    changes: [["lua/lib/kept.lua", "from, to) - count,", "from, to) - count - 1,"]],
    tests: [keep],
  },
  {
    name: "keep: a purge leaves the index entries of kept tasks",
    changes: [["lua/lib/kept.lua", "  if #members > 0 then\n", "  if false then\n"]],
    tests: [keep],
  },
  {
    name: "keep: a purge removes index entries after its commit, so an aborted purge leaves too many",
    changes: [
      [
        "lua/lib/kept.lua",
        "  if #members > 0 then\n    redis.call('ZREM', keptTypesKey, unpack(members))\n  end\n",
        "",
      ],
      [
        "lua/lib/kept.lua",
        "  redis.call('ZREM', keptKey, unpack(ids))\n",
        "  redis.call('ZREM', keptKey, unpack(ids))\n  if #members > 0 then redis.call('ZREM', keptTypesKey, unpack(members)) end\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "keep: an old index entry removes the new task with the same id",
    changes: [
      [
        "lua/lib/kept.lua",
        "letter == RECORD_COMPLETED and (completedMs or count)",
        "letter == RECORD_COMPLETED",
      ],
    ],
    tests: [keep],
  },
  {
    name: "keep: kept tasks count in the retentionCount of the queue",
    changes: [
      [
        "lua/transitions/settle.lua",
        "math.min(listed - settings.retentionCount,",
        "math.min(counters[COMPLETED] - settings.retentionCount,",
      ],
    ],
    tests: [keep],
  },
  {
    name: "keep: a dead letter is dropped before its time",
    changes: [["lua/transitions/purge.lua", "endedAtOf(record) + deadMs <= now", "true"]],
    tests: [keep],
  },
  {
    name: "keep: an old index entry drops a dead letter that was replayed since",
    changes: [
      ["lua/transitions/purge.lua", " or string.byte(record) ~= RECORD_DEAD or not deadMs", " or not deadMs"],
      [
        "lua/transitions/purge.lua",
        "endedAtOf(record) + deadMs <= now",
        "(endedAtOf(record) or 0) + deadMs <= now",
      ],
      ["lua/transitions/purge.lua", "return letter == RECORD_DEAD", "return true"],
    ],
    tests: [keep],
  },
  {
    name: "keep: a restored dead letter is kept for ever",
    changes: [["lua/transitions/restore.lua", "    if hasFlag(c, FLAG_KEEP) then\n", "    if false then\n"]],
    tests: [keep],
  },
  {
    name: "keep: a task that died of crashes is kept for ever",
    changes: [["lua/transitions/reap.lua", "      if hasFlag(c, FLAG_KEEP) then\n", "      if false then\n"]],
    tests: [keep],
  },
  {
    name: "keep: the index entry of a dead letter is written after the commit",
    changes: [
      [
        "lua/lib/verdicts.lua",
        "  if #settled.deadUntil > 0 then\n    redis.call('ZADD', keptDeadKey, unpack(settled.deadUntil))\n  end\n",
        "",
      ],
      [
        "lua/transitions/settle.lua",
        "-- 4. Remove the sources: where the tasks were.\n",
        "-- 4. Remove the sources: where the tasks were.\nif settled.deadUntil and #settled.deadUntil > 0 then redis.call('ZADD', keptDeadKey, unpack(settled.deadUntil)) end\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "settle: a task acked twice in one call counts twice",
    changes: [["lua/lib/acks.lua", "    if same and not seen[id] then", "    if same then"]],
    tests: [settle],
  },
  {
    name: "settle: after an aborted purge, purged tasks without options are not counted",
    changes: [["lua/lib/purge.lua", "    removeAtOnce(ids)\n  end\nend\n", "  end\nend\n"]],
    tests: [abort],
  },
  {
    name: "settle: a payload is dropped before the commit",
    changes: [
      [
        "lua/transitions/settle.lua",
        "\nwriteGrants(grants)\n",
        "\nwriteGrants(grants)\nif #moved > 0 then redis.call('HDEL', tasksKey, unpack(moved)) end\n",
      ],
    ],
    tests: [keepPayload],
  },
  {
    name: "settle: records with a header are not counted",
    changes: [["lua/transitions/settle.lua", "  add(counters, HEADERS, #moved)\n", ""]],
    tests: [keepPayload],
  },
  {
    name: "purge: records with a header are not counted",
    changes: [["lua/lib/purge.lua", "plan.headers = plan.headers + 1", "plan.headers = 0"]],
    tests: [test("purge"), keepPayload],
  },
  {
    name: "settle: purged records with a header are not counted",
    changes: [["lua/lib/purge.lua", "headers + (header and 1 or 0)", "headers"]],
    tests: [keepPayload],
  },
  {
    name: "purge: the id of a task is forgotten if its record has a header",
    changes: [["lua/lib/purge.lua", "optionOf(header or envelope and", "optionOf(envelope and"]],
    tests: [test("purge")],
  },
  {
    name: "enqueue: a known id is not recognised if its record has a header",
    changes: [["lua/lib/accept.lua", "or envelopeIn(record), record", ", record"]],
    tests: [again],
  },
  {
    name: "enqueue: the header of a record has the wrong time",
    changes: [["lua/lib/known_ids.lua", "base36(endedAt - ranMs - waitedMs)", "base36(endedAt - ranMs)"]],
    tests: [again],
  },
  {
    name: "settle: a fail or release with any token is accepted",
    changes: [["lua/lib/verdicts.lua", "elseif current == fence then", "elseif current then"]],
    tests: [settle, interleavings],
  },
  {
    name: "settle: a refused verdict is reported as acked",
    changes: [["lua/lib/acks.lua", "if fence and record and string.match", "if record and string.match"]],
    tests: [settle],
  },
  {
    name: "settle: a repeated ack is refused",
    changes: [["lua/lib/acks.lua", "string.match(record, '^c%S+ (%S+)') == fence then", "false then"]],
    tests: [settle, interleavings],
  },
  {
    name: "enqueue: a deleted queue accepts tasks",
    changes: [["lua/transitions/enqueue.lua", "if queue[4] ~= '1' then", "if false then"]],
    tests: [deletion, test("library/deleted-queue")],
  },
  {
    name: "open: a queue that was deleted meanwhile counts as registered",
    changes: [["lua/operators/open.lua", "if registered == confirmed then", "if true then"]],
    tests: [deletion],
  },
  {
    name: "delete: a queue that was registered again meanwhile is removed from the registry",
    changes: [
      [
        "lua/operators/queue_remove.lua",
        "if redis.call('HGET', deletingKey, queue) ~= deletion then",
        "if false then",
      ],
    ],
    tests: [deletion],
  },
  {
    name: "queue_add: a key may create any number of queues",
    changes: [["lua/operators/queue_add.lua", "or '0') >= most then", "or '0') > most + 100 then"]],
    tests: [test("new-queues")],
  },
  {
    name: "queue_add: a key that has reached its limit can no longer use existing queues",
    changes: [
      ["lua/operators/queue_add.lua", "redis.call('SISMEMBER', queuesKey, queue) == 0 then", "true then"],
    ],
    tests: [test("new-queues")],
  },
  {
    name: "queue_remove: a deleted queue still counts against the limit of its key",
    changes: [["lua/operators/queue_remove.lua", "'n' .. maker, -1)", "'n' .. maker, 0)"]],
    tests: [test("new-queues")],
  },
  {
    name: "new queues: a task creates a queue without a check of the limit",
    changes: [
      [
        "packages/service/src/tasks/intake.ts",
        "readTask(bytesOf(posted), key);\n      await this.admit(posted);",
        "readTask(bytesOf(posted), key);",
      ],
    ],
    tests: ["packages/service/src/tasks/new-queues.test.ts"],
  },
  {
    name: "new queues: a batch creates a queue without a check of the limit",
    changes: [
      ["packages/service/src/tasks/batch.ts", "if (read.tasks.types.length > 0) await", "if (false) await"],
    ],
    tests: ["packages/service/src/tasks/new-queues.test.ts"],
  },
  {
    name: "new queues: NDJSON with an invalid first line creates a queue without a check of the limit",
    changes: [["packages/service/src/tasks/routes.ts", "if (isStream || first", "if (first"]],
    tests: ["packages/service/src/tasks/new-queues.test.ts"],
  },
  {
    name: "new queues: a replay creates a queue without a check of the limit",
    changes: [
      [
        "services/observability/src/operators/replay.ts",
        "if (to !== undefined && to !== queue) await",
        "if (false) await",
      ],
    ],
    tests: ["services/observability/test/new-queues.redis.test.ts"],
  },
  {
    name: "new queues: a pause creates a queue without a check of the limit",
    changes: [
      [
        "services/observability/src/routes/queues.ts",
        "await admitQueue(queue, request);\n        await observer.pause",
        "await observer.pause",
      ],
    ],
    tests: ["services/observability/test/new-queues.redis.test.ts"],
  },
  {
    name: "new queues: a schedule creates a queue without a check of the limit",
    changes: [
      [
        "services/observability/src/routes/schedules.ts",
        "await admitQueue(request.body.queue, request);",
        "",
      ],
    ],
    tests: ["services/observability/test/new-queues.redis.test.ts"],
  },
  {
    name: "queues: a queue can be used before Redis has passed the boot checks",
    changes: [["packages/service/src/tasks/queues.ts", "assertOpen?.();", ""]],
    tests: ["packages/service/src/tasks/new-queues.test.ts"],
  },
  {
    name: "fast lane: a request with another Host is served like the request before",
    changes: [["packages/service/src/tasks/fast-lane.ts", " && last.host === host", ""]],
    tests: ["packages/service/src/tasks/fast-lane.test.ts"],
  },
  {
    name: "fast lane: a sender may enqueue where the sender before may",
    changes: [["packages/service/src/tasks/fast-lane.ts", "identity === target.sender", "target.sender"]],
    tests: ["packages/service/src/tasks/fast-lane.test.ts"],
  },
  {
    name: "new queues: a known queue is never checked again",
    changes: [["packages/service/src/tasks/queues.ts", "this.#now() + KNOWN_MS", "Infinity"]],
    tests: ["packages/service/src/tasks/new-queues.test.ts"],
  },
  {
    name: "partition: a queue that got tasks meanwhile gets partitions, which hide these tasks",
    changes: [
      [
        "lua/operators/partition.lua",
        "if redis.call('HGET', deletingKey, queue) ~= deletion then",
        "if false then",
      ],
    ],
    tests: [partitionOrders],
  },
  {
    name: "partition: partitions are removed although one of them got tasks meanwhile",
    changes: [
      ["lua/operators/partition.lua", "queue, partition)) == 1 then", "queue, partition)) == 2 then"],
    ],
    tests: [partitionOrders],
  },
  {
    name: "delete: a queue that is about to get partitions still accepts tasks",
    changes: [["lua/operators/delete.lua", "redis.call('HDEL', stateKey, '#registered')", ""]],
    tests: [partitionOrders],
  },
  {
    name: "partitions: a pause during their creation is lost",
    changes: [
      ["lua/operators/delete.lua", "settingsText(fields[1], fields[2]) ~= settings then", "false then"],
    ],
    tests: [partitionOrders],
  },
  {
    name: "queue_add: a partition is registered whose number is too high for its queue",
    changes: [
      ["lua/operators/queue_add.lua", "if count <= partition or count == 0 then", "if count == 0 then"],
    ],
    tests: [test("library/deleted-queue")],
  },
  {
    name: "enqueue, settle: tasks with the same due time are ordered by id",
    changes: [["lua/lib/due.lua", "return place + math.ldexp(1, exponent - 53)", "return place, exponent"]],
    tests: [test("same-due-time")],
  },
  {
    name: "promote: a task is promoted less than a millisecond early",
    changes: [["lua/lib/bands.lua", "string.format('(%d', now + 1)", "string.format('%d', now + 1)"]],
    tests: [test("same-due-time"), test("promote")],
  },
  {
    name: "enqueue: the id of a dead letter cannot be used again",
    changes: [["lua/lib/known_ids.lua", "string.find(letter, '[dxek]')", "string.find(letter, '[xek]')"]],
    tests: [again, model],
  },
  {
    name: "enqueue: a task gets an id that may not be used again",
    changes: [["lua/lib/accept.lua", "record, envelope, checked == 1)", "record, envelope, true)"]],
    tests: [again],
  },
  {
    name: "purge: the id of a completed task is forgotten",
    changes: [["lua/lib/purge.lua", "(letter == RECORD_COMPLETED and '' or ' ' ..", "(' ' .."]],
    tests: [again, test("purge")],
  },
  {
    name: "enqueue: an enqueue with the id of a task that was asked to stop counts as a duplicate",
    changes: [["lua/lib/known_ids.lua", "string.find(record, '^l[^%s@]*x') then", "false then"]],
    tests: [again],
  },
  {
    name: "enqueue: an enqueue with another due time counts as a duplicate",
    changes: [["lua/lib/known_ids.lua", "<= SAME_MOMENT_MS", "<= 1000 * SAME_MOMENT_MS"]],
    tests: [again],
  },
  {
    name: "enqueue_again: the generation stays the same",
    changes: [
      ["lua/transitions/enqueue_again.lua", "c.generation = c.generation + 1", "c.generation = c.generation"],
    ],
    tests: [again, interleavings],
  },
  {
    name: "enqueue_again: the source is removed before the target is written",
    changes: [
      [
        "lua/transitions/enqueue_again.lua",
        "pushBands(bands, false)\n",
        "if #sources.d > 0 then redis.call('ZREM', deadLettersKey, unpack(sources.d)) end\npushBands(bands, false)\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "enqueue_again: a task that crashed its workers does not run alone",
    changes: [
      ["lua/transitions/enqueue_again.lua", "c.flags = needsSolo(c) and FLAG_ALONE or ''", "c.flags = ''"],
    ],
    tests: [again],
  },
  {
    name: "heartbeat: any token is accepted",
    changes: [
      ["lua/transitions/heartbeat.lua", "if fence ~= ARGV[taskIdAt + 2 * i - 1] or", "if not fence or"],
    ],
    tests: [test("heartbeat")],
  },
  {
    name: "heartbeat: a task that was settled or taken back returns to processing",
    changes: [
      [
        "lua/transitions/heartbeat.lua",
        "if fence ~= ARGV[taskIdAt + 2 * i - 1] or deadline <= now then",
        "if not record then",
      ],
      ["lua/transitions/heartbeat.lua", "math.min(now + leaseMs, deadline)", "now + leaseMs"],
      ["lua/transitions/heartbeat.lua", "processingKey, 'XX', unpack", "processingKey, unpack"],
    ],
    tests: [test("heartbeat"), interleavings],
  },
  {
    name: "heartbeat: a lease is extended beyond the deadline of the attempt",
    changes: [["lua/transitions/heartbeat.lua", " or deadline <= now then", " then"]],
    tests: [test("heartbeat")],
  },
  {
    name: "progress: any token is accepted",
    changes: [["lua/transitions/progress.lua", "parseLease(record) ~= fence", "false"]],
    tests: [test("progress")],
  },
  {
    name: "settle: the source is removed before the target is written",
    changes: [
      [
        "lua/transitions/settle.lua",
        "\nlocal completed, removeOldest, trimKept = settled.completed, nil, nil\n",
        "\nfor _, ids in ipairs({ settled.completed, settled.gone }) do if #ids > 0 then redis.call('ZREM', processingKey, unpack(ids)) end end\nlocal completed, removeOldest, trimKept = settled.completed, nil, nil\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "acquire: the source is removed before the commit",
    changes: [
      [
        "lua/lib/grant_writes.lua",
        "local function writeGrants(grants)\n",
        "local function writeGrants(grants)\n  for band, count in pairs(grants.taken) do if count > 0 then redis.call('LTRIM', bandKeys[band], count, -1) end end\n",
      ],
      [
        "lua/lib/grant_writes.lua",
        "local function trimGrants(grants)\n",
        "local function trimGrants(grants)\n  grants.taken = {}\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "reap: the source is removed before the target is written",
    changes: [
      [
        "lua/transitions/reap.lua",
        "pushBands(bands, true)\n",
        "redis.call('ZREM', processingKey, unpack(ids))\npushBands(bands, true)\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "promote: the source is removed before the commit",
    changes: [
      [
        "lua/lib/bands.lua",
        "    pushBands(bands, false)\n",
        "    redis.call('ZREM', scheduledKey, unpack(due))\n    pushBands(bands, false)\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "replay: the source is removed before the target is written",
    changes: [
      [
        "lua/transitions/replay.lua",
        "pushBands(bands, false, limits.stops)\n",
        "if #replayed > 0 then redis.call('ZREM', deadLettersKey, unpack(replayed)) end\npushBands(bands, false, limits.stops)\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "settle: an attempt is counted at the failure instead of the grant",
    changes: [
      ["lua/lib/lease.lua", "flags = '', counts = '1',", "flags = '', counts = '0',"],
      ["lua/lib/terms.lua", "'1,0,0,0,0,0,' ..", "'0,0,0,0,0,0,' .."],
      ["lua/lib/grants.lua", "c.attempts = c.attempts + 1", "c.attempts = c.attempts"],
      [
        "lua/lib/verdicts.lua",
        "c.failures = c.failures + 1\n  c.unroutedSince = 0",
        "c.failures, c.attempts = c.failures + 1, c.attempts + 1\n  c.unroutedSince = 0",
      ],
    ],
    tests: [test("reap"), interleavings],
  },
  {
    name: "reap: the script does not check whether the lease has expired",
    changes: [["lua/transitions/reap.lua", "'-inf', nowText, 'LIMIT'", "'-inf', '+inf', 'LIMIT'"]],
    tests: [test("reap"), interleavings],
  },
  {
    name: "reap: the token of an expired lease stays valid",
    changes: [["lua/transitions/reap.lua", "'p' .. countsText(c) .. history", "record"]],
    tests: [test("reap"), interleavings],
  },
  {
    name: "reap: a task that crashes its workers never becomes a dead letter",
    changes: [["lua/transitions/reap.lua", "c.attempts >= maxAttempts", "false"]],
    tests: [test("reap"), interleavings],
  },
  {
    name: "settle: a release uses up an attempt",
    changes: [["lua/lib/verdicts.lua", "  else\n    c.attempts = c.attempts - 1\n", "  else\n"]],
    tests: [settle, model],
  },
  {
    name: "settle: attempts are never used up",
    changes: [
      ["lua/lib/verdicts.lua", "verdict == 'fail' and c.attempts < maxAttempts", "verdict == 'fail'"],
    ],
    tests: [settle, model],
  },
  {
    name: "cancel: the entry that a cancelled task leaves in its list is not counted",
    changes: [["lua/transitions/cancel.lua", "elseif not behind then", "elseif false then"]],
    tests: [model, test("expire")],
  },
  {
    name: "cancel: the entry that a cancelled task leaves is counted for another priority",
    changes: [["lua/lib/tombstones.lua", "  if part then", "  if false then"]],
    tests: [test("expire")],
  },
  {
    name: "stats: a cancelled task counts as the oldest pending task",
    changes: [["lua/queries/stats.lua", "counters[TOMBSTONES] > 0 and 10 or 1", "1"]],
    tests: [test("expire")],
  },
  {
    name: "expire: a task ends before its time",
    changes: [["lua/transitions/expire.lua", "expiresAt <= now", "expiresAt <= now + 1"]],
    tests: [test("expire")],
  },
  {
    name: "expire: the index entry of a task that has not expired is removed",
    changes: [["lua/transitions/expire.lua", "head == i - 1", "true"]],
    tests: [test("expire")],
  },
  {
    name: "discard: the counter of the wrong state is changed",
    changes: [
      [
        "lua/transitions/discard.lua",
        "add(counters, DEAD, -plan.counted - #kept)",
        "add(counters, COMPLETED, -plan.counted - #kept)",
      ],
    ],
    tests: [model],
  },
  {
    name: "acquire: a task that has to run alone is granted to a worker with other tasks",
    changes: [["lua/lib/grants.lua", "if request.held == 0 then", "if true then"]],
    tests: [test("acquire"), test("solo-claim")],
  },
  {
    name: "acquire: a task that has to run alone is never granted",
    changes: [["lua/lib/record.lua", "c.crashes >= ALONE_FROM_CRASHES or hasFlag(c, FLAG_ALONE)", "false"]],
    tests: [test("acquire"), test("reap")],
  },
  {
    name: "acquire: a task whose id is in the list twice is granted twice",
    changes: [["lua/lib/grants.lua", "if seen[id] then", "if false then"]],
    tests: [test("acquire")],
  },
  {
    name: "acquire: a cancelled task is granted",
    changes: [
      [
        "lua/lib/grants.lua",
        "first == nil or record and byte(record) ~= RECORD_PENDING or",
        "first == nil or",
      ],
    ],
    tests: [test("acquire"), test("cancel"), interleavings],
  },
  {
    name: "acquire: the reply does not name the tasks that it found expired",
    changes: [
      [
        "lua/lib/grants.lua",
        "grants.named = (place > 0 and grants.idsText .. ' ' or '') .. table.concat(grants.expired, ' ')",
        "grants.named = grants.idsText",
      ],
    ],
    tests: [test("acquire")],
  },
  {
    name: "acquire: a repeated request gets the envelopes in another order",
    changes: [["lua/lib/repeat.lua", "envelopes[i] = kept[i]", "envelopes[i] = kept[#ids + 1 - i]"]],
    tests: [test("acquire")],
  },
  {
    name: "requests: a repeated request runs again",
    changes: [["lua/lib/call.lua", "if last == asked then", "if last == -1 then"]],
    tests: [settle, test("enqueue"), test("replay"), interleavings],
  },
  {
    name: "replay: a repeated request moves tasks twice",
    changes: [["lua/transitions/replay.lua", "if previous then", "if previous and false then"]],
    tests: [test("replay")],
  },
  {
    name: "replay: the time of the replay is not recorded",
    changes: [["lua/transitions/replay.lua", "appendReplay(record, c)", "historyOf(record)"]],
    tests: [test("replay")],
  },
  {
    name: "pause: user and time are not recorded",
    changes: [["lua/operators/pause.lua", "table.concat({ reason, nowText, by }, ',')", "reason"]],
    tests: [test("pause")],
  },
  {
    name: "replay: a task that is not dead is moved",
    changes: [["lua/transitions/replay.lua", "string.byte(record) ~= RECORD_DEAD", "false"]],
    tests: [test("replay"), interleavings],
  },
  {
    name: "replay: a task that died again during the operation is moved",
    changes: [["lua/transitions/replay.lua", "tonumber(endedAtOf(record)) > diedBefore", "false"]],
    tests: [test("replay")],
  },
  {
    name: "discard: a task that died during the operation is discarded",
    changes: [
      [
        "lua/transitions/discard.lua",
        "(diedBefore == 0 or tonumber(endedAtOf(record)) <= diedBefore)",
        "true",
      ],
    ],
    tests: [test("discard")],
  },
  {
    name: "restore: a task whose id the call names twice is restored twice",
    changes: [["lua/transitions/restore.lua", "and not seen[id] and 'r'", "and 'r'"]],
    tests: [test("restore")],
  },
  {
    name: "restore: a repeated request restores twice",
    changes: [["lua/transitions/restore.lua", "if previous then", "if previous and false then"]],
    tests: [test("restore")],
  },
  {
    name: "restore: a task of another discard is restored",
    changes: [["lua/transitions/restore.lua", "and by == discard and", "and"]],
    tests: [test("restore")],
  },
  {
    name: "restore: the source is removed before the target is written",
    changes: [
      [
        "lua/transitions/restore.lua",
        "indexRequest(records[3], 's', requestSlot)\n",
        "if #restored > 0 then redis.call('ZREM', discardedKey, unpack(restored)) end\nindexRequest(records[3], 's', requestSlot)\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "give_up: a task that waits for a worker is given up",
    changes: [
      ["lua/transitions/give_up.lua", "elseif not isScheduled(record, envelope) then", "elseif false then"],
    ],
    tests: [test("give-up")],
  },
  {
    name: "give_up: a task whose id the call names twice is given up twice",
    changes: [["lua/transitions/give_up.lua", "if seen[id] or record", "if record"]],
    tests: [test("give-up")],
  },
  {
    name: "give_up: the time of death may be in the future",
    changes: [["lua/transitions/give_up.lua", "tonumber(endedAt) > now)", "false)"]],
    tests: [test("give-up")],
  },
  {
    name: "give_up: the id is not remembered",
    changes: [["lua/transitions/give_up.lua", "if option(envelope, 'h') then", "if false then"]],
    tests: [test("give-up")],
  },
  {
    name: "give_up: the source is removed before the target is written",
    changes: [
      [
        "lua/transitions/give_up.lua",
        "-- 2. Write the targets: where the tasks go.\n",
        "redis.call('ZREM', scheduledKey, unpack(left))\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "enqueue: a known id is accepted again",
    changes: [
      ["lua/lib/known_ids.lua", "if envelope then\n    local letter", "if false then\n    local letter"],
    ],
    tests: [test("enqueue"), interleavings],
  },
  {
    name: "counters: the commit of a settle or acquire does not write the counters",
    changes: [
      [
        "lua/lib/commit.lua",
        "    commit[2], commit[4] = packCounters(counters), keptReply",
        "    redis.call('HSET', stateKey, '#counters', packCounters(counters))\n    commit[1], commit[2], commit[4] = '#other', '', keptReply",
      ],
    ],
    tests: [abort],
  },
  {
    name: "promote: tasks that are not due are promoted",
    changes: [
      ["lua/lib/bands.lua", "'-inf', string.format('(%d', now + 1), 'LIMIT'", "'-inf', '+inf', 'LIMIT'"],
    ],
    tests: [test("promote"), test("acquire")],
  },
  {
    name: "purge: tasks that still run or wait are purged",
    changes: [
      ["lua/transitions/purge.lua", "return record and string.sub(record, 1, 1) == letter", "return record"],
      [
        "lua/transitions/purge.lua",
        "purgeList(cancelledKey, CANCELLED, 'x')",
        "purgeList(cancelledKey, CANCELLED, 'x')\nfor _, id in ipairs(redis.call('HKEYS', tasksKey)) do if string.sub(id, 1, 1) ~= '#' then redis.call('HDEL', tasksKey, id) end end",
      ],
    ],
    tests: [test("purge"), interleavings],
  },
  {
    name: "purge: tasks are purged before their retention is over",
    changes: [
      [
        "lua/transitions/purge.lua",
        "if #ids >= excess and endedAt + settings.retentionMs > now then",
        "if false then",
      ],
    ],
    tests: [test("purge")],
  },
  {
    name: "discard: a task that is not dead is discarded",
    changes: [
      ["lua/transitions/discard.lua", "string.byte(record) == RECORD_DEAD and not seen[id]", "not seen[id]"],
      ["lua/transitions/discard.lua", "'^d([^\\n]*)'", "'^.([^\\n]*)'"],
    ],
    tests: [test("discard"), interleavings],
  },
  {
    name: "list: the page of ended tasks is found by time alone, so tasks of the same millisecond can be missed",
    changes: [["lua/queries/list.lua", "if not behind and tonumber", "if false and tonumber"]],
    tests: [test("list")],
  },
  {
    name: "push: tasks are granted to a worker that does not listen",
    changes: [
      ["lua/lib/push.lua", "if redis.call('PUBSUB', 'SHARDNUMSUB', channel)[2] > 0 then", "if true then"],
    ],
    tests: [push, model],
  },
  {
    name: "push: the reply is not recorded, so a repeat loses the grants",
    changes: [
      [
        "lua/lib/push.lua",
        "local commit = { '#counters', '', request.requestSlot, '', nil, nil }",
        "local commit = { '#counters', '', '#counters', '', nil, nil }",
      ],
      [
        "lua/lib/push.lua",
        "commit[4] = keptReply(request.sequence, roundTripReply('', firstText, '0', table.concat(ids, ' ')))",
        "commit[4] = commit[2]",
      ],
    ],
    tests: [push],
  },
  {
    name: "push: the reply to a repeated request does not have the grants",
    changes: [["lua/lib/push.lua", "'0', table.concat(ids, ' '))", "'0', '')"]],
    tests: [push],
  },
  {
    name: "push: a paused queue grants tasks",
    changes: [
      [
        "lua/transitions/enqueue.lua",
        "and not isDueNow and not settings.paused then",
        "and not isDueNow then",
      ],
    ],
    tests: [push],
  },
  {
    name: "push: the message is sent before the commit of the enqueue",
    changes: [
      [
        "lua/transitions/enqueue.lua",
        "if isListed then\n  redis.call('HSET', tasksKey",
        "local function commitLate()\nif isListed then\n  redis.call('HSET', tasksKey",
      ],
      ["lua/transitions/enqueue.lua", "\n\n-- 4. If a worker waits", "\nend\n\n-- 4. If a worker waits"],
      [
        "lua/transitions/enqueue.lua",
        "    wake()\n  end\nend\nif events then",
        "    wake()\n  end\nend\ncommitLate()\nif events then",
      ],
    ],
    tests: [abort],
  },
  {
    name: "push: the source is removed before the commit of the grant",
    changes: [
      [
        "lua/lib/push.lua",
        "  redis.call('ZADD', processingKey",
        "  trimBand(pendingKey, bands.normal)\n  bands.normal = {}\n  redis.call('ZADD', processingKey",
      ],
    ],
    tests: [abort],
  },
  {
    name: "push: a new task overtakes a task that already waits",
    changes: [
      [
        "lua/transitions/enqueue.lua",
        "entries == pushed and (waiting == 0 or waiting <= redis.call('ZCARD', pendingTypedKey))",
        "entries == pushed",
      ],
    ],
    tests: [push],
  },
  {
    name: "push: tasks are pushed although the list was not empty",
    changes: [["lua/transitions/enqueue.lua", "entries == pushed and (waiting", "(waiting"]],
    tests: [push],
  },
  {
    name: "push: a worker gets a task of a type that it does not run",
    changes: [
      [
        "lua/lib/push.lua",
        "if not runsAll(types, tasks, at, pushed) then",
        "if false and not runsAll(types, tasks, at, pushed) then",
      ],
    ],
    tests: [push, model],
  },
  {
    name: "push: a task that was put aside keeps others from being pushed",
    changes: [
      [
        "lua/transitions/enqueue.lua",
        "(waiting == 0 or waiting <= redis.call('ZCARD', pendingTypedKey))",
        "waiting == 0",
      ],
    ],
    tests: [push, model],
  },
  {
    name: "acquire: a worker gets a task of a type that it does not run",
    changes: [["lua/lib/grants.lua", "elseif typed and not typed.canRun", "elseif false and typed.canRun"]],
    tests: [typed, interleavings, model],
  },
  {
    name: "acquire: a worker gets more tasks of a type than its limit",
    changes: [["lua/lib/typed.lua", "  rule.left = rule.left - 1\n", ""]],
    tests: [typed],
  },
  {
    name: "acquire: a task beyond the limit of its type is removed from `pending:typed`",
    changes: [
      [
        "lua/lib/grants.lua",
        "        else -- it was put aside already, and the worker takes no more of its type now\n          table.remove(left)\n",
        "",
      ],
    ],
    tests: [typed],
  },
  {
    name: "acquire: a shorter prefix gets the tasks of a longer one",
    changes: [
      [
        "lua/lib/typed.lua",
        "typed.ruleOf(name) == rule and peekCount(rule, name, count) or 0",
        "peekCount(rule, name, count)",
      ],
    ],
    tests: [typed],
  },
  {
    name: "acquire: if many types share a prefix, the last ones are never granted",
    changes: [["lua/lib/typed.lua", "  if more then\n", "  if false then\n"]],
    tests: [typed],
  },
  {
    name: "push: a worker gets more tasks of a type than its limit",
    changes: [
      ["lua/lib/push.lua", "if name and (not rule or rule.left < 0) then", "if name and not rule then"],
    ],
    tests: [push],
  },
  {
    name: "acquire: the retries that a worker sent for a type are not used",
    changes: [["lua/lib/terms.lua", "or own and own.maxRetries or maxRetries", "or maxRetries"]],
    tests: [ownTerms],
  },
  {
    name: "acquire: a task without options does not get the options that the worker sent for its type",
    changes: [
      ["lua/lib/push.lua", "if ownOf or string.byte(envelope)", "if string.byte(envelope)"],
      [
        "lua/lib/grants.lua",
        "elseif not ownOf and first == ENVELOPE_PLAIN",
        "elseif first == ENVELOPE_PLAIN",
      ],
      ["lua/lib/grants.lua", "if ownOf or not isPlain then", "if not isPlain then"],
    ],
    tests: [ownTerms],
  },
  {
    name: "acquire: types whose tasks have the same options all get the retries and time-out of the first type",
    changes: [["lua/lib/lease.lua", "local kept = own and own.place .. text or text", "local kept = text"]],
    tests: [ownTerms],
  },
  {
    name: "settle: an error that does not count as a failure can give back its attempt without end",
    changes: [["lua/lib/verdicts.lua", "if c.limited >= RATE_LIMITED_MAX then", "if false then"]],
    tests: [ownTerms],
  },
  {
    name: "settle: an error that does not count as a failure uses up an attempt",
    changes: [
      [
        "lua/lib/verdicts.lua",
        "  c.attempts = c.attempts - 1\n  if isOrdered(record) then\n    planInPlace",
        "  if isOrdered(record) then\n    planInPlace",
      ],
    ],
    tests: [ownTerms, model],
  },
  {
    name: "acquire: a worker gets more tasks than it wants",
    changes: [["lua/lib/grants.lua", "if place == want then\n        break", "if false then\n        break"]],
    tests: [typed, model],
  },
  {
    name: "acquire: a task that was put aside is never granted",
    changes: [["lua/lib/grant_writes.lua", "if #grants.left > 0 then", "if false then"]],
    tests: [typed, model],
  },
  {
    name: "acquire: workers that wait for tasks that are put aside are not woken",
    changes: [
      ["lua/transitions/acquire.lua", "promoted > #grants.ids or grants.aside > 0", "promoted > #grants.ids"],
    ],
    tests: [typed, model],
  },
  {
    name: "acquire: the list is trimmed before the task is put aside",
    changes: [["lua/lib/typed.lua", "    redis.call('ZADD', pendingTypedKey, unpack(typed.members))\n", ""]],
    tests: [typed, abort],
  },
  {
    name: "settle: a task of another type may be rejected at once",
    changes: [["lua/lib/typed.lua", "c.unroutedSince + typed.noHandlerAfterMs", "c.unroutedSince"]],
    tests: [typed],
  },
  {
    name: "reject: a task is rejected although a registered worker runs its type",
    changes: [["lua/transitions/reject.lua", "if not ruleOf(name) then", "if true then"]],
    tests: [typed, model],
  },
  {
    name: "reject: a task is rejected before its time",
    changes: [["lua/transitions/reject.lua", "if tonumber(dieAt) > now then", "if false then"]],
    tests: [typed, model],
  },
  {
    name: "reject: a task that is in the list twice counts twice",
    changes: [
      ["lua/transitions/reject.lua", "c.unroutedSince > 0 and not seen[id] then", "c.unroutedSince > 0 then"],
    ],
    tests: [typed],
  },
  {
    name: "reject: an old entry of an id rejects the new task with that id",
    changes: [["lua/transitions/reject.lua", "c.unroutedSince > 0 and not seen", "not seen"]],
    tests: [typed],
  },
  {
    name: "a worker does not send its types",
    changes: [
      [
        "packages/holdfast/src/worker/round-trips.ts",
        "handlers.hasLimits || tells ? handlers.tell(want, tells) : null",
        "null",
      ],
    ],
    tests: [types],
  },
  {
    name: "janitor: only workers with a recent heartbeat count as registered",
    changes: [
      [
        "packages/holdfast/src/janitor/sweep.ts",
        'state !== "stopped" && queues',
        'state === "running" && false && queues',
      ],
    ],
    tests: [types],
  },
  {
    name: "cancel: the worker is not notified",
    changes: [["lua/lib/stop.lua", "redis.call('SPUBLISH', wakeKey", "redis.call('PUBLISH', wakeKey"]],
    tests: [test("cancel"), test("worker/leases")],
  },
  {
    name: "worker: pushed grants are kept although other queues hold the slots",
    changes: [
      [
        "packages/holdfast/src/worker/runners.ts",
        "return Math.max(0, free + (this.alone(runner) ? runner.ahead : 0));",
        "return granted;",
      ],
    ],
    tests: [runners],
  },
  {
    name: "worker: a queue begins tasks that it took ahead in the slots of another queue",
    changes: [
      [
        "packages/holdfast/src/worker/runners.ts",
        "Math.max(quotaOf(runner) - runner.held.running, free - kept)",
        "free",
      ],
    ],
    tests: [runners],
  },
  {
    name: "worker: a queue that strict order lets wait takes tasks ahead",
    changes: [["packages/holdfast/src/worker/policy.ts", "  if (quota === 0) return own;\n", ""]],
    tests: ["packages/holdfast/src/worker/policy.test.ts"],
  },
  {
    name: "worker: beside other queues, a queue takes nothing ahead",
    changes: [
      [
        "packages/holdfast/src/worker/policy.ts",
        "return filled + Math.min(now.ahead, Math.max(0, unmet - filled + now.ahead));",
        "return filled;",
      ],
    ],
    tests: [runners],
  },
  {
    name: "errors: failures whose first line says nothing are counted under the first one",
    changes: [
      [
        "packages/holdfast/src/engine/signature.ts",
        "line.length <= FOLDED_CHARACTERS && !SAYS_NOTHING.test(line)",
        "line.length <= FOLDED_CHARACTERS",
      ],
    ],
    tests: ["packages/holdfast/src/engine/signature.test.ts"],
  },
  {
    name: "worker: tasks that a queue took ahead wait for handlers of the same queue",
    changes: [["packages/holdfast/src/worker/runners.ts", "      runner.held.begin();\n", ""]],
    tests: [runners],
  },
  {
    name: "worker: two queues that take each other's slots both stop",
    changes: [
      [
        "packages/holdfast/src/worker/runners.ts",
        "return Math.max(0, free + (this.alone(runner) ? runner.ahead : 0));",
        "return granted;",
      ],
      ["packages/holdfast/src/worker/runners.ts", "      runner.held.begin();\n", ""],
    ],
    tests: [runners],
  },
  {
    name: "push: an expired task is pushed",
    changes: [["lua/lib/push.lua", "terms.expiresAt > 0 and terms.expiresAt <= now", "false"]],
    tests: [push],
  },
  {
    name: "push: a message has more tasks than the request wants",
    changes: [["lua/lib/push.lua", "if not request or request.want < pushed then", "if not request then"]],
    tests: [push],
  },
  {
    name: "push: the request stays parked",
    changes: [["lua/lib/push.lua", "  writeField('#parked', others)\n", ""]],
    tests: [push],
  },
  {
    name: "settle: a task that was not begun uses up an attempt",
    changes: [
      [
        "lua/lib/verdicts.lua",
        "  else\n    c.attempts = c.attempts - 1\n",
        "  elseif verdict == 'release' then\n    c.attempts = c.attempts - 1\n",
      ],
    ],
    tests: [settle, model],
  },
  {
    name: "settle: a task that was not begun counts as released",
    changes: [
      [
        "lua/lib/verdicts.lua",
        "if verdict == 'release' then\n    c.releases",
        "if true then\n    c.releases",
      ],
    ],
    tests: [settle, model],
  },
  {
    name: "client: a task that has begun is handed back",
    changes: [
      [
        "packages/holdfast/src/worker/lease-table.ts",
        "Atomics.compareExchange(ints, active, buffered, stamp(version, to)) === buffered",
        "Atomics.exchange(ints, active, stamp(version, to)) >= 0",
      ],
    ],
    tests: [handBack],
  },
  {
    name: "client: a task that is handed back affects the next lease with its leaseIndex",
    changes: [
      [
        "packages/holdfast/src/worker/lease-table.ts",
        "return (version << 2) | state;",
        "return version < 0 ? 0 : state;",
      ],
    ],
    tests: [handBack],
  },
  {
    name: "client: a script call is sent again after a reconnect",
    changes: [
      [
        link,
        "autoResendUnfulfilledCommands: false,\n    enableOfflineQueue: false,",
        "autoResendUnfulfilledCommands: true,\n    enableOfflineQueue: true,",
      ],
      [link, "maxRetriesPerRequest: 0,", "maxRetriesPerRequest: null,"],
    ],
    tests: ["packages/holdfast/test/invariants/resend.redis.test.ts"],
  },
  {
    name: "client: a repeated request has a new request id",
    changes: [
      [
        "packages/holdfast/src/redis/connection.ts",
        "      return await this.#retried<Reply>(async () => {\n",
        '      return await this.#retried<Reply>(async () => {\n        const at = argv.findIndex((value) => typeof value === "string" && value.startsWith("#q:"));\n        if (at >= 0) argv[at] = "#q:again:" + Math.random();\n',
      ],
    ],
    tests: [
      "packages/holdfast/test/library/outage.redis.test.ts",
      "packages/holdfast/test/invariants/resend.redis.test.ts",
    ],
  },
  {
    name: "alert_write: a process whose lease has expired writes",
    changes: [
      ["lua/operators/alert_write.lua", "if holder ~= owner or tonumber(till) <= now then", "if false then"],
    ],
    tests: [test("invariants/abort-alerts")],
  },
  {
    name: "alert_write: a message is removed before it is kept as delivered",
    changes: [
      [
        "lua/operators/alert_write.lua",
        "if #ended > 0 then\n",
        "if #removed > 0 then\n  redis.call('HDEL', alertsKey, unpack(removed))\nend\nif #ended > 0 then\n",
      ],
    ],
    tests: [test("invariants/abort-alerts")],
  },
  {
    name: "alert_put: the revision changes after the rule",
    changes: [
      [
        "lua/operators/alert_put.lua",
        "redis.call('HINCRBY', alertsKey, ':revision', 1)\nredis.call('HSET', key, field, text)",
        "redis.call('HSET', key, field, text)\nredis.call('HINCRBY', alertsKey, ':revision', 1)",
      ],
    ],
    tests: [test("invariants/abort-alerts")],
  },
  {
    name: "alert_put: a deleted rule is removed before its definition is kept",
    changes: [
      [
        "lua/operators/alert_put.lua",
        "  if what == 'rule' then\n    -- The definition",
        "  local definition = redis.call('HGET', key, field)\n  redis.call('HDEL', key, field)\n  if what == 'rule' then\n    -- The definition",
      ],
      ["lua/operators/alert_put.lua", "redis.call('HGET', key, name))", "definition)"],
    ],
    tests: [test("invariants/abort-alerts")],
  },
  {
    name: "alert_write: the state of a rule that was deleted meanwhile is dropped",
    changes: [
      ["lua/operators/alert_write.lua", " or redis.call('HEXISTS', alertsKey, 'd' .. name) == 1", ""],
    ],
    tests: [test("invariants/abort-alerts")],
  },
  {
    name: "alert_turn: a lease is taken before it has expired",
    changes: [["lua/operators/alert_turn.lua", "tonumber(till) > now then", "tonumber(till) > now + 1 then"]],
    tests: [test("invariants/abort-alerts")],
  },
  {
    name: "alerts: a message about the end is sent although none said that the alert fires",
    changes: [
      [
        "services/observability/src/alerts/rule-state.ts",
        "held.toldAt !== null && rule.resolved",
        "rule.resolved",
      ],
    ],
    tests: ["services/observability/src/alerts/rule-state.test.ts"],
  },
  {
    name: "alerts: an alert that is kept firing does not begin anew when its condition holds again",
    changes: [
      [
        "services/observability/src/alerts/rule-state.ts",
        "const { overSince: _, ...after } = held ?? newAlert(now);",
        "const after = { ...(held ?? newAlert(now)) };",
      ],
    ],
    tests: ["services/observability/src/alerts/rule-state.test.ts"],
  },
  {
    name: "alerts: the next message does not wait for the one before",
    changes: [["services/observability/src/alerts/deliveries.ts", "if (lines.has(line)) continue;", ""]],
    tests: ["services/observability/src/alerts/deliveries.test.ts"],
  },
  {
    name: "schedule_plan: occurrences that were missed are not counted",
    changes: [["lua/operators/schedule_plan.lua", "count + countOwed(owed)", "count"]],
    tests: [test("schedules/schedules")],
  },
  {
    name: "schedule_put: occurrences that were missed are not counted",
    changes: [["lua/operators/schedule_put.lua", "count = count + countOwed(owed)\n", ""]],
    tests: [test("schedules/schedules")],
  },
  {
    name: "schedules: an interval begins when a janitor reads the schedule, and not at its last time",
    changes: [
      [
        "packages/holdfast/src/schedules/every.ts",
        "return (Math.floor(ms / this.everyMs) + 1) * this.everyMs;",
        "return ms + this.everyMs;",
      ],
    ],
    tests: [test("schedules/schedules")],
  },
  {
    name: "schedule_put: a run that a janitor has settled is settled again",
    changes: [["lua/operators/schedule_put.lua", "elseif before ~= expectedAt then", "elseif false then"]],
    tests: [test("schedules/exactly-once")],
  },
  {
    name: "audit log: the author is looked up by the id that the client sent",
    changes: [
      [
        "services/observability/src/operators/audit-log.ts",
        "  const { label, keyId, role } = identity;\n",
        '  authors[String(headers["x-request-id"])] ??= identity;\n  const { label, keyId, role } = authors[String(headers["x-request-id"])] as Identity;\n',
      ],
      [
        "services/observability/src/operators/audit-log.ts",
        "export const isKnown =",
        "const authors: Record<string, Identity> = {};\nexport const isKnown =",
      ],
    ],
    tests: [authors],
  },
  {
    name: "audit log: requests of strangers leave records",
    changes: [["services/observability/src/routes/task-audit.ts", "!isKnown(request.identity) ||", ""]],
    tests: [authors],
  },
  {
    name: "audit_trim: removed records are counted before they are removed",
    changes: [
      [
        "lua/operators/audit_trim.lua",
        "redis.call('LTRIM', auditLogKey, excess, -1)\nredis.call('INCRBY', auditDroppedKey, excess)",
        "redis.call('INCRBY', auditDroppedKey, excess)\nredis.call('LTRIM', auditLogKey, excess, -1)",
      ],
    ],
    tests: [test("action-log")],
  },
  {
    name: "audit_trim: the newest records are removed",
    changes: [["lua/operators/audit_trim.lua", "auditLogKey, excess, -1)", "auditLogKey, 0, -excess - 1)"]],
    tests: [test("action-log")],
  },
  {
    name: "operations: one key may fill all places for running operations",
    changes: [["lua/operators/operation_create.lua", "ofShare >= maxOfShare", "ofShare > maxOfShare + 100"]],
    tests: [shares],
  },
  {
    name: "operations: small operations count towards the limit of running operations",
    changes: [["lua/operators/operation_create.lua", "not isSmall(found or '')", "true"]],
    tests: [shares],
  },
  {
    name: "operations: paused operations do not count against the limit",
    changes: [["lua/operators/operation_write.lua", "elseif phase == 'pause' then", "elseif false then"]],
    tests: [shares],
  },
  {
    name: "operations: the operations of one key delay all others",
    changes: [
      ["lua/operators/operation_claim.lua", "passedOver[ARGV[at]] = true", "passedOver[ARGV[at]] = false"],
    ],
    tests: [shares],
  },
  {
    name: "audit log: strangers can fill it with refused log-ins",
    changes: [
      [
        "services/observability/src/operators/refused-log-ins.ts",
        'if (this.#limiter.take("all").isAllowed)',
        "if (this.#leftOut >= 0)",
      ],
    ],
    tests: [sessions],
  },
  {
    name: "audit log: an export that was broken off leaves no record",
    changes: [
      [
        "services/observability/src/routes/lines.ts",
        "      await audit.record({ ...author",
        "      if (isWhole) await audit.record({ ...author",
      ],
    ],
    tests: [reads],
  },
  {
    name: "audit log: reads of payloads are recorded without the setting",
    changes: [["services/observability/src/app.ts", "if (options.auditPayloadReads) ", ""]],
    tests: [reads],
  },
  {
    name: "keys: each request writes the last use of its key",
    changes: [
      [
        "packages/service/src/identity/key-ring.ts",
        " || now - use.triedAt < NOTE_USE_MS) continue;",
        ") continue;",
      ],
    ],
    tests: [keyRing],
  },
  {
    name: "keys: the last use in a minute is not written",
    changes: [
      [
        "packages/service/src/identity/key-ring.ts",
        "for (const [id, at] of noted) this.#useOf(id).notedAt = at;",
        "for (const id of noted.keys()) this.#useOf(id).notedAt = Number.POSITIVE_INFINITY;",
      ],
    ],
    tests: [keyRing],
  },
  {
    name: "http: the client chooses the id of its request",
    changes: [
      [
        "packages/service/src/http/server.ts",
        "genReqId: () => randomUUID(),",
        "genReqId: (raw) => clientRequestId(raw.headers) ?? randomUUID(),",
      ],
    ],
    tests: ["packages/service/src/tasks/routes.test.ts"],
  },
  {
    name: "sessions: every check reads all log-outs again",
    changes: [
      ["services/observability/src/identity/sessions.ts", "ended.after(this.#cursor)", 'ended.after("")'],
    ],
    tests: [logOut],
  },
  {
    name: "sessions: each log-out causes a pass over all log-outs",
    changes: [
      [
        "services/observability/src/identity/sessions.ts",
        "if (until > now) this.#end(id, until);",
        "if (until > now) { this.#end(id, until); this.#forgotAt = 0; this.#forget(now); }",
      ],
    ],
    tests: [logOut],
  },
  {
    name: "sessions: log-ins with one key are not limited",
    changes: [
      [
        "services/observability/src/routes/session.ts",
        'take(logIns, key.id, "too many log-ins with this key");',
        "",
      ],
    ],
    tests: [sessions],
  },
  {
    name: "sessions: a key may have any number of open sessions",
    changes: [
      [
        "services/observability/src/identity/sessions.ts",
        "if (open < most) return;",
        "if (open >= 0) return;",
      ],
    ],
    tests: [sessions],
  },
  {
    name: "sessions: wrong keys delay a valid one",
    changes: [
      [
        "services/observability/src/routes/session.ts",
        "    try {\n      return sessions.keyOf(",
        '    if (!failures.look(networkOf(request.ip)).isAllowed) throw new HoldfastError("rate_limited", "wait");\n    try {\n      return sessions.keyOf(',
      ],
    ],
    tests: [sessions],
  },
  {
    name: "masking: a filter compares the unmasked tag",
    changes: [
      [
        "services/observability/src/operators/masked-list.ts",
        'const { q, error, signature, tag, query = "", ...rest } = all;',
        'const { q, error, signature, query = "", ...rest } = all;\n  const tag = undefined;',
      ],
    ],
    tests: ["services/observability/test/masked-list.test.ts"],
  },
  {
    name: "masking: the beginning of a truncated value is shown",
    changes: [["packages/service/src/json/mask.ts", "if (begun > 0)", "if (begun > 99)"]],
    tests: ["packages/service/src/json/mask.test.ts"],
  },
  {
    name: "masking: only the first truncated value of a text is masked",
    changes: [["packages/service/src/json/mask.ts", "CUT_MARK, at + 1))", "CUT_MARK, masked.length))"]],
    tests: ["packages/service/src/json/mask.test.ts"],
  },
  {
    name: "masking: a key may guess payloads without a limit",
    changes: [
      [
        "packages/service/src/tasks/conflicts.ts",
        "if (conflicts > 0) this.#limiter.owe(this.#who, conflicts);",
        "",
      ],
    ],
    tests: ["packages/service/src/tasks/conflicts.test.ts"],
  },
  {
    name: "masking: all guesses in one batch count as one guess",
    changes: [["packages/service/src/tasks/conflicts.ts", "owe(this.#who, conflicts)", "owe(this.#who, 1)"]],
    tests: ["packages/service/src/tasks/conflicts.test.ts"],
  },
  {
    name: "worker: a call of ctx that fails throws into the handler",
    changes: [
      [
        "packages/holdfast/src/worker/attempt-writes.ts",
        "if (!of.ended) of.onError(failedCall(what, of.id, error));",
        "throw error;",
      ],
    ],
    tests: [userCode],
  },
  {
    name: "worker: a call of ctx after the end of the attempt has an effect",
    changes: [
      ["packages/holdfast/src/worker/attempt-writes.ts", "  if (of.ended) return;\n  try {", "  try {"],
      [
        "packages/holdfast/src/worker/attempt-writes.ts",
        "if (!of.ended) of.onError(failed",
        "of.onError(failed",
      ],
    ],
    tests: [userCode],
  },
  {
    name: "worker: any id is accepted",
    changes: [["packages/holdfast/src/worker/worker-options.ts", '@ -", isWorkerId)', '@ -", () => true)']],
    tests: [texts],
  },
  {
    name: "keys: any prefix is accepted",
    changes: [["packages/holdfast/src/client-options.ts", "  isKeyPrefix,\n);", "  () => true,\n);"]],
    tests: [texts],
  },
  {
    name: "text: a line break is kept",
    changes: [
      [
        "packages/holdfast/src/engine/text.ts",
        'lines.replaceAll("\\n", LINE_BREAK).toWellFormed()',
        "lines.toWellFormed()",
      ],
    ],
    tests: [texts, "packages/holdfast/src/engine/text.test.ts"],
  },
  {
    name: "text: an error can forge a span",
    changes: [["packages/holdfast/src/engine/text.ts", "first === 126", "first === -1"]],
    tests: [texts],
  },
  {
    name: "user code: a listener that throws is not caught",
    changes: [
      [
        "packages/holdfast/src/safe-emitter.ts",
        "this.#listenerThrew(error, event);\n      return true;",
        "throw error;",
      ],
    ],
    tests: [userCode],
  },
  {
    name: "user code: an async listener that rejects is not caught",
    changes: [
      ["packages/holdfast/src/safe-emitter.ts", "captureRejections: true", "captureRejections: false"],
    ],
    tests: [userCode],
  },
  {
    name: "user code: errors of tracing hooks are not caught",
    changes: [
      [
        "packages/holdfast/src/worker/worker.ts",
        'options.tracing && guardedTracing(options.tracing, (error) => this.emit("error", error))',
        "options.tracing",
      ],
    ],
    tests: [userCode],
  },
  {
    name: "user code: messages of the handler's process count as messages of the library",
    changes: [
      [
        "packages/holdfast/src/isolation/handler-process.ts",
        "(message as { key?: unknown }).key === this.#key",
        "true",
      ],
    ],
    tests: [userCode],
  },
  {
    name: "user code: reading a thrown value may throw",
    changes: [
      [
        "packages/holdfast/src/worker/thrown.ts",
        "  } catch {\n    return undefined;\n  }\n}\n\nfunction hasOwn",
        "  } finally {\n  }\n}\n\nfunction hasOwn",
      ],
    ],
    tests: [userCode],
  },
  {
    name: "connection: close leaves callers waiting for a connection",
    changes: [[linkMember, "    this.onFailure(closedError());\n", ""]],
    tests: [connecting, stopping],
  },
  {
    name: "connection: closing one also closes the shared client",
    changes: [[link, "if (this.#users.size > 0) return;", ""]],
    tests: [test("worker/connections")],
  },
  {
    name: "connection: the database is not selected",
    changes: [[link, 'if (db !== 0) answers.push(this.client.call("SELECT", db));', ""]],
    tests: [connecting],
  },
  {
    name: "connection: a refused SELECT is ignored",
    changes: [
      [
        link,
        '      if (this.client.status === "ready") (this.client as Redis).disconnect(true);\n      return;',
        "",
      ],
    ],
    tests: [connecting],
  },
  {
    name: "connection: a wrong password counts as an unreachable Redis",
    changes: [[link, "if (refusal !== undefined) this.#refused(refusal);\n  }", "}"]],
    tests: [connecting],
  },
  {
    name: "queue: a missing type is accepted",
    changes: [
      [
        "packages/holdfast/src/queue/new-task.ts",
        "if (type !== this.#headerType) checkTaskType(type);",
        "if (type !== this.#headerType && type !== undefined) checkTaskType(type);",
      ],
    ],
    tests: [args],
  },
  {
    name: "partitions: an enqueue fails if the queue got partitions meanwhile",
    changes: [
      [
        "packages/holdfast/src/queue/queue-part.ts",
        "if (partsChanged(error)) this.#onMoved(this);\n    else this.reject(error);",
        "this.reject(error);",
      ],
    ],
    tests: [deletedQueue],
  },
  {
    name: "partitions: the heartbeat thread does not learn of new partitions",
    changes: [
      [
        "packages/holdfast/src/worker/heartbeat.ts",
        "if (this.#number !== undefined) shared.setParts(this.#number, data.parts, queues);",
        "",
      ],
    ],
    tests: [partitions],
  },
  {
    name: "partitions: a janitor searches for workers by the name of the partition",
    changes: [
      [
        "packages/holdfast/src/janitor/sweep.ts",
        'state !== "stopped" && queues.includes(queue)',
        'state !== "stopped" && queues.includes(engine.queue)',
      ],
    ],
    tests: [types],
  },
  {
    name: "partitions: a queue that gets partitions no longer counts against the limit of its key",
    changes: [
      [
        "lua/operators/partition.lua",
        "'HSET', queueMakersKey, 'q' .. queue .. '/0'",
        "'HGET', queueMakersKey, 'q'",
      ],
    ],
    tests: [partitions],
  },
  {
    name: "partitions: a lookup without a match does not check whether the queue has other parts",
    changes: [
      ["packages/holdfast/src/queue/queue-parts.ts", "return other ? look(other) : none;", "return none;"],
    ],
    tests: [partitions],
  },
  {
    name: "queue: close does not wait for calls in progress",
    changes: [
      [
        "packages/holdfast/src/queue/part-opening.ts",
        "return this.#entering.add(this.ready());",
        "return this.ready();",
      ],
    ],
    tests: [args],
  },
  {
    name: "stop: a second call with a shorter grace has no effect",
    changes: [
      [
        "packages/holdfast/src/grace.ts",
        "if (endsAtMs >= this.#endsAtMs) return;",
        "if (this.#endsAtMs < Number.POSITIVE_INFINITY) return;",
      ],
    ],
    tests: [stopping],
  },
  {
    name: "heartbeat: a worker without a heartbeat acquires tasks",
    changes: [
      [
        "packages/holdfast/src/worker/worker.ts",
        "this.#rests || !this.#beating || this.#stopped !== undefined",
        "this.#rests || this.#stopped !== undefined",
      ],
    ],
    tests: [loss],
  },
  {
    name: "heartbeat: a worker that lost its heartbeat for good continues",
    changes: [
      [
        "packages/holdfast/src/worker/worker.ts",
        "    void this.stop({ graceMs: Math.floor(leaseMs / 3) });\n",
        "",
      ],
    ],
    tests: [loss],
  },
  {
    name: "heartbeat: a start does not wait for the thread",
    changes: [
      [
        "packages/holdfast/src/worker/heartbeat.ts",
        "this.#number = shared.add(this);",
        "this.#number = shared.add(this);\n        resolve();",
      ],
    ],
    tests: [heartbeat],
  },
  {
    name: "heartbeat: a failed thread is restarted without end",
    changes: [
      ["packages/holdfast/src/worker/heartbeat.ts", "this.#ends.length >= ENDS", "this.#ends.length < 0"],
    ],
    tests: [heartbeat],
  },
  {
    name: "limits: a task of a limited type is not counted for it",
    changes: [["lua/lib/charges.lua", "    account.running = account.running + 1\n    if", "    if"]],
    tests: [typeLimits],
  },
  {
    name: "limits: a task that has ended still counts for its type",
    changes: [["lua/lib/ready.lua", "    releaseType(limits, ofType, count)\n", ""]],
    tests: [typeLimits],
  },
  {
    name: "limits: the task after a task of a limited type is counted for that type too",
    changes: [["lua/lib/grants.lua", "          termsBefore = nil --", "          --"]],
    tests: [typeLimits],
  },
  {
    name: "limits: a worker is not told when the rate of a key allows the next task after an end",
    changes: [["lua/lib/ready.lua", "      limits.sooner = true\n", "      limits.later = true\n"]],
    tests: ["packages/holdfast/test/worker/limits.redis.test.ts"],
  },
  {
    name: "limits: the rate of a type is not used up",
    changes: [
      [
        "lua/lib/charges.lua",
        "      account.tat = math.max(account.tat, now) + terms.cost * account.limit.intervalMs\n",
        "",
      ],
    ],
    tests: [typeLimits],
  },
  {
    name: "limits: a task that was not begun does not give its rate back to its type",
    changes: [["lua/lib/accounts.lua", "pairs({ key, ofType }) do", "pairs({ key }) do"]],
    tests: [typeLimits],
  },
  {
    name: "limits: a worker that holds a task asks again and again for a task that has to run alone",
    changes: [
      ["lua/lib/turns.lua", "    limits.more = limits.more and not (band == 'solo' and held > 0)\n", ""],
    ],
    tests: [keys],
  },
  {
    name: "limits: when a full type gets a free place, no worker is woken",
    changes: [["lua/transitions/settle.lua", "(limits.hasTypeRoom or redis", "(redis"]],
    tests: [typeLimits],
  },
  {
    name: "limits: a task in strict order whose type is full is put aside",
    changes: [["lua/lib/charges.lua", "if not (account and limits.ordered) then", "if true then"]],
    tests: [typeLimits],
  },
  {
    name: "limits: a task that waits because its type is full becomes a dead letter as no_handler",
    changes: [["lua/lib/typed.lua", "isFull and HELD_FOR_EVER + typed.sequence or ", ""]],
    tests: [typeLimits],
  },
  {
    name: "limits: a task that was handed back loses its place in its type",
    changes: [["lua/lib/typed.lua", "isFull and isBack(record, envelope, c) and 0 or ", ""]],
    tests: [typeLimits],
  },
  {
    name: "limits: a task that is put aside twice for its type is counted as a cancelled one",
    changes: [["lua/lib/typed.lua", "HELD_FOR_EVER + typed.sequence or", "HELD_FOR_EVER or"]],
    tests: [typeLimits],
  },
  {
    name: "limits: setting limits ends the hold of a type",
    changes: [
      ["lua/operators/limits.lua", "if heldUntil and tonumber(heldUntil) > now then", "if false then"],
    ],
    tests: [typeLimits],
  },
  {
    name: "limits: a hold that a handler sets for its type is not checked, because the type is not listed as limited",
    changes: [["lua/lib/accounts.lua", "limits.types or {}, true\n", "limits.types or {}, false\n"]],
    tests: [typeLimits],
  },
  {
    name: "limits: an ack does not free the place of its key",
    changes: [
      ["lua/lib/ready.lua", "    release(limits, group.counted, group.count, group.grantedAt)\n", ""],
    ],
    tests: [keys],
  },
  {
    name: "limits: a verdict other than ack does not free the place of its key",
    changes: [
      ["lua/lib/verdicts.lua", "    limits.release(limits, countedIn(record), 1, tonumber(grantedAt))\n", ""],
    ],
    tests: [keys],
  },
  {
    name: "limits: a reap does not free the place of its key",
    changes: [
      [
        "lua/transitions/reap.lua",
        "    limits.release(limits, countedIn(record), 1, tonumber(grantedAt))\n",
        "",
      ],
    ],
    tests: [keys],
  },
  {
    name: "limits: a grant does not use up the rate",
    changes: [["lua/lib/grants.lua", "        counted.granted = counted.granted + 1\n", ""]],
    tests: [keys],
  },
  {
    name: "limits: a task that was not begun keeps its rate",
    changes: [["lua/lib/verdicts.lua", "limits and verdict == 'unstarted'", "false"]],
    tests: [keys],
  },
  {
    name: "limits: a task that is asked to stop loses its key",
    changes: [["lua/lib/stop.lua", "'^l[^%s@]+'", "'^l%S+'"]],
    tests: [keys],
  },
  {
    name: "limits: a key that a reap freed becomes ready only after the commit",
    changes: [
      ["lua/transitions/reap.lua", "limits.openReleased(limits)\n", ""],
      [
        "lua/transitions/reap.lua",
        "limits.finish(limits)\n",
        "limits.openReleased(limits)\nlimits.finish(limits)\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "limits: a hold is written only after the commit",
    changes: [
      [
        "lua/lib/ready.lua",
        "    else\n      rest(limits, key)\n    end\n  end\n  if #ready",
        "    end\n  end\n  if #ready",
      ],
    ],
    tests: [abort],
  },
  {
    name: "limits: a key that a settle freed does not become ready",
    changes: [["lua/transitions/settle.lua", "  limits.openReleased(limits)\n", ""]],
    tests: [keys],
  },
  {
    name: "limits: a key that a reap freed does not become ready",
    changes: [["lua/transitions/reap.lua", "limits.openReleased(limits)\n", ""]],
    tests: [keys],
  },
  {
    name: "limits: a freed key whose rate is used up is written to the index `resting` only after the commit",
    changes: [
      [
        "lua/lib/ready.lua",
        "wasFull and account.running < account.limit.concurrency then",
        "wasFull and keyRoom(limits, key) > 0 then",
      ],
    ],
    tests: [abort],
  },
  {
    name: "limits: a full key stays ready",
    changes: [
      ["lua/lib/turns.lua", "or lane.room < math.huge and keyRoom(limits, lane.key) == 0 then", "then"],
    ],
    tests: [keys],
  },
  {
    name: "limits: a key that is held is granted",
    changes: [
      [
        "lua/lib/accounts.lua",
        "  if account.heldUntil > now then\n    return 0, account.heldUntil < HELD_FOR_EVER and account.heldUntil or nil\n  end\n",
        "",
      ],
      ["lua/lib/accounts.lua", "return math.max(account.heldUntil, math.ceil(at))", "return math.ceil(at)"],
    ],
    tests: [keys],
  },
  {
    name: "limits: a shorter hold ends a longer one",
    changes: [["lua/lib/accounts.lua", "math.max(account.heldUntil, untilMs)", "untilMs"]],
    tests: [keys],
  },
  {
    name: "limits: the cost of a task is always 1",
    changes: [
      [
        "lua/lib/charges.lua",
        "account.tat = math.max(account.tat, now) + cost *",
        "account.tat = math.max(account.tat, now) + grants *",
      ],
    ],
    tests: [keys],
  },
  {
    name: "limits: a task starts before the rate allows its whole cost",
    changes: [
      [
        "lua/lib/charges.lua",
        "allowedAt(account, account.limit, terms.cost)",
        "allowedAt(account, account.limit, 1)",
      ],
    ],
    tests: [keys],
  },
  {
    name: "limits: a cheaper task overtakes the head of its line",
    changes: [
      ["lua/lib/charges.lua", "if account and not account.refuses then", "if account then"],
      ["lua/lib/grants.lua", "isBehind = lane and lane.account.refuses", "isBehind = false"],
    ],
    tests: [keys],
  },
  {
    name: "limits: a key stays ready although the rate does not allow its first task yet",
    changes: [
      [
        "lua/lib/charges.lua",
        "    account.refusedUntil = at > now and at or nil\n    account.refuses",
        "    account.refuses",
      ],
    ],
    tests: [keys],
  },
  {
    name: "limits: if the limit of the queue refuses the cost of a task, the worker asks again at once",
    changes: [
      [
        "lua/lib/charges.lua",
        "math.min(limits.nextAt, at), false\n",
        "math.min(limits.nextAt, at), limits.more\n",
      ],
    ],
    tests: [keys],
  },
  {
    name: "limits: a rate that was taken away still holds",
    changes: [
      [
        "lua/lib/accounts.lua",
        "limit.intervalMs > 0 and math.max(account.tat, now) +",
        "math.max(account.tat, now) +",
      ],
    ],
    tests: [keys],
  },
  {
    name: "limits: weights have no effect within one call",
    changes: [
      ["lua/lib/turns.lua", "stepOf(limits, lane.key, lane.account.limit) * TURN_PARTS", "TURN_PARTS"],
    ],
    tests: [keys],
  },
  {
    name: "limits: a key that was idle gets the turns that it missed",
    changes: [
      [
        "lua/lib/ready.lua",
        "math.max(account.turn, current) or current + stepOf(limits, key, limit)",
        "account.turn or 0",
      ],
    ],
    tests: [keys],
  },
  {
    name: "limits: a key whose account is forgotten between its tasks always has the next turn",
    changes: [["lua/lib/ready.lua", "or current + stepOf(limits, key, limit)", "or current"]],
    tests: [keys],
  },
  {
    name: "limits: an idle account is never forgotten",
    changes: [
      [
        "lua/lib/ready.lua",
        "      forgotten[#forgotten + 1] = isIdle(account, key) and '@' .. key or nil\n",
        "",
      ],
    ],
    tests: [keys],
  },
  {
    name: "limits: an account is not forgotten with its last task",
    changes: [
      [
        "lua/lib/limits.lua",
        "        forgotten[#forgotten + 1] = '@' .. key\n      end\n    end\n",
        "      end\n    end\n",
      ],
    ],
    tests: [keys],
  },
  {
    name: "limits: the end of the limit of a single key is not checked",
    changes: [["lua/lib/ready.lua", "account.overrideUntil or math.huge, ", ""]],
    tests: [keys],
  },
  {
    name: "limits: the entry that a cancelled task leaves in the line of a key is counted for a priority",
    changes: [["lua/transitions/cancel.lua", "not aside and keyOption(envelope) and 'keyed' or ", ""]],
    tests: [keys],
  },
  {
    name: "limits: when the entry of a cancelled task is removed from the line of a key, it is still counted",
    changes: [
      ["lua/lib/grants.lua", "local source = lane and 'keyed' or", "local source = lane and 'normal' or"],
    ],
    tests: [keys],
  },
  {
    name: "limits: when expire removes the entry of a cancelled task from the line of a key, it is still counted",
    changes: [["lua/transitions/expire.lua", "return left == keyed and 'keyed' or member", "return member"]],
    tests: [keys],
  },
  {
    name: "limits: a task that is handed back goes to the end of its line",
    changes: [
      ["lua/lib/ready.lua", "atHead and '#keyed_head' or '#keyed_tail'", "'#keyed_tail'"],
      ["lua/lib/ready.lua", "atHead and FIRST_SEQUENCE - count or ", ""],
    ],
    tests: [keys],
  },
  {
    name: "limits: weights have no effect from one call to the next",
    changes: [["lua/lib/charges.lua", "account.turn = last + step", "account.turn = turn + grants"]],
    tests: [keys],
  },
  {
    name: "limits: a key gets an equal share of a call, whatever its weight",
    changes: [
      ["lua/lib/turns.lua", "math.ceil(want * lane.weight / weights)", "math.ceil(want / #lanes)"],
      ["lua/lib/turns.lua", "while total < want and open > 0 do", "while false do"],
    ],
    tests: [keys],
  },
  {
    name: "limits: a task that is retried in the call that empties its line is left behind",
    changes: [["lua/lib/turns.lua", "lane.room == 0 or limits.lined[lane.key] then", "lane.room == 0 then"]],
    tests: [keys],
  },
  {
    name: "limits: if the call that raises limits fails halfway, no later call continues it",
    changes: [["lua/transitions/promote.lua", "if fields[3] then", "if false then"]],
    tests: [keys],
  },
  {
    name: "limits: a task may be handed back for ever",
    changes: [["lua/lib/verdicts.lua", "c.limited > RATE_LIMITED_MAX", "false"]],
    tests: [keys],
  },
  {
    name: "limits: a rate limit that a handler met costs an attempt",
    changes: [
      [
        "lua/lib/verdicts.lua",
        "  c.attempts = c.attempts - 1\n  return handBack(settled, counters, id, envelope, c, historyOf(record))",
        "  return handBack(settled, counters, id, envelope, c, historyOf(record))",
      ],
    ],
    tests: [keys],
  },
  {
    name: "limits: an enqueue grants to a waiting worker beyond a limit",
    changes: [["lua/transitions/enqueue.lua", " and not queue[5] and alone", " and alone"]],
    tests: [keys],
  },
  {
    name: "limits: the leased tasks of the queue are not counted",
    changes: [["lua/lib/accounts.lua", "whole.limit, processing)", "whole.limit, 0)"]],
    tests: [keys],
  },
  {
    name: "limits: a retry in strict order goes to the end",
    changes: [
      [
        "lua/lib/verdicts.lua",
        "    if isOrdered(record) then\n      return planInPlace(settled, counters, id, record, delayMs, failure)\n    elseif delayMs == 0 then",
        "    if delayMs == 0 then",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: a key in strict order does not wait for a retry",
    changes: [
      [
        "lua/lib/verdicts.lua",
        "  if delayMs > 0 then\n    limits.hold(",
        "  if false then\n    limits.hold(",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: a key with a limit of its own loses its strict order",
    changes: [
      [
        "lua/lib/accounts.lua",
        "      if limits.ordered then\n        account.limit.concurrency = 1\n      end\n",
        "",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: a task in strict order that no worker runs is put aside",
    changes: [
      [
        "lua/lib/verdicts.lua",
        "    if isOrdered(record) then\n      return planUnrouted",
        "    if false then\n      return planUnrouted",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: a worker without a handler for the first task of a strictly ordered key takes the second task",
    changes: [
      [
        "lua/lib/grants.lua",
        "        if lane and limits.ordered then\n          -- The task is not",
        "        if false then\n          -- The task is not",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: a death by a verdict does not stop its key",
    changes: [["lua/lib/verdicts.lua", "    limits.died(limits, key)\n", ""]],
    tests: [policies],
  },
  {
    name: "limits: a death by crashes does not stop its key",
    changes: [["lua/transitions/reap.lua", "        limits.died(limits, key)\n", ""]],
    tests: [policies],
  },
  {
    name: "limits: a replay does not end the stop of its key",
    changes: [["lua/transitions/replay.lua", "      limits.goOn(limits, key)\n", ""]],
    tests: [policies],
  },
  {
    name: "limits: the replayed task of a stopped key goes to the end of its line",
    changes: [
      ["lua/transitions/replay.lua", "pushBands(bands, false, limits.stops)", "pushBands(bands, false)"],
    ],
    tests: [policies],
  },
  {
    name: "limits: drop-new does not count running tasks",
    changes: [
      [
        "lua/lib/policies.lua",
        "account.limit.concurrency - account.running or",
        "account.limit.concurrency or",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: drop-new does not count tasks that were enqueued in the same call",
    changes: [
      [
        "lua/lib/policies.lua",
        "  account.admitted = account.admitted - 1\n",
        "  account.admitted = account.admitted\n",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: cancelled tasks count as waiting",
    changes: [
      [
        "lua/lib/policies.lua",
        "account.admitted + account.lined - #waitingIn(key), nil",
        "account.admitted, nil",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: an ended task is enqueued again even if its key has too many tasks",
    changes: [
      [
        "lua/transitions/enqueue_again.lua",
        "elseif verdict == 'e' and not admitsAgain(envelope) then",
        "elseif false then",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: cancel-running lets the running tasks run",
    changes: [["lua/lib/policies.lua", "    if account.running > 0 and", "    if false and"]],
    tests: [policies],
  },
  {
    name: "limits: cancel-running ends the newest running task, and not the oldest",
    changes: [
      [
        "lua/lib/policies.lua",
        "return sequenceOf(a) < sequenceOf(b)",
        "return sequenceOf(a) > sequenceOf(b)",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: the end of a task does not correct the estimated running time of its key",
    changes: [
      [
        "lua/lib/ready.lua",
        "  account.turn = math.max(0, account.turn + count * (ranMs / TURN_MS / limit.weight - stepOf(limits, key, limit)))\n",
        "",
      ],
    ],
    tests: [policies],
  },
  {
    name: "limits: the mean running time of a waiting key is lost",
    changes: [["lua/lib/ready.lua", " and not (account.meanMs and headOf(key))", ""]],
    tests: [policies],
  },
  {
    name: "limits: tasks without a key always have one of the next turns",
    changes: [["lua/lib/turns.lua", "  limits.own.turn = turn --", "  local _ = turn --"]],
    tests: [policies],
  },
  {
    name: "limits: the share of a shared limit is not applied",
    changes: [
      [
        "lua/lib/limits.lua",
        "    limits.wholes[#limits.wholes + 1] = { key = ' ' .. name, limit = limit }\n",
        "",
      ],
    ],
    tests: [shared],
  },
  {
    name: "limits: grants do not use up the rate of a shared limit",
    changes: [
      [
        "lua/lib/charges.lua",
        "      counted.tat = math.max(counted.tat, now) + cost * whole.limit.intervalMs\n",
        "",
      ],
    ],
    tests: [shared],
  },
  {
    name: "limits: an older share overwrites a newer one",
    changes: [["lua/operators/share.lua", "tonumber(string.match(before, '^%d+')) > version", "false"]],
    tests: [shared],
  },
  {
    name: "limits: when limits are set, the shares of shared limits are removed",
    changes: [["lua/operators/limits.lua", "withShares(lines, fields[2])", "lines"]],
    tests: [shared],
  },
  {
    name: "limits: two divisions of one shared limit are both written",
    changes: [
      [
        "lua/operators/shared_limit.lua",
        "(redis.call('HGET', sharedLimitsKey, name) or '') ~= before",
        "false",
      ],
    ],
    tests: [shared],
  },
  {
    name: "limits: a share is raised before another queue has freed its part",
    changes: [
      [
        "packages/holdfast/src/shares/deal.ts",
        "Math.max(share.concurrency ?? 0, running);\n  let freeTasks",
        "share.concurrency ?? 0;\n  let freeTasks",
      ],
    ],
    tests: [dealt],
  },
  {
    name: "flows: an ack does not record the end of a node",
    changes: [["lua/lib/acks.lua", "mark = hasFlag(c, FLAG_NODE) and", "mark = false and"]],
    tests: [flows],
  },
  {
    name: "flows: a node that is acked twice in one call ends twice",
    changes: [["lua/lib/acks.lua", "if mark and not (repeated and repeated[i]) then", "if mark then"]],
    tests: [flows],
  },
  {
    name: "flows: the end of a node with keep is not recorded",
    changes: [["lua/lib/acks.lua", "        if mark then\n", "        if mark and shared then\n"]],
    tests: [flows],
  },
  {
    name: "flows: an ack with a result does not record the end of a node",
    changes: [["lua/lib/verdicts.lua", "    if mark then", "    if false then"]],
    tests: [flows],
  },
  {
    name: "flows: of the nodes that one call acks, only the last ones are recorded",
    changes: [
      [
        "lua/lib/acks.lua",
        "    for i = from, to do\n      local mark",
        "    for i = to, to do\n      local mark",
      ],
    ],
    tests: [flows],
  },
  {
    name: "flows: of the flags behind the attempts of a node only the first one is read",
    changes: [["lua/lib/record.lua", "c.flags = rest or ''", "c.flags = string.sub(rest or '', 1, 1)"]],
    tests: [flows],
  },
  {
    name: "flows: of two flows in one note, the ends of the second one count for the first one",
    changes: [
      [
        "lua/transitions/flow_advance.lua",
        "if not flowBefore or string.find(id, flowBefore.prefix, 1, true) ~= 1 then",
        "if not flowBefore then",
      ],
    ],
    tests: [flows, flowModel],
  },
  {
    name: "flows: the ends of a note that a call has no time for are lost",
    changes: [
      ["lua/transitions/flow_advance.lua", "rest = rest .. string.sub(text, after)", "rest = rest .. ''"],
    ],
    tests: [flows, flowsLibrary],
  },
  {
    name: "flows: of many nodes behind a node, only those on the last page run",
    changes: [["lua/lib/flow_behind.lua", "names and string.byte(names) == 48 and", "names and"]],
    tests: [flows, flowsLibrary],
  },
  {
    name: "flows: an end in another queue counts twice",
    changes: [["lua/transitions/flow_advance.lua", "flow.parts and not page and", "false and"]],
    tests: [flowsSpread, flowModel],
  },
  {
    name: "flows: a node is added after itself",
    changes: [
      [
        "lua/transitions/flow_add.lua",
        "if isUnknown or isOwn or isOther then",
        "if isUnknown or isOther then",
      ],
    ],
    tests: [flows],
  },
  {
    name: "flows: an acquire looks at the first flow only",
    changes: [["lua/lib/cancelled_flow.lua", "string.find(id, last.prefix, 1, true) == 1 then", "true then"]],
    tests: [flows],
  },
  {
    name: "flows: a node behind a dead node runs, because another node with an equal record runs",
    changes: [
      ["lua/lib/flow_behind.lua", "effect == 'go' and record and goOf[record]", "record and goOf[record]"],
    ],
    tests: [flows],
  },
  {
    name: "flows: the discard of a dead node with onDead hold does not skip the nodes behind it",
    changes: [["lua/lib/flow_behind.lua", "    return policy == 'w' and 'fail' or nil", "    return nil"]],
    tests: [flows],
  },
  {
    name: "flows: a restored dead letter keeps the nodes behind it skipped",
    changes: [["lua/lib/flow_behind.lua", "    return policy == 'w' and 'unfail' or nil", "    return nil"]],
    tests: [flows, flowModel],
  },
  {
    name: "flows: a flow that was not sealed in time is sealed instead of cancelled",
    changes: [
      ["lua/lib/flow_due.lua", "flow.letters = flow.letters .. 'sx'", "flow.letters = flow.letters .. 's'"],
    ],
    tests: [flows],
  },
  {
    name: "flows: a replay does not reopen a flow that has ended",
    changes: [["lua/lib/flow_end.lua", "elseif not hasEnded and flow.endedAt > 0 then", "elseif false then"]],
    tests: [flows],
  },
  {
    name: "flows: a flow is forgotten although its dead letter can be replayed",
    changes: [["lua/lib/flow_end.lua", "flow.calls == 0 and flow.replayable == 0", "flow.calls == 0"]],
    tests: [flows],
  },
  {
    name: "flows: a flow that has ended can be cancelled",
    changes: [["lua/transitions/flow_cancel.lua", "isFlow(at, 'g') or at.endedAt > 0", "isFlow(at, 'g')"]],
    tests: [flows],
  },
  {
    name: "flows: waiting nodes do not count for the cap of the queue",
    changes: [
      [
        "lua/transitions/flow_add.lua",
        "totals.waiting + newHere > settings.maxWaiting",
        "0 > settings.maxWaiting",
      ],
    ],
    tests: [flows],
  },
  {
    name: "flows: a node does not wait for the nodes that a node before it adds",
    changes: [["lua/transitions/flow_add.lua", "open = open + new, options", "open = open, options"]],
    tests: [flows],
  },
  {
    name: "flows: the first nodes behind a node with many of them are lost",
    changes: [["lua/lib/flow_pages.lua", "string.sub(last, 2)", "''"]],
    tests: [flows, flowsLibrary],
  },
  {
    name: "flows: a node of a cancelled flow that is not granted waits for ever",
    changes: [
      [
        "lua/lib/grants.lua",
        "        grants.nodes[#grants.nodes + 1] = { id = id, mark = 'h', counts = c }\n",
        "",
      ],
    ],
    tests: [flows, flowModel],
  },
  {
    name: "flows: a node that is added again waits for more nodes than before",
    changes: [["lua/transitions/flow_add.lua", "  if new < count then\n", "  if false then\n"]],
    tests: [flows],
  },
  {
    name: "flows: a name that an aborted call has stored is stored again",
    changes: [["lua/lib/flow_pages.lua", "return not there[name] end", "return true end"]],
    tests: [flows],
  },
  {
    name: "flows: a node that comes after an ended node waits for it",
    changes: [["lua/transitions/flow_add.lua", "kind.open - (passed[id] or 0)", "kind.open"]],
    tests: [flows],
  },
  {
    name: "flows: a node with a delay is pending at once",
    changes: [["lua/lib/flow_place.lua", "  if time and time > now then", "  if false then"]],
    tests: [flows],
  },
  {
    name: "flows: a reap does not record the end of a node",
    changes: [["lua/transitions/reap.lua", "      if hasFlag(c, FLAG_NODE) then\n", "      if false then\n"]],
    tests: [flows],
  },
  {
    name: "flows: a node runs although one node before it has not ended",
    changes: [
      [
        "lua/lib/flow_behind.lua",
        "local text = open > 0 and waitingText",
        "local text = open > 1 and waitingText",
      ],
    ],
    tests: [flows],
  },
  {
    name: "flows: the stats have the age of the newest flow, and not of the oldest",
    changes: [["lua/lib/flows.lua", "LAST_CREATED - flow.createdAt", "flow.createdAt"]],
    tests: [flowViews],
  },
  {
    name: "flows: a failed flow counts as running for the age of the oldest flow",
    changes: [
      [
        "lua/lib/flow_end.lua",
        "call(flow, 'done')\n    due[flow.name] = heldScore(flow)\n",
        "call(flow, 'done')\n",
      ],
    ],
    tests: [flowViews],
  },
  {
    name: "flows: a flow that runs again after a replay does not count for the age of the oldest flow",
    changes: [
      [
        "lua/lib/flow_end.lua",
        "totals.running + 1\n    due[flow.name] = heldScore(flow)\n",
        "totals.running + 1\n",
      ],
    ],
    tests: [flowViews],
  },
  {
    name: "flows: why does not name a dead letter that holds nodes",
    changes: [["lua/queries/flow_nodes.lua", "if isHeld or mark and", "if mark and"]],
    tests: [flowViews],
  },
  {
    name: "flows: a replay of one flow replays the dead letters of all flows",
    changes: [
      [
        "packages/holdfast/src/observer/filter.ts",
        'for (const field of ["type", "tag", "flow", "signature"] as const)',
        'for (const field of ["type", "tag", "signature"] as const)',
      ],
    ],
    tests: ["packages/holdfast/src/observer/filter.test.ts"],
  },
  {
    name: "flows: a flow with a dead node counts as succeeded",
    changes: [["lua/lib/flow_end.lua", "elseif flow.faults == 0 then", "else"]],
    tests: [flows],
  },
  {
    name: "flows: a replayed node that has ended before the flow is looked at does not end its flow again",
    changes: [["lua/lib/flow_end.lua", "(flow.endedAt == 0 or flow.isReplayed)", "flow.endedAt == 0"]],
    tests: [eventsLibrary],
  },
  {
    name: "events: the end of a flow is not told",
    changes: [["lua/lib/flow_end.lua", "    tell(EVENT_FLOW_ENDED", "    tostring(EVENT_FLOW_ENDED"]],
    tests: [eventsLibrary],
  },
  {
    name: "flows: a callback is enqueued again after a replay",
    changes: [["lua/lib/flow_end.lua", "  if isFlow(flow, letter) then", "  if false then"]],
    tests: [flows, flowModel],
  },
  {
    name: "flows: a replayed node with onDead continue counts twice",
    changes: [
      [
        "lua/lib/flow_behind.lua",
        "return not string.find(flags, FLAG_PASSED, 1, true) and 'go' or nil",
        "return 'go'",
      ],
    ],
    tests: [flows, flowModel],
  },
  {
    name: "flows: nodes of a cancelled flow are granted",
    changes: [
      [
        "lua/lib/grants.lua",
        "elseif first == ENVELOPE_NODE and grants.isOfCancelledFlow",
        "elseif false and grants.isOfCancelledFlow",
      ],
    ],
    tests: [flows],
  },
  {
    name: "flows: a purge removes the result of a node while its flow runs",
    changes: [["lua/lib/purge.lua", "own[#own + 1] = not nodes[id] and id or nil", "own[#own + 1] = id"]],
    tests: [flows],
  },
  {
    name: "flows: a node does not wait until the recorded end of the node before it is counted",
    changes: [["lua/lib/flow_before.lua", "(letter ~= 'c' or isNoted(id))", "(letter ~= 'c')"]],
    tests: [flows, flowModel],
  },
  {
    name: "flows: a running node adds nodes that wait for one another",
    changes: [
      ["lua/transitions/flow_add.lua", "local isOther = how == 'task' and", "local isOther = false and"],
    ],
    tests: [flows],
  },
  {
    name: "flows: if many nodes wait for one, the rest of them is forgotten",
    changes: [["lua/lib/flow_behind.lua", "    if last < #ids then", "    if false then"]],
    tests: [flows],
  },
  {
    name: "flows: a worker leaves the ends of nodes to the janitor",
    changes: [
      ["packages/holdfast/src/worker/queue-runner.ts", "if (endsNodes) this.#ends.advance();", ""],
      ["packages/holdfast/src/worker/queue-runner.ts", "if (trip.ends && ", "if (false && "],
    ],
    tests: [flowsLibrary],
  },
  {
    name: "flows: flow_advance is not called again if it came before the settle",
    changes: [
      ["packages/holdfast/src/worker/queue-runner.ts", " && connection.failedSends === failedSends", ""],
    ],
    tests: [runner],
  },
  {
    name: "flows: an end is left behind if no flow is due",
    changes: [
      [
        "lua/transitions/flow_advance.lua",
        "totals.taken == totals.noted and #flowsDue == 0",
        "#flowsDue == 0",
      ],
    ],
    tests: [flows],
  },
  {
    name: "flows: a flow that is due is left alone if no node has ended",
    changes: [["lua/transitions/flow_advance.lua", "and #flowsDue == 0 and", "and"]],
    tests: [flows],
  },
  {
    name: "flows: nodes of old flows are kept if no node has ended",
    changes: [
      [
        "lua/transitions/flow_advance.lua",
        " and totals.kept <= settings.retentionCount then\n  return",
        " then\n  return",
      ],
    ],
    tests: [flows],
  },
  {
    name: "flows: a worker without other tasks does not ask for the nodes behind its node",
    changes: [["packages/holdfast/src/worker/queue-runner.ts", "if (asksLater) this.wake();", ""]],
    tests: [runner],
  },
  {
    name: "flows: a message that was taken is taken again",
    changes: [
      ["lua/transitions/flow_receive.lua", "tonumber(stamp) > last then", "tonumber(stamp) > 0 then"],
    ],
    tests: [flowsSpread, flowModel],
  },
  {
    name: "flows: an audit names nodes that are on their way as lost",
    changes: [
      ["packages/holdfast/src/engine/flow-audit.ts", "await advanceAll(part)", "void part"],
      ["packages/holdfast/src/engine/flow-audit.ts", "!more && !hasMessages", "more || !more"],
    ],
    tests: [flowsSpread],
  },
  {
    name: "flows: a cancel does not reach the nodes in other queues",
    changes: [["lua/lib/flow_walk.lua", "      tellParts(name, 'x')\n", ""]],
    tests: [flowsSpread],
  },
  {
    name: "flows: a flow is forgotten in its own queue alone",
    changes: [["lua/lib/flow_walk.lua", "    tellParts(name, 'f')\n", ""]],
    tests: [flowsSpread],
  },
  {
    name: "flows: nodes for a queue that was deleted never end",
    changes: [
      ["lua/transitions/flow_sent.lua", "if lost == 1 and not isOld and kind == 'e' then", "if false then"],
    ],
    tests: [flowsSpread],
  },
  {
    name: "flows: a queue is deleted while messages wait in it",
    changes: [
      [
        "lua/operators/delete.lua",
        "if flows.taken < flows.noted or (fields[4] or '') ~= '' then",
        "if false then",
      ],
    ],
    tests: [flowsSpread],
  },
  {
    name: "flows: a node takes the place of another task with its id",
    changes: [
      [
        "lua/transitions/flow_receive.lua",
        "if envelope == '' or isOther or isCancelled or isKnown then",
        "if envelope == '' or isOther or isCancelled then",
      ],
    ],
    tests: [flowsSpread],
  },
  {
    name: "flows: an end of a node elsewhere counts each time that it comes",
    changes: [
      [
        "lua/transitions/flow_advance.lua",
        "if head and not string.find(AFTER_MARK[last] or '', letter, 1, true) then",
        "if false then",
      ],
    ],
    tests: [flowsSpread, flowModel],
  },
  {
    name: "flows: a cancel does not ask for nodes that another queue has lost",
    changes: [["lua/lib/flow_walk.lua", "      if mark == '-' then", "      if false then"]],
    tests: [flowsSpread],
  },
  {
    name: "flows: a full queue does not refuse the nodes of a flow of another queue",
    changes: [["lua/queries/flow_target.lua", "    return 'f'\n", "    return 'n'\n"]],
    tests: [flowsSpreadLibrary],
  },
  {
    name: "flows: a janitor delivers no messages",
    changes: [
      [
        "packages/holdfast/src/engine/flow-mover.ts",
        "    if (!waits) continue;",
        "    if (waits || !waits) continue;",
      ],
    ],
    tests: [flowsSpreadLibrary],
  },
  {
    name: "flows: a janitor leaves the ends of nodes to the workers",
    changes: [
      ["packages/holdfast/src/janitor/sweep.ts", "if (flows) await advanceAll(engine, CALLS_PER_SWEEP);", ""],
    ],
    tests: [flowsLibrary],
  },
  {
    name: "unique: a task that has ended still holds its key",
    changes: [
      [
        "lua/lib/unique.lua",
        "return (state == 'p' or state == 's' or state == 'l' and scope ~= 'w') and state or nil",
        "return state",
      ],
    ],
    tests: [unique],
  },
  {
    name: "unique: a running task does not hold its key",
    changes: [["lua/lib/unique.lua", "state == 'l' and scope ~= 'w'", "false"]],
    tests: [unique],
  },
  {
    name: "unique: a window is one millisecond too long",
    changes: [["lua/lib/unique.lua", "holder.ends <= now", "holder.ends < now"]],
    tests: [unique],
  },
  {
    name: "unique: two tasks of one call take the same key",
    changes: [["lua/lib/unique.lua", "(taken[key] or unique.holders[key])", "unique.holders[key]"]],
    tests: [unique, uniqueLibrary],
  },
  {
    name: "unique: two tasks of one call take the same key if no stored task holds it",
    changes: [["lua/lib/unique.lua", "not isRepeated and held == 0", "held == 0"]],
    tests: [unique],
  },
  {
    name: "unique: an enqueue does not check who holds the key",
    changes: [["lua/lib/unique.lua", "not isRepeated and held == 0", "not isRepeated"]],
    tests: [unique],
  },
  {
    name: "unique: a text in the payload is read as a unique key",
    changes: [["lua/lib/unique.lua", "not at or headerEnd and headerEnd < at", "not at"]],
    tests: [unique],
  },
  {
    name: "unique: a window holds although its task was cancelled",
    changes: [
      [
        "lua/lib/unique.lua",
        "holder.ends <= now or state and string.find(state, '[dxek]')",
        "holder.ends <= now",
      ],
    ],
    tests: [unique],
  },
  {
    name: "unique: an emptied task keeps its window",
    changes: [["lua/transitions/empty.lua", "freeWindows(plan.removed, texts)\n", ""]],
    tests: [unique],
  },
  {
    name: "change: a task whose priority was lowered is granted from its old band",
    changes: [["lua/lib/grants.lua", "(source ~= terms.band or runsAlone(record))", "runsAlone(record)"]],
    tests: [changing],
  },
  {
    name: "change: the old entry of a task that was moved is treated as an entry without a task",
    changes: [["lua/lib/grants.lua", "terms, isMoved = nil, true", "terms, isDropped = nil, true"]],
    tests: [changing],
  },
  {
    name: "change: a janitor takes the valid entry of a moved task for a duplicate, and removes it",
    changes: [["lua/transitions/expire.lua", "seen[id] = seen[id] or not isLeftBehind", "seen[id] = true"]],
    tests: [changing],
  },
  {
    name: "change: an operation changes tasks that began to wait after its start",
    changes: [
      ["lua/transitions/change.lua", "waitedBefore > 0 and waitsSince(record, old) > waitedBefore", "false"],
    ],
    tests: [changing, changeLibrary],
  },
  {
    name: "change: a repeated enqueue of a task with another payload is a conflict",
    changes: [
      ["lua/transitions/change.lua", "header = header .. ' o=' .. redis.sha1hex(bodyOf(old))", "body = body"],
    ],
    tests: [changing],
  },
  {
    name: "change: a task that waits for its unique key runs together with the task that holds the key",
    changes: [["lua/transitions/change.lua", "  elseif owner then\n", "  elseif false then\n"]],
    tests: [changing],
  },
  {
    name: "change: a task is moved into the line of a key that is full",
    changes: [["lua/transitions/change.lua", "and not admits(limits, newKey) then", "and false then"]],
    tests: [changing],
  },
  {
    name: "change: a scheduled task that is run now stays scheduled as well",
    changes: [["lua/transitions/change.lua", "if #unscheduled > 0 then", "if false then"]],
    tests: [changing],
  },
  {
    name: "change: cancel-running cancels a task that was moved to another key",
    changes: [["lua/lib/policies.lua", "string.find(record, ' changed ', 1, true)", "false"]],
    tests: [changing],
  },
  {
    name: "unique: an ended task that is enqueued again does not check who holds its key",
    changes: [["lua/transitions/enqueue_again.lua", "conflict, holderState = unique.conflict(i, id)", ""]],
    tests: [unique],
  },
  {
    name: "unique: a replay does not check who holds the key",
    changes: [["lua/transitions/replay.lua", "force == 0 and unique.conflict(i, id)", "false"]],
    tests: [unique],
  },
  {
    name: "unique: a sweep removes the entries of tasks that hold their keys",
    changes: [
      ["lua/transitions/free_keys.lua", "not (holders[key] and stillHolds(holders[key], 'u'))", "true"],
    ],
    tests: [unique],
  },
  {
    name: "unique: a replaced task keeps the time of its retry",
    changes: [["lua/transitions/replace.lua", "if plan.was == 's' and not plan.due then", "if false then"]],
    tests: [uniqueReplace, abort],
  },
  {
    name: "unique: a debounce has no longest wait",
    changes: [["lua/transitions/replace.lua", "math.min(time, holder.latest)", "time"]],
    tests: [uniqueReplace],
  },
  {
    name: "unique: a replacement writes a flag to a task that has no record",
    changes: [
      [
        "lua/transitions/replace.lua",
        "string.byte(old) == ENVELOPE_SCHEDULED and '@' or '+'",
        "string.sub(envelope, 1, 1)",
      ],
    ],
    tests: [abort],
  },
  {
    name: "unique: a task that was cancelled before the replacement still gets the new payload",
    changes: [["lua/transitions/replace.lua", "and not isNext or not isWaiting", "and not isNext"]],
    tests: [uniqueReplace],
  },
  {
    name: "unique: if two tasks have equal records, only the first one releases the task that waits for its end",
    changes: [
      ["lua/lib/acks.lua", "local needsMore = drops or hasNext or keeps", "local needsMore = drops or keeps"],
    ],
    tests: [uniqueReplace],
  },
  {
    name: "unique: a task that dies does not release the task that waits for its end",
    changes: [
      [
        "lua/lib/verdicts.lua",
        "  noteEnd(settled, id, c, 'd')\n  put(settled, id, 'd'",
        "  put(settled, id, 'd'",
      ],
    ],
    tests: [uniqueReplace],
  },
  {
    name: "unique: an aborted settle leaves the next task waiting",
    changes: [["lua/transitions/free_keys.lua", "if #ended > 0 then", "if false then"]],
    tests: [uniqueReplace, abort],
  },
  {
    name: "unique: a task enqueued again without a unique key still holds the key of its first enqueue",
    changes: [["lua/lib/unique.lua", "own ~= key", "false"]],
    tests: [unique],
  },
  {
    name: "schedules: all occurrences that were missed in an outage get the same number",
    changes: [
      [
        "packages/holdfast/src/schedules/firing.ts",
        "record.owed.length - 1 - place",
        "record.owed.length - 1",
      ],
    ],
    tests: [scheduledTasks],
  },
  {
    name: "schedules: an occurrence does not check who holds its unique key",
    changes: [
      ["packages/holdfast/src/schedules/task-place.ts", "unique: unique !== undefined,", "unique: false,"],
    ],
    tests: [scheduledTasks],
  },
  {
    name: "schedules: an occurrence whose unique key is held is tried again until the key is free",
    changes: [["packages/holdfast/src/schedules/task-place.ts", '{ o: "deduplicated"', '{ o: "full"']],
    tests: [scheduledTasks],
  },
  {
    name: "schedules: a task with a unique key goes to the partition of its id, and not of the key",
    changes: [
      [
        "packages/holdfast/src/schedules/task-place.ts",
        "place === null ? id : idInPartition(place, id)",
        "place === undefined ? '' : id",
      ],
    ],
    tests: [scheduledTasks],
  },
  {
    name: "unique: a replay of many tasks ignores `force`",
    changes: [["packages/holdfast/src/operations/bulk.ts", "...(force ? { force } : {}),", ""]],
    tests: [uniqueLibrary],
  },
  {
    name: "unique: a task that dies of crashes does not release the task that waits for its end",
    changes: [["lua/transitions/reap.lua", "  releaseNext(awaited)\n", ""]],
    tests: [uniqueReplace],
  },
  {
    name: "unique: the cancel of a waiting task wakes no worker for the next task",
    changes: [["lua/transitions/cancel.lua", "  if not settings.paused then", "  if false then"]],
    tests: [uniqueReplace],
  },
  {
    name: "unique: a next task that began another life is made due before its time",
    changes: [
      ["lua/lib/next.lua", "if score and math.floor(tonumber(score)) == tonumber(due) then", "if score then"],
    ],
    tests: [uniqueReplace],
  },
  {
    name: "unique: a sweep leaves the entry that names the next task of a key",
    changes: [
      ["lua/transitions/free_keys.lua", "if holders[key] and holders[key].over then", "if false then"],
    ],
    tests: [uniqueReplace],
  },
  {
    name: "unique: an enqueue leaves the entry that names the next task of a key",
    changes: [["lua/lib/unique.lua", "if before and before.over then", "if false then"]],
    tests: [uniqueReplace],
  },
  {
    name: "unique: keepLatest gives the task that waits for the running one a due time, so it starts too early",
    changes: [["lua/transitions/replace.lua", "if isNext then", "if false then"]],
    tests: [uniqueReplace],
  },
  {
    name: "unique: no janitor removes entries",
    changes: [
      ["packages/holdfast/src/janitor/sweep.ts", "    if (keys > 0) await this.#freeKeys(engine);\n", ""],
    ],
    tests: [uniqueLibrary],
  },
  {
    name: "connections: each queue opens a connection of its own",
    changes: [
      [
        "packages/holdfast/src/client.ts",
        "onScript: options.onScript, share: true }",
        "onScript: options.onScript }",
      ],
    ],
    tests: [connections],
  },
  {
    name: "connections: equal settings in another order open another connection",
    changes: [[link, ".sort(([a], [b]) => (a < b ? -1 : 1))", ""]],
    tests: [connections],
  },
  {
    name: "connections: each queue waits for replicas by a call of its own",
    changes: [
      [
        "packages/holdfast/src/engine/confirm.ts",
        "const QUEUES_PER_WAIT = 100;",
        "const QUEUES_PER_WAIT = 1;",
      ],
    ],
    tests: [test("durability")],
  },
  {
    name: "caps of dead letters: a dead letter is dropped before it is old enough",
    changes: [
      ["lua/transitions/purge.lua", "tonumber(oldest[i + 1]) > diedBefore", "tonumber(oldest[i + 1]) > now"],
    ],
    tests: [purge],
  },
  {
    name: "caps of dead letters: one dead letter too many is dropped",
    changes: [
      ["lua/transitions/purge.lua", "if #ids >= excess and tonumber", "if #ids > excess and tonumber"],
    ],
    tests: [purge],
  },
  {
    name: "caps of dead letters: a task that was replayed is dropped with its old entry",
    changes: [["lua/transitions/purge.lua", "return letter == RECORD_DEAD\n", "return true\n"]],
    tests: [purge],
  },
  {
    name: "caps of dead letters: the list entry is removed before the record",
    changes: [
      [
        "lua/transitions/purge.lua",
        "  dropped = dropped + plan.counted\n",
        "  dropped = dropped + plan.counted\n  redis.call('ZREM', deadLettersKey, unpack(ids))\n",
      ],
    ],
    tests: [abort],
  },
  {
    name: "batch: a worker takes tasks before its batch is full",
    changes: [["lua/lib/fill.lua", "group.found < rule.fill and group.ripeAt > now", "false"]],
    tests: [fill],
  },
  {
    name: "batch: tasks wait for a full batch without a time limit",
    changes: [
      ["lua/lib/fill.lua", "group.found < rule.fill and group.ripeAt > now", "group.found < rule.fill"],
    ],
    tests: [fill],
  },
  {
    name: "batch: a task waits for a full batch again before its retry",
    changes: [["lua/lib/fill.lua", "c.attempts + c.failures", "0 * c.attempts + 0 * c.failures"]],
    tests: [fill],
  },
  {
    name: "batch: a cancelled task fills a batch",
    changes: [
      [
        "lua/lib/fill.lua",
        "envelope and isPending(records[i] or nil, envelope) and typeOf",
        "envelope and typeOf",
      ],
    ],
    tests: [fill],
  },
  {
    name: "batch: the tasks of all keys fill one batch",
    changes: [["lua/lib/fill.lua", "keyOption(envelope) or ''", "''"]],
    tests: [fill],
  },
  {
    name: "batch: a worker takes a part of the full batch of a key",
    changes: [["lua/lib/fill.lua", "left >= whole or group.ripeAt <= now", "true"]],
    tests: [fill],
  },
  {
    name: "batch: a full batch of a key is not granted if the queue has room for a part of it",
    changes: [["lua/lib/fill.lua", "local whole = math.min(rule.fill, left)", "local whole = rule.fill"]],
    tests: [fill],
  },
  {
    name: "batch: a full batch is not seen if the queue has room for a part of it",
    changes: [["lua/lib/fill.lua", "      rule.lookedAt = rule.left\n", ""]],
    tests: [fill],
  },
  {
    name: "batch: a full batch is not seen if its type has room for a part of it",
    changes: [["lua/lib/typed.lua", "room >= 1 and rule.fill and count or ", ""]],
    tests: [fill],
  },
  {
    name: "batch: a call looks at the waiting tasks of all types of a prefix",
    changes: [
      [
        "lua/lib/typed.lua",
        "math.min(BATCHED_TASKS, typed.besides + #line - before)",
        "typed.besides + #line - before",
      ],
    ],
    tests: [fill],
  },
  {
    name: "batch: a delayed task that its type's limit has put aside waits for a full batch for ever",
    changes: [["lua/lib/fill.lua", "wasAside and c.unroutedSince == 0", "false"]],
    tests: [fill],
  },
  {
    name: "batch: a change of a task that was put aside does not wake the worker of its batch",
    changes: [["lua/transitions/change.lua", "plan.isPushed or plan.isMoved", "plan.isPushed"]],
    tests: [fill],
  },
  {
    name: "batch: a replacement of a task that was put aside does not wake the worker of its batch",
    changes: [
      ["lua/transitions/replace.lua", "elseif isInPlace and c.unroutedSince > 0 then", "elseif false then"],
    ],
    tests: [fill],
  },
  {
    name: "batch: waiting tasks without keys hide the full batch of another type",
    changes: [["lua/lib/typed.lua", "        if rule.lookedAt then\n", "        if rule.groups then\n"]],
    tests: [fill],
  },
  {
    name: "batch: in strict order a batch by key waits for tasks that cannot run",
    changes: [
      ["lua/lib/fill.lua", "key ~= '' and limits and limits.ordered and 0 or math.huge", "math.huge"],
    ],
    tests: [policies],
  },
  {
    name: "strict order: a task that has to run alone stops workers without a handler for it",
    changes: [["lua/lib/grants.lua", "if keyed and typed and limits.ordered and", "if false and"]],
    tests: [policies],
  },
  {
    name: "batch: waiting tasks with keys hide tasks of other types",
    changes: [["lua/lib/grants.lua", "typed and typed.besides or 0", "0"]],
    tests: [fill],
  },
  {
    name: "batch: the worker does not say that its batches are divided by key",
    changes: [["packages/holdfast/src/worker/batch-limit.ts", 'by === "key" ? "k" : ""', '""']],
    tests: [test("worker/batches")],
  },
  {
    name: "batch: a worker that parks does not learn of a batch that waits",
    changes: [["lua/transitions/acquire.lua", "  if grants.fillAt then", "  if false then"]],
    tests: [fill],
  },
  {
    name: "batch: an enqueue pushes single tasks to a worker that waits for full batches",
    changes: [["packages/holdfast/src/worker/batch-limit.ts", "`=0/", "`=9/"]],
    tests: ["packages/holdfast/src/worker/handler-table.test.ts"],
  },
  {
    name: "batch: if a batch handler throws, all of its tasks fail",
    changes: [["packages/holdfast/src/worker/batch-call.ts", "= search.settings.bisects &&", "= false &&"]],
    tests: [batchCall],
  },
  {
    name: "batch: a task that reported success is run again",
    changes: [
      ["packages/holdfast/src/worker/batch-call.ts", "  if (member.ended) return false;\n", ""],
      ["packages/holdfast/src/worker/batch-call.ts", "members.filter(({ ended }) => !ended)", "[...members]"],
    ],
    tests: [testBatch],
  },
  {
    name: "batch: a batch whose handler always fails is divided into halves without a limit",
    changes: [
      [
        "packages/holdfast/src/worker/batch-call.ts",
        "const FAILED_CALLS = 32;",
        "const FAILED_CALLS = 9_999;",
      ],
    ],
    tests: [batchCall],
  },
  {
    name: "batch: if a handler returns too few results, they are given to the first tasks",
    changes: [
      [
        "packages/holdfast/src/worker/batch-call.ts",
        "if (returned.length === count)",
        "if (returned.length <= count)",
      ],
    ],
    tests: [testBatch],
  },
  {
    name: "batch: a worker wakes if any of its handlers has a free place, not only the one that needs it",
    changes: [
      [
        "packages/holdfast/src/worker/runners.ts",
        "runner.trips.waitsFor.includes(rule)",
        "runner.trips.waitsFor.length > 0",
      ],
    ],
    tests: [test("worker/batches")],
  },
  {
    name: "batch: a worker does not wake when its batch has ended",
    changes: [
      [
        "packages/holdfast/src/worker/batch-limit.ts",
        "      this.#running.delete(members);\n      if (this.room > 0) this.#onRoom();",
        "      this.#running.delete(members);",
      ],
    ],
    tests: [test("worker/batches")],
  },
  {
    name: "batch: a batch has tasks of several keys",
    changes: [
      [
        "packages/holdfast/src/worker/batches.ts",
        "if (others) others.push(one);",
        "if (others || apart.size > 0) (others ?? [...apart.values()][0]).push(one);",
      ],
    ],
    tests: [testBatch],
  },
];

/** Returns the changed text. @throws RangeError if `from` does not occur exactly once, or nothing changes */
export function applyChange(text, [file, from, to]) {
  const parts = text.split(from);
  if (parts.length !== 2)
    throw new RangeError(`"${from}" is ${parts.length - 1} times in ${file}, once was expected`);
  const changed = parts.join(to);
  if (changed === text) throw new RangeError(`the change of ${file} changes nothing`);
  return changed;
}
