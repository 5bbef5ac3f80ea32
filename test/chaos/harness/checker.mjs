// Checks whether the histories of all processes, and the final state of the queue, violate an invariant.
// docs/guarantees.md lists the invariants I1 to I9. This file does no I/O.

const TERMINAL = new Set(["completed", "dead", "cancelled", "expired"]);
/** Attempts with these outcomes were handed back, so they are not counted. */
const REFUNDED = new Set(["released", "unrouted"]);

/**
 * Returns the part of a token before the dot. It is called the fence, and all tasks of one grant share it. The record
 * of a task contains only the fence.
 */
const fenceOf = (token) => token.split(".")[0];

/**
 * Returns a name for the call that granted a task. All tasks of one call start at the same time on the same worker.
 */
const grantOf = ({ startedAt, workerId }) => `${startedAt} ${workerId}`;

/** Returns id -> outcome of its enqueue: "ok", "unknown" or "refused". */
function outcomesOf(lines) {
  const ids = new Map();
  for (const line of lines) {
    if (line.op !== "enqueue") continue;
    const known = ids.get(line.id) ?? { open: 0, unknown: 0, ok: null, runAt: line.runAt };
    ids.set(line.id, known);
    if (line.phase === "invoke") known.open++;
    else {
      known.open--;
      if (line.phase === "ok") known.ok ??= line;
      else if (line.phase === "info") known.unknown++;
    }
  }
  for (const known of ids.values()) {
    // If the process was killed during the call, the outcome is unknown as well.
    known.outcome = known.ok ? "ok" : known.open > 0 || known.unknown > 0 ? "unknown" : "refused";
  }
  return ids;
}

function groupBy(lines, key) {
  const groups = new Map();
  for (const line of lines) {
    const of = key(line);
    if (!groups.has(of)) groups.set(of, []);
    groups.get(of).push(line);
  }
  return groups;
}

/**
 * @param lines the history lines of all processes
 * @param tasks id -> TaskView of every task in the queue at the end
 * @param options.audit the violations that the library's audit found, as text
 * @param options.maxGrants the most attempts of one generation; 4 unless a task says otherwise
 * @param options.mayLose whether the enqueue that this `ok` line confirms may be lost, in tests that rewind Redis
 * @param options.rewound whether Redis was rewound: acks that workers saw may then be lost, and grant numbers may
 * repeat
 * @returns counts and `violations`, each violation as one line of text
 */
export function check(lines, tasks, options = {}) {
  const { audit = [], maxGrants = 4, mayLose = () => false, rewound = false } = options;
  const violations = [];
  const say = (invariant, text) => violations.push(`${invariant}: ${text}`);
  const counts = {
    acknowledged: 0,
    lost: 0,
    lostAllowed: 0,
    unexpected: 0,
    recovered: 0,
    duplicated: 0,
    overlapping: 0,
    early: 0,
    doubleAcks: 0,
    stale: 0,
    completed: 0,
    dead: 0,
  };
  const enqueues = outcomesOf(lines);
  const runs = groupBy(
    lines.filter((line) => line.op === "run" && line.phase === "invoke"),
    (line) => line.id,
  );
  const settles = lines.filter((line) => line.op === "settle");

  // Invariant I3: if the enqueue of a task was confirmed, the task exists and has ended.
  for (const [id, known] of enqueues) {
    const task = tasks.get(id);
    if (known.outcome === "ok") {
      counts.acknowledged++;
      if (task === undefined && mayLose(known.ok)) counts.lostAllowed++;
      else if (task === undefined || !TERMINAL.has(task.state)) {
        counts.lost++;
        say("I3", `${id} was acknowledged, but it is ${task?.state ?? "gone"}`);
      }
    } else if (known.outcome === "unknown" && task !== undefined) counts.recovered++;
  }

  // Invariant I4: for each task that exists or ran, there is an enqueue that was confirmed or whose outcome is
  // unknown.
  for (const id of new Set([...tasks.keys(), ...runs.keys()])) {
    const outcome = enqueues.get(id)?.outcome;
    if (outcome === undefined || outcome === "refused") {
      counts.unexpected++;
      say("I4", `${id} ${outcome === undefined ? "was never enqueued" : "was refused"}, but exists`);
    }
  }

  // A task normally runs once after its last failure. Each further run counts as a duplicate.
  for (const [id, started] of runs) {
    const granted = new Set(started.map((line) => line.token)).size;
    if (granted > Math.max(1, (tasks.get(id)?.failures ?? 0) + 1)) counts.duplicated++;
  }

  // Invariant I5 is checked twice: here with the replies that the workers got, and below with the records.
  counts.stale = settles.filter((line) => line.outcome === "stale").length;
  const acked = groupBy(
    settles.filter((line) => line.outcome === "acked"),
    (line) => line.id,
  );
  for (const [id, told] of acked) {
    const task = tasks.get(id);
    const generations = (task?.generation ?? 0) + 1;
    if (!rewound && told.length > generations) {
      counts.doubleAcks++;
      say("I5", `${told.length} acks of ${id} were accepted`);
    }
    if (!rewound && task && generations === 1 && task.state !== "completed")
      say("I5", `an ack of ${id} was accepted, but the task is ${task.state}`);
    if (
      !rewound &&
      task?.state === "completed" &&
      !told.some((line) => line.token === null || fenceOf(line.token) === task.fence) &&
      generations === 1
    )
      say(
        "I5",
        `the ack of ${id} with ${told[0].token} was accepted, but its record has the fence ${task.fence}`,
      );
  }

  // Invariant I7: the handlers saw no token in two attempts.
  const holders = new Map();
  for (const [id, started] of runs)
    for (const token of new Set(started.map((line) => line.token))) {
      if (holders.has(token)) say("I7", `${id} and ${holders.get(token)} ran with ${token}`);
      holders.set(token, id);
    }

  const fences = new Map();
  for (const [id, task] of tasks) {
    if (task.state === "completed") counts.completed++;
    if (task.state === "dead") counts.dead++;
    const history = task.history;
    const ackedHere = groupBy(
      history.filter((attempt) => attempt.outcome === "acked"),
      (attempt) => attempt.generation,
    );
    for (const [generation, attempts] of ackedHere)
      if (attempts.length > 1) {
        counts.doubleAcks++;
        say("I5", `${attempts.length} acks of ${id} in generation ${generation} are in its record`);
      }

    // Invariant I6: the scripts wrote both times, by the clock of Redis, so they can be compared.
    for (let i = 1; i < history.length; i++) {
      const before = history[i - 1];
      if (before.endedAt === null || history[i].startedAt < before.endedAt) {
        counts.overlapping++;
        say(
          "I6",
          `${id}: ${before.fence} ended at ${before.endedAt}, ${history[i].fence} began at ${history[i].startedAt}`,
        );
      }
    }

    // Invariant I7: a fence belongs to one call, which grants a task only once. So there is one attempt per grant
    // that was not handed back, and never more attempts than the maximum.
    for (const attempt of history) {
      if (attempt.fence === "") continue;
      const call = fences.get(attempt.fence) ?? { ids: new Set(), id, by: grantOf(attempt) };
      if (call.ids.has(id) || call.by !== grantOf(attempt))
        say("I7", `${id} and ${call.id} were granted with ${attempt.fence}`);
      call.ids.add(id);
      fences.set(attempt.fence, call);
    }
    const granted = history.filter(
      (attempt) => attempt.generation === task.generation && !REFUNDED.has(attempt.outcome),
    ).length;
    const most = task.maxRetries === null ? maxGrants : task.maxRetries + 1;
    if (history.length < 32 && granted !== task.attempts)
      say("I7", `${id} counts ${task.attempts} attempts, but its history has ${granted}`);
    if (task.attempts > most)
      say("I7", `${id} was granted ${task.attempts} times, more than the maximum of ${most}`);
    if (task.deadReason === "retries_exhausted" || task.deadReason === "crashes_exhausted") {
      if (task.attempts !== most) say("I7", `${id} is dead after ${task.attempts} grants, not after ${most}`);
    }
    if (!rewound) {
      const known = new Set(history.map((attempt) => attempt.fence));
      const strangers = (runs.get(id) ?? [])
        .map((line) => line.token)
        .filter((token) => !known.has(fenceOf(token)));
      // A released attempt is not in the history of its task. Only the field `releases` counts it.
      if (history.length < 32 && strangers.length > task.releases)
        say("I7", `${id} ran with ${strangers.join(", ")}, which are not in its history`);
    }

    // Invariant I9: both times are by the clock of Redis, so they can be compared.
    const runAt = enqueues.get(id)?.runAt;
    if (runAt !== undefined && history.some((attempt) => attempt.startedAt < runAt)) {
      counts.early++;
      say("I9", `${id} was due at ${runAt} and granted at ${history[0].startedAt}`);
    }
  }

  // This checker does not check the invariants I1 and I2, because the audit of the library does.
  for (const detail of audit) say("audit", detail);
  return { counts, violations };
}
