import { asHoldfastError, type HoldfastError } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { advanceAll } from "../engine/flow-mover.ts";

/** Counts the ends of nodes that the settles of a worker noted. If a worker does not come to it, another one or a janitor does. */
export class FlowEnds {
  readonly #engine: Engine;
  readonly #onError: (error: HoldfastError) => void;
  #isAdvancing = false;
  /** Ends were noted since the last call was sent. */
  #isAskedAgain = false;

  constructor(engine: Engine, onError: (error: HoldfastError) => void) {
    this.#engine = engine;
    this.#onError = onError;
  }

  advance(): void {
    this.#isAskedAgain = true;
    if (!this.#isAdvancing) this.#run().catch((error) => this.#onError(asHoldfastError(error)));
  }

  async #run(): Promise<void> {
    this.#isAdvancing = true;
    try {
      while (this.#isAskedAgain) {
        this.#isAskedAgain = false;
        await advanceAll(this.#engine);
      }
    } finally {
      // In the same turn as the last look at `isAskedAgain`, so that no request in between is missed.
      this.#isAdvancing = false;
    }
  }
}
