/** Redis went back to an earlier state than this process has seen: it was restarted, or another node took over. */
export interface RewoundEvent {
  /** The queue whose writes were lost. */
  queue: string;
  /** The number of visits of janitors that this janitor had seen, and the number now. */
  epochSeen: number;
  /** See `epochSeen`. */
  epoch: number;
  /** The run id of the server that this janitor had seen. */
  runIdSeen: string;
  /** The run id of the server now. */
  runId: string;
}

/**
 * Recognizes a rewind by two signs together: the server has another run id, and the number of visits is not above the
 * last one that was seen. Each janitor counts a visit. So a rewind goes unseen if other janitors have made more visits
 * since than were lost.
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
