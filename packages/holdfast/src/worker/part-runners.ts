import { asHoldfastError, HoldfastError, LIMITS } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { checkQueueName, queueOfPartition } from "../engine/names.ts";
import { partsChanged } from "../engine/registry.ts";
import { checkArgument } from "../options/shape.ts";
import type { Partitions } from "../partitions/partition-names.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import { type Part, Parts } from "../partitions/parts.ts";
import type { Connection } from "../redis/connection.ts";
import { workerChannel } from "../redis/keys.ts";
import { QueueRunner } from "./queue-runner.ts";
import type { Reports } from "./reports.ts";
import type { RunnerOptions } from "./runner-options.ts";
import type { Runners } from "./runners.ts";
import { weightKind } from "./worker-options.ts";

/** A part: one partition of a queue, or the whole queue if it has no partitions. */
export interface WorkedPart {
  /** The name in Redis: `orders`, or `orders/3` for a partition. */
  name: string;
  /** The name of the queue, for example `orders`. */
  queue: string;
}

export interface PartRunnersOptions {
  client: Holdfast;
  listener: Connection;
  queues: readonly (readonly [queue: string, weight: number])[];
  /** True: the queues are served in their order. False: the queues share the slots by weight. */
  isStrict: boolean;
  runners: Runners;
  reports: Reports;
  /** The options that are the same for every runner. A runner acquires and settles the tasks of one part. */
  runner: Omit<RunnerOptions, "engine" | "queue" | "index" | "weight" | "rank">;
  /** Whether the worker acquires no tasks now, because it stops or an operator drains it. */
  drains(): boolean;
  /** Called with all parts, by index, and with all queues, before the runners of new parts begin. */
  onParts(parts: readonly WorkedPart[], queues: readonly string[]): void;
}

interface WorkedQueue {
  weight: number;
  rank: number;
}

const TIMINGS_MS = 1_000;

const refused = (message: string) => new HoldfastError("invalid_argument", message);

/** Returns for how many queues and partitions the lease table of a worker with this many queues has room. */
export const maxParts = (queues: number) => queues + LIMITS.partitions;

/**
 * Keeps one runner for each part of the worker's queues. A part is one partition, or a queue without partitions. If a
 * queue gets more partitions while the worker runs, they get runners too. Runners of removed partitions stop acquiring.
 */
export class PartRunners {
  readonly #o: PartRunnersOptions;
  readonly #registry: PartitionRegistry;
  readonly #parts: WorkedPart[] = [];
  readonly #runners = new Map<string, QueueRunner>();
  readonly #listening = new Set<string>();
  readonly #gone = new Set<QueueRunner>();
  readonly #queues = new Map<string, WorkedQueue>();
  readonly #most: number;
  #nextRank = 0;
  #timers: NodeJS.Timeout[] = [];
  #looked: Promise<void> = Promise.resolve();

  constructor(options: PartRunnersOptions) {
    this.#o = options;
    this.#registry = new PartitionRegistry(options.client);
    this.#most = maxParts(options.queues.length);
    for (const [queue, weight] of options.queues) this.#put(queue, weight);
  }

  /**
   * Adds a queue. @param looks true: make its runners now; false: the next look-up makes them
   * @throws HoldfastError as `Worker.addQueue`
   */
  async addQueue(queue: string, weight: number | undefined, looks: boolean): Promise<void> {
    checkQueueName(queue);
    if (weight !== undefined) {
      checkArgument("weight", weightKind, weight);
      if (this.#o.isStrict) throw refused('queueOrder "strict" does not use weights');
    }
    if (this.#queues.has(queue)) throw refused(`this worker has the queue "${queue}" already`);
    this.#put(queue, weight);
    if (!looks) return;
    try {
      await this.look();
    } catch (error) {
      this.#remove(queue);
      throw error;
    }
  }

  /** Removes a queue. Its runners stop acquiring tasks. @throws HoldfastError invalid_argument */
  removeQueue(queue: string): void {
    if (!this.#queues.has(queue)) throw refused(`this worker does not have a queue "${queue}"`);
    if (this.#queues.size === 1) throw refused("a worker needs at least one queue: stop the worker");
    this.#remove(queue);
  }

  #put(queue: string, weight = 1): void {
    this.#queues.set(queue, { weight, rank: this.#o.isStrict ? this.#nextRank++ : -1 });
  }

  #remove(queue: string): void {
    this.#queues.delete(queue);
    for (const part of this.#parts)
      if (part.queue === queue) this.#setGone(this.#runners.get(part.name) as QueueRunner, true);
    this.#tellParts();
  }

  #tellParts(): void {
    this.#o.onParts(this.#parts, [...this.#queues.keys()]);
  }

  /** Tells each runner whether it may acquire. Its part must exist, and the worker has to listen to its channels. */
  drain(): void {
    for (const runner of this.#runners.values()) runner.drain(this.#o.drains() || this.#gone.has(runner));
  }

  /**
   * Looks up the partitions of the queues, and makes runners for new ones.
   * @throws HoldfastError redis_*, or invalid_argument if there are more partitions than one worker has room for
   */
  look(): Promise<void> {
    // Look-ups run one after the other, so that no partition is opened twice.
    const look = this.#looked.then(() => this.#lookTwice());
    this.#looked = look.catch(() => {});
    return look;
  }

  async #lookTwice(): Promise<void> {
    try {
      await this.#look();
    } catch (error) {
      // The number of partitions changed during the look-up, so this looks once more.
      if (!partsChanged(error)) throw asHoldfastError(error);
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const partitioned = await this.#registry.all();
    const fresh: Part[] = [];
    for (const [queue, worked] of [...this.#queues]) {
      const partitions = partitioned.get(queue) ?? null;
      // The queue may have been removed from the worker during the call.
      if ((await this.#isDeleted(queue, partitions)) || !this.#queues.has(queue)) continue;
      const { all } = new Parts(this.#o.client, queue, partitions);
      this.#setParts(queue, all, { ...worked, weight: worked.weight / all.length });
      for (const part of all) if (!this.#listening.has(part.name)) fresh.push(part);
    }
    this.#tellParts();
    await Promise.all(fresh.map((part) => this.#open(part)));
  }

  /** Returns whether a queue with partitions was deleted. Opening it again would make one without partitions. */
  async #isDeleted(queue: string, partitions: Partitions | null): Promise<boolean> {
    const had = this.#parts.some((part) => part.queue === queue && part.name !== queue);
    return partitions === null && had && !(await this.#o.client.registry.hasQueue(queue));
  }

  /** Looks up the partitions and writes the timings every `everyMs`. @param onError called if a look-up fails */
  watch(everyMs: number, onError: (error: HoldfastError) => void): void {
    let isLooking = false;
    const look = async () => {
      if (isLooking) return;
      isLooking = true;
      await this.look().catch((error) => onError(asHoldfastError(error)));
      isLooking = false;
    };
    this.#timers = [
      setInterval(() => void look(), everyMs).unref(),
      setInterval(() => void this.writeTimings(), TIMINGS_MS).unref(),
    ];
  }

  /** Writes to Redis how long tasks waited and ran. @param isLast true if the worker stops after this */
  async writeTimings(isLast = false): Promise<void> {
    await Promise.all(
      [...this.#runners.values()].map(({ timings, engine }) => timings.write(engine, isLast)),
    );
  }

  /** Starts no more look-ups, and acquires no more tasks. */
  stopAcquiring(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const runner of this.#runners.values()) runner.stopAcquiring();
  }

  close(): void {
    for (const runner of this.#runners.values()) runner.close();
  }

  /** Resolves when no look-up is running. */
  async looked(): Promise<void> {
    await this.#looked;
  }

  #setParts(queue: string, all: readonly Part[], { weight, rank }: WorkedQueue): void {
    const names = new Set(all.map(({ name }) => name));
    const unknown = all.filter(({ name }) => !this.#runners.has(name));
    if (this.#parts.length + unknown.length > this.#most)
      throw refused(
        `the queues of this worker have more than ${this.#most} parts: run another worker for some of them`,
      );
    for (const part of this.#parts) {
      const runner = this.#runners.get(part.name);
      if (part.queue !== queue || !runner) continue;
      this.#setGone(runner, !names.has(part.name) || !this.#listening.has(part.name));
    }
    for (const part of all) {
      const known = this.#runners.get(part.name);
      if (known) Object.assign(known, { weight, rank });
      else this.#add(part, queue, { weight, rank });
    }
  }

  #setGone(runner: QueueRunner, isGone: boolean): void {
    if (isGone === this.#gone.has(runner)) return;
    if (isGone) this.#gone.add(runner);
    else this.#gone.delete(runner);
    runner.drain(isGone || this.#o.drains());
  }

  #add(part: Part, queue: string, { weight, rank }: WorkedQueue): void {
    const { runner: shared, runners, reports } = this.#o;
    const index = this.#parts.length;
    const runner = new QueueRunner(
      { ...shared, engine: part.engine, queue, index, weight, rank },
      runners,
      reports,
    );
    this.#parts.push({ name: part.name, queue });
    this.#runners.set(part.name, runner);
    runners.all.push(runner);
    // The runner acquires no tasks until the worker has subscribed to the channels of the part.
    this.#setGone(runner, true);
  }

  async #open({ name, engine }: Part): Promise<void> {
    await engine.open();
    const { wake } = engine.keys;
    const runner = this.#runners.get(name) as QueueRunner;
    // The first channel wakes all workers. The second one brings tasks that an enqueue granted to this worker.
    await this.#o.listener.listen([wake, workerChannel(wake, this.#o.runner.workerId)], runner.heard);
    this.#listening.add(name);
    // The queue may have been removed from the worker during the calls above.
    if (this.#queues.has(queueOfPartition(name) ?? name)) this.#setGone(runner, false);
  }
}
