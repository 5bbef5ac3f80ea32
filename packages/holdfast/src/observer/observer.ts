import {
  type BulkChange,
  type ChangeResult,
  type ErrorCode,
  HoldfastError,
  type QueueSettings,
  type QueueStats,
  type StaleVerdict,
  type TaskChange,
  type TaskView,
  type WorkerView,
} from "@holdfast/contracts";
import { clientOf, type Holdfast } from "../client.ts";
import { type AuditReport, auditParts } from "../engine/audit.ts";
import { readKeys } from "../engine/limits.ts";
import { checkTaskId, queueOfPartition } from "../engine/names.ts";
import { readStale } from "../engine/stale-ledger.ts";
import { taskView } from "../engine/task-view.ts";
import { runBulk } from "../operations/bulk.ts";
import { checkArgument, checkShape } from "../options/shape.ts";
import { mergeByQueue, mergeSettings, mergeStats, splitSettings } from "../partitions/merge-stats.ts";
import { checkPartitionedName, PartitionRegistry } from "../partitions/partition-registry.ts";
import { type Part, type Parts, perId } from "../partitions/parts.ts";
import { changeIds, checkBulkChange } from "./change.ts";
import { type DeadLetterGroups, deadLetterGroups } from "./dead-groups.ts";
import { type DiscardResult, discardDead, type ReplayResult, replayIds } from "./dead-letters.ts";
import { deleteParts, type EmptiedState, emptyPart } from "./emptied.ts";
import { bulkMatcherOf, type DeadLetterFilter, type TaskFilter } from "./filter.ts";
import { type GivenUp, type GiveUpResult, giveUpTasks } from "./give-up.ts";
import { Limits } from "./limits.ts";
import { type MatchedState, matchTasks, type TaskMatch } from "./match.ts";
import * as checks from "./observer-options.ts";
import { queueStats } from "./queue-stats.ts";
import { RateMeter } from "./rate-meter.ts";
import { type ListOptions, listTasks, type TaskPage } from "./task-list.ts";
import { explain, positionOf, type Why } from "./why.ts";
import { workersOf } from "./workers.ts";

export type { BulkOptions, ObserverOptions } from "./observer-options.ts";

/** Shows all queues to an operator, and acts on them. A queue with partitions is one queue here. */
export class Observer {
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
    this.#ownsClient = isOwn;
    this.#client = client;
    this.#partitions = new PartitionRegistry(client);
    this.limits = new Limits(client, this.#partitions);
  }

  async queues(): Promise<string[]> {
    await this.#client.check();
    const names = await this.#client.registry.queues();
    return [...new Set(names.map((name) => queueOfPartition(name) ?? name))].sort();
  }

  /** Counts the tasks of a queue, of all its partitions together. @throws HoldfastError queue_not_found */
  async stats(queue: string): Promise<QueueStats> {
    const { all, partitions } = await this.#partitions.known(queue);
    const parts = await Promise.all(all.map((part) => this.#statsOf(part)));
    return mergeStats(queue, parts, partitions?.count ?? null);
  }

  /** The stats of every queue. */
  async snapshot(): Promise<QueueStats[]> {
    await this.#client.check();
    const names = await this.#client.registry.queues();
    const all = await Promise.all(
      names.map((name) => this.#statsOf({ name, engine: this.#client.engine(name) })),
    );
    return mergeByQueue(all);
  }

  async task(queue: string, id: string): Promise<TaskView | null> {
    checkTaskId(id);
    return this.#taskIn(queue, (await this.#partitions.known(queue)).ofId(id), id);
  }

  /**
   * One page of the tasks in a state. With a filter, the search ends when enough tasks match or 1,000 tasks were
   * scanned. So a page can be short although it has a cursor. The partitions of a queue follow one another, and the
   * tasks are in order within each.
   * @throws HoldfastError invalid_argument (also for a filter with an unknown field), invalid_cursor, queue_not_found
   */
  async list(queue: string, options: ListOptions): Promise<TaskPage> {
    return listTasks(await this.#partitions.known(queue), options);
  }

  async why(queue: string, id: string): Promise<Why | null> {
    checkTaskId(id);
    const part = (await this.#partitions.known(queue)).ofId(id);
    const task = await this.#taskIn(queue, part, id);
    if (!part || !task) return null;
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
   * Dead letters with the same type, reason and error. @param options.scan how many of the newest are looked at
   * @default 10_000
   */
  async deadLetterGroups(queue: string, options: checks.GroupOptions = {}): Promise<DeadLetterGroups> {
    checkShape(checks.groupShape, options);
    return deadLetterGroups(await this.#partitions.known(queue), options);
  }

  /**
   * Replays dead letters, at most 500.
   * @param options.payloadText replaces the payload; needs exactly one id
   * @param options.force also replays tasks whose unique key another task holds
   * @returns one result per id, in the order given
   */
  async replay(
    queue: string,
    ids: readonly string[],
    options: checks.ReplayOptions = {},
  ): Promise<ReplayResult[]> {
    checkShape(checks.replayShape, options);
    return replayIds(await this.#partitions.known(queue), ids, options, (to) => this.#partitions.opened(to));
  }

  /**
   * Replays every dead letter that matches and was there at the call, oldest first, as an operation that runs here. It is
   * listed with the others, can be paused and cancelled, and a service continues it if this process ends. Tasks whose unique key another
   * task holds are skipped, unless `options.force` is true.
   * @throws HoldfastError invalid_argument (a filter that is not known, too), queue_not_found, rate_limited (too many
   * operations run), conflict (somebody cancelled it)
   */
  async replayAll(
    queue: string,
    filter: DeadLetterFilter = {},
    options: checks.BulkOptions = {},
  ): Promise<{ replayed: number; skipped: number }> {
    const { replayed = 0, skipped = 0 } = await this.#bulk("replay", queue, filter, options);
    return { replayed, skipped };
  }

  /** Discards dead letters, at most 500. @returns one result per id, in the order given */
  async discard(queue: string, ids: readonly string[]): Promise<DiscardResult[]> {
    return perId(await this.#partitions.known(queue), ids, (part, own) => discardDead(part.engine, own));
  }

  /**
   * Makes dead letters of scheduled tasks that died in another system. The call can be repeated. The totals of the
   * queue do not count these tasks as dead-lettered, since they did not fail here. At most 500 tasks.
   * @returns one result per task, in the order given
   * @throws HoldfastError invalid_*, queue_not_found
   */
  async giveUp(queue: string, tasks: readonly GivenUp[]): Promise<GiveUpResult[]> {
    return giveUpTasks(await this.#partitions.known(queue), tasks);
  }

  /**
   * Discards every dead letter that matches, as an operation like that of `replayAll`. It can be undone for ten
   * minutes.
   */
  async discardAll(
    queue: string,
    filter: DeadLetterFilter = {},
    options: checks.BulkOptions = {},
  ): Promise<{ discarded: number; skipped: number }> {
    const { discarded = 0, skipped = 0 } = await this.#bulk("discard", queue, filter, options);
    return { discarded, skipped };
  }

  async countDead(queue: string, filter: DeadLetterFilter = {}): Promise<number> {
    return (await this.matchDead(queue, filter)).matched;
  }

  /** Counts the dead letters that match. @param bounds how far to look in each partition */
  async matchDead(
    queue: string,
    filter: DeadLetterFilter = {},
    bounds: checks.MatchBounds = {},
  ): Promise<TaskMatch> {
    return this.#match("dead", queue, filter, bounds);
  }

  /** Counts the scheduled tasks that match, as `matchDead` counts dead letters. */
  async matchScheduled(
    queue: string,
    filter: TaskFilter = {},
    bounds: checks.MatchBounds = {},
  ): Promise<TaskMatch> {
    return this.#match("scheduled", queue, filter, bounds);
  }

  async #match(state: MatchedState, queue: string, filter: TaskFilter, bounds: checks.MatchBounds) {
    checkShape(checks.matchShape, bounds);
    bulkMatcherOf(filter);
    return matchTasks(await this.#partitions.known(queue), state, filter, bounds);
  }

  /**
   * Gives tasks that wait another time, priority, key or payload, all the same; at most 500 ids.
   * @param change a payload goes with exactly one id
   * @returns one result per id, in the order given
   * @throws HoldfastError invalid_*, payload_too_large, queue_not_found
   */
  async change(queue: string, ids: readonly string[], change: TaskChange): Promise<ChangeResult[]> {
    return changeIds(await this.#partitions.known(queue), ids, change);
  }

  /**
   * Changes every scheduled task that matches and was scheduled at the call, as `replayAll` replays dead letters. `{ delayMs: 0 }` runs all
   * of them now, retries among them.
   * @throws HoldfastError as `replayAll`
   */
  async changeAll(
    queue: string,
    filter: TaskFilter,
    change: BulkChange,
    options: Omit<checks.BulkOptions, "to"> = {},
  ): Promise<{ changed: number; skipped: number }> {
    const done = await this.#bulk("change", queue, filter, options, checkBulkChange(change));
    return { changed: done.changed ?? 0, skipped: done.skipped ?? 0 };
  }

  async cancel(queue: string, id: string): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    checkTaskId(id);
    const part = (await this.#partitions.known(queue)).ofId(id);
    return part ? part.engine.cancel(id) : "not_found";
  }

  /** Verdicts that came too late, newest first, at most 100. @throws HoldfastError queue_not_found */
  async staleVerdicts(queue: string, limit = 100): Promise<StaleVerdict[]> {
    checkArgument("limit", checks.staleLimit, limit);
    return readStale(await this.#partitions.known(queue), limit);
  }

  /**
   * Pauses a queue. A queue that does not exist is created.
   * @param by the operator, shown with the paused queue as `pausedBy`
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

  /** @throws HoldfastError queue_not_found */
  async resume(queue: string): Promise<void> {
    await this.#inOrder(() =>
      this.#partitions.onAll(
        () => this.#partitions.known(queue),
        ({ engine }) => engine.pause(false),
      ),
    );
  }

  /**
   * Changes settings of a queue. A queue that does not exist is created. The limit of waiting tasks and the number of
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

  /** The number of partitions of a queue; null if it has none. */
  async partitions(queue: string): Promise<number | null> {
    return (await this.#partitions.get(queue))?.count ?? null;
  }

  /**
   * Gives a queue this number of partitions, or raises their number. New partitions get the settings and the pause of
   * the others. Tasks stay in their partition. Workers find new partitions within `watchMs`. Running producers find
   * them when they start again, or when they meet an id of a new partition.
   * @throws HoldfastError conflict if the queue has more partitions, or has tasks but no partitions
   */
  async partition(queue: string, count: number): Promise<{ partitions: number }> {
    return { partitions: await this.#partitions.set(checkPartitionedName(queue), count) };
  }

  /** Removes every task that is in one of these states. Running tasks are left alone. */
  async empty(queue: string, states: readonly EmptiedState[]): Promise<{ removed: number }> {
    checkArgument("states", checks.emptiedStates, states);
    const removed = await each(await this.#partitions.known(queue), ({ engine }) =>
      emptyPart(engine, states),
    );
    return { removed: sum(removed, (count) => count) };
  }

  /**
   * Removes a queue and all its tasks. If somebody enqueues to it later, it becomes a new queue.
   * @throws HoldfastError queue_not_paused, queue_busy (tasks are processing or were added), queue_not_found
   */
  async deleteQueue(queue: string): Promise<{ removed: number }> {
    const parts = await this.#partitions.known(queue);
    // Refuses before the first part is deleted, as far as the reasons can be seen here.
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

  /** @param options.tasks adds the tasks that each worker runs */
  async workers(options: { tasks?: boolean } = {}): Promise<WorkerView[]> {
    checkShape(checks.workersShape, options);
    await this.#client.check();
    return workersOf(this.#client, options.tasks ?? false);
  }

  /** Ids of the janitors that run. Janitors that do not look after schedules are left out. */
  async janitors(): Promise<string[]> {
    await this.#client.check();
    return this.#client.registry.janitors();
  }

  /**
   * Tells one worker to acquire no more tasks. The worker hands back the tasks that it has not begun, and ends the
   * running ones. It obeys with its next heartbeat, within two seconds, and is `drained` when it holds no tasks.
   * @throws HoldfastError not_found
   */
  async drainWorker(id: string): Promise<void> {
    await this.#tellWorker(id, true);
  }

  /** Lets a draining worker acquire tasks again. @throws HoldfastError not_found */
  async resumeWorker(id: string): Promise<void> {
    await this.#tellWorker(id, false);
  }

  async audit(queue: string, options: { repair?: boolean } = {}): Promise<AuditReport> {
    checkShape(checks.auditShape, options);
    return auditParts(await this.#partitions.known(queue), options);
  }

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

  async #taskIn(queue: string, part: Part | undefined, id: string): Promise<TaskView | null> {
    const [raw] = part ? await part.engine.get([id]) : [];
    return raw ? taskView(queue, raw) : null;
  }

  /**
   * Keeps the order of calls: a pause and a resume take effect in the order in which they were called, even if they are
   * not awaited.
   */
  #inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#callsBefore.then(call);
    this.#callsBefore = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** @returns the number of tasks by outcome */
  async #bulk(
    kind: "replay" | "discard" | "change",
    queue: string,
    filter: TaskFilter,
    options: checks.BulkOptions,
    change?: BulkChange,
  ): Promise<Record<string, number>> {
    checkShape(checks.bulkShape, options);
    if (options.to !== undefined && kind !== "replay")
      throw new HoldfastError("invalid_argument", "to goes with a replay: replayAll(queue, filter, { to })");
    options.signal?.throwIfAborted();
    const { matched: total } = await this.#match(change ? "scheduled" : "dead", queue, filter, {});
    return runBulk(this.#client, { kind, queue, filter, total, ...(change ? { change } : {}) }, options);
  }
}

const sum = <Item>(items: readonly Item[], of: (item: Item) => number) =>
  items.reduce((total, item) => total + of(item), 0);

const each = <Result>({ all }: Parts, act: (part: Part) => Promise<Result>) => Promise.all(all.map(act));
