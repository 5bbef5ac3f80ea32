import { asHoldfastError, type HoldfastError } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { advanceAll } from "../engine/flow-mover.ts";

/**
 * Calls the script flow_advance after this worker has ended nodes of flows, so that the nodes after them may run. If
 * the worker dies before the call, another worker or a janitor makes it.
 */
export class FlowEnds {
  readonly #engine: Engine;
  readonly #onError: (error: HoldfastError) => void;
  #isAdvancing = false;
  /** Whether more nodes have ended since the running call was sent. */
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
      // There is no `await` between the last check of `isAskedAgain` and this line, so no request in between is missed.
      this.#isAdvancing = false;
    }
  }
}
