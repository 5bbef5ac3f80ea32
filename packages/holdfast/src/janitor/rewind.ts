/** Redis went back to an earlier state, because it was restarted or another node took over. */
export interface RewoundEvent {
  /** The queue whose writes were lost. */
  queue: string;
  /** The counter of janitor visits as this janitor had last seen it. */
  epochSeen: number;
  /** The counter of janitor visits now. */
  epoch: number;
  /** The run id of the Redis server as this janitor had last seen it. */
  runIdSeen: string;
  /** The run id of the Redis server now. */
  runId: string;
}

/**
 * Notices that Redis has lost writes, by two signs: the server has another run id, and the counter of janitor visits is
 * not higher than before. Every janitor adds to the counter, so a loss stays unnoticed if other janitors have since
 * made more visits than were lost.
 */
export class RewindDetector {
  readonly #seen = new Map<string, { epoch: number; runId: string }>();

  look(queue: string, epoch: number, runId: string): RewoundEvent | null {
    const seen = this.#seen.get(queue);
    this.#seen.set(queue, { epoch, runId });
    if (!seen || seen.runId === runId || seen.epoch === 0 || epoch > seen.epoch) return null;
    return { queue, epochSeen: seen.epoch, epoch, runIdSeen: seen.runId, runId };
  }

  /** Forgets all other queues, so that deleted queues are not kept for ever. */
  keepOnly(queues: readonly string[]): void {
    const kept = new Set(queues);
    for (const queue of this.#seen.keys()) if (!kept.has(queue)) this.#seen.delete(queue);
  }
}
