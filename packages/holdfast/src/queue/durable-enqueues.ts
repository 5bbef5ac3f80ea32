import type { TaskOptions } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { DurabilityWish } from "../redis/durability.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import { UnderWay } from "../under-way.ts";
import type { CallBuffer } from "./call-buffer.ts";
import type { DurabilityGate } from "./durability.ts";
import type { NewTasks } from "./new-task.ts";
import type { PartOpening } from "./part-opening.ts";
import type { EnqueueReceipt } from "./receipt.ts";

/** What the enqueues of one part of a queue share. */
export interface PartState {
  readonly client: Holdfast;
  readonly queue: string;
  readonly durability: DurabilityGate;
  readonly opening: PartOpening;
  readonly tasks: NewTasks;
  readonly buffer: CallBuffer;
}

interface DurableTask {
  readonly type: string;
  readonly payloadText: string;
  readonly options: TaskOptions | undefined;
  readonly trace: TraceContext | undefined;
}

/** The enqueues of one part of a queue that wait until a disk or a replica has confirmed their tasks. */
export class DurableEnqueues {
  readonly #part: PartState;
  readonly #confirming = new UnderWay();

  constructor(part: PartState) {
    this.#part = part;
  }

  /**
   * Enqueues a task. Its id is looked up even if the library minted it, and the library makes its fingerprint. If the
   * outcome is unknown, the caller sends the task again with this id.
   */
  add(task: DurableTask): Promise<EnqueueReceipt> {
    return this.#confirming.add(this.#add(task));
  }

  async #add({ type, payloadText, options, trace }: DurableTask): Promise<EnqueueReceipt> {
    const { client, durability, tasks, buffer } = this.#part;
    const wish = this.#wishOf(options);
    const id = options?.id ?? tasks.mintId();
    const now = client.connection.now();
    const prepared = tasks.prepare(type, payloadText, { ...options, id }, undefined, now, trace);
    await durability.refuseImpossible(wish);
    const receipt = await buffer.add(prepared);
    await durability.confirm(receipt.id, wish);
    return { ...receipt, durability: wish.durability };
  }

  /** See `QueuePart.storeNodes`. */
  storeNodes<Result>(flow: string, call: () => Promise<Result>): Promise<Result> {
    return this.#confirming.add(this.#storeNodes(flow, call));
  }

  async #storeNodes<Result>(flow: string, call: () => Promise<Result>): Promise<Result> {
    const { durability, opening } = this.#part;
    const refusal = await opening.refusal();
    if (refusal) throw refusal;
    if (durability.default === "memory") return call();
    const wish = this.#wishOf(undefined);
    await durability.refuseImpossible(wish);
    const result = await call();
    await durability.confirm(flow, wish);
    return result;
  }

  /** Resolves when no enqueue waits any more. */
  ended(): Promise<void> {
    return this.#confirming.ended();
  }

  /** Called only for a durability other than "memory". */
  #wishOf(options: TaskOptions | undefined): DurabilityWish {
    const durability = (options?.durability ?? this.#part.durability.default) as DurabilityWish["durability"];
    return { durability, replicas: durability === "replicated" ? (options?.replicas ?? 1) : 0 };
  }
}
