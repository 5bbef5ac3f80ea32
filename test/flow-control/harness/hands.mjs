/** Makes single acquire and settle calls through the engine, for checks of the effect of one call. */
export class Hands {
  #nonces = 0;

  constructor(engine, { workerId = "hands", leaseMs = 600_000 } = {}) {
    Object.assign(this, { engine, workerId, leaseMs });
  }

  #args(want, more) {
    return {
      ...{ want, held: 0, leaseMs: this.leaseMs, maxRetries: 3, workerId: this.workerId },
      ...{ nonce: `h${++this.#nonces}`, park: false, noHandlerAfterMs: 86_400_000, ...more },
    };
  }

  /** @returns the grants, in order */
  async acquire(want, more = {}) {
    return (await this.ask(want, more)).grants;
  }

  /** @returns the whole reply */
  ask(want, more = {}) {
    return this.engine.acquire(this.#args(want, more));
  }

  /** Acks all grants, and acquires new ones in the same call. @returns the new grants */
  async ack(grants, want = 0) {
    return (
      await this.settle(
        grants.map((grant) => ({ ...grant, kind: "ack" })),
        want,
      )
    ).grants;
  }

  /**
   * @param verdicts grants with a `kind` and the fields of that kind
   * @returns the outcomes and the new grants
   */
  settle(verdicts, want = 0) {
    const plain = verdicts.map(({ id, fence, kind, ...rest }) => {
      const { token: _, envelope: __, past: ___, ...more } = rest;
      return { kind, id, fence, ...more };
    });
    return this.engine.settle(plain, this.#args(want));
  }
}
