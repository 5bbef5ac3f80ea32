import { type CurrentTask, HoldfastError } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { type SystemKeys, systemKeys } from "../redis/keys.ts";
import type { Script } from "../redis/script.ts";
import { queueOfPartition } from "./names.ts";

/** The entry of a worker in the registry, stored as JSON. */
export interface WorkerEntry {
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
  state: "running" | "paused" | "draining" | "drained" | "stopped";
}

/** Thrown if the number of partitions of a queue has changed. The caller has to read the number again. */
class PartsChanged extends HoldfastError {}

/** Returns whether a call was refused because the number of partitions of its queue has changed. Nothing was stored. */
export function partsChanged(error: unknown): boolean {
  return error instanceof PartsChanged || (error instanceof Error && error.cause instanceof PartsChanged);
}

/** The registry: which queues and workers there are. */
export class Registry {
  readonly #connection: Connection;
  readonly #keys: SystemKeys;

  constructor(connection: Connection, prefix = "queue") {
    this.#connection = connection;
    this.#keys = systemKeys(prefix);
  }

  /**
   * Adds a queue, so that operators and janitors see it. A repeated call changes nothing.
   * @param maker the API key or address that creates the queue if it is new, and how many queues it may create
   * @throws PartsChanged conflict if the queue has partitions; queue_not_found if it is a partition that does not exist
   * @throws HoldfastError rate_limited if the queue is new and its maker may create no more queues
   */
  async addQueue(queue: string, { maker }: { maker?: { who: string; most: number } } = {}): Promise<void> {
    const whole = queueOfPartition(queue);
    const partition = whole === null ? -1 : Number(queue.slice(whole.length + 1));
    const outcome = await this.#script<
      scripts.QueueAddArgs,
      "added" | "too_many" | "partitioned" | "no_partition"
    >(scripts.queueAddScript, {
      queue,
      whole: whole ?? "",
      partition,
      maker: maker?.who ?? "",
      most: maker?.most ?? 0,
    });
    if (outcome === "too_many") {
      throw new HoldfastError(
        "rate_limited",
        `this key or address has made ${maker?.most} queues that still exist, and QUEUES_PER_KEY allows no more: use a queue that exists, delete one that is no longer needed, or raise QUEUES_PER_KEY`,
        { retryAfterMs: 60_000 },
      );
    }
    if (outcome === "partitioned") {
      throw new PartsChanged("conflict", `queue "${queue}" has partitions now: try again`);
    }
    if (outcome === "no_partition")
      throw new PartsChanged("queue_not_found", `queue "${whole}" has no partition ${partition}`);
  }

  /**
   * Removes a queue from the registry. If somebody registers the queue again meanwhile, it stays: the script
   * queue_remove compares the id of this deletion, which a registration removes.
   * @param deleteKeys removes the other Redis keys of the queue
   * @returns false if the queue is in use, so that it stays
   */
  async removeQueue(queue: string, deleteKeys: () => Promise<boolean>): Promise<boolean> {
    const deletion = await this.noteDeletion(queue);
    if (!(await deleteKeys())) return false;
    await this.#script<scripts.QueueRemoveArgs, number>(scripts.queueRemoveScript, { queue, deletion });
    return true;
  }

  /**
   * Stores that the keys of the queue are about to be removed. @returns the id of this deletion. Registering the queue
   * again removes the id, so that the deletion does not end the new registration
   */
  async noteDeletion(queue: string): Promise<string> {
    const deletion = nanoid(10);
    await this.#connection.command("HSET", this.#keys.deleting, queue, deletion);
    return deletion;
  }

  /** Returns the stored numbers of partitions of all queues (`PartitionRegistry` explains the fields). */
  async partitionFields(): Promise<Record<string, string>> {
    const flat = await this.#connection.command<string[]>("HGETALL", this.#keys.partitions);
    const fields: Record<string, string> = Object.create(null);
    for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i] as string] = flat[i + 1] as string;
    return fields;
  }

  /**
   * Gives a queue partitions, adds some, or removes them (`count` 0) once all of them are deleted.
   * @param before the number of partitions that the caller knows
   * @param deletion what `noteDeletion` returned, if the queue without partitions is about to be removed
   * @returns the number of partitions that the queue has now, which another caller may have set; null if the queue
   * exists without partitions
   */
  async setPartitions(queue: string, before: number, count: number, deletion = ""): Promise<number | null> {
    const args = { queue, before, count, deletion };
    const now = await this.#script<scripts.PartitionArgs, number>(scripts.partitionScript, args);
    return now < 0 ? null : now;
  }

  async hasQueue(queue: string): Promise<boolean> {
    return (await this.#connection.command<number>("SISMEMBER", this.#keys.queues, queue)) === 1;
  }

  async queues(): Promise<string[]> {
    return (await this.#connection.command<string[]>("SMEMBERS", this.#keys.queues)).sort();
  }

  /** Writes the entry of a worker. @returns whether an operator has told the worker to drain */
  async putWorker(worker: WorkerEntry, tasks: readonly CurrentTask[] = []): Promise<boolean> {
    const args = {
      workerId: worker.id,
      worker: JSON.stringify(worker),
      tasks: tasks.length === 0 ? "" : JSON.stringify(tasks),
    };
    return (await this.#script<scripts.RegisterArgs, number>(scripts.registerScript, args)) === 1;
  }

  /** Tells a worker to drain or to resume. @returns false if there is no such worker */
  async drainWorker(id: string, draining: boolean): Promise<boolean> {
    const args = { workerId: id, draining: draining ? 1 : 0 };
    return (await this.#script<scripts.DrainArgs, number>(scripts.drainScript, args)) === 1;
  }

  /** Returns the running tasks of each worker, by the id of the worker. */
  async workerTasks(): Promise<Map<string, CurrentTask[]>> {
    const flat = await this.#connection.command<string[]>("HGETALL", this.#keys.workerTasks);
    const tasks = new Map<string, CurrentTask[]>();
    for (let i = 0; i + 1 < flat.length; i += 2)
      tasks.set(flat[i] as string, JSON.parse(flat[i + 1] as string) as CurrentTask[]);
    return tasks;
  }

  async workers(): Promise<WorkerEntry[]> {
    const fields = await this.#connection.command<string[]>("HVALS", this.#keys.workers);
    return fields.map((text) => JSON.parse(text) as WorkerEntry);
  }

  /** Returns the ids of the running janitors that enqueue the tasks of schedules. */
  janitors(): Promise<string[]> {
    const after = `(${this.#connection.now()}`;
    return this.#connection.command<string[]>("ZRANGEBYSCORE", this.#keys.janitors, after, "+inf");
  }

  async removeJanitor(id: string): Promise<void> {
    await this.#connection.command("ZREM", this.#keys.janitors, id);
  }

  async removeWorkers(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#connection.command("HDEL", this.#keys.workerTasks, ...ids);
    await this.#connection.command("SREM", this.#keys.draining, ...ids);
    await this.#connection.command("HDEL", this.#keys.workers, ...ids);
  }

  #script<Args, Reply>(script: Script<Args, SystemKeys>, args: Args): Promise<Reply> {
    return this.#connection.script<Args, Reply, SystemKeys>(script, this.#keys, args);
  }
}
