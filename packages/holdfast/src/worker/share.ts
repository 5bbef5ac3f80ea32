/** One queue of a worker, as the others see it when slots are handed out. */
export interface Sharer {
  readonly weight: number;
  /** A queue gets slots only while no queue of a smaller rank has tasks waiting. */
  readonly rank: number;
  /** Whether nothing waits in that queue. */
  readonly idle: boolean;
  /** Slots that it holds or has asked for. */
  readonly taken: number;
  /** Start-time fair queueing: the point at which its turn ends, in grants by weight. */
  readonly turnEnd: number;
}

/**
 * How many of the `free` slots one queue may fill: none while a queue of a smaller rank has tasks waiting. Of the queues of one rank,
 * each that has tasks waiting is entitled to its share by weight; one
 * that is above it gives way as its tasks end. Slots that no share covers (by rounding, or with fewer slots than queues) go to
 * the queue whose turn it is.
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
  const weights = active.reduce((sum, other) => sum + other.weight, 0);
  const unmet = (sharer: Sharer) =>
    Math.max(0, Math.floor((slots.total * sharer.weight) / weights) - sharer.taken);
  const own = Math.min(slots.free, unmet(self));
  const owed = active.reduce((sum, other) => (other === self ? sum : sum + unmet(other)), 0);
  const spare = slots.free - own - owed;
  if (spare <= 0) return own;
  const turnStart = (sharer: Sharer) => Math.max(slots.virtualTime, sharer.turnEnd);
  const next = active.reduce((first, other) => (turnStart(other) < turnStart(first) ? other : first));
  return next === self ? own + spare : own;
}
