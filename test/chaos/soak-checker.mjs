// The checks at the end of the soak test. This file does no I/O.

export const MAX_GRANTS = 4;

/**
 * Returns how task `number` behaves. Of 100 tasks, 15 may fail by chance in any attempt, 4 fail once or twice, and 1
 * always fails.
 */
export function planOf(number) {
  const kind = number % 100;
  if (kind === 0) return { kind: "doomed", payload: { ms: 1, f: MAX_GRANTS } };
  if (kind <= 4) return { kind: "certain", payload: { ms: 1, f: 1 + (kind % 2) } };
  if (kind <= 19) return { kind: "chance", payload: { ms: 1, r: 0.5 } };
  return { kind: "sound", payload: { ms: 1 } };
}

/**
 * Checks that a dead letter has used all its attempts, and that its history shows each of them as failed or crashed.
 * @returns null, or the problem as text
 */
export function wrongDeath(number, task) {
  const { history } = task;
  if (task.attempts !== MAX_GRANTS) return `dead after ${task.attempts} grants`;
  if (history.length !== MAX_GRANTS) return `dead with ${history.length} attempts in its history`;
  if (new Set(history.map(({ fence }) => fence)).size !== MAX_GRANTS)
    return "two of its grants share a token";
  const crashes = history.filter(({ outcome }) => outcome === "crashed").length;
  const failures = history.filter(({ outcome }) => outcome === "failed").length;
  if (crashes + failures !== MAX_GRANTS)
    return `its history is ${history.map(({ outcome }) => outcome).join(", ")}`;
  if (crashes !== task.crashes || failures !== task.failures)
    return "its counts differ from those in its history";
  for (let i = 1; i < history.length; i++)
    if (history[i].startedAt < history[i - 1].endedAt) return "two of its leases overlap";
  const { kind, payload } = planOf(number);
  const error = { sound: null, chance: /by chance/, certain: /for certain/, doomed: /for certain/ }[kind];
  for (const attempt of history) {
    if (attempt.outcome !== "failed") continue;
    if (error === null || !error.test(attempt.error ?? ""))
      return `attempt ${attempt.attempt} failed without a reason`;
    if (kind === "certain" && attempt.attempt > payload.f) return `attempt ${attempt.attempt} had to succeed`;
  }
  return null;
}

/**
 * Returns by which share the mean of the last third is above the mean of the middle third; 0 if there are too few
 * values.
 */
export function growth(values) {
  const third = Math.floor(values.length / 3);
  if (third === 0) return 0;
  const mean = (part) => part.reduce((sum, value) => sum + value, 0) / part.length;
  const middle = mean(values.slice(third, 2 * third));
  return mean(values.slice(2 * third)) / middle - 1;
}
