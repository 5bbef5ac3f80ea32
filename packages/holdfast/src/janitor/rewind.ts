/** A Redis that has gone back behind what this process has seen of it: restarted, or another node took over. */
export interface RewoundEvent {
  queue: string;
  /** Visits counted before and now. */
  epochSeen: number;
  epoch: number;
  runIdSeen: string;
  runId: string;
}

/**
 * Tells a rewind by two signs together: another run of the server, and a count of visits that is not above the last
 * one. Of several janitors each counts: a loss of fewer writes than the others have made since can go unseen.
 */
export class RewindDetector {
  readonly #seen = new Map<string, { epoch: number; runId: string }>();

  look(queue: string, epoch: number, runId: string): RewoundEvent | null {
    const seen = this.#seen.get(queue);
    this.#seen.set(queue, { epoch, runId });
    if (!seen || seen.runId === runId || seen.epoch === 0 || epoch > seen.epoch) return null;
    return { queue, epochSeen: seen.epoch, epoch, runIdSeen: seen.runId, runId };
  }

  /** Queues that are gone are not kept for ever. */
  keepOnly(queues: readonly string[]): void {
    const kept = new Set(queues);
    for (const queue of this.#seen.keys()) if (!kept.has(queue)) this.#seen.delete(queue);
  }
}
