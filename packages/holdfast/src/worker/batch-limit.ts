import type { BatchMember } from "./batch-call.ts";
import type { BatchSettings } from "./batch-handler.ts";

/**
 * Decides how many tasks to ask for if a handler runs batches: whole batches, as many as the slots have room for. Until
 * one ends, further tasks stay in Redis, where the next batch fills up.
 */
export class BatchLimit {
  readonly #settings: BatchSettings;
  readonly #slots: () => number;
  readonly #onRoom: () => void;
  readonly #running = new Set<readonly BatchMember[]>();
  /** How many batches were asked for in calls to Redis that are not answered yet. */
  #asked = 0;

  /** @param slots returns how many tasks of this handler may run; @param onRoom called when another batch may start */
  constructor(settings: BatchSettings, slots: () => number, onRoom: () => void) {
    this.#settings = settings;
    this.#slots = slots;
    this.#onRoom = onRoom;
  }

  /** How many tasks of this handler may be granted now. */
  get room(): number {
    let running = this.#asked;
    // A batch whose tasks all have an outcome needs no slots, even if its handler still runs.
    for (const members of this.#running) if (members.some(({ ended }) => !ended)) running++;
    const { max } = this.#settings;
    return Math.max(0, Math.max(1, Math.floor(this.#slots() / max)) - running) * max;
  }

  /** Reserves room for the tasks of one call to Redis. @returns how many tasks the call may ask for, at most `want` */
  tell(want: number): number {
    const told = Math.min(want, this.room);
    this.#asked += this.#batchesOf(told);
    return told;
  }

  /** Frees the room that `tell` reserved, because the call was answered. */
  answered(told: number): void {
    const before = this.room;
    this.#asked -= this.#batchesOf(told);
    if (before === 0 && this.room > 0) this.#onRoom();
  }

  /** Returns how many tasks of this handler the call may grant, in the format of lua/lib/routes.lua. */
  text(told: number): string {
    const { max, waitMs, by } = this.#settings;
    if (told === 0 || waitMs === 0) return `=${told}`;
    return `=0/${told}/${Math.min(told, max)}/${waitMs}${by === "key" ? "k" : ""}`;
  }

  /** Counts a batch as running until the promise `over` resolves. `over` never rejects. */
  runs(members: readonly BatchMember[], over: Promise<void>): void {
    this.#running.add(members);
    void over.then(() => {
      this.#running.delete(members);
      if (this.room > 0) this.#onRoom();
    });
  }

  // Always true: `runs` counts batches, so single tasks are not limited here.
  enter(): boolean {
    return true;
  }

  leave(): void {}

  #batchesOf(tasks: number): number {
    return Math.ceil(tasks / this.#settings.max);
  }
}
