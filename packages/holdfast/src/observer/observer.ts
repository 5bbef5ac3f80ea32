import {
  type ErrorCode,
  type ErrorMute,
  type ErrorsView,
  type FlowGraph,
  type FlowNodePage,
  type FlowPage,
  type FlowView,
  HoldfastError,
  type QueueSettings,
  type QueueStats,
  type WorkerView,
} from "@holdfast/contracts";
import { clientOf, type Holdfast } from "../client.ts";
import { type AuditReport, auditParts } from "../engine/audit.ts";
import { readKeys } from "../engine/limits.ts";
import { checkTaskId, queueOfPartition } from "../engine/names.ts";
import {
  cancelFlowIn,
  type FlowNodesOptions,
  type FlowsOptions,
  flowGraph,
  flowNodes,
  getFlow,
  listFlows,
} from "../flows/read-flow.ts";
import { whySkipped } from "../flows/why-skipped.ts";
import { whyWaiting } from "../flows/why-waiting.ts";
import { Limits } from "../limits/limits.ts";
import { checkArgument, checkShape } from "../options/shape.ts";
import { mergeByQueue, mergeSettings, mergeStats, splitSettings } from "../partitions/merge-stats.ts";
import { checkPartitionedName, PartitionRegistry } from "../partitions/partition-registry.ts";
import type { Part, Parts } from "../partitions/parts.ts";
import { deleteParts, type EmptiedState, emptyPart } from "./emptied.ts";
import { errorsOf, joinErrors, type MuteOptions, muteErrorIn } from "./errors.ts";
import * as checks from "./observer-options.ts";
import { queueStats } from "./queue-stats.ts";
import { RateMeter } from "./rate-meter.ts";
import { findTask } from "./task-list.ts";
import { TaskOperator } from "./task-operator.ts";
import { explain, positionOf, type Why } from "./why.ts";
import { workersOf } from "./workers.ts";

export type { BulkOptions, ObserverOptions } from "./observer-options.ts";

/** Shows all queues to an operator, and acts on them. A queue with partitions is shown as one queue. */
export class Observer extends TaskOperator {
  #callsBefore: Promise<void> = Promise.resolve();
  readonly #client: Holdfast;
  readonly #ownsClient: boolean;
  readonly #partitions: PartitionRegistry;
  readonly #rates = new RateMeter();
  /** The limits of queues, and the keys of their tasks. */
  readonly limits: Limits;

  /** @throws HoldfastError invalid_argument */
  constructor(options: checks.ObserverOptions) {
    checkShape(checks.observerShape, options);
    const { client, isOwn } = clientOf(options);
    const partitions = new PartitionRegistry(client);
    super(client, partitions);
    this.#ownsClient = isOwn;
    this.#client = client;
    this.#partitions = partitions;
    this.limits = new Limits(client, partitions);
  }

  /** Lists the names of all queues in alphabetical order. @throws HoldfastError redis_* */
  async queues(): Promise<string[]> {
    await this.#client.check();
    const names = await this.#client.registry.queues();
    return [...new Set(names.map((name) => queueOfPartition(name) ?? name))].sort();
  }

  /**
   * Counts the tasks of a queue. The counts of its partitions are added up.
   * @throws HoldfastError queue_not_found
   */
  async stats(queue: string): Promise<QueueStats> {
    const { all, partitions } = await this.#partitions.known(queue);
    const parts = await Promise.all(all.map((part) => this.#statsOf(part)));
    return mergeStats(queue, parts, partitions?.count ?? null);
  }

  /** Counts the tasks of every queue. */
  async snapshot(): Promise<QueueStats[]> {
    await this.#client.check();
    const names = await this.#client.registry.queues();
    const all = await Promise.all(
      names.map((name) => this.#statsOf({ name, engine: this.#client.engine(name) })),
    );
    return mergeByQueue(all);
  }

  /**
   * Returns the state and the counts of a flow; null if there is no such flow.
   * @throws HoldfastError invalid_argument, queue_not_found
   */
  async getFlow(queue: string, id: string): Promise<FlowView | null> {
    return getFlow(await this.#partitions.known(queue), id);
  }

  /**
   * Returns a page of the nodes of a flow, in the order in which they were added.
   * @throws HoldfastError invalid_*, not_found, queue_not_found
   */
  async flowNodes(queue: string, id: string, options: FlowNodesOptions = {}): Promise<FlowNodePage> {
    return flowNodes(await this.#partitions.known(queue), id, options);
  }

  /**
   * Returns the graph of a flow with its critical path. In a large flow, several nodes share a box, so that the size of
   * the graph is limited. At most 10,000 nodes are read.
   * @throws HoldfastError invalid_*, not_found, queue_not_found
   */
  async flowGraph(queue: string, id: string): Promise<FlowGraph> {
    return flowGraph(await this.#partitions.known(queue), id);
  }

  /** Returns a page of the flows of a queue. @throws HoldfastError invalid_*, queue_not_found */
  async flows(queue: string, options: FlowsOptions = {}): Promise<FlowPage> {
    return listFlows(await this.#partitions.known(queue), options);
  }

  /**
   * Cancels a flow: none of its nodes starts after this call. Waiting nodes end soon, and running ones are asked to
   * stop.
   */
  async cancelFlow(queue: string, id: string): Promise<"cancelled" | "too_late" | "not_found"> {
    return cancelFlowIn(await this.#partitions.known(queue), id);
  }

  /**
   * Explains why a task does not run, or what it waits for; null if there is no such task. @throws HoldfastError
   * invalid_task_id
   */
  async why(queue: string, id: string): Promise<Why | null> {
    checkTaskId(id);
    const parts = await this.#partitions.known(queue);
    const found = await findTask(parts, id);
    if (!found) return null;
    const { part, task } = found;
    if (task.state === "waiting") return whyWaiting(part.engine, queue, task);
    const cause = task.flow?.skippedBy;
    if (cause) return whySkipped(task, cause, (await findTask(parts, cause))?.task ?? null);
    const [stats, workers, janitors, position, limits, shared] = await Promise.all([
      this.#statsOf(part),
      this.workers(),
      this.janitors(),
      positionOf(part.engine, task),
      readKeys(part.engine, { keys: task.key === null ? [] : [task.key] }),
      this.#client.sharedLimits.all(),
    ]);
    const acksPerSecond = this.#rates.acksPerSecond(part.name);
    return explain(task, {
      stats,
      workers,
      janitors: janitors.length,
      position,
      limits,
      shared,
      acksPerSecond,
    });
  }

  /**
   * Pauses a queue. Creates the queue if it does not exist.
   * @param by the operator, shown as `pausedBy`
   * @throws HoldfastError invalid_queue_name
   */
  async pause(queue: string, reason = "", by = ""): Promise<void> {
    await this.#inOrder(() =>
      this.#partitions.onAll(
        () => this.#partitions.opened(queue),
        ({ engine }) => engine.pause(true, reason, by),
      ),
    );
  }

  /** Ends the pause of a queue. @throws HoldfastError queue_not_found */
  async resume(queue: string): Promise<void> {
    await this.#inOrder(() =>
      this.#partitions.onAll(
        () => this.#partitions.known(queue),
        ({ engine }) => engine.pause(false),
      ),
    );
  }

  /**
   * Changes settings of a queue. Creates the queue if it does not exist. The limit of waiting tasks and the number of
   * kept tasks are divided among the partitions, rounded up.
   * @throws HoldfastError invalid_*
   */
  async configure(queue: string, settings: Partial<QueueSettings>): Promise<QueueSettings> {
    checkShape(checks.settingsShape, settings);
    return this.#inOrder(async () =>
      mergeSettings(
        await this.#partitions.onAll(
          () => this.#partitions.opened(queue),
          ({ engine }, { all }) => engine.configure(splitSettings(settings, all.length)),
        ),
      ),
    );
  }

  /** Returns the number of partitions of a queue; null if it has none. */
  async partitions(queue: string): Promise<number | null> {
    return (await this.#partitions.get(queue))?.count ?? null;
  }

  /**
   * Gives a queue partitions, or raises their number to `count`. New partitions get the settings of the others, and are
   * paused if the others are. Tasks stay in their partition. Workers find new partitions within `watchMs`. Running
   * producers find them when they restart, or when they use the id of a task in a new partition.
   * @throws HoldfastError conflict if the queue has more partitions, or has tasks but no partitions
   */
  async partition(queue: string, count: number): Promise<{ partitions: number }> {
    return { partitions: await this.#partitions.set(checkPartitionedName(queue), count) };
  }

  /** Removes every task in these states. Running tasks are not removed. */
  async empty(queue: string, states: readonly EmptiedState[]): Promise<{ removed: number }> {
    checkArgument("states", checks.emptiedStates, states);
    const removed = await each(await this.#partitions.known(queue), ({ engine }) =>
      emptyPart(engine, states),
    );
    return { removed: sum(removed, (count) => count) };
  }

  /**
   * Deletes a queue with all its tasks. A later enqueue creates it again as a new queue.
   * @throws HoldfastError queue_not_paused, queue_busy (tasks are processing or were added), queue_not_found
   */
  async deleteQueue(queue: string): Promise<{ removed: number }> {
    const parts = await this.#partitions.known(queue);
    // All of these are checked before the first partition is deleted.
    const { paused, processing } = await this.stats(queue);
    const refuse = (code: ErrorCode, why: string): never => {
      throw new HoldfastError(code, `queue "${queue}" cannot be deleted ${why}`);
    };
    if (!paused) refuse("queue_not_paused", "while it runs: pause it first");
    if (processing > 0)
      refuse("queue_busy", `while ${processing} of its tasks are processing: wait until they have ended`);
    const removed = await deleteParts(this.#client, parts);
    const { partitions } = parts;
    const isDeleted = removed !== null && (!partitions || (await this.#partitions.forget(queue, partitions)));
    if (!isDeleted) refuse("queue_busy", "while it gets new tasks: stop its producers and try again");
    return { removed: removed as number };
  }

  /**
   * Returns the errors of some queues, with exact counts of failures and dead letters.
   * @param queues @default all queues
   * @throws HoldfastError queue_not_found
   */
  async errors(queues?: readonly string[]): Promise<ErrorsView> {
    const [names, workers] = await Promise.all([queues ?? this.queues(), this.workers()]);
    const views = names.map(async (queue) => errorsOf(queue, await this.#partitions.known(queue), workers));
    return joinErrors(await Promise.all(views));
  }

  /**
   * Mutes an error: it is left out of the list of open errors, but still counted.
   * @param options null ends the mute
   * @throws HoldfastError queue_not_found, not_found, invalid_argument
   */
  async muteError(
    queue: string,
    signature: string,
    options: MuteOptions | null = {},
  ): Promise<ErrorMute | null> {
    if (options !== null) checkShape(checks.muteShape, options);
    return muteErrorIn(await this.#partitions.known(queue), signature, options);
  }

  /** Returns the registered workers. @param options.tasks adds the tasks that each worker runs */
  async workers(options: { tasks?: boolean } = {}): Promise<WorkerView[]> {
    checkShape(checks.workersShape, options);
    await this.#client.check();
    return workersOf(this.#client, options.tasks ?? false);
  }

  /** Returns the ids of the running janitors that enqueue the tasks of schedules. */
  async janitors(): Promise<string[]> {
    await this.#client.check();
    return this.#client.registry.janitors();
  }

  /**
   * Tells a worker to acquire no more tasks. The worker hands back the tasks that it has not begun, and lets the
   * running ones end. It obeys at its next heartbeat, within two seconds, and is `drained` when it holds no tasks.
   * @throws HoldfastError not_found
   */
  async drainWorker(id: string): Promise<void> {
    await this.#tellWorker(id, true);
  }

  /** Tells a drained worker to acquire tasks again. @throws HoldfastError not_found */
  async resumeWorker(id: string): Promise<void> {
    await this.#tellWorker(id, false);
  }

  /**
   * Compares the indexes of a queue with the state records of its tasks. @throws HoldfastError queue_not_found, redis_*
   */
  async audit(queue: string, options: { repair?: boolean } = {}): Promise<AuditReport> {
    checkShape(checks.auditShape, options);
    return auditParts(await this.#partitions.known(queue), options);
  }

  /** Closes the connection if the observer opened it. May be called several times. */
  async close(): Promise<void> {
    if (this.#ownsClient) await this.#client.close();
  }

  async #tellWorker(id: string, draining: boolean): Promise<void> {
    await this.#client.check();
    if (!(await this.#client.registry.drainWorker(id, draining)))
      throw new HoldfastError("not_found", `there is no worker "${id}"`);
  }

  async #statsOf({ name, engine }: Part): Promise<QueueStats> {
    const stats = queueStats(name, await engine.stats());
    this.#rates.observe(stats);
    return stats;
  }

  /**
   * Makes calls in the order in which they came, even if the caller does not await them. Otherwise a resume could
   * overtake a pause.
   */
  #inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#callsBefore.then(call);
    this.#callsBefore = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}

const sum = <Item>(items: readonly Item[], of: (item: Item) => number) =>
  items.reduce((total, item) => total + of(item), 0);

const each = <Result>({ all }: Parts, act: (part: Part) => Promise<Result>) => Promise.all(all.map(act));
