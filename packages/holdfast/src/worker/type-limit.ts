/**
 * Limits how many tasks of one entry of the handlers a worker runs at the same time. The queues of the worker share the
 * limit. Each call says how many more of these tasks the engine may grant, and the engine leaves further ones to other
 * workers (lua/lib/routes.lua).
 */
export class TypeLimit {
  readonly #most: number;
  #held = 0;
  /** How many tasks may come from the calls that Redis has not answered yet. */
  #told = 0;
  readonly #onRoom: () => void;

  /** @param onRoom called when there is room again */
  constructor(most: number, onRoom: () => void) {
    this.#most = most;
    this.#onRoom = onRoom;
  }

  get room(): number {
    return Math.max(0, this.#most - this.#held - this.#told);
  }

  /**
   * Reserves room for a call. @param want how many tasks the call asks for @returns how many of these tasks may belong
   * to the entry
   */
  tell(want: number): number {
    const told = Math.min(want, this.room);
    this.#told += told;
    return told;
  }

  /** The text for the engine after the rule (lua/lib/routes.lua). */
  text(told: number): string {
    return `=${told}`;
  }

  /** Called when the call was answered, or when nobody waits for its answer any more. */
  answered(told: number): void {
    const before = this.room;
    this.#told -= told;
    if (before === 0 && this.room > 0) this.#onRoom();
  }

  /** Called when a task was granted. @returns false if it exceeds the limit */
  enter(): boolean {
    this.#held++;
    return this.#held <= this.#most;
  }

  /** Called when a granted task has ended or was handed back. */
  leave(): void {
    const before = this.room;
    this.#held--;
    if (before === 0 && this.room > 0) this.#onRoom();
  }
}
