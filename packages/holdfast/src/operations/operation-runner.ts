import { asHoldfastError, HoldfastError, type TaskView } from "@holdfast/contracts";
import type { OperationView } from "@holdfast/contracts/api";
import { nanoid } from "nanoid";
import type { Holdfast } from "../client.ts";
import type { ClaimedOperation, OperationSpec } from "../engine/operation-store.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import { changeWork } from "./change-work.ts";
import { discardWork, replayWork, restoreWork } from "./dead-work.ts";
import { OperationRun } from "./operation-run.ts";
import { type BurstProducer, burstWork, emptyWork } from "./other-work.ts";
import type { Moved, Work } from "./work.ts";

/** Options of an `OperationRunner`. */
export interface OperationRunnerOptions {
  client: Holdfast;
  /** Returns a queue into which a burst enqueues its test tasks. */
  producer(queue: string): BurstProducer;
  /** How long an operation stays with this process if its lease is not renewed, ms. @default 5_000 */
  leaseMs?: number;
  /** How often to look for operations that no process runs, ms. @default 500 */
  pollMs?: number;
  /**
   * How many operations run here at the same time. Beyond that, one more may run for each user who has no operation
   * here.
   * @default 4
   */
  concurrency?: number;
  /**
   * Removes from a task what an operation may not show, because more people may read operations than tasks.
   * @default shows all of it
   */
  shown?: ((task: TaskView) => TaskView) | undefined;
  onMoved?(spec: OperationSpec, moved: Moved): void;
  /** Called with the error that makes an operation fail. */
  onFailed?(error: HoldfastError): void;
  onEnded?(view: OperationView, spec: OperationSpec): void;
  onError?(error: HoldfastError): void;
}

/** Runs operations. Each runs in one process at a time; one whose process has died is continued by another process. */
export class OperationRunner {
  readonly #options: OperationRunnerOptions;
  readonly #partitions: PartitionRegistry;
  readonly #abort = new AbortController();
  /** The operations that run here, each with the user whose limit it counts for; "" for nobody's. */
  readonly #running = new Map<Promise<void>, string>();
  #loop: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: OperationRunnerOptions) {
    this.#options = options;
    this.#partitions = new PartitionRegistry(options.client);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Looks for operations now, because one was just created. */
  nudge(): void {
    this.#wake?.();
  }

  /** Runs one operation until it ends, however many others run here, unless another process runs it. */
  async runNow(id: string): Promise<void> {
    await (await this.#claim({ only: id }))?.ended;
  }

  /**
   * Stops all operations here after their present batches, so that other processes can continue them. May be called
   * several times.
   */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#wake?.();
    await this.#loop;
    await Promise.all(this.#running.keys());
  }

  async #run(): Promise<void> {
    const { pollMs = 500, concurrency = 4 } = this.#options;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        // If there is no room, users with operations here are skipped, so that they do not delay the operations of
        // others.
        const passOver = () => (this.#running.size < concurrency ? [] : [...new Set(this.#running.values())]);
        while (!signal.aborted && (await this.#claim({ passOver: passOver() })));
      } catch (error) {
        this.#options.onError?.(asHoldfastError(error));
      }
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Takes an operation and runs it. @returns undefined if there is none */
  async #claim(which: { only?: string; passOver?: string[] }): Promise<{ ended: Promise<void> } | undefined> {
    const { client, leaseMs = 5_000 } = this.#options;
    const owner = nanoid();
    const operation = await client.operations.claim(owner, leaseMs, which);
    if (!operation) return undefined;
    const running: Promise<void> = this.#runOne(operation, owner, leaseMs)
      .catch((error: unknown) => this.#options.onError?.(asHoldfastError(error)))
      .finally(() => {
        this.#running.delete(running);
        this.#wake?.();
      });
    this.#running.set(running, operation.share);
    return { ended: running };
  }

  async #runOne(operation: ClaimedOperation, owner: string, leaseMs: number): Promise<void> {
    const { client, shown, onMoved, onFailed, onEnded } = this.#options;
    const run = new OperationRun(operation, {
      store: client.operations,
      owner,
      leaseMs,
      work: await this.#workOf(operation),
      shown,
      signal: this.#abort.signal,
      onMoved: ({ spec }, moved) => onMoved?.(spec, moved),
      onFailed,
    });
    const ended = await run.run();
    if (ended) onEnded?.(ended, operation.spec);
  }

  async #workOf(operation: ClaimedOperation): Promise<Work> {
    const { producer } = this.#options;
    const { kind, queue, to } = operation.spec;
    if (kind === "burst") return burstWork(operation, producer(queue));
    const parts = await this.#partitions.parts(queue);
    switch (kind) {
      case "replay": {
        const target = to === undefined || to === queue ? null : await this.#partitions.parts(to);
        return replayWork(operation, parts, target);
      }
      case "discard":
        return discardWork(operation, parts);
      case "restore":
        return restoreWork(operation, parts);
      case "change":
        return changeWork(operation, parts);
      case "empty":
        return emptyWork(operation, parts);
      default:
        throw new HoldfastError(
          "internal",
          `an operation of kind ${String(kind)} is unknown to this version`,
        );
    }
  }
}
