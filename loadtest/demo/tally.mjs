/**
 * Counts the outcomes of a run from the records in Redis, because the demo may not know the outcome of each request.
 * @param ids the id of every accepted task
 * @param tasks the records that were found: id -> TaskView
 */
export function tally(ids, tasks) {
  const count = {
    completed: 0,
    attempts: 0,
    retries: 0,
    reaped: 0,
    deadLettered: 0,
    replayed: 0,
    lost: 0,
    duplicates: 0,
  };
  const unfinished = {};
  const reapedAttempts = [];
  for (const id of ids) {
    const task = tasks.get(id);
    if (task?.state === "completed") count.completed += 1;
    else {
      count.lost += 1;
      const state = task?.state ?? "unknown to Redis";
      unfinished[state] = (unfinished[state] ?? 0) + 1;
    }
    if (task === undefined) continue;
    // Only dead letters are replayed, and each replay raises the generation by one.
    count.replayed += task.generation;
    count.deadLettered += task.generation + (task.state === "dead" ? 1 : 0);
    const { history } = task;
    const counted = history.filter(({ outcome }) => !["released", "unrouted"].includes(outcome));
    count.attempts += counted.length;
    count.duplicates += Math.max(0, counted.filter(({ outcome }) => outcome === "acked").length - 1);
    for (const [index, attempt] of counted.entries()) {
      const next = counted[index + 1];
      if (attempt.outcome === "failed" && next?.generation === attempt.generation) count.retries += 1;
      if (attempt.outcome === "crashed") {
        count.reaped += 1;
        reapedAttempts.push({
          id,
          workerId: attempt.workerId,
          endedAt: attempt.endedAt,
          nextAt: next?.startedAt ?? null,
        });
      }
    }
  }
  return { ...count, unfinished, reapedAttempts };
}

/**
 * Returns how long it took until the tasks of the killed worker ran again, ms after the kill; null if it held no
 * tasks.
 */
export function recovery(reapedAttempts, killedAt) {
  const again = reapedAttempts.flatMap(({ nextAt }) =>
    nextAt !== null && nextAt >= killedAt ? [nextAt - killedAt] : [],
  );
  return again.length === 0
    ? null
    : { tasks: again.length, firstMs: Math.min(...again), lastMs: Math.max(...again) };
}
