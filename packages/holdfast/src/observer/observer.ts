import {
  HoldfastError,
  LIMITS,
  type QueueSettings,
  type QueueStats,
  type StaleVerdict,
  type TaskView,
  type WorkerView,
} from "@holdfast/contracts";
import { clientOf, type Holdfast } from "../client.ts";
import { type AuditReport, auditQueue } from "../engine/audit.ts";
import type { Engine } from "../engine/engine.ts";
import { checkQueueName, checkTaskId } from "../engine/names.ts";
import { readStale } from "../engine/stale-ledger.ts";
import { taskView } from "../engine/task-view.ts";
import { finishHere, localAuthor } from "../operations/finish-here.ts";
import { listOf, oneOf } from "../options/kinds.ts";
import { checkArgument, checkShape, shown } from "../options/shape.ts";
import {
  type DeadFacts,
  type DeadLetterGroups,
  type DiscardResult,
  discardDead,
  groupDead,
  pagesOfDead,
  type ReplayResult,
  replayHere,
  replayInto,
} from "./dead-letters.ts";
import { EMPTIED_STATES, type EmptiedState, INDEXES } from "./emptied.ts";
import { bulkMatcherOf, type DeadLetterFilter } from "./filter.ts";
import {
  auditShape,
  type BulkOptions,
  bulkShape,
  type GroupOptions,
  groupShape,
  type MatchBounds,
  matchShape,
  type ObserverOptions,
  observerShape,
  type ReplayOptions,
  replayShape,
  settingsShape,
  staleLimit,
  workersShape,
} from "./observer-options.ts";
import { queueStats } from "./queue-stats.ts";
import { RateMeter } from "./rate-meter.ts";
import { type ListOptions, listTasks, type TaskPage } from "./task-list.ts";
import { explain, type Why } from "./why.ts";

export type { BulkOptions, ObserverOptions } from "./observer-options.ts";

const EMPTY_TASKS = 250;
const POSITION_EXACT = 10_000;
const WORKER_LOST_MS = 10_000;
const emptiedStates = listOf(
  oneOf(...Object.keys(INDEXES)),
  `a list of ${Object.keys(INDEXES).join(", ")}`,
  0,
  Object.keys(INDEXES).length,
);

/** Sees every queue, and acts on them for an operator. */
export class Observer {
  #callsBefore: Promise<void> = Promise.resolve();
  readonly #client: Holdfast;
  readonly #ownsClient: boolean;
  readonly #rates = new RateMeter();

  /** @throws HoldfastError invalid_argument */
  constructor(options: ObserverOptions) {
    checkShape(observerShape, options);
    const { client, isOwn } = clientOf(options);
    this.#ownsClient = isOwn;
    this.#client = client;
  }

  async queues(): Promise<string[]> {
    await this.#client.check();
    return this.#client.registry.queues();
  }

  /** @throws HoldfastError queue_not_found */
  async stats(queue: string): Promise<QueueStats> {
    return this.#statsOf(await this.#known(queue));
  }

  async snapshot(): Promise<QueueStats[]> {
    await this.#client.check();
    const queues = await this.#client.registry.queues();
    return Promise.all(queues.map(async (queue) => this.#statsOf(this.#client.engine(queue))));
  }

  async task(queue: string, id: string): Promise<TaskView | null> {
    checkTaskId(id);
    const [raw] = await (await this.#known(queue)).get([id]);
    return raw ? taskView(queue, raw) : null;
  }

  /**
   * One page of the tasks in a state. With a filter pages are looked through until enough match or 1,000 tasks were
   * scanned: a page can be short and still have a cursor.
   * @throws HoldfastError invalid_argument (a filter that is not known, too), invalid_cursor, queue_not_found
   */
  async list(queue: string, options: ListOptions): Promise<TaskPage> {
    return listTasks(await this.#known(queue), options);
  }

  async why(queue: string, id: string): Promise<Why | null> {
    const engine = await this.#known(queue);
    const task = await this.task(queue, id);
    if (!task) return null;
    const [stats, workers, janitors] = await Promise.all([
      this.#statsOf(engine),
      this.workers(),
      this.janitors(),
    ]);
    const position = task.state === "pending" && !task.solo ? await this.#positionOf(engine, task) : null;
    const acksPerSecond = this.#rates.acksPerSecond(queue);
    return explain(task, { stats, workers, janitors: janitors.length, position, acksPerSecond });
  }

  /** Dead letters with the same type, reason and error. @param options.scan how many of the newest are looked at, 10,000 */
  async deadLetterGroups(queue: string, options: GroupOptions = {}): Promise<DeadLetterGroups> {
    checkShape(groupShape, options);
    const engine = await this.#known(queue);
    const stats = queueStats(queue, await engine.stats());
    const { scan = LIMITS.groupedDeadLetters, signal } = options;
    const newest: DeadFacts[] = [];
    for await (const page of pagesOfDead(engine, "last", signal)) {
      // Only what a group is made of is kept: the payloads of ten thousand tasks would not fit.
      for (const { id, type, deadReason, lastError, endedAt, diedAgain } of page.slice(
        0,
        scan - newest.length,
      ))
        newest.push({ id, type, deadReason, lastError, endedAt, diedAgain });
      if (newest.length >= scan) break;
    }
    return { ...groupDead(newest, stats.at), total: stats.dead };
  }

  /** At most 500 ids. @param options.payloadText replaces the payload; with exactly one id */
  async replay(queue: string, ids: readonly string[], options: ReplayOptions = {}): Promise<ReplayResult[]> {
    checkShape(replayShape, options);
    const engine = await this.#known(queue);
    this.#checkIds(ids);
    if (options.payloadText !== undefined && ids.length !== 1) {
      throw new HoldfastError("invalid_argument", "a new payload goes with exactly one id");
    }
    if (ids.length === 0) return [];
    if (options.to === undefined || options.to === queue)
      return replayHere(engine, ids, { payloadText: options.payloadText });
    if (options.payloadText !== undefined)
      throw new HoldfastError("invalid_argument", "a new payload and another queue exclude each other");
    checkQueueName(options.to);
    const target = this.#client.engine(options.to);
    await target.open();
    return replayInto(engine, target, ids);
  }

  /**
   * Replays every dead letter that matches and was there at the call, oldest first, as an operation that runs here. It is
   * listed with the others, can be paused and cancelled, and goes on in a service where this process ends.
   * @throws HoldfastError invalid_argument (a filter that is not known, too), queue_not_found, rate_limited (too many
   * operations run), conflict (somebody cancelled it)
   */
  async replayAll(
    queue: string,
    filter: DeadLetterFilter = {},
    options: BulkOptions = {},
  ): Promise<{ replayed: number; skipped: number }> {
    const { replayed = 0, skipped = 0 } = await this.#bulk("replay", queue, filter, options);
    return { replayed, skipped };
  }

  async discard(queue: string, ids: readonly string[]): Promise<DiscardResult[]> {
    const engine = await this.#known(queue);
    this.#checkIds(ids);
    return ids.length === 0 ? [] : discardDead(engine, ids);
  }

  /** Discards every dead letter that matches, as `replayAll` replays them; for ten minutes it can be undone. */
  async discardAll(
    queue: string,
    filter: DeadLetterFilter = {},
    options: BulkOptions = {},
  ): Promise<{ discarded: number; skipped: number }> {
    const { discarded = 0, skipped = 0 } = await this.#bulk("discard", queue, filter, options);
    return { discarded, skipped };
  }

  async countDead(queue: string, filter: DeadLetterFilter = {}): Promise<number> {
    return (await this.matchDead(queue, filter)).matched;
  }

  /**
   * How many dead letters match. It looks at all of them, or ends once more than `matched` match or `scanned` were
   * looked at.
   */
  async matchDead(
    queue: string,
    filter: DeadLetterFilter = {},
    bounds: MatchBounds = {},
  ): Promise<{ matched: number; scanned: number; total: number; isWhole: boolean }> {
    checkShape(matchShape, bounds);
    const matches = bulkMatcherOf(filter);
    const engine = await this.#known(queue);
    const total = queueStats(queue, await engine.stats()).dead;
    if (Object.keys(filter).length === 0) return { matched: total, scanned: total, total, isWhole: true };
    let [matched, scanned] = [0, 0];
    for await (const page of pagesOfDead(engine, "last", bounds.signal)) {
      scanned += page.length;
      matched += page.filter(matches).length;
      const isEnough = matched > (bounds.matched ?? Number.POSITIVE_INFINITY);
      if ((isEnough || scanned >= (bounds.scanned ?? Number.POSITIVE_INFINITY)) && scanned < total)
        return { matched, scanned, total, isWhole: false };
    }
    return { matched, scanned, total, isWhole: true };
  }

  async cancel(queue: string, id: string): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    checkTaskId(id);
    return (await this.#known(queue)).cancel(id);
  }

  /** Settles that came too late, newest first, at most 100. @throws HoldfastError queue_not_found */
  async staleVerdicts(queue: string, limit = 100): Promise<StaleVerdict[]> {
    checkArgument("limit", staleLimit, limit);
    return readStale(await this.#known(queue), limit);
  }

  /**
   * Before the first task too: the queue is made known then.
   * @param by who does it, shown beside the paused queue as `pausedBy`
   * @throws HoldfastError invalid_queue_name, conflict (it is partitioned)
   */
  async pause(queue: string, reason = "", by = ""): Promise<void> {
    await this.#inOrder(async () => (await this.#opened(queue)).pause(true, reason, by));
  }

  /** @throws HoldfastError queue_not_found */
  async resume(queue: string): Promise<void> {
    await this.#inOrder(async () => (await this.#known(queue)).pause(false));
  }

  /** Before the first task too: the queue is made known then. @throws HoldfastError invalid_*, conflict (it is partitioned) */
  async configure(queue: string, settings: Partial<QueueSettings>): Promise<QueueSettings> {
    checkShape(settingsShape, settings);
    return this.#inOrder(async () => (await this.#opened(queue)).configure(settings));
  }

  /** Removes every task that stands in these states. Running tasks are left alone. */
  async empty(queue: string, states: readonly EmptiedState[]): Promise<{ removed: number }> {
    const engine = await this.#known(queue);
    let removed = 0;
    checkArgument("states", emptiedStates, states);
    for (const state of states) {
      for (const index of INDEXES[state]) {
        for (;;) {
          const step = await engine.empty(index, state, EMPTY_TASKS);
          removed += step.removed;
          if (step.looked < EMPTY_TASKS) break;
        }
      }
    }
    return { removed };
  }

  /**
   * Removes a queue and all that it holds. It is known again as soon as somebody enqueues to it, as a new queue.
   * @throws HoldfastError queue_not_paused, queue_busy (something is processing), queue_not_found
   */
  async deleteQueue(queue: string): Promise<{ removed: number }> {
    const engine = await this.#known(queue);
    const stats = queueStats(queue, await engine.stats());
    if (!stats.paused)
      throw new HoldfastError(
        "queue_not_paused",
        `queue "${queue}" has to be paused before it can be deleted`,
      );
    if (stats.processing > 0)
      throw new HoldfastError(
        "queue_busy",
        `${stats.processing} tasks of queue "${queue}" are processing: wait until they end`,
      );
    const { removed } = await this.empty(queue, EMPTIED_STATES);
    const deleteKeys = async () => (await engine.delete()) === "deleted";
    if (!(await this.#client.registry.removeQueue(queue, deleteKeys)))
      throw new HoldfastError(
        "queue_busy",
        `queue "${queue}" got new tasks meanwhile: stop its producers and try again`,
      );
    return { removed };
  }

  /** @param options.tasks with what each of them runs */
  async workers(options: { tasks?: boolean } = {}): Promise<WorkerView[]> {
    checkShape(workersShape, options);
    await this.#client.check();
    const tasks = options.tasks ? await this.#client.registry.workerTasks() : null;
    const now = this.#client.connection.now();
    return (await this.#client.registry.workers())
      .map((worker): WorkerView => {
        const heartbeatAgeMs = Math.max(0, Math.round(now - worker.heartbeatAt));
        const lost = worker.state !== "stopped" && heartbeatAgeMs > WORKER_LOST_MS;
        return {
          ...worker,
          heartbeatAgeMs,
          state: lost ? "lost" : worker.state,
          ...(tasks ? { tasks: tasks.get(worker.id) ?? [] } : {}),
        };
      })
      .sort((a, b) => a.id.localeCompare(b.id));
  }

  /** Ids of the janitors that run; those that were told to leave schedules alone are not among them. */
  async janitors(): Promise<string[]> {
    await this.#client.check();
    return this.#client.registry.janitors();
  }

  /**
   * Tells one worker to acquire nothing more: it hands back what it has not begun, and ends what runs. It follows with
   * its next heartbeat, within two seconds, and is `drained` when it holds nothing.
   * @throws HoldfastError not_found
   */
  async drainWorker(id: string): Promise<void> {
    await this.#tellWorker(id, true);
  }

  /** Lets a worker go on that was told to drain. @throws HoldfastError not_found */
  async resumeWorker(id: string): Promise<void> {
    await this.#tellWorker(id, false);
  }

  async audit(queue: string, options: { repair?: boolean } = {}): Promise<AuditReport> {
    checkShape(auditShape, options);
    return auditQueue(await this.#known(queue), options);
  }

  async close(): Promise<void> {
    if (this.#ownsClient) await this.#client.close();
  }

  async #tellWorker(id: string, draining: boolean): Promise<void> {
    await this.#client.check();
    if (!(await this.#client.registry.drainWorker(id, draining)))
      throw new HoldfastError("not_found", `there is no worker "${id}"`);
  }

  async #statsOf(engine: Engine): Promise<QueueStats> {
    const stats = queueStats(engine.queue, await engine.stats());
    this.#rates.observe(stats);
    return stats;
  }

  /** The engine of a queue, which is registered if it was not. */
  /** A pause and a resume that are not awaited in between take effect in the order of the calls. */
  #inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#callsBefore.then(call);
    this.#callsBefore = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #opened(queue: string): Promise<Engine> {
    checkQueueName(queue);
    await this.#client.check();
    const engine = this.#client.engine(queue);
    await engine.open();
    return engine;
  }

  async #known(queue: string): Promise<Engine> {
    checkQueueName(queue);
    await this.#client.check();
    if (!(await this.#client.registry.hasQueue(queue)))
      throw new HoldfastError("queue_not_found", `there is no queue "${queue}"`);
    return this.#client.engine(queue);
  }

  #checkIds(ids: readonly string[]): void {
    if (!Array.isArray(ids))
      throw new HoldfastError("invalid_argument", `ids has to be an array of task ids, got ${shown(ids)}`);
    if (ids.length > LIMITS.scriptTasks)
      throw new HoldfastError(
        "invalid_argument",
        `at most ${LIMITS.scriptTasks} ids a call, got ${ids.length}`,
      );
    for (const id of ids) checkTaskId(id);
  }

  /** @returns how many tasks came to which end */
  async #bulk(
    kind: "replay" | "discard",
    queue: string,
    filter: DeadLetterFilter,
    options: BulkOptions,
  ): Promise<Record<string, number>> {
    checkShape(bulkShape, options);
    bulkMatcherOf(filter);
    const { to, ratePerSecond, signal, onProgress, by = "library" } = options;
    signal?.throwIfAborted();
    const total = await this.countDead(queue, filter);
    const store = this.#client.operations;
    const { id } = await store.create(
      {
        kind,
        queue,
        selection: { filter },
        ...(to === undefined ? {} : { to }),
        ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
        by: localAuthor(by),
      },
      total,
    );
    const cancel = () => void store.control(id, "cancel").catch(() => {});
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      const view = await finishHere(this.#client, id, {
        onProgress: onProgress && ((done) => onProgress({ done, total: Math.max(done, total) })),
      });
      if (view.state === "succeeded") return view.result;
      signal?.throwIfAborted();
      throw new HoldfastError("conflict", view.error ?? `operation ${id} is ${view.state}`);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Exact among the first 10,000 of its band, null beyond. */
  async #positionOf(engine: Engine, task: TaskView): Promise<number | null> {
    const index =
      task.priority === "high" ? "pendingHigh" : task.priority === "low" ? "pendingLow" : "pending";
    let cursor = "";
    for (let before = 0; before < POSITION_EXACT; before += LIMITS.scriptTasks) {
      const page = await engine.list(index, "waiting", cursor, LIMITS.scriptTasks);
      const at = page.ids.indexOf(task.id);
      if (at >= 0) return before + at;
      if (page.cursor === "") return null;
      cursor = page.cursor;
    }
    return null;
  }
}
