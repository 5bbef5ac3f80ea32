import type { BatchMember } from "./batch-call.ts";
import type { BatchSettings } from "./batch-handler.ts";

/**
 * How many tasks a worker asks for an entry whose handler runs batches. It asks for whole batches, as many as its slots have room for, and for
 * none of an entry while as many batches as that run. So the tasks that come meanwhile wait for each other in Redis.
 */
export class BatchLimit {
  readonly #settings: BatchSettings;
  readonly #slots: () => number;
  readonly #onRoom: () => void;
  readonly #running = new Set<readonly BatchMember[]>();
  /** Batches that calls without an answer ask for. */
  #asked = 0;

  /** @param slots how many of its tasks may run; @param onRoom called when there is room for a batch again */
  constructor(settings: BatchSettings, slots: () => number, onRoom: () => void) {
    this.#settings = settings;
    this.#slots = slots;
    this.#onRoom = onRoom;
  }

  /** How many tasks it may be granted now. */
  get room(): number {
    let running = this.#asked;
    // A batch whose tasks all have their outcome needs no slots, even while its handler goes on.
    for (const members of this.#running) if (members.some(({ ended }) => !ended)) running++;
    const { max } = this.#settings;
    return Math.max(0, Math.max(1, Math.floor(this.#slots() / max)) - running) * max;
  }

  /** As of a `TypeLimit`. */
  tell(want: number): number {
    const told = Math.min(want, this.room);
    this.#asked += this.#batchesOf(told);
    return told;
  }

  /** As of a `TypeLimit`. */
  answered(told: number): void {
    const before = this.room;
    this.#asked -= this.#batchesOf(told);
    if (before === 0 && this.room > 0) this.#onRoom();
  }

  /** What the engine is told behind the rule (lua/lib/routes.lua). */
  text(told: number): string {
    const { max, waitMs, by } = this.#settings;
    if (told === 0 || waitMs === 0) return `=${told}`;
    return `=0/${told}/${Math.min(told, max)}/${waitMs}${by === "key" ? "k" : ""}`;
  }

  /** A batch runs until `over` resolves, which never rejects. */
  runs(members: readonly BatchMember[], over: Promise<void>): void {
    this.#running.add(members);
    void over.then(() => {
      this.#running.delete(members);
      if (this.room > 0) this.#onRoom();
    });
  }

  // Slots are counted elsewhere: a batch that was cut into several begins as a whole.
  enter(): boolean {
    return true;
  }

  leave(): void {}

  #batchesOf(tasks: number): number {
    return Math.ceil(tasks / this.#settings.max);
  }
}
