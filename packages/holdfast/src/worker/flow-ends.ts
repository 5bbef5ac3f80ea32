import { asHoldfastError, type HoldfastError } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { advanceAll } from "../engine/flow-mover.ts";

/**
 * Calls flow_advance after this worker has settled nodes of flows, so that the nodes behind them may run. If the worker
 * dies before that, another worker or a janitor makes the call.
 */
export class FlowEnds {
  readonly #engine: Engine;
  readonly #onError: (error: HoldfastError) => void;
  #isAdvancing = false;
  /** Whether nodes have ended since the last call was sent. */
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
      // This stands in the same turn of the event loop as the last look at `isAskedAgain`. So no request in between is
      // missed.
      this.#isAdvancing = false;
    }
  }
}
