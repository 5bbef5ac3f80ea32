import { asHoldfastError, HoldfastError, LIMITS } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { partsChanged } from "../engine/registry.ts";
import type { Partitions } from "../partitions/partition-names.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import { type Part, Parts } from "../partitions/parts.ts";
import type { Connection } from "../redis/connection.ts";
import { workerChannel } from "../redis/keys.ts";
import type { QueueRunner } from "./queue-runner.ts";
import type { Runners } from "./runners.ts";

/** One part of a queue on which a worker works. */
export interface WorkedPart {
  /** `orders`, or `orders/3`. */
  name: string;
  /** The name of the queue, for example `orders`. */
  queue: string;
}

export interface PartRunnersOptions {
  client: Holdfast;
  listener: Connection;
  workerId: string;
  /** The queues with their weights. */
  queues: readonly (readonly [queue: string, weight: number])[];
  runners: Runners;
  /** Makes the runner of a part. @param index the index of the part in the lease table */
  make(part: Part, queue: string, index: number, weight: number): QueueRunner;
  /** Whether the worker acquires no tasks at present. */
  drains(): boolean;
  /** Called with all parts, by index, before the runners of new parts begin. */
  onParts(parts: readonly WorkedPart[]): void;
}

const TIMINGS_MS = 1_000;

/** Returns for how many parts the lease table of a worker with this many queues has room. */
export const maxParts = (queues: number) => queues + LIMITS.partitions;

/**
 * The runners of a worker, one for each part of its queues. A queue can get partitions while the worker runs. Then each
 * new part gets a runner, and the runner of a part that is gone acquires no more tasks.
 */
export class PartRunners {
  readonly #o: PartRunnersOptions;
  readonly #registry: PartitionRegistry;
  readonly #parts: WorkedPart[] = [];
  readonly #runners = new Map<string, QueueRunner>();
  readonly #listening = new Set<string>();
  readonly #gone = new Set<QueueRunner>();
  #timers: NodeJS.Timeout[] = [];
  #watching: Promise<void> | undefined;

  constructor(options: PartRunnersOptions) {
    this.#o = options;
    this.#registry = new PartitionRegistry(options.client);
  }

  /**
   * Tells each runner whether it may acquire. A runner may not if its part is gone, or if the worker does not listen to
   * the part yet.
   */
  drain(): void {
    for (const runner of this.#runners.values()) runner.drain(this.#o.drains() || this.#gone.has(runner));
  }

  /**
   * Looks up the parts of the queues, and makes runners for new parts.
   * @throws HoldfastError redis_*, or invalid_argument if there are more partitions than one worker has room for
   */
  async look(): Promise<void> {
    try {
      await this.#look();
    } catch (error) {
      // The parts changed during the look-up.
      if (!partsChanged(error)) throw asHoldfastError(error);
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { client, queues } = this.#o;
    const partitioned = await this.#registry.all();
    const fresh: Part[] = [];
    for (const [queue, weight] of queues) {
      const partitions = partitioned.get(queue) ?? null;
      if (await this.#isDeleted(queue, partitions)) continue;
      const { all } = new Parts(client, queue, partitions);
      this.#setParts(queue, all, weight / all.length);
      for (const part of all) if (!this.#listening.has(part.name)) fresh.push(part);
    }
    this.#o.onParts(this.#parts);
    await Promise.all(fresh.map((part) => this.#open(part)));
  }

  /**
   * Returns whether the queue had partitions and was deleted. The worker must not register such a queue again as a
   * queue without partitions.
   */
  async #isDeleted(queue: string, partitions: Partitions | null): Promise<boolean> {
    const had = this.#parts.some((part) => part.queue === queue && part.name !== queue);
    return partitions === null && had && !(await this.#o.client.registry.hasQueue(queue));
  }

  /**
   * Begins to look up the parts every `everyMs`, and to write the timings.
   * @param onError called if a look-up fails
   */
  watch(everyMs: number, onError: (error: HoldfastError) => void): void {
    const look = () => {
      this.#watching ??= this.look()
        .catch((error) => onError(asHoldfastError(error)))
        .finally(() => {
          this.#watching = undefined;
        });
    };
    this.#timers = [
      setInterval(look, everyMs).unref(),
      setInterval(() => void this.writeTimings(), TIMINGS_MS).unref(),
    ];
  }

  /** Writes to Redis how long tasks waited and ran. */
  async writeTimings(): Promise<void> {
    await Promise.all([...this.#runners.values()].map(({ timings, engine }) => timings.write(engine)));
  }

  /** Begins no look-up any more, and acquires no more tasks. */
  stopAcquiring(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const runner of this.#runners.values()) runner.stopAcquiring();
  }

  close(): void {
    for (const runner of this.#runners.values()) runner.close();
  }

  /** Resolves when no look-up is under way. */
  async looked(): Promise<void> {
    await this.#watching;
  }

  #setParts(queue: string, all: readonly Part[], weight: number): void {
    const names = new Set(all.map(({ name }) => name));
    for (const part of this.#parts) {
      const runner = this.#runners.get(part.name);
      if (part.queue !== queue || !runner) continue;
      this.#setGone(runner, !names.has(part.name) || !this.#listening.has(part.name));
    }
    for (const part of all) {
      const known = this.#runners.get(part.name);
      if (known) known.weight = weight;
      else this.#add(part, queue, weight);
    }
  }

  #setGone(runner: QueueRunner, isGone: boolean): void {
    if (isGone === this.#gone.has(runner)) return;
    if (isGone) this.#gone.add(runner);
    else this.#gone.delete(runner);
    runner.drain(isGone || this.#o.drains());
  }

  #add(part: Part, queue: string, weight: number): void {
    const { queues, make, runners } = this.#o;
    const most = maxParts(queues.length);
    if (this.#parts.length >= most)
      throw new HoldfastError(
        "invalid_argument",
        `the queues of this worker have more than ${most} parts: run another worker for some of them`,
      );
    const runner = make(part, queue, this.#parts.length, weight);
    this.#parts.push({ name: part.name, queue });
    this.#runners.set(part.name, runner);
    runners.all.push(runner);
    // The runner acquires no tasks until the worker listens to the part.
    this.#setGone(runner, true);
  }

  async #open({ name, engine }: Part): Promise<void> {
    await engine.open();
    const { wake } = engine.keys;
    const runner = this.#runners.get(name) as QueueRunner;
    // The first channel is for all workers. The second one is for tasks that are granted to this worker.
    await this.#o.listener.listen([wake, workerChannel(wake, this.#o.workerId)], runner.heard);
    this.#listening.add(name);
    this.#setGone(runner, false);
  }
}
