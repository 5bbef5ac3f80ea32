import { type CurrentTask, HoldfastError } from "@holdfast/contracts";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { type SystemKeys, systemKeys } from "../redis/keys.ts";
import { queueOfPartition } from "./names.ts";

/** What a worker says of itself: JSON in the worker registry. */
export interface WorkerRecord {
  id: string;
  queues: string[];
  types: string[];
  host: string;
  pid: number;
  version: string;
  slots: number;
  busy: number;
  startedAt: number;
  heartbeatAt: number;
  state: "running" | "draining" | "drained" | "stopped";
}

/** The sets through which queues and workers are found. */
export class Registry {
  readonly #connection: Connection;
  readonly #keys: SystemKeys;
  readonly #known = new Set<string>();

  constructor(connection: Connection, prefix = "queue") {
    this.#connection = connection;
    this.#keys = systemKeys(prefix);
  }

  /**
   * Adds a queue before its first task, once per process.
   * @throws HoldfastError conflict: it is partitioned; queue_not_found: a partition of a queue that is not
   */
  async addQueue(queue: string): Promise<void> {
    if (this.#known.has(queue)) return;
    const whole = queueOfPartition(queue);
    // Written first, then looked at, as a declaration of partitions does: of two at once, one sees the other.
    // Looked up before that: a full Redis refuses even an SADD that adds nothing, and a worker has to drain it.
    const added = (await this.hasQueue(queue))
      ? 0
      : await this.#connection.command<number>("SADD", this.#keys.queues, queue);
    const partitioned =
      (await this.#connection.command<number>("HEXISTS", this.#keys.partitions, whole ?? queue)) === 1;
    if (partitioned !== (whole !== null)) {
      if (added === 1) await this.#connection.command("SREM", this.#keys.queues, queue);
      throw whole === null
        ? new HoldfastError(
            "conflict",
            `queue "${queue}" is partitioned: use the classes for partitioned queues`,
          )
        : new HoldfastError("queue_not_found", `queue "${whole}" has no partitions`);
    }
    this.#known.add(queue);
  }

  /** As `addQueue`, also for a queue that somebody has deleted since: a schedule brings it back. */
  async ensureQueue(queue: string): Promise<void> {
    if (await this.hasQueue(queue)) return;
    this.#known.delete(queue);
    await this.addQueue(queue);
  }

  /** How many partitions queues have: by field, see `PartitionRegistry`. */
  async partitionFields(): Promise<Record<string, string>> {
    const flat = await this.#connection.command<string[]>("HGETALL", this.#keys.partitions);
    const fields: Record<string, string> = Object.create(null);
    for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i] as string] = flat[i + 1] as string;
    return fields;
  }

  /** @returns false where the field was there */
  async addPartitionField(field: string, count: number): Promise<boolean> {
    return (await this.#connection.command<number>("HSETNX", this.#keys.partitions, field, count)) === 1;
  }

  async removePartitionFields(fields: readonly string[]): Promise<void> {
    if (fields.length > 0) await this.#connection.command("HDEL", this.#keys.partitions, ...fields);
  }

  async removeQueue(queue: string): Promise<void> {
    await this.#connection.command("SREM", this.#keys.queues, queue);
    this.#known.delete(queue);
  }

  async hasQueue(queue: string): Promise<boolean> {
    return (await this.#connection.command<number>("SISMEMBER", this.#keys.queues, queue)) === 1;
  }

  async queues(): Promise<string[]> {
    return (await this.#connection.command<string[]>("SMEMBERS", this.#keys.queues)).sort();
  }

  /** @returns whether the worker was told to drain */
  async putWorker(worker: WorkerRecord, tasks: readonly CurrentTask[] = []): Promise<boolean> {
    const draining = await this.#connection.script<scripts.RegisterArgs, number, SystemKeys>(
      scripts.registerScript,
      this.#keys,
      {
        workerId: worker.id,
        worker: JSON.stringify(worker),
        tasks: tasks.length === 0 ? "" : JSON.stringify(tasks),
      },
    );
    return draining === 1;
  }

  /** @returns false where there is no such worker */
  async drainWorker(id: string, draining: boolean): Promise<boolean> {
    const args = { workerId: id, draining: draining ? 1 : 0 };
    return (
      (await this.#connection.script<scripts.DrainArgs, number, SystemKeys>(
        scripts.drainScript,
        this.#keys,
        args,
      )) === 1
    );
  }

  /** What each worker runs, by its id. */
  async workerTasks(): Promise<Map<string, CurrentTask[]>> {
    const flat = await this.#connection.command<string[]>("HGETALL", this.#keys.workerTasks);
    const tasks = new Map<string, CurrentTask[]>();
    for (let i = 0; i + 1 < flat.length; i += 2)
      tasks.set(flat[i] as string, JSON.parse(flat[i + 1] as string) as CurrentTask[]);
    return tasks;
  }

  async workers(): Promise<WorkerRecord[]> {
    const fields = await this.#connection.command<string[]>("HVALS", this.#keys.workers);
    return fields.map((text) => JSON.parse(text) as WorkerRecord);
  }

  async removeWorkers(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#connection.command("HDEL", this.#keys.workerTasks, ...ids);
    await this.#connection.command("SREM", this.#keys.draining, ...ids);
    await this.#connection.command("HDEL", this.#keys.workers, ...ids);
  }
}
