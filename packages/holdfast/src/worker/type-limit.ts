/**
 * Limits how many tasks of one handler a worker runs at the same time, over all its queues. Each call tells Redis how
 * many more of these tasks it may grant; Redis leaves the others to other workers (lua/lib/routes.lua).
 */
export class TypeLimit {
  readonly #most: number;
  #held = 0;
  /** How many tasks of this handler the unanswered calls may bring. */
  #told = 0;
  readonly #onRoom: () => void;

  /** @param onRoom called when the limit is no longer reached */
  constructor(most: number, onRoom: () => void) {
    this.#most = most;
    this.#onRoom = onRoom;
  }

  get room(): number {
    return Math.max(0, this.#most - this.#held - this.#told);
  }

  /** Reserves room for a call that asks for `want` tasks. @returns how many of them may be of this handler */
  tell(want: number): number {
    const told = Math.min(want, this.room);
    this.#told += told;
    return told;
  }

  /** Returns the text that follows the rule in a call, such as `=3` for at most three tasks (lua/lib/routes.lua). */
  text(told: number): string {
    return `=${told}`;
  }

  /** Frees the room that `tell` reserved, because the call was answered or given up. */
  answered(told: number): void {
    const before = this.room;
    this.#told -= told;
    if (before === 0 && this.room > 0) this.#onRoom();
  }

  /** Counts a granted task. @returns false if it exceeds the limit */
  enter(): boolean {
    this.#held++;
    return this.#held <= this.#most;
  }

  /** Counts a task that has ended or was handed back. */
  leave(): void {
    const before = this.room;
    this.#held--;
    if (before === 0 && this.room > 0) this.#onRoom();
  }
}
