import type { Connection } from "../redis/connection.ts";
import { systemKeys } from "../redis/keys.ts";

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
  state: "running" | "draining" | "stopped";
}

/** The sets through which queues and workers are found. */
export class Registry {
  readonly #connection: Connection;
  readonly #keys: ReturnType<typeof systemKeys>;
  readonly #known = new Set<string>();

  constructor(connection: Connection, prefix = "queue") {
    this.#connection = connection;
    this.#keys = systemKeys(prefix);
  }

  /** Adds a queue before its first task, once per process. */
  async addQueue(queue: string): Promise<void> {
    if (this.#known.has(queue)) return;
    await this.#connection.command("SADD", this.#keys.queues, queue);
    this.#known.add(queue);
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

  async putWorker(worker: WorkerRecord): Promise<void> {
    await this.#connection.command("HSET", this.#keys.workers, worker.id, JSON.stringify(worker));
  }

  async workers(): Promise<WorkerRecord[]> {
    const fields = await this.#connection.command<string[]>("HVALS", this.#keys.workers);
    return fields.map((text) => JSON.parse(text) as WorkerRecord);
  }

  async removeWorkers(ids: string[]): Promise<void> {
    if (ids.length > 0) await this.#connection.command("HDEL", this.#keys.workers, ...ids);
  }
}
