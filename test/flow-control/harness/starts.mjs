import { mostAtOnce } from "../../chaos/harness/limits-checker.mjs";

// Functions for lists of starts and tasks, which the checks use. They do no I/O. Times are in ms by the clock of
// Redis.

/** Returns every attempt in the histories of the tasks, together with its task. */
export const attemptsOf = (tasks) =>
  tasks.flatMap((task) => task.history.map((attempt) => ({ ...attempt, id: task.id, key: task.key, task })));

export function groupBy(items, of) {
  const groups = new Map();
  for (const item of items) {
    const name = of(item);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(item);
  }
  return groups;
}

/** Returns the key that had the most attempts at the same time, and their number. */
export function fullestKey(attempts) {
  let fullest = { key: null, most: 0 };
  for (const [key, own] of groupBy(attempts, (attempt) => attempt.key)) {
    const most = mostAtOnce(own);
    if (most > fullest.most) fullest = { key, most };
  }
  return fullest;
}

/**
 * Returns the largest difference between the numbers of starts of any two keys, in any `window` successive starts.
 * @param keys the key of each start, in the order of the starts
 */
export function widestSpread(keys, window) {
  const counts = new Map(keys.map((key) => [key, 0]));
  // Number of starts -> how many keys have this number. With this, the lowest and the highest number are found
  // without looking at all keys.
  const having = new Map([[0, counts.size]]);
  const move = (key, by) => {
    const count = counts.get(key);
    having.set(count, having.get(count) - 1);
    if (having.get(count) === 0) having.delete(count);
    counts.set(key, count + by);
    having.set(count + by, (having.get(count + by) ?? 0) + 1);
  };
  let widest = 0;
  keys.forEach((key, i) => {
    move(key, 1);
    if (i >= window) move(keys[i - window], -1);
    if (i >= window - 1) widest = Math.max(widest, Math.max(...having.keys()) - Math.min(...having.keys()));
  });
  return widest;
}

/** Returns how long the machine was stalled between `start` and `end`, ms. */
export const stalledMs = (stalls, start, end) =>
  stalls.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(end, to) - Math.max(start, from)), 0);

/** Returns the spans, each with `from` and `to`, that overlap with no stall. */
export const undisturbed = (spans, stalls) =>
  spans.filter(({ from, to }) => !stalls.some((stall) => stall.from < to && from < stall.to));

/** Returns the gaps of at least `leastMs` between two consecutive times. */
export const gapsOf = (times, leastMs) =>
  times.flatMap((to, i) => (i > 0 && to - times[i - 1] >= leastMs ? [{ from: times[i - 1], to }] : []));

/**
 * Returns each time in which a slot was free although a waiting task could have run, ms.
 * @param tasks with `key`, `enqueuedAt`, and one attempt each in `history`. A task that was granted before
 * `enqueuedAt` counts from its grant
 * @param options.slots the slots of all workers together
 * @param options.concurrency the concurrency limit of each key
 * @param options.stalls spans that do not count
 */
export function idleSpans(tasks, { slots, concurrency, stalls = [] }) {
  const events = tasks.flatMap(({ key, enqueuedAt, history: [{ startedAt, endedAt }] }) => [
    { at: Math.min(enqueuedAt, startedAt), key, waiting: 1, running: 0 },
    { at: startedAt, key, waiting: -1, running: 1 },
    { at: endedAt, key, waiting: 0, running: -1 },
  ]);
  events.sort((a, b) => a.at - b.at);
  const waiting = new Map();
  const running = new Map();
  const runnable = new Set();
  let busy = 0;
  const spans = [];
  let since = null;
  for (let i = 0; i < events.length; i++) {
    const { at, key } = events[i];
    waiting.set(key, (waiting.get(key) ?? 0) + events[i].waiting);
    running.set(key, (running.get(key) ?? 0) + events[i].running);
    busy += events[i].running;
    if (waiting.get(key) > 0 && running.get(key) < concurrency) runnable.add(key);
    else runnable.delete(key);
    // Events in the same millisecond have no known order. Only the state after all of them counts.
    if (events[i + 1]?.at === at) continue;
    const isIdle = busy < slots && runnable.size > 0;
    if (since !== null && !isIdle) spans.push(at - since - stalledMs(stalls, since, at));
    since = isIdle ? (since ?? at) : null;
  }
  return spans;
}
