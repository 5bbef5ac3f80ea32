// Checks from the records of the tasks whether the limits of keys were kept. This file does no I/O.

// A test records when it moves the clock. Redis may see the new time up to this much later, ms.
const SLACK_MS = 1_000;

/**
 * Converts a time of Redis to real time, ms since the epoch, if the clock of Redis has jumped.
 * @param jumps each jump with its real time and the offset from then on: `{ atMs, offsetMs }`, oldest first
 * @param nearMs if the clock showed a time twice, the result is the real time that is nearer to this one
 */
export function realTime(redisMs, jumps, nearMs) {
  const phases = [{ atMs: Number.NEGATIVE_INFINITY, offsetMs: 0 }, ...jumps];
  const candidates = phases.flatMap(({ atMs, offsetMs }, i) => {
    const real = redisMs - offsetMs;
    const endMs = phases[i + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    return real >= atMs - SLACK_MS && real < endMs + SLACK_MS ? [real] : [];
  });
  if (candidates.length === 0) throw new Error(`the clock of this row never showed ${redisMs}`);
  return candidates.reduce((best, each) => (Math.abs(each - nearMs) < Math.abs(best - nearMs) ? each : best));
}

/**
 * Returns the attempts of each key as `{ startedAt, endedAt }` in real time.
 * @param options.jumps the jumps of the clock, as for `realTime`; none by default
 * @param options.ranAt fence of a grant -> real time at which its handler began
 */
export function attemptsByKey(tasks, { jumps = [], ranAt = new Map() } = {}) {
  const keys = new Map();
  for (const { id, key, history } of tasks.values()) {
    if (!keys.has(key)) keys.set(key, []);
    for (const attempt of history) {
      const startedAt = realTime(attempt.startedAt, jumps, ranAt.get(`${id} ${attempt.fence}`) ?? 0);
      const endedAt = attempt.endedAt === null ? null : realTime(attempt.endedAt, jumps, startedAt);
      keys.get(key).push({ startedAt, endedAt });
    }
  }
  return keys;
}

/**
 * Returns the most attempts that were leased at the same time. Within one millisecond, ends are counted before
 * grants, because a script call makes them in this order. Attempts of 0 ms are left out, because their place in this
 * order is unknown.
 */
export function mostAtOnce(attempts) {
  const changes = attempts
    .filter(({ startedAt, endedAt }) => endedAt === null || endedAt > startedAt)
    .flatMap(({ startedAt, endedAt }) => [
      { at: startedAt, by: 1 },
      { at: endedAt ?? Number.POSITIVE_INFINITY, by: -1 },
    ])
    .sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of changes) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

/**
 * Returns the most starts in any span of `spanMs`. The end of the span is not part of it.
 * @param weights how much each start counts; by default 1
 */
export function mostWithin(times, spanMs, weights = times.map(() => 1)) {
  const order = times.map((_, i) => i).sort((a, b) => times[a] - times[b]);
  let most = 0;
  let sum = 0;
  let from = 0;
  for (const i of order) {
    sum += weights[i];
    while (times[order[from]] <= times[i] - spanMs) sum -= weights[order[from++]];
    most = Math.max(most, sum);
  }
  return most;
}

/** Returns the most attempts that start in any span of `periodMs`. The end of the span is not part of it. */
export const mostStarts = (attempts, periodMs) =>
  mostWithin(
    attempts.map(({ startedAt }) => startedAt),
    periodMs,
  );
