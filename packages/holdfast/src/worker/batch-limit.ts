import type { BatchMember } from "./batch-call.ts";
import type { BatchSettings } from "./batch-handler.ts";

/**
 * Decides how many tasks a worker asks for if the handler of an entry runs batches. The worker asks for whole batches,
 * as many as its slots have room for. While that many batches of the entry run, it asks for none of its tasks, so that
 * they gather in Redis meanwhile.
 */
export class BatchLimit {
  readonly #settings: BatchSettings;
  readonly #slots: () => number;
  readonly #onRoom: () => void;
  readonly #running = new Set<readonly BatchMember[]>();
  /** How many batches unanswered calls ask for. */
  #asked = 0;

  /**
   * @param slots returns how many of its tasks may run; @param onRoom is called when there is room for a batch again
   */
  constructor(settings: BatchSettings, slots: () => number, onRoom: () => void) {
    this.#settings = settings;
    this.#slots = slots;
    this.#onRoom = onRoom;
  }

  /** How many tasks of the entry may be granted now. */
  get room(): number {
    let running = this.#asked;
    // A batch whose tasks all have their outcome needs no slots, even while its handler still runs.
    for (const members of this.#running) if (members.some(({ ended }) => !ended)) running++;
    const { max } = this.#settings;
    return Math.max(0, Math.max(1, Math.floor(this.#slots() / max)) - running) * max;
  }

  /** Reserves room for a call, as `TypeLimit.tell` does. */
  tell(want: number): number {
    const told = Math.min(want, this.room);
    this.#asked += this.#batchesOf(told);
    return told;
  }

  /** Called when the call was answered, as `TypeLimit.answered`. */
  answered(told: number): void {
    const before = this.room;
    this.#asked -= this.#batchesOf(told);
    if (before === 0 && this.room > 0) this.#onRoom();
  }

  /** The text for the engine after the rule (lua/lib/routes.lua). */
  text(told: number): string {
    const { max, waitMs, by } = this.#settings;
    if (told === 0 || waitMs === 0) return `=${told}`;
    return `=0/${told}/${Math.min(told, max)}/${waitMs}${by === "key" ? "k" : ""}`;
  }

  /** Counts a batch as running until `over` resolves. `over` never rejects. */
  runs(members: readonly BatchMember[], over: Promise<void>): void {
    this.#running.add(members);
    void over.then(() => {
      this.#running.delete(members);
      if (this.room > 0) this.#onRoom();
    });
  }

  // Always true: a batch that was split into several still begins as a whole, so its tasks are not counted one by one.
  enter(): boolean {
    return true;
  }

  leave(): void {}

  #batchesOf(tasks: number): number {
    return Math.ceil(tasks / this.#settings.max);
  }
}
