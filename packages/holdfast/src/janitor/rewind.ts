/** Redis went back to an earlier state than this process has seen: it was restarted, or another node took over. */
export interface RewoundEvent {
  queue: string;
  /** The count of visits before and now. */
  epochSeen: number;
  epoch: number;
  runIdSeen: string;
  runId: string;
}

/**
 * Recognizes a rewind by two signs together: another run id of the server, and a count of visits that is not above the
 * last one. Each of several janitors counts its visits. So a rewind can go unseen if fewer visits were lost than the
 * other janitors have made since.
 */
export class RewindDetector {
  readonly #seen = new Map<string, { epoch: number; runId: string }>();

  look(queue: string, epoch: number, runId: string): RewoundEvent | null {
    const seen = this.#seen.get(queue);
    this.#seen.set(queue, { epoch, runId });
    if (!seen || seen.runId === runId || seen.epoch === 0 || epoch > seen.epoch) return null;
    return { queue, epochSeen: seen.epoch, epoch, runIdSeen: seen.runId, runId };
  }

  /** Forgets all queues but these, so that deleted queues are not kept for ever. */
  keepOnly(queues: readonly string[]): void {
    const kept = new Set(queues);
    for (const queue of this.#seen.keys()) if (!kept.has(queue)) this.#seen.delete(queue);
  }
}
