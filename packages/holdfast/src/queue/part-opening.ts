import { asHoldfastError, HoldfastError } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { partsChanged } from "../engine/registry.ts";
import { UnderWay } from "../under-way.ts";
import type { DurabilityGate } from "./durability.ts";

/** Prepares a queue or partition for enqueues: checks Redis, registers the queue and reads its durability. */
export class PartOpening {
  /** Whether the queue is registered and `close` was not called. */
  isOpen = false;
  readonly #client: Holdfast;
  readonly #engine: Engine;
  readonly #durability: DurabilityGate;
  #registered: Promise<void> | undefined;
  /** Calls that began before `close` and have not added their tasks to the buffer yet. */
  readonly #entering = new UnderWay();
  #closed = false;

  constructor(client: Holdfast, engine: Engine, durability: DurabilityGate) {
    this.#client = client;
    this.#engine = engine;
    this.#durability = durability;
  }

  /** @throws HoldfastError as `Queue.ready` */
  async ready(): Promise<void> {
    try {
      await this.#ready();
    } catch (error) {
      throw asHoldfastError(error);
    }
  }

  /** Like `ready`, and `close` waits for the call. */
  enter(): Promise<void> {
    return this.#entering.add(this.ready());
  }

  /**
   * Waits until the queue is registered and its durability is known.
   * @returns the error if the number of partitions has changed; otherwise undefined
   * @throws HoldfastError as `ready`
   */
  async refusal(): Promise<HoldfastError | undefined> {
    if (this.isOpen && !this.#durability.isOld) return undefined;
    try {
      await this.enter();
      return undefined;
    } catch (error) {
      if (partsChanged(error)) return asHoldfastError(error);
      throw error;
    }
  }

  /** Refuses new calls, and resolves when the calls before this one have added their tasks. */
  async close(): Promise<void> {
    this.#closed = true;
    this.isOpen = false;
    await this.#entering.ended();
    await this.#registered?.catch(() => {});
  }

  async #ready(): Promise<void> {
    if (this.#closed) throw new HoldfastError("closed", `queue "${this.#engine.queue}" was closed`);
    if (this.#registered === undefined) {
      this.#registered = this.#client.check().then(() => this.#engine.open());
      this.#registered.catch(() => {
        this.#registered = undefined;
      });
    }
    await this.#registered;
    this.isOpen = !this.#closed;
    if (this.#durability.isOld) await this.#durability.reread();
  }
}
