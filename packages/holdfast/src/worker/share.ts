/** The data of one queue (or partition) that decide how many of the worker's slots it gets. */
export interface Sharer {
  readonly weight: number;
  /** In strict order, a queue gets slots only while no queue with a smaller rank has waiting tasks. */
  readonly rank: number;
  readonly idle: boolean;
  /** How many slots the queue uses or has asked tasks for. */
  readonly taken: number;
  /** The virtual time at which the turn of the queue ends, in grants divided by weight (start-time fair queueing). */
  readonly turnEnd: number;
}

/**
 * Returns how many of the `free` slots one queue may fill: none while a queue with a smaller rank has waiting tasks.
 * Queues of one rank with waiting tasks share the slots by weight, and a queue above its share gets none. Slots left by
 * rounding go to the queue whose turn began at the lowest virtual time.
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
 * Returns a function that computes how many slots belong to a queue by its weight: 0 while a queue with a smaller rank
 * has waiting tasks. The sums over all queues are computed only once.
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
