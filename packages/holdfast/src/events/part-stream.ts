import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { Bell } from "./bell.ts";
import type { EventBatch, PartReader } from "./part-reader.ts";

/**
 * The events of a queue or partition, as they happen. Events are read only when the caller asks for them, so that none
 * pile up in memory for a slow caller.
 */
export class PartStream {
  readonly #reader: PartReader;
  readonly #bell: Bell;
  #rings = 0;
  #readAt = 0;
  #hasMore = true;

  private constructor(reader: PartReader, bell: Bell) {
    this.#reader = reader;
    this.#bell = bell;
  }

  /** @param open creates the reader, after the subscription has begun. @throws HoldfastError events_off, redis_* */
  static async open(
    client: Holdfast,
    engine: Engine,
    open: () => PartReader | Promise<PartReader>,
  ): Promise<PartStream> {
    const bell = Bell.of(client, engine);
    await bell.use();
    try {
      return new PartStream(await open(), bell);
    } catch (error) {
      bell.leave();
      throw error;
    }
  }

  get reader(): PartReader {
    return this.#reader;
  }

  /** Returns the next events, or a gap; null once the signal is aborted. @throws HoldfastError events_off, redis_* */
  async next(signal: AbortSignal): Promise<EventBatch | null> {
    for (;;) {
      if (!this.#hasMore) await this.#bell.wait(this.#rings, this.#readAt, signal);
      if (signal.aborted) return null;
      this.#rings = this.#bell.rings;
      this.#readAt = performance.now();
      const batch = await this.#reader.read();
      this.#hasMore = batch.hasMore;
      if (batch.entries.length > 0 || batch.missed !== 0 || batch.missedBehind > 0) return batch;
    }
  }

  close(): void {
    this.#bell.leave();
  }
}
