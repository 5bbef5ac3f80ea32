/** One queue of a worker, for the division of the slots. */
export interface Sharer {
  readonly weight: number;
  /** A queue gets slots only while no queue of a smaller rank has waiting tasks. */
  readonly rank: number;
  /** Whether the queue has no waiting tasks. */
  readonly idle: boolean;
  /** The slots that the queue holds or has asked for. */
  readonly taken: number;
  /** Start-time fair queueing: the point at which the turn of the queue ends, in grants divided by weight. */
  readonly turnEnd: number;
}

/**
 * Returns how many of the `free` slots one queue may fill: none while a queue of a smaller rank has waiting tasks. Each
 * queue of one rank that has waiting tasks gets a share by weight. A queue above its share gets no new slots until
 * enough of its tasks have ended. Slots that no share covers (by rounding, or with fewer slots than queues) go to the
 * queue whose turn it is.
 */
export function shareOf(
  self: Sharer,
  all: readonly Sharer[],
  slots: { total: number; free: number; virtualTime: number },
): number {
  const waiting = all.filter((other) => other === self || !other.idle);
  if (waiting.some((other) => other.rank < self.rank)) return 0;
  const active = waiting.filter((other) => other.rank === self.rank);
  if (active.length === 1) return slots.free;
  const quotaOf = quotas(self, all, slots.total);
  const unmet = (sharer: Sharer) => Math.max(0, quotaOf(sharer) - sharer.taken);
  const own = Math.min(slots.free, unmet(self));
  const owed = active.reduce((sum, other) => (other === self ? sum : sum + unmet(other)), 0);
  const spare = slots.free - own - owed;
  if (spare <= 0) return own;
  const turnStart = (sharer: Sharer) => Math.max(slots.virtualTime, sharer.turnEnd);
  const next = active.reduce((first, other) => (turnStart(other) < turnStart(first) ? other : first));
  return next === self ? own + spare : own;
}

/**
 * Returns a function that says the whole share of each queue, by weight: 0 while a queue of a smaller rank has waiting
 * tasks. It looks at all queues only once.
 */
export function quotas<Queue extends Contender>(
  self: Queue,
  all: readonly Queue[],
  total: number,
): (queue: Queue) => number {
  const waiting = all.filter((other) => other === self || !other.idle);
  const rank = waiting.reduce((least, other) => Math.min(least, other.rank), self.rank);
  const weights = waiting.reduce((sum, other) => sum + (other.rank === rank ? other.weight : 0), 0);
  return (queue) => (queue.rank === rank ? Math.floor((total * queue.weight) / weights) : 0);
}

type Contender = Pick<Sharer, "weight" | "rank" | "idle">;
