import { asHoldfastError, type ChangeResult, HoldfastError, type TaskChange } from "@holdfast/contracts";
import type { TaskColumns } from "@holdfast/contracts/task-json";
import type { Holdfast } from "../client.ts";
import { changeTasks, checkChange } from "../engine/change.ts";
import type { Engine } from "../engine/engine.ts";
import { checkTaskId } from "../engine/names.ts";
import { partsChanged } from "../engine/registry.ts";
import { flatTask, type NewTask, taskKinds } from "../engine/task-options.ts";
import { checkArgument } from "../options/shape.ts";
import { PartRouter, type RoutedTask } from "../partitions/part-router.ts";
import { mintPartitionId } from "../partitions/partition-names.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import { Parts, samePartitions } from "../partitions/parts.ts";
import type { ViewedBytes } from "../redis/tail-bytes.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import { UnderWay } from "../under-way.ts";
import { type ColumnsResult, toTasks } from "./columns.ts";
import type { QueueOptions } from "./queue-options.ts";
import { type AskedTask, QueuePart } from "./queue-part.ts";
import type { EnqueueResult } from "./receipt.ts";
import { givenId } from "./task-checks.ts";

interface Batch {
  places: number[];
  tasks: NewTask[];
}

/** The parts of a queue, for its producer. They are read at first use, and again when they have changed. */
export class QueueParts {
  /** The only part, as most queues have just one. Undefined if there are several, or if they are not known yet. */
  only: QueuePart | undefined;
  readonly #client: Holdfast;
  readonly #queue: string;
  readonly #options: QueueOptions;
  readonly #registry: PartitionRegistry;
  readonly #router = new PartRouter();
  #parts: Parts | undefined;
  /** The parts that were used, by name. */
  readonly #used = new Map<string, QueuePart>();
  #looking: Promise<Parts> | undefined;
  /** Tasks that are sent again to another partition. `close` waits for them. */
  readonly #moving = new UnderWay();

  constructor(client: Holdfast, queue: string, options: QueueOptions) {
    this.#client = client;
    this.#queue = queue;
    this.#options = options;
    this.#registry = new PartitionRegistry(client);
  }

  get isKnown(): boolean {
    return this.#parts !== undefined;
  }

  /** @throws HoldfastError as `Queue.ready` */
  async known(): Promise<Parts> {
    return this.#parts ?? this.lookAgain();
  }

  lookAgain(): Promise<Parts> {
    this.#looking ??= this.#lookUp().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookUp(): Promise<Parts> {
    const { partitions: count, mintId } = this.#options;
    try {
      // After the first look-up the option is ignored, because the queue may have more partitions by now.
      const found = this.#parts || count === undefined ? await this.#registry.get(this.#queue) : null;
      const partitions =
        found ?? (count === undefined ? null : await this.#registry.open(this.#queue, count));
      if (partitions && mintId !== undefined)
        throw new HoldfastError(
          "invalid_argument",
          `queue "${this.#queue}" has partitions, and each id has to name its partition: leave mintId out`,
        );
      this.#parts = new Parts(this.#client, this.#queue, partitions);
      this.only = this.#parts.all.length === 1 ? this.#part(this.#parts, 0) : undefined;
      return this.#parts;
    } catch (error) {
      throw asHoldfastError(error);
    }
  }

  async ready(): Promise<void> {
    const parts = await this.known();
    await Promise.all(parts.all.map((_, place) => this.#part(parts, place).ready()));
  }

  /** Returns the part for a task. @throws HoldfastError invalid_task_id if the id names an unknown partition */
  async partFor(task: RoutedTask | undefined): Promise<QueuePart> {
    let parts = await this.known();
    let place = this.#router.placeFor(parts, task);
    if (place < 0) {
      // The id may be from a process that knows of more partitions than this one.
      parts = await this.lookAgain();
      place = this.#router.placeFor(parts, task);
    }
    if (place >= 0) return this.#part(parts, place);
    throw new HoldfastError(
      "invalid_task_id",
      `"${task?.id}" names a partition that queue "${this.#queue}" does not have`,
      { taskId: task?.id as string },
    );
  }

  /** Sends each task to its partition, in one batch per partition. Returns the results in the order of the tasks. */
  async addMany(tasks: readonly NewTask[], trace: TraceContext | undefined): Promise<EnqueueResult[]> {
    return this.#withMissed(tasks, await this.#spread(tasks, trace), trace);
  }

  /** Enqueues tasks in columns: see `Queue.enqueueColumns`. @param headers the result of `headersOf` */
  async addColumns(
    tasks: TaskColumns,
    headers: Map<string, ViewedBytes>,
    trace: TraceContext | undefined,
  ): Promise<ColumnsResult> {
    if (this.only === undefined) return { ids: null, results: await this.addMany(toTasks(tasks), trace) };
    const done = await this.only.batches.addColumns(tasks, headers, trace);
    if (done.ids) return done;
    return { ids: null, results: await this.#withMissed(toTasks(tasks), done.results, trace) };
  }

  /** Sends a task to the partition to which it belongs now, because the number of partitions has changed. */
  async #moved(task: AskedTask): Promise<void> {
    await this.lookAgain().catch(() => {});
    const { type, payloadText, options, trace } = task;
    try {
      const [result] = await this.addMany([{ type, payloadText, ...options }], trace);
      if (result?.ok) task.resolve(result.receipt);
      else task.reject(result?.error);
    } catch (error) {
      task.reject(error);
    }
  }

  /** Sends tasks again if they were refused because the number of partitions has changed. */
  async #withMissed(
    tasks: readonly NewTask[],
    results: EnqueueResult[],
    trace: TraceContext | undefined,
  ): Promise<EnqueueResult[]> {
    const missed = results.flatMap((result, at) => (!result.ok && partsChanged(result.error) ? [at] : []));
    if (missed.length === 0) return results;
    const missing = missed.map((at) => tasks[at] as NewTask);
    try {
      const again = await this.#moving.add(this.lookAgain().then(() => this.#spread(missing, trace)));
      for (const [i, at] of missed.entries()) results[at] = again[i] as EnqueueResult;
    } catch (error) {
      // Some tasks of the batch are stored, so each task that is not gets the error as its result.
      if (missed.length === results.length) throw error;
      for (const at of missed) results[at] = refusedFor(tasks[at], error);
    }
    return results;
  }

  async #spread(tasks: readonly NewTask[], trace: TraceContext | undefined): Promise<EnqueueResult[]> {
    if (this.only) return this.only.batches.addMany(tasks, trace);
    const results = new Array<EnqueueResult>(tasks.length);
    const batches = new Map<QueuePart, Batch>();
    for (const [place, given] of tasks.entries()) {
      try {
        const task = flatTask(given);
        const part = await this.partFor(task);
        const batch = batches.get(part) ?? { places: [], tasks: [] };
        batch.places.push(place);
        batch.tasks.push(task);
        batches.set(part, batch);
      } catch (error) {
        results[place] = refusedFor(given, error);
      }
    }
    let failed = 0;
    const send = async (part: QueuePart, { places, tasks: own }: Batch) => {
      const done = await part.batches.addMany(own, trace).catch((error: unknown) => {
        // Other batches may have been stored, so each task of this one gets the error as its result.
        if (++failed === batches.size) throw error;
        return own.map((task) => refusedFor(task, error));
      });
      for (const [i, place] of places.entries()) results[place] = done[i] as EnqueueResult;
    };
    await Promise.all([...batches].map(([part, batch]) => send(part, batch)));
    return results;
  }

  /** Returns the part in which a flow is created. */
  async partOfFlow(id: string): Promise<QueuePart> {
    const parts = await this.known();
    return this.#part(parts, Math.max(0, parts.placeOf(id)));
  }

  /** Looks for a task where its id says, and once more if the number of partitions has changed meanwhile. */
  async look<Found>(id: string, none: Found, look: (engine: Engine) => Promise<Found>): Promise<Found> {
    checkTaskId(id);
    const parts = await this.known();
    for (const { engine } of parts.allOfId(id)) {
      const found = await look(engine);
      if (found !== none) return found;
    }
    const now = await this.lookAgain();
    const other = samePartitions(now.partitions, parts.partitions) ? undefined : now.ofId(id)?.engine;
    return other ? look(other) : none;
  }

  /** Changes a waiting task. @throws as `Queue.change` */
  async change(id: string, change: TaskChange): Promise<ChangeResult> {
    const checked = checkChange(change);
    const found = await this.look<ChangeResult | null>(id, null, async (engine) => {
      if (checked.key) (await this.known()).checkKeyOf(id, checked.key);
      const [result] = await changeTasks(engine, [id], checked);
      return result && result.outcome !== "not_found" ? result : null;
    });
    return found ?? { id, outcome: "not_found" };
  }

  /** Sends all collected tasks. */
  async close(): Promise<void> {
    await Promise.all([...this.#used.values()].map((part) => part.close()));
    await new Promise(setImmediate);
    await this.#moving.ended();
  }

  #part({ all, partitions }: Parts, place: number): QueuePart {
    const { name, engine } = all[place] as Parts["all"][number];
    let part = this.#used.get(name);
    if (part === undefined) {
      const { lingerMs = 0, mintId: mint } = this.#options;
      const checked = mint && (() => checkArgument("the id that mintId returned", taskKinds.id, mint()));
      const mintId = partitions ? () => mintPartitionId(place) : checked;
      const onMoved = (task: AskedTask) => void this.#moving.add(this.#moved(task));
      part = new QueuePart(this.#client, engine, { lingerMs, mintId, onMoved });
      this.#used.set(name, part);
    }
    return part;
  }
}

function refusedFor(task: NewTask | undefined, error: unknown): EnqueueResult {
  return { ok: false, id: givenId(task), error: asHoldfastError(error) };
}
